//! What a call came to.

use std::ffi::{CStr, c_char};

use core_crate::error::ErrorKind;

use crate::door::hall;

/// What a call came to: `SC_OK` (0), a positive number where there is nothing to give, or a negative `SC_ERR_*`.
/// Numbers are never given a new meaning.
pub type sc_status = i32;

/// It is done; output parameters are set.
pub const SC_OK: sc_status = 0;
/// There is nothing to give now. Not an error; output parameters are untouched.
pub const SC_NONE: sc_status = 1;
/// The answer is not there yet: ask again when the muxer's version has changed. Not an error.
pub const SC_WAIT: sc_status = 2;
/// What was asked for is not there any more. Not an error.
pub const SC_GONE: sc_status = 3;
/// This file has no place for the track: a new one has. Not an error.
pub const SC_NEW_FILE: sc_status = 4;

/// The bytes do not follow their format.
pub const SC_ERR_MALFORMED: sc_status = -1;
/// The bytes follow the format and break the rules of the protocol.
pub const SC_ERR_VIOLATION: sc_status = -2;
/// The input is larger than a limit allows.
pub const SC_ERR_LIMIT: sc_status = -3;
/// The input is valid and uses something that the library does not implement.
pub const SC_ERR_UNSUPPORTED: sc_status = -4;
/// A call against the documented order.
pub const SC_ERR_MISUSE: sc_status = -5;
/// A fault of the library.
pub const SC_ERR_INTERNAL: sc_status = -6;
/// A pointer that must not be NULL is NULL.
pub const SC_ERR_NULL: sc_status = -32;
/// A pointer that is no handle of this kind, as far as that can be told: of another kind, or freed.
pub const SC_ERR_HANDLE: sc_status = -33;
/// The library panicked in this call or in an earlier one on this handle. The handle can only be freed; others are not touched.
pub const SC_ERR_PANIC: sc_status = -34;
/// The program was compiled with a header of another `SC_ABI_VERSION`.
pub const SC_ERR_ABI: sc_status = -35;
/// `struct_size` is not set, or is smaller than the first release's.
pub const SC_ERR_STRUCT_SIZE: sc_status = -36;
/// A text is not UTF-8.
pub const SC_ERR_UTF8: sc_status = -37;
/// The handle is in another call: of this thread further up, which called back, or of another thread, where it can be told.
pub const SC_ERR_BUSY: sc_status = -38;
/// Reading or writing a file failed.
pub const SC_ERR_IO: sc_status = -39;
/// The caller's callback cancelled the work.
pub const SC_ERR_CANCELLED: sc_status = -40;
/// A value that is none of those allowed.
pub const SC_ERR_ARGUMENT: sc_status = -41;

/// The status that goes with the core's error kinds.
pub(crate) fn of(kind: ErrorKind) -> sc_status {
    match kind {
        ErrorKind::Malformed => SC_ERR_MALFORMED,
        ErrorKind::Violation => SC_ERR_VIOLATION,
        ErrorKind::LimitExceeded => SC_ERR_LIMIT,
        ErrorKind::Unsupported => SC_ERR_UNSUPPORTED,
        ErrorKind::Misuse => SC_ERR_MISUSE,
        _ => SC_ERR_INTERNAL,
    }
}

/// A sentence for each status.
pub(crate) fn sentence(status: sc_status) -> &'static CStr {
    match status {
        SC_OK => c"done",
        SC_NONE => c"nothing to give now",
        SC_WAIT => c"not there yet",
        SC_GONE => c"not there any more",
        SC_NEW_FILE => c"the track needs a new file",
        SC_ERR_MALFORMED => c"malformed input",
        SC_ERR_VIOLATION => c"protocol violation",
        SC_ERR_LIMIT => c"limit exceeded",
        SC_ERR_UNSUPPORTED => c"unsupported input",
        SC_ERR_MISUSE => c"call against the documented order",
        SC_ERR_INTERNAL => c"internal error",
        SC_ERR_NULL => c"a pointer that must not be NULL is NULL",
        SC_ERR_HANDLE => c"not a handle of this kind, or freed",
        SC_ERR_PANIC => c"the handle is poisoned by a panic and can only be freed",
        SC_ERR_ABI => c"the program was compiled with a header of another SC_ABI_VERSION",
        SC_ERR_STRUCT_SIZE => c"struct_size is not set, or too small",
        SC_ERR_UTF8 => c"a text is not UTF-8",
        SC_ERR_BUSY => c"the handle is in another call",
        SC_ERR_IO => c"reading or writing failed",
        SC_ERR_CANCELLED => c"cancelled by the callback",
        SC_ERR_ARGUMENT => c"a value that is not allowed",
        _ => c"unknown status",
    }
}

/// A sentence for a status, in English. A text that lives as long as the process; never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sc_status_text(status: sc_status) -> *const c_char {
    hall!(c"".as_ptr(), { sentence(status).as_ptr() })
}
