//! Output as pieces for `writev`.

use bytes::Buf;
use core_crate::buf::Chain;

use crate::error::Outcome;
use crate::status::{SC_ERR_ARGUMENT, SC_ERR_NULL, SC_NONE, SC_OK};

/// A piece of output, laid out as POSIX's `struct iovec`: an array of them goes to `writev` by a cast.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_iovec {
    /// First byte; not to be changed.
    pub data: *const u8,
    /// Bytes.
    pub len: usize,
}

/// Lists the first `capacity` pieces of `chain`.
///
/// # Safety
/// `pieces` has room for `capacity` pieces, `count` is NULL or writable.
pub(crate) unsafe fn list(
    chain: &Chain,
    pieces: *mut sc_iovec,
    capacity: usize,
    count: *mut usize,
) -> Outcome {
    if pieces.is_null() || count.is_null() {
        return Err(SC_ERR_NULL.into());
    }
    if capacity == 0 {
        return Err(SC_ERR_ARGUMENT.into());
    }
    let mut written = 0;
    for piece in chain.iter().take(capacity) {
        // SAFETY: `written` is less than `capacity`.
        let place = unsafe { pieces.add(written) };
        // SAFETY: there is room by the caller's word.
        unsafe { place.write(sc_iovec { data: piece.as_ptr(), len: piece.len() }) };
        written += 1;
    }
    // SAFETY: not NULL, and writable by the caller's word.
    unsafe { count.write(written) };
    Ok(if written == 0 { SC_NONE } else { SC_OK })
}

/// Takes the first `len` bytes off `chain`.
pub(crate) fn sent(chain: &mut Chain, len: usize) -> Outcome {
    if len > chain.remaining() {
        return Err(SC_ERR_ARGUMENT.into());
    }
    chain.advance(len);
    Ok(SC_OK)
}
