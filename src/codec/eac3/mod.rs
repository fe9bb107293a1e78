//! E-AC-3: sync frames (ETSI TS 102 366 annex E) and `dec3` (annex F.6).

mod header;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use self::header::{FrameHeader, StreamType};
use super::ac3;
use super::bits::{BitReader, BitWriter};
use crate::error::{Error, Layer, Result};

const DEC3: &str = "TS 102 366 F.6.1";

/// One independent substream with those that depend on it: an entry of `dec3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Substream {
    /// `fscod`: 0 48 kHz, 1 44.1 kHz, 2 32 kHz, 3 half of a rate.
    pub fscod: u8,
    /// `bsid`, mostly 16.
    pub bsid: u8,
    /// `bsmod`: kind of service, 0 the main one.
    pub bsmod: u8,
    /// `acmod`: the arrangement of the channels, 0 to 7.
    pub acmod: u8,
    /// Whether there is a low-frequency channel.
    pub lfe: bool,
    /// Dependent substreams, 0 to 15.
    pub dependents: u8,
    /// `chan_loc`: the 9 bits of the channels that dependent substreams add; bit 1 is the pair Lrs and Rrs.
    pub locations: u16,
}

impl Substream {
    const fn of(header: &FrameHeader) -> Self {
        Self {
            fscod: header.fscod,
            bsid: header.bsid,
            bsmod: header.bsmod,
            acmod: header.acmod,
            lfe: header.lfe,
            dependents: 0,
            locations: 0,
        }
    }

    /// Channels with those of the dependent substreams.
    fn channels(&self) -> u16 {
        // Pairs: Lc/Rc, Lrs/Rrs, Lsd/Rsd, Lw/Rw, Lvh/Rvh; singles: Cs, Ts, Cvh, LFE2 (table F.6.2).
        let pairs = self.locations & 0b0_0111_0011;
        let singles = self.locations & 0b1_1000_1100;
        let added = 2 * pairs.count_ones() + singles.count_ones();
        ac3::channels(self.acmod, self.lfe) + u16::try_from(added).unwrap_or(0)
    }
}

/// Decoder configuration of an E-AC-3 track, which stands in each access unit: a track can only be described once the
/// first one is there.
///
/// Two configurations are equal when substreams, rate and extension are: the data rate may change.
#[derive(Clone, Debug)]
pub struct Eac3Config {
    data_rate: u16,
    sample_rate: u32,
    unit_samples: u32,
    substreams: Vec<Substream>,
    joint_objects: Option<u8>,
    record: Bytes,
}

impl PartialEq for Eac3Config {
    fn eq(&self, other: &Self) -> bool {
        self.substreams == other.substreams
            && self.sample_rate == other.sample_rate
            && self.joint_objects == other.joint_objects
    }
}

impl Eq for Eac3Config {}

impl Eac3Config {
    /// Takes the configuration from a message: all sync frames of one access unit, dependent substreams included.
    /// Enhanced RTMP has no other: its sequence start is empty.
    ///
    /// # Errors
    /// No independent substream in front, a reserved field, another `bsid` than 11 to 16, a short header.
    pub fn from_unit(data: &[u8]) -> Result<Self> {
        let first = FrameHeader::parse(data)?;
        if first.stream_type == StreamType::Dependent {
            return Err(Error::malformed(Layer::Codec, "strmtyp")
                .at(2)
                .found(1)
                .clause("E.1.3.1.1"));
        }
        let mut substreams: Vec<Substream> = Vec::new();
        let (mut bytes, mut joint_objects) = (0u64, None);
        let (mut rounds, mut samples) = (0u32, 0u32);
        for (header, frame) in frames(data) {
            // The first substream coming again begins the next blocks of the same unit.
            if header.is_next_of(&first) {
                rounds = rounds.saturating_add(1);
                samples = samples.saturating_add(header.samples);
            }
            bytes += frame.len() as u64;
            joint_objects = joint_objects.or(header.joint_objects);
            if rounds == 1 {
                note(&mut substreams, &header);
            }
        }
        let seconds = u64::from(samples.max(1)) * 1000;
        let data_rate = bytes * 8 * u64::from(first.sample_rate) / seconds;
        Ok(Self::new(
            u16::try_from(data_rate).unwrap_or(0x1fff).min(0x1fff),
            first.sample_rate,
            samples,
            substreams,
            joint_objects,
        ))
    }

