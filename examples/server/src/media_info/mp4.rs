//! MP4 files, progressive and fragmented, read by a library that knows nothing of this project's writer.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use mp4_atom::{Codec, DecodeAtom, Elst, FourCC, Header, Moov, ReadFrom, Stbl, StszSamples, Trak};
use streamcore::mp4::index::Index;

use super::{FileInfo, Tally, TrackInfo};

/// Largest index that is read.
const INDEX_BYTES: u64 = 512 << 20;

/// A box of the file's first level.
struct TopBox {
    kind: FourCC,
    start: u64,
    body: u64,
    end: u64,
    /// Bytes of it that the file does not hold.
    missing: u64,
}

/// The file's structure.
pub struct Mp4 {
    /// The tracks' tables.
    pub moov: Moov,
    /// Whether `moov` stands before the first `mdat`.
    pub index_first: bool,
    /// Where `mdat` bodies lie.
    pub media: Vec<(u64, u64)>,
    /// What stands where, as this project reads it: for files in fragments.
    index: Option<Index>,
    /// What is wrong with the file's structure.
    damage: Option<String>,
    bytes: u64,
}

/// One sample of a progressive file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Place in the file.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    dts: i64,
    pts: i64,
    duration: i64,
    key: bool,
}

impl Sample {
    /// Whether decoding may start at it.
    pub fn is_key(&self) -> bool {
        self.key
    }
}

impl Mp4 {
    /// Reads the structure of `path`.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let (mut moov, mut moov_at, mut media, mut fragments) = (None, 0, Vec::new(), 0);
        let (mut position, mut damage) = (0, None);
        loop {
            let found = match next_box(&mut file, position, bytes) {
                Ok(Some(found)) => found,
                Ok(None) => break,
                Err(error) if moov.is_none() => return Err(error),
                Err(error) => {
                    damage = Some(format!("{error:#}"));
                    break;
                }
            };
            position = found.end;
            if found.missing > 0 && moov.is_none() && found.kind != FourCC::new(b"mdat") {
                bail!(found.cut());
            } else if found.missing > 0 {
                damage = Some(found.cut());
            }
            if found.kind == FourCC::new(b"mdat") {
                media.push((found.body, found.end));
            } else if found.kind == FourCC::new(b"moov") && moov.is_none() {
                moov = Some(decode::<Moov>(&mut file, &found)?);
                moov_at = found.start;
            } else if found.kind == FourCC::new(b"moof") {
                fragments += 1;
            }
        }
        let moov =
            moov.with_context(|| damage.clone().unwrap_or("there is no index (moov)".into()))?;
        let index_first = media.first().is_none_or(|&(start, _)| moov_at < start);
        let in_fragments = fragments > 0;
        let index = in_fragments.then(|| crate::repair::index(&file)).transpose()?;
        Ok(Self { moov, index_first, media, index, damage, bytes })
    }

    /// Makes sure that every track's tables agree with each other and with the file, and hold as many samples as `expected`,
    /// track by track.
    pub fn check(&self, expected: &[u64]) -> anyhow::Result<()> {
        ensure!(self.damage.is_none(), self.damage.clone().unwrap_or_default());
        let tallies = self.moov.trak.iter().map(|trak| {
            let (tally, lost) = self.tally(trak)?;
            ensure!(lost == 0, "{lost} samples are outside of the media");
            Ok(tally)
        });
        let found =
            tallies.map(|tally| Ok(tally?.samples())).collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(found == expected, "its tracks have {found:?} samples and not {expected:?}");
        Ok(())
    }

    fn info(&self) -> FileInfo {
        let mut problems: Vec<String> = self.damage.iter().cloned().collect();
        let mut tracks = Vec::new();
        for trak in &self.moov.trak {
            let (tally, lost) = match self.tally(trak) {
                Ok(found) => found,
                Err(error) => {
                    problems.push(format!("track {}: {error:#}", trak.tkhd.track_id));
                    continue;
                }
            };
            if lost > 0 {
                let id = trak.tkhd.track_id;
                problems.push(format!("track {id}: {lost} samples are not in the file"));
            }
            if tally.not_increasing > 0 {
                let (id, count) = (trak.tkhd.track_id, tally.not_increasing);
                problems.push(format!("track {id}: {count} decode times do not increase"));
            }
            tracks.push(self.track(trak, &tally));
        }
        if !self.index_first {
            problems.push(
                "the index (moov) stands behind the media: players must fetch the end first".into(),
            );
        }
        let mut info = FileInfo::new("mp4", self.bytes, tracks, problems);
        info.index_first = Some(self.index_first);
        info.fragments = self.index.as_ref().map_or(0, |index| index.fragments);
        info
    }

    /// What a track holds, and how many samples are told that the file does not hold.
    fn tally(&self, trak: &Trak) -> anyhow::Result<(Tally, u64)> {
        let (mut tally, mut lost) = (Tally::default(), 0);
        if let Some(index) = &self.index {
            let track = index.tracks.iter().find(|track| track.id == trak.tkhd.track_id);
            let Some(track) = track else { return Ok((tally, lost)) };
            let mut dts = i64::try_from(track.begin).unwrap_or(i64::MAX);
            for sample in &track.samples {
                let pts = dts.saturating_add(sample.composition_offset.into());
                let duration = i64::from(sample.duration);
                tally.add(dts, pts, Some(duration), sample.size.into(), sample.sync);
                dts = dts.saturating_add(duration);
            }
            return Ok((tally, track.lost));
        }
        for sample in samples(&trak.mdia.minf.stbl, self.bytes)? {
            let inside = |&(start, end): &(u64, u64)| {
                start <= sample.offset && sample.offset + u64::from(sample.size) <= end
            };
            if !self.media.iter().any(inside) {
                lost += 1;
                continue;
            }
            let (duration, size) = (Some(sample.duration), u64::from(sample.size));
            tally.add(sample.dts, sample.pts, duration, size, sample.key);
        }
        Ok((tally, lost))
    }

    fn track(&self, trak: &Trak, tally: &Tally) -> TrackInfo {
        let mdia = &trak.mdia;
        let kind = match <[u8; 4]>::from(mdia.hdlr.handler) {
            handler if &handler == b"vide" => "video".to_owned(),
            handler if &handler == b"soun" => "audio".to_owned(),
            handler => String::from_utf8_lossy(&handler).into_owned(),
        };
        let codec = mdia.minf.stbl.stsd.codecs.first();
        let shift = self.edit_shift(trak);
        let mut info = tally.info(
            &kind,
            codec.map_or_else(|| "unknown".into(), codec_string),
            mdia.mdhd.timescale,
            shift,
        );
        match codec {
            Some(Codec::Avc1(entry)) => {
                (info.width, info.height) = (entry.visual.width.into(), entry.visual.height.into());
            }
            Some(Codec::Hvc1(entry)) => {
                (info.width, info.height) = (entry.visual.width.into(), entry.visual.height.into());
            }
            Some(Codec::Mp4a(entry)) => {
                info.sample_rate = entry.audio.sample_rate.integer().into();
                info.channels = entry.audio.channel_count.into();
            }
            _ => {}
        }
        info
    }

    /// Seconds that the edit list moves the track's presentation by.
    fn edit_shift(&self, trak: &Trak) -> f64 {
        let entries = trak
            .edts
            .iter()
            .filter_map(|edts| edts.elst.as_ref())
            .flat_map(|elst: &Elst| &elst.entries);
        let mut shift = 0.0;
        for entry in entries {
            match entry.media_time {
                None => {
                    shift +=
                        entry.segment_duration as f64 / f64::from(self.moov.mvhd.timescale.max(1))
                }
                Some(start) => {
                    return shift - start as f64 / f64::from(trak.mdia.mdhd.timescale.max(1));
                }
            }
        }
        shift
    }
}

