//! Sample entries, read back: what a track's decoder is set up with.

use super::{Index, IndexedTrack};
use crate::buf::Reader;
use crate::codec::aac::AacConfig;
use crate::codec::ac3::Ac3Config;
use crate::codec::av1::Av1Config;
use crate::codec::eac3::Eac3Config;
use crate::codec::flac::FlacConfig;
use crate::codec::h264::{AvcConfig, AvcRecord};
use crate::codec::hevc::HevcConfig;
use crate::codec::mp3::Mp3Config;
use crate::codec::opus::OpusConfig;
use crate::codec::vp8::Vp8Config;
use crate::codec::vp9::Vp9Config;
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;
use crate::media::CodecConfig;
use crate::mp4::read::{child, children, content, header, optional, version};

/// Fields of a sample entry of pictures before its boxes (ISO/IEC 14496-12 12.1.3).
const VISUAL: usize = 78;
/// Fields of a sample entry of sound before its boxes (12.2.3).
const AUDIO: usize = 28;

impl Index {
    /// The configuration that samples of this track with this `description` need. `first` is the first such sample where
    /// decoding can start: VP8, VP9, MP3, AC-3 and E-AC-3 say in it what their records do not.
    ///
    /// # Errors
    ///
    /// Unsupported for a codec that is not known, and for NAL unit lengths of other than four bytes, which fit no segment as they
    /// are; malformed where the entry is not there or cannot be read.
    pub fn config(
        &self,
        track: &IndexedTrack,
        description: u16,
        first: &[u8],
        limits: &Limits,
    ) -> Result<CodecConfig> {
        let moov = Reader::with_base(Layer::Mp4, &self.content, 0);
        let mut found = None;
        children(moov, |kind, trak| {
            let mut tkhd = match &kind {
                b"trak" => child(&trak, *b"tkhd", "tkhd")?,
                _ => return Ok(()),
            };
            let wide = version(&mut tkhd)? == 1;
            tkhd.skip(if wide { 16 } else { 8 }, "tkhd")?;
            if tkhd.u32("track number")? == track.id {
                let media = child(&child(&trak, *b"mdia", "mdia")?, *b"minf", "minf")?;
                found = Some(child(&child(&media, *b"stbl", "stbl")?, *b"stsd", "stsd")?);
            }
            Ok(())
        })?;
        let missing = Error::malformed(Layer::Mp4, "sample entry").found(description.into());
        let mut entries = found.ok_or(missing)?;
        version(&mut entries)?;
        let count = entries.u32("stsd entries")?;
        for number in 0..count {
            let (kind, size) = header(&mut entries)?;
            let entry = content(&mut entries, size)?;
            if number == u32::from(description) {
                return read(kind, entry, first, limits);
            }
        }
        Err(missing)
    }
}

