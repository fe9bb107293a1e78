//! Which release, and which binary interface.

use std::ffi::{CStr, c_char};

use crate::door::hall;
use crate::status::{SC_ERR_ABI, sc_status};

/// Number of the binary interface. It grows only when programs have to be compiled anew, is part of the SONAME
/// (`libstreamcore.so.0`), and is checked by every function that makes a handle.
pub const SC_ABI_VERSION: u32 = 0;

/// Major number of the release that this header belongs to.
pub const SC_VERSION_MAJOR: u32 = 0;
/// Minor number of the release that this header belongs to.
pub const SC_VERSION_MINOR: u32 = 1;
/// Patch number of the release that this header belongs to.
pub const SC_VERSION_PATCH: u32 = 0;

const TEXT: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(text) => text,
        Err(_) => c"",
    };

/// The release of the library that runs, for example `0.1.0`. A text that lives as long as the process.
#[unsafe(no_mangle)]
pub extern "C" fn sc_version() -> *const c_char {
    hall!(std::ptr::null(), { TEXT.as_ptr() })
}

/// The release of the library that runs as one number: major * 1,000,000 + minor * 1,000 + patch.
/// `SC_VERSION_NUMBER` is the header's.
#[unsafe(no_mangle)]
pub extern "C" fn sc_version_number() -> u32 {
    hall!(0, { SC_VERSION_MAJOR * 1_000_000 + SC_VERSION_MINOR * 1_000 + SC_VERSION_PATCH })
}

/// The binary interface of the library that runs; programs pass their header's `SC_ABI_VERSION` to every `sc_*_new`.
#[unsafe(no_mangle)]
pub extern "C" fn sc_abi_version() -> u32 {
    hall!(0, { SC_ABI_VERSION })
}

/// Whether a program that was compiled with `abi` may call this library.
pub(crate) fn check_abi(abi: u32) -> Result<(), sc_status> {
    if abi == SC_ABI_VERSION { Ok(()) } else { Err(SC_ERR_ABI) }
}
