//! Shared bytes.

use std::ffi::c_void;

use bytes::Bytes;

use crate::door::{caught, hall};
use crate::error::{Failure, Outcome};
use crate::pointers::{bytes, put};
use crate::status::{SC_ERR_HANDLE, SC_ERR_NULL, SC_ERR_PANIC, SC_OK, sc_status};

/// A reference to shared bytes that never change. Events lend one; `sc_buf_retain` makes one of the caller's own.
///
/// Any thread may read, retain and release: references are counted atomically.
pub struct sc_buf(());

/// The memory behind an [`sc_buf`].
#[repr(C)]
pub(crate) struct Shared {
    magic: u32,
    /// Whether this is a reference of the caller's, to be released.
    owned: bool,
    bytes: Bytes,
}

/// Not of the family of handles: what is none must not be taken for one.
const MAGIC: u32 = 0x7562_6373;

/// Frees memory of the caller's, once, when the last reference is gone. Called on the thread that drops it, possibly inside
/// another call of this library: it must not call back with the handle of that call.
pub type sc_free_fn = Option<unsafe extern "C" fn(opaque: *mut c_void)>;

impl Shared {
    /// One to lend: it lives in a handle.
    pub(crate) const fn lent() -> Self {
        Self { magic: MAGIC, owned: false, bytes: Bytes::new() }
    }

    /// Lends `bytes` from now on.
    pub(crate) fn lend(&mut self, bytes: Bytes) -> *const sc_buf {
        // The caller's callback may run when the one before is dropped: the new one is in place by then.
        drop(std::mem::replace(&mut self.bytes, bytes));
        (&raw const *self).cast()
    }

    fn boxed(bytes: Bytes) -> *mut sc_buf {
        Box::into_raw(Box::new(Self { magic: MAGIC, owned: true, bytes })).cast()
    }
}

/// Memory of the caller's.
struct Wrapped {
    data: *const u8,
    len: usize,
    free: sc_free_fn,
    opaque: *mut c_void,
}

// SAFETY: the header asks for memory that any thread may read, and for a callback that any thread may call.
unsafe impl Send for Wrapped {}

impl AsRef<[u8]> for Wrapped {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: checked by `sc_buf_wrap`; the caller keeps the memory until `free` is called.
        unsafe { bytes(self.data, self.len) }.unwrap_or_default()
    }
}

impl Drop for Wrapped {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the caller's function with the caller's argument, once.
            unsafe { free(self.opaque) };
        }
    }
}

/// The buffer behind a pointer.
///
/// # Safety
/// `buf` is NULL or points to a live buffer.
unsafe fn look<'a>(buf: *const sc_buf) -> Result<&'a Shared, sc_status> {
    let buf = buf.cast::<Shared>();
    if buf.is_null() {
        return Err(SC_ERR_NULL);
    }
    if !buf.is_aligned() {
        return Err(SC_ERR_HANDLE);
    }
    // SAFETY: live by the caller's word.
    let buf = unsafe { &*buf };
    if buf.magic == MAGIC { Ok(buf) } else { Err(SC_ERR_HANDLE) }
}

/// All bytes of a buffer, by reference.
///
/// # Safety
/// As [`look`].
pub(crate) unsafe fn whole(buf: *const sc_buf) -> Result<Bytes, sc_status> {
    // SAFETY: as above.
    unsafe { look(buf) }.map(|buf| buf.bytes.clone())
}

/// Bytes for the library to keep: a reference to `buf` where there is one, or else a copy of `len` bytes at `data`.
///
/// # Safety
/// As [`look`] and [`bytes`].
pub(crate) unsafe fn kept(
    buf: *const sc_buf,
    data: *const u8,
    len: usize,
) -> Result<Bytes, sc_status> {
    if buf.is_null() {
        // SAFETY: the caller's bytes, for this call.
        return unsafe { bytes(data, len) }.map(Bytes::copy_from_slice);
    }
    // SAFETY: a live buffer by the caller's word.
    let whole = &unsafe { look(buf) }?.bytes;
    if data.is_null() {
        return Ok(whole.clone());
    }
    // A part of the buffer: by address, never by trust.
    let start = (data as usize).checked_sub(whole.as_ptr() as usize);
    let range = start.and_then(|start| Some(start..start.checked_add(len)?));
    match range {
        Some(range) if range.end <= whole.len() => Ok(whole.slice(range)),
        _ => Err(crate::status::SC_ERR_ARGUMENT),
    }
}

