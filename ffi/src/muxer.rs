//! Tracks and access units in, the files of HLS, LL-HLS and DASH out.

use std::ffi::c_char;
use std::time::Duration;

use core_crate::assemble::Event;
use core_crate::hls::{Answer, DashConfig, Muxer, MuxerConfig};
use core_crate::limits::Limits;

use crate::assemble::{Assembling, sc_assembler, sc_media_event};
use crate::door::{boxed, door, enter_second, hall, handle, release};
use crate::error::{Failure, deliver, sc_error};
use crate::file::{Served, sc_file};
use crate::media::{self, sc_track, sc_unit, unit_from};
use crate::pointers::{fill, fits, must_put, put, sized, take, text};
use crate::status::{SC_ERR_ARGUMENT, SC_ERR_PANIC, SC_GONE, SC_NONE, SC_OK, SC_WAIT, sc_status};
use crate::version::check_abi;

/// How a stream is cut and how much of it is listed. Zero the struct, set `struct_size`, and set what shall differ: a field of 0 keeps its
/// default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_muxer_config {
    /// `sizeof(sc_muxer_config)`, set by the caller.
    pub struct_size: usize,
    /// A segment ends at the first key frame after so many milliseconds. Default 2,000.
    pub segment_ms: u32,
    /// Milliseconds of a part of LL-HLS; 0, the default, makes whole segments only.
    pub part_ms: u32,
    /// Milliseconds that a playlist lists, three segments at least. Default 30,000. About twice that is held in memory.
    pub window_ms: u32,
    /// Bytes of all segments that are held. Default 512 MiB.
    pub max_bytes: usize,
    /// Number of the first segment. Where a muxer takes over the addresses of an earlier one it must be past all numbers of that one:
    /// milliseconds since 1970 are.
    pub first_sequence: u64,
    /// Whether `index.mpd` is made as well: DASH over the same segments. It needs units with a wall clock while the stream is live.
    pub dash: bool,
}

sized!(sc_muxer_config, bools: [dash]);

/// How long a request for a segment that is being made is held: longer than any segment takes.
const SEGMENT_WAIT_MS: u64 = 30_000;

/// The wall clock of a unit is not known.
pub const SC_NO_WALL_CLOCK: i64 = i64::MIN;

/// A live HLS stream in memory, LL-HLS with parts, and DASH over the same segments. Give tracks before their units and units in the order
/// of their arrival; answer requests with `sc_muxer_request` at any time. Where it says `SC_WAIT`, ask again when `sc_muxer_version` has
/// changed: it changes only within `sc_muxer_handle_*`, `sc_muxer_finish` and `sc_muxer_resume`.
///
/// One thread at a time; files that it gave are independent of it.
pub struct sc_muxer(());

handle!(sc_muxer, Muxer, 6);

fn config_from(given: sc_muxer_config) -> MuxerConfig {
    let mut config = MuxerConfig::default();
    let millis = |from: u32| Duration::from_millis(from.into());
    if given.segment_ms != 0 {
        config.target_duration = millis(given.segment_ms);
    }
    config.part_duration = (given.part_ms != 0).then(|| millis(given.part_ms));
    if given.window_ms != 0 {
        config.window = millis(given.window_ms);
    }
    if given.max_bytes != 0 {
        config.max_bytes = given.max_bytes;
    }
    config.first_sequence = given.first_sequence;
    config.dash = given.dash.then(DashConfig::default);
    config
}

/// Makes an empty stream. `config` may be NULL for the defaults; it is not kept. On success `*out` is freed with `sc_muxer_free`; on
/// failure it is untouched and `error` says why.
///
/// Errors: `SC_ERR_ABI`, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `config` is NULL or points to an `sc_muxer_config`, `out` is writable, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_muxer_new(
    abi: u32,
    config: *const sc_muxer_config,
    out: *mut *mut sc_muxer,
    error: *mut sc_error,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        let make = || {
            check_abi(abi)?;
            let default = sc_muxer_config {
                struct_size: size_of::<sc_muxer_config>(),
                segment_ms: 0,
                part_ms: 0,
                window_ms: 0,
                max_bytes: 0,
                first_sequence: 0,
                dash: false,
            };
            // SAFETY: as the function's.
            let given = unsafe { take(config, default) }?;
            Ok(Muxer::new(config_from(given), &Limits::default()))
        };
        // SAFETY: as the function's.
        unsafe { deliver::<sc_muxer>(out, error, make) }
    })
}

