//! FLV, access units and the cache for players: tags go from one to the next.

use std::ptr::{null, null_mut};

use super::buffers::{self, keep, keep_track};
use super::input::Input;
use super::operations;
use super::room::Room;
use super::world::{World, no_error, out, read_bytes, read_text};
use crate::status::{SC_ERR_ARGUMENT, SC_ERR_HANDLE, SC_OK, sc_status};
use crate::*;

/// Bytes of a file in memory.
const MOST: usize = 1 << 20;

/// A tag of the input's, and what its body is of.
pub(super) struct TagArgument {
    pub(super) room: Room<sc_tag>,
    _body: Box<[u8]>,
}

pub(super) fn tag(world: &World, input: &mut Input<'_>) -> TagArgument {
    let kind = match input.byte() {
        0 => SC_KIND_AUDIO,
        1 => SC_KIND_VIDEO,
        2 => SC_KIND_DATA,
        kind => kind,
    };
    let timestamp = input.u32();
    let (data, size, buf, body) = body(world, input);
    let tag = sc_tag { struct_size: 0, kind, timestamp, data, size, buf };
    TagArgument { room: Room::of(input, tag), _body: body }
}

/// Bytes to copy, a buffer, or a part of one, which need not be within it.
fn body(world: &World, input: &mut Input<'_>) -> (*const u8, usize, *const sc_buf, Box<[u8]>) {
    match input.byte() {
        0 => {
            let body = input.bytes();
            let data = if input.wrong() >= 0xe0 { null() } else { body.as_ptr() };
            (data, body.len(), null(), body)
        }
        1 => (null(), 0, buffers::buf(world, input).0, Box::default()),
        _ => {
            let (buf, is_one) = buffers::buf(world, input);
            // SAFETY: live, where it is one.
            let start = if is_one { unsafe { sc_buf_data(buf) } } else { null() };
            let (at, size) = (usize::from(input.u16()), usize::from(input.u16()));
            // Bytes of no buffer would be the caller's own, which must be there.
            let data = if buf.is_null() { null() } else { start.wrapping_add(at) };
            (data, size, buf, Box::default())
        }
    }
}

/// Gives a tag to those that the bits of `to` name.
pub(super) fn pass_on(world: &World, slot: usize, to: u8, tag: &sc_tag) {
    let tag: *const sc_tag = tag;
    macro_rules! to {
        ($bit:literal, $function:ident $(, $argument:expr)*) => {
            if to & $bit != 0 {
                let handle = world.right(slot);
                // SAFETY: the handle is live or NULL, the tag lent.
                let call = || unsafe { $function(handle.pointer, $($argument,)* tag) };
                let status = world.during(handle.pointer, call);
                world.check(stringify!($function), &handle, status);
            }
        };
    }
    to!(1, sc_assembler_handle_tag);
    to!(2, sc_flv_writer_tag);
    to!(4, sc_flv_recorder_handle_tag);
    to!(8, sc_gop_cache_handle_tag);
    to!(16, sc_client_session_send);
    to!(32, sc_server_session_send, world.request.get().1);
    if to & 64 != 0 {
        let mut mine = null_mut();
        let status = call!(world, sc_buf_retain, (*tag).buf, &raw mut mine);
        assert_eq!(status, SC_OK);
        keep(world, &world.bufs[0], mine);
    }
}

/// A tag that was polled: its memory is that of its buffer.
pub(super) fn look(tag: &sc_tag) {
    let bytes = read_bytes(tag.data, tag.size);
    // SAFETY: lent by the call before.
    let (data, size) = unsafe { (sc_buf_data(tag.buf), sc_buf_size(tag.buf)) };
    assert_eq!(read_bytes(data, size), bytes);
    let mut error = no_error();
    // SAFETY: readable; a buffer is no handle, and any pointer goes in here.
    let told = unsafe { sc_last_error(tag.buf.cast(), &raw mut error) };
    assert_eq!(told, SC_ERR_HANDLE);
}

fn reader_input(world: &World, input: &mut Input<'_>) {
    let data = input.bytes();
    let start = if input.wrong() >= 0xe0 { null() } else { data.as_ptr() };
    let mut taken = usize::MAX;
    let place = out(input, &mut taken);
    let status = on!(world, input, sc_flv_reader_handle_input, start, data.len(), place);
    assert!(status != SC_OK || taken <= data.len());
}

