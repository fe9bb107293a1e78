//! What a server session tells.

use std::ffi::{CString, c_char};

use bytes::Bytes;
use core_crate::rtmp::session::SessionEvent;

use crate::buf::{Shared, sc_buf};
use crate::media::sc_kind;
use crate::pointers::{c_text, is_known_whole, sized};

/// What a client did. Numbers are never given a new meaning; a program passes over those that it does not know.
pub type sc_session_event_kind = u32;

/// The client is connected: `app`, `tc_url`, `agent`.
pub const SC_SESSION_CONNECTED: sc_session_event_kind = 1;
/// The client asks to publish: `request`, `stream_id`, `app`, `name`, `query`. Answer with `sc_server_session_accept` or
/// `sc_server_session_reject`; media is held back until then.
pub const SC_SESSION_PUBLISH: sc_session_event_kind = 2;
/// The client asks to play: `request`, `stream_id`, `app`, `name`, `query`. Answer as above.
pub const SC_SESSION_PLAY: sc_session_event_kind = 3;
/// One message of a published stream: `stream_id`, `kind`, `timestamp`, `data`, `size`, `buf`.
pub const SC_SESSION_MEDIA: sc_session_event_kind = 4;
/// A published stream ended, or a request to publish was taken back: `stream_id`. Once per stream.
pub const SC_SESSION_UNPUBLISHED: sc_session_event_kind = 5;
/// The client stopped playing, or took back its request: `stream_id`. Once per stream.
pub const SC_SESSION_PLAY_ENDED: sc_session_event_kind = 6;
/// The player paused or goes on: `stream_id`, `paused`. When it goes on, send it headers and a key frame again.
pub const SC_SESSION_PAUSED: sc_session_event_kind = 7;
/// The player asked for another position: `stream_id`, `position`. Send it headers and a key frame again.
pub const SC_SESSION_SEEK: sc_session_event_kind = 8;
/// A deviation that was repaired or ignored, the first of its kind: `text` and `clause`.
pub const SC_SESSION_NOTICE: sc_session_event_kind = 9;

/// What a client did. Pointers are lent until the next call on the session; texts are UTF-8 and end with NUL. Fields that an event does not
/// name are 0 or NULL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sc_session_event {
    /// `sizeof(sc_session_event)`, set by the caller.
    pub struct_size: usize,
    /// One of `SC_SESSION_*`, which says which of the fields below are set.
    pub event: sc_session_event_kind,
    /// Number of the request, for the answer.
    pub request: u32,
    /// Message stream.
    pub stream_id: u32,
    /// What a message carries: one of `SC_KIND_*`.
    pub kind: sc_kind,
    /// Whether the player is paused now.
    pub paused: bool,
    /// Wire time of a message in milliseconds, wrapping at 2^32, not repaired.
    pub timestamp: u32,
    /// Position that the player asked for, in milliseconds.
    pub position: u32,
    /// Body of a message.
    pub data: *const u8,
    /// Bytes of the body.
    pub size: usize,
    /// Memory of the body: `sc_buf_retain` keeps it.
    pub buf: *const sc_buf,
    /// Application: the first segment of the path; as it came in `SC_SESSION_CONNECTED`.
    pub app: *const c_char,
    /// Name of the stream: safe below a directory.
    pub name: *const c_char,
    /// What stood behind a `?`, raw. It may hold secrets.
    pub query: *const c_char,
    /// `tcUrl` of `connect`. It may hold secrets.
    pub tc_url: *const c_char,
    /// `flashVer`: the client's name for itself.
    pub agent: *const c_char,
    /// What was met.
    pub text: *const c_char,
    /// Clause of the specification that says otherwise; may be empty.
    pub clause: *const c_char,
}

sized!(sc_session_event);

/// What the last event lends.
pub(crate) struct Lent {
    buf: Shared,
    texts: [CString; 3],
}

impl Lent {
    pub(crate) fn new() -> Self {
        Self { buf: Shared::lent(), texts: Default::default() }
    }

