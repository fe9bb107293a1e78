//! The door of every export: NULL, foreign, freed, busy and poisoned handles, and panics.

use std::any::Any;
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use crate::error::{Failure, Outcome};
use crate::status::{SC_ERR_BUSY, SC_ERR_HANDLE, SC_ERR_NULL, SC_ERR_PANIC, sc_status};

/// What every handle begins with.
#[repr(C)]
struct Head {
    /// Says that this is a handle, and of which kind.
    magic: AtomicU32,
    state: AtomicU8,
    /// Of the last call that failed. Guarded by `state`.
    failure: UnsafeCell<Option<Failure>>,
}

/// Upper half of the magic number of all handles.
const FAMILY: u32 = 0x5343_0000;
const IDLE: u8 = 0;
const BUSY: u8 = 1;
const POISONED: u8 = 2;

/// A handle's memory.
#[repr(C)]
struct Shell<T> {
    head: Head,
    /// Guarded by `head.state`.
    value: UnsafeCell<T>,
}

/// A new handle that holds `value`.
pub(crate) fn boxed<H: Handle>(value: H::Value) -> *mut H {
    let head = Head {
        magic: AtomicU32::new(FAMILY | u32::from(H::KIND)),
        state: AtomicU8::new(IDLE),
        failure: UnsafeCell::new(None),
    };
    Box::into_raw(Box::new(Shell { head, value: UnsafeCell::new(value) })).cast()
}

/// The name that C has for a [`Shell`]: a type that is never made, so that the header shows nothing of it.
///
/// # Safety
/// `KIND` is this type's alone: it says that the memory is a `Shell<Self::Value>`.
pub(crate) unsafe trait Handle: Sized {
    /// What it holds.
    type Value;
    /// Lower half of its magic number.
    const KIND: u16;
}

/// Makes `struct $name` a handle that holds `$value`.
macro_rules! handle {
    ($name:ident, $value:ty, $kind:literal) => {
        // SAFETY: no other handle has this number (a test reads them).
        unsafe impl $crate::door::Handle for $name {
            type Value = $value;
            const KIND: u16 = $kind;
        }
    };
}
pub(crate) use handle;

/// The body of an export that works on a handle: `door!(handle, |value| { … Ok(SC_OK) })`.
macro_rules! door {
    ($handle:expr, |$value:ident| $body:block) => {{
        // Outside of the unsafe block, so that what is unsafe in it says so.
        let body = $crate::door::body($handle, |$value| $body);
        // SAFETY: the caller gives NULL or a live handle, as every function of the header asks for.
        unsafe { $crate::door::enter($handle, body) }
    }};
}
pub(crate) use door;

/// The body of an export that has no handle: gives `$lost` where it panics.
macro_rules! hall {
    ($lost:expr, $body:block) => {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| $body)).unwrap_or($lost)
    };
}
pub(crate) use hall;

/// Gives `body` back: it tells the compiler its type.
pub(crate) fn body<H: Handle, F: FnOnce(&mut H::Value) -> Outcome>(_: *const H, body: F) -> F {
    body
}

/// Makes the state busy, or gives what it is.
///
/// One thread at a time uses a handle: the caller's word. An exchange would tell two threads apart that break it in the same instant, and
/// costs two to seven per cent of a publish: it waits for all stores before it. Debug builds pay that; others find the call of another thread but for its
/// first nanoseconds.
fn begin(state: &AtomicU8) -> Result<(), u8> {
    if cfg!(debug_assertions) {
        return state.compare_exchange(IDLE, BUSY, Ordering::Acquire, Ordering::Relaxed).map(drop);
    }
    match state.load(Ordering::Acquire) {
        IDLE => {
            state.store(BUSY, Ordering::Relaxed);
            Ok(())
        }
        state => Err(state),
    }
}

/// The head of a handle of this kind, which is busy from now on, and what it holds.
///
/// # Safety
/// `handle` is NULL or points to a live handle of this library, which one thread at a time uses.
unsafe fn open<'a, H: Handle>(handle: *const H) -> Result<(&'a Head, &'a mut H::Value), sc_status> {
    // SAFETY: as above; the head of another kind of handle is a head as well.
    let head = unsafe { head_of(handle.cast()) }?;
    if head.magic.load(Ordering::Relaxed) != FAMILY | u32::from(H::KIND) {
        return Err(SC_ERR_HANDLE);
    }
    if let Err(state) = begin(&head.state) {
        return Err(if state == POISONED { SC_ERR_PANIC } else { SC_ERR_BUSY });
    }
    let shell = handle.cast::<Shell<H::Value>>();
    // SAFETY: `state` was idle and is busy now, so that no call further up has a reference, and by the caller's word no other thread; the
    // kind is right.
    Ok((head, unsafe { &mut *UnsafeCell::raw_get(&raw const (*shell).value) }))
}

