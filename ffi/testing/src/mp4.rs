//! Tracks and access units to segments and recordings, and FLV to MP4.

use std::ptr::{null, null_mut};

use super::buffers;
use super::input::Input;
use super::make::keep;
use super::media::{append, just, media_event};
use super::operations;
use super::room::Room;
use super::world::{World, out, read_bytes, read_text};
use crate::status::{SC_OK, SC_WAIT};
use crate::*;

/// A track for those that the bits of `to` name.
pub(super) fn track(world: &World, input: &mut Input<'_>, to: u8, track: *const sc_track) {
    if to & 1 != 0 {
        on!(world, input, sc_muxer_handle_track, track);
    }
    if to & 2 != 0 {
        on!(world, input, sc_mp4_recorder_handle_track, track);
    }
}

/// The same for a unit, with a wall clock where a bit says so.
pub(super) fn unit(world: &World, input: &mut Input<'_>, to: u8, unit: &sc_unit) {
    let unit: *const sc_unit = unit;
    if to & 1 != 0 {
        // SAFETY: lent, or the world's.
        let micros = unsafe { (*unit).dts };
        let wall =
            if to & 4 == 0 { SC_NO_WALL_CLOCK } else { micros.wrapping_add(1_700_000_000_000_000) };
        on!(world, input, sc_muxer_handle_unit, unit, wall);
    }
    if to & 2 != 0 {
        on!(world, input, sc_mp4_recorder_handle_unit, unit);
    }
}

pub(super) fn discontinuity(world: &World, input: &mut Input<'_>, to: u8) {
    if to & 1 != 0 {
        on!(world, input, sc_muxer_handle_discontinuity);
    }
    if to & 2 != 0 {
        on!(world, input, sc_mp4_recorder_handle_discontinuity);
    }
}

fn one_track(world: &World, input: &mut Input<'_>) {
    let to = input.byte();
    let known = buffers::track(world, input);
    track(world, input, to, known);
}

/// The newest unit, with any of its numbers changed, or one of nothing.
fn one_unit(world: &World, input: &mut Input<'_>) {
    let (to, change) = (input.byte(), input.byte());
    let silence = sc_unit {
        struct_size: 0,
        kind: SC_KIND_AUDIO,
        index: 0,
        key: true,
        dts: 0,
        pts_offset: 0,
        data: null(),
        size: 0,
        buf: null(),
    };
    let mut known = world.unit.get().unwrap_or(silence);
    if change & 1 != 0 {
        (known.kind, known.index) = (input.byte(), input.byte());
    }
    if change & 2 != 0 {
        (known.dts, known.pts_offset) = (input.i64(), input.i64());
    }
    let body = input.bytes();
    if change & 4 != 0 {
        (known.data, known.size, known.buf) = (body.as_ptr(), body.len(), null());
    }
    if change & 8 != 0 {
        known.buf = buffers::buf(world, input).0;
    }
    let mut room = Room::of(input, known);
    // A C program may have any number in a `bool`.
    room.put(std::mem::offset_of!(sc_unit, key), change & 0x70);
    let wall = if change & 0x80 == 0 { SC_NO_WALL_CLOCK } else { input.i64() };
    let pointer = room.pointer();
    if to & 1 != 0 {
        on!(world, input, sc_muxer_handle_unit, pointer, wall);
    }
    if to & 2 != 0 {
        on!(world, input, sc_mp4_recorder_handle_unit, pointer);
    }
}

just! {
    muxer_finish: sc_muxer_finish,
    muxer_resume: sc_muxer_resume,
    muxer_discontinuity: sc_muxer_handle_discontinuity,
    recording_discontinuity: sc_mp4_recorder_handle_discontinuity,
    recording_flush: sc_mp4_recorder_flush,
    recording_finish: sc_mp4_recorder_finish,
}