    fn texts(&mut self, texts: [&str; 3]) -> [*const c_char; 3] {
        self.texts = texts.map(c_text);
        self.texts.each_ref().map(|text| text.as_ptr())
    }

    /// Lends a message.
    ///
    /// # Safety
    /// `to` is writable.
    pub(crate) unsafe fn message(
        &mut self,
        to: *mut sc_session_event,
        (stream_id, kind, timestamp): (u32, sc_kind, u32),
        payload: Bytes,
    ) {
        const { assert!(is_known_whole::<sc_session_event>()) };
        let (data, size) = (payload.as_ptr(), payload.len());
        let buf = self.buf.lend(payload);
        // SAFETY: as the function's.
        unsafe {
            (*to).event = SC_SESSION_MEDIA;
            (*to).request = 0;
            (*to).stream_id = stream_id;
            (*to).kind = kind;
            (*to).paused = false;
            (*to).timestamp = timestamp;
            (*to).position = 0;
            (*to).data = data;
            (*to).size = size;
            (*to).buf = buf;
            (*to).app = std::ptr::null();
            (*to).name = std::ptr::null();
            (*to).query = std::ptr::null();
            (*to).tc_url = std::ptr::null();
            (*to).agent = std::ptr::null();
            (*to).text = std::ptr::null();
            (*to).clause = std::ptr::null();
        }
    }

    /// The event for C; `None` for messages, and for those that C does not know.
    pub(crate) fn show(&mut self, event: SessionEvent) -> Option<sc_session_event> {
        let nothing = nothing();
        Some(match event {
            SessionEvent::Connected { app, tc_url, agent, .. } => {
                let [app, tc_url, agent] = self.texts([&app, &tc_url, &agent]);
                sc_session_event { event: SC_SESSION_CONNECTED, app, tc_url, agent, ..nothing }
            }
            SessionEvent::Publish { request, stream_id, path, .. } => {
                let [app, name, query] = self.texts([&path.app, &path.name, &path.query]);
                let (event, request) = (SC_SESSION_PUBLISH, request.to_raw());
                sc_session_event { event, request, stream_id, app, name, query, ..nothing }
            }
            SessionEvent::Play { request, stream_id, path, .. } => {
                let [app, name, query] = self.texts([&path.app, &path.name, &path.query]);
                let (event, request) = (SC_SESSION_PLAY, request.to_raw());
                sc_session_event { event, request, stream_id, app, name, query, ..nothing }
            }
            SessionEvent::Unpublished { stream_id } => {
                sc_session_event { event: SC_SESSION_UNPUBLISHED, stream_id, ..nothing }
            }
            SessionEvent::PlayEnded { stream_id } => {
                sc_session_event { event: SC_SESSION_PLAY_ENDED, stream_id, ..nothing }
            }
            SessionEvent::Paused { stream_id, paused } => {
                sc_session_event { event: SC_SESSION_PAUSED, stream_id, paused, ..nothing }
            }
            SessionEvent::Seek { stream_id, position } => {
                sc_session_event { event: SC_SESSION_SEEK, stream_id, position, ..nothing }
            }
            SessionEvent::Notice(notice) => {
                let [text, clause, _] = self.texts([notice.text(), notice.clause(), ""]);
                sc_session_event { event: SC_SESSION_NOTICE, text, clause, ..nothing }
            }
            _ => return None,
        })
    }
}

/// An event with nothing in it.
pub(crate) const fn nothing() -> sc_session_event {
    sc_session_event {
        struct_size: size_of::<sc_session_event>(),
        event: 0,
        request: 0,
        stream_id: 0,
        kind: 0,
        paused: false,
        timestamp: 0,
        position: 0,
        data: std::ptr::null(),
        size: 0,
        buf: std::ptr::null(),
        app: std::ptr::null(),
        name: std::ptr::null(),
        query: std::ptr::null(),
        tc_url: std::ptr::null(),
        agent: std::ptr::null(),
        text: std::ptr::null(),
        clause: std::ptr::null(),
    }
}