fn reader_buf(world: &World, input: &mut Input<'_>) {
    let (buf, is_one) = buffers::buf(world, input);
    let offset = usize::from(input.u16());
    let mut taken = usize::MAX;
    let place = out(input, &mut taken);
    let status = on!(world, input, sc_flv_reader_handle_buf, buf, offset, place);
    // SAFETY: live, where it is one.
    let size = if is_one { unsafe { sc_buf_size(buf) } } else { 0 };
    assert!(status != SC_OK || offset.saturating_add(taken) <= size);
}

fn reader_finish(world: &World, input: &mut Input<'_>) {
    let mut cut = false;
    let place = out(input, &mut cut);
    on!(world, input, sc_flv_reader_finish, place);
}

/// Polls a number of tags and passes them on.
fn reader_tags(world: &World, input: &mut Input<'_>) {
    let (times, to) = (input.byte(), input.byte());
    for _ in 0..=times {
        let mut offset = u64::MAX;
        let place = out(input, &mut offset);
        let mut tag = Room::<sc_tag>::empty(input);
        let status = on!(world, input, sc_flv_reader_poll_tag, tag.pointer(), place);
        if status != SC_OK {
            assert!(tag.given(status).is_none() && offset == u64::MAX);
            return;
        }
        let Some(tag) = tag.given(status) else { continue };
        look(&tag);
        pass_on(world, input.second_slot(), to, &tag);
    }
}

fn writer_header(world: &World, input: &mut Input<'_>) {
    let flags = input.byte();
    on!(world, input, sc_flv_writer_header, flags & 1 != 0, flags & 2 != 0);
}

/// Operations that take a tag.
macro_rules! take_tags {
    ($($name:ident: $function:ident),+ $(,)?) => {
        $(fn $name(world: &World, input: &mut Input<'_>) {
            let mut tag = tag(world, input);
            let pointer = tag.room.pointer();
            let status = on!(world, input, $function, pointer);
            assert!(status < SC_OK || tag.room.fits());
        })+
    };
}

take_tags! {
    writer_tag: sc_flv_writer_tag,
    recorder_tag: sc_flv_recorder_handle_tag,
    assembler_tag: sc_assembler_handle_tag,
    cache_tag: sc_gop_cache_handle_tag,
    client_send: sc_client_session_send,
}

/// Operations that do one thing.
macro_rules! just {
    ($($name:ident: $function:ident),+ $(,)?) => {
        $(pub(super) fn $name(world: &$crate::testing::world::World, input: &mut $crate::testing::input::Input<'_>) {
            on!(world, input, $function);
        })+
    };
}
pub(super) use just;

just! {
    recorder_finish: sc_flv_recorder_finish,
    assembler_finish: sc_assembler_finish,
    cache_rewind: sc_gop_cache_rewind,
    cache_clear: sc_gop_cache_clear,
}

