//! Recordings that were not finished: a crash, or a disk that failed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use streamcore::limits::Limits;
use streamcore::mp4::index::IndexReader;
use streamcore::record::{FlvRepair, Patch};

use crate::recorder::config::Format;
use crate::recorder::file::overwrite;

/// Bytes that are read at once.
const BLOCK: usize = 1 << 20;

/// Makes the file whole, up to where it was written. Says whether there was anything in it.
pub(super) fn repair(path: &Path, format: Format) -> anyhow::Result<bool> {
    let mut file =
        OpenOptions::new().read(true).write(true).open(path).context("cannot open the file")?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        bail!("another server is writing it");
    }
    match format {
        Format::Mp4 => mp4(&mut file),
        Format::Flv => flv(&mut file),
    }
}

fn mp4(file: &mut File) -> anyhow::Result<bool> {
    let len = file.metadata().context("cannot read")?.len();
    let mut reader = IndexReader::new(len, &Limits::default());
    let mut bytes = Vec::new();
    while let Some(range) = reader.poll_read() {
        file.seek(SeekFrom::Start(range.start)).context("cannot read")?;
        bytes.clear();
        let wanted = range.end - range.start;
        io::Read::by_ref(file).take(wanted).read_to_end(&mut bytes).context("cannot read")?;
        reader.handle_read(&bytes)?;
    }
    let index = match reader.finish() {
        Ok(index) => index,
        // Not even its first block was written.
        Err(_) if len < BLOCK as u64 => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    if index.tracks.iter().all(|track| track.samples.is_empty()) {
        return Ok(false);
    }
    if index.is_plain() {
        return Ok(true);
    }
    let plan = index.in_place()?;
    let append = |mut file: &File| -> io::Result<()> {
        file.set_len(plan.at)?;
        file.seek(SeekFrom::Start(plan.at))?;
        file.write_all(&plan.moov)?;
        file.sync_data()
    };
    if let Err(error) = append(file) {
        let _ = file.set_len(plan.at);
        return Err(error).context("cannot write the index");
    }
    overwrite(file, &Patch { offset: plan.header_at, bytes: plan.header.clone() })?;
    file.sync_data().context("cannot write")?;
    Ok(true)
}

fn flv(file: &mut File) -> anyhow::Result<bool> {
    let mut repair = FlvRepair::new(&Limits::default());
    let mut block = vec![0; BLOCK];
    let mut first = true;
    loop {
        let count = match file.read(&mut block) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context("cannot read"),
        };
        if let Err(error) = repair.handle_input(&block[..count]) {
            // What stands before a damage is kept.
            anyhow::ensure!(!first, error);
            break;
        }
        first = false;
    }
    let Some((len, patches)) = repair.finish() else { return Ok(false) };
    file.set_len(len).context("cannot write")?;
    patches.iter().try_for_each(|patch| overwrite(file, patch))?;
    file.sync_data().context("cannot write")?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_nothing_is_told_from_what_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let file = |bytes: &[u8]| {
            let path = dir.path().join("x");
            std::fs::write(&path, bytes).unwrap();
            path
        };
        assert!(!repair(&file(b""), Format::Mp4).unwrap());
        assert!(!repair(&file(b"\0\0\0\x1cftypisom"), Format::Mp4).unwrap());
        assert!(!repair(&file(b""), Format::Flv).unwrap());
        assert!(repair(&file(b"not an FLV at all"), Format::Flv).is_err());
    }

    #[test]
    fn a_file_that_another_server_writes_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let other = File::create(&path).unwrap();
        other.try_lock().unwrap();
        let error = repair(&path, Format::Mp4).unwrap_err();
        assert!(error.to_string().contains("another server"), "{error}");
    }
}
