//! Opus: identification header (RFC 7845 5.1), `dOps` (Opus in ISOBMFF 4.3.2), packet durations (RFC 6716 3.1).

use bytes::Bytes;

use crate::buf::{Reader, Writer};
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;

const HEAD: &str = "RFC 7845 5.1";
const DOPS: &str = "Opus-ISOBMFF 4.3.2";
const TOC: &str = "RFC 6716 3.1";

/// Rate of Opus time in Hz: of pre-skip, packet durations and the MP4 track, whatever the sound was recorded at.
pub const SAMPLE_RATE: u32 = 48_000;

/// Decoder configuration of an Opus track. Equal when the fields are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpusConfig {
    channels: u8,
    pre_skip: u16,
    input_sample_rate: u32,
    output_gain: i16,
    mapping: Option<ChannelMapping>,
    record: Bytes,
}

/// How coded streams become channels: there for every mapping family but 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelMapping {
    /// Mapping family: 1 Vorbis order, 2 ambisonics, 255 no meaning.
    pub family: u8,
    /// Streams in a packet, 1 to 255.
    pub streams: u8,
    /// How many of them are stereo.
    pub coupled: u8,
    /// For each channel the index of a decoded one, 255 silence.
    pub table: Vec<u8>,
}

impl OpusConfig {
    /// Reads `OpusHead`: the body of an Enhanced RTMP sequence start. Bytes behind it are ignored.
    ///
    /// # Errors
    /// Another magic, a major version above 0, a short header, no channels, a mapping that cannot be, mapping family 3.
    /// An empty body wants [`OpusConfig::from_packet`].
    pub fn parse(data: &[u8], _limits: &Limits) -> Result<Self> {
        let mut reader = Reader::new(Layer::Codec, data);
        read_head(&mut reader).map_err(|error| error.clause(HEAD))
    }

    /// Reads the content of `dOps`.
    ///
    /// # Errors
    /// Another version than 0, else as [`OpusConfig::parse`].
    pub fn parse_dops(data: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(Layer::Codec, data);
        read_dops(&mut reader).map_err(|error| error.clause(DOPS))
    }

    /// Guesses the configuration of a stream without header: mono or stereo from the table-of-contents byte, and the
    /// pre-skip that encoders use at 48 kHz, 312 samples.
    ///
    /// # Errors
    /// An empty packet.
    pub fn from_packet(data: &[u8]) -> Result<Self> {
        let Some(toc) = data.first() else { return Err(no_toc()) };
        let channels = if toc & 4 == 0 { 1 } else { 2 };
        Ok(Self::new(channels, 312, SAMPLE_RATE, 0, None))
    }

    fn new(
        channels: u8,
        pre_skip: u16,
        input_sample_rate: u32,
        output_gain: i16,
        mapping: Option<ChannelMapping>,
    ) -> Self {
        let mut writer = Writer::with_capacity(16);
        writer.u8(0);
        writer.u8(channels);
        writer.u16(pre_skip);
        writer.u32(input_sample_rate);
        writer.u16(output_gain.cast_unsigned());
        write_mapping(&mut writer, mapping.as_ref());
        let record = writer.freeze();
        Self { channels, pre_skip, input_sample_rate, output_gain, mapping, record }
    }

    /// The `dOps` box's content, big-endian.
    #[must_use]
    pub const fn record(&self) -> &Bytes {
        &self.record
    }

    /// The identification header, little-endian: what Enhanced RTMP and Ogg carry.
    #[must_use]
    pub fn head(&self) -> Bytes {
        let mut writer = Writer::with_capacity(32);
        writer.bytes(b"OpusHead");
        writer.u8(1);
        writer.u8(self.channels);
        writer.bytes(&self.pre_skip.to_le_bytes());
        writer.u32_le(self.input_sample_rate);
        writer.bytes(&self.output_gain.to_le_bytes());
        write_mapping(&mut writer, self.mapping.as_ref());
        writer.freeze()
    }

    /// Timescale of the MP4 track and rate of the sound: always 48000 Hz.
    #[must_use]
    pub const fn sample_rate(&self) -> u32 {
        SAMPLE_RATE
    }

    /// Number of channels, 1 to 255.
    #[must_use]
    pub const fn channels(&self) -> u16 {
        self.channels as u16
    }

    /// Samples at 48 kHz to be dropped at the start of the stream.
    #[must_use]
    pub const fn pre_skip(&self) -> u16 {
        self.pre_skip
    }

    /// Rate in Hz of the sound before coding, 0 not known: for show only.
    #[must_use]
    pub const fn input_sample_rate(&self) -> u32 {
        self.input_sample_rate
    }

    /// Gain to be applied, in units of 1/256 dB.
    #[must_use]
    pub const fn output_gain(&self) -> i16 {
        self.output_gain
    }

    /// Channel mapping; `None` is family 0, mono or stereo in one stream.
    #[must_use]
    pub const fn mapping(&self) -> Option<&ChannelMapping> {
        self.mapping.as_ref()
    }

    /// RFC 6381: `Opus`, the name of the sample entry. Browsers take it and `opus` alike; Safari takes only this one.
    #[must_use]
    pub fn codec_string(&self) -> String {
        "Opus".to_owned()
    }
}

