//! FLV to a folder of HLS and DASH by the names.

use std::ffi::{c_char, c_void};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use core_crate::assemble::Assembler;
use core_crate::flv::Reader;
use core_crate::limits::Limits;
use core_crate::package::{PackageConfig, Packager};

use super::part::Part;
use super::{Progress, open, sc_progress_fn};
use crate::door::hall;
use crate::error::{Failure, Outcome, sc_error, told};
use crate::pointers::{path, sized, take};
use crate::status::{SC_ERR_PANIC, SC_OK, sc_status};
use crate::version::check_abi;

/// How a file is packaged. Zero the struct, set `struct_size`, and set what shall differ: a field of 0 keeps its default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_package_options {
    /// `sizeof(sc_package_options)`, set by the caller.
    pub struct_size: usize,
    /// A segment ends at the first key frame after so many milliseconds. Default 6,000.
    pub segment_ms: u32,
    /// Milliseconds of the fragments that segments are made of. Default: each is one.
    pub part_ms: u32,
    /// Told how far the work is, and able to cancel it; may be NULL.
    pub progress: sc_progress_fn,
    /// The first argument of `progress`.
    pub opaque: *mut c_void,
}

sized!(sc_package_options);

/// Makes of the FLV file `input` the folder `output` of HLS (`index.m3u8`) and DASH (`index.mpd`), for any web server. The folder must
/// not be there, or be empty; it appears when it is whole, and on failure nothing is left behind. `options` may be NULL.
///
/// Errors: `SC_ERR_IO`, `SC_ERR_CANCELLED`; `SC_ERR_MALFORMED`, `SC_ERR_UNSUPPORTED` (nothing in it fits a segment) and `SC_ERR_LIMIT` for the
/// input; `SC_ERR_ABI`, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`, `SC_ERR_ARGUMENT`. `error` (may be NULL) says why.
///
/// # Safety
/// `input` and `output` end with NUL, `options` is NULL or points to an `sc_package_options`, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_package_file(
    abi: u32,
    input: *const c_char,
    output: *const c_char,
    options: *const sc_package_options,
    error: *mut sc_error,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        let work = || {
            check_abi(abi)?;
            let default = sc_package_options {
                struct_size: size_of::<sc_package_options>(),
                segment_ms: 0,
                part_ms: 0,
                progress: None,
                opaque: std::ptr::null_mut(),
            };
            // SAFETY: as the function's.
            let (input, output) = unsafe { (path(input)?, path(output)?) };
            // SAFETY: as the function's.
            let options = unsafe { take(options, default) }?;
            package(input, output, &options)
        };
        // SAFETY: as the function's.
        unsafe { told(error, work) }
    })
}

/// What happens on the way.
struct Work<'a> {
    reader: Reader,
    assembler: Assembler,
    packager: Packager,
    folder: &'a Path,
}

fn package(input: &Path, output: &Path, options: &sc_package_options) -> Outcome {
    let (mut source, size) = open(input)?;
    let part = Part::folder(output)?;
    let progress = Progress { call: options.progress, opaque: options.opaque, total: size };
    let limits = Limits::default();
    let mut config = PackageConfig::default();
    if options.segment_ms != 0 {
        config.segment_duration = Duration::from_millis(options.segment_ms.into());
    }
    config.part_duration =
        (options.part_ms != 0).then(|| Duration::from_millis(options.part_ms.into()));
    let mut work = Work {
        reader: Reader::new(&limits),
        assembler: Assembler::new(&limits),
        packager: Packager::new(&config, &limits),
        folder: part.path(),
    };
    let (mut block, mut done) = (vec![0; 256 << 10], 0_u64);
    loop {
        progress.tell(done)?;
        let count = source.read(&mut block).map_err(|error| Failure::io("read", input, &error))?;
        if count == 0 {
            break;
        }
        work.feed(block.get(..count).unwrap_or_default())
            .map_err(|failed| failed.of_file(input))?;
        done = done.saturating_add(count as u64);
    }
    work.end().map_err(|failed| failed.of_file(input))?;
    progress.tell(size)?;
    part.keep()?;
    Ok(SC_OK)
}

impl Work<'_> {
    fn feed(&mut self, mut input: &[u8]) -> Result<(), Failure> {
        while !input.is_empty() {
            let taken = self.reader.handle_input(input)?;
            input = input.get(taken..).unwrap_or_default();
            self.tags()?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        // While tags wait, the reader is not yet at its end.
        loop {
            self.reader.finish();
            if self.tags()? == 0 {
                break;
            }
        }
        self.assembler.finish();
        self.events()?;
        self.packager.finish()?;
        self.files()
    }

    /// Returns how many there were.
    fn tags(&mut self) -> Result<usize, Failure> {
        let mut count = 0;
        while let Some((_, tag)) = self.reader.poll_tag() {
            self.assembler.handle_tag(&tag);
            self.events()?;
            count += 1;
        }
        Ok(count)
    }

    fn events(&mut self) -> Result<(), Failure> {
        while let Some(event) = self.assembler.poll_event() {
            self.packager.handle_event(event)?;
            self.files()?;
        }
        Ok(())
    }

    fn files(&mut self) -> Result<(), Failure> {
        while let Some(made) = self.packager.poll_file() {
            let path = self.folder.join(&made.name);
            let written = File::create_new(&path)
                .and_then(|mut file| made.body.iter().try_for_each(|piece| file.write_all(piece)));
            written.map_err(|error| Failure::io("write", &path, &error))?;
        }
        Ok(())
    }
}
