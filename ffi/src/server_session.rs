//! The server's end of an RTMP connection.

use core_crate::buf::Chain;
use core_crate::rtmp::session::{Rejection, RequestId, ServerSession, SessionConfig, SessionEvent};
use core_crate::time::Micros;

use crate::door::{door, hall, handle, release};
use crate::error::{deliver, sc_error};
use crate::media::{sc_tag, tag_from};
use crate::output::{list, sc_iovec, sent};
use crate::pointers::{bytes, fill, fits, must_put, put, sized, take};
use crate::session_event::{Lent, sc_session_event};
use crate::status::{SC_ERR_ARGUMENT, SC_ERR_PANIC, SC_NONE, SC_OK, sc_status};
use crate::version::check_abi;

/// How a session behaves. Zero the struct, set `struct_size`, and set what shall differ: a field of 0 keeps its default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_session_config {
    /// `sizeof(sc_session_config)`, set by the caller.
    pub struct_size: usize,
    /// Bytes of payload in the chunks that this side sends, 128 to 0xFFFFFF. Default 65,536.
    pub chunk_size: u32,
    /// Bytes after which the peer is to acknowledge. Default 2,500,000.
    pub window_ack_size: u32,
    /// Bytes of one message. Default 10 MiB.
    pub message_bytes: usize,
    /// Bytes that are queued for the peer before the session stops to take input. Default 4 MiB.
    pub queued_output_bytes: usize,
    /// Milliseconds from the first byte to the end of the handshake. Default 10,000.
    pub handshake_timeout_ms: u32,
    /// Milliseconds from the handshake to `publish` or `play`. Default 10,000.
    pub command_timeout_ms: u32,
    /// Milliseconds without a byte of a publisher after which it is given up. Default 30,000.
    pub idle_timeout_ms: u32,
    /// Start of the random bytes of the handshake: something that differs between connections. 0 is a number like any other.
    pub seed: u64,
}

sized!(sc_session_config);

/// Why a publisher or player is refused.
pub type sc_rejection = u32;

/// Another client publishes under this name.
pub const SC_REJECT_ALREADY_PUBLISHING: sc_rejection = 1;
/// The client may not do this.
pub const SC_REJECT_DENIED: sc_rejection = 2;
/// The name is not allowed, or nothing of this name is there to play.
pub const SC_REJECT_NOT_FOUND: sc_rejection = 3;
/// There is no room.
pub const SC_REJECT_OVERLOADED: sc_rejection = 4;

/// The server's end of one RTMP connection. It has no socket and no clock: give it what the socket gives and take events and output.
///
/// 1. `sc_server_session_handle_input` with the bytes that came;
/// 2. `sc_server_session_poll_event` until `SC_NONE`, answering requests;
/// 3. `sc_server_session_output`, `writev`, `sc_server_session_sent` until `SC_NONE`;
/// 4. `sc_server_session_handle_timeout` at the time that `sc_server_session_poll_timeout` names.
///
/// Once `sc_server_session_is_closing`, write the output and close.
///
/// All times are microseconds on one monotonic clock of the caller's. One thread at a time; sessions are independent of each other.
pub struct sc_server_session(());

pub(crate) struct Session {
    session: ServerSession,
    out: Chain,
    lent: Lent,
}

handle!(sc_server_session, Session, 5);

impl Session {
    /// Output goes behind what is not yet written.
    fn gather(&mut self) {
        if let Some(fresh) = self.session.poll_output() {
            self.out.extend(fresh);
        }
    }
}

fn config_from(given: sc_session_config) -> SessionConfig {
    let mut config = SessionConfig::default();
    let set = |to: &mut u32, from: u32| {
        if from != 0 {
            *to = from;
        }
    };
    set(&mut config.chunk_size, given.chunk_size);
    set(&mut config.window_ack_size, given.window_ack_size);
    let set = |to: &mut usize, from: usize| {
        if from != 0 {
            *to = from;
        }
    };
    set(&mut config.limits.message_bytes, given.message_bytes);
    set(&mut config.limits.queued_output_bytes, given.queued_output_bytes);
    let set = |to: &mut std::time::Duration, from: u32| {
        if from != 0 {
            *to = std::time::Duration::from_millis(from.into());
        }
    };
    set(&mut config.limits.handshake_timeout, given.handshake_timeout_ms);
    set(&mut config.limits.command_timeout, given.command_timeout_ms);
    set(&mut config.limits.idle_timeout, given.idle_timeout_ms);
    config
}

