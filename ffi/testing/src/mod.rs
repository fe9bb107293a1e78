//! What tests the C functions from within: operations in any order for the fuzz target, and a panic on purpose.
//!
//! Compiled by the package in `ffi/testing` alone, whose root is the C library's own.

#[macro_use]
mod world;

mod buffers;
mod files;
mod input;
mod make;
mod media;
mod mp4;
mod panic;
mod reenter;
mod room;
mod sessions;

use std::collections::BTreeSet;

use crate::status::sc_status;
use input::Input;
use world::World;

pub use panic::{sc_testing_lost, sc_testing_panic};

/// One operation of the caller's, with arguments from the input.
type Operation = fn(&World, &mut Input<'_>);

/// What functions gave, by their names.
pub type Given = BTreeSet<(&'static str, sc_status)>;

/// Names and functions of operations.
macro_rules! operations {
    ($($name:ident),+ $(,)?) => {
        /// Operations, by name.
        pub(super) const OPERATIONS: &[(&str, $crate::testing::Operation)] =
            &[$((stringify!($name), $name)),+];
    };
}
use operations;

fn all() -> impl Iterator<Item = &'static (&'static str, Operation)> {
    let (media, files) = (media::OPERATIONS, files::OPERATIONS);
    [make::OPERATIONS, sessions::OPERATIONS, media, mp4::OPERATIONS, files, buffers::OPERATIONS]
        .into_iter()
        .flatten()
}

/// Runs an input: any number of operations, each a byte for which, a byte for how careful its caller is, and its arguments.
///
/// Whatever a caller does that the header allows, and whatever it does wrong that can be told, comes to a status that the header
/// names. NULL and wrong handles are told from right ones, structs are filled as far as their size says, what failed leaves its
/// output alone and its words on the handle, what is lent can be read, and memory of the caller's is let go once, by the last
/// reference.
pub fn run(data: &[u8]) -> Given {
    let operations: Vec<Operation> = all().map(|(_, run)| *run).collect();
    let world = World::new();
    let mut input = Input::new(data);
    while let Some(number) = input.begin() {
        if let Some(run) = operations.get(usize::from(number) % operations.len()) {
            run(&world, &mut input);
        }
    }
    world.end()
}

/// The fuzz target.
pub fn c_library(data: &[u8]) {
    run(data);
}

/// The byte of an operation, for those who write inputs.
#[must_use]
pub fn operation(name: &str) -> Option<u8> {
    all().position(|(known, _)| *known == name).and_then(|at| u8::try_from(at).ok())
}
