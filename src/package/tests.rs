use bytes::Bytes;

use super::*;
use crate::buf::Chain;
use crate::mp4::test_tracks::{aac, avc, unit};

/// Video of 30 pictures a second with key frames two seconds apart, and sound; each unit has a buffer of its own.
fn feed(packager: &mut Packager, seconds: i64, mut take: impl FnMut(PackageFile)) {
    packager.handle_track(avc(640, 360));
    packager.handle_track(aac(48_000));
    let video =
        (0..seconds * 30).map(|n| unit(TrackId::VIDEO, n * 100 / 3, 0, n % 60 == 0, data(n)));
    let audio = (0..seconds * 375 / 8).map(|n| unit(TrackId::AUDIO, n * 64 / 3, 0, true, data(n)));
    let mut units: Vec<AccessUnit> = video.chain(audio).collect();
    units.sort_by_key(|unit| unit.dts);
    for unit in units {
        packager.handle_unit(unit).unwrap();
        std::iter::from_fn(|| packager.poll_file()).for_each(&mut take);
    }
}

fn data(n: i64) -> Bytes {
    format!("unit {n}").into()
}

fn text(body: &Chain) -> String {
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

fn package(config: &PackageConfig, seconds: i64) -> (Vec<PackageFile>, PackageReport) {
    let mut packager = Packager::new(config, &Limits::default());
    let mut files = Vec::new();
    feed(&mut packager, seconds, |file| files.push(file));
    let report = packager.finish().unwrap();
    files.extend(std::iter::from_fn(|| packager.poll_file()));
    (files, report)
}

#[test]
fn e4_16_one_set_of_segments_serves_both_playlists_and_mpd() {
    let (files, report) = package(&PackageConfig::default(), 20);
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let of = |name: &str| text(&files.iter().find(|file| file.name == name).unwrap().body);
    let (multi, video, mpd) = (of("index.m3u8"), of("video.m3u8"), of("index.mpd"));
    assert!(multi.contains("video.m3u8") && multi.contains("audio.m3u8"), "{multi}");
    // Key frames after 6 s: three segments of 6 s and what is left.
    assert_eq!(video.matches("#EXTINF").count(), 4, "{video}");
    for line in ["#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-TARGETDURATION:6", "#EXT-X-ENDLIST"] {
        assert!(video.contains(line), "{line}: {video}");
    }
    assert!(!video.contains("EXT-X-PART") && !video.contains("SERVER-CONTROL"), "{video}");
    for name in video.lines().chain(of("audio.m3u8").lines()).filter(|line| !line.starts_with('#'))
    {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert!(mpd.contains("type=\"static\" mediaPresentationDuration=\"PT19.999S\""), "{mpd}");
    assert!(mpd.contains("<S t=\"900000\" d=\"540000\" r=\"2\"/>"), "{mpd}");
    assert!(mpd.contains("media=\"video_$Number$.m4s\" startNumber=\"0\""), "{mpd}");
    assert_eq!(report.tracks.iter().map(|track| track.samples).collect::<Vec<_>>(), [600, 937]);
    assert_eq!((report.dropped_units, report.forced_cuts, report.discontinuities), (0, 0, 0));
    assert!((19_900_000..20_100_000).contains(&report.duration), "{}", report.duration);
    let unique: std::collections::HashSet<&&str> = names.iter().collect();
    assert_eq!(unique.len(), names.len(), "no name twice");
}

#[test]
fn every_unit_is_in_a_file_once_by_its_own_buffer_and_nothing_is_kept() {
    let mut packager = Packager::new(&PackageConfig::default(), &Limits::default());
    let mut parts = 0;
    let mut most = 0;
    let mut files = Vec::new();
    feed(&mut packager, 120, |file| files.push(file.name.clone()));
    most = most.max(packager.muxer.held_bytes());
    packager.finish().unwrap();
    while let Some(file) = packager.poll_file() {
        parts += file.body.iter().filter(|part| part.starts_with(b"unit ")).count();
    }
    assert!(files.len() > 35, "segments are given as they end: {}", files.len());
    assert!(most < 20_000, "{most} bytes of 120 s are held");
    assert!(parts > 0 && packager.muxer.held_bytes() == 0);
}

#[test]
fn d_23_parts_of_a_segment_are_its_samples() {
    let mut config = PackageConfig::default();
    let samples = |files: &[PackageFile]| -> Vec<(String, Vec<Bytes>)> {
        let media = files.iter().filter(|file| file.name.ends_with(".m4s"));
        let units = |file: &PackageFile| {
            file.body.iter().filter(|part| part.starts_with(b"unit ")).cloned().collect()
        };
        let mut all: Vec<_> = media.map(|file| (file.name.clone(), units(file))).collect();
        all.sort();
        all
    };
    let (whole, _) = package(&config, 14);
    config.part_duration = Some(Duration::from_millis(500));
    let (parts, _) = package(&config, 14);
    assert_eq!(samples(&whole), samples(&parts));
    let moofs = |files: &[PackageFile]| {
        let first = files.iter().find(|file| file.name == "video_0.m4s").unwrap().body.to_bytes();
        first.windows(4).filter(|kind| *kind == b"moof").count()
    };
    assert_eq!((moofs(&whole), moofs(&parts)), (1, 12));
    let playlist = parts.iter().find(|file| file.name == "video.m3u8").unwrap();
    assert!(!text(&playlist.body).contains("EXT-X-PART"), "a folder has no parts of its own");
}

#[test]
fn e4_09_a_changed_configuration_is_a_period_and_a_discontinuity() {
    let mut packager = Packager::new(&PackageConfig::default(), &Limits::default());
    let mut files = Vec::new();
    for (start, track) in [(0, avc(640, 360)), (8, avc(1280, 720))] {
        packager.handle_track(track);
        for n in start * 30..(start + 8) * 30 {
            let unit = unit(TrackId::VIDEO, n * 100 / 3, 0, n % 60 == 0, data(n));
            packager.handle_unit(unit).unwrap();
        }
    }
    let report = packager.finish().unwrap();
    files.extend(std::iter::from_fn(|| packager.poll_file()));
    assert_eq!((report.discontinuities, report.tracks[0].samples), (1, 480));
    let of = |name: &str| text(&files.iter().find(|file| file.name == name).unwrap().body);
    let (mpd, video) = (of("index.mpd"), of("video.m3u8"));
    assert_eq!(
        (mpd.matches("<Period").count(), video.matches("EXT-X-DISCONTINUITY\n").count()),
        (2, 1)
    );
    assert!(mpd.contains("start=\"PT8.000S\""), "{mpd}");
    assert!(
        mpd.contains("initialization=\"video_init_1.mp4\"") && mpd.contains("width=\"1280\""),
        "{mpd}"
    );
    assert!(files.iter().any(|file| file.name == "video_init_1.mp4"));
}

#[test]
fn what_fits_no_segment_is_said() {
    let mut packager = Packager::new(&PackageConfig::default(), &Limits::default());
    assert!(packager.finish().is_err(), "nothing came");
    let mut packager = Packager::new(&PackageConfig::default(), &Limits::default());
    let codec = crate::codec::opaque::OpaqueVideo::Vvc;
    let config = crate::media::CodecConfig::OpaqueVideo { codec, header: Bytes::new() };
    let id = TrackId { index: 1, ..TrackId::VIDEO };
    let second = Track { id, config: config.into(), ..avc(640, 360) };
    packager.handle_track(avc(640, 360));
    packager.handle_track(second.clone());
    packager.handle_unit(unit(TrackId::VIDEO, 0, 0, true, data(0))).unwrap();
    let report = packager.finish().unwrap();
    assert_eq!(report.left_out.first().map(|(id, _)| *id), Some(second.id));
    let config = PackageConfig { dash: false, ..PackageConfig::default() };
    let (files, _) = package(&config, 3);
    assert!(files.iter().all(|file| file.name != "index.mpd"));
}
