//! `MultichannelConfig`: which speaker each channel is for (Enhanced RTMP v2, `AudioPacketType.MultichannelConfig`).

use bytes::Bytes;

use crate::buf::{Reader, Writer};
use crate::error::{Error, Layer, Result};

const CLAUSE: &str = "Enhanced RTMP v2 MultichannelConfig";

/// How the channels are ordered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChannelOrder {
    /// 0: only their number is known.
    Unspecified,
    /// 1: in the native order, those whose bit is set; bit 0 front left, 1 front right, 2 front centre.
    Native(u32),
    /// 2: one `AudioChannel` for each channel; 0xfe carries nothing, 0xff is unknown.
    Custom(Vec<u8>),
}

/// Content of a `MultichannelConfig` packet. The channel mapping of an Opus header counts more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MultichannelConfig {
    /// Number of channels, 0 to 255.
    pub channels: u8,
    /// Their order.
    pub order: ChannelOrder,
}

impl MultichannelConfig {
    /// Reads the payload of the packet.
    ///
    /// # Errors
    /// Malformed where it is cut short; unsupported for another order than 0 to 2.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(Layer::Flv, data);
        Self::read(&mut reader).map_err(|error| error.clause(CLAUSE))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let order = reader.u8("audioChannelOrder")?;
        let channels = reader.u8("channelCount")?;
        let order = match order {
            0 => ChannelOrder::Unspecified,
            1 => ChannelOrder::Native(reader.u32("audioChannelFlags")?),
            2 => {
                let mapping = reader.take(usize::from(channels), "audioChannelMapping")?;
                ChannelOrder::Custom(mapping.to_vec())
            }
            other => {
                let error = Error::unsupported(Layer::Flv, "audioChannelOrder");
                return Err(error.found(other.into()).at(0));
            }
        };
        Ok(Self { channels, order })
    }

    /// The payload of the packet.
    #[must_use]
    pub fn write(&self) -> Bytes {
        let mut writer = Writer::with_capacity(8);
        match &self.order {
            ChannelOrder::Unspecified => writer.bytes(&[0, self.channels]),
            ChannelOrder::Native(mask) => {
                writer.bytes(&[1, self.channels]);
                writer.u32(*mask);
            }
            ChannelOrder::Custom(mapping) => {
                writer.bytes(&[2, self.channels]);
                writer.bytes(mapping);
            }
        }
        writer.freeze()
    }
}
