//! FLV to MP4 by the names of the files.

use std::ffi::{c_char, c_void};
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use core_crate::limits::Limits;
use core_crate::remux::{Options, Piece, Plan, Skimmer};

use super::part::Part;
use super::{Progress, open, read_at, sc_progress_fn};
use crate::door::hall;
use crate::error::{Failure, sc_error, told};
use crate::pointers::{fill, fits, path, sized, take};
use crate::remuxer::{layout_from, sc_layout, sc_remux_report};
use crate::status::{SC_ERR_ARGUMENT, SC_ERR_PANIC, SC_ERR_UNSUPPORTED, SC_OK, sc_status};
use crate::version::check_abi;

/// Bytes that are read at once for the index: little more than what stands between two pictures.
const GLANCE: usize = 1536;
/// Bytes that are copied between two looks at the progress.
const STEP: u64 = 16 << 20;
/// Shorter ranges are gathered in memory: a system call for each would cost more.
const LONG: u64 = 256 << 10;

/// How a file is remuxed. Zero the struct, set `struct_size`, and set what shall differ.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_remux_options {
    /// `sizeof(sc_remux_options)`, set by the caller.
    pub struct_size: usize,
    /// Where the media goes: one of `SC_LAYOUT_*`.
    pub layout: sc_layout,
    /// Whether to wait until the file is on the disk.
    pub sync: bool,
    /// Told how far the work is, and able to cancel it; may be NULL.
    pub progress: sc_progress_fn,
    /// The first argument of `progress`.
    pub opaque: *mut c_void,
}

sized!(sc_remux_options, bools: [sync]);

/// Makes the MP4 file `output` of the FLV file `input`, index in front, nothing decoded. `output` appears when it is whole, and replaces
/// what had its name; on failure nothing is left behind. `options` may be NULL. `report` (may be NULL) is filled in on success.
///
/// Errors: `SC_ERR_IO`, `SC_ERR_CANCELLED`; `SC_ERR_MALFORMED`, `SC_ERR_UNSUPPORTED` (encrypted, or nothing in it fits an MP4) and
/// `SC_ERR_LIMIT` for the input; `SC_ERR_ABI`, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`, `SC_ERR_ARGUMENT` also where both are one file. `error`
/// (may be NULL) says why.
///
/// # Safety
/// `input` and `output` end with NUL, `options` is NULL or points to an `sc_remux_options`, `report` is NULL or points to an
/// `sc_remux_report`, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_remux_file(
    abi: u32,
    input: *const c_char,
    output: *const c_char,
    options: *const sc_remux_options,
    report: *mut sc_remux_report,
    error: *mut sc_error,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        let work = || {
            check_abi(abi)?;
            let default = sc_remux_options {
                struct_size: size_of::<sc_remux_options>(),
                layout: 0,
                sync: false,
                progress: None,
                opaque: std::ptr::null_mut(),
            };
            // SAFETY: as the function's.
            let (input, output) = unsafe { (path(input)?, path(output)?) };
            // SAFETY: as the function's.
            let options = unsafe { take(options, default) }?;
            if !report.is_null() {
                // SAFETY: as the function's. A struct that cannot be filled must not cost the work.
                unsafe { fits(report) }?;
            }
            let made = remux(input, output, &options)?;
            if !report.is_null() {
                // SAFETY: as the function's.
                unsafe { fill(report, made) }?;
            }
            Ok(SC_OK)
        };
        // SAFETY: as the function's.
        unsafe { told(error, work) }
    })
}

