//! How often a payload byte is copied on its way in: once.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use bytes::Bytes;
use streamcore::rtmp::chunk::Message;
use streamcore::rtmp::message::Control;
use streamcore::rtmp::session::SessionEvent;
use streamcore::testing::{Chop, Pair, generate};

/// The bodies that come out of a session for messages sent in chunks of `chunk_size`, and the bytes copied for them.
fn ingest(messages: &[Message], chunk_size: u32, chop: Chop) -> (Vec<Bytes>, u64) {
    let mut pair = Pair::default();
    pair.client.control(&Control::SetChunkSize(chunk_size));
    pair.client.publish("live", "key");
    pair.run().unwrap();
    let before = pair.server.copied_bytes();
    pair.chop = chop;
    messages.iter().for_each(|message| pair.client.message(message));
    pair.run().unwrap();
    let copied = pair.server.copied_bytes() - before;
    let bodies = pair.events.into_iter().filter_map(|event| match event {
        SessionEvent::Media { payload, .. } => Some(payload),
        _ => None,
    });
    (bodies.collect(), copied)
}

#[test]
fn ingest_copies_each_payload_byte_once_at_any_chunk_size_and_split() {
    let messages = generate::media(3, 200);
    let payload: u64 = messages.iter().map(|message| message.payload.len() as u64).sum();
    for chunk_size in [128, 4096, 65_536] {
        for chop in [Chop::Whole, Chop::Every(1460), Chop::Every(7), Chop::Random(1)] {
            let (bodies, copied) = ingest(&messages, chunk_size, chop);
            assert_eq!(bodies.len(), messages.len());
            assert_eq!(copied, payload, "chunks of {chunk_size}, {chop:?}");
        }
    }
}

#[test]
fn a_payload_pins_no_more_than_itself() {
    let messages = generate::media(4, 50);
    for (sent, body) in messages.iter().zip(ingest(&messages, 4096, Chop::Every(1460)).0) {
        assert_eq!(body, sent.payload);
        // The only owner gets the allocation back as it is: its capacity shows what was held.
        let whole = Vec::from(body);
        assert_eq!((whole.len(), whole.capacity()), (sent.payload.len(), sent.payload.len()));
    }
}

#[test]
fn metadata_and_aggregates_are_slices_of_the_one_copy() {
    let tags: Vec<u8> = [b'a', b'b']
        .iter()
        .flat_map(|&body| {
            [&[9, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0][..], &[body; 200], &[0, 0, 0, 211]].concat()
        })
        .collect();
    let set_data_frame =
        b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData\x08\x00\x00\x00\x00\x00\x00\x09";
    let message = |type_id, payload: &[u8]| Message {
        type_id,
        stream_id: 1,
        timestamp: 0,
        payload: Bytes::copy_from_slice(payload),
    };
    let sent = [message(22, &tags), message(18, set_data_frame)];
    let (bodies, copied) = ingest(&sent, 128, Chop::Whole);
    assert_eq!(copied, (tags.len() + set_data_frame.len()) as u64);
    assert_eq!(bodies.len(), 3);
    // Both tags lie in the aggregate's buffer, one tag apart.
    assert_eq!(bodies.iter().map(Bytes::len).collect::<Vec<_>>(), [200, 200, 21]);
    assert_eq!(
        bodies.get(1).unwrap().as_ptr().addr() - bodies.first().unwrap().as_ptr().addr(),
        215
    );
}
