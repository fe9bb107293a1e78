//! `AudioSpecificConfig`, bit by bit (ISO/IEC 14496-3 1.6.2.1, 4.4.1, 4.5.1.1).

use bitstream_io::{BigEndian, BitRead, BitReader, BitWrite, BitWriter};
use bytes::Bytes;

use super::AacConfig;
use crate::error::{Error, Layer, Result};

const CLAUSE: &str = "ISO/IEC 14496-3 1.6.2.1";

/// `samplingFrequencyIndex` 0 to 12 (Table 1.18). 13 and 14 are reserved, 15 announces an explicit rate.
pub(super) const SAMPLE_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

const SBR: u8 = 5;
const PS: u8 = 29;

/// Counts bits, so that the end of what belongs to the configuration is known.
struct Bits<'a> {
    inner: BitReader<&'a [u8], BigEndian>,
    taken: u64,
    total: u64,
}

impl Bits<'_> {
    fn read(&mut self, bits: u32, field: &'static str) -> Result<u32> {
        let value = self.inner.read_var::<u32>(bits);
        self.taken += u64::from(bits);
        value.map_err(|_| malformed(field).at(self.taken / 8))
    }

    fn byte(&mut self, bits: u32, field: &'static str) -> Result<u8> {
        self.read(bits, field).map(|value| value.to_le_bytes()[0])
    }

    fn flag(&mut self, field: &'static str) -> Result<bool> {
        self.read(1, field).map(|bit| bit == 1)
    }

    fn skip(&mut self, bits: u32, field: &'static str) -> Result<()> {
        (0..bits).try_for_each(|_| self.read(1, field).map(drop))
    }

    const fn left(&self) -> u64 {
        self.total.saturating_sub(self.taken)
    }
}

fn malformed(field: &'static str) -> Error {
    Error::malformed(Layer::Codec, field).clause(CLAUSE)
}

/// What the extensions add to the core coder.
#[derive(Clone, Copy)]
struct Extension {
    object_type: u8,
    sample_rate: u32,
}

pub(super) fn parse(asc: &[u8]) -> Result<AacConfig> {
    let inner = BitReader::endian(asc, BigEndian);
    let mut bits = Bits { inner, taken: 0, total: 8 * asc.len() as u64 };
    let mut object_type = object_type(&mut bits)?;
    let sample_rate = sample_rate(&mut bits)?;
    let configuration = bits.byte(4, "channelConfiguration")?;
    let mut extension = None;
    if matches!(object_type, SBR | PS) {
        let outer = object_type;
        let rate = self::sample_rate(&mut bits)?;
        object_type = self::object_type(&mut bits)?;
        extension = Some(Extension { object_type: outer, sample_rate: rate });
    }
    let (frame_samples, element_channels) = specific(&mut bits, object_type, configuration)?;
    let channels = if configuration == 0 { element_channels } else { channels(configuration)? };
    let mut end = bits.taken;
    let found =
        (extension.is_none() && bits.left() >= 16).then(|| sync_extension(&mut bits, sample_rate));
    if let Some(found) = found.flatten() {
        extension = found;
        end = bits.taken;
    }
    let length = usize::try_from(end.div_ceil(8)).unwrap_or(usize::MAX);
    let mono_to_stereo = extension.is_some_and(|e| e.object_type == PS) && channels == 1;
    Ok(AacConfig {
        asc: Bytes::copy_from_slice(asc.get(..length).unwrap_or(asc)),
        object_type: extension.map_or(object_type, |e| e.object_type),
        sample_rate,
        output_sample_rate: extension.map_or(sample_rate, |e| e.sample_rate),
        channels: if mono_to_stereo { 2 } else { channels },
        frame_samples,
    })
}

/// 5 bits, or 31 and 6 more.
fn object_type(bits: &mut Bits<'_>) -> Result<u8> {
    match bits.byte(5, "audioObjectType")? {
        31 => Ok(32 + bits.byte(6, "audioObjectTypeExt")?),
        other => Ok(other),
    }
}

fn sample_rate(bits: &mut Bits<'_>) -> Result<u32> {
    let index = bits.read(4, "samplingFrequencyIndex")?;
    let rate = match index {
        15 => bits.read(24, "samplingFrequency")?,
        index => *SAMPLE_RATES
            .get(index as usize)
            .ok_or_else(|| malformed("samplingFrequencyIndex").found(index.into()))?,
    };
    if rate == 0 { Err(malformed("samplingFrequency").found(0)) } else { Ok(rate) }
}

/// Channels of a `channelConfiguration` (Table 1.19).
fn channels(configuration: u8) -> Result<u16> {
    Ok(match configuration {
        1..=6 => configuration.into(),
        7 | 12 | 14 => 8,
        11 => 7,
        13 => 24,
        _ => return Err(malformed("channelConfiguration").found(configuration.into())),
    })
}

/// The configuration of the core coder: samples of a frame, and channels where an element tells them.
fn specific(bits: &mut Bits<'_>, object_type: u8, configuration: u8) -> Result<(u32, u16)> {
    match object_type {
        1..=4 | 6 | 7 | 17 | 19..=23 => general_audio(bits, object_type, configuration),
        39 => low_delay(bits),
        42 => Ok((1024, 0)),
        _ => Err(Error::unsupported(Layer::Codec, "audioObjectType")
            .found(object_type.into())
            .clause(CLAUSE)),
    }
}

