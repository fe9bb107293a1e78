//! Reading and writing FLV.

use core_crate::buf::Chain;
use core_crate::flv::{Reader, Writer};
use core_crate::limits::Limits;

use crate::buf::{Shared, sc_buf, whole};
use crate::door::{door, hall, handle, release};
use crate::error::{deliver, sc_error};
use crate::media::{lend_tag, sc_tag, tag_from};
use crate::output::{list, sc_iovec, sent};
use crate::pointers::{bytes, fill, fits, must_put, put};
use crate::status::{SC_ERR_ARGUMENT, SC_ERR_PANIC, SC_NONE, SC_OK, sc_status};
use crate::version::check_abi;

/// Reads an FLV file or stream as its bytes come in: give bytes with `sc_flv_reader_handle_input`, take tags with
/// `sc_flv_reader_poll_tag` until it gives `SC_NONE`, and at the end call `sc_flv_reader_finish` and take what is left.
///
/// One thread at a time.
pub struct sc_flv_reader(());

pub(crate) struct FlvReader {
    reader: Reader,
    lent: Shared,
}

handle!(sc_flv_reader, FlvReader, 1);

/// Makes a reader at the start of a file. `abi` is `SC_ABI_VERSION`. On success `*out` is freed with `sc_flv_reader_free`; on failure
/// it is untouched and `error`, which may be NULL, says why.
///
/// Errors: `SC_ERR_ABI`, `SC_ERR_NULL`.
///
/// # Safety
/// `out` is writable, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_reader_new(
    abi: u32,
    out: *mut *mut sc_flv_reader,
    error: *mut sc_error,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        let make = || {
            check_abi(abi)?;
            let value = FlvReader { reader: Reader::new(&Limits::default()), lent: Shared::lent() };
            Ok(value)
        };
        // SAFETY: as the function's.
        unsafe { deliver::<sc_flv_reader>(out, error, make) }
    })
}

/// Frees a reader and sets `*reader` to NULL. `reader` or `*reader` may be NULL. Buffers that were retained live on.
///
/// # Safety
/// `reader` is NULL or points to NULL or to a live reader that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_reader_free(reader: *mut *mut sc_flv_reader) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { release(reader) }
    })
}

/// Takes `size` bytes of the file. `*taken` says how many were taken, 0 on failure: fewer than all only while tags wait to be polled; poll and give
/// the rest again. The bytes are copied.
///
/// Errors: `SC_ERR_MALFORMED` where the file is no FLV, or 32 MiB hold no tag; `SC_ERR_UNSUPPORTED` for versions past 4. The error stays.
///
/// # Safety
/// `reader` is a live reader, `data` has `size` readable bytes, `taken` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_reader_handle_input(
    reader: *mut sc_flv_reader,
    data: *const u8,
    size: usize,
    taken: *mut usize,
) -> sc_status {
    door!(reader, |flv| {
        // SAFETY: as the function's.
        let input = unsafe { bytes(data, size) }?;
        // SAFETY: as the function's.
        unsafe { must_put(taken, 0) }?;
        let count = flv.reader.handle_input(input)?;
        // SAFETY: as the function's.
        unsafe { put(taken, count) };
        Ok(SC_OK)
    })
}

/// Takes the bytes of `buf` from `offset` on, as `sc_flv_reader_handle_input`, but bodies that lie in it whole are references to it and not
/// copied: the memory lives as long as one of them. With `sc_buf_wrap` that memory is the caller's own.
///
/// Errors: those of `sc_flv_reader_handle_input`; `SC_ERR_HANDLE`, and `SC_ERR_ARGUMENT` for an offset past the end.
///
/// # Safety
/// `reader` is a live reader, `buf` is NULL or a live buffer, `taken` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_reader_handle_buf(
    reader: *mut sc_flv_reader,
    buf: *const sc_buf,
    offset: usize,
    taken: *mut usize,
) -> sc_status {
    door!(reader, |flv| {
        // SAFETY: as the function's.
        let mut input = unsafe { whole(buf) }?;
        if offset > input.len() {
            return Err(SC_ERR_ARGUMENT.into());
        }
        // SAFETY: as the function's.
        unsafe { must_put(taken, 0) }?;
        bytes::Buf::advance(&mut input, offset);
        let count = flv.reader.handle_shared(&input)?;
        // SAFETY: as the function's.
        unsafe { put(taken, count) };
        Ok(SC_OK)
    })
}

