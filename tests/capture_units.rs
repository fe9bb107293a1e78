//! RTMP publishes of real encoders, through the session and the assembler, against the packets that ffprobe lists.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use streamcore::assemble::{Assembler, Event};
use streamcore::flv::{Tag, TagKind};
use streamcore::limits::Limits;
use streamcore::media::MediaKind;
use streamcore::record::FlvRecorder;
use streamcore::rtmp::session::{ServerSession, SessionConfig, SessionEvent};
use streamcore::time::Micros;

/// The media messages of a capture.
fn tags(mut capture: &[u8]) -> Vec<Tag> {
    let mut session = ServerSession::new(SessionConfig::default(), 7, Micros::ZERO);
    let mut tags = Vec::new();
    while !capture.is_empty() {
        capture = &capture[session.handle_input(Micros::ZERO, capture).unwrap()..];
        while let Some(event) = session.poll_event() {
            match event {
                SessionEvent::Publish { request, .. } => session.accept(request).unwrap(),
                SessionEvent::Media { type_id, timestamp, payload, .. } => {
                    let kind = TagKind::from_type_id(type_id).unwrap();
                    tags.push(Tag { kind, timestamp, body: payload });
                }
                _ => {}
            }
        }
        while session.poll_output().is_some() {}
    }
    tags
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1))
        })
    })
}

/// One line a unit, of video with `delimiter` in front, which the assembler leaves out: kind, decode and presentation time in milliseconds, size, key, CRC-32.
fn units(tags: &[Tag], delimiter: &[u8]) -> Vec<String> {
    let mut assembler = Assembler::new(&Limits::default());
    let mut lines = Vec::new();
    let mut take = |assembler: &mut Assembler| {
        while let Some(event) = assembler.poll_event() {
            match event {
                Event::Unit(unit) => {
                    let (kind, delimiter) = match unit.track.kind {
                        MediaKind::Video => ("video", delimiter),
                        MediaKind::Audio => ("audio", &[][..]),
                    };
                    let data = [delimiter, &unit.data].concat();
                    let key = if unit.key { 'K' } else { '-' };
                    let (dts, pts) = (unit.dts / 1000, unit.pts() / 1000);
                    let (size, crc) = (data.len(), crc32(&data));
                    lines.push(format!("{kind} {dts} {pts} {size} {key} {crc:08x}"));
                }
                Event::Notice(notice) => panic!("{notice:?}"),
                Event::Discontinuity => panic!("one epoch"),
                _ => {}
            }
        }
    };
    for tag in tags {
        assembler.handle_tag(tag);
        take(&mut assembler);
    }
    assembler.finish();
    take(&mut assembler);
    lines
}

fn equals_ffprobe(capture: &[u8], packets: &str) {
    equals_ffprobe_but_for(&[], capture, packets);
}

fn equals_ffprobe_but_for(delimiter: &[u8], capture: &[u8], packets: &str) {
    let tags = tags(capture);
    let expected: Vec<&str> = packets.lines().collect();
    let found = units(&tags, delimiter);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    let mut recorder = FlvRecorder::new(&Limits::default());
    let recorded: usize = tags.iter().map(|tag| recorder.handle_tag(tag).unwrap().len()).sum();
    assert!(recorded > tags.iter().map(|tag| tag.body.len()).sum());
}

#[test]
fn obs_29() {
    equals_ffprobe(
        include_bytes!("data/obs-29.0.2/publish.c2s"),
        include_str!("data/obs-29.0.2/publish.packets"),
    );
}

#[test]
fn ffmpeg_5_1() {
    equals_ffprobe(
        include_bytes!("data/ffmpeg-5.1/publish.c2s"),
        include_str!("data/ffmpeg-5.1/publish.packets"),
    );
}

#[test]
fn ffmpeg_8_1_and_9_0_send_what_5_1_sends() {
    let packets = include_str!("data/ffmpeg-5.1/publish.packets");
    equals_ffprobe(include_bytes!("data/ffmpeg-8.1/publish.c2s"), packets);
    equals_ffprobe(include_bytes!("data/ffmpeg-9.0/publish.c2s"), packets);
}

#[test]
fn a6_20_ffmpeg_8_1_publishes_hevc_by_enhanced_rtmp_without_announcing_it() {
    equals_ffprobe(
        include_bytes!("data/ffmpeg-8.1/publish-hevc-enhanced.c2s"),
        include_str!("data/ffmpeg-8.1/publish-hevc-enhanced.packets"),
    );
}

#[test]
fn a6_20_a6_31_ffmpeg_9_0_publishes_av1_and_opus_by_enhanced_rtmp() {
    equals_ffprobe_but_for(
        &[0x12, 0],
        include_bytes!("data/ffmpeg-9.0/publish-av1-enhanced.c2s"),
        include_str!("data/ffmpeg-9.0/publish-av1-enhanced.packets"),
    );
}
