//! A file that has its name only once it is whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::finish::sync_folder;

/// What a shell expects of a program that Ctrl-C ended.
const INTERRUPTED_STATUS: i32 = 130;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// Temporary files that are there.
static PARTS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static SIGNALS: Once = Once::new();

/// An output under a temporary name beside the final one, so that the rename stays within a file system. It goes when it is
/// dropped, and at Ctrl-C and SIGTERM, which end the program.
pub struct Part {
    path: PathBuf,
    output: PathBuf,
    /// The file, open to be written.
    pub file: File,
}

impl Part {
    /// Makes the file for `output`.
    pub fn create(output: &Path) -> anyhow::Result<Self> {
        let path = part_name(output)?;
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .with_context(|| format!("cannot make {}", output.display()))?;
        parts().push(path.clone());
        watch_signals();
        Ok(Self { path, output: output.to_path_buf(), file })
    }

    /// The temporary name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name; with `sync`, once it is on the disk, and so that the name lasts through a power cut.
    pub fn keep(self, sync: bool) -> anyhow::Result<()> {
        let shown = self.output.display();
        if sync {
            self.file.sync_all().with_context(|| format!("cannot write {shown}"))?;
        }
        fs::rename(&self.path, &self.output).with_context(|| format!("cannot write {shown}"))?;
        if sync {
            sync_folder(&self.output);
        }
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Once it was renamed there is none.
        let _ = fs::remove_file(&self.path);
        parts().retain(|path| *path != self.path);
    }
}

/// Has Ctrl-C and SIGTERM remove what was written so far and end the program.
pub fn watch_signals() {
    SIGNALS.call_once(remove_when_interrupted);
}

/// Ends the program where Ctrl-C was pressed: a file was taken away on purpose, and that is no error to tell.
pub fn exit_if_interrupted() {
    if INTERRUPTED.load(Ordering::SeqCst) {
        std::process::exit(INTERRUPTED_STATUS);
    }
}

fn part_name(output: &Path) -> anyhow::Result<PathBuf> {
    let Some(name) = output.file_name() else { bail!("{} is no name of a file", output.display()) };
    let mut name = name.to_owned();
    name.push(format!(".{}.part", std::process::id()));
    Ok(output.with_file_name(name))
}

fn parts() -> MutexGuard<'static, Vec<PathBuf>> {
    PARTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn remove_when_interrupted() {
    let spawned = std::thread::Builder::new().name("signals".into()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            runtime.block_on(crate::serve::signal());
            INTERRUPTED.store(true, Ordering::SeqCst);
            // Held to the end: no other is made.
            let parts = parts();
            for part in &*parts {
                let _ = fs::remove_file(part);
            }
            runtime.block_on(super::upload::give_up_all());
            std::process::exit(INTERRUPTED_STATUS);
        }
    });
    // Without it only the temporary file is left behind.
    drop(spawned);
}

/// Shown on a terminal only; `indicatif` hides it elsewhere.
pub fn bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    let style = ProgressStyle::with_template(
        "{msg} {bar:30} {percent:>3} %  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
    );
    if let Ok(style) = style {
        bar.set_style(style);
    }
    if !bar.is_hidden() {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}
