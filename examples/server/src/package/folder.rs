//! The folder that is made: under a hidden name until all of it is there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, bail, ensure};
use streamcore::buf::Chain;

use super::media::Media;

/// What a shell expects of a program that Ctrl-C ended.
const INTERRUPTED_STATUS: i32 = 130;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// A folder that is not there yet. It goes when the value is dropped before [`publish`](Self::publish).
pub struct Folder {
    part: PathBuf,
    output: PathBuf,
}

impl Folder {
    /// Makes the hidden folder beside `output`, which must not be there or be empty.
    pub fn new(output: &Path) -> anyhow::Result<Self> {
        let shown = output.display();
        match fs::read_dir(output) {
            Ok(mut entries) => ensure!(entries.next().is_none(), "{shown} is not empty"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot make {shown}")),
        }
        let Some(name) = output.file_name() else { bail!("{shown} is no name of a folder") };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let part = output.with_file_name(hidden);
        fs::create_dir(&part).with_context(|| format!("cannot make a folder beside {shown}"))?;
        Ok(Self { part, output: output.to_owned() })
    }

    /// Writes a file.
    pub fn write(&self, name: &str, body: Chain, media: &Media<'_>) -> anyhow::Result<()> {
        let write = || media.write(body, &mut File::create_new(self.part.join(name))?);
        write().with_context(|| format!("cannot write {name}"))
    }

    /// Removes the files that were written.
    pub fn clear(&self) -> io::Result<()> {
        fs::read_dir(&self.part)?.try_for_each(|entry| fs::remove_file(entry?.path()))
    }

    /// Gives the folder its name: all files are there at once.
    pub fn publish(self) -> io::Result<()> {
        fs::rename(&self.part, &self.output)
    }

    /// Ctrl-C and SIGTERM remove what was written so far and end the program.
    pub fn remove_when_interrupted(&self) {
        let part = self.part.clone();
        let spawned = std::thread::Builder::new().name("signals".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(crate::serve::signal());
            INTERRUPTED.store(true, Ordering::SeqCst);
            // A file may be made in the folder while it is removed; without the folder none can.
            while part.exists() && fs::remove_dir_all(&part).is_err() {
                std::thread::yield_now();
            }
            std::process::exit(INTERRUPTED_STATUS);
        });
        // Without it only the hidden folder is left behind.
        drop(spawned);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // After a rename there is nothing of that name.
        let _ = fs::remove_dir_all(&self.part);
    }
}

/// Where a signal has taken the folder away, what went wrong for want of it is no error to tell.
pub fn give_way_to_interrupt() {
    if INTERRUPTED.load(Ordering::SeqCst) {
        std::process::exit(INTERRUPTED_STATUS);
    }
}