/// What the file holds.
pub fn read(path: &Path) -> anyhow::Result<FileInfo> {
    Ok(Mp4::open(path)?.info())
}

/// Duration in seconds as the movie header says it, without reading the tables; `None` where it says none.
pub fn duration(path: &Path) -> anyhow::Result<Option<f64>> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut position = 0;
    while let Some(found) = next_box(&mut file, position, bytes)? {
        position = if found.kind == FourCC::new(b"moov") { found.body } else { found.end };
        if found.kind == FourCC::new(b"mvhd") {
            let header = decode::<mp4_atom::Mvhd>(&mut file, &found)?;
            return Ok((header.duration > 0 && header.timescale > 0)
                .then(|| header.duration as f64 / f64::from(header.timescale)));
        }
    }
    Ok(None)
}

/// The box at `start`; `None` at the end of the file.
fn next_box(file: &mut File, start: u64, bytes: u64) -> anyhow::Result<Option<TopBox>> {
    if start >= bytes {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(start))?;
    let header = Header::read_from(file).with_context(|| format!("no box at byte {start}"))?;
    let body = file.stream_position()?;
    let end = match header.size {
        Some(size) => body.saturating_add(size as u64),
        None => bytes,
    };
    let missing = end.saturating_sub(bytes);
    Ok(Some(TopBox { kind: header.kind, start, body, end: end.min(bytes), missing }))
}

impl TopBox {
    fn cut(&self) -> String {
        let Self { kind, start, missing, .. } = self;
        format!("{kind} at byte {start} is cut off: {missing} bytes are missing")
    }
}