/// `GASpecificConfig` (4.4.1).
fn general_audio(bits: &mut Bits<'_>, object_type: u8, configuration: u8) -> Result<(u32, u16)> {
    let short = bits.flag("frameLengthFlag")?;
    if bits.flag("dependsOnCoreCoder")? {
        bits.skip(14, "coreCoderDelay")?;
    }
    let extension = bits.flag("extensionFlag")?;
    let channels = if configuration == 0 { program_config_element(bits)? } else { 0 };
    if matches!(object_type, 6 | 20) {
        bits.skip(3, "layerNr")?;
    }
    if extension {
        if object_type == 22 {
            bits.skip(16, "numOfSubFrame")?;
        }
        if matches!(object_type, 17 | 19 | 20 | 23) {
            bits.skip(3, "aacSectionDataResilienceFlag")?;
        }
        bits.skip(1, "extensionFlag3")?;
    }
    let samples = match (object_type, short) {
        (23, false) => 512,
        (23, true) => 480,
        (_, false) => 1024,
        (_, true) => 960,
    };
    Ok((samples, channels))
}

/// Start of `ELDSpecificConfig` (4.6.20): the frame length; the rest says nothing that is needed here.
fn low_delay(bits: &mut Bits<'_>) -> Result<(u32, u16)> {
    let samples = if bits.flag("frameLengthFlag")? { 480 } else { 512 };
    // All that follows belongs to it: there is no length, so nothing may be cut off.
    bits.taken = bits.total;
    Ok((samples, 0))
}

/// `program_config_element` (4.5.1.1): counts the channels.
fn program_config_element(bits: &mut Bits<'_>) -> Result<u16> {
    bits.skip(4 + 2 + 4, "program_config_element")?;
    let [front, side, back] = [(); 3].map(|()| bits.read(4, "num_channel_elements"));
    let (front, side, back) = (front?, side?, back?);
    let lfe = bits.read(2, "num_lfe_channel_elements")?;
    let data = bits.read(3, "num_assoc_data_elements")?;
    let coupling = bits.read(4, "num_valid_cc_elements")?;
    for (flag, size) in [("mono_mixdown", 4), ("stereo_mixdown", 4), ("matrix_mixdown", 3)] {
        if bits.flag(flag)? {
            bits.skip(size, flag)?;
        }
    }
    let mut channels = u16::try_from(lfe).unwrap_or(0);
    for _ in 0..front + side + back {
        channels += if bits.flag("element_is_cpe")? { 2 } else { 1 };
        bits.skip(4, "element_tag_select")?;
    }
    bits.skip(4 * (lfe + data) + 5 * coupling, "element_tag_select")?;
    let to_byte = u32::try_from((8 - bits.taken % 8) % 8).unwrap_or(0);
    bits.skip(to_byte, "byte_alignment")?;
    let comment = bits.read(8, "comment_field_bytes")?;
    bits.skip(8 * comment, "comment_field_data")?;
    if channels == 0 { Err(malformed("program_config_element").found(0)) } else { Ok(channels) }
}

/// The backward-compatible signalling behind the core configuration, which may also say that there is no SBR.
/// What is there and is no such extension, or is cut short, counts as nothing: encoders leave bytes there.
fn sync_extension(bits: &mut Bits<'_>, core_rate: u32) -> Option<Option<Extension>> {
    if bits.read(11, "syncExtensionType").ok()? != 0x2b7 || object_type(bits).ok()? != SBR {
        return None;
    }
    if !bits.flag("sbrPresentFlag").ok()? {
        return Some(None);
    }
    let rate = sample_rate(bits).unwrap_or(core_rate);
    let mut extension = Extension { object_type: SBR, sample_rate: rate };
    let before = bits.taken;
    let sync = if bits.left() >= 12 { bits.read(11, "syncExtensionType").ok() } else { None };
    if sync == Some(0x548) {
        if bits.flag("psPresentFlag").unwrap_or(false) {
            extension.object_type = PS;
        }
    } else {
        bits.taken = before;
    }
    Some(Some(extension))
}

/// The shortest configuration of plain AAC; values past their fields make one that does not parse.
pub(super) fn write(object_type: u8, sample_rate: u32, channel_configuration: u8) -> Vec<u8> {
    let mut out = BitWriter::endian(Vec::new(), BigEndian);
    let index = SAMPLE_RATES.iter().position(|&rate| rate == sample_rate);
    let index = index.and_then(|index| u32::try_from(index).ok()).unwrap_or(15);
    let written = (|| {
        out.write_var(5, u32::from(object_type))?;
        out.write_var(4, index)?;
        if index == 15 {
            out.write_var(24, sample_rate)?;
        }
        out.write_var(4, u32::from(channel_configuration))?;
        out.write_var(3, 0_u32)?;
        out.byte_align()
    })();
    if written.is_ok() { out.into_writer() } else { Vec::new() }
}