/// Duration of a packet in samples at 48 kHz, 120 to 5760, from its table-of-contents byte. All streams of a multistream
/// packet last the same, and the first stands in front.
///
/// # Errors
/// An empty packet, a frame count of 0, more than 120 ms.
pub fn packet_samples(data: &[u8]) -> Result<u32> {
    let Some(&toc) = data.first() else { return Err(no_toc()) };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => {
            let error = Error::malformed(Layer::Codec, "frame count byte").at(1).clause(TOC);
            u32::from(data.get(1).ok_or(error)? & 0x3f)
        }
    };
    let samples = frame_samples(toc) * frames;
    if samples == 0 || samples > 5760 {
        let error = Error::malformed(Layer::Codec, "frame count").at(1).found(u64::from(frames));
        return Err(error.clause("RFC 6716 3.2.5"));
    }
    Ok(samples)
}

/// Roll distance in packets for the sample group `roll` (Opus in ISOBMFF 4.3.6.2): how many packets before a point
/// decoding starts, 80 ms at least, for packets of `samples` at 48 kHz. Negative, never 0.
#[must_use]
pub fn roll_distance(samples: u32) -> i16 {
    let packets = 3840u32.div_ceil(samples.max(1));
    i16::try_from(packets).map_or(i16::MIN, |packets| -packets)
}

/// Samples of one frame at 48 kHz, by the configuration number (RFC 6716 table 2).
fn frame_samples(toc: u8) -> u32 {
    let config = toc >> 3;
    match config {
        0..=11 => *[480, 960, 1920, 2880].get(usize::from(config & 3)).unwrap_or(&480),
        12..=15 => 480 << (config & 1),
        _ => 120 << (config & 3),
    }
}

const fn no_toc() -> Error {
    Error::malformed(Layer::Codec, "TOC").at(0).clause(TOC)
}

fn read_head(reader: &mut Reader<'_>) -> Result<OpusConfig> {
    let error = reader.malformed("magic signature");
    if reader.take(8, "magic signature")? != b"OpusHead" {
        return Err(error);
    }
    let version = reader.u8("version")?;
    if version & 0xf0 != 0 {
        let error = Error::unsupported(Layer::Codec, "version").at(8);
        return Err(error.found(u64::from(version)));
    }
    let channels = reader.u8("channel count")?;
    let pre_skip = u16::from_le_bytes(reader.array("pre-skip")?);
    let rate = reader.u32_le("input sample rate")?;
    let gain = i16::from_le_bytes(reader.array("output gain")?);
    let mapping = read_mapping(reader, channels)?;
    Ok(OpusConfig::new(channels, pre_skip, rate, gain, mapping))
}

fn read_dops(reader: &mut Reader<'_>) -> Result<OpusConfig> {
    let version = reader.u8("Version")?;
    if version != 0 {
        let error = Error::unsupported(Layer::Codec, "Version").at(0);
        return Err(error.found(u64::from(version)));
    }
    let channels = reader.u8("OutputChannelCount")?;
    let pre_skip = reader.u16("PreSkip")?;
    let rate = reader.u32("InputSampleRate")?;
    let gain = reader.u16("OutputGain")?.cast_signed();
    let mapping = read_mapping(reader, channels)?;
    Ok(OpusConfig::new(channels, pre_skip, rate, gain, mapping))
}

/// Mapping family and table (RFC 7845 5.1.1): the same bytes in both forms.
fn read_mapping(reader: &mut Reader<'_>, channels: u8) -> Result<Option<ChannelMapping>> {
    let error = reader.malformed("channel count").found(u64::from(channels));
    let family = reader.u8("channel mapping family")?;
    let allowed = match family {
        0 => 1..=2,
        1 => 1..=8,
        _ => 1..=255,
    };
    if !allowed.contains(&channels) {
        return Err(error);
    }
    if family == 0 {
        return Ok(None);
    }
    if family == 3 {
        let error = Error::unsupported(Layer::Codec, "channel mapping family").found(3);
        return Err(error.at(reader.offset() - 1));
    }
    let error = reader.malformed("stream count");
    let streams = reader.u8("stream count")?;
    let coupled = reader.u8("coupled count")?;
    let decoded = u16::from(streams) + u16::from(coupled);
    if streams == 0 || coupled > streams || decoded > 255 {
        return Err(error.found(u64::from(streams)));
    }
    let error = reader.malformed("channel mapping");
    let table = reader.take(usize::from(channels), "channel mapping")?.to_vec();
    if table.iter().any(|&index| index != 255 && u16::from(index) >= decoded) {
        return Err(error);
    }
    Ok(Some(ChannelMapping { family, streams, coupled, table }))
}

fn write_mapping(writer: &mut Writer, mapping: Option<&ChannelMapping>) {
    let Some(mapping) = mapping else { return writer.u8(0) };
    writer.u8(mapping.family);
    writer.u8(mapping.streams);
    writer.u8(mapping.coupled);
    writer.bytes(&mapping.table);
}

#[cfg(test)]
mod tests;
