//! The client's end of an RTMP connection.

use std::ffi::{CString, c_char};
use std::time::Duration;

use core_crate::buf::Chain;
use core_crate::rtmp::session::{ClientConfig, ClientSession, RtmpUrl};
use core_crate::time::Micros;

use crate::client_event::{Lent, sc_client_event};
use crate::door::{boxed, door, hall, handle, release};
use crate::error::{Failure, deliver, sc_error};
use crate::media::{sc_tag, tag_from};
use crate::output::{list, sc_iovec, sent};
use crate::pointers::{bytes, c_text, fill, fits, must_put, put, sized, take, text};
use crate::status::{SC_ERR_ARGUMENT, SC_ERR_PANIC, SC_NONE, SC_OK, sc_status};
use crate::version::check_abi;

/// What a client wants of the server.
pub type sc_role = u32;

/// To publish a live stream.
pub const SC_ROLE_PUBLISH: sc_role = 1;
/// To play a stream: a live one, or else a recorded one.
pub const SC_ROLE_PLAY: sc_role = 2;

/// How a client session behaves. Zero the struct, set `struct_size`, and set what shall differ: a field of 0 keeps its default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_client_config {
    /// `sizeof(sc_client_config)`, set by the caller.
    pub struct_size: usize,
    /// Bytes of payload in the chunks that this side sends, 128 to 0xFFFFFF. Default 65,536.
    pub chunk_size: u32,
    /// Bytes after which the server is to acknowledge. Default 2,500,000.
    pub window_ack_size: u32,
    /// Bytes of one message. Default 10 MiB.
    pub message_bytes: usize,
    /// Bytes that are queued for the server before the session stops to take messages. Default 4 MiB.
    pub queued_output_bytes: usize,
    /// Milliseconds from the first byte to the end of the handshake. Default 10,000.
    pub handshake_timeout_ms: u32,
    /// Milliseconds from the handshake until media flows. Default 10,000.
    pub command_timeout_ms: u32,
    /// Milliseconds without a byte of the server after which a player gives it up. Default 150,000.
    pub silence_timeout_ms: u32,
    /// Start of the random bytes of the handshake: something that differs between connections. 0 is a number like any other.
    pub seed: u64,
}

sized!(sc_client_config);

/// Where a session wants to be connected. The text is lent as long as the session.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_client_address {
    /// `sizeof(sc_client_address)`, set by the caller.
    pub struct_size: usize,
    /// Name or address of the host; an IPv6 address without brackets.
    pub host: *const c_char,
    /// TCP port.
    pub port: u16,
    /// Whether the connection is TLS (`rtmps`), which is the caller's to make.
    pub tls: bool,
}

sized!(sc_client_address);

/// The client's end of one RTMP connection: it publishes or plays one stream. It has no socket and no clock.
///
/// 1. Connect to `sc_client_session_address`;
/// 2. `sc_client_session_output`, `writev`, `sc_client_session_sent` until `SC_NONE`: the client speaks first;
/// 3. `sc_client_session_handle_input` with the bytes that came;
/// 4. `sc_client_session_poll_event` until `SC_NONE`; a publisher calls `sc_client_session_send` from `SC_CLIENT_PUBLISHING` on, and
///    `sc_client_session_finish` at the end;
/// 5. `sc_client_session_handle_timeout` at the time that `sc_client_session_poll_timeout` names.
///
/// Once `sc_client_session_is_closing`, write the output and close.
///
/// All times are microseconds on one monotonic clock of the caller's. One thread at a time; sessions are independent of each other.
pub struct sc_client_session(());

pub(crate) struct Client {
    session: ClientSession,
    out: Chain,
    lent: Lent,
    host: CString,
    seed: u64,
}

handle!(sc_client_session, Client, 9);

impl Client {
    fn new(config: ClientConfig, seed: u64, now: u64) -> Self {
        let host = c_text(&config.url.host);
        let session = ClientSession::new(config, seed, Micros(now));
        Self { session, out: Chain::new(), lent: Lent::new(), host, seed }
    }

    /// Output goes behind what is not yet written.
    fn gather(&mut self) {
        if let Some(fresh) = self.session.poll_output() {
            self.out.extend(fresh);
        }
    }
}