/// Makes a session at the first byte of a connection. `config` may be NULL for the defaults; it is not kept. `now` is the time of the
/// caller's clock. On success `*out` is freed with `sc_server_session_free`; on failure it is untouched and `error` says why.
///
/// Errors: `SC_ERR_ABI`, `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `config` is NULL or points to an `sc_session_config`, `out` is writable, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_new(
    abi: u32,
    config: *const sc_session_config,
    now: u64,
    out: *mut *mut sc_server_session,
    error: *mut sc_error,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        let make = || {
            check_abi(abi)?;
            let default = sc_session_config {
                struct_size: size_of::<sc_session_config>(),
                chunk_size: 0,
                window_ack_size: 0,
                message_bytes: 0,
                queued_output_bytes: 0,
                handshake_timeout_ms: 0,
                command_timeout_ms: 0,
                idle_timeout_ms: 0,
                seed: 0,
            };
            // SAFETY: as the function's.
            let given = unsafe { take(config, default) }?;
            let session = ServerSession::new(config_from(given), given.seed, Micros(now));
            Ok(Session { session, out: Chain::new(), lent: Lent::new() })
        };
        // SAFETY: as the function's.
        unsafe { deliver::<sc_server_session>(out, error, make) }
    })
}

/// Frees a session and sets `*session` to NULL. `session` or `*session` may be NULL. Buffers that were retained live on.
///
/// # Safety
/// `session` is NULL or points to NULL or to a live session that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_free(session: *mut *mut sc_server_session) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { release(session) }
    })
}

/// Takes `size` bytes that came at `now`. `*taken` says how many were taken, 0 on failure: fewer than all while a queue is full or a request waits for its
/// answer; poll, answer, and give the rest again. The bytes are copied once, into the messages.
///
/// Errors: those of the protocol, with the byte: `SC_ERR_MALFORMED`, `SC_ERR_VIOLATION`, `SC_ERR_LIMIT`, `SC_ERR_UNSUPPORTED`. They are final:
/// write what output there is and close.
///
/// # Safety
/// `session` is a live session, `data` has `size` readable bytes, `taken` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_handle_input(
    session: *mut sc_server_session,
    now: u64,
    data: *const u8,
    size: usize,
    taken: *mut usize,
) -> sc_status {
    door!(session, |value| {
        // SAFETY: as the function's.
        let input = unsafe { bytes(data, size) }?;
        // SAFETY: as the function's.
        unsafe { must_put(taken, 0) }?;
        let count = value.session.handle_input(Micros(now), input)?;
        // SAFETY: as the function's.
        unsafe { put(taken, count) };
        Ok(SC_OK)
    })
}

/// Gives the next event, or `SC_NONE`. Its pointers are lent until the next call on the session.
///
/// # Safety
/// `session` is a live session, `event` points to an `sc_session_event`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_poll_event(
    session: *mut sc_server_session,
    event: *mut sc_session_event,
) -> sc_status {
    door!(session, |value| {
        // SAFETY: as the function's. A struct that cannot be filled must not cost an event.
        unsafe { fits(event) }?;
        while let Some(found) = value.session.poll_event() {
            if let SessionEvent::Media { stream_id, type_id, timestamp, payload } = found {
                // SAFETY: as the function's, and it fits.
                unsafe { value.lent.message(event, (stream_id, type_id, timestamp), payload) };
                return Ok(SC_OK);
            }
            if let Some(shown) = value.lent.show(found) {
                // SAFETY: as the function's.
                unsafe { fill(event, shown) }?;
                return Ok(SC_OK);
            }
        }
        Ok(SC_NONE)
    })
}

/// Lets a publisher or player begin.
///
/// Errors: `SC_ERR_MISUSE` where the request is not open: it was answered, or the client took it back.
///
/// # Safety
/// `session` is a live session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_accept(
    session: *mut sc_server_session,
    request: u32,
) -> sc_status {
    door!(session, |value| {
        value.session.accept(RequestId::from_raw(request))?;
        Ok(SC_OK)
    })
}

/// Refuses a publisher or player, with the status codes that clients know. The session is closing then.
///
/// Errors: `SC_ERR_MISUSE` where the request is not open, `SC_ERR_ARGUMENT` for a reason that is none.
///
/// # Safety
/// `session` is a live session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_reject(
    session: *mut sc_server_session,
    request: u32,
    reason: sc_rejection,
) -> sc_status {
    door!(session, |value| {
        let reason = match reason {
            SC_REJECT_ALREADY_PUBLISHING => Rejection::AlreadyPublishing,
            SC_REJECT_DENIED => Rejection::Denied,
            SC_REJECT_NOT_FOUND => Rejection::NotFound,
            SC_REJECT_OVERLOADED => Rejection::Overloaded,
            _ => return Err(SC_ERR_ARGUMENT.into()),
        };
        value.session.reject(RequestId::from_raw(request), reason)?;
        Ok(SC_OK)
    })
}

