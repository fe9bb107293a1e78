//! The caller: its handles, its memory, and what it asks of each answer.

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::{CStr, c_char, c_void};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Given;
use super::input::Input;
use super::reenter::Wrapped;
use crate::door::Handle;
use crate::status::{SC_ERR_HANDLE, SC_ERR_INTERNAL, SC_ERR_NULL, SC_ERR_PANIC, SC_OK, sc_status};
use crate::*;

/// Handles of one kind at a time.
const SLOTS: usize = 2;
/// One more than the last number of a kind of handles.
const KINDS: u16 = 13;

pub(super) struct World {
    handles: Vec<[Cell<*mut c_void>; SLOTS]>,
    /// References of the caller's own.
    pub(super) bufs: [Cell<*mut sc_buf>; 4],
    pub(super) tracks: [Cell<*mut sc_track>; SLOTS],
    /// The newest access unit, whose memory is the last of `bufs`.
    pub(super) unit: Cell<Option<sc_unit>>,
    /// The newest request of a server session, and its stream.
    pub(super) request: Cell<(u32, u32)>,
    /// A file in memory: what writers and recorders wrote, or what the input says.
    pub(super) file: RefCell<Vec<u8>>,
    /// The handle of the call that runs.
    calling: Cell<*mut c_void>,
    /// Another handle that it works on.
    pub(super) lent: Cell<*mut c_void>,
    /// Memory of the caller's that the library may have references to.
    pub(super) wrapped: RefCell<Vec<Rc<Wrapped>>>,
    noise: Vec<u64>,
    folder: OnceCell<PathBuf>,
    /// How many files may still be read or made: they are slow.
    files: Cell<u32>,
    given: RefCell<Given>,
}

/// What stands for a handle in a call.
pub(super) struct Argument<H> {
    pub(super) pointer: *mut H,
    /// What the call must give, whatever else is wrong.
    pub(super) refused: Option<sc_status>,
}

/// A call on a handle of the input's choice: the status, which was looked at.
macro_rules! on {
    ($world:expr, $input:expr, $function:ident $(, $argument:expr)* $(,)?) => {{
        let handle = $world.handle($input);
        // SAFETY: handles are live, NULL, or memory of the world that is none; other pointers are as the header asks for, or NULL.
        let call = || unsafe { $function(handle.pointer, $($argument),*) };
        let status = $world.during(handle.pointer, call);
        $world.check(stringify!($function), &handle, status)
    }};
}

