//! AV1: `AV1CodecConfigurationRecord` (AV1 Codec ISO Media File Format Binding 2.3), OBUs, codec string.

mod obu;
mod sequence;
#[cfg(test)]
mod tests;

use bytes::{BufMut, Bytes, BytesMut};

pub use self::obu::{Obu, ObuType, Obus, TemporalUnitInfo, leb128, put_leb128, to_sample};
pub use self::sequence::SequenceHeader;
use crate::codec::color::{ColorInfo, ContentLight, HdrMetadata, MasteringDisplay};
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;

const CLAUSE: &str = "AV1-ISOBMFF 2.3";

fn check_room(held: usize, limits: &Limits) -> Result<()> {
    if held <= limits.parameter_set_bytes {
        return Ok(());
    }
    Err(Error::limit(Layer::Codec, "configOBUs").found(held as u64).clause(CLAUSE))
}

/// Decoder configuration of an AV1 track.
///
/// Two configurations are equal when what [`SequenceHeader`] holds and the HDR metadata are. The coding tools do not
/// count: each key frame brings its own sequence header, and FFmpeg's record is known to differ from it in them.
#[derive(Clone, Debug)]
pub struct Av1Config {
    record: Bytes,
    sequence_obu: Bytes,
    info: SequenceHeader,
    /// Told beside the stream.
    color: Option<ColorInfo>,
    /// Of the stream.
    own_hdr: HdrMetadata,
    hdr: HdrMetadata,
}

impl PartialEq for Av1Config {
    fn eq(&self, other: &Self) -> bool {
        self.info == other.info && self.color == other.color && self.hdr == other.hdr
    }
}

impl Eq for Av1Config {}

impl Av1Config {
    /// Reads the content of `av1C`: the body of an Enhanced RTMP sequence start. Marker and reserved bits are not looked
    /// at; what the sequence header says holds against the record.
    ///
    /// # Errors
    /// A short record, a configOBU that cannot be read, more than [`Limits::parameter_set_bytes`]; and, of kind
    /// [`Unsupported`](crate::error::ErrorKind::Unsupported), a record without sequence header (or empty), which then
    /// stands in the first key unit: [`Av1Config::from_temporal_unit`].
    pub fn parse(data: &[u8], limits: &Limits) -> Result<Self> {
        let missing = Error::unsupported(Layer::Codec, "av1C without sequence header");
        let missing = missing.at(data.len() as u64).clause(CLAUSE);
        if data.is_empty() {
            return Err(missing);
        }
        let Some((&[_, _, _, delay], _)) = data.split_first_chunk::<4>() else {
            let error = Error::malformed(Layer::Codec, "AV1CodecConfigurationRecord");
            return Err(error.at(data.len() as u64).clause(CLAUSE));
        };
        let delay = (delay & 0x10 != 0).then_some(delay & 0x0f);
        Self::from_obus(data.get(4..).unwrap_or_default(), delay, limits)
            .map_err(|error| error.rebased(4))?
            .ok_or(missing)
    }

    /// Takes the configuration out of a temporal unit, `None` when no sequence header is in it.
    ///
    /// # Errors
    /// A sequence header that cannot be read, or above [`Limits::parameter_set_bytes`].
    pub fn from_temporal_unit(data: &[u8], limits: &Limits) -> Result<Option<Self>> {
        Self::from_obus(data, None, limits)
    }

    fn from_obus(data: &[u8], delay: Option<u8>, limits: &Limits) -> Result<Option<Self>> {
        let mut sequence = None;
        let mut metadata = BytesMut::new();
        let mut hdr = HdrMetadata::default();
        for obu in Obus::new(data) {
            let obu = match obu {
                Ok(obu) => obu,
                Err(_) if sequence.is_some() => break,
                Err(error) => return Err(error),
            };
            match obu.kind {
                ObuType::SEQUENCE_HEADER if sequence.is_none() => {
                    sequence = Some((SequenceHeader::parse(obu.payload)?, obu));
                }
                ObuType::METADATA if note_hdr(obu.payload, &mut hdr) => {
                    obu::put_obu(&mut metadata, &obu);
                }
                ObuType::FRAME | ObuType::FRAME_HEADER => break,
                _ => {}
            }
            let held = metadata.len() + sequence.as_ref().map_or(0, |(_, obu)| obu.whole.len());
            check_room(held, limits)?;
        }
        let Some((info, obu)) = sequence else { return Ok(None) };
        let mut sequence_obu = BytesMut::new();
        obu::put_obu(&mut sequence_obu, &obu);
        let sequence_obu = sequence_obu.freeze();
        // With the size field that it may have come without.
        check_room(sequence_obu.len() + metadata.len(), limits)?;
        let record = write(&info, delay, &sequence_obu, &metadata);
        Ok(Some(Self { record, sequence_obu, info, color: None, own_hdr: hdr, hdr }))
    }

