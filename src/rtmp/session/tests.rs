//! Sessions against a scripted client on a virtual clock.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::amf::Value;
use crate::error::ErrorKind;
use crate::rtmp::chunk::{Message, SharedMessage};
use crate::rtmp::message::{Command, Control, LimitType, UserControl};
use crate::testing::{Chop, Pair};

mod connect;
mod enhanced;
mod media;
mod memory;
mod notices;
mod play;
mod publish;
mod timers;

fn publishing() -> Pair {
    let mut pair = Pair::default();
    pair.client.publish("live", "key");
    pair.run().unwrap();
    pair
}

fn playing() -> Pair {
    let mut pair = Pair::default();
    pair.client.play("live", "key");
    pair.run().unwrap();
    pair
}

fn message(type_id: u8, stream_id: u32, timestamp: u32, payload: &[u8]) -> Message {
    Message { type_id, stream_id, timestamp, payload: Bytes::copy_from_slice(payload) }
}

/// Type, time and first byte of all media.
fn media_of(pair: &Pair) -> Vec<(u32, u8, u32, usize)> {
    let media = |event: &SessionEvent| match event {
        SessionEvent::Media { stream_id, type_id, timestamp, payload } => {
            Some((*stream_id, *type_id, *timestamp, payload.len()))
        }
        _ => None,
    };
    pair.events.iter().filter_map(media).collect()
}

fn ended(pair: &Pair) -> usize {
    pair.events.iter().filter(|event| matches!(event, SessionEvent::Unpublished { .. })).count()
}

fn paths(pair: &Pair) -> Vec<String> {
    let path = |event: &SessionEvent| match event {
        SessionEvent::Publish { path, .. } | SessionEvent::Play { path, .. } => Some(path.path()),
        _ => None,
    };
    pair.events.iter().filter_map(path).collect()
}
