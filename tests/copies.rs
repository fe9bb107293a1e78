//! How often a payload byte is copied on its way: once, into its message.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::time::Duration;

use bytes::Bytes;
use streamcore::assemble::{Assembler, Event};
use streamcore::buf::Chain;
use streamcore::flv::{Reader, Tag, TagKind};
use streamcore::hls::{Muxer, MuxerConfig};
use streamcore::limits::Limits;
use streamcore::package::{PackageConfig, PackageFile, Packager};
use streamcore::record::FlvRecorder;
use streamcore::rtmp::chunk::{Message, SharedMessage};
use streamcore::rtmp::message::Control;
use streamcore::rtmp::session::{ServerSession, SessionConfig, SessionEvent};
use streamcore::testing::{Chop, Pair, generate};
use streamcore::time::Micros;

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

#[test]
fn key_frames_of_half_a_megabyte_do_not_move_either() {
    let payload = Bytes::from(vec![7; 500_000]);
    let message = Message { type_id: 9, stream_id: 1, timestamp: 0, payload: payload.clone() };
    let (bodies, copied) = ingest(&[message], 4096, Chop::Every(65_536));
    assert_eq!((bodies, copied), (vec![payload.clone()], payload.len() as u64));
}

/// The address range of a buffer.
fn range(bytes: &Bytes) -> std::ops::Range<usize> {
    let start = bytes.as_ptr().addr();
    start..start + bytes.len()
}

/// Bytes of `chain` that lie in none of the `messages`: heads that were written for it.
fn written_anew(chain: &Chain, messages: &[Bytes]) -> usize {
    let shared = |part: &Bytes| {
        let part = range(part);
        messages
            .iter()
            .map(range)
            .any(|message| message.start <= part.start && part.end <= message.end)
    };
    chain.iter().filter(|part| !shared(part)).map(Bytes::len).sum()
}

#[test]
fn segments_recordings_and_players_hold_references_into_the_message_buffers() {
    let capture = include_bytes!("data/obs-29.0.2/publish.c2s");
    let limits = Limits::default();
    let mut session = ServerSession::new(SessionConfig::default(), 1, Micros::ZERO);
    let (mut assembler, mut muxer) =
        (Assembler::new(&limits), Muxer::new(MuxerConfig::default(), &limits));
    let mut config = MuxerConfig::default();
    config.part_duration = Some(Duration::from_millis(200));
    let mut low = Muxer::new(config, &limits);
    let mut recorder = FlvRecorder::new(&limits);
    let (mut messages, mut recorded, mut players) = (Vec::new(), Chain::new(), Chain::new());
    let mut input = &capture[..];
    while !input.is_empty() {
        let taken = session.handle_input(Micros::ZERO, input).unwrap();
        input = &input[taken..];
        session.poll_output();
        while let Some(event) = session.poll_event() {
            match event {
                SessionEvent::Publish { request, .. } => session.accept(request).unwrap(),
                SessionEvent::Media { type_id, timestamp, payload, .. } => {
                    messages.push(payload.clone());
                    let message =
                        Message { type_id, stream_id: 1, timestamp, payload: payload.clone() };
                    players.extend_from(SharedMessage::new(&message, 4096).chain());
                    let tag = Tag {
                        kind: TagKind::from_type_id(type_id).unwrap(),
                        timestamp,
                        body: payload,
                    };
                    recorded.extend_from(&recorder.handle_tag(&tag).unwrap());
                    assembler.handle_tag(&tag);
                }
                _ => {}
            }
            while let Some(event) = assembler.poll_event() {
                match event {
                    Event::Track(track) => {
                        muxer.handle_track(track.clone()).unwrap();
                        low.handle_track(track).unwrap();
                    }
                    Event::Unit(unit) => {
                        muxer.handle_unit(unit.clone(), None).unwrap();
                        low.handle_unit(unit, None).unwrap();
                    }
                    _ => {}
                }
            }
        }
    }
    muxer.finish().unwrap();
    low.finish().unwrap();
    let payload: usize = messages.iter().map(Bytes::len).sum();
    // What is copied beside the media are the commands and the wrapping of the metadata.
    let copied = usize::try_from(session.copied_bytes()).unwrap();
    assert!((payload..payload + 2048).contains(&copied), "{copied} copied of {payload}");

    // Chunk heads: 12 bytes a message and one for each further chunk of 4,096.
    let heads: usize = messages.iter().map(|body| 12 + body.len().saturating_sub(1) / 4096).sum();
    assert_eq!(written_anew(&players, &messages), heads);

    // Tag heads and sizes, the file header, and the metadata, which is made new, with room for an index of 2,048 key frames.
    assert!(
        written_anew(&recorded, &messages) <= 15 * messages.len() + 13 + 1024 + 2048 * 18 + 256
    );

    let mut segments = Chain::new();
    for name in ["video", "audio"] {
        (0..)
            .map_while(|n| muxer.file(&format!("{name}_{n}.m4s")))
            .for_each(|file| segments.extend_from(&file.body));
    }
    assert!(segments.len() > payload * 9 / 10, "{} of {payload}", segments.len());
    assert!(written_anew(&segments, &messages) < segments.len() / 20);
    assert_parts_are_references(&low, &messages, segments.len());
}

