//! Packet lists of media files, as ffprobe reads them, and their comparison.

use std::ops::Range;
use std::path::Path;

use serde_json::Value;

use crate::process::run;

/// One millisecond in the unit of [`Packet`] times.
pub const MILLISECOND: i64 = 1_000_000;

/// Video or audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Video.
    Video,
    /// Audio.
    Audio,
}

/// One coded picture or audio frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Presentation time, nanoseconds.
    pub pts: i64,
    /// Decode time, nanoseconds.
    pub dts: i64,
    /// Bytes.
    pub size: u64,
    /// MD5 of the payload.
    pub hash: String,
    /// Decodable without any before it.
    pub key: bool,
}

/// Packets of the first video and the first audio stream of a file.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Video packets in the order of the file.
    pub video: Vec<Packet>,
    /// Audio packets in the order of the file.
    pub audio: Vec<Packet>,
    /// Samples in a second of audio.
    pub sample_rate: i64,
}

/// One stream of a file.
#[derive(Clone, Debug)]
pub struct Track {
    /// Video or audio.
    pub kind: Kind,
    /// As ffprobe names it: `h264`, `aac`.
    pub codec: String,
    /// In the order of the file; those without a byte, which carry side data alone, are left out.
    pub packets: Vec<Packet>,
}

/// Packet list of a file.
///
/// # Panics
/// When ffprobe cannot read the file.
pub fn probe(path: &Path) -> Listing {
    let json = show("ffprobe", path).unwrap_or_else(|fault| panic!("{fault}"));
    listing(&json).unwrap_or_else(|| panic!("{}: {UNTOLD}", path.display()))
}

/// Packet list of a file that is still being written, or was cut: what ffprobe says of its end does not matter.
///
/// # Panics
/// When ffprobe finds no packet.
pub fn probe_torn(path: &Path) -> Listing {
    let json = read("ffprobe", path).map(|(json, _)| json);
    let json = json.unwrap_or_else(|fault| panic!("{fault}"));
    listing(&json).unwrap_or_else(|| panic!("{}: {UNTOLD}", path.display()))
}

/// All video and audio streams of a file, as this `ffprobe` reads them.
///
/// # Errors
/// What ffprobe says when it cannot read the file, or says anything.
pub fn tracks(ffprobe: &str, path: &Path) -> Result<Vec<Track>, String> {
    let json = show(ffprobe, path)?;
    let streams = json["streams"].as_array().ok_or("no streams")?;
    let mut found = Vec::new();
    for stream in streams {
        let kind = match stream["codec_type"].as_str() {
            Some("video") => Kind::Video,
            Some("audio") => Kind::Audio,
            _ => continue,
        };
        let mut packets = packets(&json, stream).ok_or(UNTOLD)?;
        packets.retain(|packet| packet.size > 0);
        let codec = stream["codec_name"].as_str().unwrap_or("unknown").to_owned();
        found.push(Track { kind, codec, packets });
    }
    Ok(found)
}

const UNTOLD: &str = "a packet without time, size or hash";

/// What ffprobe says of a file that it has nothing to say against.
fn show(ffprobe: &str, path: &Path) -> Result<Value, String> {
    let (json, errors) = read(ffprobe, path)?;
    if errors.is_empty() {
        Ok(json)
    } else {
        Err(format!("ffprobe on {}: {}", path.display(), errors.trim()))
    }
}

/// What ffprobe says of a file, and against it.
fn read(ffprobe: &str, path: &Path) -> Result<(Value, String), String> {
    let shown = path.display();
    let path = path.to_str().ok_or("a path in UTF-8")?;
    let entries = "stream=index,codec_type,codec_name,time_base,sample_rate:packet=stream_index,pts,dts,size,flags,data_hash";
    let arguments = [
        "-v",
        "error",
        "-show_packets",
        "-show_data_hash",
        "md5",
        "-show_entries",
        entries,
        "-of",
        "json",
        path,
    ];
    let (json, errors) = run(ffprobe, arguments);
    let json =
        serde_json::from_slice(&json).map_err(|error| format!("ffprobe on {shown}: {error}"))?;
    Ok((json, errors))
}

fn listing(json: &Value) -> Option<Listing> {
    let streams = json["streams"].as_array()?;
    let find = |kind: &str| streams.iter().find(|stream| stream["codec_type"] == kind);
    let sample_rate =
        find("audio").and_then(|stream| stream["sample_rate"].as_str()?.parse().ok()).unwrap_or(0);
    let of = |kind: &str| find(kind).map_or(Some(Vec::new()), |stream| packets(json, stream));
    Some(Listing { video: of("video")?, audio: of("audio")?, sample_rate })
}