/// Ends the file; call it again after polling until `sc_flv_reader_poll_tag` gives `SC_NONE`. `*cut` (may be NULL) says whether the
/// file ends in the middle of something.
///
/// # Safety
/// `reader` is a live reader, `cut` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_reader_finish(
    reader: *mut sc_flv_reader,
    cut: *mut bool,
) -> sc_status {
    door!(reader, |flv| {
        let ends_within = flv.reader.finish();
        // SAFETY: as the function's.
        unsafe { put(cut, ends_within) };
        Ok(SC_OK)
    })
}

/// Gives the next tag, or `SC_NONE`. Its body is lent until the next call on the reader. `*offset` (may be NULL) is the place of the body
/// in the file, in bytes.
///
/// # Safety
/// `reader` is a live reader, `tag` points to an `sc_tag`, `offset` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_reader_poll_tag(
    reader: *mut sc_flv_reader,
    tag: *mut sc_tag,
    offset: *mut u64,
) -> sc_status {
    door!(reader, |flv| {
        // SAFETY: as the function's. A struct that cannot be filled must not cost a tag.
        unsafe { fits(tag) }?;
        let Some((place, found)) = flv.reader.poll_tag() else { return Ok(SC_NONE) };
        let shown = lend_tag(found, &mut flv.lent);
        // SAFETY: as the function's.
        unsafe { fill(tag, shown) }?;
        // SAFETY: as the function's.
        unsafe { put(offset, place) };
        Ok(SC_OK)
    })
}

/// Writes an FLV file: `sc_flv_writer_header` once, then `sc_flv_writer_tag` for each tag. What is to be written gathers in the writer:
/// take it with `sc_flv_writer_output` and say how much was written with `sc_flv_writer_sent`.
///
/// One thread at a time.
pub struct sc_flv_writer(());

pub(crate) struct FlvWriter {
    writer: Writer,
    out: Chain,
}

handle!(sc_flv_writer, FlvWriter, 2);

/// Makes a writer. On success `*out` is freed with `sc_flv_writer_free`; on failure it is untouched and `error` says why.
///
/// Errors: `SC_ERR_ABI`, `SC_ERR_NULL`.
///
/// # Safety
/// `out` is writable, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_writer_new(
    abi: u32,
    out: *mut *mut sc_flv_writer,
    error: *mut sc_error,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        let make = || {
            check_abi(abi)?;
            Ok(FlvWriter { writer: Writer::new(), out: Chain::new() })
        };
        // SAFETY: as the function's.
        unsafe { deliver::<sc_flv_writer>(out, error, make) }
    })
}

/// Frees a writer and sets `*writer` to NULL. `writer` or `*writer` may be NULL.
///
/// # Safety
/// `writer` is NULL or points to NULL or to a live writer that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_writer_free(writer: *mut *mut sc_flv_writer) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { release(writer) }
    })
}

/// Adds the file header, with the flags that say which kinds of tags follow (FLV 10.1 E.2).
///
/// # Safety
/// `writer` is a live writer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_writer_header(
    writer: *mut sc_flv_writer,
    audio: bool,
    video: bool,
) -> sc_status {
    door!(writer, |flv| {
        let header = flv.writer.header(audio, video);
        flv.out.push(header);
        Ok(SC_OK)
    })
}

/// Adds a tag. A body with a `buf` is referenced, not copied.
///
/// Errors: `SC_ERR_LIMIT` for a body of 2^24 bytes or more, `SC_ERR_ARGUMENT` for a kind that is none.
///
/// # Safety
/// `writer` is a live writer, `tag` points to an `sc_tag` with pointers as its documentation says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_writer_tag(
    writer: *mut sc_flv_writer,
    tag: *const sc_tag,
) -> sc_status {
    door!(writer, |flv| {
        // SAFETY: as the function's.
        let tag = unsafe { tag_from(tag) }?;
        let written = flv.writer.tag(&tag)?;
        flv.out.extend(written);
        Ok(SC_OK)
    })
}

/// Lists up to `capacity` pieces that wait to be written, in order; `*count` says how many, `SC_NONE` that there are none. They are lent until
/// the next call on the writer and stay queued until `sc_flv_writer_sent`.
///
/// # Safety
/// `writer` is a live writer, `pieces` has room for `capacity`, `count` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_writer_output(
    writer: *mut sc_flv_writer,
    pieces: *mut sc_iovec,
    capacity: usize,
    count: *mut usize,
) -> sc_status {
    door!(writer, |flv| {
        // SAFETY: as the function's.
        unsafe { list(&flv.out, pieces, capacity, count) }
    })
}

/// Says that the first `size` bytes of the output were written.
///
/// Errors: `SC_ERR_ARGUMENT` for more than there are.
///
/// # Safety
/// `writer` is a live writer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_flv_writer_sent(writer: *mut sc_flv_writer, size: usize) -> sc_status {
    door!(writer, |flv| { sent(&mut flv.out, size) })
}
