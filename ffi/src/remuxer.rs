//! FLV to MP4 without touching the media.

use std::ffi::{CString, c_char};

use bytes::Bytes;
use core_crate::limits::Limits;
use core_crate::remux::{Layout, Options, Piece, Pieces, Plan, Remuxer, Report, Skimmer};

use crate::door::{door, hall, handle, release};
use crate::error::{Failure, deliver, sc_error};
use crate::media::{kind_of, sc_kind};
use crate::pointers::{bytes, c_text, fill, fits, must_put, sized};
use crate::status::{SC_ERR_ARGUMENT, SC_ERR_MISUSE, SC_ERR_PANIC, SC_NONE, SC_OK, sc_status};
use crate::version::check_abi;

/// The size of a file is not known: it comes through a pipe.
pub const SC_UNKNOWN_SIZE: u64 = u64::MAX;

/// Where the media goes in an MP4.
pub type sc_layout = u32;

/// Whole, but compact where much has to be rewritten.
pub const SC_LAYOUT_AUTO: sc_layout = 0;
/// The source from its first access unit to its last is one range to copy, which the kernel does, or the file system shares.
pub const SC_LAYOUT_WHOLE: sc_layout = 1;
/// The access units alone, each after the other.
pub const SC_LAYOUT_COMPACT: sc_layout = 2;

/// What a remux found. Zero the struct and set `struct_size`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_remux_report {
    /// `sizeof(sc_remux_report)`, set by the caller.
    pub struct_size: usize,
    /// Bytes of the MP4.
    pub size: u64,
    /// Microseconds from zero to the end of the longest track.
    pub duration: u64,
    /// Tracks in the MP4.
    pub tracks: u32,
    /// Tracks of codecs that no MP4 takes, which are not in it.
    pub left_out: u32,
    /// Places where all times jumped: what follows stands right behind what was before.
    pub discontinuities: u32,
    /// Whether the media is one range of the source.
    pub whole: bool,
    /// Access units in the MP4.
    pub units: u64,
    /// Where the source ends in the middle of a tag: the offset of that tag, else -1. All whole tags are in the MP4.
    pub cut_at: i64,
    /// Offset of the first encrypted tag, else -1. Those are not in the MP4.
    pub encrypted_at: i64,
}

/// One track of a remuxed MP4. The text is lent as long as the remuxer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_remux_track {
    /// `sizeof(sc_remux_track)`, set by the caller.
    pub struct_size: usize,
    /// `SC_KIND_AUDIO` or `SC_KIND_VIDEO`.
    pub kind: sc_kind,
    /// Number of the track among those of its kind.
    pub index: u8,
    /// The codec as RFC 6381 writes it.
    pub codec: *const c_char,
    /// Access units.
    pub units: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Presentation time of the first in microseconds.
    pub start: u64,
    /// Microseconds that are presented behind that.
    pub duration: u64,
}

/// A piece of an MP4: bytes, or a range of the source to copy.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_remux_piece {
    /// `sizeof(sc_remux_piece)`, set by the caller.
    pub struct_size: usize,
    /// The bytes, lent until the next call on the remuxer; NULL for a range of the source.
    pub data: *const u8,
    /// Bytes of the piece.
    pub size: u64,
    /// Where the range begins in the source; 0 where `data` is not NULL.
    pub offset: u64,
}

sized!(sc_remux_report, sc_remux_track, sc_remux_piece);

/// Makes an MP4 of an FLV without decoding: the index stands in front, the media is copied as it is.
///
/// Of a file whose size is known it reads the index alone: read what `sc_remuxer_poll_read` names and give it to
/// `sc_remuxer_handle_read`, until `SC_NONE`. Of a pipe it takes all bytes by `sc_remuxer_handle_input`. Then call
/// `sc_remuxer_finish`, and write what `sc_remuxer_poll_piece` gives, in order, until `SC_NONE`.
///
/// `sc_remux_file` does all of it on file names.
///
/// One thread at a time.
pub struct sc_remuxer(());

pub(crate) struct Remuxing {
    state: State,
    lent: Bytes,
    /// Of the tracks.
    codecs: Vec<CString>,
}

enum State {
    Pipe(Box<Remuxer>),
    File(Box<Skimmer>),
    Planned { head: Option<Bytes>, body: Pieces, report: Box<Report> },
    Failed,
}

handle!(sc_remuxer, Remuxing, 11);

pub(crate) fn layout_from(layout: sc_layout) -> Result<Layout, Failure> {
    match layout {
        SC_LAYOUT_AUTO => Ok(Layout::Auto),
        SC_LAYOUT_WHOLE => Ok(Layout::Whole),
        SC_LAYOUT_COMPACT => Ok(Layout::Compact),
        _ => Err(SC_ERR_ARGUMENT.into()),
    }
}

