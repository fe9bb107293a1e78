//! Client sessions against scripted servers and against the server session, on a virtual clock.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::amf::Value;
use crate::error::ErrorKind;
use crate::rtmp::chunk::Message;
use crate::rtmp::message::{Control, UserControl};
use crate::testing::{Chop, Visit};

mod answers;
mod pairs;
mod play;
mod publish;
mod refusals;
mod timers;

fn url(text: &str) -> RtmpUrl {
    RtmpUrl::parse(text).unwrap()
}

fn publisher() -> ClientConfig {
    ClientConfig::publish(url("rtmp://host:1936/live/key?token=1"))
}

fn player() -> ClientConfig {
    ClientConfig::play(url("rtmp://host/live/key"))
}

/// A client whose `connect` and `createStream` were answered, with message stream 1.
fn requested(config: ClientConfig) -> Visit {
    let mut visit = Visit::new(config);
    visit.run().unwrap();
    visit.server.accept();
    visit.run().unwrap();
    let (_, create) = visit.server.last("createStream").unwrap();
    visit.server.result(create.transaction_id, Value::Null, 1.0.into());
    visit.run().unwrap();
    visit
}

/// A client that publishes or plays on message stream 1.
fn started(config: ClientConfig) -> Visit {
    let code = if config.is_publish() { "NetStream.Publish.Start" } else { "NetStream.Play.Start" };
    let mut visit = requested(config);
    visit.server.status("status", code);
    visit.run().unwrap();
    visit.events.clear();
    visit
}

fn message(type_id: u8, stream_id: u32, timestamp: u32, payload: &[u8]) -> Message {
    Message { type_id, stream_id, timestamp, payload: Bytes::copy_from_slice(payload) }
}

/// Kind, time and length of all media.
fn media_of(visit: &Visit) -> Vec<(u8, u32, usize)> {
    let media = |event: &ClientEvent| match event {
        ClientEvent::Media { kind, timestamp, payload } => Some((*kind, *timestamp, payload.len())),
        _ => None,
    };
    visit.events.iter().filter_map(media).collect()
}

/// The events but for notices and statuses.
fn signals(visit: &Visit) -> Vec<&ClientEvent> {
    let plain =
        |event: &&ClientEvent| !matches!(event, ClientEvent::Notice(_) | ClientEvent::Status(_));
    visit.events.iter().filter(plain).collect()
}