/// Runs `body` on what the handle holds. No call within it gets at it meanwhile, no panic leaves.
///
/// # Safety
/// `handle` is NULL or points to a live handle of this library, which one thread at a time uses.
pub(crate) unsafe fn enter<H: Handle>(
    handle: *const H,
    body: impl FnOnce(&mut H::Value) -> Outcome,
) -> sc_status {
    // SAFETY: as the function's.
    let (head, value) = match unsafe { open(handle) } {
        Ok(opened) => opened,
        Err(status) => return status,
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| body(value)));
    let (status, next, failure) = match outcome {
        Ok(Ok(status)) => (status, IDLE, None),
        Ok(Err(failure)) => (failure.status, IDLE, Some(failure)),
        Err(payload) => (SC_ERR_PANIC, POISONED, Some(panicked(payload.as_ref()))),
    };
    if let Some(failure) = failure {
        // SAFETY: the handle is still busy with this call.
        unsafe { *head.failure.get() = Some(failure) };
    }
    head.state.store(next, Ordering::Release);
    status
}

/// What [`enter`] is to the first handle of a call, for a second one within it: a panic leaves to the first, and poisons both.
///
/// # Safety
/// As [`enter`]; the handle is another one.
pub(crate) unsafe fn enter_second<H: Handle, T>(
    handle: *const H,
    body: impl FnOnce(&mut H::Value) -> Result<T, Failure>,
) -> Result<T, Failure> {
    struct Poison<'a>(&'a AtomicU8);
    impl Drop for Poison<'_> {
        fn drop(&mut self) {
            self.0.store(POISONED, Ordering::Release);
        }
    }
    // SAFETY: as the function's.
    let (head, value) = unsafe { open(handle) }?;
    let poison = Poison(&head.state);
    let given = body(value);
    std::mem::forget(poison);
    head.state.store(IDLE, Ordering::Release);
    given
}

/// The last failure of a handle of any kind.
///
/// # Safety
/// `handle` is NULL or points to a live handle of this library.
pub(crate) unsafe fn last_error(handle: *const c_void) -> Result<Option<Failure>, sc_status> {
    // SAFETY: as above.
    let head = unsafe { head_of(handle) }?;
    let before = head.state.swap(BUSY, Ordering::Acquire);
    if before == BUSY {
        return Err(SC_ERR_BUSY);
    }
    // SAFETY: the handle was not busy, and is by this call now.
    let failure = unsafe { (*head.failure.get()).clone() };
    head.state.store(before, Ordering::Release);
    Ok(failure)
}

/// Frees `*handle` and sets it to NULL, so that a second time does nothing.
///
/// # Safety
/// `handle` is NULL or points to NULL or to a live handle that no other call uses.
pub(crate) unsafe fn release<H: Handle>(handle: *mut *mut H) -> sc_status {
    if handle.is_null() {
        return crate::status::SC_OK;
    }
    // SAFETY: not NULL, and the caller's.
    let taken = unsafe { handle.replace(std::ptr::null_mut()) };
    if taken.is_null() {
        return crate::status::SC_OK;
    }
    let wrong = |status| {
        // SAFETY: as above. What was not freed stays the caller's.
        unsafe { handle.write(taken) };
        status
    };
    // SAFETY: not NULL; what a handle of another kind begins with is a head as well.
    let head = match unsafe { head_of(taken.cast_const().cast()) } {
        Ok(head) => head,
        Err(status) => return wrong(status),
    };
    if head.magic.load(Ordering::Relaxed) != FAMILY | u32::from(H::KIND) {
        return wrong(SC_ERR_HANDLE);
    }
    if head.state.swap(BUSY, Ordering::Acquire) == BUSY {
        return wrong(SC_ERR_BUSY);
    }
    head.magic.store(0, Ordering::Relaxed);
    // SAFETY: it came from `boxed`, and its magic number says of which kind it is and that it was not freed.
    let owned = unsafe { Box::from_raw(taken.cast::<Shell<H::Value>>()) };
    // What a poisoned value does when it is dropped must not leave either.
    match catch_unwind(AssertUnwindSafe(|| drop(owned))) {
        Ok(()) => crate::status::SC_OK,
        Err(_) => SC_ERR_PANIC,
    }
}

/// Runs `body`; a panic is a failure.
pub(crate) fn caught<T>(body: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(panicked(payload.as_ref())))
}

/// # Safety
/// `handle` is NULL or points to a live handle of this library.
unsafe fn head_of<'a>(handle: *const c_void) -> Result<&'a Head, sc_status> {
    if handle.is_null() {
        return Err(SC_ERR_NULL);
    }
    if handle.align_offset(align_of::<Head>()) != 0 {
        return Err(SC_ERR_HANDLE);
    }
    // SAFETY: every handle begins with this number. What is none may be smaller than a head: no more of it is looked at.
    let magic = unsafe { &*handle.cast::<AtomicU32>() }.load(Ordering::Relaxed);
    if magic & 0xFFFF_0000 != FAMILY {
        return Err(SC_ERR_HANDLE);
    }
    // SAFETY: every handle begins with a head, which is only changed through atomics and cells.
    Ok(unsafe { &*handle.cast::<Head>() })
}

fn panicked(payload: &(dyn Any + Send)) -> Failure {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic");
    Failure::new(SC_ERR_PANIC, format_args!("internal error: {text}"))
}