/// What waits to be written: any number of pieces at once, of which any number of bytes is sent.
pub(super) fn drain(
    world: &World,
    input: &mut Input<'_>,
    output: impl Fn(&mut Input<'_>, *mut sc_iovec, usize, *mut usize) -> sc_status,
    sent: impl FnOnce(&mut Input<'_>, usize) -> sc_status,
) -> Vec<u8> {
    let capacity = match input.wrong() {
        0..=0xbf => 16,
        choice => usize::from(choice & 3),
    };
    let mut pieces = vec![sc_iovec { data: null(), len: 0 }; capacity];
    let place = if input.wrong() >= 0xe0 { null_mut() } else { pieces.as_mut_ptr() };
    let mut count = 0;
    let count_place = out(input, &mut count);
    let status = output(input, place, capacity, count_place);
    assert_eq!(status == SC_OK, count > 0, "{status}");
    let listed = pieces.iter().take(count).map(|piece| read_bytes(piece.data, piece.len));
    let mut bytes: Vec<u8> = listed.flatten().collect();
    let size = if input.wrong() >= 0xc0 { input.u16().into() } else { bytes.len() };
    if sent(input, size) == SC_OK {
        bytes.truncate(size);
    } else {
        bytes.clear();
    }
    append(world, &bytes);
    bytes
}

/// Adds to the file in memory.
pub(super) fn append(world: &World, bytes: &[u8]) {
    let mut file = world.file.borrow_mut();
    if file.len() + bytes.len() < MOST {
        file.extend_from_slice(bytes);
    }
}

/// Output of one kind of handle, and what it says is sent.
macro_rules! drained {
    ($($name:ident: $output:ident, $sent:ident);+ $(;)?) => {
        $(pub(super) fn $name(world: &World, input: &mut Input<'_>) {
            drain(
                world,
                input,
                |input, pieces, capacity, count| on!(world, input, $output, pieces, capacity, count),
                |input, size| on!(world, input, $sent, size),
            );
        })+
    };
}
pub(super) use drained;

drained! {
    writer_output: sc_flv_writer_output, sc_flv_writer_sent;
    recorder_output: sc_flv_recorder_output, sc_flv_recorder_sent;
}

fn recorder_patches(world: &World, input: &mut Input<'_>) {
    for _ in 0..=input.byte() {
        let (mut offset, mut data, mut size) = (0, null(), 0);
        let places = (out(input, &mut offset), out(input, &mut data), out(input, &mut size));
        let status = on!(world, input, sc_flv_recorder_poll_patch, places.0, places.1, places.2);
        if status != SC_OK {
            return;
        }
        let patch = read_bytes(data, size);
        let mut file = world.file.borrow_mut();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(size);
        if let Some(there) = file.get_mut(start..end) {
            there.copy_from_slice(&patch);
        }
    }
}

/// Polls events and passes them on: tracks and units are kept, and go to muxer and recorder.
fn assembler_events(world: &World, input: &mut Input<'_>) {
    let (times, to) = (input.byte(), input.byte());
    for _ in 0..=times {
        let mut event = Room::<sc_media_event>::empty(input);
        let status = on!(world, input, sc_assembler_poll_event, event.pointer());
        let event = event.given(status);
        if status != SC_OK {
            return;
        }
        if let Some(event) = event {
            media_event(world, input, to, &event);
        }
    }
}

pub(super) fn media_event(world: &World, input: &mut Input<'_>, to: u8, event: &sc_media_event) {
    match event.event {
        SC_MEDIA_TRACK => {
            let mut mine = null_mut();
            assert_eq!(call!(world, sc_track_retain, event.track, &raw mut mine), SC_OK);
            keep_track(world, input.second_slot(), mine);
            super::mp4::track(world, input, to, event.track);
        }
        SC_MEDIA_UNIT => {
            let unit = event.unit;
            read_bytes(unit.data, unit.size);
            let mut mine = null_mut();
            assert_eq!(call!(world, sc_buf_retain, unit.buf, &raw mut mine), SC_OK);
            super::mp4::unit(world, input, to, &unit);
            keep(world, &world.bufs[3], mine);
            world.unit.set(Some(sc_unit { buf: mine, ..unit }));
        }
        SC_MEDIA_DISCONTINUITY => super::mp4::discontinuity(world, input, to),
        SC_MEDIA_END_OF_TRACK => {
            assert!(event.kind == SC_KIND_AUDIO || event.kind == SC_KIND_VIDEO)
        }
        SC_MEDIA_NOTICE => {
            assert!(!read_text(event.text).is_empty());
            read_text(event.clause);
        }
        event => unreachable!("event {event}"),
    }
}

fn cache_tags(world: &World, input: &mut Input<'_>) {
    let (times, to) = (input.byte(), input.byte());
    for _ in 0..=times {
        let mut tag = Room::<sc_tag>::empty(input);
        let status = on!(world, input, sc_gop_cache_next, tag.pointer());
        let tag = tag.given(status);
        if status != SC_OK {
            return;
        }
        if let Some(tag) = tag {
            look(&tag);
            pass_on(world, input.second_slot(), to, &tag);
        }
    }
}

/// A server session's message for a player: of the newest request's stream or of any.
fn server_send(world: &World, input: &mut Input<'_>) {
    let stream = if input.byte() == 0 { world.request.get().1 } else { input.u32() };
    let mut tag = tag(world, input);
    let pointer = tag.room.pointer();
    let status = on!(world, input, sc_server_session_send, stream, pointer);
    assert!(status < SC_OK || tag.room.fits());
    assert!(status != SC_ERR_ARGUMENT || tag.room.fits());
}

operations! {
    reader_input, reader_buf, reader_finish, reader_tags, writer_header, writer_tag, writer_output, recorder_tag, recorder_finish,
    recorder_output, recorder_patches, assembler_tag, assembler_finish, assembler_events, cache_tag, cache_rewind, cache_tags, cache_clear,
    client_send, server_send,
}