fn place(offset: Option<u64>) -> i64 {
    offset.and_then(|offset| i64::try_from(offset).ok()).unwrap_or(-1)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl sc_remux_report {
    pub(crate) const fn empty() -> Self {
        Self {
            struct_size: size_of::<Self>(),
            size: 0,
            duration: 0,
            tracks: 0,
            left_out: 0,
            discontinuities: 0,
            whole: false,
            units: 0,
            cut_at: -1,
            encrypted_at: -1,
        }
    }

    pub(crate) fn of(plan: &Plan) -> Self {
        let report = &plan.report;
        Self {
            size: plan.len(),
            duration: report.duration,
            tracks: count(report.tracks.len()),
            left_out: count(report.left_out.len()),
            discontinuities: report.discontinuities,
            whole: report.whole,
            units: report.tracks.iter().map(|track| track.samples as u64).sum(),
            cut_at: place(report.cut_at),
            encrypted_at: place(report.encrypted_at),
            ..Self::empty()
        }
    }
}

/// Makes a remuxer for an FLV of `size` bytes, or of `SC_UNKNOWN_SIZE`. On success `*out` is freed with `sc_remuxer_free`; on failure it is
/// untouched and `error` says why.
///
/// Errors: `SC_ERR_ABI`, `SC_ERR_NULL`.
///
/// # Safety
/// `out` is writable, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_remuxer_new(
    abi: u32,
    size: u64,
    out: *mut *mut sc_remuxer,
    error: *mut sc_error,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        let make = || {
            check_abi(abi)?;
            let limits = Limits::default();
            let state = if size == SC_UNKNOWN_SIZE {
                State::Pipe(Box::new(Remuxer::new(&limits)))
            } else {
                State::File(Box::new(Skimmer::new(size, &limits)))
            };
            Ok(Remuxing { state, lent: Bytes::new(), codecs: Vec::new() })
        };
        // SAFETY: as the function's.
        unsafe { deliver::<sc_remuxer>(out, error, make) }
    })
}

/// Frees a remuxer and sets `*remuxer` to NULL. `remuxer` or `*remuxer` may be NULL.
///
/// # Safety
/// `remuxer` is NULL or points to NULL or to a live remuxer that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_remuxer_free(remuxer: *mut *mut sc_remuxer) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { release(remuxer) }
    })
}

/// Takes the next `size` bytes of a pipe, all of them.
///
/// Errors: `SC_ERR_MALFORMED` where it is no FLV, `SC_ERR_LIMIT`; `SC_ERR_MISUSE` for a file of known size and once finished.
///
/// # Safety
/// `remuxer` is a live remuxer, `data` has `size` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_remuxer_handle_input(
    remuxer: *mut sc_remuxer,
    data: *const u8,
    size: usize,
) -> sc_status {
    door!(remuxer, |value| {
        // SAFETY: as the function's.
        let input = unsafe { bytes(data, size) }?;
        let State::Pipe(engine) = &mut value.state else { return Err(SC_ERR_MISUSE.into()) };
        engine.handle_input(input)?;
        Ok(SC_OK)
    })
}

/// Says which bytes of the file to read next: `*size` at `*offset`; `SC_NONE` where all that is needed was read. More bytes may be
/// given: some 1,500 at once are best where the file is in memory, and more where it is on a disk.
///
/// Errors: `SC_ERR_MISUSE` for a pipe and once finished.
///
/// # Safety
/// `remuxer` is a live remuxer; `offset` and `size` are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_remuxer_poll_read(
    remuxer: *mut sc_remuxer,
    offset: *mut u64,
    size: *mut u64,
) -> sc_status {
    door!(remuxer, |value| {
        let State::File(engine) = &value.state else { return Err(SC_ERR_MISUSE.into()) };
        let Some(range) = engine.poll_read() else { return Ok(SC_NONE) };
        // SAFETY: as the function's.
        unsafe { must_put(offset, range.start) }?;
        // SAFETY: as the function's.
        unsafe { must_put(size, range.end.saturating_sub(range.start)) }?;
        Ok(SC_OK)
    })
}

/// Takes what was read at the offset that `sc_remuxer_poll_read` named, at least as much as it named.
///
/// Errors: `SC_ERR_MALFORMED` where it is no FLV, `SC_ERR_LIMIT`; `SC_ERR_MISUSE` for a pipe, for fewer bytes, and once finished.
///
/// # Safety
/// `remuxer` is a live remuxer, `data` has `size` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_remuxer_handle_read(
    remuxer: *mut sc_remuxer,
    data: *const u8,
    size: usize,
) -> sc_status {
    door!(remuxer, |value| {
        // SAFETY: as the function's.
        let input = unsafe { bytes(data, size) }?;
        let State::File(engine) = &mut value.state else { return Err(SC_ERR_MISUSE.into()) };
        engine.handle_read(input)?;
        Ok(SC_OK)
    })
}

