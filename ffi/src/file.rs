//! What a player gets for a name.

use std::ffi::{CString, c_char};

use bytes::Buf;
use core_crate::buf::Chain;
use core_crate::hls::File;

use crate::door::{door, hall, handle, release};
use crate::output::{list, sc_iovec};
use crate::pointers::{c_text, fill, sized};
use crate::status::{SC_ERR_ARGUMENT, SC_ERR_PANIC, SC_OK, sc_status};

/// One file of a stream: a playlist, an init segment, a segment or a part. It never changes, and outlives the muxer that gave it: its bytes
/// are shared, not copied.
///
/// One thread at a time.
pub struct sc_file(());

pub(crate) struct Served {
    file: File,
    texts: [CString; 3],
    /// What the last listing lends.
    lent: Chain,
}

handle!(sc_file, Served, 7);

impl Served {
    pub(crate) fn new(file: File) -> Self {
        let texts = [file.content_type, &file.cache.header(), &file.etag].map(c_text);
        Self { file, texts, lent: Chain::new() }
    }
}

/// The headers of a file. Texts are lent as long as the file.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_file_info {
    /// `sizeof(sc_file_info)`, set by the caller.
    pub struct_size: usize,
    /// Bytes.
    pub size: u64,
    /// Value of the `Content-Type` header.
    pub content_type: *const c_char,
    /// Value of the `Cache-Control` header.
    pub cache_control: *const c_char,
    /// Value of the `ETag` header, quotes included.
    pub etag: *const c_char,
}

sized!(sc_file_info);

/// Frees a file and sets `*file` to NULL. `file` or `*file` may be NULL.
///
/// # Safety
/// `file` is NULL or points to NULL or to a live file that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_file_free(file: *mut *mut sc_file) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { release(file) }
    })
}

/// Says what a file is: `info` is filled in.
///
/// Errors: `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `file` is a live file, `info` points to an `sc_file_info`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_file_describe(
    file: *mut sc_file,
    info: *mut sc_file_info,
) -> sc_status {
    door!(file, |value| {
        let [content_type, cache_control, etag] = value.texts.each_ref().map(|text| text.as_ptr());
        let size = value.file.body.len() as u64;
        let struct_size = size_of::<sc_file_info>();
        let shown = sc_file_info { struct_size, size, content_type, cache_control, etag };
        // SAFETY: as the function's.
        unsafe { fill(info, shown) }?;
        Ok(SC_OK)
    })
}

/// Lists up to `capacity` pieces of the file from byte `offset` on, in order; `*count` says how many, `SC_NONE` that `offset` is the end.
/// They are lent until the next call on the file.
///
/// Errors: `SC_ERR_ARGUMENT` for an offset past the end or a capacity of 0, `SC_ERR_NULL`.
///
/// # Safety
/// `file` is a live file, `pieces` has room for `capacity`, `count` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_file_pieces(
    file: *mut sc_file,
    offset: u64,
    pieces: *mut sc_iovec,
    capacity: usize,
    count: *mut usize,
) -> sc_status {
    door!(file, |value| {
        let offset = usize::try_from(offset).ok().filter(|&offset| offset <= value.file.body.len());
        let offset = offset.ok_or(SC_ERR_ARGUMENT)?;
        value.lent = value.file.body.clone();
        value.lent.advance(offset);
        // SAFETY: as the function's.
        unsafe { list(&value.lent, pieces, capacity, count) }
    })
}