fn config_from(
    url: RtmpUrl,
    role: sc_role,
    given: &sc_client_config,
) -> Result<ClientConfig, Failure> {
    let mut config = match role {
        SC_ROLE_PUBLISH => ClientConfig::publish(url),
        SC_ROLE_PLAY => ClientConfig::play(url),
        _ => return Err(SC_ERR_ARGUMENT.into()),
    };
    fn set<T, F: Default + PartialEq + Copy>(to: &mut T, from: F, make: impl FnOnce(F) -> T) {
        if from != F::default() {
            *to = make(from);
        }
    }
    let millis = |ms: u32| Duration::from_millis(ms.into());
    set(&mut config.chunk_size, given.chunk_size, |size| size);
    set(&mut config.window_ack_size, given.window_ack_size, |size| size);
    set(&mut config.limits.message_bytes, given.message_bytes, |size| size);
    set(&mut config.limits.queued_output_bytes, given.queued_output_bytes, |size| size);
    set(&mut config.limits.handshake_timeout, given.handshake_timeout_ms, millis);
    set(&mut config.limits.command_timeout, given.command_timeout_ms, millis);
    set(&mut config.silence_timeout, given.silence_timeout_ms, millis);
    Ok(config)
}

/// Makes a session for `url` (`rtmp://host[:port]/app/name` or `rtmps://…`, with `user:password@` where the server asks for them).
/// `role` is one of `SC_ROLE_*`. `config` may be NULL for the defaults; neither it nor `url` is kept. `now` is the time of the caller's clock.
/// On success `*out` is freed with `sc_client_session_free`; on failure it is untouched and `error` says why.
///
/// Errors: `SC_ERR_ABI`, `SC_ERR_NULL`, `SC_ERR_UTF8`, `SC_ERR_STRUCT_SIZE`, `SC_ERR_ARGUMENT` for a role that is none; `SC_ERR_MALFORMED`,
/// `SC_ERR_UNSUPPORTED` and `SC_ERR_LIMIT` for the URL.
///
/// # Safety
/// `url` ends with NUL, `config` is NULL or points to an `sc_client_config`, `out` is writable, `error` is NULL or points to an `sc_error`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_client_session_new(
    abi: u32,
    url: *const c_char,
    role: sc_role,
    config: *const sc_client_config,
    now: u64,
    out: *mut *mut sc_client_session,
    error: *mut sc_error,
) -> sc_status {
    hall!(SC_ERR_PANIC, {
        let make = || {
            check_abi(abi)?;
            let default = sc_client_config {
                struct_size: size_of::<sc_client_config>(),
                chunk_size: 0,
                window_ack_size: 0,
                message_bytes: 0,
                queued_output_bytes: 0,
                handshake_timeout_ms: 0,
                command_timeout_ms: 0,
                silence_timeout_ms: 0,
                seed: 0,
            };
            // SAFETY: as the function's.
            let given = unsafe { take(config, default) }?;
            // SAFETY: as the function's.
            let url = RtmpUrl::parse(unsafe { text(url) }?)?;
            Ok(Client::new(config_from(url, role, &given)?, given.seed, now))
        };
        // SAFETY: as the function's.
        unsafe { deliver::<sc_client_session>(out, error, make) }
    })
}

/// Frees a session and sets `*session` to NULL. `session` or `*session` may be NULL. Buffers that were retained live on.
///
/// # Safety
/// `session` is NULL or points to NULL or to a live session that no other thread uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_client_session_free(session: *mut *mut sc_client_session) -> sc_status {
    hall!(SC_ERR_PANIC, {
        // SAFETY: as the function's.
        unsafe { release(session) }
    })
}

/// Says where to connect: `address` is filled in, its text lent as long as the session.
///
/// Errors: `SC_ERR_NULL`, `SC_ERR_STRUCT_SIZE`.
///
/// # Safety
/// `session` is a live session, `address` points to an `sc_client_address`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_client_session_address(
    session: *mut sc_client_session,
    address: *mut sc_client_address,
) -> sc_status {
    door!(session, |value| {
        let url = &value.session.config().url;
        let shown = sc_client_address {
            struct_size: size_of::<sc_client_address>(),
            host: value.host.as_ptr(),
            port: url.port_or_default(),
            tls: url.tls,
        };
        // SAFETY: as the function's.
        unsafe { fill(address, shown) }?;
        Ok(SC_OK)
    })
}