fn remux(
    input: &Path,
    output: &Path,
    options: &sc_remux_options,
) -> Result<sc_remux_report, Failure> {
    let layout = Options::new(layout_from(options.layout)?, 4096);
    let (mut source, size) = open(input)?;
    let same = input.canonicalize().ok().zip(output.canonicalize().ok());
    if same.is_some_and(|(input, output)| input == output) {
        return Err(Failure::new(SC_ERR_ARGUMENT, "input and output are one file"));
    }
    // The index is one half of the scale, and the copy the other.
    let total = size.saturating_mul(2);
    let progress = Progress { call: options.progress, opaque: options.opaque, total };
    progress.tell(0)?;
    let plan = index(input, &mut source, size, &layout, &progress)?;
    if let Some(byte) = plan.report.encrypted_at {
        let text = format_args!("{}: encrypted tag at byte {byte}", input.display());
        return Err(Failure::new(SC_ERR_UNSUPPORTED, text));
    }
    let (part, target) = Part::file(output)?;
    let len = plan.body.len().max(1);
    let scale = |done: u64| {
        let part = u128::from(done) * u128::from(size) / u128::from(len);
        progress.tell(size.saturating_add(u64::try_from(part).unwrap_or(size)))
    };
    write(&plan, &mut source, &target, &scale).map_err(|failed| failed.into_failure(output))?;
    if options.sync {
        target.sync_all().map_err(|error| Failure::io("write", output, &error))?;
    }
    part.keep()?;
    // It is done: there is nothing left to cancel.
    let _ = progress.tell(total);
    Ok(sc_remux_report::of(&plan))
}

/// First pass: reads what tells what goes where.
fn index(
    input: &Path,
    source: &mut File,
    size: u64,
    options: &Options,
    progress: &Progress,
) -> Result<Plan, Failure> {
    let failed = |error: core_crate::error::Error| Failure::from(error).of_file(input);
    let mut skimmer = Skimmer::new(size, &Limits::default());
    let (mut buffer, mut reads) = (Vec::new(), 0_u32);
    while let Some(range) = skimmer.poll_read() {
        let read = read_at(source, &range, GLANCE, &mut buffer);
        read.map_err(|error| Failure::io("read", input, &error))?;
        skimmer.handle_read(&buffer).map_err(failed)?;
        reads = reads.wrapping_add(1);
        if reads.is_multiple_of(256) {
            progress.tell(skimmer.position())?;
        }
    }
    skimmer.finish(options).map_err(failed)
}

enum Failed {
    Io(io::Error),
    Told(Failure),
}

impl Failed {
    fn into_failure(self, output: &Path) -> Failure {
        match self {
            Self::Io(error) => Failure::io("write", output, &error),
            Self::Told(failure) => failure,
        }
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Second pass: writes the index and copies the media behind it; long ranges by the kernel.
fn write(
    plan: &Plan,
    source: &mut File,
    target: &File,
    progress: &dyn Fn(u64) -> Result<(), Failure>,
) -> Result<(), Failed> {
    let mut gathered = BufWriter::with_capacity(256 << 10, target);
    gathered.write_all(&plan.head)?;
    let (mut done, mut told) = (0_u64, 0_u64);
    for piece in plan.body.iter() {
        match piece {
            Piece::Inline(bytes) => {
                gathered.write_all(&bytes)?;
                done = done.saturating_add(bytes.len() as u64);
            }
            Piece::Copy { offset, len } => {
                source.seek(SeekFrom::Start(offset))?;
                let mut left = len;
                while left > 0 {
                    let step = left.min(STEP);
                    let mut range = (&*source).take(step);
                    let copied = if step >= LONG {
                        gathered.flush()?;
                        let mut file = target;
                        io::copy(&mut range, &mut file)?
                    } else {
                        io::copy(&mut range, &mut gathered)?
                    };
                    if copied != step {
                        return Err(Failed::Io(io::ErrorKind::UnexpectedEof.into()));
                    }
                    left = left.saturating_sub(step);
                    done = done.saturating_add(step);
                }
            }
        }
        if done.saturating_sub(told) >= STEP / 16 {
            told = done;
            progress(done).map_err(Failed::Told)?;
        }
    }
    gathered.flush()?;
    Ok(())
}