fn decode<T: DecodeAtom>(file: &mut File, found: &TopBox) -> anyhow::Result<T> {
    let size = found.end - found.body;
    ensure!(found.missing == 0, found.cut());
    ensure!(size <= INDEX_BYTES, "{} at byte {} is too large", found.kind, found.start);
    file.seek(SeekFrom::Start(found.body))?;
    let mut body = Vec::new();
    file.by_ref().take(size).read_to_end(&mut body)?;
    let header = Header { kind: found.kind, size: Some(body.len()) };
    T::decode_atom(&header, &mut body.as_slice())
        .with_context(|| format!("{} at byte {} is broken", found.kind, found.start))
}

/// All samples that the tables of a progressive file name. `bytes` is the size of the file.
pub fn samples(stbl: &Stbl, bytes: u64) -> anyhow::Result<Vec<Sample>> {
    let (count, size_of): (usize, Box<dyn Fn(usize) -> u32>) = match &stbl.stsz.samples {
        StszSamples::Different { sizes } => (sizes.len(), Box::new(|n| sizes[n])),
        StszSamples::Identical { count, size } => (*count as usize, Box::new(|_| *size)),
    };
    ensure!(count as u64 <= bytes, "there are more samples than bytes");
    let chunks: Vec<u64> = match (&stbl.co64, &stbl.stco) {
        (Some(co64), _) => co64.entries.clone(),
        (None, Some(stco)) => stco.entries.iter().map(|&offset| offset.into()).collect(),
        (None, None) if count == 0 => return Ok(Vec::new()),
        (None, None) => bail!("there is no table of chunks"),
    };
    let durations =
        runs(stbl.stts.entries.iter().map(|run| (run.sample_count, i64::from(run.sample_delta))));
    let offsets = runs(
        stbl.ctts
            .iter()
            .flat_map(|ctts| &ctts.entries)
            .map(|run| (run.sample_count, run.sample_offset)),
    );
    let mut times = durations.zip(offsets.chain(std::iter::repeat(0)));
    let keys: Option<std::collections::HashSet<u32>> =
        stbl.stss.as_ref().map(|stss| stss.entries.iter().copied().collect());

    let mut samples = Vec::new();
    let mut dts = 0;
    let mut runs = stbl.stsc.entries.iter().peekable();
    let mut per_chunk = 0;
    for (index, &chunk) in chunks.iter().enumerate() {
        while let Some(run) = runs.next_if(|run| run.first_chunk as usize <= index + 1) {
            per_chunk = run.samples_per_chunk;
        }
        let mut offset = chunk;
        for _ in 0..per_chunk {
            let number = samples.len();
            ensure!(number < count, "the chunks hold more samples than there are sizes ({count})");
            let (duration, cts) = times.next().context("there are fewer durations than samples")?;
            let size = size_of(number);
            let key = keys
                .as_ref()
                .is_none_or(|keys| u32::try_from(number + 1).is_ok_and(|n| keys.contains(&n)));
            samples.push(Sample { offset, size, dts, pts: dts + cts, duration, key });
            dts += duration;
            offset = offset.saturating_add(size.into());
        }
    }
    ensure!(
        samples.len() == count,
        "the chunks hold {} samples, the sizes say {count}",
        samples.len()
    );
    ensure!(times.next().is_none_or(|_| false), "there are more durations than samples");
    Ok(samples)
}

/// Expands `(count, value)`.
fn runs(entries: impl Iterator<Item = (u32, i64)>) -> impl Iterator<Item = i64> {
    entries.flat_map(|(count, value)| std::iter::repeat_n(value, count as usize))
}

fn codec_string(codec: &Codec) -> String {
    match codec {
        Codec::Avc1(entry) => {
            let avcc = &entry.avcc;
            format!(
                "avc1.{:02x}{:02x}{:02x}",
                avcc.avc_profile_indication, avcc.profile_compatibility, avcc.avc_level_indication
            )
        }
        Codec::Mp4a(entry) => {
            let config = &entry.esds.es_desc.dec_config;
            let kind = config.object_type_indication;
            // Only MPEG-4 audio has kinds of its own (RFC 6381 3.3); MP3 is `mp4a.6B`, which browsers know in no other case.
            match config.dec_specific.as_ref().filter(|_| kind == 0x40) {
                Some(specific) => format!("mp4a.{kind:X}.{}", specific.profile),
                None => format!("mp4a.{kind:X}"),
            }
        }
        other => {
            // The enum's names are the formats' own.
            let debug = format!("{other:?}");
            debug.split(['(', ' ', '{']).next().unwrap_or_default().to_lowercase()
        }
    }
}
