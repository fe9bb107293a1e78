//! Recording a live stream as an MP4 that is never lost.

use std::time::Duration;

use core_crate::buf::Chain;
use core_crate::limits::Limits;
use core_crate::record::{Mp4Config, Mp4Output, Mp4Recorder, Patch, TrackFit};

use crate::door::{door, hall, handle, release};
use crate::error::{Failure, deliver, sc_error};
use crate::media::{self, sc_track, sc_unit, unit_from};
use crate::output::sc_iovec;
use crate::pointers::{fill, fits, must_put, sized, take};
use crate::status::{SC_ERR_PANIC, SC_NEW_FILE, SC_NONE, SC_OK, sc_status};
use crate::version::check_abi;

/// How an MP4 is recorded. Zero the struct, set `struct_size`, and set what shall differ: a field of 0 keeps its default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_mp4_config {
    /// `sizeof(sc_mp4_config)`, set by the caller.
    pub struct_size: usize,
    /// Milliseconds of a fragment: so much is lost when nothing more is written. At least 100; default 1,000.
    pub fragment_ms: u32,
    /// Bytes kept free behind the first index, for tracks that come later: some 700 each. Default 4,096.
    pub room: u32,
}

/// Something to write to a file: `pwritev(fd, pieces, count, offset)`, in parts where `count` is more than the system takes at once
/// (`IOV_MAX`, mostly 1,024). Pointers are lent until the next call on the recorder.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_write {
    /// `sizeof(sc_write)`, set by the caller.
    pub struct_size: usize,
    /// Where in the file, in bytes from its start: its end so far, or a place that was written before.
    pub offset: u64,
    /// Bytes of all pieces.
    pub size: u64,
    /// The pieces, in order.
    pub pieces: *const sc_iovec,
    /// How many.
    pub count: usize,
    /// Whether all earlier writes must be on the disk (`fdatasync`) before this one is made. Without that the file may be lost in a power cut
    /// at the wrong moment; a crash of the program does no harm.
    pub sync_before: bool,
}

sized!(sc_mp4_config, sc_write);

/// Makes an MP4 of the tracks and access units of a live stream: one in fragments, which plays up to where it was written whatever
/// happens, and at the end a plain one with an index, in place and without another look at the media.
///
/// Give `sc_mp4_recorder_handle_track` and `sc_mp4_recorder_handle_unit` what an assembler tells, and do what
/// `sc_mp4_recorder_poll_write` says until `SC_NONE`; at the end `sc_mp4_recorder_finish`, and poll again.
///
/// One thread at a time.
pub struct sc_mp4_recorder(());

pub(crate) struct Recording {
    recorder: Mp4Recorder,
    /// Bytes that were appended.
    position: u64,
    finished: bool,
    /// Whether the closing index was given out.
    ended: bool,
    /// What makes a plain file of it, once the index is written.
    last: Option<Patch>,
    /// What the last write lends.
    lent: Chain,
    pieces: Vec<sc_iovec>,
}

// SAFETY: the pointers in `pieces` lead into `lent`, whose bytes any thread may read.
unsafe impl Send for Recording {}

handle!(sc_mp4_recorder, Recording, 10);

impl Recording {
    fn append(&mut self, chain: Chain) -> (u64, Chain, bool) {
        let offset = self.position;
        self.position = offset.saturating_add(chain.len() as u64);
        (offset, chain, false)
    }

    /// Where, what, and whether what was written before must be on the disk.
    fn next(&mut self) -> Result<Option<(u64, Chain, bool)>, Failure> {
        match self.recorder.poll_output() {
            Some(Mp4Output::Append(chain)) => return Ok(Some(self.append(chain))),
            Some(Mp4Output::Patch(patch)) => {
                return Ok(Some((patch.offset, patch.bytes.into(), false)));
            }
            None => {}
        }
        if let Some(patch) = self.last.take() {
            return Ok(Some((patch.offset, patch.bytes.into(), true)));
        }
        if !self.finished || self.ended {
            return Ok(None);
        }
        self.ended = true;
        let Some(end) = self.recorder.end()? else { return Ok(None) };
        self.last = Some(end.patch);
        Ok(Some(self.append(end.index.into())))
    }
}

/// Makes a recorder at the start of a file. `config` may be NULL for the defaults; it is not kept. On success `*out` is freed with
/// `sc_mp4_recorder_free`; on failure it is untouched and `error` says why.
///
/// Errors: `SC_ERR_ABI`, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `config` is NULL or points to an `sc_mp4_config`, `out` is writable, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_mp4_recorder_new(
    abi: u32,
    config: *const sc_mp4_config,
    out: *mut *mut sc_mp4_recorder,
    error: *mut sc_error,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        let make = || {
            check_abi(abi)?;
            let default =
                sc_mp4_config { struct_size: size_of::<sc_mp4_config>(), fragment_ms: 0, room: 0 };
            // SAFETY: as the function's.
            let given = unsafe { take(config, default) }?;
            let mut config = Mp4Config::default();
            if given.fragment_ms != 0 {
                config.fragment = Duration::from_millis(given.fragment_ms.into());
            }
            if given.room != 0 {
                config.room = given.room;
            }
            Ok(Recording {
                recorder: Mp4Recorder::new(config, &Limits::default()),
                position: 0,
                finished: false,
                ended: false,
                last: None,
                lent: Chain::new(),
                pieces: Vec::new(),
            })
        };
        // SAFETY: as the function's.
        unsafe { deliver::<sc_mp4_recorder>(out, error, make) }
    })
}

