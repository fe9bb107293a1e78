//! Sample entries: what a decoder is set up with (ISO/IEC 14496-12 8.5.2, 14496-14 5.6, 14496-15 5.4.2).

use super::boxes::{boxed, full_box, to_u32};
use crate::buf::Writer;
use crate::codec::{aac::AacConfig, h264::AvcConfig};
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
        configs.iter().try_for_each(|config| match config {
            CodecConfig::Avc(avc) => avc1(w, avc, rates),
            CodecConfig::Aac(aac) => mp4a(w, aac, rates),
        })
    })
}

fn avc1(w: &mut Writer, config: &AvcConfig, rates: Bitrates) -> Result<()> {
    let info = config.info();
    boxed(w, b"avc1", |w| {
        sample_entry(w);
        w.zeros(16);
        w.u16(dimension(info.width, "width")?);
        w.u16(dimension(info.height, "height")?);
        w.u32(0x0048_0000); // 72 dpi
        w.u32(0x0048_0000);
        w.u32(0);
        w.u16(1); // frames a sample
        w.zeros(32); // compressor name
        w.u16(24); // depth
        w.u16(0xffff);
        boxed(w, b"avcC", |w| {
            w.bytes(config.record());
            Ok(())
        })?;
        if let Some((horizontal, vertical)) = info.sample_aspect_ratio {
            boxed(w, b"pasp", |w| {
                w.u32(horizontal.into());
                w.u32(vertical.into());
                Ok(())
            })?;
        }
        btrt(w, rates)
    })
}

fn mp4a(w: &mut Writer, config: &AacConfig, rates: Bitrates) -> Result<()> {
    boxed(w, b"mp4a", |w| {
        sample_entry(w);
        w.zeros(8);
        w.u16(config.channels());
        w.u16(16); // bits a sample
        w.u32(0);
        // 16.16 fixed point holds no rate above 65535 Hz; the decoder reads the true one from `esds`.
        w.u16(u16::try_from(config.sample_rate()).unwrap_or(0));
        w.u16(0);
        esds(w, config, rates)?;
        btrt(w, rates)
    })
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

/// Elementary stream descriptor (ISO/IEC 14496-1 7.2.6.5).
fn esds(w: &mut Writer, config: &AacConfig, rates: Bitrates) -> Result<()> {
    let mut specific = Writer::default();
    descriptor(&mut specific, 5, config.asc())?;
    let mut decoder = Writer::default();
    decoder.u8(0x40); // MPEG-4 audio
    decoder.u8(0x15); // audio stream
    decoder.u24(0);
    decoder.u32(rates.maximum);
    decoder.u32(rates.average);
    decoder.bytes(specific.as_slice());
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
