//! AC-3: sync frames (ETSI TS 102 366 4.3 and 4.4) and `dac3` (annex F.4).

use bytes::Bytes;

use super::bits::{BitReader, BitWriter};
use crate::error::{Error, Layer, Result};

const SYNCINFO: &str = "TS 102 366 4.3.1";
const DAC3: &str = "TS 102 366 F.4.1";

/// Samples of one sync frame.
pub const FRAME_SAMPLES: u32 = 1536;

/// Kilobits a second by half of `frmsizecod` (table 4.13).
const BITRATES: [u16; 19] =
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];

/// Decoder configuration of an AC-3 track, which stands in each sync frame: a track can only be described once the first
/// one is there. Equal when the fields are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ac3Config {
    fscod: u8,
    bsid: u8,
    bsmod: u8,
    acmod: u8,
    lfe: bool,
    bit_rate_code: u8,
    record: Bytes,
}

impl Ac3Config {
    /// Takes the configuration from a sync frame. Enhanced RTMP has no other: its sequence start is empty.
    ///
    /// # Errors
    /// No sync word, a reserved rate or frame size, another `bsid` than 0 to 8, a short header.
    pub fn from_frame(data: &[u8]) -> Result<Self> {
        let header = FrameHeader::parse(data)?;
        Ok(Self::new(header))
    }

    /// Reads the content of `dac3`.
    ///
    /// # Errors
    /// Fewer than 3 bytes, a reserved rate.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let mut bits = BitReader::new(data, DAC3);
        let fscod = bits.u8(2, "fscod")?;
        let (bsid, bsmod) = (bits.u8(5, "bsid")?, bits.u8(3, "bsmod")?);
        let (acmod, lfe) = (bits.u8(3, "acmod")?, bits.flag("lfeon")?);
        let bit_rate_code = bits.u8(5, "bit_rate_code")?;
        if fscod == 3 || usize::from(bit_rate_code) >= BITRATES.len() {
            return Err(bits.malformed("fscod").found(u64::from(fscod)));
        }
        bits.skip(5, "reserved")?;
        let frmsizecod = bit_rate_code << 1;
        Ok(Self::new(FrameHeader { fscod, frmsizecod, bsid, bsmod, acmod, lfe }))
    }

    fn new(header: FrameHeader) -> Self {
        let FrameHeader { fscod, frmsizecod, bsid, bsmod, acmod, lfe } = header;
        let bit_rate_code = frmsizecod >> 1;
        let mut record = BitWriter::default();
        record.bits(2, fscod);
        record.bits(5, bsid);
        record.bits(3, bsmod);
        record.bits(3, acmod);
        record.bits(1, lfe);
        record.bits(5, bit_rate_code);
        record.bits(5, 0u8);
        Self { fscod, bsid, bsmod, acmod, lfe, bit_rate_code, record: record.freeze() }
    }

    /// The `dac3` box's content.
    #[must_use]
    pub const fn record(&self) -> &Bytes {
        &self.record
    }

    /// Rate in Hz: 48000, 44100 or 32000; the timescale of the MP4 track.
    #[must_use]
    pub fn sample_rate(&self) -> u32 {
        sample_rate(self.fscod).unwrap_or(48_000)
    }

    /// Channels with the low-frequency one, 1 to 6.
    #[must_use]
    pub fn channels(&self) -> u16 {
        channels(self.acmod, self.lfe)
    }

    /// `acmod`: the arrangement of the channels, 0 to 7.
    #[must_use]
    pub const fn acmod(&self) -> u8 {
        self.acmod
    }

    /// Whether there is a low-frequency channel.
    #[must_use]
    pub const fn lfe(&self) -> bool {
        self.lfe
    }

    /// `bsid`: version of the bitstream, 0 to 8.
    #[must_use]
    pub const fn bsid(&self) -> u8 {
        self.bsid
    }

    /// `bsmod`: kind of service, 0 the main one.
    #[must_use]
    pub const fn bsmod(&self) -> u8 {
        self.bsmod
    }

    /// Kilobits a second.
    #[must_use]
    pub fn bitrate(&self) -> u16 {
        BITRATES.get(usize::from(self.bit_rate_code)).copied().unwrap_or(0)
    }

    /// Samples of one sync frame: 1536.
    #[must_use]
    pub const fn frame_samples(&self) -> u32 {
        FRAME_SAMPLES
    }

    /// RFC 6381: `ac-3`.
    #[must_use]
    pub fn codec_string(&self) -> String {
        "ac-3".to_owned()
    }
}