/// All events of an assembler at once, until none is left or one is wrong.
fn muxer_pull(world: &World, input: &mut Input<'_>) {
    let wall = if input.byte() & 1 == 0 { SC_NO_WALL_CLOCK } else { input.i64() };
    let muxer = world.handle::<sc_muxer>(input);
    let assembler = world.handle::<sc_assembler>(input);
    loop {
        let mut event = Room::<sc_media_event>::empty(input);
        let place = event.pointer();
        world.lent.set(assembler.pointer.cast());
        // SAFETY: handles are live, NULL, or memory of the world that is none; the event is the world's.
        let pull = || unsafe { sc_muxer_pull(muxer.pointer, assembler.pointer, wall, place) };
        let status = world.during(muxer.pointer, pull);
        world.lent.set(null_mut());
        world.check("sc_muxer_pull", &muxer, status);
        let told = if event.is_null() { None } else { event.given(status) };
        if let Some(event) = told {
            assert_ne!(event.event, SC_MEDIA_UNIT, "the muxer had it");
            media_event(world, input, 0, &event);
        }
        if status != SC_OK {
            let wanted = muxer.refused.or(assembler.refused).filter(|_| place.is_null());
            assert!(wanted.is_none_or(|wanted| wanted == status), "{status}");
            return;
        }
    }
}

fn muxer_numbers(world: &World, input: &mut Input<'_>) {
    let (mut ready, mut version, mut held) = (false, 0, 0);
    let places = (out(input, &mut ready), out(input, &mut version), out(input, &mut held));
    on!(world, input, sc_muxer_is_ready, places.0);
    on!(world, input, sc_muxer_version, places.1);
    on!(world, input, sc_muxer_held_bytes, places.2);
}

/// Names of files that a muxer may have; the last is any.
const NAMES: [&std::ffi::CStr; 8] = [
    c"index.m3u8",
    c"video.m3u8",
    c"audio.m3u8",
    c"index.mpd",
    c"video_0.m4s",
    c"audio_0.m4s",
    c"video_0.0.m4s",
    c"video_init_0.mp4",
];

fn muxer_request(world: &World, input: &mut Input<'_>) {
    let choice = input.byte();
    let any = input.text();
    let name = NAMES.get(usize::from(choice)).map_or(any.as_c_str(), |name| name);
    let name = if input.wrong() >= 0xe0 { null() } else { name.as_ptr() };
    let query = input.text();
    let query = if query.is_empty() { null() } else { query.as_ptr() };
    let mut made = world.noise(true).cast();
    let place = out(input, &mut made);
    let mut wait = u64::MAX;
    let wait_place = out(input, &mut wait);
    let status = on!(world, input, sc_muxer_request, name, query, place, wait_place);
    if status == SC_OK {
        keep::<sc_file>(world, input.second_slot(), made);
    } else {
        assert!(status < SC_OK || made.is_null(), "there is no file with status {status}");
    }
    assert!(status != SC_WAIT || wait_place.is_null() || wait < u64::MAX);
}

/// A file's headers and its bytes from an offset on.
fn file(world: &World, input: &mut Input<'_>) {
    let mut info = Room::<sc_file_info>::empty(input);
    let status = on!(world, input, sc_file_describe, info.pointer());
    let info = info.given(status);
    if let Some(info) = &info {
        for text in [info.content_type, info.cache_control, info.etag] {
            assert!(!read_text(text).is_empty());
        }
    }
    let offset = if input.wrong() >= 0xc0 { input.u64() } else { u64::from(input.byte()) };
    let mut pieces = [const { sc_iovec { data: null(), len: 0 } }; 8];
    let (mut listed, mut at) = (0, offset);
    loop {
        let mut count = 0;
        let place = if input.wrong() >= 0xe0 { null_mut() } else { pieces.as_mut_ptr() };
        let status = on!(world, input, sc_file_pieces, at, place, pieces.len(), &raw mut count);
        if status != SC_OK {
            break;
        }
        for piece in pieces.iter().take(count) {
            listed += read_bytes(piece.data, piece.len).len() as u64;
        }
        at = offset + listed;
    }
    assert!(info.is_none_or(|info| listed <= info.size));
}

