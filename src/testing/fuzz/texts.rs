//! Texts for players: playlists as they are asked for, and MPDs of any words.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::input::{limits, number, take};
use super::mp4::configs;
use crate::codec::captions::Captions;
use crate::dash;
use crate::hls::{Answer, Muxer, MuxerConfig};
use crate::media::{AccessUnit, MediaKind, Track, TrackId};

/// A low-latency stream, and requests of any name and query in between: what is answered is a playlist line by line,
/// holds what was waited for, and takes over nothing of the query that could be more than an address.
pub fn playlist(mut data: &[u8]) {
    let flags = number(&mut data, 1);
    let Some([video, audio]) = configs() else { return };
    let config = MuxerConfig {
        target_duration: Duration::from_millis(500),
        part_duration: (flags & 1 == 0).then_some(Duration::from_millis(200)),
        window: Duration::from_secs(3),
        first_sequence: number(&mut data, 1) << (flags >> 2),
        ..MuxerConfig::default()
    };
    let mut muxer = Muxer::new(config, &limits());
    for (id, config) in [(TrackId::VIDEO, video), (TrackId::AUDIO, audio)] {
        let track = Track { id, timescale: 1_000_000, config: Arc::new(config) };
        if muxer.handle_track(track).is_err() {
            return;
        }
    }
    let (mut time, mut frames) = (0, 0_u32);
    while !data.is_empty() {
        match number(&mut data, 1) {
            0xff => drop(muxer.finish()),
            0xfe => drop(muxer.handle_discontinuity()),
            // So many pictures of 40 ms, with sound beside them.
            count @ 0..0x80 => {
                for _ in 0..count & 31 {
                    for id in [TrackId::VIDEO, TrackId::AUDIO] {
                        let key = id.kind == MediaKind::Audio || frames.is_multiple_of(12);
                        let data = Bytes::from_static(&[0, 0, 0, 4, 0x65, 1, 2, 3]);
                        let unit = AccessUnit { track: id, dts: time, pts_offset: 0, key, data };
                        let _ = muxer.handle_unit(unit, Some(time + (1 << 50)));
                    }
                    time += 40_000;
                    frames += 1;
                }
            }
            kind => {
                let words = [number(&mut data, 1), number(&mut data, 1)];
                let [name, query] = words.map(|len| {
                    String::from_utf8_lossy(take(&mut data, usize::try_from(len).unwrap_or(0)))
                        .into_owned()
                });
                let name = match kind & 7 {
                    0 => "index.m3u8".into(),
                    1 => "audio.m3u8".into(),
                    2 => name,
                    _ => "video.m3u8".into(),
                };
                request(&muxer, &name, &query);
            }
        }
    }
    request(&muxer, "video.m3u8", "_HLS_skip=YES");
}

fn request(muxer: &Muxer, name: &str, query: &str) {
    let Answer::Ready(file) = muxer.request(name, Some(query)) else { return };
    if !name.ends_with(".m3u8") {
        return;
    }
    let body = file.body.to_bytes();
    let text = std::str::from_utf8(&body);
    assert!(text.is_ok(), "{name} is text");
    let text = text.unwrap_or_default();
    assert!(text.starts_with("#EXTM3U\n") && text.ends_with('\n'), "{text}");
    for line in text.lines() {
        assert!(
            !line.is_empty() && line.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
            "{line:?}"
        );
        assert!(line.matches('"').count() % 2 == 0, "{line}");
        let known = line.starts_with("#EXT");
        assert!(known || !line.contains(['"', '#', ' ', '<', '>', '\\']), "{line}");
    }
    let directive = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| value.parse::<u64>().ok())
    };
    let low = text.contains("#EXT-X-PART-INF:");
    if let Some(wanted) = directive("_HLS_msn").filter(|_| low && !muxer.is_ended()) {
        assert!(held(text, directive("_HLS_part")) > wanted, "{query} in {text}");
    }
    let plain = muxer.request(name, None);
    let Answer::Ready(plain) = plain else { return };
    let plain = String::from_utf8_lossy(&plain.body.to_bytes()).into_owned();
    if low {
        assert_eq!(segments(text), segments(&plain), "a delta update leaves none out unsaid");
    }
}

/// Number behind the last segment, or behind the one whose parts come where a part of it will do.
fn held(text: &str, part: Option<u64>) -> u64 {
    let (first, count) = segments(text);
    let open = text.rsplit("#EXTINF:").next().unwrap_or_default();
    let parts = open.matches("#EXT-X-PART:").count() as u64;
    first + count + u64::from(part.is_some_and(|part| parts > part || parts > 0))
}