/// Queues one message for a player of this session. A body with a `buf` is referenced, not copied. Dropped while the player is paused.
///
/// Errors: `SC_ERR_MISUSE` where the stream is not played or the body is too long; `SC_ERR_LIMIT` where `queued_output_bytes` wait: write
/// the output first.
///
/// # Safety
/// `session` is a live session, `tag` points to an `sc_tag` with pointers as its documentation says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_send(
    session: *mut sc_server_session,
    stream_id: u32,
    tag: *const sc_tag,
) -> sc_status {
    door!(session, |value| {
        // SAFETY: as the function's.
        let tag = unsafe { tag_from(tag) }?;
        value.session.send(stream_id, tag.kind.type_id(), tag.timestamp, tag.body)?;
        Ok(SC_OK)
    })
}

/// Tells a player that the stream has ended. Nothing happens where the stream is not played.
///
/// # Safety
/// `session` is a live session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_end_play(
    session: *mut sc_server_session,
    stream_id: u32,
) -> sc_status {
    door!(session, |value| {
        value.session.end_play(stream_id);
        Ok(SC_OK)
    })
}

/// Ends the connection from this side: players get the end of their streams, publishers a status. The session is closing then.
///
/// # Safety
/// `session` is a live session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_close(session: *mut sc_server_session) -> sc_status {
    door!(session, |value| {
        value.session.close();
        Ok(SC_OK)
    })
}

/// Lists up to `capacity` pieces that wait to be written, in order; `*count` says how many, `SC_NONE` that there are none. They are lent until
/// the next call on the session and stay queued until `sc_server_session_sent`.
///
/// # Safety
/// `session` is a live session, `pieces` has room for `capacity`, `count` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_output(
    session: *mut sc_server_session,
    pieces: *mut sc_iovec,
    capacity: usize,
    count: *mut usize,
) -> sc_status {
    door!(session, |value| {
        value.gather();
        // SAFETY: as the function's.
        unsafe { list(&value.out, pieces, capacity, count) }
    })
}

/// Says that the first `size` bytes of the output were written.
///
/// Errors: `SC_ERR_ARGUMENT` for more than were listed.
///
/// # Safety
/// `session` is a live session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_sent(
    session: *mut sc_server_session,
    size: usize,
) -> sc_status {
    door!(session, |value| { sent(&mut value.out, size) })
}

/// Gives the time at which `sc_server_session_handle_timeout` is to be called next, or `SC_NONE`. It may change with every other call.
///
/// # Safety
/// `session` is a live session, `at` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_poll_timeout(
    session: *mut sc_server_session,
    at: *mut u64,
) -> sc_status {
    door!(session, |value| {
        let Some(due) = value.session.poll_timeout() else { return Ok(SC_NONE) };
        // SAFETY: as the function's.
        unsafe { must_put(at, due.0) }?;
        Ok(SC_OK)
    })
}

/// Does what is due at `now`. A call before its time does nothing.
///
/// Errors: `SC_ERR_VIOLATION` where a deadline has passed: close the connection.
///
/// # Safety
/// `session` is a live session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_handle_timeout(
    session: *mut sc_server_session,
    now: u64,
) -> sc_status {
    door!(session, |value| {
        value.session.handle_timeout(Micros(now))?;
        Ok(SC_OK)
    })
}

/// Whether the connection is to be closed once the output is written: `*closing`.
///
/// # Safety
/// `session` is a live session, `closing` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_is_closing(
    session: *mut sc_server_session,
    closing: *mut bool,
) -> sc_status {
    door!(session, |value| {
        // SAFETY: as the function's.
        unsafe { must_put(closing, value.session.is_closing()) }?;
        Ok(SC_OK)
    })
}

/// Bytes that wait to be written: `*size`.
///
/// # Safety
/// `session` is a live session, `size` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_server_session_queued(
    session: *mut sc_server_session,
    size: *mut usize,
) -> sc_status {
    door!(session, |value| {
        let queued = value.out.len() + value.session.queued_output_bytes();
        // SAFETY: as the function's.
        unsafe { must_put(size, queued) }?;
        Ok(SC_OK)
    })
}
