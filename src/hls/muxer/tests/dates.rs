//! Dates of a day from an encoder whose clock is off, as HLS and DASH have them.

use super::*;
use crate::hls::DashConfig;
use crate::time::UtcDate;

const WALL: i64 = 1_700_000_000_000_000;

/// Microseconds since 1970 of dates of that time.
fn micros(date: &str) -> i64 {
    let (day, time) = date.split_once('T').unwrap();
    let day = if UtcDate(WALL).to_string().starts_with(day) { 0 } else { 86_400_000 };
    let clock = |date: &str| -> i64 {
        let parts: Vec<i64> = date
            .trim_end_matches('Z')
            .split([':', '.'])
            .map(|part| part.parse().unwrap())
            .collect();
        ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1000 + parts[3]
    };
    let first = UtcDate(WALL).to_string();
    (WALL / 1000 + clock(time) + day - clock(first.split_once('T').unwrap().1)) * 1000
}

/// Length in microseconds of what a playlist has lines of, with the date of each.
fn dated(text: &str) -> Vec<(i64, i64)> {
    let dates = text.lines().filter_map(|line| line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:"));
    #[expect(clippy::cast_possible_truncation, reason = "seconds")]
    let lengths = extinf(text).into_iter().map(|seconds| (seconds * 1e6) as i64);
    dates.map(micros).zip(lengths).collect()
}

/// Where the live edge of an MPD is, in microseconds since 1970.
fn edge(mpd: &str) -> i64 {
    let last = |from: &str, name: &str| {
        let (_, rest) = from.rsplit_once(&format!(" {name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let (_, period) = mpd.rsplit_once("<Period ").unwrap();
    let start = last(period.split_once('>').unwrap().0, "start");
    let start: f64 = start.trim_matches(['P', 'T', 'S']).parse().unwrap();
    let (video, _) = period.split_once("</Representation>").unwrap();
    let offset: i64 = last(video, "presentationTimeOffset").parse().unwrap();
    let (mut at, mut end) = (0, 0);
    for line in video.lines().filter(|line| line.trim().starts_with("<S ")) {
        let field = |name: &str| line.contains(&format!(" {name}=")).then(|| last(line, name));
        let number = |name: &str| field(name).map(|text| text.parse::<i64>().unwrap());
        at = number("t").unwrap_or(at);
        at += number("d").unwrap() * (number("r").unwrap_or(0) + 1);
        end = at;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a day")]
    let start = (start * 1e6) as i64;
    micros(&last(mpd, "availabilityStartTime")) + start + (end - offset) * 100 / 9
}

#[test]
fn e1_15_e4_01_after_a_day_with_a_clock_that_is_50_ppm_off_dates_are_those_of_the_wall() {
    for (hours, ppm, has_sound) in [(24, 50, false), (24, -50, false), (1, -50, true)] {
        let config = MuxerConfig { dash: Some(DashConfig::default()), ..MuxerConfig::default() };
        let mut muxer = Muxer::new(config, &Limits::default());
        muxer.handle_track(avc(640, 360)).unwrap();
        if has_sound {
            muxer.handle_track(aac(16_000)).unwrap();
        }
        let data = Bytes::from_static(b"x");
        let mut known: HashMap<&str, i64> = HashMap::new();
        // Pictures every second and sound every 64 ms of the encoder's time.
        let (mut sound, mut last) = (0, 0);
        for frame in 0..hours * 3600_i64 {
            let time = frame * 1000;
            let wall = |time: i64| WALL + time * 1000 - time * ppm / 1000;
            while has_sound && sound * 64 < time {
                let one = unit(TrackId::AUDIO, sound * 64, 0, true, data.clone());
                muxer.handle_unit(one, Some(wall(sound * 64))).unwrap();
                sound += 1;
            }
            let one = unit(TrackId::VIDEO, time, 0, frame % 2 == 0, data.clone());
            muxer.handle_unit(one, Some(wall(time))).unwrap();
            let hourly = frame % 3600 > 3500 || frame < 100;
            if frame % 2 != 1 || !hourly || muxer.file("index.mpd").is_none() {
                continue;
            }
            let text = |name: &str| {
                String::from_utf8(muxer.file(name).unwrap().body.to_bytes().to_vec()).unwrap()
            };
            let names = ["video", "audio"].into_iter().take(1 + usize::from(has_sound));
            let lists: Vec<_> =
                names.map(|name| (name, dated(&text(&format!("{name}.m3u8"))))).collect();
            for (name, list) in &lists {
                for (one, next) in list.iter().zip(list.iter().skip(1)) {
                    // The milliseconds that dates have, and two more.
                    let step = next.0 - one.0 - one.1;
                    assert!(step.abs() <= 3_000, "{name}: {step} us {list:?}");
                }
                let &(date, length) = list.last().unwrap();
                // The last segment that is whole ended with the key frame before this one.
                let late = wall(time - 1000) - date - length;
                assert!(
                    late.abs() < if *name == "video" { 10_000 } else { 2_100_000 },
                    "{late} us"
                );
                let before = known.insert(name, date);
                assert!(before.is_none_or(|before| before <= date));
            }
            // Both dates are of one time line: sound begins less than a frame later.
            let (_, pictures) = &lists[0];
            for (_, sounds) in lists.iter().skip(1) {
                for (sound, _) in sounds {
                    let after = pictures.iter().map(|(picture, _)| sound - picture);
                    let after = after.min_by_key(|after| after.abs()).unwrap();
                    // Sound may be a segment ahead of the pictures that are listed, or behind them.
                    let alone = after.abs() > 1_900_000;
                    assert!(alone || (-3_000..70_000).contains(&after), "{after} us");
                }
            }
            last = wall(time - 1000) - edge(&text("index.mpd"));
            assert!((-3_000_000..3_000_000).contains(&last), "{last} us behind");
        }
        assert!(last.abs() < 2_300_000, "{last}");
        assert_eq!(muxer.stats().discontinuities, 0);
    }
}
