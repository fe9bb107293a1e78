//! Video other than H.264: one message, one picture.

use std::sync::Arc;

use bytes::Bytes;

use super::hevc::{Hevc, Place};
use super::{Composition, Item, NoticeKind, RawUnit, Stage, track};
use crate::codec::av1::{self, Av1Config, TemporalUnitInfo};
use crate::codec::opaque::OpaqueVideo;
use crate::codec::vp8::{self, Vp8Config};
use crate::codec::vp9::{self, Vp9Config};
use crate::error::ErrorKind;
use crate::flv::body::{PacketType, VideoBody, VideoCodec};
use crate::flv::enhanced::{ColorMetadata, parse_color_info};
use crate::limits::Limits;
use crate::media::{CodecConfig, TrackId};

const CLAUSE: &str = "Enhanced RTMP v2 ExVideoTagBody";

/// A track whose configuration is said with the first key frame that it holds for: till then colour may still be told.
#[derive(Debug)]
pub(super) struct Pictures {
    id: TrackId,
    limits: Limits,
    codec: Codec,
    config: Option<Arc<CodecConfig>>,
    /// What the next key frame brings in.
    next: Option<CodecConfig>,
    color: ColorMetadata,
    composition: Composition,
}

#[derive(Debug)]
enum Codec {
    Hevc(Box<Hevc>),
    Av1,
    /// With the record of the sequence header, which does not say the size.
    Vp9(Option<Vp9Config>),
    Vp8(Option<Vp8Config>),
    Opaque(OpaqueVideo),
}

/// A picture as an MP4 sample has it.
struct Picture {
    data: Bytes,
    key: bool,
}

impl Pictures {
    /// `None` for reserved codec ids.
    pub(super) fn new(id: TrackId, codec: VideoCodec, limits: &Limits) -> Option<Self> {
        let codec = match codec {
            VideoCodec::Hevc => Codec::Hevc(Box::new(Hevc::new(limits))),
            VideoCodec::Av1 => Codec::Av1,
            VideoCodec::Vp9 => Codec::Vp9(None),
            VideoCodec::Vp8 => Codec::Vp8(None),
            VideoCodec::FourCc(id) => Codec::Opaque(OpaqueVideo::from_four_cc(id)),
            codec => Codec::Opaque(legacy(codec)?),
        };
        Some(Self {
            id,
            limits: limits.clone(),
            codec,
            config: None,
            next: None,
            color: ColorMetadata::default(),
            composition: Composition::default(),
        })
    }

    pub(super) const fn has_config(&self) -> bool {
        self.config.is_some()
    }

    /// Wire time of the picture that may still grow.
    pub(super) fn growing_since(&self) -> Option<u32> {
        match &self.codec {
            Codec::Hevc(hevc) => hevc.growing_since(),
            _ => None,
        }
    }

    pub(super) fn handle(&mut self, body: &VideoBody, wire: u32, stage: &mut Stage) {
        if body.packet != PacketType::Frames {
            self.release(stage);
        }
        match body.packet {
            PacketType::SequenceHeader => self.sequence_header(&body.data, stage),
            PacketType::Frames if body.data.is_empty() => {
                stage.note(NoticeKind::EmptyFrame, CLAUSE);
            }
            PacketType::Frames => self.frame(body, wire, stage),
            PacketType::Metadata => self.metadata(&body.data),
            PacketType::EndOfSequence => {}
            _ => stage.note(NoticeKind::UnsupportedVideo, CLAUSE),
        }
    }