/// Frees a muxer and sets `*muxer` to NULL. `muxer` or `*muxer` may be NULL. Files that it gave live on.
///
/// # Safety
/// `muxer` is NULL or points to NULL or to a live muxer that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_muxer_free(muxer: *mut *mut sc_muxer) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { release(muxer) }
    })
}

/// Announces a track, or a new configuration of one, which applies from the next key frame. The track is referenced.
///
/// Errors: `SC_ERR_UNSUPPORTED` for a codec that MP4 cannot carry: its units are dropped, the other tracks go on. `SC_ERR_NULL`,
/// `SC_ERR_HANDLE`.
///
/// # Safety
/// `muxer` is a live muxer, `track` a live track.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_muxer_handle_track(
    muxer: *mut sc_muxer,
    track: *const sc_track,
) -> sc_status {
    door!(muxer, |value| {
        // SAFETY: as the function's.
        let track = unsafe { media::look(track) }?.track().clone();
        value.handle_track(track)?;
        Ok(SC_OK)
    })
}

/// Takes an access unit; bytes with a `buf` are referenced, not copied. `wall` is the time of capture or arrival in microseconds since
/// 1970, or `SC_NO_WALL_CLOCK`. A unit that cannot be used is dropped.
///
/// Errors: `SC_ERR_LIMIT` where a segment cannot be described by its boxes; `SC_ERR_ARGUMENT`, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `muxer` is a live muxer, `unit` points to an `sc_unit` with pointers as its documentation says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_muxer_handle_unit(
    muxer: *mut sc_muxer,
    unit: *const sc_unit,
    wall: i64,
) -> sc_status {
    door!(muxer, |value| {
        // SAFETY: as the function's.
        let unit = unsafe { unit_from(unit) }?;
        value.handle_unit(unit, (wall != SC_NO_WALL_CLOCK).then_some(wall))?;
        Ok(SC_OK)
    })
}

/// Takes all events that the assembler has, as `sc_muxer_handle_track`, `sc_muxer_handle_unit` and `sc_muxer_handle_discontinuity` would
/// one by one: the way from tags to HLS where nothing else wants the units. Gives each event but units in `event`, which may be NULL, when
/// the muxer has had it; its pointers are lent until the next call on the assembler. `SC_NONE` when there is no more. `wall` as above.
///
/// Errors: those of the functions above. What could not be used is dropped and the rest is taken; the first error is given in the place of
/// `SC_NONE`, and `sc_last_error` of the muxer tells it. `SC_ERR_BUSY`, `SC_ERR_HANDLE`, `SC_ERR_NULL` and `SC_ERR_STRUCT_SIZE` take nothing.
///
/// # Safety
/// `muxer` is a live muxer, `assembler` a live assembler, `event` is NULL or points to an `sc_media_event`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_muxer_pull(
    muxer: *mut sc_muxer,
    assembler: *mut sc_assembler,
    wall: i64,
    event: *mut sc_media_event,
) -> sc_status {
    door!(muxer, |value| {
        if !event.is_null() {
            // SAFETY: as the function's. A struct that cannot be filled must not cost an event.
            unsafe { fits(event) }?;
        }
        let wall = (wall != SC_NO_WALL_CLOCK).then_some(wall);
        // SAFETY: as the function's. The two are of different kinds, so they are two.
        let shown = unsafe { enter_second(assembler, |from| pull(value, from, wall)) }?;
        let Some(shown) = shown else { return Ok(SC_NONE) };
        if !event.is_null() {
            // SAFETY: as the function's.
            unsafe { fill(event, shown) }?;
        }
        Ok(SC_OK)
    })
}

/// Takes events up to one that is shown.
fn pull(
    muxer: &mut Muxer,
    from: &mut Assembling,
    wall: Option<i64>,
) -> Result<Option<sc_media_event>, Failure> {
    while let Some(event) = from.assembler.poll_event() {
        let done = match event {
            Event::Unit(unit) => {
                if let Err(error) = muxer.handle_unit(unit, wall) {
                    from.failure.get_or_insert(error.into());
                }
                continue;
            }
            Event::Track(ref track) => muxer.handle_track(track.clone()),
            Event::Discontinuity => muxer.handle_discontinuity(),
            _ => Ok(()),
        };
        if let Err(error) = done {
            from.failure.get_or_insert(error.into());
        }
        if let Some(shown) = from.show(event) {
            return Ok(Some(shown));
        }
    }
    from.failure.take().map_or(Ok(None), Err)
}

/// All tracks jumped in time, or the publisher is gone for now: a new epoch begins with the next unit, behind `EXT-X-DISCONTINUITY`.
///
/// Errors: `SC_ERR_LIMIT`.
///
/// # Safety
/// `muxer` is a live muxer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_muxer_handle_discontinuity(muxer: *mut sc_muxer) -> sc_status {
    door!(muxer, |value| {
        value.handle_discontinuity()?;
        Ok(SC_OK)
    })
}

