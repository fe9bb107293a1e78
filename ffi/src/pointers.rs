//! From the caller's pointers to Rust, and back.

use std::ffi::{CStr, CString, c_char};
use std::path::Path;

use crate::error::Failure;
use crate::status::{SC_ERR_NULL, SC_ERR_STRUCT_SIZE, SC_ERR_UTF8, sc_status};

/// A struct that the caller shares with the library: `struct_size` is its first field.
///
/// # Safety
/// `repr(C)`, `Copy`, the first field is `struct_size: usize`, and any bytes of a caller make a valid value, but for those of `BOOLS`.
pub(crate) unsafe trait Shared: Copy {
    /// Size of the struct in the first release that had it: none smaller is right.
    const FIRST_SIZE: usize;
    /// Offsets of the `bool` fields that [`take`] reads: a C program may have any number there, a Rust one only 0 and 1.
    const BOOLS: &[usize];
}

/// Marks structs whose first field is `struct_size`.
macro_rules! sized {
    ($name:ty, bools: [$($field:ident),*]) => {
        // SAFETY: it is `repr(C)` and `Copy`, begins with `struct_size`, and has only numbers, pointers, functions and arrays of them, and
        // `bool`s, which are named where callers fill them in.
        unsafe impl $crate::pointers::Shared for $name {
            const FIRST_SIZE: usize = size_of::<$name>();
            const BOOLS: &[usize] = &[$(std::mem::offset_of!($name, $field)),*];
        }
    };
    ($($name:ty),+ $(,)?) => {
        $($crate::pointers::sized!($name, bools: []);)+
    };
}
pub(crate) use sized;

sized!(crate::error::sc_error);

/// Writes `value` to the caller's struct, as much of it as the caller knows.
///
/// # Safety
/// `to` is NULL or points to a struct whose `struct_size` is its true size.
pub(crate) unsafe fn fill<T: Shared>(to: *mut T, value: T) -> Result<(), sc_status> {
    // SAFETY: as the function's.
    unsafe { fits(to) }?;
    // SAFETY: the first field of every such struct is its size.
    let size = unsafe { to.cast::<usize>().read() };
    let (from, to) = ((&raw const value).cast::<u8>(), to.cast::<u8>());
    let head = size_of::<usize>();
    let size = size.min(size_of::<T>());
    // SAFETY: both have at least `size` bytes, which is at least `head`; the caller's size is left as it is.
    unsafe { std::ptr::copy_nonoverlapping(from.add(head), to.add(head), size - head) };
    Ok(())
}

/// Whether [`fill`] would fill the caller's struct: asked before anything is taken out of a queue.
///
/// # Safety
/// As [`fill`].
pub(crate) unsafe fn fits<T: Shared>(to: *const T) -> Result<(), sc_status> {
    if to.is_null() {
        return Err(SC_ERR_NULL);
    }
    // SAFETY: the first field of every such struct is its size.
    let size = unsafe { to.cast::<usize>().read() };
    if size < T::FIRST_SIZE { Err(SC_ERR_STRUCT_SIZE) } else { Ok(()) }
}

/// Whether every caller knows all fields of a struct, so that they may be read and written one by one.
///
/// What passes with every message is: a struct that is put together and then copied is written twice.
pub(crate) const fn is_known_whole<T: Shared>() -> bool {
    T::FIRST_SIZE == size_of::<T>()
}

/// Reads the caller's struct; fields that the caller does not know are those of `default`. NULL is the default.
///
/// # Safety
/// `from` is NULL or points to a struct whose `struct_size` is its true size.
pub(crate) unsafe fn take<T: Shared>(from: *const T, default: T) -> Result<T, sc_status> {
    if from.is_null() {
        return Ok(default);
    }
    // SAFETY: the first field of every such struct is its size.
    let size = unsafe { from.cast::<usize>().read() };
    if size < T::FIRST_SIZE {
        return Err(SC_ERR_STRUCT_SIZE);
    }
    let mut value = std::mem::MaybeUninit::new(default);
    let bytes = value.as_mut_ptr().cast::<u8>();
    // SAFETY: both have at least that many bytes.
    unsafe { std::ptr::copy_nonoverlapping(from.cast::<u8>(), bytes, size.min(size_of::<T>())) };
    for &offset in T::BOOLS {
        // SAFETY: the offset of a field of one byte.
        unsafe { bytes.add(offset).write(u8::from(bytes.add(offset).read() != 0)) };
    }
    // SAFETY: it was whole before, any bytes make a valid value, and the `bool`s are 0 or 1.
    Ok(unsafe { value.assume_init() })
}

/// The caller's bytes. NULL is allowed where `len` is 0.
///
/// # Safety
/// `data` has `len` readable bytes that do not change while the result is used.
pub(crate) unsafe fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8], sc_status> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(SC_ERR_NULL);
    }
    if isize::try_from(len).is_err() {
        return Err(crate::status::SC_ERR_ARGUMENT);
    }
    // SAFETY: by the caller's word; the length fits.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// The caller's text, which ends with NUL.
///
/// # Safety
/// `text` is NULL or ends with NUL and does not change while the result is used.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Result<&'a str, sc_status> {
    if text.is_null() {
        return Err(SC_ERR_NULL);
    }
    // SAFETY: it ends with NUL by the caller's word.
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| SC_ERR_UTF8)
}

/// The caller's name of a file. Where the system's names are bytes they need not be UTF-8.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn path<'a>(name: *const c_char) -> Result<&'a Path, sc_status> {
    if name.is_null() {
        return Err(SC_ERR_NULL);
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        // SAFETY: it ends with NUL by the caller's word.
        let name = unsafe { CStr::from_ptr(name) };
        Ok(Path::new(std::ffi::OsStr::from_bytes(name.to_bytes())))
    }
    #[cfg(not(unix))]
    {
        // SAFETY: it ends with NUL by the caller's word.
        unsafe { text(name) }.map(Path::new)
    }
}

/// Writes one value where the caller wants it; NULL says that it is not wanted.
///
/// # Safety
/// `to` is NULL or writable.
pub(crate) unsafe fn put<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: writable by the caller's word.
        unsafe { to.write(value) };
    }
}

/// As [`put`], for values without which the call makes no sense.
///
/// # Safety
/// `to` is NULL or writable.
pub(crate) unsafe fn must_put<T>(to: *mut T, value: T) -> Result<(), Failure> {
    if to.is_null() {
        return Err(SC_ERR_NULL.into());
    }
    // SAFETY: writable by the caller's word.
    unsafe { to.write(value) };
    Ok(())
}

/// A text for C. A NUL within becomes a space: it would end the text.
pub(crate) fn c_text(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().map(|byte| if byte == 0 { b' ' } else { byte }).collect();
    CString::new(bytes).unwrap_or_default()
}