fn packets(json: &Value, stream: &Value) -> Option<Vec<Packet>> {
    let (numerator, denominator) = stream["time_base"].as_str()?.split_once('/')?;
    let (numerator, denominator): (i128, i128) =
        (numerator.parse().ok()?, denominator.parse().ok()?);
    let nanoseconds = |ticks: &Value| {
        let ticks = i128::from(ticks.as_i64()?);
        i64::try_from((ticks * numerator * 1_000_000_000).div_euclid(denominator)).ok()
    };
    let all = json["packets"].as_array()?.iter();
    all.filter(|packet| packet["stream_index"] == stream["index"])
        .map(|packet| {
            Some(Packet {
                pts: nanoseconds(&packet["pts"])?,
                dts: nanoseconds(&packet["dts"])?,
                size: packet["size"].as_str()?.parse().ok()?,
                hash: packet["data_hash"].as_str()?.to_owned(),
                key: packet["flags"].as_str()?.starts_with('K'),
            })
        })
        .collect()
}

/// Asserts that both hold the same packets, each once and in order: size and hash.
pub fn same_packets(source: &[Packet], got: &[Packet]) -> Result<(), String> {
    for (index, (wanted, came)) in source.iter().zip(got).enumerate() {
        if (wanted.size, &wanted.hash) != (came.size, &came.hash) {
            let elsewhere = source.iter().position(|packet| packet.hash == came.hash);
            return Err(format!(
                "packet {index}: wanted {} bytes {}, came {} bytes {} (number {elsewhere:?} of the source)",
                wanted.size, wanted.hash, came.size, came.hash
            ));
        }
    }
    if source.len() == got.len() {
        Ok(())
    } else {
        Err(format!("{} packets, wanted {}", got.len(), source.len()))
    }
}

/// Where in the source the packets stand, without a gap or a repetition.
pub fn run_of(source: &[Packet], got: &[Packet]) -> Result<Range<usize>, String> {
    let first = got.first().ok_or("no packet at all")?;
    let starts = (0..source.len())
        .filter(|start| source.get(*start).is_some_and(|packet| packet.hash == first.hash));
    let mut fault = "the first packet is not of the source".to_owned();
    for start in starts {
        let end = (start + got.len()).min(source.len());
        match same_packets(source.get(start..end).unwrap_or_default(), got) {
            Ok(()) => return Ok(start..end),
            Err(error) => fault = format!("from packet {start} of the source on: {error}"),
        }
    }
    Err(fault)
}

/// Asserts that decode and presentation times, counted from the first packet's, are those of the source to within `tolerance`.
pub fn same_times(source: &[Packet], got: &[Packet], tolerance: i64) -> Result<(), String> {
    let (Some(source_first), Some(got_first)) = (source.first(), got.first()) else {
        return Ok(());
    };
    for (index, (wanted, came)) in source.iter().zip(got).enumerate() {
        let decode = (came.dts - got_first.dts) - (wanted.dts - source_first.dts);
        let presentation = (came.pts - got_first.dts) - (wanted.pts - source_first.dts);
        if decode.abs() > tolerance || presentation.abs() > tolerance {
            return Err(format!(
                "packet {index}: decode time is off by {decode} ns, presentation time by {presentation} ns"
            ));
        }
    }
    Ok(())
}

/// Asserts that each audio frame stands where the sample count puts it, to within half a sample.
pub fn on_sample_grid(audio: &[Packet], sample_rate: i64, samples: i64) -> Result<(), String> {
    let first = audio.first().ok_or("no audio packet")?;
    let half_sample = 500_000_000 / sample_rate + 1;
    for (index, packet) in (0_i64..).zip(audio) {
        let ideal = index * samples * 1_000_000_000 / sample_rate;
        let off = packet.pts - first.pts - ideal;
        if off.abs() > half_sample {
            return Err(format!(
                "audio frame {index} is off the ideal time by {off} ns, half a sample is {half_sample} ns"
            ));
        }
    }
    Ok(())
}

/// Asserts that audio begins as long before or after video as in the source, to within a millisecond.
pub fn same_start_offset(source: &Listing, got: &Listing) -> Result<(), String> {
    let offset = |listing: &Listing| Some(listing.audio.first()?.pts - listing.video.first()?.pts);
    match (offset(source), offset(got)) {
        (Some(wanted), Some(came)) if (wanted - came).abs() > MILLISECOND => {
            Err(format!("audio starts {came} ns after video, in the source {wanted} ns"))
        }
        (Some(_), None) => Err("a track is missing".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
