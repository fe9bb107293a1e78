//! What a client session tells.

use std::ffi::{CString, c_char};

use core_crate::rtmp::session::ClientEvent;

use crate::buf::{Shared, sc_buf};
use crate::media::sc_kind;
use crate::pointers::{c_text, sized};

/// What a server did. Numbers are never given a new meaning; a program passes over those that it does not know.
pub type sc_client_event_kind = u32;

/// The server has taken `connect`: `text` is its name and version, may be empty.
pub const SC_CLIENT_CONNECTED: sc_client_event_kind = 1;
/// The server takes media: send metadata, headers and frames with `sc_client_session_send`.
pub const SC_CLIENT_PUBLISHING: sc_client_event_kind = 2;
/// The server has begun to play, or goes on after `SC_CLIENT_ENDED`.
pub const SC_CLIENT_PLAYING: sc_client_event_kind = 3;
/// One message of the stream that is played: `kind`, `timestamp`, `data`, `size`, `buf`.
pub const SC_CLIENT_MEDIA: sc_client_event_kind = 4;
/// An `onStatus` that means none of the other events: `level`, `code`, `text`.
pub const SC_CLIENT_STATUS: sc_client_event_kind = 5;
/// Stream Begin of a message stream: `stream_id`.
pub const SC_CLIENT_STREAM_BEGIN: sc_client_event_kind = 6;
/// Stream EOF of a message stream: `stream_id`.
pub const SC_CLIENT_STREAM_EOF: sc_client_event_kind = 7;
/// The server asks the client to connect anew when it suits it, and goes on until then: `url` (NULL: the same), `text`.
/// `sc_client_session_next` makes the session of the next connection.
pub const SC_CLIENT_RECONNECT_REQUEST: sc_client_event_kind = 8;
/// The server sends the client on to another one: `url`. This session is closing; `sc_client_session_next` makes the next.
pub const SC_CLIENT_REDIRECT: sc_client_event_kind = 9;
/// The server wants user and password, which the URL has. This session is closing; `sc_client_session_next` makes the next.
pub const SC_CLIENT_AUTHENTICATE: sc_client_event_kind = 10;
/// The server refused: `code` (may be empty) and `text`. The session is closing.
pub const SC_CLIENT_REJECTED: sc_client_event_kind = 11;
/// The stream has ended. A player may stay; where the server ended the connection, the session is closing.
pub const SC_CLIENT_ENDED: sc_client_event_kind = 12;
/// A deviation that was repaired or ignored, the first of its kind: `text` and `clause`.
pub const SC_CLIENT_NOTICE: sc_client_event_kind = 13;

/// What a server did. Pointers are lent until the next call on the session; texts are UTF-8 and end with NUL. Fields that an event does not
/// name are 0 or NULL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_client_event {
    /// `sizeof(sc_client_event)`, set by the caller.
    pub struct_size: usize,
    /// One of `SC_CLIENT_*`, which says which of the fields below are set.
    pub event: sc_client_event_kind,
    /// Message stream.
    pub stream_id: u32,
    /// What a message carries: one of `SC_KIND_*`.
    pub kind: sc_kind,
    /// Wire time of a message in milliseconds, wrapping at 2^32, not repaired.
    pub timestamp: u32,
    /// Body of a message; empty for a silent period of audio.
    pub data: *const u8,
    /// Bytes of the body.
    pub size: usize,
    /// Memory of the body: `sc_buf_retain` keeps it.
    pub buf: *const sc_buf,
    /// `status`, `warning` or `error`.
    pub level: *const c_char,
    /// Code of a status, such as `NetStream.Publish.BadName`.
    pub code: *const c_char,
    /// The server's words, or what was met.
    pub text: *const c_char,
    /// Clause of the specification that says otherwise; may be empty.
    pub clause: *const c_char,
    /// Where to connect next, in the server's words. It may hold secrets.
    pub url: *const c_char,
}

sized!(sc_client_event);

/// What the last event lends.
pub(crate) struct Lent {
    buf: Shared,
    texts: [CString; 3],
}

impl Lent {
    pub(crate) fn new() -> Self {
        Self { buf: Shared::lent(), texts: Default::default() }
    }

    fn texts<const N: usize>(&mut self, texts: [&str; N]) -> [*const c_char; N] {
        for (kept, text) in self.texts.iter_mut().zip(texts) {
            *kept = c_text(text);
        }
        let mut kept = self.texts.iter();
        texts.map(|_| kept.next().map_or(std::ptr::null(), |text| text.as_ptr()))
    }

    /// The event for C; `None` for those that C does not know.
    pub(crate) fn show(&mut self, event: ClientEvent) -> Option<sc_client_event> {
        let of = |event| sc_client_event { event, ..nothing() };
        Some(match event {
            ClientEvent::Media { kind, timestamp, payload } => {
                let (data, size) = (payload.as_ptr(), payload.len());
                let buf = self.buf.lend(payload);
                sc_client_event { kind, timestamp, data, size, buf, ..of(SC_CLIENT_MEDIA) }
            }
            ClientEvent::Connected(server) => {
                let [text] = self.texts([&server.version]);
                sc_client_event { text, ..of(SC_CLIENT_CONNECTED) }
            }
            ClientEvent::Publishing => of(SC_CLIENT_PUBLISHING),
            ClientEvent::Playing => of(SC_CLIENT_PLAYING),
            ClientEvent::Status(status) => {
                let texts = [status.level, status.code, status.description];
                let [level, code, text] = self.texts(texts.each_ref().map(String::as_str));
                sc_client_event { level, code, text, ..of(SC_CLIENT_STATUS) }
            }
            ClientEvent::StreamBegin(stream_id) => {
                sc_client_event { stream_id, ..of(SC_CLIENT_STREAM_BEGIN) }
            }
            ClientEvent::StreamEof(stream_id) => {
                sc_client_event { stream_id, ..of(SC_CLIENT_STREAM_EOF) }
            }
            ClientEvent::ReconnectRequest { tc_url, description } => {
                let [text, url] = self.texts([&description, tc_url.as_deref().unwrap_or("")]);
                let url = if tc_url.is_some() { url } else { std::ptr::null() };
                sc_client_event { text, url, ..of(SC_CLIENT_RECONNECT_REQUEST) }
            }
            ClientEvent::Redirect { url } => {
                let [url] = self.texts([&url]);
                sc_client_event { url, ..of(SC_CLIENT_REDIRECT) }
            }
            ClientEvent::Authenticate => of(SC_CLIENT_AUTHENTICATE),
            ClientEvent::Rejected { code, description } => {
                let [code, text] = self.texts([&code, &description]);
                sc_client_event { code, text, ..of(SC_CLIENT_REJECTED) }
            }
            ClientEvent::Ended => of(SC_CLIENT_ENDED),
            ClientEvent::Notice(notice) => {
                let [text, clause] = self.texts([notice.text(), notice.clause()]);
                sc_client_event { text, clause, ..of(SC_CLIENT_NOTICE) }
            }
            _ => return None,
        })
    }
}

/// An event with nothing in it.
pub(crate) const fn nothing() -> sc_client_event {
    sc_client_event {
        struct_size: size_of::<sc_client_event>(),
        event: 0,
        stream_id: 0,
        kind: 0,
        timestamp: 0,
        data: std::ptr::null(),
        size: 0,
        buf: std::ptr::null(),
        level: std::ptr::null(),
        code: std::ptr::null(),
        text: std::ptr::null(),
        clause: std::ptr::null(),
        url: std::ptr::null(),
    }
}
