//! Callbacks of the caller's, which call back.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::rc::Rc;

use super::world::{World, free, no_error};
use crate::status::{SC_ERR_BUSY, SC_ERR_CANCELLED, SC_ERR_HANDLE, SC_NONE, SC_OK};
use crate::*;

/// Memory of the caller's, gone when it is let go: who reads it later is found.
pub(super) struct Wrapped {
    world: *const World,
    data: RefCell<Option<Box<[u8]>>>,
    freed: Cell<u32>,
    choice: u8,
}

impl Wrapped {
    pub(super) fn new(world: &World, data: Box<[u8]>, choice: u8) -> Rc<Self> {
        let data = RefCell::new(Some(data));
        Rc::new(Self { world, data, freed: Cell::new(0), choice })
    }

    pub(super) fn start(&self) -> *const u8 {
        self.data.borrow().as_ref().map_or(null(), |data| data.as_ptr())
    }

    pub(super) fn len(&self) -> usize {
        self.data.borrow().as_ref().map_or(0, |data| data.len())
    }

    /// How often it was let go.
    pub(super) const fn freed(&self) -> u32 {
        self.freed.get()
    }

    /// Nothing of the library's refers to it.
    pub(super) fn never_given(&self) {
        self.freed.set(self.freed.get() + 1);
    }
}

/// The callback that lets memory go.
///
/// # Safety
/// `opaque` is a `Wrapped` of a world that lives.
pub(super) unsafe extern "C" fn let_go(opaque: *mut c_void) {
    // SAFETY: as the function's.
    let wrapped = unsafe { &*opaque.cast::<Wrapped>() };
    wrapped.freed.set(wrapped.freed.get() + 1);
    wrapped.data.take();
    // SAFETY: as the function's.
    call_back(unsafe { &*wrapped.world }, wrapped.choice);
}

/// What a callback does: the handle of its own call is refused to it, others are not.
fn call_back(world: &World, choice: u8) {
    let calling = world.calling();
    let mut error = no_error();
    if !calling.is_null() {
        // SAFETY: the handle of a call that has not returned.
        let told = unsafe { sc_last_error(calling, &raw mut error) };
        // One that is being freed is none any more.
        assert!(told == SC_ERR_BUSY || told == SC_ERR_HANDLE, "{told}");
        for kind in 1..13 {
            let mut again = calling;
            let status = free(kind, &raw mut again);
            assert!(status == SC_ERR_BUSY || status == SC_ERR_HANDLE, "{status}");
            assert_eq!(again, calling);
        }
    }
    let other = world.any(choice);
    if world.is_handle(other) && other != calling && other != world.lent.get() {
        // SAFETY: a live handle.
        let told = unsafe { sc_last_error(other, &raw mut error) };
        assert!(told == SC_OK || told == SC_NONE, "{told}");
    }
    let mut writer = null_mut();
    // SAFETY: the place is this function's.
    unsafe {
        assert_eq!(sc_flv_writer_new(SC_ABI_VERSION, &raw mut writer, null_mut()), SC_OK);
        assert_eq!(sc_flv_writer_header(writer, true, true), SC_OK);
        assert_eq!(sc_flv_writer_free(&raw mut writer), SC_OK);
    }
}

/// Who is told how far a call on files is.
pub(super) struct Watcher {
    world: *const World,
    done: Cell<u64>,
    /// Calls after which it cancels; 0 never does.
    pub(super) patience: Cell<u32>,
    pub(super) cancelled: Cell<bool>,
}

impl Watcher {
    pub(super) const fn new(world: &World, patience: u32) -> Self {
        let (done, cancelled) = (Cell::new(0), Cell::new(false));
        Self { world, done, patience: Cell::new(patience), cancelled }
    }

    /// What the call gives goes with what was asked.
    pub(super) fn judges(&self, status: sc_status) {
        assert!(self.cancelled.get() || status != SC_ERR_CANCELLED);
        assert!(!self.cancelled.get() || status == SC_ERR_CANCELLED || status == SC_OK, "{status}");
    }
}

/// The callback of calls on files.
///
/// # Safety
/// `opaque` is a `Watcher` of a world that lives.
pub(super) unsafe extern "C" fn watch(opaque: *mut c_void, done: u64, total: u64) -> i32 {
    // SAFETY: as the function's.
    let watcher = unsafe { &*opaque.cast::<Watcher>() };
    assert!(done <= total && done >= watcher.done.get(), "{done} of {total}");
    watcher.done.set(done);
    // SAFETY: as the function's.
    call_back(unsafe { &*watcher.world }, 0);
    let patience = watcher.patience.get();
    watcher.patience.set(patience.saturating_sub(1));
    watcher.cancelled.set(watcher.cancelled.get() || patience == 1);
    i32::from(patience == 1)
}
