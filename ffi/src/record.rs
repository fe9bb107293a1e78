//! Recording a live stream as FLV.

use core_crate::buf::Chain;
use core_crate::limits::Limits;
use core_crate::record::{FlvRecorder, Patch};

use crate::door::{door, hall, handle, release};
use crate::error::{deliver, sc_error};
use crate::media::{sc_tag, tag_from};
use crate::output::{list, sc_iovec, sent};
use crate::pointers::{must_put, put};
use crate::status::{SC_ERR_PANIC, SC_NONE, SC_OK, sc_status};
use crate::version::check_abi;

/// Writes a live stream to an FLV file: give tags with `sc_flv_recorder_handle_tag`, append what `sc_flv_recorder_output` lists, and at the
/// end call `sc_flv_recorder_finish`, append again, and write the patches of `sc_flv_recorder_poll_patch` in their places.
/// A file that was never finished is whole as well, but for its duration and size.
///
/// One thread at a time.
pub struct sc_flv_recorder(());

pub(crate) struct Recording {
    recorder: FlvRecorder,
    out: Chain,
    patches: std::collections::VecDeque<Patch>,
    /// The patch that is lent.
    lent: Option<Patch>,
}

handle!(sc_flv_recorder, Recording, 4);

/// Makes a recorder at the start of a file. On success `*out` is freed with `sc_flv_recorder_free`; on failure it is untouched and
/// `error` says why.
///
/// Errors: `SC_ERR_ABI`, `SC_ERR_NULL`.
///
/// # Safety
/// `out` is writable, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_recorder_new(
    abi: u32,
    out: *mut *mut sc_flv_recorder,
    error: *mut sc_error,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        let make = || {
            check_abi(abi)?;
            let recorder = FlvRecorder::new(&Limits::default());
            let value =
                Recording { recorder, out: Chain::new(), patches: Default::default(), lent: None };
            Ok(value)
        };
        // SAFETY: as the function's.
        unsafe { deliver::<sc_flv_recorder>(out, error, make) }
    })
}

/// Frees a recorder and sets `*recorder` to NULL. `recorder` or `*recorder` may be NULL.
///
/// # Safety
/// `recorder` is NULL or points to NULL or to a live recorder that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_recorder_free(recorder: *mut *mut sc_flv_recorder) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { release(recorder) }
    })
}

/// Takes the next tag. A body with a `buf` is referenced, not copied.
///
/// Errors: `SC_ERR_LIMIT` for a body of 2^24 bytes or more: the tag is left out and the recording may go on. `SC_ERR_MISUSE` once finished.
///
/// # Safety
/// `recorder` is a live recorder, `tag` points to an `sc_tag` with pointers as its documentation says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_recorder_handle_tag(
    recorder: *mut sc_flv_recorder,
    tag: *const sc_tag,
) -> sc_status {
    door!(recorder, |value| {
        // SAFETY: as the function's.
        let tag = unsafe { tag_from(tag) }?;
        let written = value.recorder.handle_tag(&tag)?;
        value.out.extend(written);
        Ok(SC_OK)
    })
}

/// Ends the recording: append what `sc_flv_recorder_output` lists, then apply the patches.
///
/// # Safety
/// `recorder` is a live recorder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_recorder_finish(recorder: *mut sc_flv_recorder) -> sc_status {
    door!(recorder, |value| {
        value.patches.extend(value.recorder.finish());
        Ok(SC_OK)
    })
}

/// Gives the next patch, or `SC_NONE`: `*size` bytes at `*data`, lent until the next call, to be written at `*offset` of the file.
///
/// # Safety
/// `recorder` is a live recorder; `offset`, `data` and `size` are writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_recorder_poll_patch(
    recorder: *mut sc_flv_recorder,
    offset: *mut u64,
    data: *mut *const u8,
    size: *mut usize,
) -> sc_status {
    door!(recorder, |value| {
        // SAFETY: as the function's. What cannot be written must not cost a patch.
        unsafe { must_put(offset, 0) }?;
        // SAFETY: as the function's.
        unsafe { must_put(data, std::ptr::null()) }?;
        // SAFETY: as the function's.
        unsafe { must_put(size, 0) }?;
        let Some(patch) = value.patches.pop_front() else { return Ok(SC_NONE) };
        let patch = value.lent.insert(patch);
        // SAFETY: as the function's.
        unsafe { put(offset, patch.offset) };
        // SAFETY: as the function's.
        unsafe { put(data, patch.bytes.as_ptr()) };
        // SAFETY: as the function's.
        unsafe { put(size, patch.bytes.len()) };
        Ok(SC_OK)
    })
}

/// Lists up to `capacity` pieces to append to the file, in order; `*count` says how many, `SC_NONE` that there are none. They are lent until
/// the next call on the recorder and stay queued until `sc_flv_recorder_sent`.
///
/// # Safety
/// `recorder` is a live recorder, `pieces` has room for `capacity`, `count` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_recorder_output(
    recorder: *mut sc_flv_recorder,
    pieces: *mut sc_iovec,
    capacity: usize,
    count: *mut usize,
) -> sc_status {
    door!(recorder, |value| {
        // SAFETY: as the function's.
        unsafe { list(&value.out, pieces, capacity, count) }
    })
}

/// Says that the first `size` bytes of the output were written.
///
/// Errors: `SC_ERR_ARGUMENT` for more than there are.
///
/// # Safety
/// `recorder` is a live recorder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_recorder_sent(
    recorder: *mut sc_flv_recorder,
    size: usize,
) -> sc_status {
    door!(recorder, |value| { sent(&mut value.out, size) })
}
