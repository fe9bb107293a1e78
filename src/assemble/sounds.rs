//! Sound other than AAC: one message, one frame or several.

use std::sync::Arc;

use bytes::Bytes;

use super::audio::unit;
use super::{Item, NoticeKind, Stage, track};
use crate::codec::ac3::{self, Ac3Config};
use crate::codec::eac3::Eac3Config;
use crate::codec::flac::FlacConfig;
use crate::codec::mp3::{self, Mp3Config};
use crate::codec::opaque::OpaqueAudio;
use crate::codec::opus::OpusConfig;
use crate::flv::body::{AudioBody, AudioCodec, PacketType};
use crate::limits::Limits;
use crate::media::{CodecConfig, TrackId};

const CLAUSE: &str = "Enhanced RTMP v2 ExAudioTagBody";

#[derive(Debug)]
pub(super) struct Sounds {
    id: TrackId,
    codec: Codec,
    limits: Limits,
    config: Option<Arc<CodecConfig>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    Opus,
    Flac,
    /// AC-3 and E-AC-3, which each frame tells apart.
    Dolby,
    Mp3,
    Opaque {
        codec: OpaqueAudio,
        sample_rate: u32,
        channels: u16,
    },
}

impl Sounds {
    /// `None` for reserved formats.
    pub(super) fn new(
        id: TrackId,
        codec: AudioCodec,
        body: &AudioBody,
        limits: &Limits,
    ) -> Option<Self> {
        let codec = match codec {
            AudioCodec::Opus => Codec::Opus,
            AudioCodec::Flac => Codec::Flac,
            AudioCodec::Ac3 | AudioCodec::Eac3 => Codec::Dolby,
            AudioCodec::Mp3 => Codec::Mp3,
            AudioCodec::FourCc(id) => {
                Codec::Opaque { codec: OpaqueAudio::FourCc(id), sample_rate: 0, channels: 0 }
            }
            codec => Codec::Opaque {
                codec: legacy(codec)?,
                sample_rate: body.sample_rate,
                channels: 1 + u16::from(body.stereo),
            },
        };
        Some(Self { id, codec, limits: limits.clone(), config: None })
    }

    pub(super) const fn has_config(&self) -> bool {
        self.config.is_some()
    }

    pub(super) fn handle(&mut self, body: &AudioBody, wire: u32, stage: &mut Stage) {
        match body.packet {
            PacketType::SequenceHeader => self.sequence_header(&body.data, stage),
            PacketType::Frames if body.data.is_empty() => {
                stage.note(NoticeKind::EmptyFrame, CLAUSE);
            }
            PacketType::Frames => self.frames(&body.data, wire, stage),
            // The order of channels is told by the configuration too, as far as an MP4 can say it.
            _ => {}
        }
    }

    fn sequence_header(&mut self, data: &Bytes, stage: &mut Stage) {
        let config = match self.codec {
            // Their configuration is in each frame.
            Codec::Dolby | Codec::Mp3 => return,
            Codec::Opaque { .. } => Ok(self.opaque(data.clone())),
            _ if data.is_empty() => return stage.note(NoticeKind::EmptyConfig, CLAUSE),
            Codec::Opus => OpusConfig::parse(data, &self.limits).map(CodecConfig::Opus),
            Codec::Flac => FlacConfig::parse(data, &self.limits).map(CodecConfig::Flac),
        };
        match config {
            Ok(config) => self.configure(config, stage),
            Err(_) => stage.note(NoticeKind::BadConfig, CLAUSE),
        }
    }

    fn opaque(&self, header: Bytes) -> CodecConfig {
        let (codec, sample_rate, channels) = match self.codec {
            Codec::Opaque { codec, sample_rate, channels } => (codec, sample_rate, channels),
            _ => (OpaqueAudio::DeviceSpecific, 0, 0),
        };
        CodecConfig::OpaqueAudio { codec, header, sample_rate, channels }
    }