/// Number of the first segment, and how many there are, skipped ones too.
fn segments(text: &str) -> (u64, u64) {
    let tag = |name: &str| {
        let mut found = text.lines().filter_map(|line| line.strip_prefix(name));
        found.next().and_then(|value| value.parse::<u64>().ok())
    };
    let listed = text.matches("\n#EXTINF:").count() as u64;
    let skipped = tag("#EXT-X-SKIP:SKIPPED-SEGMENTS=").unwrap_or(0);
    (tag("#EXT-X-MEDIA-SEQUENCE:").unwrap_or(0), listed + skipped)
}

/// An MPD of any words and numbers: elements nest, attributes are quoted, and no character is outside XML.
pub fn mpd(mut data: &[u8]) {
    let numbers: Vec<u64> =
        (0..8).map(|_| number(&mut data, 4) << (8 * number(&mut data, 1) % 33)).collect();
    let (words, segments) =
        data.split_at(data.iter().position(|&byte| byte == 0xff).unwrap_or(data.len()));
    let words = String::from_utf8_lossy(words);
    let mut words = words.split('\u{1}').cycle().map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    let mut numbers = numbers.into_iter().cycle();
    let mut next = || numbers.next().unwrap_or(0);
    let short = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap_or(0);
    let micros = |value: u64| Duration::from_micros(value);
    let mut start = next();
    let segments = segments.iter().take(256).map(|&byte| {
        let duration = u64::from(byte) + 1;
        let segment = dash::Segment { start, duration };
        start = start.saturating_add(duration).saturating_add(u64::from(byte & 1));
        segment
    });
    let segments: Vec<_> = segments.collect();
    let representation = dash::Representation {
        id: word(),
        codecs: word(),
        bandwidth: next(),
        properties: dash::Properties::Video {
            size: Some((short(next()), short(next()))),
            frame_rate: Some((short(next()), short(next()))),
            sample_aspect_ratio: None,
        },
        timescale: short(next()).max(1),
        presentation_time_offset: next(),
        init: word(),
        media: match next() & 1 {
            0 => dash::Template::Number { prefix: word(), first: next(), suffix: word() },
            _ => dash::Template::Time { prefix: word(), suffix: word() },
        },
        segments,
    };
    let set = dash::AdaptationSet {
        id: 1,
        kind: MediaKind::Video,
        language: Some(word()),
        label: Some(word()),
        main: next() & 1 == 0,
        captions: Captions::default(),
        reference: None,
        representations: vec![representation],
    };
    let period =
        dash::Period { id: word(), start: micros(next()), duration: None, sets: vec![set] };
    let presentation = dash::Presentation {
        kind: dash::Kind::Live(dash::Live {
            availability_start: next().cast_signed() >> 8,
            publish_time: next().cast_signed() >> 8,
            update_period: micros(next()),
            depth: Some(micros(next())),
            delay: micros(next()),
            clocks: vec![
                dash::Clock::HttpIso(word()),
                dash::Clock::Direct(next().cast_signed() >> 8),
            ],
            low_latency: None,
        }),
        base_url: Some(word()),
        min_buffer: micros(next()),
        max_segment_duration: micros(next()),
        periods: vec![period],
    };
    well_formed(&presentation.mpd());
}

/// A strict look at XML as this crate writes it: no comments, sections or instructions behind the first line.
fn well_formed(text: &str) {
    let rest = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    assert!(rest.is_some(), "{text}");
    let mut open = Vec::new();
    let mut rest = rest.unwrap_or_default();
    while let Some((before, behind)) = rest.split_once('<') {
        characters(before);
        let mut quoted = false;
        let end = behind.find(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        assert!(end.is_some(), "a tag without an end in {text}");
        let (tag, more) = behind.split_at(end.unwrap_or(0));
        rest = more.get(1..).unwrap_or_default();
        characters(tag);
        assert!(!tag.contains('<') && tag.matches('"').count() % 2 == 0, "{tag}");
        let name = tag.trim_matches('/').split(' ').next().unwrap_or_default();
        assert!(
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':'),
            "{tag}"
        );
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{text}");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    characters(rest);
    assert!(open.is_empty(), "{open:?} are not closed");
}

fn characters(text: &str) {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(allowed), "{text:?}");
    // Each ampersand begins a reference.
    for part in text.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "apos;", "#9;", "#10;", "#13;"];
        assert!(known.iter().any(|name| part.starts_with(name)), "{text}");
    }
}
