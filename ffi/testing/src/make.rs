//! Handles are made and freed.

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use super::input::Input;
use super::operations;
use super::room::Room;
use super::world::{World, free, out, read_text};
use crate::door::Handle;
use crate::status::{SC_ERR_HANDLE, SC_OK, sc_status};
use crate::*;

/// A constructor's call: with another ABI, with nowhere to put the handle, with an error of any size. What it made takes the place of what
/// was in its slot.
pub(super) fn make<H: Handle>(
    world: &World,
    input: &mut Input<'_>,
    name: &'static str,
    call: impl FnOnce(&mut Input<'_>, u32, *mut *mut H, *mut sc_error) -> sc_status,
) {
    let other = input.wrong() >= 0xc0;
    let abi = if other { SC_ABI_VERSION ^ input.u32().max(1) } else { SC_ABI_VERSION };
    let untouched = world.noise(true).cast::<H>();
    let mut made = untouched;
    let place = out(input, &mut made);
    let mut error = Room::<sc_error>::empty(input);
    let place_of_error = error.pointer();
    let status = call(input, abi, place, place_of_error);
    world.note(name, status);
    assert!(
        status <= SC_OK && (status < SC_OK || (!other && !place.is_null())),
        "{name}: {status}"
    );
    let is_filled = status < SC_OK && error.fits();
    if let Some(error) = error.filled(is_filled) {
        assert_eq!(error.status, status, "{name}");
        assert!(!read_text(error.text.as_ptr()).is_empty(), "{name}: {status} has no words");
    }
    if status == SC_OK {
        keep(world, input.slot(), made);
    } else {
        assert_eq!(made, untouched, "{name}: nothing is given on failure");
    }
}

/// Puts a new handle in a slot, and frees the one that was there.
pub(super) fn keep<H: Handle>(world: &World, slot: usize, made: *mut H) {
    assert!(!made.is_null());
    let place = world.place::<H>(slot);
    let mut before = place.replace(made.cast());
    let status = world.during(before, || free(H::KIND, &raw mut before));
    assert_eq!((status, before), (SC_OK, null_mut()));
}

/// Of kinds that are made of nothing.
macro_rules! plain {
    ($($name:ident: $function:ident),+ $(,)?) => {
        $(fn $name(world: &World, input: &mut Input<'_>) {
            make(world, input, stringify!($function), |_, abi, out, error| {
                // SAFETY: the places are the caller's, or NULL.
                unsafe { $function(abi, out, error) }
            });
        })+
    };
}

plain! {
    flv_reader: sc_flv_reader_new,
    flv_writer: sc_flv_writer_new,
    assembler: sc_assembler_new,
    flv_recorder: sc_flv_recorder_new,
    gop_cache: sc_gop_cache_new,
}

/// Small limits, so that a small input reaches them, or any.
fn session_config(input: &mut Input<'_>) -> sc_session_config {
    let small = input.byte();
    let size = |bit: u8, size: usize| if small & bit == 0 { 0 } else { size };
    let mut config = sc_session_config {
        struct_size: 0,
        chunk_size: if small & 1 == 0 { 0 } else { 128 },
        window_ack_size: if small & 2 == 0 { 0 } else { 1000 },
        message_bytes: size(4, 4096),
        queued_output_bytes: size(8, 1024),
        handshake_timeout_ms: 0,
        command_timeout_ms: 0,
        idle_timeout_ms: 0,
        seed: u64::from(small),
    };
    if small & 0x80 != 0 {
        (config.chunk_size, config.window_ack_size) = (input.u32(), input.u32());
        (config.message_bytes, config.queued_output_bytes) = (input.size(), input.size());
        (config.handshake_timeout_ms, config.command_timeout_ms) = (input.u32(), input.u32());
        config.idle_timeout_ms = input.u32();
    }
    config
}

fn server_session(world: &World, input: &mut Input<'_>) {
    let config = session_config(input);
    make(world, input, "sc_server_session_new", |input, abi, out, error| {
        let mut config = Room::of(input, config);
        let (config, now) = (config.pointer(), time(input));
        // SAFETY: as the header asks for, or NULL.
        unsafe { sc_server_session_new(abi, config, now, out, error) }
    });
}

fn client_session(world: &World, input: &mut Input<'_>) {
    let given = session_config(input);
    let config = sc_client_config {
        struct_size: 0,
        chunk_size: given.chunk_size,
        window_ack_size: given.window_ack_size,
        message_bytes: given.message_bytes,
        queued_output_bytes: given.queued_output_bytes,
        handshake_timeout_ms: given.handshake_timeout_ms,
        command_timeout_ms: given.command_timeout_ms,
        silence_timeout_ms: given.idle_timeout_ms,
        seed: given.seed,
    };
    let role = match input.byte() {
        0 => SC_ROLE_PUBLISH,
        1 => SC_ROLE_PLAY,
        role => role.into(),
    };
    let url = input.text();
    make(world, input, "sc_client_session_new", |input, abi, out, error| {
        let mut config = Room::of(input, config);
        let url = match url.as_bytes() {
            [] if input.wrong() >= 0xc0 => null(),
            [] => c"rtmp://ada:secret@host/live/film".as_ptr(),
            _ => url.as_ptr(),
        };
        let (config, now) = (config.pointer(), time(input));
        // SAFETY: as the header asks for, or NULL.
        unsafe { sc_client_session_new(abi, url, role, config, now, out, error) }
    });
}

fn muxer(world: &World, input: &mut Input<'_>) {
    let shape = input.byte();
    let mut config = sc_muxer_config {
        struct_size: 0,
        segment_ms: if shape & 1 == 0 { 0 } else { 500 },
        part_ms: if shape & 2 == 0 { 0 } else { 200 },
        window_ms: if shape & 4 == 0 { 0 } else { 1500 },
        max_bytes: if shape & 8 == 0 { 0 } else { 8192 },
        first_sequence: if shape & 16 == 0 { 0 } else { 7 },
        dash: false,
    };
    if shape & 0x80 != 0 {
        (config.segment_ms, config.part_ms, config.window_ms) =
            (input.u32(), input.u32(), input.u32());
        (config.max_bytes, config.first_sequence) = (input.size(), input.u64());
    }
    make(world, input, "sc_muxer_new", |input, abi, out, error| {
        let mut config = Room::of(input, config);
        // A C program may have any number in a `bool`.
        config.put(std::mem::offset_of!(sc_muxer_config, dash), shape & 0x60);
        // SAFETY: as the header asks for, or NULL.
        unsafe { sc_muxer_new(abi, config.pointer(), out, error) }
    });
}

fn mp4_recorder(world: &World, input: &mut Input<'_>) {
    let config = match input.byte() {
        0 => sc_mp4_config { struct_size: 0, fragment_ms: 0, room: 0 },
        1 => sc_mp4_config { struct_size: 0, fragment_ms: 100, room: 8 },
        _ => sc_mp4_config { struct_size: 0, fragment_ms: input.u32(), room: input.u16().into() },
    };
    make(world, input, "sc_mp4_recorder_new", |input, abi, out, error| {
        let mut config = Room::of(input, config);
        // SAFETY: as the header asks for, or NULL.
        unsafe { sc_mp4_recorder_new(abi, config.pointer(), out, error) }
    });
}

fn remuxer(world: &World, input: &mut Input<'_>) {
    let size = match input.byte() {
        0 => SC_UNKNOWN_SIZE,
        1 => world.file.borrow().len() as u64,
        _ => input.u64(),
    };
    make(world, input, "sc_remuxer_new", |_, abi, out, error| {
        // SAFETY: the places are the caller's, or NULL.
        unsafe { sc_remuxer_new(abi, size, out, error) }
    });
}

/// Microseconds: soon, or any.
pub(super) fn time(input: &mut Input<'_>) -> u64 {
    match input.byte() {
        0xff => input.u64(),
        tenths => u64::from(tenths) * 100_000,
    }
}

/// Frees what is in a slot by the function of its kind or of another.
fn free_one(world: &World, input: &mut Input<'_>) {
    let kind = u16::from(input.byte() % 12) + 1;
    let place = world.place_of(kind, input.slot());
    match input.wrong() {
        0..=0xbf => {
            let mut handle = place.take();
            let status = world.during(handle, || free(kind, &raw mut handle));
            assert_eq!((status, handle), (SC_OK, null_mut()));
            assert_eq!(free(kind, &raw mut handle), SC_OK, "a second time does nothing");
        }
        0xc0..=0xcf => assert_eq!(free(kind, null_mut()), SC_OK),
        choice => {
            let wrong: *mut c_void = match choice {
                0xd0..=0xdf => world.any(choice & 15),
                _ => world.noise(choice < 0xf0),
            };
            let is_right = (0..2).any(|slot| world.place_of(kind, slot).get() == wrong);
            if is_right || wrong.is_null() {
                return;
            }
            let mut place = wrong;
            assert_eq!(free(kind, &raw mut place), SC_ERR_HANDLE);
            assert_eq!(place, wrong, "what was not freed stays the caller's");
        }
    }
}

/// What a handle, a buffer, a track or nothing says of its last failure.
fn last_error(world: &World, input: &mut Input<'_>) {
    let choice = input.byte();
    let handle = match input.wrong() {
        0..=0xbf => world.any(choice),
        0xc0..=0xdf => null_mut(),
        choice => world.noise(choice < 0xf0),
    };
    let mut error = Room::<sc_error>::empty(input);
    let status = call!(world, sc_last_error, handle.cast_const(), error.pointer());
    // Buffers and tracks are none either.
    assert_eq!(status == SC_ERR_HANDLE, !handle.is_null() && !world.is_handle(handle));
    if let Some(error) = error.given(status) {
        assert!(error.status < SC_OK && !read_text(error.text.as_ptr()).is_empty());
    }
}

/// Calls that need nothing.
fn ask(world: &World, input: &mut Input<'_>) {
    let number = i32::from_be_bytes(input.u32().to_be_bytes());
    assert!(!read_text(sc_status_text(number)).is_empty());
    assert_eq!(read_text(sc_version()), env!("CARGO_PKG_VERSION"));
    assert!(sc_version_number() > 0);
    world.note("sc_status_text", SC_OK);
    assert_eq!(sc_abi_version(), SC_ABI_VERSION);
}

operations! {
    flv_reader, flv_writer, assembler, flv_recorder, gop_cache, server_session, client_session, muxer, mp4_recorder, remuxer, free_one,
    last_error, ask,
}
