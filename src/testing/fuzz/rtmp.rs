//! RTMP: handshake, chunks, messages and sessions.

use bytes::Bytes;

use super::input::{limits, splits};
use crate::amf::amf0;
use crate::buf::{Chain, Writer as Buffer};
use crate::error::Error;
use crate::rtmp::chunk::{Message, Reader, SharedMessage, Writer, csid};
use crate::rtmp::handshake::{ClientHandshake, PACKET, ServerHandshake, TOTAL, VERSION};
use crate::rtmp::message::{Aggregate, Command, Control, parse_data, type_id};
use crate::rtmp::session::{Notice, ServerSession, SessionConfig, SessionEvent, StreamPath};
use crate::time::Micros;

/// Both sides of the handshake: split invariance, never a byte too many, and a server that echoes C1.
pub fn handshake(data: &[u8]) {
    let whole = server_handshake(&[data]);
    let client = client_handshake(&[data]);
    for split in splits(data) {
        assert_eq!(server_handshake(&split), whole);
        assert_eq!(client_handshake(&split), client);
    }
    assert!(whole.taken <= data.len().min(TOTAL) && client.taken <= data.len().min(TOTAL));
    if let Some(c1) = data.get(1..=PACKET).filter(|_| !whole.output.is_empty()) {
        assert_eq!((whole.output.len(), whole.output.first()), (TOTAL, Some(&VERSION)));
        if c1.get(4..8) == Some(&[0; 4]) {
            assert_eq!(whole.output.get(1 + PACKET..), Some(c1), "S2 echoes C1");
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Shake {
    taken: usize,
    complete: bool,
    output: Vec<u8>,
    notices: Vec<Notice>,
    error: Option<Error>,
}

fn server_handshake(split: &[&[u8]]) -> Shake {
    let mut side = ServerHandshake::new(7);
    let (taken, error) = feed(split, |piece| side.handle_input(piece));
    let mut notices: Vec<_> = std::iter::from_fn(|| side.poll_notice()).collect();
    notices.sort();
    let output = side.poll_output().unwrap_or_default().to_vec();
    Shake { taken, complete: side.is_complete(), output, notices, error }
}

fn client_handshake(split: &[&[u8]]) -> Shake {
    let mut side = ClientHandshake::new(7);
    let (taken, error) = feed(split, |piece| side.handle_input(piece));
    let notices = side.poll_notice().into_iter().collect();
    let output = side.poll_output().unwrap_or_default().to_vec();
    Shake { taken, complete: side.is_complete(), output, notices, error }
}

/// Gives pieces until one is not taken whole.
fn feed(
    split: &[&[u8]],
    mut take: impl FnMut(&[u8]) -> crate::error::Result<usize>,
) -> (usize, Option<Error>) {
    let mut taken = 0;
    for piece in split {
        match take(piece) {
            Ok(count) => {
                taken += count;
                if count < piece.len() {
                    break;
                }
            }
            Err(error) => return (taken, Some(error)),
        }
    }
    (taken, None)
}

/// Chunks to messages: split invariance, memory within limits, no payload that was not sent, and messages that come back
/// from both writers as they were.
pub fn chunk_stream(data: &[u8]) {
    let (messages, error) = read_chunks(&[data]);
    for split in splits(data) {
        assert_eq!(read_chunks(&split), (messages.clone(), error));
    }
    let payload: usize = messages.iter().map(|message| message.payload.len()).sum();
    assert!(payload <= data.len(), "{payload} bytes of payload in {}", data.len());

    let chunk_size = data.first().map_or(128, |&byte| 1 + u32::from(byte) * 16);
    let media: Vec<Message> = messages.into_iter().filter(|message| message.type_id > 2).collect();
    let (mut writer, mut plain, mut shared) = (Writer::new(), Chain::new(), Chain::new());
    let size = Control::SetChunkSize(chunk_size).to_message();
    for out in [&mut plain, &mut shared] {
        let written = Writer::new().write(csid::CONTROL, &size, out);
        assert!(written.is_ok());
    }
    writer.set_chunk_size(chunk_size);
    for message in &media {
        let written =
            writer.write(csid::of(message.type_id, message.stream_id), message, &mut plain);
        assert!(written.is_ok());
        shared.extend_from(SharedMessage::new(message, chunk_size).chain());
    }
    for out in [plain, shared] {
        let (mut back, error) = read_chunks(&[&out.to_bytes()]);
        assert_eq!((back.remove(0), error), (size.clone(), None));
        assert_eq!(back, media);
    }
}

fn read_chunks(split: &[&[u8]]) -> (Vec<Message>, Option<Error>) {
    let limits = limits();
    let mut reader = Reader::new(&limits);
    let mut messages = Vec::new();
    for piece in split {
        let mut rest = *piece;
        loop {
            match reader.poll_message(Micros::ZERO, &mut rest) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
            assert!(reader.reserved_bytes() <= limits.reassembly_bytes);
        }
        assert!(rest.is_empty() && reader.reserved_bytes() <= limits.reassembly_bytes);
    }
    (messages, None)
}

/// Bodies of control, command and data messages. The first byte is the type.
pub fn message(data: &[u8]) {
    let Some((&kind, body)) = data.split_first() else { return };
    if let Some(control) = Control::parse(kind, body) {
        let message = control.to_message();
        assert_eq!(Control::parse(message.type_id, &message.payload), Some(control));
    }
    for kind in [type_id::COMMAND, type_id::COMMAND_AMF3] {
        let Ok((command, _)) = Command::parse(kind, body, &limits()) else { continue };
        let message = command.to_message(1);
        let back = Command::parse(message.type_id, &message.payload, &limits());
        // Bytes, since not-a-number is not equal to itself.
        let again = back.map(|(back, stray)| (back.to_message(1).payload, stray));
        assert_eq!(again, Ok((message.payload, false)));
    }
    let body = Bytes::copy_from_slice(body);
    for kind in [type_id::DATA, type_id::DATA_AMF3] {
        let Some(data) = parse_data(kind, &body) else { continue };
        assert_eq!(data.payload.first(), Some(&2), "a name comes first");
        assert!(data.payload.len() <= body.len() + 13);
        let shared = body.as_ptr_range().contains(&data.payload.as_ptr());
        assert!(shared != data.unnamed, "copied only where a name was put in");
    }
}

/// Aggregates: tags stand in the message in order, times count from the first, and the tags written anew read the same.
pub fn aggregate(data: &[u8]) {
    let aggregate = |payload: Bytes| {
        let message = Message { type_id: 22, stream_id: 1, timestamp: 1000, payload };
        let mut split = Aggregate::new(&message);
        (split.by_ref().collect::<Vec<_>>(), split.is_truncated())
    };
    let (tags, truncated) = aggregate(Bytes::copy_from_slice(data));
    let bytes: usize = tags.iter().map(|tag| 11 + tag.payload.len()).sum();
    assert!(bytes <= data.len() && tags.iter().all(|tag| tag.type_id < 32 && tag.type_id != 22));
    assert!(truncated || bytes + 4 * tags.len() >= data.len(), "bytes were passed over");
    assert!(tags.first().is_none_or(|first| first.timestamp == 1000));
    let mut out = Buffer::default();
    for tag in &tags {
        let size = u32::try_from(tag.payload.len()).unwrap_or(0);
        out.u8(tag.type_id);
        out.u24(size);
        out.u24(tag.timestamp);
        out.u8(tag.timestamp.to_be_bytes()[0]);
        out.u24(0);
        out.bytes(&tag.payload);
        out.u32(size + 11);
    }
    assert_eq!(aggregate(out.freeze()), (tags, false));
}

/// A session behind its handshake that accepts all requests: events do not depend on splits, output is bounded, and
/// media is no more than was sent.
pub fn server_session(data: &[u8]) {
    let whole = session(&[data]);
    for split in splits(data) {
        assert_eq!(session(&split), whole);
    }
    let media = whole.0.iter().map(|event| match event {
        // An unnamed data message gets a name of 13 bytes; it has a header of at least one byte.
        SessionEvent::Media { payload, .. } => payload.len(),
        _ => 0,
    });
    let media: usize = media.sum();
    assert!(media <= 16 * data.len(), "{media} bytes of media in {}", data.len());
    let mut notices: Vec<Notice> = whole.0.iter().filter_map(notice).collect();
    let all = notices.len();
    notices.sort();
    notices.dedup();
    assert_eq!(notices.len(), all, "each kind of notice is told once");
}

const fn notice(event: &SessionEvent) -> Option<Notice> {
    match event {
        SessionEvent::Notice(notice) => Some(*notice),
        _ => None,
    }
}

fn session(split: &[&[u8]]) -> (Vec<SessionEvent>, Option<Error>) {
    let config = SessionConfig { limits: limits(), ..SessionConfig::default() };
    // What one message may be answered with.
    let most = config.limits.queued_output_bytes + (64 << 10);
    let mut session = ServerSession::new(config, 7, Micros::ZERO);
    let mut hello = [0; TOTAL];
    hello[0] = VERSION;
    let mut events = Vec::new();
    for piece in std::iter::once(&&hello[..]).chain(split) {
        let mut rest = *piece;
        loop {
            let result = session.handle_input(Micros::ZERO, rest);
            assert!(session.queued_output_bytes() <= most);
            let taken = match result {
                Ok(taken) => taken,
                Err(error) => {
                    events.extend(std::iter::from_fn(|| session.poll_event()));
                    return (events, Some(error));
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
            session.poll_output();
            let before = events.len();
            while let Some(event) = session.poll_event() {
                if let SessionEvent::Publish { request, .. } | SessionEvent::Play { request, .. } =
                    &event
                {
                    // Taken back in the same input, it is unknown by now.
                    let _ = session.accept(*request);
                }
                events.push(event);
            }
            if rest.is_empty() {
                break;
            }
            assert!(taken > 0 || events.len() > before || session.wants_input(), "no way on");
        }
    }
    (events, None)
}

/// Stream paths: three lines are application, `tcUrl` and name. What comes out is safe below a directory, and is the
/// same when it is asked for by its canonical form.
pub fn stream_path(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let limits = limits();
    let Ok(found) = StreamPath::parse(line(), line(), line(), &limits) else { return };
    assert!(!found.name.is_empty());
    assert!(found.app.len() <= limits.name_bytes && found.name.len() <= limits.name_bytes);
    assert!(found.query.len() <= data.len() * 3 + 2);
    let path = found.path();
    for segment in path.split('/') {
        assert!(!segment.is_empty() && !segment.starts_with('.'), "{path:?}");
        assert!(!segment.chars().any(|c| c.is_control() || c == '\\'), "{path:?}");
    }
    // What means something to the parser may come out of escapes, or stand where it means nothing; asked for anew, it
    // would be taken for what it means.
    let means = ["%", "?", ":", "\"", "'", " ", ".flv", "_definst_"];
    if !means.iter().any(|sign| path.contains(sign)) {
        let again = StreamPath::parse(&found.app, "", &found.name, &limits);
        assert_eq!(again.map(|again| again.path()), Ok(path));
    }
}

/// Encodes values one behind the other.
pub(super) fn encoded(values: &[crate::amf::Value]) -> Bytes {
    let mut out = Buffer::default();
    amf0::encode_all(&mut out, values);
    out.freeze()
}
