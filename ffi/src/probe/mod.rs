//! What a media file holds.

mod flv;
mod mp4;
mod tally;

use std::ffi::{CString, c_char};
use std::path::Path;

use crate::door::{door, hall, handle, release};
use crate::error::{Failure, deliver, sc_error};
use crate::files::{open, read_at};
use crate::media::sc_kind;
use crate::pointers::{c_text, fill, must_put, path, sized};
use crate::status::{SC_ERR_PANIC, SC_ERR_UNSUPPORTED, SC_NONE, SC_OK, sc_status};
use crate::version::check_abi;

use tally::Tally;

/// Problems that are kept of one file.
const PROBLEMS: usize = 50;

/// What a file holds. The text is lent as long as the probe.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_probe_info {
    /// `sizeof(sc_probe_info)`, set by the caller.
    pub struct_size: usize,
    /// `flv` or `mp4`.
    pub format: *const c_char,
    /// Bytes of the file.
    pub size: u64,
    /// Microseconds from the first presentation to the end of the last.
    pub duration: u64,
    /// Tracks of video and audio.
    pub tracks: usize,
    /// Things that are wrong or odd.
    pub problems: usize,
    /// Fragments of an MP4; 0 for other files.
    pub fragments: u64,
    /// Whether an MP4's index stands in front of its media, so that it plays from the first byte.
    pub index_first: bool,
}

/// What a track of a file holds. The text is lent as long as the probe.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_probe_track_info {
    /// `sizeof(sc_probe_track_info)`, set by the caller.
    pub struct_size: usize,
    /// `SC_KIND_AUDIO` or `SC_KIND_VIDEO`.
    pub kind: sc_kind,
    /// Number of the track among those of its kind.
    pub index: u8,
    /// The codec as RFC 6381 writes it; its four characters where no more is known.
    pub codec: *const c_char,
    /// Width in pixels, 0 where not known.
    pub width: u32,
    /// Height in pixels, 0 where not known.
    pub height: u32,
    /// Hz, 0 for video and where not known.
    pub sample_rate: u32,
    /// Channels, 0 for video and where not known.
    pub channels: u16,
    /// Access units.
    pub units: u64,
    /// Those of them where decoding can start.
    pub keys: u64,
    /// Bytes of all access units.
    pub bytes: u64,
    /// First presentation time in microseconds; may be negative.
    pub start: i64,
    /// Microseconds from the first presentation to the end of the last.
    pub duration: u64,
}

sized!(sc_probe_info, sc_probe_track_info);

/// What `sc_probe_file` found. It never changes.
///
/// One thread at a time.
pub struct sc_probe(());

/// One track.
struct Found {
    kind: sc_kind,
    index: u8,
    codec: CString,
    width: u32,
    height: u32,
    sample_rate: u32,
    channels: u16,
    tally: Tally,
}

pub(crate) struct Probed {
    format: CString,
    size: u64,
    tracks: Vec<Found>,
    problems: Vec<CString>,
    fragments: u64,
    index_first: bool,
}

handle!(sc_probe, Probed, 12);

impl Probed {
    fn new(format: &str, size: u64) -> Self {
        let format = c_text(format);
        let (tracks, problems) = (Vec::new(), Vec::new());
        Self { format, size, tracks, problems, fragments: 0, index_first: false }
    }

    fn problem(&mut self, text: &str) {
        let text = c_text(text);
        if self.problems.len() < PROBLEMS && !self.problems.contains(&text) {
            self.problems.push(text);
        }
    }

    /// Length of all tracks together.
    fn duration(&self) -> u64 {
        let start = self.tracks.iter().map(|track| track.tally.start()).min().unwrap_or(0);
        let end = self.tracks.iter().map(|track| track.tally.end()).max().unwrap_or(0);
        u64::try_from(end.saturating_sub(start)).unwrap_or(0)
    }
}

