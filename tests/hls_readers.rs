//! Every playlist of disturbed streams, plain and low-latency, by a reader that is not ours: `broadcast-hls`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests fail by panicking"
)]

use std::path::Path;
use std::time::Duration;

use broadcast_hls::{MasterPlaylist, MediaPlaylist};
use streamcore::assemble::{Assembler, Event};
use streamcore::flv::Reader;
use streamcore::hls::{Answer, Muxer, MuxerConfig};
use streamcore::limits::Limits;
use streamcore::media::TrackId;

/// What a file holds.
fn events(name: &str) -> Vec<Event> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let limits = Limits::default();
    let (mut reader, mut assembler) = (Reader::new(&limits), Assembler::new(&limits));
    let (mut rest, mut found) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let taken = reader.handle_input(rest).unwrap();
        rest = &rest[taken..];
        while let Some((_, tag)) = reader.poll_tag() {
            assembler.handle_tag(&tag);
        }
        found.extend(std::iter::from_fn(|| assembler.poll_event()));
    }
    assembler.finish();
    found.extend(std::iter::from_fn(|| assembler.poll_event()));
    found
}

/// What was read in all.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    playlists: usize,
    deltas: usize,
    parts: usize,
    discontinuities: usize,
    maps: usize,
    ended: usize,
    /// Playlists of a stream that nobody publishes, which name no part that comes.
    unhinted: usize,
}

impl Seen {
    fn look(&mut self, muxer: &Muxer) {
        if let Some(file) = muxer.file("index.m3u8") {
            let text = String::from_utf8(file.body.to_bytes().to_vec()).unwrap();
            let read =
                MasterPlaylist::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!((read.variants.len(), read.media.len(), read.extra_tags.len()), (1, 1, 0));
        }
        for name in ["video.m3u8", "audio.m3u8"] {
            for query in [None, Some("_HLS_skip=YES")] {
                if let Answer::Ready(file) = muxer.request(name, query) {
                    let text = String::from_utf8(file.body.to_bytes().to_vec()).unwrap();
                    self.read(&text, muxer);
                }
            }
        }
    }

    fn read(&mut self, text: &str, muxer: &Muxer) {
        let read = MediaPlaylist::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(read.extra_tags.is_empty(), "{:?}: {text}", read.extra_tags);
        let again = MediaPlaylist::parse(&read.to_m3u8().unwrap()).unwrap();
        assert_eq!(again.segments, read.segments, "what it writes is what it read: {text}");
        let target = Duration::from_secs(read.target_duration.into());
        assert_eq!(Some(target), muxer.target_duration());
        self.playlists += 1;
        self.deltas += usize::from(read.skip.is_some());
        self.ended += usize::from(read.endlist);
        self.discontinuities =
            self.discontinuities.max(read.segments.iter().filter(|one| one.discontinuous).count());
        let mut maps: Vec<_> = read.segments.iter().map(|one| one.map.clone()).collect();
        assert!(maps.iter().all(Option::is_some), "{text}");
        maps.dedup();
        self.maps = self.maps.max(maps.len());
        let Some(low) = &read.low_latency else { return };
        let target = low.part_target.unwrap().get();
        assert!(low.can_block_reload && low.part_hold_back.unwrap().get() >= 3.0 * target);
        assert!(low.can_skip_until.unwrap().get() >= f64::from(6 * read.target_duration));
        assert!(low.preload_hint_part.is_none() || !read.endlist, "{text}");
        self.unhinted += usize::from(low.preload_hint_part.is_none() && !read.endlist);
        for segment in &read.segments {
            let sum: f64 = segment.parts.iter().map(|part| part.duration.get()).sum();
            self.parts += segment.parts.len();
            assert!(segment.parts.iter().all(|part| part.duration.get() <= target), "{text}");
            let whole = segment.parts.is_empty() || (sum - segment.duration.get()).abs() < 0.001;
            assert!(whole, "{}: {sum}: {text}", segment.uri);
        }
    }
}

/// A publisher, a change of codecs, one who comes back, and the end.
fn run(part_duration: Option<Duration>) -> Seen {
    let mut config = MuxerConfig::default();
    (config.part_duration, config.window) = (part_duration, Duration::from_secs(60));
    let mut muxer = Muxer::new(config, &Limits::default());
    let mut seen = Seen::default();
    let mut version = 0;
    for (turn, name) in
        ["ffmpeg-5.1/source.flv", "eflv/av1_opus.flv", "ffmpeg-5.1/source.flv"].iter().enumerate()
    {
        match turn {
            1 => muxer.handle_discontinuity().unwrap(),
            2 => muxer.resume().unwrap(),
            _ => {}
        }
        let events = events(name);
        // As long as the pictures last, so that they go on without a hole.
        let times = events.iter().filter_map(|event| match event {
            Event::Unit(unit) if unit.track == TrackId::VIDEO => Some(unit.dts),
            _ => None,
        });
        let (first, last) = (times.clone().min().unwrap(), times.clone().max().unwrap());
        let frames = i64::try_from(times.count()).unwrap();
        let span = ((last - first) * frames / (frames - 1) + 500) / 1000 * 1000;
        for round in 0..4 {
            for event in events.clone() {
                match event {
                    Event::Track(track) => muxer.handle_track(track).unwrap(),
                    Event::Unit(mut unit) => {
                        unit.dts += round * span;
                        let wall = 1_700_000_000_000_000 + unit.pts();
                        muxer.handle_unit(unit, Some(wall)).unwrap();
                    }
                    _ => {}
                }
                if muxer.version() != version {
                    version = muxer.version();
                    seen.look(&muxer);
                }
            }
        }
    }
    muxer.finish().unwrap();
    seen.look(&muxer);
    seen
}

#[test]
fn e3_15_e1_12_every_playlist_is_read_by_another_parser() {
    let low = run(Some(Duration::from_millis(200)));
    println!("{low:?}");
    assert!(
        low.playlists > 300 && low.deltas > 20 && low.parts > 3000 && low.ended >= 2,
        "{low:?}"
    );
    assert!(low.discontinuities >= 2 && low.maps >= 3, "{low:?}");
    // One version while the first publisher is away and one as the third begins, of two renditions, each read whole and as a delta.
    assert_eq!(low.unhinted, 8, "{low:?}");
}

#[test]
fn e3_23_plain_playlists_are_read_by_another_parser() {
    let plain = run(None);
    println!("{plain:?}");
    assert!(plain.playlists > 30 && plain.discontinuities >= 2 && plain.maps >= 3, "{plain:?}");
    assert_eq!((plain.deltas, plain.parts), (0, 0));
}
