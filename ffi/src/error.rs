//! The text of an error, in memory of the caller's.

use std::ffi::{c_char, c_void};
use std::fmt::Display;

use core_crate::error::Error;

use crate::door::{Handle, hall};
use crate::pointers::fill;
use crate::status::{self, SC_OK, sc_status};

/// Bytes of `sc_error.text`, its final NUL included. Longer texts are cut.
pub const SC_ERROR_TEXT_SIZE: usize = 256;

/// What went wrong, where and at which byte. Set `struct_size` before the call; the library fills in the rest and keeps no
/// reference to it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_error {
    /// `sizeof(sc_error)`, set by the caller.
    pub struct_size: usize,
    /// The status that the call gave.
    pub status: sc_status,
    /// Offset in bytes from the start of the connection, file or buffer; -1 where it is not known.
    pub offset: i64,
    /// The layer, the field by its name in the specification, what was found, and the clause. UTF-8, ends with NUL.
    pub text: [c_char; SC_ERROR_TEXT_SIZE],
}

/// Why a call failed, inside the library.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: sc_status,
    offset: Option<u64>,
    text: String,
}

/// What an exported function's body gives.
pub(crate) type Outcome = Result<sc_status, Failure>;

impl Failure {
    pub(crate) fn new(status: sc_status, text: impl Display) -> Self {
        Self { status, offset: None, text: text.to_string() }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What the caller sees of it.
    pub(crate) fn shown(&self) -> sc_error {
        let mut error = sc_error {
            struct_size: size_of::<sc_error>(),
            status: self.status,
            offset: self.offset.and_then(|offset| i64::try_from(offset).ok()).unwrap_or(-1),
            text: [0; SC_ERROR_TEXT_SIZE],
        };
        let mut end = self.text.len().min(SC_ERROR_TEXT_SIZE - 1);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let shown = self.text.bytes().take(end).map(|byte| if byte == 0 { b' ' } else { byte });
        for (to, from) in error.text.iter_mut().zip(shown) {
            *to = c_char::from_ne_bytes([from]);
        }
        error
    }
}

impl From<sc_status> for Failure {
    fn from(status: sc_status) -> Self {
        Self::new(status, status::sentence(status).to_string_lossy())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { offset: error.offset(), ..Self::new(status::of(error.kind()), error) }
    }
}

impl Failure {
    /// A file could not be read or written.
    pub(crate) fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(status::SC_ERR_IO, format_args!("cannot {what} {}: {error}", path.display()))
    }

    /// The same at a name.
    pub(crate) fn of_file(self, path: &std::path::Path) -> Self {
        Self { text: format!("{}: {}", path.display(), self.text), ..self }
    }
}

/// Runs `work`, whose failure goes to the caller's `error`: for calls that have no handle.
///
/// # Safety
/// `error` is NULL or points to an `sc_error`.
pub(crate) unsafe fn told(error: *mut sc_error, work: impl FnOnce() -> Outcome) -> sc_status {
    match crate::door::caught(work) {
        Ok(status) => status,
        Err(failure) => {
            if !error.is_null() {
                // SAFETY: `error` points to an `sc_error`. Where its size is wrong the status of the call still tells.
                let _ = unsafe { fill(error, failure.shown()) };
            }
            failure.status
        }
    }
}

/// Tells of the last call on `handle` that failed: a server session, a reader, any handle of this library. `error` is filled in;
/// it is the caller's.
///
/// Returns `SC_OK`; `SC_NONE` where no call has failed; `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`, or `SC_ERR_BUSY` inside a callback.
/// Works for a poisoned handle.
///
/// # Safety
/// `handle` is NULL or a live handle, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_last_error(handle: *const c_void, error: *mut sc_error) -> sc_status {
    hall!(status::SC_ERR_PANIC, {
        // SAFETY: the caller gives a live handle; all begin with the same head.
        match unsafe { crate::door::last_error(handle) } {
            Err(status) => status,
            Ok(None) => status::SC_NONE,
            // SAFETY: `error` points to an `sc_error` of the caller's, who says its size.
            Ok(Some(failure)) => match unsafe { fill(error, failure.shown()) } {
                Ok(()) => SC_OK,
                Err(status) => status,
            },
        }
    })
}

/// Gives a new handle to the caller, or an error.
///
/// # Safety
/// `out` is NULL or writable, `error` is NULL or points to an `sc_error`.
pub(crate) unsafe fn deliver<H: Handle>(
    out: *mut *mut H,
    error: *mut sc_error,
    make: impl FnOnce() -> Result<H::Value, Failure>,
) -> sc_status {
    let made = if out.is_null() {
        Err(status::SC_ERR_NULL.into())
    } else {
        crate::door::caught(|| Ok(crate::door::boxed::<H>(make()?)))
    };
    match made {
        Ok(handle) => {
            // SAFETY: `out` is not NULL, and writable by the caller's word.
            unsafe { out.write(handle) };
            SC_OK
        }
        Err(failure) => {
            if !error.is_null() {
                // SAFETY: `error` points to an `sc_error`. Where its size is wrong the status of the call still tells.
                let _ = unsafe { fill(error, failure.shown()) };
            }
            failure.status
        }
    }
}
