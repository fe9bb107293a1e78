//! Sample entries: what a decoder is set up with (ISO/IEC 14496-12 8.5.2, 14496-14 5.6, 14496-15 5.4.2 and 8.4.1, and the
//! bindings of AV1, VP8 and VP9, Opus, FLAC, and TS 102 366 annex F).

use super::boxes::{boxed, full_box, to_u32};
use crate::buf::Writer;
use crate::error::{Error, Layer, Result};
use crate::media::CodecConfig;

/// Bit rates of a track in bits a second, as `btrt` and `esds` have them; zero where unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bitrates {
    /// Mean over the whole track.
    pub average: u32,
    /// Highest over any one second.
    pub maximum: u32,
}

/// `stsd` with one entry for each configuration.
pub(super) fn stsd(w: &mut Writer, configs: &[&CodecConfig], rates: Bitrates) -> Result<()> {
    full_box(w, b"stsd", 0, 0, |w| {
        w.u32(to_u32(configs.len(), "stsd entries")?);
        configs.iter().try_for_each(|config| entry(w, config, rates))
    })
}

fn entry(w: &mut Writer, config: &CodecConfig, rates: Bitrates) -> Result<()> {
    config.fits_mp4()?;
    let mut picture =
        |kind, record, content: &[u8]| visual(w, config, rates, kind, record, content);
    match config {
        CodecConfig::Avc(avc) => picture(b"avc1", b"avcC", avc.record()),
        CodecConfig::Hevc(hevc) => picture(b"hvc1", b"hvcC", hevc.record()),
        CodecConfig::Av1(av1) => picture(b"av01", b"av1C", av1.record()),
        // These records have the head of a full box in them.
        CodecConfig::Vp9(vp9) => picture(b"vp09", b"vpcC", vp9.record()),
        CodecConfig::Vp8(vp8) => picture(b"vp08", b"vpcC", vp8.record()),
        _ => sound_entry(w, config, rates),
    }
}

fn sound_entry(w: &mut Writer, config: &CodecConfig, rates: Bitrates) -> Result<()> {
    let mut sound = |kind, bits, record, content: &[u8]| {
        audio(w, config, rates, (kind, bits), |w| plain(w, record, content))
    };
    match config {
        CodecConfig::Opus(opus) => sound(b"Opus", 16, b"dOps", opus.record()),
        CodecConfig::Flac(flac) => {
            sound(b"fLaC", flac.info().bits_per_sample.into(), b"dfLa", flac.record())
        }
        CodecConfig::Ac3(ac3) => sound(b"ac-3", 16, b"dac3", ac3.record()),
        CodecConfig::Eac3(eac3) => sound(b"ec-3", 16, b"dec3", eac3.record()),
        CodecConfig::Aac(aac) => {
            audio(w, config, rates, (b"mp4a", 16), |w| esds(w, 0x40, Some(aac.asc()), rates))
        }
        // `mp4a` with the object type of MPEG audio and not the entry `.mp3` of QuickTime: the one that browsers know.
        CodecConfig::Mp3(mp3) => audio(w, config, rates, (b"mp4a", 16), |w| {
            esds(w, mp3.object_type_indication(), None, rates)
        }),
        _ => Err(Error::unsupported(Layer::Mp4, "sample entry")),
    }
}

fn plain(w: &mut Writer, kind: &[u8; 4], content: &[u8]) -> Result<()> {
    boxed(w, kind, |w| {
        w.bytes(content);
        Ok(())
    })
}

/// A sample entry of pictures around the box with the decoder's configuration.
fn visual(
    w: &mut Writer,
    config: &CodecConfig,
    rates: Bitrates,
    kind: &[u8; 4],
    record: &[u8; 4],
    content: &[u8],
) -> Result<()> {
    let unknown = Error::unsupported(Layer::Mp4, "picture of unknown size");
    let (width, height) = config.size().ok_or(unknown)?;
    boxed(w, kind, |w| {
        sample_entry(w);
        w.zeros(16);
        w.u16(dimension(width, "width")?);
        w.u16(dimension(height, "height")?);
        w.u32(0x0048_0000); // 72 dpi
        w.u32(0x0048_0000);
        w.u32(0);
        w.u16(1); // frames a sample
        w.zeros(32); // compressor name
        w.u16(24); // depth
        w.u16(0xffff);
        plain(w, record, content)?;
        color(w, config)?;
        if let Some((horizontal, vertical)) = config.sample_aspect_ratio() {
            boxed(w, b"pasp", |w| {
                w.u32(horizontal.into());
                w.u32(vertical.into());
                Ok(())
            })?;
        }
        btrt(w, rates)
    })
}

