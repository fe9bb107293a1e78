//! Tags, tracks and access units.

use std::ffi::{CString, c_char};

use core_crate::flv::{Tag, TagKind};
use core_crate::media::{AccessUnit, MediaKind, Track, TrackId};

use crate::buf::{Shared, kept, sc_buf};
use crate::door::hall;
use crate::pointers::{c_text, fill, put, sized, take};
use crate::status::{SC_ERR_ARGUMENT, SC_ERR_HANDLE, SC_ERR_NULL, SC_ERR_PANIC, SC_OK, sc_status};

/// What a message, a tag or a track carries. The numbers are the types of RTMP messages and FLV tags (RTMP 1.0 7.1).
pub type sc_kind = u8;

/// Sound.
pub const SC_KIND_AUDIO: sc_kind = 8;
/// Pictures.
pub const SC_KIND_VIDEO: sc_kind = 9;
/// Data in AMF0 that begin with their name, for example `onMetaData`.
pub const SC_KIND_DATA: sc_kind = 18;

/// One FLV tag, which is one RTMP media message.
///
/// Given to the library: `buf`, where it is not NULL, is referenced and not copied, with `data` and `size` naming the part of it that
/// is the body (`data` NULL: all of it). Where `buf` is NULL the body is copied. The struct itself is not kept.
/// Given by the library: `data` and `buf` are lent until the next call on the handle; `sc_buf_retain` keeps them.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_tag {
    /// `sizeof(sc_tag)`, set by the caller.
    pub struct_size: usize,
    /// What it carries: one of `SC_KIND_*`.
    pub kind: sc_kind,
    /// Milliseconds, wrapping at 2^32.
    pub timestamp: u32,
    /// The body behind the tag header.
    pub data: *const u8,
    /// Bytes of the body.
    pub size: usize,
    /// The memory of the body, or NULL.
    pub buf: *const sc_buf,
}

/// One coded picture or one audio frame: what becomes one sample of an MP4. The same rules of memory as for `sc_tag`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_unit {
    /// `sizeof(sc_unit)`, set by the caller.
    pub struct_size: usize,
    /// `SC_KIND_AUDIO` or `SC_KIND_VIDEO`.
    pub kind: sc_kind,
    /// Number of the track among those of its kind.
    pub index: u8,
    /// Whether decoding can start here.
    pub key: bool,
    /// Decode time in ticks of the track's timescale.
    pub dts: i64,
    /// Presentation time minus decode time in ticks; may be negative.
    pub pts_offset: i64,
    /// The coded bytes as an MP4 sample has them.
    pub data: *const u8,
    /// Bytes.
    pub size: usize,
    /// The memory of the bytes, or NULL.
    pub buf: *const sc_buf,
}

/// What a track is. Texts are lent as long as the track.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_track_info {
    /// `sizeof(sc_track_info)`, set by the caller.
    pub struct_size: usize,
    /// `SC_KIND_AUDIO` or `SC_KIND_VIDEO`.
    pub kind: sc_kind,
    /// Number of the track among those of its kind.
    pub index: u8,
    /// Ticks a second of its units' times.
    pub timescale: u32,
    /// The codec as RFC 6381 writes it, for example `avc1.64001f`.
    pub codec: *const c_char,
    /// Width in pixels, 0 where not known.
    pub width: u32,
    /// Height in pixels, 0 where not known.
    pub height: u32,
    /// Hz, 0 for video and where not known.
    pub sample_rate: u32,
    /// Channels, 0 for video and where not known.
    pub channels: u16,
    /// Whether MP4, HLS and DASH can carry it.
    pub fits_mp4: bool,
}

sized!(sc_tag, sc_track_info);
sized!(sc_unit, bools: [key]);

/// A track in one configuration. It never changes, and any thread may use it. Events lend one; `sc_track_retain` keeps it.
pub struct sc_track(());

/// The memory behind an [`sc_track`].
#[repr(C)]
pub(crate) struct Known {
    magic: u32,
    owned: bool,
    codec: CString,
    track: Track,
}

/// Not of the family of handles.
const MAGIC: u32 = 0x7274_6373;

impl Known {
    pub(crate) fn pointer(&self) -> *const sc_track {
        (&raw const *self).cast()
    }

    pub(crate) fn lent(track: Track) -> Self {
        Self { magic: MAGIC, owned: false, codec: c_text(&track.config.codec_string()), track }
    }

    pub(crate) const fn track(&self) -> &Track {
        &self.track
    }

    fn info(&self) -> sc_track_info {
        let (config, id) = (&self.track.config, self.track.id);
        let (width, height) = config.size().unwrap_or_default();
        sc_track_info {
            struct_size: size_of::<sc_track_info>(),
            kind: kind_of(id.kind),
            index: id.index,
            timescale: self.track.timescale,
            codec: self.codec.as_ptr(),
            width,
            height,
            sample_rate: config.sample_rate().unwrap_or(0),
            channels: config.channels().unwrap_or(0),
            fits_mp4: config.fits_mp4().is_ok(),
        }
    }
}

/// The track behind a pointer.
///
/// # Safety
/// `track` is NULL or points to a live track.
pub(crate) unsafe fn look<'a>(track: *const sc_track) -> Result<&'a Known, sc_status> {
    let track = track.cast::<Known>();
    if track.is_null() {
        return Err(SC_ERR_NULL);
    }
    if !track.is_aligned() {
        return Err(SC_ERR_HANDLE);
    }
    // SAFETY: live by the caller's word.
    let track = unsafe { &*track };
    if track.magic == MAGIC { Ok(track) } else { Err(SC_ERR_HANDLE) }
}

pub(crate) const fn kind_of(kind: MediaKind) -> sc_kind {
    match kind {
        MediaKind::Audio => SC_KIND_AUDIO,
        MediaKind::Video => SC_KIND_VIDEO,
    }
}