/// Of a part only the head is written for it, and a segment is `styp` and the very buffers of its parts.
fn assert_parts_are_references(muxer: &Muxer, messages: &[Bytes], least: usize) {
    let view = muxer.presentation();
    let (mut parts, mut bytes) = (0, 0);
    for segment in view.renditions().flat_map(|rendition| rendition.segments()) {
        let (mut of_parts, mut heads) = (Vec::new(), 0);
        for part in segment.parts() {
            let served = muxer.file(&part.name()).unwrap().body;
            assert_eq!(served.iter().len(), part.samples() + 1, "one head, and each unit as it is");
            let head = served.iter().next().unwrap();
            assert_eq!(written_anew(&served, messages), head.len());
            assert!(head.len() < 200 + 16 * part.samples(), "{}", head.len());
            of_parts.extend(served.iter().map(range));
            (parts, heads) = (parts + 1, heads + head.len());
        }
        let whole = muxer.file(&segment.name()).unwrap().body;
        assert_eq!(written_anew(&whole, messages), heads + 24);
        assert_eq!(whole.iter().skip(1).map(range).collect::<Vec<_>>(), of_parts);
        bytes += whole.len();
    }
    assert!(parts > 20 && bytes >= least, "{parts} parts, {bytes} bytes");
}

#[test]
fn files_of_a_package_are_references_into_the_blocks_that_were_read() {
    let source = Bytes::from_static(include_bytes!("data/obs-29.0.2/recorded-by-nginx.flv"));
    let limits = Limits::default();
    let (mut reader, mut assembler) = (Reader::new(&limits), Assembler::new(&limits));
    let mut config = PackageConfig::default();
    (config.segment_duration, config.part_duration) =
        (Duration::from_secs(2), Some(Duration::from_millis(500)));
    let mut packager = Packager::new(&config, &limits);
    let mut files: Vec<PackageFile> = Vec::new();
    // Blocks of a read: a tag that lies in two of them is put together, and no other byte moves.
    let blocks: Vec<Bytes> = (0..source.len())
        .step_by(65_536)
        .map(|from| source.slice(from..source.len().min(from + 65_536)))
        .collect();
    for block in &blocks {
        let mut input = block.clone();
        while !input.is_empty() {
            let taken = reader.handle_shared(&input).unwrap();
            input = input.slice(taken..);
            while let Some((_, tag)) = reader.poll_tag() {
                assembler.handle_tag(&tag);
                while let Some(event) = assembler.poll_event() {
                    packager.handle_event(event).unwrap();
                    files.extend(std::iter::from_fn(|| packager.poll_file()));
                }
            }
        }
    }
    packager.finish().unwrap();
    files.extend(std::iter::from_fn(|| packager.poll_file()));
    let media: Vec<&Chain> =
        files.iter().filter(|file| file.name.ends_with(".m4s")).map(|file| &file.body).collect();
    let payload: usize = media.iter().map(|body| body.len()).sum();
    assert!(payload > source.len() * 9 / 10, "{payload} of {}", source.len());
    let anew: usize = media.iter().map(|body| written_anew(body, &blocks)).sum();
    // Of tags that lie in two blocks, and the heads of fragments.
    let most = blocks.len() * 40_000 + payload / 20;
    assert!(anew < most, "{anew} of {payload} are written anew, {most} at most");
    println!("{anew} of {payload} in {} blocks", blocks.len());
}
