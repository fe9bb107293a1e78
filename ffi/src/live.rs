//! What a player that joins is sent first.

use std::collections::VecDeque;

use core_crate::flv::Tag;
use core_crate::limits::Limits;
use core_crate::live::GopCache;

use crate::buf::Shared;
use crate::door::{door, hall, handle, release};
use crate::error::{deliver, sc_error};
use crate::media::{lend_tag, sc_tag, tag_from};
use crate::pointers::{fill, fits};
use crate::status::{SC_ERR_PANIC, SC_NONE, SC_OK, sc_status};
use crate::version::check_abi;

/// The headers of a live stream and its present group of pictures, for RTMP players that join: give every tag of the publisher to
/// `sc_gop_cache_handle_tag`; for a new player call `sc_gop_cache_rewind`, take tags with `sc_gop_cache_next` until `SC_NONE`, and send
/// them to it. Bytes are referenced, at most 32 MiB.
///
/// One thread at a time.
pub struct sc_gop_cache(());

pub(crate) struct Cache {
    cache: GopCache,
    rest: VecDeque<Tag>,
    lent: Shared,
}

handle!(sc_gop_cache, Cache, 8);

/// Makes an empty cache. On success `*out` is freed with `sc_gop_cache_free`; on failure it is untouched and `error` says why.
///
/// Errors: `SC_ERR_ABI`, `SC_ERR_NULL`.
///
/// # Safety
/// `out` is writable, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_gop_cache_new(
    abi: u32,
    out: *mut *mut sc_gop_cache,
    error: *mut sc_error,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        let make = || {
            check_abi(abi)?;
            let cache = GopCache::new(Limits::default().gop_bytes);
            Ok(Cache { cache, rest: VecDeque::new(), lent: Shared::lent() })
        };
        // SAFETY: as the function's.
        unsafe { deliver::<sc_gop_cache>(out, error, make) }
    })
}

/// Frees a cache and sets `*cache` to NULL. `cache` or `*cache` may be NULL.
///
/// # Safety
/// `cache` is NULL or points to NULL or to a live cache that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_gop_cache_free(cache: *mut *mut sc_gop_cache) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { release(cache) }
    })
}

/// Takes a tag of the publisher. A body with a `buf` is referenced, not copied.
///
/// Errors: `SC_ERR_ARGUMENT` for a kind that is none, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `cache` is a live cache, `tag` points to an `sc_tag` with pointers as its documentation says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_gop_cache_handle_tag(
    cache: *mut sc_gop_cache,
    tag: *const sc_tag,
) -> sc_status {
    door!(cache, |value| {
        // SAFETY: as the function's.
        let tag = unsafe { tag_from(tag) }?;
        value.cache.handle_tag(&tag);
        Ok(SC_OK)
    })
}

/// Begins anew with the first tag: what the cache holds now is what `sc_gop_cache_next` gives.
///
/// # Safety
/// `cache` is a live cache.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_gop_cache_rewind(cache: *mut sc_gop_cache) -> sc_status {
    door!(cache, |value| {
        value.rest = value.cache.tags().collect();
        Ok(SC_OK)
    })
}

/// Gives the next tag, or `SC_NONE`. Its body is lent until the next call on the cache.
///
/// # Safety
/// `cache` is a live cache, `tag` points to an `sc_tag`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_gop_cache_next(
    cache: *mut sc_gop_cache,
    tag: *mut sc_tag,
) -> sc_status {
    door!(cache, |value| {
        // SAFETY: as the function's. A struct that cannot be filled must not cost a tag.
        unsafe { fits(tag) }?;
        let Some(found) = value.rest.pop_front() else { return Ok(SC_NONE) };
        let shown = lend_tag(found, &mut value.lent);
        // SAFETY: as the function's.
        unsafe { fill(tag, shown) }?;
        Ok(SC_OK)
    })
}

/// Forgets all: the publisher has left.
///
/// # Safety
/// `cache` is a live cache.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_gop_cache_clear(cache: *mut sc_gop_cache) -> sc_status {
    door!(cache, |value| {
        value.cache.clear();
        value.rest.clear();
        Ok(SC_OK)
    })
}