/// `colr`, `mdcv` and `clli` (ISO/IEC 14496-12 12.1.5 and 12.1.6), as far as they are known.
fn color(w: &mut Writer, config: &CodecConfig) -> Result<()> {
    if let Some(color) = config.color() {
        boxed(w, b"colr", |w| {
            w.bytes(b"nclx");
            w.u16(color.primaries.into());
            w.u16(color.transfer.into());
            w.u16(color.matrix.into());
            w.u8(u8::from(color.full_range) << 7);
            Ok(())
        })?;
    }
    let hdr = config.hdr();
    hdr.mastering.map_or(Ok(()), |mastering| plain(w, b"mdcv", &mastering.record()))?;
    hdr.light.map_or(Ok(()), |light| plain(w, b"clli", &light.record()))
}

/// A sample entry of sound, with the bits of a sample, around what `content` writes.
fn audio(
    w: &mut Writer,
    config: &CodecConfig,
    rates: Bitrates,
    (kind, bits): (&[u8; 4], u16),
    content: impl FnOnce(&mut Writer) -> Result<()>,
) -> Result<()> {
    boxed(w, kind, |w| {
        sample_entry(w);
        w.zeros(8);
        w.u16(config.channels().unwrap_or(2));
        w.u16(bits);
        w.u32(0);
        w.u16(entry_rate(config));
        w.u16(0);
        content(w)?;
        btrt(w, rates)
    })
}

/// 16.16 fixed point holds no rate above 65535 Hz; the decoder reads the true one from its configuration. FLAC wants the
/// largest part of the rate that fits (FLAC in ISOBMFF 3.3.1).
fn entry_rate(config: &CodecConfig) -> u16 {
    let rate = config.sample_rate().unwrap_or(0);
    match config {
        CodecConfig::Flac(_) => {
            let parts = std::iter::successors(Some(rate), |rate| Some(rate / 2));
            parts.into_iter().find_map(|rate| u16::try_from(rate).ok()).unwrap_or(0)
        }
        _ => u16::try_from(rate).unwrap_or(0),
    }
}

/// Reserved bytes and the data reference index, the start of every sample entry.
fn sample_entry(w: &mut Writer) {
    w.zeros(6);
    w.u16(1);
}

fn dimension(pixels: u32, field: &'static str) -> Result<u16> {
    u16::try_from(pixels).map_err(|_| Error::limit(Layer::Mp4, field).found(pixels.into()))
}

fn btrt(w: &mut Writer, rates: Bitrates) -> Result<()> {
    if rates == Bitrates::default() {
        return Ok(());
    }
    boxed(w, b"btrt", |w| {
        w.u32(0);
        w.u32(rates.maximum);
        w.u32(rates.average);
        Ok(())
    })
}

/// Elementary stream descriptor (ISO/IEC 14496-1 7.2.6.5); MPEG audio has no decoder specific information.
fn esds(w: &mut Writer, object_type: u8, asc: Option<&[u8]>, rates: Bitrates) -> Result<()> {
    let mut decoder = Writer::default();
    decoder.u8(object_type);
    decoder.u8(0x15); // audio stream
    decoder.u24(0);
    decoder.u32(rates.maximum);
    decoder.u32(rates.average);
    if let Some(asc) = asc {
        descriptor(&mut decoder, 5, asc)?;
    }
    let mut stream = Writer::default();
    stream.u16(0);
    stream.u8(0);
    descriptor(&mut stream, 4, decoder.as_slice())?;
    descriptor(&mut stream, 6, &[2])?;
    full_box(w, b"esds", 0, 0, |w| descriptor(w, 3, stream.as_slice()))
}

/// A descriptor with its expandable length in as few bytes as it needs.
fn descriptor(w: &mut Writer, tag: u8, content: &[u8]) -> Result<()> {
    let len = to_u32(content.len(), "descriptor length")?;
    if len >= 1 << 28 {
        return Err(Error::limit(Layer::Mp4, "descriptor length").found(len.into()));
    }
    w.u8(tag);
    for shift in [21, 14, 7] {
        if len >> shift != 0 {
            let [.., group] = (len >> shift).to_be_bytes();
            w.u8(group | 0x80);
        }
    }
    let [.., last] = len.to_be_bytes();
    w.u8(last & 0x7f);
    w.bytes(content);
    Ok(())
}