/// A tag with nothing in it.
pub(crate) const fn no_tag() -> sc_tag {
    sc_tag {
        struct_size: size_of::<sc_tag>(),
        kind: 0,
        timestamp: 0,
        data: std::ptr::null(),
        size: 0,
        buf: std::ptr::null(),
    }
}

/// The struct that lends `tag`, whose memory `lent` holds.
pub(crate) fn lend_tag(tag: Tag, lent: &mut Shared) -> sc_tag {
    let (data, size) = (tag.body.as_ptr(), tag.body.len());
    let buf = lent.lend(tag.body);
    sc_tag { kind: tag.kind.type_id(), timestamp: tag.timestamp, data, size, buf, ..no_tag() }
}

/// # Safety
/// `tag` is NULL or points to an `sc_tag` whose pointers are as its documentation says.
pub(crate) unsafe fn tag_from(tag: *const sc_tag) -> Result<Tag, sc_status> {
    if tag.is_null() {
        return Err(SC_ERR_NULL);
    }
    // SAFETY: by the caller's word.
    let tag = unsafe { take(tag, no_tag()) }?;
    let kind = TagKind::from_type_id(tag.kind).ok_or(SC_ERR_ARGUMENT)?;
    // SAFETY: by the caller's word.
    let body = unsafe { kept(tag.buf, tag.data, tag.size) }?;
    Ok(Tag { kind, timestamp: tag.timestamp, body })
}

/// # Safety
/// `unit` is NULL or points to an `sc_unit` whose pointers are as its documentation says.
pub(crate) unsafe fn unit_from(unit: *const sc_unit) -> Result<AccessUnit, sc_status> {
    if unit.is_null() {
        return Err(SC_ERR_NULL);
    }
    // SAFETY: by the caller's word.
    let unit = unsafe { take(unit, no_unit()) }?;
    let kind = match unit.kind {
        SC_KIND_AUDIO => MediaKind::Audio,
        SC_KIND_VIDEO => MediaKind::Video,
        _ => return Err(SC_ERR_ARGUMENT),
    };
    // SAFETY: by the caller's word.
    let data = unsafe { kept(unit.buf, unit.data, unit.size) }?;
    let track = TrackId { kind, index: unit.index };
    Ok(AccessUnit { track, dts: unit.dts, pts_offset: unit.pts_offset, key: unit.key, data })
}

/// The struct that lends `unit`, whose memory `buf` holds.
pub(crate) fn unit_of(unit: &AccessUnit, buf: &mut Shared) -> sc_unit {
    let buf = buf.lend(unit.data.clone());
    sc_unit {
        struct_size: size_of::<sc_unit>(),
        kind: kind_of(unit.track.kind),
        index: unit.track.index,
        key: unit.key,
        dts: unit.dts,
        pts_offset: unit.pts_offset,
        data: unit.data.as_ptr(),
        size: unit.data.len(),
        buf,
    }
}

/// A unit with nothing in it.
pub(crate) const fn no_unit() -> sc_unit {
    sc_unit {
        struct_size: size_of::<sc_unit>(),
        kind: 0,
        index: 0,
        key: false,
        dts: 0,
        pts_offset: 0,
        data: std::ptr::null(),
        size: 0,
        buf: std::ptr::null(),
    }
}

/// Says what a track is. `info` is filled in and keeps no more than the track's text.
///
/// Errors: `SC_ERR_NULL`, `SC_ERR_HANDLE`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `track` is NULL or a live track, `info` is NULL or points to an `sc_track_info`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_track_describe(
    track: *const sc_track,
    info: *mut sc_track_info,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        let described = unsafe { look(track) }.map(Known::info);
        // SAFETY: as the function's.
        match described.and_then(|described| unsafe { fill(info, described) }) {
            Ok(()) => SC_OK,
            Err(status) => status,
        }
    })
}

/// Makes a reference of the caller's own to `track`. On success `*out` is released with `sc_track_release`.
///
/// Errors: `SC_ERR_NULL`, `SC_ERR_HANDLE`.
///
/// # Safety
/// `track` is NULL or a live track, `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_track_retain(
    track: *const sc_track,
    out: *mut *mut sc_track,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        if out.is_null() {
            return SC_ERR_NULL;
        }
        // SAFETY: as the function's.
        let found = match unsafe { look(track) } {
            Ok(found) => found,
            Err(status) => return status,
        };
        let kept = Box::new(Known { owned: true, ..Known::lent(found.track.clone()) });
        // SAFETY: as the function's.
        unsafe { put(out, Box::into_raw(kept).cast()) };
        SC_OK
    })
}

/// Gives up the caller's reference and sets `*track` to NULL. `track` or `*track` may be NULL: nothing happens then.
///
/// Errors: `SC_ERR_HANDLE` for a track that an event lends.
///
/// # Safety
/// `track` is NULL or points to NULL or to a live track of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_track_release(track: *mut *mut sc_track) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: NULL, or the caller's pointer.
        let taken = if track.is_null() { std::ptr::null_mut() } else { unsafe { track.read() } };
        if taken.is_null() {
            return SC_OK;
        }
        // SAFETY: live by the caller's word.
        match unsafe { look(taken) } {
            Ok(found) if found.owned => {}
            Ok(_) => return SC_ERR_HANDLE,
            Err(status) => return status,
        }
        // SAFETY: `track` is the caller's.
        unsafe { track.write(std::ptr::null_mut()) };
        // SAFETY: it is owned, so it came from `Box::into_raw`.
        let mut owned = unsafe { Box::from_raw(taken.cast::<Known>()) };
        owned.magic = 0;
        drop(owned);
        SC_OK
    })
}
