//! Audio configurations and frames.

use super::input::limits;
use crate::codec::aac::{AacConfig, adts::AdtsHeader};
use crate::codec::ac3::{self, Ac3Config};
use crate::codec::eac3::{self, Eac3Config};
use crate::codec::flac::{self, FlacConfig};
use crate::codec::mp3::{self, Mp3Config};
use crate::codec::opus::{self, OpusConfig};

/// `AudioSpecificConfig`: what belongs to it is the front of the input, and means the same again.
pub fn asc(data: &[u8]) {
    let Ok(config) = AacConfig::parse(data) else { return };
    assert!(data.starts_with(config.asc()));
    assert_eq!(AacConfig::parse(config.asc()).as_ref(), Ok(&config));
    assert!(config.means_the_same(&config) && config.codec_string().starts_with("mp4a.40."));
    assert!(matches!(config.frame_samples(), 480 | 512 | 960 | 1024), "{}", config.frame_samples());
}

/// ADTS headers: frames and blocks lie in what is there, and the configuration is that of the header.
pub fn adts(data: &[u8]) {
    let Ok(header) = AdtsHeader::parse(data) else { return };
    assert!(header.frame_bytes >= header.header_bytes && header.frame_bytes < 1 << 13);
    let mut end = 0;
    for range in header.block_ranges(data).unwrap_or_default() {
        assert!(range.start >= end && range.end <= data.len());
        end = range.end;
    }
    if let Ok(config) = header.config() {
        assert_eq!(config.sample_rate(), header.sample_rate);
        assert_eq!(AacConfig::parse(config.asc()), Ok(config));
    }
}

/// Opus: identification headers, `dOps` and packets.
pub fn opus_head(data: &[u8]) {
    let configs = [
        OpusConfig::parse(data, &limits()),
        OpusConfig::parse_dops(data),
        OpusConfig::from_packet(data),
    ];
    for config in configs.into_iter().flatten() {
        assert!(config.channels() > 0);
        assert_eq!(OpusConfig::parse_dops(config.record()).as_ref(), Ok(&config));
        assert_eq!(OpusConfig::parse(&config.head(), &limits()).as_ref(), Ok(&config));
    }
    if let Ok(samples) = opus::packet_samples(data) {
        assert!((120..=5760).contains(&samples), "2.5 to 120 ms: {samples}");
        assert!(opus::roll_distance(samples) < 0);
    }
}

/// FLAC: stream information in its three forms, and frame headers.
pub fn flac(data: &[u8]) {
    if let Ok(config) = FlacConfig::parse(data, &limits()) {
        assert!(config.sample_rate() > 0 && (1..=8).contains(&config.channels()));
        assert_eq!(FlacConfig::parse(config.record(), &limits()).as_ref(), Ok(&config));
        assert_eq!(FlacConfig::parse(&config.head(), &limits()).as_ref(), Ok(&config));
    }
    if let Ok(samples) = flac::frame_samples(data) {
        assert!((1..=65_536).contains(&samples));
    }
}

/// AC-3: frames lie in the message, and `dac3` reads as it was written.
pub fn ac3(data: &[u8]) {
    let bytes: usize = ac3::frames(data).map(<[u8]>::len).sum();
    assert!(bytes <= data.len());
    let _ = ac3::is_eac3(data);
    for config in [Ac3Config::from_frame(data), Ac3Config::parse(data)].into_iter().flatten() {
        assert!(config.sample_rate() > 0 && config.channels() > 0);
        let again = Ac3Config::parse(config.record());
        assert_eq!(again.map(|again| again.record().clone()), Ok(config.record().clone()));
    }
}

/// E-AC-3: frames lie in the message, and `dec3` reads as it was written.
pub fn eac3(data: &[u8]) {
    let bytes: usize = eac3::frames(data).map(|(_, frame)| frame.len()).sum();
    assert!(bytes <= data.len());
    let _ = eac3::unit_samples(data);
    for config in [Eac3Config::from_unit(data), Eac3Config::parse(data)].into_iter().flatten() {
        assert!(config.sample_rate() > 0 && config.channels() > 0);
        assert!(!config.substreams().is_empty() && config.substreams().len() <= 8);
        let again = Eac3Config::parse(config.record());
        assert_eq!(again.map(|again| again.record().clone()), Ok(config.record().clone()));
    }
}

/// MP3: frames lie in the message, each with the header that it says.
pub fn mp3(data: &[u8]) {
    let mut bytes = 0;
    for (header, frame) in mp3::frames(data) {
        bytes += frame.len();
        assert!(matches!(header.samples, 384 | 576 | 1152) && header.sample_rate > 0);
        assert_eq!(mp3::FrameHeader::parse(frame).as_ref(), Ok(&header));
    }
    assert!(bytes <= data.len());
    if let Ok(config) = Mp3Config::from_frame(data) {
        assert!(config.frame_samples() > 0 && matches!(config.channels(), 1 | 2));
        assert!(!config.codec_string().is_empty());
    }
}
