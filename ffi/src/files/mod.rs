//! Whole files by their names: the only calls of the library that read and write files.

mod package;
mod part;
mod remux;

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;

use crate::error::Failure;
use crate::status::SC_ERR_CANCELLED;

pub use package::*;
pub use remux::*;

/// Told how far the work is: `done` of `total`, in bytes of a scale that does not change during a call. 0 goes on; anything else cancels
/// the call, which leaves nothing behind and gives `SC_ERR_CANCELLED`. Called on the thread of the call.
pub type sc_progress_fn =
    Option<unsafe extern "C" fn(opaque: *mut c_void, done: u64, total: u64) -> i32>;

/// The caller's function with its argument.
pub(crate) struct Progress {
    call: sc_progress_fn,
    opaque: *mut c_void,
    total: u64,
}

impl Progress {
    fn tell(&self, done: u64) -> Result<(), Failure> {
        let Some(call) = self.call else { return Ok(()) };
        // SAFETY: the caller's function with the caller's argument, during the caller's call.
        let answer = unsafe { call(self.opaque, done.min(self.total), self.total) };
        if answer == 0 { Ok(()) } else { Err(SC_ERR_CANCELLED.into()) }
    }
}

/// An open file and its size.
pub(crate) fn open(path: &Path) -> Result<(File, u64), Failure> {
    let opened = File::open(path).and_then(|file| {
        let data = file.metadata()?;
        let is_folder = data.is_dir().then(|| io::Error::from(io::ErrorKind::IsADirectory));
        is_folder.map_or(Ok((file, data.len())), Err)
    });
    opened.map_err(|error| Failure::io("open", path, &error))
}

/// Reads at least `range`, and up to `most` bytes from its start where the file has them.
pub(crate) fn read_at(
    file: &mut File,
    range: &Range<u64>,
    most: usize,
    buffer: &mut Vec<u8>,
) -> io::Result<()> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let least = range.end.saturating_sub(range.start);
    file.seek(SeekFrom::Start(range.start))?;
    buffer.clear();
    let read = file.by_ref().take(least.max(most as u64)).read_to_end(buffer)?;
    if (read as u64) < least { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}
