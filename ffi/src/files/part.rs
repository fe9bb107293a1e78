//! A file or folder that gets its name when it is whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::Failure;
use crate::status::SC_ERR_ARGUMENT;

/// Under another name beside its place, and gone when the value is dropped before [`keep`](Self::keep).
pub(super) struct Part {
    path: PathBuf,
    place: PathBuf,
    folder: bool,
}

/// A name beside `place` that nothing has.
fn beside(place: &Path) -> Result<PathBuf, Failure> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let Some(name) = place.file_name() else { return Err(SC_ERR_ARGUMENT.into()) };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    hidden.push(format!(".{}.{number}.part", std::process::id()));
    Ok(place.with_file_name(hidden))
}

impl Part {
    pub(super) fn file(place: &Path) -> Result<(Self, File), Failure> {
        let path = beside(place)?;
        let made = File::options().read(true).write(true).create_new(true).open(&path);
        let file = made.map_err(|error| Failure::io("make a file beside", place, &error))?;
        Ok((Self { path, place: place.to_owned(), folder: false }, file))
    }

    /// `place` must not be there, or be empty.
    pub(super) fn folder(place: &Path) -> Result<Self, Failure> {
        let failed = |error: &io::Error| Failure::io("make the folder", place, error);
        match fs::read_dir(place) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(failed(&io::ErrorKind::DirectoryNotEmpty.into()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&error)),
        }
        let path = beside(place)?;
        fs::create_dir(&path).map_err(|error| failed(&error))?;
        Ok(Self { path, place: place.to_owned(), folder: true })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name.
    pub(super) fn keep(self) -> Result<(), Failure> {
        let renamed = fs::rename(&self.path, &self.place);
        renamed.map_err(|error| Failure::io("write", &self.place, &error))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Once it was renamed there is none.
        let _ =
            if self.folder { fs::remove_dir_all(&self.path) } else { fs::remove_file(&self.path) };
    }
}