    fn sequence_header(&mut self, data: &Bytes, stage: &mut Stage) {
        let limits = &self.limits;
        let config = match &mut self.codec {
            Codec::Opaque(codec) => {
                Ok(Some(CodecConfig::OpaqueVideo { codec: *codec, header: data.clone() }))
            }
            // The first key frame tells.
            _ if data.is_empty() => return stage.note(NoticeKind::EmptyConfig, CLAUSE),
            Codec::Hevc(hevc) => {
                hevc.sequence_header(data).map(|config| config.map(CodecConfig::Hevc))
            }
            Codec::Av1 => Av1Config::parse(data, limits).map(CodecConfig::Av1).map(Some),
            // The next key frame makes it whole.
            Codec::Vp9(told) => Vp9Config::parse(data, limits).map(|config| {
                *told = Some(config);
                None
            }),
            Codec::Vp8(told) => Vp8Config::parse(data, limits).map(|config| {
                *told = Some(config);
                None
            }),
        };
        match config {
            Ok(Some(config)) => self.propose(config),
            Ok(None) if matches!(self.codec, Codec::Hevc(_)) => {
                stage.note(NoticeKind::EmptyConfig, "ISO/IEC 14496-15 8.3.2.1");
            }
            Ok(None) => {}
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                stage.note(NoticeKind::EmptyConfig, CLAUSE);
            }
            Err(_) => stage.note(NoticeKind::BadConfig, CLAUSE),
        }
    }

    /// Colour holds from the next key frame. What is told replaces all that was told before.
    fn metadata(&mut self, data: &[u8]) {
        let Some(color) = parse_color_info(data, &self.limits) else { return };
        self.color = color;
        if let Some(present) = self.next.take().or_else(|| self.config.as_deref().cloned()) {
            self.propose(present);
        }
    }

    /// Takes a configuration that holds from the next key frame, unless it is the present one.
    fn propose(&mut self, config: CodecConfig) {
        let ColorMetadata { color, hdr } = &self.color;
        let config = match config {
            CodecConfig::Hevc(config) => CodecConfig::Hevc(config.with_color(*color, hdr)),
            CodecConfig::Av1(config) => CodecConfig::Av1(config.with_color(*color, hdr)),
            CodecConfig::Vp9(config) => CodecConfig::Vp9(config.with_color(*color, hdr)),
            config => config,
        };
        self.next = Some(config).filter(|config| self.config.as_deref() != Some(config));
    }

    /// A message of HEVC: a picture, a part of one, or what stands ahead of one.
    fn hevc(&mut self, body: &VideoBody, wire: u32, stage: &mut Stage) {
        let Codec::Hevc(hevc) = &mut self.codec else { return };
        let (message, place) = hevc.read(&body.data, wire, stage);
        if place == Place::Within {
            return hevc.continue_picture(message, stage);
        }
        self.release(stage);
        let Codec::Hevc(hevc) = &mut self.codec else { return };
        let (changed, admitted) =
            (hevc.take_parameter_sets(&message, stage), hevc.admit(&message, wire, stage));
        if let Some(config) = changed {
            self.propose(CodecConfig::Hevc(config));
        }
        if !admitted {
            return;
        }
        if message.is_key() != body.says_key() {
            stage.note(NoticeKind::KeyFlag, CLAUSE);
        }
        let composition = self.composition.micros(body, stage);
        stage.items.push_back(Item::Hold(self.id));
        let Codec::Hevc(hevc) = &mut self.codec else { return };
        if hevc.begin(message, wire, composition) {
            self.release(stage);
        }
    }

    /// Gives the picture that was growing.
    pub(super) fn release(&mut self, stage: &mut Stage) {
        let Codec::Hevc(hevc) = &mut self.codec else { return };
        let Some(picture) = hevc.take_growing() else { return };
        let behind = stage.split_at_hold(self.id);
        if self.enter(picture.key, stage) {
            let unit = picture.into_unit(self.id, stage);
            stage.items.push_back(Item::Unit(unit));
        }
        stage.items.extend(behind);
    }

    /// Brings in the configuration that waits, where `key` lets it. False where there is none yet.
    fn enter(&mut self, key: bool, stage: &mut Stage) -> bool {
        if let Some(next) = self.next.take_if(|_| key) {
            let shared = Arc::new(next);
            stage.items.push_back(Item::Track(track(self.id, &shared)));
            self.config = Some(shared);
        }
        if self.config.is_none() {
            stage.note(NoticeKind::BeforeConfig, CLAUSE);
        }
        self.config.is_some()
    }

    fn frame(&mut self, body: &VideoBody, wire: u32, stage: &mut Stage) {
        if matches!(self.codec, Codec::Hevc(_)) {
            return self.hevc(body, wire, stage);
        }
        let Some(picture) = self.picture(body, stage) else { return };
        let always = matches!(self.codec, Codec::Opaque(_));
        if !picture.key && self.config.is_none() && !always {
            return stage.note(NoticeKind::BeforeKey, CLAUSE);
        }
        if !self.enter(picture.key || always, stage) {
            return;
        }
        if picture.key != body.says_key() {
            stage.note(NoticeKind::KeyFlag, CLAUSE);
        }
        let composition = self.composition.micros(body, stage);
        stage.items.push_back(Item::Unit(RawUnit {
            track: self.id,
            wire,
            behind: 0,
            composition,
            key: picture.key,
            data: picture.data,
        }));
    }

    /// The picture of a message, with what it says of the configuration; `None` where there is none.
    fn picture(&mut self, body: &VideoBody, stage: &mut Stage) -> Option<Picture> {
        let data = &body.data;
        match &mut self.codec {
            // Its messages need not be pictures.
            Codec::Hevc(_) => None,
            Codec::Av1 => self.av1(data, stage),
            Codec::Vp9(told) => {
                let key = vp9::is_key_frame(data);
                let config = match told {
                    _ if !key => None,
                    Some(told) => Some(told.with_key_frame(data)),
                    None => Some(Vp9Config::from_key_frame(data, None)),
                };
                self.vp(config.map(|config| config.map(CodecConfig::Vp9)), stage);
                Some(Picture { data: data.clone(), key })
            }
            Codec::Vp8(told) => {
                let key = vp8::is_key_frame(data);
                let config = match told {
                    _ if !key => None,
                    Some(told) => Some(told.with_key_frame(data)),
                    None => Some(Vp8Config::from_key_frame(data)),
                };
                self.vp(config.map(|config| config.map(CodecConfig::Vp8)), stage);
                Some(Picture { data: data.clone(), key })
            }
            Codec::Opaque(codec) => {
                let codec = *codec;
                let Ok((_, data)) = codec.split_body(data) else {
                    stage.note(NoticeKind::MalformedBody, "FLV 10.1 E.4.3.1");
                    return None;
                };
                if data.is_empty() {
                    stage.note(NoticeKind::EmptyFrame, "FLV 10.1 E.4.3.1");
                    return None;
                }
                if self.config.is_none() && self.next.is_none() {
                    self.propose(CodecConfig::OpaqueVideo { codec, header: Bytes::new() });
                }
                Some(Picture { data, key: body.says_key() })
            }
        }
    }

    fn vp(&mut self, config: Option<crate::error::Result<CodecConfig>>, stage: &mut Stage) {
        match config {
            Some(Ok(config)) => self.propose(config),
            Some(Err(_)) => stage.note(NoticeKind::BadConfig, CLAUSE),
            None => {}
        }
    }

    fn av1(&mut self, data: &Bytes, stage: &mut Stage) -> Option<Picture> {
        const SAMPLE: &str = "AV1-ISOBMFF 2.4";
        let info = TemporalUnitInfo::scan(data);
        if info.good_bytes < data.len() {
            stage.note(NoticeKind::NalOverrun, "AV1 5.3.1");
        }
        if !info.frame {
            stage.note(NoticeKind::NoPicture, SAMPLE);
            return None;
        }
        let present = self.next.as_ref().or(self.config.as_deref()).and_then(av1_config);
        if info.sequence_header {
            let told = present.map(|config| *config.info());
            let found = Av1Config::from_temporal_unit(data, &self.limits).ok().flatten();
            if let Some(found) = found.filter(|found| told != Some(*found.info())) {
                stage.note(NoticeKind::InBandConfig, SAMPLE);
                self.propose(CodecConfig::Av1(found));
            }
        }
        let present = self.next.as_ref().or(self.config.as_deref()).and_then(av1_config);
        let data = match present.filter(|_| info.key_frame) {
            Some(config) => config.key_sample(data),
            None => av1::to_sample(data),
        };
        Some(Picture { data, key: info.key_frame })
    }
}

const fn av1_config(config: &CodecConfig) -> Option<&Av1Config> {
    match config {
        CodecConfig::Av1(config) => Some(config),
        _ => None,
    }
}

/// A codec that only legacy headers have; `None` for reserved ids.
const fn legacy(codec: VideoCodec) -> Option<OpaqueVideo> {
    let id = match codec {
        VideoCodec::SorensonH263 => 2,
        VideoCodec::Screen => 3,
        VideoCodec::Vp6 => 4,
        VideoCodec::Vp6Alpha => 5,
        VideoCodec::Screen2 => 6,
        VideoCodec::Other(id) => id,
        _ => return None,
    };
    OpaqueVideo::from_codec_id(id)
}