/// Frees a recorder and sets `*recorder` to NULL. `recorder` or `*recorder` may be NULL. What was written so far plays.
///
/// # Safety
/// `recorder` is NULL or points to NULL or to a live recorder that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_mp4_recorder_free(recorder: *mut *mut sc_mp4_recorder) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { release(recorder) }
    })
}

/// Announces a track, or a new configuration of one. The track is referenced. `SC_NEW_FILE`: this file has no place for it; its units are
/// left out, and a new recorder takes them.
///
/// Errors: `SC_ERR_UNSUPPORTED` for a codec that MP4 cannot carry, `SC_ERR_LIMIT` for too many tracks: the units of the track are left out, the
/// others go on. `SC_ERR_MISUSE` once finished; `SC_ERR_NULL`, `SC_ERR_HANDLE`.
///
/// # Safety
/// `recorder` is a live recorder, `track` a live track.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_mp4_recorder_handle_track(
    recorder: *mut sc_mp4_recorder,
    track: *const sc_track,
) -> sc_status {
    door!(recorder, |value| {
        // SAFETY: as the function's.
        let track = unsafe { media::look(track) }?.track().clone();
        Ok(match value.recorder.handle_track(track)? {
            TrackFit::Taken => SC_OK,
            TrackFit::NeedsNewFile => SC_NEW_FILE,
        })
    })
}

/// Takes an access unit; bytes with a `buf` are referenced, not copied. Units of tracks without a place in the file are left out.
///
/// Errors: `SC_ERR_LIMIT` where a value does not fit the file, `SC_ERR_MISUSE` once finished; `SC_ERR_ARGUMENT`, `SC_ERR_NULL`,
/// `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `recorder` is a live recorder, `unit` points to an `sc_unit` with pointers as its documentation says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_mp4_recorder_handle_unit(
    recorder: *mut sc_mp4_recorder,
    unit: *const sc_unit,
) -> sc_status {
    door!(recorder, |value| {
        // SAFETY: as the function's.
        let unit = unsafe { unit_from(unit) }?;
        value.recorder.handle_unit(unit)?;
        Ok(SC_OK)
    })
}

/// All tracks jumped in time, or another publisher goes on: what follows stands right behind what was before.
///
/// Errors: `SC_ERR_LIMIT`.
///
/// # Safety
/// `recorder` is a live recorder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_mp4_recorder_handle_discontinuity(
    recorder: *mut sc_mp4_recorder,
) -> sc_status {
    door!(recorder, |value| {
        value.recorder.handle_discontinuity()?;
        Ok(SC_OK)
    })
}

/// Gives out all that came, while nothing follows: for a stream that pauses.
///
/// Errors: `SC_ERR_LIMIT`.
///
/// # Safety
/// `recorder` is a live recorder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_mp4_recorder_flush(recorder: *mut sc_mp4_recorder) -> sc_status {
    door!(recorder, |value| {
        value.recorder.flush()?;
        Ok(SC_OK)
    })
}

/// Ends the recording: `sc_mp4_recorder_poll_write` gives what is left, and what makes a plain MP4 of the file. A second time does nothing.
///
/// Errors: `SC_ERR_LIMIT`.
///
/// # Safety
/// `recorder` is a live recorder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_mp4_recorder_finish(recorder: *mut sc_mp4_recorder) -> sc_status {
    door!(recorder, |value| {
        if !value.finished {
            value.recorder.finish()?;
            value.finished = true;
        }
        Ok(SC_OK)
    })
}

/// Gives what to write next, or `SC_NONE`. Writes are to be made in this order; each is lent until the next call on the recorder and is
/// given once.
///
/// Errors: `SC_ERR_LIMIT` where an index does not fit the file: it stays one in fragments. `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `recorder` is a live recorder, `write` points to an `sc_write`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_mp4_recorder_poll_write(
    recorder: *mut sc_mp4_recorder,
    write: *mut sc_write,
) -> sc_status {
    door!(recorder, |value| {
        let mut shown = sc_write {
            struct_size: size_of::<sc_write>(),
            offset: 0,
            size: 0,
            pieces: std::ptr::null(),
            count: 0,
            sync_before: false,
        };
        // SAFETY: as the function's. A struct that cannot be filled must not cost a write.
        unsafe { fits(write) }?;
        let Some((offset, chain, sync_before)) = value.next()? else { return Ok(SC_NONE) };
        value.lent = chain;
        value.pieces.clear();
        let pieces = value.lent.iter();
        value
            .pieces
            .extend(pieces.map(|piece| sc_iovec { data: piece.as_ptr(), len: piece.len() }));
        (shown.offset, shown.size, shown.sync_before) =
            (offset, value.lent.len() as u64, sync_before);
        (shown.pieces, shown.count) = (value.pieces.as_ptr(), value.pieces.len());
        // SAFETY: as the function's.
        unsafe { fill(write, shown) }?;
        Ok(SC_OK)
    })
}

/// Microseconds of the recording so far, the open fragment included: `*micros`.
///
/// # Safety
/// `recorder` is a live recorder, `micros` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_mp4_recorder_duration(
    recorder: *mut sc_mp4_recorder,
    micros: *mut u64,
) -> sc_status {
    door!(recorder, |value| {
        let duration = u64::try_from(value.recorder.duration().as_micros()).unwrap_or(u64::MAX);
        // SAFETY: as the function's.
        unsafe { must_put(micros, duration) }?;
        Ok(SC_OK)
    })
}
