//! What a live stream holds in memory: the payload of what can be fetched, and little more, for however long it goes on.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use streamcore::codec::aac::AacConfig;
use streamcore::codec::h264::AvcConfig;
use streamcore::hls::{Answer, Muxer, MuxerConfig};
use streamcore::limits::Limits;
use streamcore::media::{AccessUnit, CodecConfig, Track, TrackId};

/// A sampling rate of few frames, so that hours take a second.
const RATE: u32 = 8000;
const FRAME: i64 = 1024;
/// Pictures a second, with a key frame each two seconds.
const PICTURES: i64 = 5;
/// Microseconds a second by which the clock of the encoder's sound runs behind that of its timestamps.
const DRIFT: i64 = 50;

/// From a libx264 stream of 640x360, High profile.
const AVCC: &[u8] = &[
    0x01, 0x64, 0x00, 0x1e, 0xff, 0xe1, 0x00, 0x1a, 0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0,
    0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16,
    0x2d, 0x96, 0x01, 0x00, 0x04, 0x68, 0xef, 0xbc, 0xb0, 0xfd, 0xf8, 0xf8, 0x00,
];

fn video() -> Track {
    let config = AvcConfig::parse(AVCC, &Limits::default()).unwrap();
    Track { id: TrackId::VIDEO, timescale: 1_000_000, config: Arc::new(CodecConfig::Avc(config)) }
}

fn audio() -> Track {
    let config = AacConfig::parse(&[0x15, 0x88]).unwrap();
    Track { id: TrackId::AUDIO, timescale: 1_000_000, config: Arc::new(CodecConfig::Aac(config)) }
}

/// The timestamps of an encoder: milliseconds, those of sound by a clock that is off.
struct Encoder {
    pictures: i64,
    frames: i64,
}

impl Encoder {
    fn picture(n: i64) -> i64 {
        n * 1000 / PICTURES
    }

    fn frame(n: i64) -> i64 {
        (n * FRAME * (1_000_000 + DRIFT)) / (i64::from(RATE) * 1000)
    }

    /// The next unit in the order of time.
    fn next(&mut self, sizes: (usize, usize)) -> AccessUnit {
        let (picture, frame) = (Self::picture(self.pictures), Self::frame(self.frames));
        let unit = |track, millis: i64, key, size| AccessUnit {
            track,
            dts: millis * 1000,
            pts_offset: 0,
            key,
            data: Bytes::from(vec![7; size]),
        };
        if picture <= frame {
            self.pictures += 1;
            unit(TrackId::VIDEO, picture, (self.pictures - 1) % (2 * PICTURES) == 0, sizes.0)
        } else {
            self.frames += 1;
            unit(TrackId::AUDIO, frame, true, sizes.1)
        }
    }
}

#[test]
fn a_live_stream_takes_no_more_after_hours_than_after_minutes() {
    let mut config = MuxerConfig::default();
    config.part_duration = Some(Duration::from_millis(600));
    let mut muxer = Muxer::new(config, &Limits::default());
    muxer.handle_track(video()).unwrap();
    muxer.handle_track(audio()).unwrap();
    let mut encoder = Encoder { pictures: 0, frames: 0 };
    let mut run = |until: i64| {
        while encoder.pictures < until * PICTURES {
            let unit = encoder.next((200, 50));
            muxer.handle_unit(unit, Some(1_700_000_000_000_000)).unwrap();
        }
    };
    let first = measure(|| run(600));
    let rest = measure(|| run(2 * 3600));
    println!("{} bytes in ten minutes, {} more in two hours", first.bytes_max, rest.bytes_max);
    assert!(rest.bytes_max < first.bytes_max / 5, "{} and {}", first.bytes_max, rest.bytes_max);
    assert!(rest.bytes_current.unsigned_abs() < first.bytes_max / 10, "{}", rest.bytes_current);
}

#[test]
fn a_live_stream_takes_the_payload_of_what_can_be_fetched_and_a_tenth() {
    for parts in [None, Some(Duration::from_millis(200))] {
        let mut payload = 0;
        let taken = measure(|| {
            let mut config = MuxerConfig::default();
            config.part_duration = parts;
            let mut muxer = Muxer::new(config, &Limits::default());
            muxer.handle_track(video()).unwrap();
            muxer.handle_track(audio()).unwrap();
            let mut encoder = Encoder { pictures: 0, frames: 0 };
            let mut players = 0;
            while encoder.pictures < 200 * PICTURES {
                let unit = encoder.next((100_000, 2_000));
                let key = unit.key && unit.track == TrackId::VIDEO;
                muxer.handle_unit(unit, Some(1_700_000_000_000_000)).unwrap();
                payload = payload.max(muxer.held_bytes());
                // Playlists are made for players only.
                if key && matches!(muxer.request("video.m3u8", None), Answer::Ready(_)) {
                    players += 1;
                }
            }
            assert!(players > 90, "{players}");
        });
        let (peak, payload) = (taken.bytes_max, payload as u64);
        println!("{payload} bytes of payload, {peak} at most: {:.3}", peak as f64 / payload as f64);
        assert!(peak >= payload && peak * 10 <= payload * 11, "{peak} for {payload}");
    }
}
