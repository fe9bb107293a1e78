//! Shared bytes, and memory of the caller's own.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::{null, null_mut};

use super::input::Input;
use super::operations;
use super::reenter::{Wrapped, let_go};
use super::room::Room;
use super::world::{World, out, read_bytes, read_text};
use crate::status::{SC_ERR_HANDLE, SC_ERR_NULL, SC_OK, sc_status};
use crate::*;

/// The last place is that of the newest access unit.
const PLACES: usize = 3;

fn place<'a>(world: &'a World, input: &mut Input<'_>) -> &'a Cell<*mut sc_buf> {
    &world.bufs[usize::from(input.byte()) % PLACES]
}

/// A buffer by the input's choice, and whether it is one.
pub(super) fn buf(world: &World, input: &mut Input<'_>) -> (*const sc_buf, bool) {
    let place = place(world, input).get().cast_const();
    match input.wrong() {
        0..=0xbf => (place, !place.is_null()),
        0xc0..=0xcf => (null(), false),
        choice @ 0xd0..=0xdf => {
            let other = world.any(choice & 15).cast_const().cast::<sc_buf>();
            (
                other,
                world.bufs.iter().any(|buf| buf.get().cast_const() == other && !other.is_null()),
            )
        }
        choice => (world.noise(choice < 0xf0).cast_const().cast(), false),
    }
}

/// Takes the place of what was there.
pub(super) fn keep(world: &World, place: &Cell<*mut sc_buf>, made: *mut sc_buf) {
    let mut before = place.replace(made);
    assert_eq!(call!(world, sc_buf_release, &raw mut before), SC_OK);
}

fn made(world: &World, place: &Cell<*mut sc_buf>, status: sc_status, made: *mut sc_buf) {
    assert_eq!(status == SC_OK, !made.is_null(), "{status}");
    if status == SC_OK {
        keep(world, place, made);
    }
}

fn copy(world: &World, input: &mut Input<'_>) {
    let place = place(world, input);
    let data = input.bytes();
    let start = if input.wrong() >= 0xe0 { null() } else { data.as_ptr() };
    let mut new = null_mut();
    let to = out(input, &mut new);
    let status = call!(world, sc_buf_copy, start, data.len(), to);
    made(world, place, status, new);
    if status == SC_OK {
        // SAFETY: made above.
        assert_eq!(unsafe { sc_buf_size(place.get()) }, data.len());
    }
}

fn wrap(world: &World, input: &mut Input<'_>) {
    let place = place(world, input);
    let choice = input.byte();
    let wrapped = Wrapped::new(world, input.bytes(), choice);
    let start = if input.wrong() >= 0xe0 { null() } else { wrapped.start() };
    let len = if input.wrong() >= 0xe0 { usize::MAX - usize::from(choice) } else { wrapped.len() };
    let mut new = null_mut();
    let to = out(input, &mut new);
    let opaque: *const Wrapped = &raw const *wrapped;
    let opaque = opaque.cast_mut().cast::<c_void>();
    world.wrapped.borrow_mut().push(wrapped);
    let status = call!(world, sc_buf_wrap, start, len, Some(let_go), opaque, to);
    if status != SC_OK {
        let wrapped = world.wrapped.borrow();
        let wrapped = wrapped.last().expect("pushed above");
        assert_eq!(wrapped.freed(), 0, "on failure the memory stays the caller's");
        wrapped.never_given();
    }
    made(world, place, status, new);
}

fn retain(world: &World, input: &mut Input<'_>) {
    let (from, is_one) = buf(world, input);
    let mut new = null_mut();
    let to = out(input, &mut new);
    let status = call!(world, sc_buf_retain, from, to);
    assert_eq!(status == SC_OK, is_one && !to.is_null());
    made(world, place(world, input), status, new);
}

fn release(world: &World, input: &mut Input<'_>) {
    match input.wrong() {
        0..=0xbf => keep(world, place(world, input), null_mut()),
        0xc0..=0xcf => assert_eq!(call!(world, sc_buf_release, null_mut()), SC_OK),
        choice => {
            let mut wrong = world.noise(choice < 0xf0).cast();
            assert_eq!(call!(world, sc_buf_release, &raw mut wrong), SC_ERR_HANDLE);
            assert!(!wrong.is_null());
        }
    }
}

/// Bytes and size: those of a wrong one are none.
fn look(world: &World, input: &mut Input<'_>) {
    let (buf, is_one) = buf(world, input);
    // SAFETY: live, NULL, or memory of the world that is none.
    let (data, size) = unsafe { (sc_buf_data(buf), sc_buf_size(buf)) };
    assert!(is_one || (data.is_null() && size == 0));
    world.note("sc_buf_data", SC_OK);
    world.note("sc_buf_size", SC_OK);
    read_bytes(data, size);
}

/// A track by the input's choice.
pub(super) fn track(world: &World, input: &mut Input<'_>) -> *const sc_track {
    match input.wrong() {
        0..=0xbf => world.tracks[input.second_slot()].get(),
        0xc0..=0xdf => null_mut(),
        choice => world.noise(choice < 0xf0).cast(),
    }
}

fn describe(world: &World, input: &mut Input<'_>) {
    let track = track(world, input);
    let mut info = Room::<sc_track_info>::empty(input);
    let status = call!(world, sc_track_describe, track, info.pointer());
    if let Some(info) = info.given(status) {
        assert!(!read_text(info.codec).is_empty() && info.timescale > 0);
    }
}

/// A second reference in place of the first.
fn retain_track(world: &World, input: &mut Input<'_>) {
    let from = track(world, input);
    let mut new = null_mut();
    let to = out(input, &mut new);
    let status = call!(world, sc_track_retain, from, to);
    assert_eq!(status == SC_OK, !new.is_null());
    if status == SC_OK {
        keep_track(world, input.second_slot(), new);
    }
}

pub(super) fn keep_track(world: &World, slot: usize, made: *mut sc_track) {
    let mut before = world.tracks[slot].replace(made);
    assert_eq!(call!(world, sc_track_release, &raw mut before), SC_OK);
}

fn release_track(world: &World, input: &mut Input<'_>) {
    let mut wrong = match input.wrong() {
        0..=0xbf => return keep_track(world, input.second_slot(), null_mut()),
        0xc0..=0xcf => world.any(0).cast(),
        choice => world.noise(choice < 0xf0).cast(),
    };
    if world.tracks.iter().any(|track| track.get() == wrong) {
        return;
    }
    assert_eq!(call!(world, sc_track_release, &raw mut wrong), SC_ERR_HANDLE);
    assert_eq!(call!(world, sc_track_describe, null(), null_mut()), SC_ERR_NULL);
}

operations! { copy, wrap, retain, release, look, describe, retain_track, release_track }
