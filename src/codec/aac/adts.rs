//! ADTS headers (ISO/IEC 14496-3 1.A.3.2): to a configuration, and off the frames.

use super::AacConfig;
use super::asc::SAMPLE_RATES;
use crate::error::{Error, Layer, Result};

const CLAUSE: &str = "ISO/IEC 14496-3 1.A.3.2";

/// One ADTS header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdtsHeader {
    /// Audio object type, 1 to 4: the header's profile and one.
    pub object_type: u8,
    /// Sampling rate in Hz.
    pub sample_rate: u32,
    /// Channel configuration, 0 to 7; 0 where a program config element in the payload tells the channels.
    pub channel_configuration: u8,
    /// Bytes of the header: 7, or 9 with a checksum, and more for several raw data blocks with one.
    pub header_bytes: usize,
    /// Bytes of the whole frame, header included, up to 8191.
    pub frame_bytes: usize,
    /// Raw data blocks in the frame, 1 to 4.
    pub blocks: u8,
    has_checksum: bool,
}

/// Whether `data` begins with an ADTS sync word and layer 0, which no raw AAC frame of use does.
#[must_use]
pub fn starts_with_sync(data: &[u8]) -> bool {
    matches!(data, [0xff, second, ..] if second & 0xf6 == 0xf0)
}

impl AdtsHeader {
    /// Reads the header at the start of `data`.
    ///
    /// # Errors
    ///
    /// Malformed where there is no sync word, the header is cut short, a rate index is reserved or the frame is
    /// shorter than its header.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let malformed = |field| Error::malformed(Layer::Codec, field).clause(CLAUSE);
        let (true, Some(&[_, protection, profile, channels, length, tail, blocks])) =
            (starts_with_sync(data), data.first_chunk())
        else {
            return Err(malformed("ADTS sync word"));
        };
        let rate_index = usize::from(profile >> 2 & 15);
        let sample_rate = *SAMPLE_RATES
            .get(rate_index)
            .ok_or_else(|| malformed("sampling_frequency_index").found(rate_index as u64))?;
        let frame_bytes =
            usize::from(channels & 3) << 11 | usize::from(length) << 3 | usize::from(tail >> 5);
        let blocks = (blocks & 3) + 1;
        let has_checksum = protection & 1 == 0;
        let checksum_bytes = if has_checksum { 2 * usize::from(blocks) } else { 0 };
        let header_bytes = 7 + checksum_bytes;
        if frame_bytes < header_bytes {
            return Err(malformed("aac_frame_length").found(frame_bytes as u64));
        }
        Ok(Self {
            object_type: (profile >> 6) + 1,
            sample_rate,
            channel_configuration: (profile & 1) << 2 | channels >> 6,
            header_bytes,
            frame_bytes,
            blocks,
            has_checksum,
        })
    }

    /// The configuration that the header stands for.
    ///
    /// # Errors
    ///
    /// Unsupported where the channels are only told inside the payload.
    pub fn config(&self) -> Result<AacConfig> {
        if self.channel_configuration == 0 {
            return Err(Error::unsupported(Layer::Codec, "ADTS channel_configuration")
                .found(0)
                .clause(CLAUSE));
        }
        AacConfig::new(self.object_type, self.sample_rate, self.channel_configuration)
    }

    /// Ranges of the raw data blocks in the frame at the start of `data`, without their checksums.
    /// `None` where the frame is cut short, or holds several blocks and does not tell where they begin.
    #[must_use]
    pub fn block_ranges(&self, data: &[u8]) -> Option<Vec<std::ops::Range<usize>>> {
        let frame = data.get(..self.frame_bytes)?;
        if self.blocks == 1 {
            return Some(Vec::from([self.header_bytes..self.frame_bytes; 1]));
        }
        if !self.has_checksum {
            return None;
        }
        // raw_data_block_position: from the first block's start to each further one's. Each block has a checksum.
        let positions = frame.get(7..self.header_bytes - 2)?;
        let mut starts = vec![self.header_bytes];
        for position in positions.chunks_exact(2) {
            let &[high, low] = position.first_chunk()?;
            starts.push(self.header_bytes + usize::from(u16::from_be_bytes([high, low])));
        }
        let ends: Vec<usize> = starts.iter().copied().skip(1).chain([self.frame_bytes]).collect();
        let ranges = starts.into_iter().zip(ends).map(|(start, end)| start..end.saturating_sub(2));
        let ranges: Vec<_> = ranges.collect();
        ranges
            .iter()
            .all(|range| range.start < range.end && range.end <= frame.len())
            .then_some(ranges)
    }
}