/// Takes `size` bytes that came at `now`. `*taken` says how many were taken, 0 on failure: fewer than all while a queue is full; poll, write, and give the
/// rest again. The bytes are copied once, into the messages.
///
/// Errors: those of the protocol, with the byte: `SC_ERR_MALFORMED`, `SC_ERR_VIOLATION`, `SC_ERR_LIMIT`, `SC_ERR_UNSUPPORTED`. They are final:
/// close the connection.
///
/// # Safety
/// `session` is a live session, `data` has `size` readable bytes, `taken` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_client_session_handle_input(
    session: *mut sc_client_session,
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
/// `session` is a live session, `event` points to an `sc_client_event`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_client_session_poll_event(
    session: *mut sc_client_session,
    event: *mut sc_client_event,
) -> sc_status {
    door!(session, |value| {
        // SAFETY: as the function's. A struct that cannot be filled must not cost an event.
        unsafe { fits(event) }?;
        while let Some(found) = value.session.poll_event() {
            if let Some(shown) = value.lent.show(found) {
                // SAFETY: as the function's.
                unsafe { fill(event, shown) }?;
                return Ok(SC_OK);
            }
        }
        Ok(SC_NONE)
    })
}

/// Queues one message for the server. A body with a `buf` is referenced, not copied. `onMetaData` goes out behind `@setDataFrame`.
///
/// Errors: `SC_ERR_MISUSE` where nothing is published or the body is too long; `SC_ERR_LIMIT` where `queued_output_bytes` wait: nothing was
/// queued, write the output and send it again.
///
/// # Safety
/// `session` is a live session, `tag` points to an `sc_tag` with pointers as its documentation says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_client_session_send(
    session: *mut sc_client_session,
    tag: *const sc_tag,
) -> sc_status {
    door!(session, |value| {
        // SAFETY: as the function's.
        let tag = unsafe { tag_from(tag) }?;
        value.session.send_media(tag.kind.type_id(), tag.timestamp, tag.body)?;
        Ok(SC_OK)
    })
}

/// Whether `sc_client_session_send` would take a message now: `*wants`.
///
/// # Safety
/// `session` is a live session, `wants` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_client_session_wants_media(
    session: *mut sc_client_session,
    wants: *mut bool,
) -> sc_status {
    door!(session, |value| {
        // SAFETY: as the function's.
        unsafe { must_put(wants, value.session.wants_media()) }?;
        Ok(SC_OK)
    })
}

/// Ends the stream from this side. The session is closing then: write the output first.
///
/// # Safety
/// `session` is a live session.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_client_session_finish(session: *mut sc_client_session) -> sc_status {
    door!(session, |value| {
        value.session.finish();
        Ok(SC_OK)
    })
}

/// Makes the session of the connection that the server asked for, once: behind `SC_CLIENT_REDIRECT`, `SC_CLIENT_AUTHENTICATE` and
/// `SC_CLIENT_RECONNECT_REQUEST`. On `SC_OK` `*out` is freed with `sc_client_session_free`; this session stays the caller's too.
/// `SC_NONE`, and `*out` is NULL: none was asked for, or the client was sent on too often.
///
/// # Safety
/// `session` is a live session, `out` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_client_session_next(
    session: *mut sc_client_session,
    now: u64,
    out: *mut *mut sc_client_session,
) -> sc_status {
    door!(session, |value| {
        // SAFETY: as the function's. What cannot be given must not be lost.
        unsafe { must_put(out, std::ptr::null_mut()) }?;
        let Some(config) = value.session.next_config() else { return Ok(SC_NONE) };
        let next = Client::new(config, value.seed.wrapping_add(1), now);
        // SAFETY: as the function's.
        unsafe { put(out, boxed::<sc_client_session>(next)) };
        Ok(SC_OK)
    })
}

/// Lists up to `capacity` pieces that wait to be written, in order; `*count` says how many, `SC_NONE` that there are none. They are lent until
/// the next call on the session and stay queued until `sc_client_session_sent`.
///
/// # Safety
/// `session` is a live session, `pieces` has room for `capacity`, `count` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_client_session_output(
    session: *mut sc_client_session,
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
pub unsafe extern "C" fn sc_client_session_sent(
    session: *mut sc_client_session,
    size: usize,
) -> sc_status {
    door!(session, |value| { sent(&mut value.out, size) })
}

/// Gives the time at which `sc_client_session_handle_timeout` is to be called next, or `SC_NONE`. It may change with every other call.
///
/// # Safety
/// `session` is a live session, `at` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sc_client_session_poll_timeout(
    session: *mut sc_client_session,
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
pub unsafe extern "C" fn sc_client_session_handle_timeout(
    session: *mut sc_client_session,
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
pub unsafe extern "C" fn sc_client_session_is_closing(
    session: *mut sc_client_session,
    closing: *mut bool,
) -> sc_status {
    door!(session, |value| {
        // SAFETY: as the function's.
        unsafe { must_put(closing, value.session.is_closing()) }?;
        Ok(SC_OK)
    })
}