fn read(path: &Path) -> Result<Probed, Failure> {
    let (mut file, size) = open(path)?;
    let mut head = Vec::new();
    read_at(&mut file, &(0..size.min(8)), 0, &mut head)
        .map_err(|error| Failure::io("read", path, &error))?;
    let probed = match head.as_slice() {
        [b'F', b'L', b'V', ..] => flv::read(path, &mut file, size),
        [_, _, _, _, b'f' | b's', b't', b'y', b'p'] | [_, _, _, _, b'm', b'o', b'o', b'v'] => {
            mp4::read(path, &mut file, size)
        }
        _ => Err(Failure::new(SC_ERR_UNSUPPORTED, "neither an FLV nor an MP4")),
    };
    probed.map_err(|failed| failed.of_file(path))
}

/// Reads what the FLV or MP4 file `input` holds: an FLV from its start to its end, of an MP4 the index. On success `*out` is freed with
/// `sc_probe_free`; on failure it is untouched and `error` says why. What is odd in a file that can be read is a problem of it, not an error.
///
/// Errors: `SC_ERR_IO`; `SC_ERR_UNSUPPORTED` for another format, `SC_ERR_MALFORMED` and `SC_ERR_LIMIT` for the file; `SC_ERR_ABI`, `SC_ERR_NULL`.
///
/// # Safety
/// `input` ends with NUL, `out` is writable, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_probe_file(
    abi: u32,
    input: *const c_char,
    out: *mut *mut sc_probe,
    error: *mut sc_error,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        let make = || {
            check_abi(abi)?;
            // SAFETY: as the function's.
            read(unsafe { path(input) }?)
        };
        // SAFETY: as the function's.
        unsafe { deliver::<sc_probe>(out, error, make) }
    })
}

/// Frees a probe and sets `*probe` to NULL. `probe` or `*probe` may be NULL.
///
/// # Safety
/// `probe` is NULL or points to NULL or to a live probe that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_probe_free(probe: *mut *mut sc_probe) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { release(probe) }
    })
}

/// Says what the file holds: `info` is filled in.
///
/// Errors: `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `probe` is a live probe, `info` points to an `sc_probe_info`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_probe_describe(
    probe: *mut sc_probe,
    info: *mut sc_probe_info,
) -> sc_status {
    door!(probe, |value| {
        let shown = sc_probe_info {
            struct_size: size_of::<sc_probe_info>(),
            format: value.format.as_ptr(),
            size: value.size,
            duration: value.duration(),
            tracks: value.tracks.len(),
            problems: value.problems.len(),
            fragments: value.fragments,
            index_first: value.index_first,
        };
        // SAFETY: as the function's.
        unsafe { fill(info, shown) }?;
        Ok(SC_OK)
    })
}

/// Says what the track of this number is, from 0 on; `SC_NONE` past the last.
///
/// Errors: `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `probe` is a live probe, `info` points to an `sc_probe_track_info`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_probe_track(
    probe: *mut sc_probe,
    number: usize,
    info: *mut sc_probe_track_info,
) -> sc_status {
    door!(probe, |value| {
        let Some(found) = value.tracks.get(number) else { return Ok(SC_NONE) };
        let tally = &found.tally;
        let shown = sc_probe_track_info {
            struct_size: size_of::<sc_probe_track_info>(),
            kind: found.kind,
            index: found.index,
            codec: found.codec.as_ptr(),
            width: found.width,
            height: found.height,
            sample_rate: found.sample_rate,
            channels: found.channels,
            units: tally.units,
            keys: tally.keys,
            bytes: tally.bytes,
            start: tally.start(),
            duration: u64::try_from(tally.end().saturating_sub(tally.start())).unwrap_or(0),
        };
        // SAFETY: as the function's.
        unsafe { fill(info, shown) }?;
        Ok(SC_OK)
    })
}

/// Gives the problem of this number, from 0 on, in English: `*text`, lent as long as the probe; `SC_NONE` past the last.
///
/// # Safety
/// `probe` is a live probe, `text` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_probe_problem(
    probe: *mut sc_probe,
    number: usize,
    text: *mut *const c_char,
) -> sc_status {
    door!(probe, |value| {
        let Some(found) = value.problems.get(number) else { return Ok(SC_NONE) };
        // SAFETY: as the function's.
        unsafe { must_put(text, found.as_ptr()) }?;
        Ok(SC_OK)
    })
}
