//! Payload a second through the segmenter, in memory and without I/O: access units in; parts, segments and playlists out. `make bench-segmenter`.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use streamcore::assemble::{Assembler, Event};
use streamcore::flv::Reader;
use streamcore::hls::{Muxer, MuxerConfig, PlaylistType};
use streamcore::limits::Limits;
use streamcore::media::{AccessUnit, MediaKind, Track};
use streamcore::package::{PackageConfig, Packager};

/// A real encoder's tracks, whose units are then made as long as those of a stream of 6 Mbit/s.
const CAPTURE: &[u8] = include_bytes!("../tests/data/obs-29.0.2/recorded-by-nginx.flv");
const PICTURE: usize = 25_000;
const SOUND: usize = 340;
/// Seconds of 30 pictures.
const LENGTH: i64 = 120;

fn tracks() -> Vec<Track> {
    let limits = Limits::default();
    let (mut reader, mut assembler) = (Reader::new(&limits), Assembler::new(&limits));
    let mut found: Vec<Track> = Vec::new();
    let mut input = CAPTURE;
    while !input.is_empty() {
        let taken = reader.handle_input(input).expect("a good FLV");
        input = input.get(taken..).unwrap_or_default();
        while let Some((_, tag)) = reader.poll_tag() {
            assembler.handle_tag(&tag);
            while let Some(event) = assembler.poll_event() {
                if let Event::Track(track) = event {
                    found.retain(|other| other.id != track.id);
                    found.push(track);
                }
            }
        }
    }
    found
}

/// All units in the order of their times, each a slice of one buffer of its kind: this is about what the segmenter does, not about caches.
fn units(tracks: &[Track]) -> Vec<AccessUnit> {
    let (picture, sound) = (Bytes::from(vec![7; PICTURE]), Bytes::from(vec![9; SOUND]));
    let mut units: Vec<AccessUnit> = Vec::new();
    for track in tracks {
        let (data, count) = match track.id.kind {
            MediaKind::Video => (&picture, LENGTH * 30),
            MediaKind::Audio => (&sound, LENGTH * 48_000 / 1024),
        };
        let ticks = i64::from(track.timescale);
        units.extend((0..count).map(|n| AccessUnit {
            track: track.id,
            dts: n * ticks * LENGTH / count,
            pts_offset: 0,
            key: track.id.kind == MediaKind::Audio || n % 60 == 0,
            data: data.clone(),
        }));
    }
    units.sort_by_key(|unit| unit.dts);
    units
}

fn live(config: &MuxerConfig, tracks: &[Track], units: Vec<AccessUnit>) -> Muxer {
    let mut muxer = Muxer::new(config.clone(), &Limits::default());
    tracks.iter().for_each(|track| muxer.handle_track(track.clone()).expect("it fits"));
    for unit in units {
        muxer.handle_unit(unit, None).expect("it fits");
    }
    muxer
}

fn package(tracks: &[Track], units: Vec<AccessUnit>) -> usize {
    let mut packager = Packager::new(&PackageConfig::default(), &Limits::default());
    tracks.iter().for_each(|track| packager.handle_track(track.clone()));
    let mut bytes = 0;
    for unit in units {
        packager.handle_unit(unit).expect("it fits");
        bytes +=
            std::iter::from_fn(|| packager.poll_file()).map(|file| file.body.len()).sum::<usize>();
    }
    packager.finish().expect("there is something");
    bytes + std::iter::from_fn(|| packager.poll_file()).map(|file| file.body.len()).sum::<usize>()
}

fn segmenter(criterion: &mut Criterion) {
    let tracks = tracks();
    let units = units(&tracks);
    assert_eq!(tracks.len(), 2, "{tracks:?}");
    let payload: usize = units.iter().map(|unit| unit.data.len()).sum();
    let mut group = criterion.benchmark_group("segmenter");
    group.throughput(Throughput::Bytes(payload as u64)).sample_size(20);
    group.measurement_time(Duration::from_secs(8));
    let mut plain = MuxerConfig::default();
    plain.playlist_type = PlaylistType::Live;
    let mut low = plain.clone();
    low.part_duration = Some(Duration::from_millis(200));
    for (name, config) in [("segments of 2 s", plain), ("parts of 200 ms", low)] {
        group.bench_function(name, |bench| {
            let run = |units| black_box(live(&config, &tracks, units));
            bench.iter_batched(|| units.clone(), run, BatchSize::LargeInput);
        });
    }
    group.bench_function("package, segments of 6 s", |bench| {
        let run = |units| black_box(package(&tracks, units));
        bench.iter_batched(|| units.clone(), run, BatchSize::LargeInput);
    });
    group.finish();
}

criterion_group!(benches, segmenter);
criterion_main!(benches);