/// Polls writes and makes them, in the file in memory.
fn recording_writes(world: &World, input: &mut Input<'_>) {
    for _ in 0..=input.byte() {
        let mut write = Room::<sc_write>::empty(input);
        let status = on!(world, input, sc_mp4_recorder_poll_write, write.pointer());
        let write = write.given(status);
        if status != SC_OK {
            return;
        }
        let Some(write) = write else { continue };
        // SAFETY: lent by the call before.
        let pieces = unsafe { std::slice::from_raw_parts(write.pieces, write.count) };
        let bytes: Vec<u8> =
            pieces.iter().flat_map(|piece| read_bytes(piece.data, piece.len)).collect();
        assert_eq!(bytes.len() as u64, write.size, "the pieces are the write");
        let start = usize::try_from(write.offset).unwrap_or(usize::MAX);
        let mut file = world.file.borrow_mut();
        if start == file.len() {
            drop(file);
            append(world, &bytes);
        } else if let Some(there) = file.get_mut(start..start.saturating_add(bytes.len())) {
            there.copy_from_slice(&bytes);
        }
    }
}

fn recording_duration(world: &World, input: &mut Input<'_>) {
    let mut micros = 0;
    let place = out(input, &mut micros);
    on!(world, input, sc_mp4_recorder_duration, place);
}

fn remuxer_input(world: &World, input: &mut Input<'_>) {
    let own = input.bytes();
    let file = world.file.borrow().clone();
    let data = if own.is_empty() { &file[..] } else { &own[..] };
    let start = if input.wrong() >= 0xe0 { null() } else { data.as_ptr() };
    on!(world, input, sc_remuxer_handle_input, start, data.len());
}

/// Reads what the remuxer asks for of the file in memory, a bit more or a bit less.
fn remuxer_reads(world: &World, input: &mut Input<'_>) {
    let more = usize::from(input.byte());
    for _ in 0..=input.byte() {
        let (mut offset, mut size) = (0, 0);
        let places = (out(input, &mut offset), out(input, &mut size));
        let status = on!(world, input, sc_remuxer_poll_read, places.0, places.1);
        if status != SC_OK {
            return;
        }
        let file = world.file.borrow();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(file.len());
        let size = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(more);
        let end = start.saturating_add(size).min(file.len());
        let data: Box<[u8]> = file.get(start..end).unwrap_or_default().into();
        drop(file);
        if on!(world, input, sc_remuxer_handle_read, data.as_ptr(), data.len()) != SC_OK {
            return;
        }
    }
}

fn remuxer_finish(world: &World, input: &mut Input<'_>) {
    let layout = u32::from(input.byte());
    let block = match input.byte() {
        0 => 1,
        1 => 4096,
        _ => input.u32(),
    };
    let mut report = Room::<sc_remux_report>::empty(input);
    // It need not be given.
    let (pointer, is_wanted) = (report.pointer(), !report.is_null());
    let status = on!(world, input, sc_remuxer_finish, layout, block, pointer);
    report.filled(status == SC_OK && is_wanted);
}

/// Tracks and pieces of a remuxed file.
fn remuxer_pieces(world: &World, input: &mut Input<'_>) {
    let number = if input.wrong() >= 0xc0 { input.size() } else { 0 };
    let mut track = Room::<sc_remux_track>::empty(input);
    let status = on!(world, input, sc_remuxer_track, number, track.pointer());
    if let Some(track) = track.given(status) {
        assert!(!read_text(track.codec).is_empty());
    }
    for _ in 0..=input.byte() {
        let mut piece = Room::<sc_remux_piece>::empty(input);
        let status = on!(world, input, sc_remuxer_poll_piece, piece.pointer());
        let piece = piece.given(status);
        if status != SC_OK {
            return;
        }
        let Some(piece) = piece else { continue };
        if piece.data.is_null() {
            assert!(piece.size > 0);
        } else {
            assert_eq!(piece.offset, 0);
            read_bytes(piece.data, usize::try_from(piece.size).unwrap_or(0));
        }
    }
}

operations! {
    one_track, one_unit, muxer_pull, muxer_finish, muxer_resume, muxer_discontinuity, recording_discontinuity, recording_flush, recording_finish,
    muxer_numbers, muxer_request, file, recording_writes, recording_duration, remuxer_input, remuxer_reads, remuxer_finish, remuxer_pieces,
}