/// `syncinfo()` and the head of `bsi()`.
#[derive(Clone, Copy, Debug)]
struct FrameHeader {
    fscod: u8,
    frmsizecod: u8,
    bsid: u8,
    bsmod: u8,
    acmod: u8,
    lfe: bool,
}

impl FrameHeader {
    fn parse(data: &[u8]) -> Result<Self> {
        let mut bits = BitReader::new(data, SYNCINFO);
        if bits.u16(16, "syncword")? != 0x0b77 {
            return Err(Error::malformed(Layer::Codec, "syncword").at(0).clause(SYNCINFO));
        }
        if is_eac3(data) == Some(true) {
            let found = data.get(5).map_or(0, |byte| u64::from(byte >> 3));
            let error = Error::unsupported(Layer::Codec, "bsid").at(5).found(found);
            return Err(error.clause("TS 102 366 4.4.2.1"));
        }
        bits.skip(16, "crc1")?;
        let fscod = bits.u8(2, "fscod")?;
        let frmsizecod = bits.u8(6, "frmsizecod")?;
        if fscod == 3 || frmsizecod > 37 {
            let found = u64::from(fscod << 6 | frmsizecod);
            return Err(Error::malformed(Layer::Codec, "fscod")
                .at(4)
                .found(found)
                .clause(SYNCINFO));
        }
        let bsid = bits.u8(5, "bsid")?;
        if bsid > 8 {
            return Err(bits.unsupported("bsid").found(u64::from(bsid)));
        }
        let bsmod = bits.u8(3, "bsmod")?;
        let acmod = bits.u8(3, "acmod")?;
        if acmod & 1 != 0 && acmod != 1 {
            bits.skip(2, "cmixlev")?;
        }
        if acmod & 4 != 0 {
            bits.skip(2, "surmixlev")?;
        }
        if acmod == 2 {
            bits.skip(2, "dsurmod")?;
        }
        let lfe = bits.flag("lfeon")?;
        Ok(Self { fscod, frmsizecod, bsid, bsmod, acmod, lfe })
    }

    /// Bytes of the frame (table 4.13).
    fn bytes(&self) -> usize {
        let kbps = BITRATES.get(usize::from(self.frmsizecod >> 1)).copied().unwrap_or(0);
        let kbps = usize::from(kbps);
        match self.fscod {
            0 => 4 * kbps,
            1 => 2 * (kbps * 96_000 / 44_100 + usize::from(self.frmsizecod & 1)),
            _ => 6 * kbps,
        }
    }
}

/// Walks the sync frames of a message, which mostly holds one. The walk ends at the first thing that is none; a last frame
/// that is cut off is given as it is.
pub fn frames(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let bytes = FrameHeader::parse(rest).ok()?.bytes().min(rest.len());
        let (frame, behind) = rest.split_at_checked(bytes)?;
        rest = behind;
        Some(frame)
    })
}

/// Whether a frame is E-AC-3 by its `bsid`, which both formats have at the same place; `None` when it is no sync frame.
#[must_use]
pub fn is_eac3(data: &[u8]) -> Option<bool> {
    let &[0x0b, 0x77, _, _, _, bsid, ..] = data else { return None };
    Some(bsid >> 3 > 10)
}

/// Rate in Hz of `fscod`; `None` for the reserved value, by which E-AC-3 says half rates.
pub(super) fn sample_rate(fscod: u8) -> Option<u32> {
    [48_000, 44_100, 32_000].get(usize::from(fscod)).copied()
}

/// Channels of `acmod` (table 4.3) and the low-frequency one.
pub(super) fn channels(acmod: u8, lfe: bool) -> u16 {
    let full = [2, 1, 2, 3, 3, 4, 4, 5].get(usize::from(acmod)).copied().unwrap_or(2);
    full + u16::from(lfe)
}

#[cfg(test)]
mod tests;
