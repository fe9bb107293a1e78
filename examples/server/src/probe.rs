//! `streamcore probe`: what a file holds, as a table or as JSON.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Context as _;

use crate::cli::ProbeArgs;
use crate::media_info::{self, FileInfo, TrackInfo};

/// Runs the command.
pub fn run(args: &ProbeArgs) -> anyhow::Result<()> {
    let info = media_info::read(&args.file)?;
    let text = if args.json { serde_json::to_string_pretty(&info)? + "\n" } else { table(&info) };
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // `streamcore probe FILE | head` is no error.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write"),
    }
}

fn table(info: &FileInfo) -> String {
    let mut text = String::new();
    let index = match info.index_first {
        Some(_) if info.fragments > 0 => &format!(", {} fragments", info.fragments),
        Some(true) => ", index in front",
        Some(false) => ", index at the end",
        None => "",
    };
    let _ = writeln!(
        text,
        "{}  {}  {}  {} kbit/s{index}",
        info.format.to_uppercase(),
        clock(info.duration_s),
        size(info.bytes),
        info.bitrate_kbps.round(),
    );
    let rows: Vec<[String; 7]> = info.tracks.iter().map(row).collect();
    let heads =
        ["track", "codec", "format", "rate", "length", "kbit/s", "key frames"].map(str::to_owned);
    let all: Vec<&[String; 7]> = std::iter::once(&heads).chain(&rows).collect();
    let widths: Vec<usize> = (0..7)
        .map(|column| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    for row in if rows.is_empty() { Vec::new() } else { all } {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}", width = *width))
            .collect();
        let _ = writeln!(text, "  {}", cells.join("  ").trim_end());
    }
    if rows.is_empty() {
        text.push_str("  no tracks\n");
    }
    for track in info.tracks.iter().filter(|track| track.bitrate_over_time.kbps.len() > 1) {
        let _ = writeln!(text, "  {} kbit/s over time: {}", track.kind, marks(track));
    }
    for problem in &info.problems {
        let _ = writeln!(text, "  problem: {problem}");
    }
    text
}

fn row(track: &TrackInfo) -> [String; 7] {
    let (format, rate) = if track.kind == "video" {
        (
            format!("{}x{}", track.width, track.height),
            track.fps.map_or_else(|| "-".into(), |fps| format!("{fps} fps")),
        )
    } else {
        (format!("{} ch", track.channels), format!("{} Hz", track.sample_rate))
    };
    let keys = match (track.key_frame_interval_s, track.key_frame_interval_max_s) {
        (Some(mean), Some(most)) if (most - mean).abs() > 0.01 => {
            let least = track.key_frame_interval_min_s.unwrap_or(mean);
            format!("every {mean:.2} s, from {least:.2} to {most:.2} s")
        }
        (Some(mean), _) => format!("every {mean:.2} s"),
        _ => "-".into(),
    };
    let kbps = track.bitrate_kbps.round().to_string();
    [track.kind.clone(), track.codec.clone(), format, rate, clock(track.duration_s), kbps, keys]
}

/// A mark for each stretch, as high as its bit rate beside the highest.
fn marks(track: &TrackInfo) -> String {
    const MARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let rates = &track.bitrate_over_time;
    let most = rates.kbps.iter().copied().fold(0.0, f64::max);
    let least = rates.kbps.iter().copied().fold(f64::INFINITY, f64::min);
    let mark = |kbps: &f64| MARKS[((kbps / most.max(1e-9) * 7.0).round() as usize).min(7)];
    let line: String = rates.kbps.iter().map(mark).collect();
    format!("{line}  {} to {}, each {} s", least.round(), most.round(), rates.step_s)
}

fn clock(seconds: f64) -> String {
    let millis = (seconds * 1000.0).round() as u64;
    format!(
        "{}:{:02}:{:02}.{:03}",
        millis / 3_600_000,
        millis / 60_000 % 60,
        millis / 1000 % 60,
        millis % 1000
    )
}

fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media_info::Tally;

    #[test]
    fn the_table_has_a_line_a_track_and_one_a_problem() {
        let mut tally = Tally::default();
        (0..61_i64).for_each(|n| tally.add(n * 1000, n * 1000, Some(1000), 500, n % 30 == 0));
        let mut track = tally.info("video", "avc1.64001f".into(), 30_000, 0.0);
        (track.width, track.height) = (1280, 720);
        let info = FileInfo {
            format: "flv",
            bytes: 1_234_567,
            duration_s: 3723.5,
            bitrate_kbps: 2.6,
            index_first: None,
            fragments: 0,
            tracks: vec![track],
            problems: vec!["the end is cut off".into()],
        };
        let text = table(&info);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "FLV  1:02:03.500  1.2 MB  3 kbit/s");
        assert!(lines[2].contains("avc1.64001f  1280x720  30 fps"), "{text}");
        assert!(lines[2].ends_with("every 1.00 s"), "{text}");
        assert!(
            lines[3].starts_with("  video kbit/s over time: ") && lines[3].contains('█'),
            "{text}"
        );
        assert_eq!(lines[4], "  problem: the end is cut off");
    }
}