/// Ends the source and lays out the MP4 by `layout`, one of `SC_LAYOUT_*`. `block` is what file systems share, 4,096 for most, or 1 where
/// ranges are not copied by the system. `report` (may be NULL) is filled in.
///
/// Errors: `SC_ERR_UNSUPPORTED` where nothing in it fits an MP4, `SC_ERR_MALFORMED`, `SC_ERR_LIMIT`, and `SC_ERR_MISUSE` a second time: the
/// remuxer can only be freed then. `SC_ERR_ARGUMENT`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `remuxer` is a live remuxer, `report` is NULL or points to an `sc_remux_report`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_remuxer_finish(
    remuxer: *mut sc_remuxer,
    layout: sc_layout,
    block: u32,
    report: *mut sc_remux_report,
) -> sc_status {
    door!(remuxer, |value| {
        if matches!(value.state, State::Planned { .. } | State::Failed) {
            return Err(SC_ERR_MISUSE.into());
        }
        let options = Options::new(layout_from(layout)?, block.max(1));
        if !report.is_null() {
            // SAFETY: as the function's. A struct that cannot be filled must not cost the work.
            unsafe { fits(report) }?;
        }
        let plan = match std::mem::replace(&mut value.state, State::Failed) {
            State::Pipe(engine) => engine.finish_with(&options)?,
            State::File(engine) => engine.finish(&options)?,
            State::Planned { .. } | State::Failed => return Err(SC_ERR_MISUSE.into()),
        };
        if !report.is_null() {
            // SAFETY: as the function's.
            unsafe { fill(report, sc_remux_report::of(&plan)) }?;
        }
        value.codecs = plan.report.tracks.iter().map(|track| c_text(&track.codec)).collect();
        let Plan { head, body, report, .. } = plan;
        value.state =
            State::Planned { head: Some(head), body: body.into_iter(), report: Box::new(report) };
        Ok(SC_OK)
    })
}

/// Says what the MP4's track of this number is, from 0 on; `SC_NONE` past the last.
///
/// Errors: `SC_ERR_MISUSE` before `sc_remuxer_finish`; `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `remuxer` is a live remuxer, `track` points to an `sc_remux_track`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_remuxer_track(
    remuxer: *mut sc_remuxer,
    number: usize,
    track: *mut sc_remux_track,
) -> sc_status {
    door!(remuxer, |value| {
        let State::Planned { report, .. } = &value.state else { return Err(SC_ERR_MISUSE.into()) };
        let (Some(found), Some(codec)) = (report.tracks.get(number), value.codecs.get(number))
        else {
            return Ok(SC_NONE);
        };
        let shown = sc_remux_track {
            struct_size: size_of::<sc_remux_track>(),
            kind: kind_of(found.id.kind),
            index: found.id.index,
            codec: codec.as_ptr(),
            units: found.samples as u64,
            bytes: found.bytes,
            start: found.start,
            duration: found.duration,
        };
        // SAFETY: as the function's.
        unsafe { fill(track, shown) }?;
        Ok(SC_OK)
    })
}

/// Gives the next piece of the MP4, or `SC_NONE`. Its bytes are lent until the next call on the remuxer.
///
/// Errors: `SC_ERR_MISUSE` before `sc_remuxer_finish`; `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `remuxer` is a live remuxer, `piece` points to an `sc_remux_piece`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_remuxer_poll_piece(
    remuxer: *mut sc_remuxer,
    piece: *mut sc_remux_piece,
) -> sc_status {
    door!(remuxer, |value| {
        let struct_size = size_of::<sc_remux_piece>();
        let mut shown = sc_remux_piece { struct_size, data: std::ptr::null(), size: 0, offset: 0 };
        // SAFETY: as the function's. A struct that cannot be filled must not cost a piece.
        unsafe { fits(piece) }?;
        let State::Planned { head, body, .. } = &mut value.state else {
            return Err(SC_ERR_MISUSE.into());
        };
        let next = head.take().map(Piece::Inline).or_else(|| body.next());
        match next {
            None => return Ok(SC_NONE),
            Some(Piece::Inline(bytes)) => {
                value.lent = bytes;
                (shown.data, shown.size) = (value.lent.as_ptr(), value.lent.len() as u64);
            }
            Some(Piece::Copy { offset, len }) => (shown.offset, shown.size) = (offset, len),
        }
        // SAFETY: as the function's.
        unsafe { fill(piece, shown) }?;
        Ok(SC_OK)
    })
}
