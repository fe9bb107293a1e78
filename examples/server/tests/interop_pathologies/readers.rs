//! What others find in an MP4: the bytes of every sample, by readers that know nothing of each other.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use kit::packets::{Kind, Track};
use mp4_atom::{Any, Decode, Moof, Moov, StszSamples};
use shiguredo_mp4::TrackKind;
use shiguredo_mp4::demux::{Fmp4FileDemuxer, Input, Mp4FileDemuxer, RequiredInput, Sample};

/// Digests of a track's samples, as ffprobe writes them.
fn digest(bytes: &[u8]) -> String {
    format!("MD5:{:x}", md5::compute(bytes))
}

fn wanted(tracks: &[Track], kind: Kind) -> Vec<String> {
    let of_kind = tracks.iter().filter(|track| track.kind == kind);
    of_kind.flat_map(|track| track.packets.iter().map(|packet| packet.hash.clone())).collect()
}

/// Asserts that `shiguredo_mp4` finds the packets of these tracks, in their order.
pub fn shiguredo(name: &str, file: &Path, fragmented: bool, tracks: &[Track]) {
    let bytes = fs::read(file).expect("an MP4");
    let mut found = [(Kind::Video, Vec::new()), (Kind::Audio, Vec::new())];
    let mut take = |sample: &Sample<'_>| {
        let start = usize::try_from(sample.data_offset).expect("an offset");
        let place = usize::from(sample.track.kind != TrackKind::Video);
        found[place].1.push(digest(&bytes[start..start + sample.data_size]));
    };
    // What is asked for and no more: of fragments the reader takes one at a time.
    let input = |required: RequiredInput| {
        let start = usize::try_from(required.position).expect("a position");
        let end = required.size.map_or(bytes.len(), |size| bytes.len().min(start + size));
        Input { position: required.position, data: &bytes[start..end] }
    };
    if fragmented {
        let mut demuxer = Fmp4FileDemuxer::new();
        loop {
            while let Some(required) = demuxer.required_input() {
                demuxer.handle_input(input(required));
            }
            let next = demuxer.next_sample().unwrap_or_else(|fault| panic!("{name}: {fault}"));
            if let Some(sample) = next {
                take(&sample);
            } else if demuxer.required_input().is_none() {
                break;
            }
        }
    } else {
        let mut demuxer = Mp4FileDemuxer::new();
        while let Some(required) = demuxer.required_input() {
            demuxer.handle_input(input(required));
        }
        while let Some(sample) =
            demuxer.next_sample().unwrap_or_else(|fault| panic!("{name}: {fault}"))
        {
            take(&sample);
        }
    }
    for (kind, found) in found {
        assert!(found == wanted(tracks, kind), "{name}: {kind:?} by shiguredo_mp4");
    }
}

/// Asserts that the `mp4` crate finds the packets of these tracks.
pub fn mp4(name: &str, file: &Path, tracks: &[Track]) {
    let bytes = fs::read(file).expect("an MP4");
    let mut reader = mp4::Mp4Reader::read_header(Cursor::new(&bytes), bytes.len() as u64)
        .unwrap_or_else(|fault| panic!("{name}: {fault}"));
    let ids: Vec<(u32, Kind)> = reader
        .tracks()
        .iter()
        .map(|(id, track)| match track.track_type() {
            Ok(mp4::TrackType::Video) => (*id, Kind::Video),
            _ => (*id, Kind::Audio),
        })
        .collect();
    for kind in [Kind::Video, Kind::Audio] {
        let mut found = Vec::new();
        for (id, _) in ids.iter().filter(|(_, track)| *track == kind) {
            for number in 1..=reader.sample_count(*id).expect("a track") {
                let sample = reader.read_sample(*id, number).expect("a sample");
                found.push(digest(&sample.expect("a sample").bytes));
            }
        }
        assert!(found == wanted(tracks, kind), "{name}: {kind:?} by mp4");
    }
}

/// Asserts that `mp4-atom` knows every box, and finds as many samples of the sizes of these tracks, whose durations leave no gap.
pub fn mp4_atom(name: &str, file: &Path, tracks: &[Track], burst: bool) {
    let bytes = fs::read(file).expect("an MP4");
    let (mut rest, mut moov, mut moofs) = (&bytes[..], None::<Moov>, Vec::<Moof>::new());
    while !rest.is_empty() {
        match Any::decode(&mut rest).unwrap_or_else(|fault| panic!("{name}: {fault}")) {
            Any::Moov(found) => moov = Some(found),
            Any::Moof(found) => moofs.push(found),
            Any::Unknown(kind, _) => panic!("{name}: a box {kind}"),
            _ => {}
        }
    }
    let moov = moov.unwrap_or_else(|| panic!("{name}: no moov"));
    assert_eq!(moov.trak.len(), tracks.len(), "{name}");
    for trak in &moov.trak {
        let kind = if trak.mdia.hdlr.handler == b"vide".into() { Kind::Video } else { Kind::Audio };
        let track = tracks.iter().find(|track| track.kind == kind);
        let track = track.unwrap_or_else(|| panic!("{name}: {kind:?} by mp4-atom"));
        let id = trak.tkhd.track_id;
        let sizes = if moofs.is_empty() { plain(trak) } else { fragments(&moofs, id, burst) };
        let wanted: Vec<u64> = track.packets.iter().map(|packet| packet.size).collect();
        assert_eq!(sizes, wanted, "{name}: {kind:?} by mp4-atom");
    }
}

/// Sizes of a plain file's samples, whose durations have to make up the length of the track.
fn plain(trak: &mp4_atom::Trak) -> Vec<u64> {
    let tables = &trak.mdia.minf.stbl;
    let sizes: Vec<u64> = match &tables.stsz.samples {
        StszSamples::Identical { count, size } => vec![u64::from(*size); *count as usize],
        StszSamples::Different { sizes } => sizes.iter().copied().map(u64::from).collect(),
    };
    let entries = &tables.stts.entries;
    let count: u64 = entries.iter().map(|entry| u64::from(entry.sample_count)).sum();
    assert_eq!(count, sizes.len() as u64);
    let durations = entries.iter().map(|entry| {
        assert!(entry.sample_delta > 0, "a sample of no duration");
        u64::from(entry.sample_count) * u64::from(entry.sample_delta)
    });
    assert_eq!(durations.sum::<u64>(), trak.mdia.mdhd.duration);
    sizes
}

/// Sizes of a track's samples in fragments, none of which begins before the end of the one before, unless in a
/// burst.
fn fragments(moofs: &[Moof], id: u32, burst: bool) -> Vec<u64> {
    let (mut sizes, mut next) = (Vec::new(), 0);
    for traf in moofs.iter().flat_map(|moof| &moof.traf).filter(|traf| traf.tfhd.track_id == id) {
        let start = traf.tfdt.as_ref().expect("tfdt").base_media_decode_time;
        assert!(start >= next || burst, "fragments overlap: {start} and {next}");
        let mut end = start;
        for entry in traf.trun.iter().flat_map(|trun| trun.samples.iter()) {
            let duration = entry.duration.or(traf.tfhd.default_sample_duration);
            let size = entry.size.or(traf.tfhd.default_sample_size);
            let duration = u64::from(duration.expect("a duration"));
            assert!(duration > 0, "a sample of no duration");
            end += duration;
            sizes.push(u64::from(size.expect("a size")));
        }
        next = end;
    }
    sizes
}
