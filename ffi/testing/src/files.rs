//! Whole files by their names.

use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::ptr::null;

use super::input::Input;
use super::make::make;
use super::operations;
use super::reenter::{Watcher, watch};
use super::room::Room;
use super::world::{World, read_text};
use crate::status::{SC_OK, sc_status};
use crate::*;

/// What is in the file in memory from now on.
fn fill(world: &World, input: &mut Input<'_>) {
    *world.file.borrow_mut() = input.bytes().into();
}

/// A name: the right one, or one that is none, never one of the input's.
fn name(input: &mut Input<'_>, right: &Path) -> CString {
    use std::os::unix::ffi::OsStrExt as _;
    let bytes = match input.wrong() {
        0..=0xbf => right.as_os_str().as_bytes().to_vec(),
        0xc0..=0xcf => right.with_file_name("none").as_os_str().as_bytes().to_vec(),
        0xd0..=0xdf => right.parent().unwrap_or(right).as_os_str().as_bytes().to_vec(),
        0xe0..=0xef => [right.as_os_str().as_bytes(), b"\xff/x"].concat(),
        _ => Vec::new(),
    };
    CString::new(bytes).unwrap_or_default()
}

fn pointer(input: &mut Input<'_>, name: &CString) -> *const c_char {
    if input.wrong() >= 0xf0 { null() } else { name.as_ptr() }
}

/// The file in memory as one on disk, where another one may still be made.
fn on_disk(world: &World, input: &mut Input<'_>) -> Option<CString> {
    if !world.spend_file() {
        return None;
    }
    let path = world.folder().join("in");
    std::fs::write(&path, &*world.file.borrow()).expect("a writable folder");
    Some(name(input, &path))
}

fn probe(world: &World, input: &mut Input<'_>) {
    let Some(path) = on_disk(world, input) else { return };
    make(world, input, "sc_probe_file", |input, abi, out, error| {
        // SAFETY: as the header asks for, or NULL.
        unsafe { sc_probe_file(abi, pointer(input, &path), out, error) }
    });
}

fn probe_answers(world: &World, input: &mut Input<'_>) {
    let number = if input.wrong() >= 0xc0 { input.size() } else { 0 };
    let mut info = Room::<sc_probe_info>::empty(input);
    let status = on!(world, input, sc_probe_describe, info.pointer());
    if let Some(info) = info.given(status) {
        assert!(["flv", "mp4"].contains(&read_text(info.format).as_str()));
    }
    let mut track = Room::<sc_probe_track_info>::empty(input);
    let status = on!(world, input, sc_probe_track, number, track.pointer());
    if let Some(track) = track.given(status) {
        assert!(!read_text(track.codec).is_empty() && track.keys <= track.units);
    }
    let mut text = null();
    let place = super::world::out(input, &mut text);
    if on!(world, input, sc_probe_problem, number, place) == SC_OK {
        assert!(!read_text(text).is_empty());
    }
}

/// An error that a call on files may fill in.
fn told(world: &World, name: &'static str, status: sc_status, error: Room<sc_error>) {
    world.note(name, status);
    let is_filled = status < SC_OK && error.fits();
    if let Some(error) = error.filled(is_filled) {
        assert_eq!(error.status, status, "{name}");
        assert!(!read_text(error.text.as_ptr()).is_empty(), "{name}: {status} has no words");
    }
}

fn abi(input: &mut Input<'_>) -> u32 {
    if input.wrong() >= 0xe0 { SC_ABI_VERSION.wrapping_add(1) } else { SC_ABI_VERSION }
}

/// What a failed call leaves behind: nothing but what was there.
fn left(world: &World, made: bool) {
    let entries = std::fs::read_dir(world.folder()).expect("a folder").flatten();
    for entry in entries {
        let name = entry.file_name();
        let known = name == "in" || ["out.mp4", "out"].iter().any(|out| name == *out && made);
        assert!(known, "{} is left behind", name.display());
    }
}

fn remux(world: &World, input: &mut Input<'_>) {
    let Some(from) = on_disk(world, input) else { return };
    let place = world.folder().join("out.mp4");
    let to = name(input, &place);
    let watcher = Watcher::new(world, input.byte().into());
    let opaque: *const Watcher = &raw const watcher;
    let options = sc_remux_options {
        struct_size: 0,
        layout: input.byte().into(),
        sync: false,
        progress: Some(watch),
        opaque: opaque.cast_mut().cast::<c_void>(),
    };
    let mut options = Room::of(input, options);
    let mut report = Room::<sc_remux_report>::empty(input);
    let (is_wanted, mut error) = (!report.is_null(), Room::<sc_error>::empty(input));
    let (abi, from, to) = (abi(input), pointer(input, &from), pointer(input, &to));
    // SAFETY: as the header asks for, or NULL.
    let status = unsafe {
        sc_remux_file(abi, from, to, options.pointer(), report.pointer(), error.pointer())
    };
    watcher.judges(status);
    told(world, "sc_remux_file", status, error);
    let report = report.filled(status == SC_OK && is_wanted);
    if status == SC_OK {
        let size = std::fs::metadata(&place).map(|data| data.len()).ok();
        assert!(report.is_none_or(|report| Some(report.size) == size));
    }
    left(world, status == SC_OK);
    let _ = std::fs::remove_file(place);
}

fn package(world: &World, input: &mut Input<'_>) {
    let Some(from) = on_disk(world, input) else { return };
    let place = world.folder().join("out");
    let to = name(input, &place);
    let watcher = Watcher::new(world, input.byte().into());
    let opaque: *const Watcher = &raw const watcher;
    let options = sc_package_options {
        struct_size: 0,
        segment_ms: input.u16().into(),
        part_ms: input.u16().into(),
        progress: Some(watch),
        opaque: opaque.cast_mut().cast::<c_void>(),
    };
    let mut options = Room::of(input, options);
    let mut error = Room::<sc_error>::empty(input);
    let (abi, from, to) = (abi(input), pointer(input, &from), pointer(input, &to));
    // SAFETY: as the header asks for, or NULL.
    let status = unsafe { sc_package_file(abi, from, to, options.pointer(), error.pointer()) };
    watcher.judges(status);
    told(world, "sc_package_file", status, error);
    left(world, status == SC_OK);
    let _ = std::fs::remove_dir_all(place);
}

operations! { fill, probe, probe_answers, remux, package }
