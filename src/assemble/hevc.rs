//! HEVC messages into pictures.

use bytes::Bytes;

use super::growing::{Framing, Growing};
use super::{NoticeKind, Stage};
use crate::codec::hevc::{
    AccessUnitInfo, HevcConfig, HevcRecord, LengthPrefixed, NalType, RandomAccess,
    annex_b_to_sample, is_annex_b, is_droppable, to_sample,
};
use crate::error::Result;
use crate::limits::Limits;

const SAMPLE: &str = "ISO/IEC 14496-15 8.3.2";
/// Bytes of NAL units that may wait for a picture.
const MAX_PREFIX_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Hevc {
    limits: Limits,
    /// The parameter sets at hand, and the length size of the messages.
    record: HevcRecord,
    access: RandomAccess,
    /// NAL units of messages without a picture, with 4-byte lengths.
    prefix: Vec<u8>,
    framing: Framing,
    growing: Option<Growing>,
    last_wire: Option<u32>,
    /// The last picture was left out, and so is the rest of it.
    left_out: bool,
}

/// The NAL units of a message that are kept, with 4-byte lengths, and what they are.
#[derive(Debug)]
pub(super) struct Message {
    sample: Bytes,
    info: AccessUnitInfo,
    /// The sample is no part of the message.
    is_copy: bool,
}

/// What a message is to the picture before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A part of it.
    Within,
    /// Behind it.
    Next,
}

impl Hevc {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            record: HevcRecord::default(),
            access: RandomAccess::default(),
            prefix: Vec::new(),
            framing: Framing::default(),
            growing: None,
            last_wire: None,
            left_out: false,
        }
    }

    /// Wire time of the picture that may still grow.
    pub(super) fn growing_since(&self) -> Option<u32> {
        self.growing.as_ref().map(|picture| picture.wire)
    }

    /// Takes the picture that was growing.
    pub(super) fn take_growing(&mut self) -> Option<Growing> {
        let picture = self.growing.take()?;
        if self.framing == Framing::Unknown {
            self.framing = Framing::Whole;
        }
        Some(picture)
    }

    /// Takes a record; `None` where parameter sets are missing, which then may come in the stream.
    pub(super) fn sequence_header(&mut self, data: &[u8]) -> Result<Option<HevcConfig>> {
        self.record = HevcRecord::parse(data, &self.limits)?;
        Ok(self.record.config())
    }

    /// Reads a message, and says what it is to the picture before it.
    pub(super) fn read(&self, data: &Bytes, wire: u32, stage: &mut Stage) -> (Message, Place) {
        let keep = |kind| !is_droppable(kind);
        let (units, length_size) = if is_annex_b(data, self.record.length_size) {
            stage.note(NoticeKind::AnnexB, SAMPLE);
            (annex_b_to_sample(data, keep), 4)
        } else {
            (data.clone(), self.record.length_size)
        };
        let info = AccessUnitInfo::scan(&units, length_size);
        if info.good_bytes < units.len() {
            stage.note(NoticeKind::NalOverrun, SAMPLE);
        }
        if info.droppable {
            stage.note(NoticeKind::Delimiter, SAMPLE);
        }
        let sample = to_sample(&units, length_size, keep);
        let is_copy = !data.as_ptr_range().contains(&sample.as_ptr());
        let begins = if info.picture.is_some() { info.starts_picture } else { info.opens };
        let within = !begins && self.last_wire == Some(wire);
        let place = if within { Place::Within } else { Place::Next };
        (Message { sample, info, is_copy }, place)
    }

    /// Takes parameter sets out of a message: a configuration where they change it.
    pub(super) fn take_parameter_sets(
        &mut self,
        message: &Message,
        stage: &mut Stage,
    ) -> Option<HevcConfig> {
        if !message.info.parameter_sets {
            return None;
        }
        let mut changed = false;
        for nal in LengthPrefixed::new(&message.sample, 4).map_while(Result::ok) {
            if NalType::of(nal).is_some_and(NalType::is_parameter_set) {
                match self.record.sets.insert(nal, &self.limits) {
                    Ok(new) => changed |= new,
                    Err(_) => stage.note(NoticeKind::BadConfig, "H.265 7.3.2"),
                }
            }
        }
        if !changed {
            return None;
        }
        stage.note(NoticeKind::InBandConfig, SAMPLE);
        self.record.config()
    }

    /// Adds a message to the picture before it: further slices, or SEI behind them.
    pub(super) fn continue_picture(&mut self, message: Message, stage: &mut Stage) {
        if message.info.picture.is_none() {
            stage.note(NoticeKind::NoPicture, SAMPLE);
        }
        self.framing = Framing::Split;
        let late = if self.left_out { NoticeKind::BeforeKey } else { NoticeKind::LateSlice };
        let Some(picture) = &mut self.growing else { return stage.note(late, SAMPLE) };
        stage.note(NoticeKind::SplitPicture, SAMPLE);
        if !picture.push(message.sample, self.limits.message_bytes) {
            stage.note(NoticeKind::LateSlice, SAMPLE);
        }
    }

    /// Whether a message behind the last picture begins a picture that can be decoded. One without a picture waits for the
    /// next.
    pub(super) fn admit(&mut self, message: &Message, wire: u32, stage: &mut Stage) -> bool {
        let Message { sample, info, is_copy } = message;
        if info.picture.is_none() {
            stage.note(NoticeKind::NoPicture, SAMPLE);
            if self.prefix.len() + sample.len() <= MAX_PREFIX_BYTES {
                self.prefix.extend_from_slice(sample);
            }
            return false;
        }
        if !info.starts_picture {
            stage.note(NoticeKind::LateSlice, SAMPLE);
            return false;
        }
        self.last_wire = Some(wire);
        self.left_out = !self.access.admit(info);
        if self.left_out {
            self.prefix.clear();
            stage.note(NoticeKind::BeforeKey, "H.265 8.1.3");
        } else if *is_copy {
            stage.note(NoticeKind::Rebuilt, SAMPLE);
        }
        !self.left_out
    }

    /// Begins a picture. Says whether it is known to be whole.
    pub(super) fn begin(&mut self, message: Message, wire: u32, composition: i64) -> bool {
        let (prefix, key) = (std::mem::take(&mut self.prefix), message.is_key());
        self.growing = Some(Growing::new(wire, composition, key, prefix, message.sample));
        self.framing == Framing::Whole
    }
}

impl Message {
    /// Whether decoding can start here.
    pub(super) fn is_key(&self) -> bool {
        self.info.is_random_access()
    }
}