    /// A configuration that means the same changes nothing.
    fn configure(&mut self, config: CodecConfig, stage: &mut Stage) {
        if self.config.as_deref() == Some(&config) {
            return;
        }
        let shared = Arc::new(config);
        stage.items.push_back(Item::Track(track(self.id, &shared)));
        self.config = Some(shared);
    }

    fn frames(&mut self, data: &Bytes, wire: u32, stage: &mut Stage) {
        match self.codec {
            Codec::Dolby => return self.dolby_frames(data, wire, stage),
            Codec::Mp3 => return self.mp3_frames(data, wire, stage),
            Codec::Opus if self.config.is_none() => {
                stage.note(NoticeKind::InBandConfig, "RFC 6716 3.1");
                match OpusConfig::from_packet(data) {
                    Ok(config) => self.configure(CodecConfig::Opus(config), stage),
                    Err(_) => return stage.note(NoticeKind::MalformedBody, "RFC 6716 3.1"),
                }
            }
            Codec::Opaque { .. } if self.config.is_none() => {
                let config = self.opaque(Bytes::new());
                self.configure(config, stage);
            }
            _ => {}
        }
        if self.config.is_none() {
            return stage.note(NoticeKind::BeforeConfig, CLAUSE);
        }
        stage.items.push_back(unit(self.id, wire, 0, data.clone()));
    }

    fn dolby_frames(&mut self, data: &Bytes, wire: u32, stage: &mut Stage) {
        const SYNC: &str = "TS 102 366 4.3.1";
        if ac3::is_eac3(data) == Some(true) {
            let Ok(config) = Eac3Config::from_unit(data) else {
                return stage.note(NoticeKind::MalformedBody, SYNC);
            };
            self.configure(CodecConfig::Eac3(config), stage);
            return stage.items.push_back(unit(self.id, wire, 0, data.clone()));
        }
        let configs = ac3::frames(data).map(|frame| (frame, Ac3Config::from_frame(frame)));
        let frames = configs.map_while(|(frame, config)| Some((frame, config.ok()?)));
        let (mut behind, mut bytes) = (0, 0);
        for (frame, config) in frames {
            bytes += frame.len();
            let step = micros(config.frame_samples(), config.sample_rate());
            self.configure(CodecConfig::Ac3(config), stage);
            stage.items.push_back(unit(self.id, wire, behind, data.slice_ref(frame)));
            behind += step;
        }
        if bytes < data.len() {
            stage.note(NoticeKind::MalformedBody, SYNC);
        }
    }

    fn mp3_frames(&mut self, data: &Bytes, wire: u32, stage: &mut Stage) {
        let (mut behind, mut bytes) = (0, 0);
        for (header, frame) in mp3::frames(data) {
            let Ok(config) = Mp3Config::from_frame(frame) else { break };
            bytes += frame.len();
            self.configure(CodecConfig::Mp3(config), stage);
            stage.items.push_back(unit(self.id, wire, behind, data.slice_ref(frame)));
            behind += micros(header.samples, header.sample_rate);
        }
        if bytes < data.len() {
            stage.note(NoticeKind::MalformedBody, "ISO/IEC 11172-3 2.4.1.3");
        }
    }
}

fn micros(samples: u32, rate: u32) -> i64 {
    i64::from(samples) * 1_000_000 / i64::from(rate.max(1))
}

/// A codec that only legacy headers have; `None` for reserved formats.
const fn legacy(codec: AudioCodec) -> Option<OpaqueAudio> {
    Some(match codec {
        AudioCodec::Pcm => OpaqueAudio::Pcm,
        AudioCodec::Adpcm => OpaqueAudio::Adpcm,
        AudioCodec::Nellymoser => OpaqueAudio::Nellymoser,
        AudioCodec::G711ALaw => OpaqueAudio::ALaw,
        AudioCodec::G711MuLaw => OpaqueAudio::MuLaw,
        AudioCodec::Speex => OpaqueAudio::Speex,
        AudioCodec::Other(15) => OpaqueAudio::DeviceSpecific,
        _ => return None,
    })
}