fn read(
    kind: [u8; 4],
    mut entry: Reader<'_>,
    first: &[u8],
    limits: &Limits,
) -> Result<CodecConfig> {
    let visual =
        matches!(&kind, b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"av01" | b"vp09" | b"vp08");
    if visual {
        entry.skip(VISUAL, "sample entry")?;
    } else {
        let mut fields = Reader::with_base(Layer::Mp4, entry.take(AUDIO, "sample entry")?, 0);
        fields.skip(8, "sample entry")?;
        // The forms of QuickTime have more fields.
        match fields.u16("version")? {
            0 => {}
            1 => entry.skip(16, "sample entry")?,
            _ => entry.skip(36, "sample entry")?,
        }
    }
    let record = |kind: &[u8; 4], name| {
        let mut found = child(&entry, *kind, name)?;
        let len = found.remaining();
        found.take(len, name)
    };
    Ok(match &kind {
        b"avc1" | b"avc3" => {
            let record = record(b"avcC", "avcC")?;
            four(AvcRecord::parse(record)?.length_size)?;
            CodecConfig::Avc(AvcConfig::parse(record, limits)?)
        }
        b"hvc1" | b"hev1" => {
            let config = HevcConfig::parse(record(b"hvcC", "hvcC")?, limits)?;
            four(config.source_length_size())?;
            CodecConfig::Hevc(config)
        }
        b"av01" => CodecConfig::Av1(Av1Config::parse(record(b"av1C", "av1C")?, limits)?),
        b"vp09" => {
            let config = Vp9Config::parse(record(b"vpcC", "vpcC")?, limits)?;
            CodecConfig::Vp9(config.with_key_frame(first)?)
        }
        b"vp08" => {
            let config = Vp8Config::parse(record(b"vpcC", "vpcC")?, limits)?;
            CodecConfig::Vp8(config.with_key_frame(first)?)
        }
        b"mp4a" => elementary(&entry, first)?,
        b"Opus" => CodecConfig::Opus(OpusConfig::parse_dops(record(b"dOps", "dOps")?)?),
        b"fLaC" => CodecConfig::Flac(FlacConfig::parse(record(b"dfLa", "dfLa")?, limits)?),
        b"ac-3" => CodecConfig::Ac3(Ac3Config::from_frame(first)?),
        b"ec-3" => CodecConfig::Eac3(Eac3Config::from_unit(first)?),
        b".mp3" => CodecConfig::Mp3(Mp3Config::from_frame(first)?),
        _ => {
            let kind = u64::from(u32::from_be_bytes(kind));
            return Err(Error::unsupported(Layer::Mp4, "codec of the sample entry").found(kind));
        }
    })
}

fn four(length_size: u8) -> Result<()> {
    let error = Error::unsupported(Layer::Mp4, "NAL unit lengths").found(length_size.into());
    if length_size == 4 { Ok(()) } else { Err(error) }
}

/// `mp4a`: AAC or MPEG audio, by the object type of `esds`.
fn elementary(entry: &Reader<'_>, first: &[u8]) -> Result<CodecConfig> {
    let boxed = optional(entry, *b"esds", "esds")?;
    // QuickTime puts it into `wave`.
    let mut esds = match boxed {
        Some(esds) => esds,
        None => child(&child(entry, *b"wave", "wave")?, *b"esds", "esds")?,
    };
    version(&mut esds)?;
    let mut stream = descriptor(&mut esds, 3)?;
    stream.skip(2, "ES_ID")?;
    let flags = stream.u8("ES_Descriptor")?;
    stream.skip(if flags & 0x80 != 0 { 2 } else { 0 }, "dependsOn_ES_ID")?;
    if flags & 0x40 != 0 {
        let len = stream.u8("URLlength")?;
        stream.skip(len.into(), "URLstring")?;
    }
    stream.skip(if flags & 0x20 != 0 { 2 } else { 0 }, "OCR_ES_Id")?;
    let mut decoder = descriptor(&mut stream, 4)?;
    let object_type = decoder.u8("objectTypeIndication")?;
    decoder.skip(12, "DecoderConfigDescriptor")?;
    match object_type {
        0x40 | 0x66 | 0x67 | 0x68 => {
            let mut specific = descriptor(&mut decoder, 5)?;
            let len = specific.remaining();
            Ok(CodecConfig::Aac(AacConfig::parse(specific.take(len, "AudioSpecificConfig")?)?))
        }
        0x69 | 0x6b => Ok(CodecConfig::Mp3(Mp3Config::from_frame(first)?)),
        other => Err(Error::unsupported(Layer::Mp4, "object type of mp4a").found(other.into())),
    }
}

/// Content of the next descriptor, which must have this tag (ISO/IEC 14496-1 8.3.3).
fn descriptor<'a>(r: &mut Reader<'a>, tag: u8) -> Result<Reader<'a>> {
    let error = r.malformed("descriptor");
    if r.u8("descriptor")? != tag {
        return Err(error);
    }
    let mut len = 0_u64;
    for _ in 0..4 {
        let byte = r.u8("descriptor length")?;
        len = len << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return content(r, len);
        }
    }
    Err(error)
}