    /// Reads the content of `dec3`. The rate of a stream of half rate is not in it: 24000 Hz is taken.
    ///
    /// # Errors
    /// Fewer bytes than its substreams need.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let mut bits = BitReader::new(data, DEC3);
        let data_rate = bits.u16(13, "data_rate")?;
        let mut substreams = Vec::new();
        for _ in 0..=bits.u8(3, "num_ind_sub")? {
            let (fscod, bsid) = (bits.u8(2, "fscod")?, bits.u8(5, "bsid")?);
            bits.skip(2, "asvc")?;
            let (bsmod, acmod) = (bits.u8(3, "bsmod")?, bits.u8(3, "acmod")?);
            let lfe = bits.flag("lfeon")?;
            bits.skip(3, "reserved")?;
            let dependents = bits.u8(4, "num_dep_sub")?;
            let mut locations = 0;
            if dependents > 0 {
                locations = bits.u16(9, "chan_loc")?;
            } else {
                bits.skip(1, "reserved")?;
            }
            substreams.push(Substream { fscod, bsid, bsmod, acmod, lfe, dependents, locations });
        }
        let mut joint_objects = None;
        if bits.skip(7, "reserved").is_ok() && bits.flag("flag_eac3_extension_type_a") == Ok(true) {
            joint_objects = Some(bits.u8(8, "complexity_index_type_a")?);
        }
        let fscod = substreams.first().map_or(0, |substream| substream.fscod);
        let rate = ac3::sample_rate(fscod).unwrap_or(24_000);
        Ok(Self::new(data_rate, rate, ac3::FRAME_SAMPLES, substreams, joint_objects))
    }

    fn new(
        data_rate: u16,
        sample_rate: u32,
        unit_samples: u32,
        substreams: Vec<Substream>,
        joint_objects: Option<u8>,
    ) -> Self {
        let mut record = BitWriter::default();
        record.bits(13, data_rate);
        record.bits(3, u8::try_from(substreams.len().saturating_sub(1)).unwrap_or(7));
        for substream in substreams.iter().take(8) {
            record.bits(2, substream.fscod);
            record.bits(5, substream.bsid);
            record.bits(2, 0u8);
            record.bits(3, substream.bsmod);
            record.bits(3, substream.acmod);
            record.bits(1, substream.lfe);
            record.bits(3, 0u8);
            record.bits(4, substream.dependents);
            let locations = if substream.dependents > 0 { 9 } else { 1 };
            record.bits(locations, substream.locations);
        }
        if let Some(complexity) = joint_objects {
            record.bits(8, 1u8);
            record.bits(8, complexity);
        }
        let record = record.freeze();
        Self { data_rate, sample_rate, unit_samples, substreams, joint_objects, record }
    }

    /// The `dec3` box's content.
    #[must_use]
    pub const fn record(&self) -> &Bytes {
        &self.record
    }

    /// Rate in Hz, 16000 to 48000: the timescale of the MP4 track.
    #[must_use]
    pub const fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Channels of the first independent substream with those that its dependent ones add.
    #[must_use]
    pub fn channels(&self) -> u16 {
        self.substreams.first().map_or(0, Substream::channels)
    }

    /// Kilobits a second of all substreams, 0 to 8191.
    #[must_use]
    pub const fn data_rate(&self) -> u16 {
        self.data_rate
    }

    /// The independent substreams, 1 to 8.
    #[must_use]
    pub fn substreams(&self) -> &[Substream] {
        &self.substreams
    }

    /// Complexity index of joint object coding (Dolby Atmos), where it is there (ETSI TS 103 420).
    #[must_use]
    pub const fn joint_objects(&self) -> Option<u8> {
        self.joint_objects
    }

    /// Samples of the message that the configuration was taken from: 1536 for 6 blocks, and what an MP4 sample wants.
    /// [`unit_samples`] says it for each.
    #[must_use]
    pub const fn frame_samples(&self) -> u32 {
        self.unit_samples
    }

    /// RFC 6381: `ec-3`.
    #[must_use]
    pub fn codec_string(&self) -> String {
        "ec-3".to_owned()
    }
}

/// Walks the sync frames of a message. The walk ends at the first thing that is none; a last frame that is cut off is
/// given as it is.
pub fn frames(data: &[u8]) -> impl Iterator<Item = (FrameHeader, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let header = FrameHeader::parse(rest).ok()?;
        let (frame, behind) = rest.split_at_checked(header.bytes.min(rest.len()))?;
        rest = behind;
        Some((header, frame))
    })
}

/// Samples of a message: those of the first independent substream's frames in it, 0 when there is none. An MP4 sample
/// wants 1536; a message of fewer blocks is a part of one.
#[must_use]
pub fn unit_samples(data: &[u8]) -> u32 {
    let Ok(first) = FrameHeader::parse(data) else { return 0 };
    frames(data)
        .filter(|(header, _)| header.is_next_of(&first))
        .fold(0u32, |samples, (header, _)| samples.saturating_add(header.samples))
}

fn note(substreams: &mut Vec<Substream>, header: &FrameHeader) {
    if header.stream_type != StreamType::Dependent {
        if substreams.len() < 8 {
            substreams.push(Substream::of(header));
        }
    } else if let Some(parent) = substreams.last_mut() {
        parent.dependents = (parent.dependents + 1).min(15);
        parent.locations |= header.locations;
    }
}
