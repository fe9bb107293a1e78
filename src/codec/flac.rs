//! FLAC: `STREAMINFO` in every form that senders use, `dfLa` (FLAC in ISOBMFF 3.3.2), frame headers (RFC 9639).

use bytes::Bytes;

use super::bits::BitReader;
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;

const STREAMINFO: &str = "RFC 9639 8.2";
const FRAME: &str = "RFC 9639 9.1";
const STREAMINFO_BYTES: usize = 34;

/// Decoder configuration of a FLAC track.
///
/// Two configurations are equal when block sizes, rate, channels and depth are: a sender may repeat the header at the end
/// with the frame sizes, the length and the checksum that it then knows.
#[derive(Clone, Debug)]
pub struct FlacConfig {
    record: Bytes,
    info: StreamInfo,
}

/// What `STREAMINFO` says of the format (RFC 9639 8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Smallest block in samples a channel, the last one left aside.
    pub min_block_size: u16,
    /// Largest block in samples a channel.
    pub max_block_size: u16,
    /// Hz, 1 to 1048575.
    pub sample_rate: u32,
    /// 1 to 8.
    pub channels: u8,
    /// Bits of a sample, 4 to 32.
    pub bits_per_sample: u8,
}

impl PartialEq for FlacConfig {
    fn eq(&self, other: &Self) -> bool {
        self.info == other.info
    }
}

impl Eq for FlacConfig {}

impl FlacConfig {
    /// Reads the body of an Enhanced RTMP sequence start: `fLaC` and metadata blocks as the specification says, the
    /// blocks alone, or the 34 bytes of `STREAMINFO` alone as FFmpeg writes them; also the content of `dfLa`. Blocks
    /// behind the first are dropped.
    ///
    /// # Errors
    /// Fewer bytes than `STREAMINFO` has, another block in front, a sample rate of 0, a depth under 4.
    pub fn parse(data: &[u8], _limits: &Limits) -> Result<Self> {
        let (block, base) = match data {
            [b'f', b'L', b'a', b'C', rest @ ..] => (rest, 4),
            // dfLa: FullBox header in front of the block.
            [0, 0, 0, 0, 0 | 0x80, 0, 0, 34, ..] => (data.get(4..).unwrap_or_default(), 4),
            _ => (data, 0),
        };
        let (body, base) = match block {
            [0 | 0x80, 0, 0, 34, body @ ..] => (body, base + 4),
            // A smallest block of 0 samples is none: these 34 bytes cannot begin as a block header does.
            _ => (block, base),
        };
        let Some((info, _)) = body.split_first_chunk::<STREAMINFO_BYTES>() else {
            let error = Error::malformed(Layer::Codec, "STREAMINFO").found(body.len() as u64);
            return Err(error.at(base).clause(STREAMINFO));
        };
        Self::read(info).map_err(|error| error.rebased(base))
    }

    fn read(data: &[u8; STREAMINFO_BYTES]) -> Result<Self> {
        let mut bits = BitReader::new(data, STREAMINFO);
        let min_block_size = bits.u16(16, "min_blocksize")?;
        let max_block_size = bits.u16(16, "max_blocksize")?;
        bits.skip(48, "min_framesize")?;
        let error = bits.malformed("sample_rate").found(0);
        let sample_rate = bits.u32(20, "sample_rate")?;
        let channels = bits.u8(3, "channels")? + 1;
        let bits_per_sample = bits.u8(5, "bits_per_sample")? + 1;
        if sample_rate == 0 {
            return Err(error);
        }
        if bits_per_sample < 4 {
            let error = bits.malformed("bits_per_sample");
            return Err(error.found(u64::from(bits_per_sample)));
        }
        let info =
            StreamInfo { min_block_size, max_block_size, sample_rate, channels, bits_per_sample };
        // FullBox header; the only, hence last, block: STREAMINFO of 34 bytes.
        let head = [0, 0, 0, 0, 0x80, 0, 0, 34];
        Ok(Self { record: [head.as_slice(), data].concat().into(), info })
    }

    /// The `dfLa` box's content, FullBox header included.
    #[must_use]
    pub const fn record(&self) -> &Bytes {
        &self.record
    }

    /// The body of a sequence start as Enhanced RTMP has it: `fLaC` and the `STREAMINFO` block.
    #[must_use]
    pub fn head(&self) -> Bytes {
        [b"fLaC", self.record.get(4..).unwrap_or_default()].concat().into()
    }

    /// Block sizes, rate, channels and depth.
    #[must_use]
    pub const fn info(&self) -> &StreamInfo {
        &self.info
    }

    /// Rate in Hz, 1 to 1048575: the timescale of the MP4 track. Above 65535 the sample entry cannot say it.
    #[must_use]
    pub const fn sample_rate(&self) -> u32 {
        self.info.sample_rate
    }

    /// Number of channels, 1 to 8.
    #[must_use]
    pub const fn channels(&self) -> u16 {
        self.info.channels as u16
    }

    /// Samples of every frame but the last where all are equal; `None` where block sizes vary and [`frame_samples`]
    /// has to be asked.
    #[must_use]
    pub const fn frame_samples(&self) -> Option<u32> {
        let StreamInfo { min_block_size, max_block_size, .. } = self.info;
        if min_block_size == max_block_size && min_block_size > 0 {
            Some(max_block_size as u32)
        } else {
            None
        }
    }

    /// RFC 6381: `fLaC`, the name of the sample entry.
    #[must_use]
    pub fn codec_string(&self) -> String {
        "fLaC".to_owned()
    }
}

/// Samples a channel of one frame, 1 to 65536, from its header.
///
/// # Errors
/// No sync code, a reserved block size, a short header.
pub fn frame_samples(data: &[u8]) -> Result<u32> {
    let mut bits = BitReader::new(data, FRAME);
    if bits.u16(15, "sync code")? != 0x7ffc {
        return Err(Error::malformed(Layer::Codec, "sync code").at(0).clause(FRAME));
    }
    bits.skip(1, "blocking strategy bit")?;
    let code = bits.u32(4, "block size bits")?;
    bits.skip(12, "sample rate bits")?;
    Ok(match code {
        0 => return Err(bits.malformed("block size bits").found(0)),
        1 => 192,
        2..=5 => 144 << code,
        6 | 7 => {
            skip_coded_number(&mut bits)?;
            bits.u32(if code == 6 { 8 } else { 16 }, "uncommon block size")? + 1
        }
        _ => 1 << code,
    })
}

/// The frame or sample number, coded like an extended UTF-8 character of up to 7 bytes (RFC 9639 9.1.5).
fn skip_coded_number(bits: &mut BitReader<'_>) -> Result<()> {
    let error = bits.malformed("coded number");
    let ones = bits.u8(8, "coded number")?.leading_ones();
    match ones {
        0 => Ok(()),
        2..=7 => bits.skip(8 * (ones - 1), "coded number"),
        _ => Err(error.clause("RFC 9639 9.1.5")),
    }
}

#[cfg(test)]
mod tests;
