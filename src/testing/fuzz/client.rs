//! The client session against any server.

use bytes::Bytes;

use super::input::{limits, splits};
use crate::error::Error;
use crate::rtmp::handshake::{TOTAL, VERSION};
use crate::rtmp::session::{ClientConfig, ClientEvent, ClientSession, Notice, RtmpUrl};
use crate::time::Micros;

/// A client session behind its handshake; the first byte says whether it plays or publishes, and with what queues. Events
/// do not depend on splits, output is bounded, media is no more than was sent, and nothing leads on for ever.
pub fn client_session(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else { return };
    let Some(config) = config(kind) else { return };
    let whole = session(&config, &[data]);
    for split in splits(data) {
        assert_eq!(session(&config, &split), whole);
    }
    let (events, _) = whole;
    let media = events.iter().map(|event| match event {
        ClientEvent::Media { payload, .. } => payload.len(),
        _ => 0,
    });
    let media: usize = media.sum();
    assert!(media <= 16 * data.len(), "{media} bytes of media in {}", data.len());
    let notice = |event: &ClientEvent| match event {
        ClientEvent::Notice(notice) => Some(*notice),
        _ => None,
    };
    let mut notices: Vec<Notice> = events.iter().filter_map(notice).collect();
    let all = notices.len();
    notices.sort();
    notices.dedup();
    assert_eq!(notices.len(), all, "each kind of notice is told once");
    follow(config, data);
}

/// URLs of servers and of people: what is read has a host, and `tcUrl` leads to the same place. What is shown holds no
/// more of a name than half, and no password.
pub fn rtmp_url(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(url) = RtmpUrl::parse(&text) else { return };
    assert!(!url.host.is_empty() && !url.app.is_empty());
    if !url.app.contains('?') {
        let again = RtmpUrl::parse(&url.tc_url()).map(|again| (again.tls, again.host, again.port));
        assert_eq!(again, Ok((url.tls, url.host.clone(), url.port)));
    }
    let shown = url.to_string();
    let name = url.name.split('?').next().unwrap_or_default().chars().count();
    let bare = url.tc_url().chars().count();
    assert!(shown.chars().count() <= bare + 2 + name / 2, "{shown}");
}

fn config(kind: u8) -> Option<ClientConfig> {
    let url = RtmpUrl::parse("rtmp://ada:secret@host/live/key").ok()?;
    let mut config =
        if kind & 1 == 0 { ClientConfig::publish(url) } else { ClientConfig::play(url) };
    config.limits = limits();
    if kind & 2 != 0 {
        config.limits.queued_events = 3;
        config.limits.queued_output_bytes = 512;
    }
    Some(config)
}

fn session(config: &ClientConfig, split: &[&[u8]]) -> (Vec<ClientEvent>, Option<Error>) {
    // What one message may be answered with, and one frame of its own.
    let most = config.limits.queued_output_bytes + (64 << 10);
    let mut session = ClientSession::new(config.clone(), 7, Micros::ZERO);
    let mut hello = [0; TOTAL];
    hello[0] = VERSION;
    let mut events = Vec::new();
    for piece in std::iter::once(&&hello[..]).chain(split) {
        let mut rest = *piece;
        loop {
            let result = session.handle_input(Micros::ZERO, rest);
            assert!(session.queued_output_bytes() <= most + TOTAL);
            let before = events.len();
            events.extend(std::iter::from_fn(|| session.poll_event()));
            let taken = match result {
                Ok(taken) => taken,
                Err(error) => return (events, Some(error)),
            };
            rest = rest.get(taken..).unwrap_or_default();
            session.poll_output();
            if session.wants_media() {
                let sent = session.send_media(9, 40, Bytes::from_static(b"frame"));
                assert!(sent.is_ok());
            }
            if rest.is_empty() {
                break;
            }
            assert!(taken > 0 || events.len() > before || session.wants_input(), "no way on");
        }
    }
    (events, None)
}

/// The same server at every connection that it asks for by a redirection or for a password: at last it is no longer
/// followed.
fn follow(mut config: ClientConfig, data: &[u8]) {
    for _ in 0..16 {
        let mut session = ClientSession::new(config, 7, Micros::ZERO);
        let mut hello = [0; TOTAL];
        hello[0] = VERSION;
        let mut sent_on = false;
        for mut rest in [&hello[..], data] {
            while let Ok(taken @ 1..) = session.handle_input(Micros::ZERO, rest) {
                rest = rest.get(taken..).unwrap_or_default();
                while let Some(event) = session.poll_event() {
                    let on =
                        matches!(event, ClientEvent::Redirect { .. } | ClientEvent::Authenticate);
                    sent_on |= on;
                }
                session.poll_output();
            }
        }
        match session.next_config() {
            Some(next) if sent_on => config = next,
            _ => return,
        }
    }
    unreachable!("followed for ever");
}