/// A call that has no handle to choose.
macro_rules! call {
    ($world:expr, $function:ident $(, $argument:expr)* $(,)?) => {{
        // SAFETY: pointers are live, NULL, or memory of the world that is none.
        let status = unsafe { $function($($argument),*) };
        $world.note(stringify!($function), status)
    }};
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            handles: (0..KINDS).map(|_| [Cell::new(null_mut()), Cell::new(null_mut())]).collect(),
            bufs: Default::default(),
            tracks: Default::default(),
            unit: Cell::new(None),
            request: Cell::new((0, 0)),
            file: RefCell::default(),
            calling: Cell::new(null_mut()),
            lent: Cell::new(null_mut()),
            wrapped: RefCell::default(),
            noise: vec![0xa5a5_a5a5_a5a5_a5a5; 64],
            folder: OnceCell::new(),
            files: Cell::new(6),
            given: RefCell::default(),
        }
    }

    /// Where a handle of a kind is kept.
    pub(super) fn place<H: Handle>(&self, slot: usize) -> &Cell<*mut c_void> {
        self.place_of(H::KIND, slot)
    }

    pub(super) fn place_of(&self, kind: u16, slot: usize) -> &Cell<*mut c_void> {
        &self.handles[usize::from(kind % KINDS)][slot % SLOTS]
    }

    /// A live handle of any kind, buffer or track, or NULL.
    pub(super) fn any(&self, choice: u8) -> *mut c_void {
        let handles = self.handles.iter().flatten().map(Cell::get);
        let bufs = self.bufs.iter().map(|buf| buf.get().cast());
        let all = handles.chain(bufs).chain(self.tracks.iter().map(|track| track.get().cast()));
        let all: Vec<*mut c_void> = all.filter(|handle| !handle.is_null()).collect();
        all.get(usize::from(choice) % all.len().max(1)).copied().unwrap_or(null_mut())
    }

    /// Whether it is a live handle: no buffer, no track, and not memory that is none of them.
    pub(super) fn is_handle(&self, pointer: *mut c_void) -> bool {
        !pointer.is_null() && self.handles.iter().flatten().any(|handle| handle.get() == pointer)
    }

    /// Readable memory that is no handle; not even aligned.
    pub(super) fn noise(&self, is_aligned: bool) -> *mut c_void {
        let start = self.noise.as_ptr().cast::<u8>().cast_mut();
        start.wrapping_add(usize::from(!is_aligned)).cast()
    }

    /// A handle by the input's choice.
    pub(super) fn handle<H: Handle>(&self, input: &mut Input<'_>) -> Argument<H> {
        let slot = input.slot();
        match input.wrong() {
            0..=0xbf => self.right(slot),
            0xc0..=0xcf => Argument { pointer: null_mut(), refused: Some(SC_ERR_NULL) },
            choice @ 0xd0..=0xdf => {
                let pointer = self.any(choice & 15);
                if (0..SLOTS).any(|slot| self.place::<H>(slot).get() == pointer) {
                    return self.right(slot);
                }
                let refused = Some(if pointer.is_null() { SC_ERR_NULL } else { SC_ERR_HANDLE });
                Argument { pointer: pointer.cast(), refused }
            }
            choice => {
                let pointer = self.noise(choice < 0xf0).cast();
                Argument { pointer, refused: Some(SC_ERR_HANDLE) }
            }
        }
    }

    /// The handle in a slot. What was freed is NULL there.
    pub(super) fn right<H: Handle>(&self, slot: usize) -> Argument<H> {
        let pointer = self.place::<H>(slot).get().cast::<H>();
        Argument { pointer, refused: pointer.is_null().then_some(SC_ERR_NULL) }
    }

    /// Runs a call; callbacks know which handle it is on.
    pub(super) fn during<H, T>(&self, handle: *mut H, call: impl FnOnce() -> T) -> T {
        let before = self.calling.replace(handle.cast());
        let result = call();
        self.calling.set(before);
        result
    }

    /// The handle of the call that runs, or NULL.
    pub(super) fn calling(&self) -> *mut c_void {
        self.calling.get()
    }

    /// A status that the header names, and none of those that are a fault of the library.
    pub(super) fn note(&self, function: &'static str, status: sc_status) -> sc_status {
        let named = !status::sentence(status).to_bytes().starts_with(b"unknown");
        assert!(named, "{function} gives {status}");
        assert!(![SC_ERR_INTERNAL, SC_ERR_PANIC].contains(&status), "{function} gives {status}");
        self.given.borrow_mut().insert((function, status));
        status
    }

    /// The same of a call on a handle, which has the words for what failed.
    pub(super) fn check<H>(
        &self,
        function: &'static str,
        handle: &Argument<H>,
        status: sc_status,
    ) -> sc_status {
        self.note(function, status);
        if let Some(refused) = handle.refused {
            assert_eq!(status, refused, "{function}");
        } else if status < SC_OK {
            let mut error = no_error();
            // SAFETY: a live handle, and an error of its size.
            let told = unsafe { sc_last_error(handle.pointer.cast_const().cast(), &raw mut error) };
            assert_eq!((told, error.status), (SC_OK, status), "{function}");
            assert!(
                !read_text(error.text.as_ptr()).is_empty(),
                "{function}: {status} has no words"
            );
        }
        status
    }

    /// Whether one more file may be touched.
    pub(super) fn spend_file(&self) -> bool {
        let left = self.files.get();
        self.files.set(left.saturating_sub(1));
        left > 0
    }

    /// A folder that is gone with the world.
    pub(super) fn folder(&self) -> &Path {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        self.folder.get_or_init(|| {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("streamcore-operations-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&path).expect("a folder for temporary files");
            path
        })
    }

    /// Frees all that is left. Memory of the caller's was let go once, by then.
    pub(super) fn end(self) -> Given {
        for kind in 1..KINDS {
            for slot in 0..SLOTS {
                let mut handle = self.place_of(kind, slot).take();
                let status = self.during(handle, || free(kind, &raw mut handle));
                assert!(status == SC_OK && handle.is_null(), "kind {kind}: {status}");
            }
        }
        for track in &self.tracks {
            assert_eq!(call!(self, sc_track_release, track.as_ptr()), SC_OK);
        }
        for buf in &self.bufs {
            assert_eq!(call!(self, sc_buf_release, buf.as_ptr()), SC_OK);
        }
        for wrapped in self.wrapped.borrow().iter() {
            assert_eq!(wrapped.freed(), 1, "the caller's memory is let go once");
        }
        if let Some(folder) = self.folder.get() {
            std::fs::remove_dir_all(folder).expect("a folder that is still there");
        }
        self.given.take()
    }
}

/// The function that frees a kind of handles.
pub(super) fn free(kind: u16, place: *mut *mut c_void) -> sc_status {
    // SAFETY: the place is of the caller's, and holds NULL, a live handle of some kind, or memory that is none.
    unsafe {
        match kind {
            1 => sc_flv_reader_free(place.cast()),
            2 => sc_flv_writer_free(place.cast()),
            3 => sc_assembler_free(place.cast()),
            4 => sc_flv_recorder_free(place.cast()),
            5 => sc_server_session_free(place.cast()),
            6 => sc_muxer_free(place.cast()),
            7 => sc_file_free(place.cast()),
            8 => sc_gop_cache_free(place.cast()),
            9 => sc_client_session_free(place.cast()),
            10 => sc_mp4_recorder_free(place.cast()),
            11 => sc_remuxer_free(place.cast()),
            12 => sc_probe_free(place.cast()),
            _ => unreachable!("no handle has this kind"),
        }
    }
}

pub(super) const fn no_error() -> sc_error {
    sc_error {
        struct_size: size_of::<sc_error>(),
        status: 0,
        offset: 0,
        text: [0; SC_ERROR_TEXT_SIZE],
    }
}

/// A text that the library lends: it ends, and is UTF-8. NULL is empty.
pub(super) fn read_text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: lent by the call before, and ends with NUL.
    unsafe { CStr::from_ptr(text) }.to_str().expect("texts are UTF-8").to_owned()
}

/// Bytes that the library lends.
pub(super) fn read_bytes(data: *const u8, size: usize) -> Vec<u8> {
    if size == 0 {
        return Vec::new();
    }
    // SAFETY: lent by the call before.
    unsafe { std::slice::from_raw_parts(data, size) }.to_vec()
}

/// Where a number goes, or NULL.
pub(super) fn out<T>(input: &mut Input<'_>, place: &mut T) -> *mut T {
    if input.wrong() >= 0xe0 { null_mut() } else { place }
}