/// # Safety
/// `out` is NULL or writable.
unsafe fn give(out: *mut *mut sc_buf, make: impl FnOnce() -> Result<Bytes, Failure>) -> sc_status {
    if out.is_null() {
        return SC_ERR_NULL;
    }
    let made: Outcome = caught(|| {
        let buf = Shared::boxed(make()?);
        // SAFETY: not NULL, and writable by the caller's word.
        unsafe { put(out, buf) };
        Ok(SC_OK)
    });
    made.unwrap_or_else(|failure| failure.status)
}

/// Makes a buffer of a copy of `len` bytes at `data`. On success `*out` is the caller's and released with `sc_buf_release`.
///
/// Errors: `SC_ERR_NULL`.
///
/// # Safety
/// `data` has `len` readable bytes, `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_buf_copy(
    data: *const u8,
    len: usize,
    out: *mut *mut sc_buf,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { give(out, || Ok(Bytes::copy_from_slice(bytes(data, len)?))) }
    })
}

/// Makes a buffer of `len` bytes at `data` that stay where they are: no byte is copied. They must not change until `free` is called
/// with `opaque`, once, when the last reference is gone; `free` may be NULL for memory that is never freed.
///
/// On success `*out` is the caller's and released with `sc_buf_release`. On failure `free` is not called.
/// Errors: `SC_ERR_NULL`, `SC_ERR_ARGUMENT` for a length past half of the address space.
///
/// # Safety
/// `data` has `len` bytes that any thread may read until `free` is called, which any thread may call; `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_buf_wrap(
    data: *const u8,
    len: usize,
    free: sc_free_fn,
    opaque: *mut c_void,
    out: *mut *mut sc_buf,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's. A failure comes before the owner is made.
        unsafe {
            give(out, || {
                bytes(data, len)?;
                Ok(Bytes::from_owner(Wrapped { data, len, free, opaque }))
            })
        }
    })
}

/// Makes a reference of the caller's own to the bytes of `buf`, which may be one that an event lends. No byte is copied. On success
/// `*out` is released with `sc_buf_release`, on any thread, and outlives the handle that it came from.
///
/// Errors: `SC_ERR_NULL`, `SC_ERR_HANDLE`.
///
/// # Safety
/// `buf` is NULL or a live buffer, `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_buf_retain(buf: *const sc_buf, out: *mut *mut sc_buf) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { give(out, || Ok(look(buf)?.bytes.clone())) }
    })
}

/// Gives up the caller's reference and sets `*buf` to NULL. `buf` or `*buf` may be NULL: nothing happens then.
///
/// Errors: `SC_ERR_HANDLE` for a buffer that an event lends, which is not the caller's to release.
///
/// # Safety
/// `buf` is NULL or points to NULL or to a live buffer of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_buf_release(buf: *mut *mut sc_buf) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: NULL, or the caller's pointer.
        let taken = if buf.is_null() { std::ptr::null_mut() } else { unsafe { buf.read() } };
        if taken.is_null() {
            return SC_OK;
        }
        // SAFETY: live by the caller's word.
        match unsafe { look(taken) } {
            Ok(found) if found.owned => {}
            Ok(_) => return SC_ERR_HANDLE,
            Err(status) => return status,
        }
        // SAFETY: `buf` is the caller's.
        unsafe { buf.write(std::ptr::null_mut()) };
        // SAFETY: it is owned, so it came from `Box::into_raw`.
        let mut owned = unsafe { Box::from_raw(taken.cast::<Shared>()) };
        owned.magic = 0;
        drop(owned);
        SC_OK
    })
}

/// The bytes of a buffer: valid while the reference lives. NULL for NULL.
///
/// # Safety
/// `buf` is NULL or a live buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_buf_data(buf: *const sc_buf) -> *const u8 {
    hall!(std::ptr::null(), {
        // SAFETY: as the function's.
        unsafe { look(buf) }.map_or(std::ptr::null(), |buf| buf.bytes.as_ptr())
    })
}

/// Length of a buffer in bytes; 0 for NULL.
///
/// # Safety
/// `buf` is NULL or a live buffer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_buf_size(buf: *const sc_buf) -> usize {
    hall!(0, {
        // SAFETY: as the function's.
        unsafe { look(buf) }.map_or(0, |buf| buf.bytes.len())
    })
}
