//! Every kind of notice: provoked, told once, counted, with its clause.

use super::*;
use crate::rtmp::handshake::{ClientHandshake, PACKET};
use crate::rtmp::message::type_id;

type Provoke = fn(&mut Pair);

/// Raw bytes of a chunk of type 0 on a chunk stream, of a message that is longer than the chunk.
fn partial(pair: &mut Pair, csid: u8) {
    pair.client.raw(&[&[csid, 0, 0, 0, 0, 1, 0, 9, 1, 0, 0, 0][..], &[0; 128]].concat());
}

fn media(pair: &mut Pair, stream_id: u32) {
    pair.client.message(&message(9, stream_id, 0, b"frame"));
}

fn control(pair: &mut Pair, control: &Control) {
    pair.client.message(&control.to_message());
}

/// What a client that publishes on message stream 1 does wrong, for each kind but those of the handshake.
const DEEDS: [(Notice, Provoke); 18] = [
    (Notice::ChunkStreamWithoutFullHeader, |pair| {
        // A message of four bytes on a fresh chunk stream, twice.
        for csid in [40, 41] {
            pair.client.raw(&[0x40 | csid, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0]);
        }
    }),
    (Notice::PartialMessageDropped, |pair| {
        // The last one is whole.
        (0..3).for_each(|_| partial(pair, 9));
        pair.client.raw(&[&[0xc9][..], &[0; 128]].concat());
    }),
    (Notice::ExtendedTimestampNotRepeated, |pair| {
        // A message of ten chunks: its way is taken as the peer's after eight.
        let head = [9, 0xff, 0xff, 0xff, 0, 5, 0, 9, 1, 0, 0, 0, 1, 0, 0, 0];
        let rest = [&[0xc9][..], &[7; 128]].concat().repeat(9);
        pair.client.raw(&[&head[..], &[7; 128], &rest].concat());
    }),
    (Notice::ChunkSizeClamped, |pair| {
        for _ in 0..2 {
            pair.client.control(&Control::SetChunkSize(0x7fff_ffff));
        }
    }),
    (Notice::ChunkSizeSmall, |pair| {
        for size in [64, 100] {
            pair.client.control(&Control::SetChunkSize(size));
        }
    }),
    (Notice::ControlMessageShort, |pair| {
        for kind in [type_id::ACKNOWLEDGEMENT, type_id::WINDOW_ACK_SIZE] {
            pair.client.message(&message(kind, 0, 0, &[0, 1]));
        }
    }),
    (Notice::UnknownMessageType, |pair| {
        [7, 99].into_iter().for_each(|kind| pair.client.message(&message(kind, 1, 0, b"x")));
    }),
    (Notice::UnknownUserControl, |pair| {
        [26, 31].into_iter().for_each(|event| control(pair, &UserControl::Unknown(event).into()));
    }),
    (Notice::UndecodableCommand, |pair| {
        (0..2).for_each(|_| pair.client.message(&message(20, 0, 0, &[9, 9])));
    }),
    (Notice::UndecodableData, |pair| {
        (0..2).for_each(|_| pair.client.message(&message(18, 1, 0, &[0, 0, 1, 0x2c])));
    }),
    (Notice::DataWithoutName, |pair| {
        (0..2).for_each(|_| pair.client.message(&message(18, 1, 0, &[3, 0, 0, 9])));
    }),
    (Notice::UnknownCommand, |pair| {
        (0..2).for_each(|_| pair.client.command(0, "madeUp", 9.0, &[]));
    }),
    (Notice::LeadingZero, |pair| {
        let body = b"\x00\x02\x00\x01x";
        [20, 18].into_iter().for_each(|kind| pair.client.message(&message(kind, 1, 0, body)));
    }),
    (Notice::UnknownMessageStream, |pair| [0, 7].into_iter().for_each(|id| media(pair, id))),
    (Notice::MediaWithoutPublish, |pair| {
        pair.client.command(0, "deleteStream", 0.0, &[1.0.into()]);
        (0..2).for_each(|_| media(pair, 1));
    }),
    (Notice::AggregateTruncated, |pair| {
        (0..2).for_each(|_| pair.client.message(&message(22, 1, 0, &[9, 0, 0, 9])));
    }),
    (Notice::NameRefused, |pair| pair.client.command(1, "publish", 9.0, &["..".into()])),
    (Notice::CommandBeforeConnect, |_| {}),
];

fn assert_told(pair: &Pair, notice: Notice, least: u32) {
    let told = pair.events.iter().filter(|event| **event == SessionEvent::Notice(notice)).count();
    assert_eq!(told, 1, "{notice:?}");
    assert!(pair.server.notice_count(notice) >= least, "{notice:?}");
    assert!(notice.clause().starts_with("RTMP 1.0 ") && !notice.text().is_empty(), "{notice:?}");
}

#[test]
fn every_kind_is_counted_told_once_and_names_its_clause() {
    let mut seen = Vec::new();
    for (notice, deed) in DEEDS {
        let mut pair = if notice == Notice::CommandBeforeConnect {
            let mut pair = Pair::default();
            (0..2).for_each(|_| pair.client.command(0, "createStream", 2.0, &[]));
            pair
        } else {
            publishing()
        };
        deed(&mut pair);
        pair.run().unwrap();
        // A refused name ends the session at its first time, and the way of a sender is found out once.
        let once = [Notice::NameRefused, Notice::ExtendedTimestampNotRepeated].contains(&notice);
        assert_told(&pair, notice, if once { 1 } else { 2 });
        seen.push(notice);
    }
    for notice in [Notice::HandshakeEchoMismatch, Notice::HandshakeNoDigest] {
        // Once a connection is all that they can be.
        let mut server = ServerSession::new(SessionConfig::default(), 2, Micros::ZERO);
        let mut client = ClientHandshake::new(1);
        let mut hello = client.poll_output().unwrap().to_vec();
        if notice == Notice::HandshakeNoDigest {
            hello[5..9].copy_from_slice(&[9, 0, 124, 2]);
        }
        server.handle_input(Micros::ZERO, &hello).unwrap();
        server.handle_input(Micros::ZERO, &[1; PACKET]).unwrap();
        let told: Vec<_> = std::iter::from_fn(|| server.poll_event()).collect();
        assert_eq!(told.iter().filter(|event| **event == SessionEvent::Notice(notice)).count(), 1);
        assert_eq!(server.notice_count(notice), 1);
        assert!(notice.clause().starts_with("RTMP 1.0 "));
        seen.push(notice);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), Notice::COUNT, "{seen:?}");
}