/// The stream is over: ends the playlists with `EXT-X-ENDLIST`.
///
/// Errors: `SC_ERR_LIMIT`.
///
/// # Safety
/// `muxer` is a live muxer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_muxer_finish(muxer: *mut sc_muxer) -> sc_status {
    door!(muxer, |value| {
        value.finish()?;
        Ok(SC_OK)
    })
}

/// A new publisher under the same name, also after `sc_muxer_finish`: a discontinuity; tracks that are not announced again are not
/// waited for.
///
/// Errors: `SC_ERR_LIMIT`.
///
/// # Safety
/// `muxer` is a live muxer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_muxer_resume(muxer: *mut sc_muxer) -> sc_status {
    door!(muxer, |value| {
        value.resume()?;
        Ok(SC_OK)
    })
}

/// Whether players can begin: `*ready`.
///
/// # Safety
/// `muxer` is a live muxer, `ready` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_muxer_is_ready(muxer: *mut sc_muxer, ready: *mut bool) -> sc_status {
    door!(muxer, |value| {
        // SAFETY: as the function's.
        unsafe { must_put(ready, value.is_ready()) }?;
        Ok(SC_OK)
    })
}

/// A number that is another one whenever an answer may have changed: `*version`.
///
/// # Safety
/// `muxer` is a live muxer, `version` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_muxer_version(muxer: *mut sc_muxer, version: *mut u64) -> sc_status {
    door!(muxer, |value| {
        // SAFETY: as the function's.
        unsafe { must_put(version, value.version()) }?;
        Ok(SC_OK)
    })
}

/// Bytes of all segments that are held: `*size`.
///
/// # Safety
/// `muxer` is a live muxer, `size` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_muxer_held_bytes(muxer: *mut sc_muxer, size: *mut usize) -> sc_status {
    door!(muxer, |value| {
        let held = value.held_bytes();
        // SAFETY: as the function's.
        unsafe { must_put(size, held) }?;
        Ok(SC_OK)
    })
}

/// Answers a request for a file by its name, without folders: `index.m3u8`, `index.mpd` (where `dash` is set), `video_17.m4s` and so on. `query` is what stands
/// behind the `?` of the address, with the directives of LL-HLS, or NULL.
///
/// `SC_OK`: `*out` is the file, freed with `sc_file_free`; it is NULL otherwise. `SC_WAIT`: not yet; hold the request, ask again when `sc_muxer_version` has
/// changed, and give up (status 503) after `*wait_ms` (may be NULL) in all. `SC_GONE`: it was there and will not be again (404 or 410).
/// `SC_NONE`: there is no such file (404). `SC_ERR_ARGUMENT`: the directives are wrong (400), `sc_last_error` says how.
/// Errors: `SC_ERR_NULL`, `SC_ERR_UTF8`.
///
/// # Safety
/// `muxer` is a live muxer, `name` ends with NUL, `query` is NULL or ends with NUL, `out` is writable, `wait_ms` NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_muxer_request(
    muxer: *mut sc_muxer,
    name: *const c_char,
    query: *const c_char,
    out: *mut *mut sc_file,
    wait_ms: *mut u64,
) -> sc_status {
    door!(muxer, |value| {
        // SAFETY: as the function's.
        let name = unsafe { text(name) }?;
        // SAFETY: as the function's.
        let query = if query.is_null() { None } else { Some(unsafe { text(query) }?) };
        // SAFETY: as the function's.
        unsafe { must_put(out, std::ptr::null_mut()) }?;
        match value.request(name, query) {
            Answer::Ready(file) => {
                // SAFETY: as the function's.
                unsafe { put(out, boxed::<sc_file>(Served::new(file))) };
                Ok(SC_OK)
            }
            Answer::Wait(wait) => {
                let limit = u64::try_from(wait.limit.as_millis()).unwrap_or(u64::MAX);
                // SAFETY: as the function's.
                unsafe { put(wait_ms, limit) };
                Ok(SC_WAIT)
            }
            Answer::Growing(_) => {
                // C gets a segment once it is whole.
                // SAFETY: as the function's.
                unsafe { put(wait_ms, SEGMENT_WAIT_MS) };
                Ok(SC_WAIT)
            }
            Answer::Gone => Ok(SC_GONE),
            Answer::BadRequest(reason) => Err(Failure::new(SC_ERR_ARGUMENT, reason)),
            _ => Ok(SC_NONE),
        }
    })
}