    /// The `av1C` box's content, with the sequence header and HDR metadata as configOBUs.
    #[must_use]
    pub const fn record(&self) -> &Bytes {
        &self.record
    }

    /// The sequence header OBU with its size field.
    #[must_use]
    pub const fn sequence_obu(&self) -> &Bytes {
        &self.sequence_obu
    }

    /// Size, profile and colour from the sequence header.
    #[must_use]
    pub const fn info(&self) -> &SequenceHeader {
        &self.info
    }

    /// Largest width of a frame in pixels, 1 to 65536.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.info.width
    }

    /// Largest height of a frame in pixels, 1 to 65536.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.info.height
    }

    /// Colour, where the stream describes it, or as it was told beside the stream.
    #[must_use]
    pub fn color(&self) -> Option<ColorInfo> {
        Some(self.info.color).filter(|_| self.info.color_described).or(self.color)
    }

    /// The same, with what is told beside the stream where the stream itself says nothing.
    #[must_use]
    pub fn with_color(mut self, color: Option<ColorInfo>, hdr: &HdrMetadata) -> Self {
        self.color = color;
        self.hdr = self.own_hdr.or(hdr);
        self
    }

    /// HDR10 metadata that stood beside the sequence header, or as it was told beside the stream.
    #[must_use]
    pub const fn hdr(&self) -> &HdrMetadata {
        &self.hdr
    }

    /// A key frame as an MP4 sync sample: [`to_sample`], with the sequence header in front where the unit has none.
    #[must_use]
    pub fn key_sample(&self, data: &Bytes) -> Bytes {
        let sample = to_sample(data);
        if TemporalUnitInfo::scan(&sample).sequence_header {
            return sample;
        }
        let mut out = BytesMut::with_capacity(self.sequence_obu.len() + sample.len());
        out.put_slice(&self.sequence_obu);
        out.put_slice(&sample);
        out.freeze()
    }

    /// RFC 6381 and AV1-ISOBMFF 5, for example `av01.0.04M.08`; with all colour fields where the stream describes its
    /// colour or is monochrome, for example `av01.0.04M.10.0.112.09.16.09.0`.
    #[must_use]
    pub fn codec_string(&self) -> String {
        let SequenceHeader { profile, level, high_tier, bit_depth, monochrome, .. } = self.info;
        let tier = if high_tier { 'H' } else { 'M' };
        let text = format!("av01.{profile}.{level:02}{tier}.{bit_depth:02}");
        if !self.info.color_described && !monochrome {
            return text;
        }
        let ColorInfo { primaries, transfer, matrix, full_range } = self.info.color;
        format!(
            "{text}.{}.{}{}{}.{primaries:02}.{transfer:02}.{matrix:02}.{}",
            u8::from(monochrome),
            u8::from(self.info.subsampling_x),
            u8::from(self.info.subsampling_y),
            self.info.chroma_sample_position,
            u8::from(full_range),
        )
    }
}

fn write(info: &SequenceHeader, delay: Option<u8>, sequence: &[u8], metadata: &[u8]) -> Bytes {
    let mut record = BytesMut::with_capacity(4 + sequence.len() + metadata.len());
    record.put_u8(0x81);
    record.put_u8(info.profile << 5 | info.level);
    record.put_u8(
        u8::from(info.high_tier) << 7
            | u8::from(info.bit_depth > 8) << 6
            | u8::from(info.bit_depth == 12) << 5
            | u8::from(info.monochrome) << 4
            | u8::from(info.subsampling_x) << 3
            | u8::from(info.subsampling_y) << 2
            | info.chroma_sample_position,
    );
    record.put_u8(delay.map_or(0, |delay| 0x10 | delay));
    record.put_slice(sequence);
    record.put_slice(metadata);
    record.freeze()
}

/// Takes HDR metadata out of a metadata OBU (AV1 5.8.1); whether it was such.
fn note_hdr(payload: &[u8], hdr: &mut HdrMetadata) -> bool {
    let Some((kind, bytes)) = leb128(payload) else { return false };
    let body = payload.get(bytes..).unwrap_or_default();
    match kind {
        1 => ContentLight::parse(body).map(|light| hdr.light = Some(light)).is_ok(),
        2 => MasteringDisplay::parse_av1(body).map(|volume| hdr.mastering = Some(volume)).is_ok(),
        _ => false,
    }
}
