//! AAC messages into frames.

use std::sync::Arc;

use bytes::Bytes;

use super::{Item, NoticeKind, RawUnit, Stage, track};
use crate::codec::aac::AacConfig;
use crate::codec::aac::adts::{AdtsHeader, starts_with_sync};
use crate::flv::body::{AudioBody, PacketType};
use crate::media::{CodecConfig, TrackId};

#[derive(Debug)]
pub(super) struct AudioAssembly {
    id: TrackId,
    config: Option<AacConfig>,
    /// The configuration is from ADTS headers, not from a sequence header.
    from_adts: bool,
}

impl AudioAssembly {
    pub(super) const fn new(id: TrackId) -> Self {
        Self { id, config: None, from_adts: false }
    }

    pub(super) const fn has_config(&self) -> bool {
        self.config.is_some()
    }

    pub(super) fn handle(&mut self, body: &AudioBody, wire: u32, stage: &mut Stage) {
        match body.packet {
            PacketType::SequenceHeader => self.sequence_header(&body.data, stage),
            PacketType::Frames if body.data.is_empty() => {
                stage.note(NoticeKind::EmptyFrame, "FLV 10.1 E.4.2.2")
            }
            PacketType::Frames => self.frames(&body.data, wire, stage),
            _ => {}
        }
    }

    fn sequence_header(&mut self, data: &Bytes, stage: &mut Stage) {
        if data.is_empty() {
            return stage.note(NoticeKind::EmptyConfig, "FLV 10.1 E.4.2.2");
        }
        let config = match AdtsHeader::parse(data) {
            Ok(header) => {
                stage.note(NoticeKind::Adts, "FLV 10.1 E.4.2.2");
                header.config()
            }
            Err(_) => AacConfig::parse(data),
        };
        match config {
            Ok(config) => self.configure(config, false, stage),
            Err(_) => stage.note(NoticeKind::BadConfig, "ISO/IEC 14496-3 1.6.2.1"),
        }
    }

    fn configure(&mut self, config: AacConfig, from_adts: bool, stage: &mut Stage) {
        self.from_adts = from_adts;
        if self.config.as_ref().is_some_and(|known| known.means_the_same(&config)) {
            return;
        }
        let shared = Arc::new(CodecConfig::Aac(config.clone()));
        self.config = Some(config);
        stage.items.push_back(Item::Track(track(self.id, &shared)));
    }

    fn frames(&mut self, data: &Bytes, wire: u32, stage: &mut Stage) {
        if starts_with_sync(data) {
            let header = AdtsHeader::parse(data);
            if header.is_ok_and(|header| header.frame_bytes <= data.len()) {
                stage.note(NoticeKind::Adts, "FLV 10.1 E.4.2.2");
                return self.adts_frames(data, wire, stage);
            }
        }
        if self.config.is_none() {
            return stage.note(NoticeKind::BeforeConfig, "FLV 10.1 E.4.2.2");
        }
        stage.items.push_back(unit(self.id, wire, 0, data.clone()));
    }

    fn adts_frames(&mut self, data: &Bytes, wire: u32, stage: &mut Stage) {
        let mut rest = data.clone();
        let mut samples = 0_i64;
        while let Ok(header) = AdtsHeader::parse(&rest) {
            self.configure_from(&header, stage);
            let (Some(config), Some(blocks)) = (&self.config, header.block_ranges(&rest)) else {
                return stage.note(NoticeKind::MalformedBody, "ISO/IEC 14496-3 1.A.3.2");
            };
            for block in blocks.into_iter().filter(|block| !block.is_empty()) {
                let behind = samples * 1_000_000 / i64::from(config.sample_rate().max(1));
                samples += i64::from(config.frame_samples());
                stage.items.push_back(unit(self.id, wire, behind, rest.slice(block)));
            }
            rest = rest.slice(header.frame_bytes..);
        }
        if !rest.is_empty() {
            stage.note(NoticeKind::MalformedBody, "ISO/IEC 14496-3 1.A.3.2");
        }
    }

    /// A sequence header knows more than ADTS can say, so it stands until the core coder's rate or channels differ.
    fn configure_from(&mut self, header: &AdtsHeader, stage: &mut Stage) {
        let Ok(config) = header.config() else { return };
        let stands = self.config.as_ref().is_some_and(|known| {
            let ps = known.object_type() == 29 && config.channels() == 1;
            !self.from_adts
                && known.sample_rate() == config.sample_rate()
                && (known.channels() == config.channels() || ps)
        });
        if !stands {
            self.configure(config, true, stage);
        }
    }
}

pub(super) const fn unit(track: TrackId, wire: u32, behind: i64, data: Bytes) -> Item {
    Item::Unit(RawUnit { track, wire, behind, composition: 0, key: true, data })
}
