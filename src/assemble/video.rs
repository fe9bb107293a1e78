//! H.264 messages into pictures.

use std::sync::Arc;

use bytes::Bytes;

use super::growing::{Framing, Growing};
use super::{Composition, Item, NoticeKind, Stage, StartPoints, track};
use crate::codec::h264::nal::{
    AnnexB, LengthPrefixed, NalType, find_start_code, is_first_slice, is_intra_slice,
    starts_with_start_code,
};
use crate::codec::h264::slice::{Field, FieldReader, recovery_frames};
use crate::codec::h264::{AvcConfig, AvcRecord, ParameterSets};
use crate::flv::body::{PacketType, VideoBody};
use crate::limits::Limits;
use crate::media::{CodecConfig, TrackId};

/// Messages that are searched whole for start codes inside NAL units, and how far in the others.
const SCANNED_MESSAGES: u32 = 64;
const SCANNED_BYTES: usize = 256;
/// Bytes of NAL units that may wait for a picture.
const MAX_PREFIX_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct VideoAssembly {
    id: TrackId,
    limits: Limits,
    sets: ParameterSets,
    config: Option<AvcConfig>,
    /// A configuration that waits for the next key frame.
    next: Option<AvcConfig>,
    length_size: u8,
    framing: Framing,
    growing: Option<Growing>,
    start_points: StartPoints,
    fields: FieldReader,
    last_wire: Option<u32>,
    composition: Composition,
    /// NAL units of messages without a picture, with 4-byte lengths.
    prefix: Vec<u8>,
    scans: u32,
}

/// The NAL units of one message that are kept, and whether they stand in the message as they are wanted.
struct Split<'a> {
    nals: Vec<&'a [u8]>,
    as_is: bool,
    damaged: bool,
}

impl VideoAssembly {
    pub(super) fn new(id: TrackId, start_points: StartPoints, limits: &Limits) -> Self {
        Self {
            id,
            limits: limits.clone(),
            sets: ParameterSets::default(),
            config: None,
            next: None,
            length_size: 4,
            framing: Framing::Unknown,
            growing: None,
            start_points,
            fields: FieldReader::default(),
            last_wire: None,
            composition: Composition::default(),
            prefix: Vec::new(),
            scans: SCANNED_MESSAGES,
        }
    }

    pub(super) const fn has_config(&self) -> bool {
        self.config.is_some()
    }

    /// Whether NAL units are searched for start codes to their ends.
    pub(super) const fn reads_whole(&self) -> bool {
        self.scans > 0
    }

    /// Wire time of the picture that may still grow.
    pub(super) fn growing_since(&self) -> Option<u32> {
        self.growing.as_ref().map(|picture| picture.wire)
    }

    pub(super) fn handle(&mut self, body: &VideoBody, wire: u32, stage: &mut Stage) {
        match body.packet {
            PacketType::SequenceHeader => {
                self.release(stage);
                self.sequence_header(&body.data, stage);
            }
            PacketType::Frames => self.message(body, wire, stage),
            PacketType::EndOfSequence => self.release(stage),
            _ => stage.note(NoticeKind::UnsupportedVideo, "FLV 10.1 E.4.3.1"),
        }
    }

    fn sequence_header(&mut self, data: &Bytes, stage: &mut Stage) {
        if data.is_empty() {
            return stage.note(NoticeKind::EmptyConfig, "FLV 10.1 E.4.3.1");
        }
        let mut sets = ParameterSets::default();
        let record = AvcRecord::parse(data).and_then(|record| {
            sets.insert_record(&record, &self.limits).map(|()| record.length_size)
        });
        let Ok(length_size) = record else {
            return stage.note(NoticeKind::BadConfig, "ISO/IEC 14496-15 5.3.3.1");
        };
        self.length_size = length_size;
        if !sets.is_complete() {
            // Those in the stream complete it.
            stage.note(NoticeKind::EmptyConfig, "ISO/IEC 14496-15 5.3.3.1");
            if self.config.is_some() {
                return;
            }
        }
        self.sets = sets;
        self.reconfigure(stage);
    }

    /// Takes the parameter sets at hand: at once where there was no configuration, else from the next key frame.
    fn reconfigure(&mut self, stage: &mut Stage) {
        self.fields = FieldReader::new(&self.sets);
        let Ok(config) = self.sets.config() else { return };
        match &self.config {
            None => self.apply(config, stage),
            Some(known) if *known == config => self.next = None,
            Some(_) => self.next = Some(config),
        }
    }

    fn apply(&mut self, config: AvcConfig, stage: &mut Stage) {
        let shared = Arc::new(CodecConfig::Avc(config.clone()));
        self.config = Some(config);
        self.next = None;
        stage.items.push_back(Item::Track(track(self.id, &shared)));
    }

    fn message(&mut self, body: &VideoBody, wire: u32, stage: &mut Stage) {
        let split = self.split(&body.data, stage);
        let is_vcl = |nal: &&[u8]| NalType::of(nal).is_some_and(NalType::is_vcl);
        let Some(first_slice) = split.nals.iter().copied().find(|nal| is_vcl(nal)) else {
            return self.no_picture(&split, stage);
        };
        let key = self.is_start(&split.nals, first_slice);
        let continues = !is_first_slice(first_slice) && self.last_wire == Some(wire);
        let (field, both) = self.fields.fields(&split.nals);
        let pairs = !both && self.is_second_field(field, wire);
        if !continues && !pairs {
            self.release(stage);
        }
        self.take_parameter_sets(&split.nals, stage);
        let part = self.part(&body.data, &split, stage);
        if continues {
            return self.continue_picture(part, key, stage);
        }
        self.last_wire = Some(wire);
        if pairs {
            return self.second_field(part, stage);
        }
        if key != body.says_key() {
            stage.note(NoticeKind::KeyFlag, "FLV 10.1 E.4.3.1");
        }
        let composition = self.composition.micros(body, stage);
        let prefix = std::mem::take(&mut self.prefix);
        let mut picture = Growing::new(wire, composition, key, prefix, part);
        picture.field = field.filter(|_| !both);
        let waits = picture.field.is_some();
        stage.items.push_back(Item::Hold(self.id));
        self.growing = Some(picture);
        if self.framing == Framing::Whole && !waits {
            self.release(stage);
        }
    }

    /// Whether decoding can start at a picture, by the policy.
    fn is_start(&self, nals: &[&[u8]], first_slice: &[u8]) -> bool {
        let recovers = || nals.iter().find_map(|nal| recovery_frames(nal)) == Some(0);
        nals.iter().any(|nal| NalType::of(nal) == Some(NalType::IDR))
            || self.start_points == StartPoints::RecoveryPoints
                && is_intra_slice(first_slice)
                && recovers()
    }

    /// Whether a field completes the frame whose first field came in the message before.
    fn is_second_field(&self, field: Option<Field>, wire: u32) -> bool {
        let Some((picture, second)) = self.growing.as_ref().zip(field) else { return false };
        let later = wire.wrapping_sub(picture.wire);
        picture.field.is_some_and(|first| first.pairs_with(second, later))
    }

    /// A further message of the picture before.
    fn continue_picture(&mut self, part: Bytes, key: bool, stage: &mut Stage) {
        self.framing = Framing::Split;
        let Some(picture) = &mut self.growing else {
            return stage.note(NoticeKind::LateSlice, "FLV 10.1 E.4.3.1");
        };
        stage.note(NoticeKind::SplitPicture, "FLV 10.1 E.4.3.1");
        if !picture.push(part, self.limits.message_bytes) {
            return stage.note(NoticeKind::LateSlice, "FLV 10.1 E.4.3.1");
        }
        picture.key |= key;
    }

    /// The second field of a frame: one sample with the first.
    fn second_field(&mut self, part: Bytes, stage: &mut Stage) {
        stage.note(NoticeKind::FieldPair, "FLV 10.1 E.4.3.1");
        let prefix = std::mem::take(&mut self.prefix);
        let Some(picture) = &mut self.growing else { return };
        picture.field = None;
        let limit = self.limits.message_bytes;
        let prefixed = prefix.is_empty() || picture.push(prefix.into(), limit);
        if !prefixed || !picture.push(part, limit) {
            stage.note(NoticeKind::LateSlice, "FLV 10.1 E.4.3.1");
        }
        if self.framing == Framing::Whole {
            self.release(stage);
        }
    }

    /// A message of SEI, delimiters or parameter sets alone waits for the picture behind it.
    fn no_picture(&mut self, split: &Split<'_>, stage: &mut Stage) {
        stage.note(NoticeKind::NoPicture, "ISO/IEC 14496-15 5.3.2");
        // What stands between the two fields of a frame may belong to the second.
        let opens = |nal: &&[u8]| NalType::of(nal).is_some_and(NalType::starts_access_unit);
        let is_field = self.growing.as_ref().is_some_and(|picture| picture.field.is_some());
        if !is_field && split.nals.iter().any(opens) {
            self.release(stage);
        }
        self.take_parameter_sets(&split.nals, stage);
        if split.damaged {
            return;
        }
        for nal in &split.nals {
            if self.prefix.len() + nal.len() + 4 <= MAX_PREFIX_BYTES {
                put(&mut self.prefix, nal);
            }
        }
    }

    /// Parameter sets in the stream: known ones change nothing.
    fn take_parameter_sets(&mut self, nals: &[&[u8]], stage: &mut Stage) {
        let mut changed = false;
        for nal in nals {
            if matches!(
                NalType::of(nal),
                Some(NalType::SPS | NalType::PPS | NalType::SPS_EXTENSION)
            ) {
                match self.sets.insert(nal, &self.limits) {
                    Ok(new) => changed |= new,
                    Err(_) => stage.note(NoticeKind::BadConfig, "H.264 7.3.2"),
                }
            }
        }
        if changed {
            stage.note(NoticeKind::InBandConfig, "ISO/IEC 14496-15 5.3.3");
            self.reconfigure(stage);
        }
    }

    /// Gives the picture that was growing.
    pub(super) fn release(&mut self, stage: &mut Stage) {
        let Some(picture) = self.growing.take() else { return };
        if self.framing == Framing::Unknown {
            self.framing = Framing::Whole;
        }
        let behind = stage.split_at_hold(self.id);
        if let Some(next) = self.next.take_if(|_| picture.key) {
            self.apply(next, stage);
        }
        if self.config.is_some() {
            let unit = picture.into_unit(self.id, stage);
            stage.items.push_back(Item::Unit(unit));
        } else {
            stage.note(NoticeKind::BeforeConfig, "FLV 10.1 E.4.3.1");
        }
        stage.items.extend(behind);
    }

    /// Finds the NAL units of a message.
    fn split<'a>(&mut self, data: &'a [u8], stage: &mut Stage) -> Split<'a> {
        let mut split = Split { nals: Vec::new(), as_is: self.length_size == 4, damaged: false };
        let mut walk = LengthPrefixed::new(data, self.length_size);
        for nal in walk.by_ref() {
            match nal {
                Ok(nal) => self.keep(nal, &mut split, stage),
                Err(_) => {
                    split.damaged = true;
                    break;
                }
            }
        }
        split.as_is &= walk.position() == data.len();
        if split.damaged && starts_with_start_code(data) {
            stage.note(NoticeKind::AnnexB, "ISO/IEC 14496-15 5.3.2");
            split = Split { nals: Vec::new(), as_is: false, damaged: false };
            AnnexB::new(data).for_each(|nal| self.keep(nal, &mut split, stage));
        } else if split.damaged {
            stage.note(NoticeKind::NalOverrun, "ISO/IEC 14496-15 5.3.3.1");
        }
        self.scans = self.scans.saturating_sub(1);
        split
    }

    fn keep<'a>(&mut self, nal: &'a [u8], split: &mut Split<'a>, stage: &mut Stage) {
        match NalType::of(nal) {
            None => {
                stage.note(NoticeKind::EmptyNal, "ISO/IEC 14496-15 5.3.3.1");
                split.as_is = false;
            }
            Some(NalType::AUD) if !self.has_start_code(nal) => {
                stage.note(NoticeKind::Delimiter, "ISO/IEC 14496-15 5.3.2");
                split.as_is = false;
            }
            Some(_) if self.has_start_code(nal) => {
                stage.note(NoticeKind::InnerStartCode, "H.264 7.4.1");
                self.scans = u32::MAX;
                split.as_is = false;
                let head = find_start_code(nal, 0).and_then(|at| nal.get(..at)).unwrap_or_default();
                let head = crate::codec::h264::nal::without_trailing_zeros(head);
                let inner = AnnexB::new(nal).filter(|nal| NalType::of(nal) != Some(NalType::AUD));
                let head =
                    Some(head).filter(|nal| NalType::of(nal).is_some_and(|t| t != NalType::AUD));
                split.nals.extend(head.into_iter().chain(inner));
            }
            Some(_) => split.nals.push(nal),
        }
    }

    /// Whether a start code and what may be a NAL unit header behind it stand in a NAL unit, which never holds them.
    fn has_start_code(&self, nal: &[u8]) -> bool {
        let window = if self.scans > 0 { nal } else { nal.get(..SCANNED_BYTES).unwrap_or(nal) };
        let Some(header) = find_start_code(window, 0).and_then(|at| nal.get(at + 3)) else {
            return false;
        };
        let is_reference = header & 0x60 != 0;
        match header & 0x9f {
            1..=4 => true,
            5 | 7 | 8 => is_reference,
            6 | 9..=12 => !is_reference,
            _ => false,
        }
    }

    /// The kept NAL units with 4-byte lengths: the message itself, the end of it, or a copy.
    fn part(&self, data: &Bytes, split: &Split<'_>, stage: &mut Stage) -> Bytes {
        if split.as_is {
            return data.clone();
        }
        if self.length_size == 4 {
            // What was left out stood at the start or end: then the rest is one piece of the message.
            let total: usize = split.nals.iter().map(|nal| nal.len() + 4).sum();
            let start = split.nals.first().and_then(|nal| offset_in(data, nal)?.checked_sub(4));
            if let Some(piece) = start.and_then(|start| data.get(start..start + total)) {
                let same = LengthPrefixed::new(piece, 4)
                    .map(Result::ok)
                    .eq(split.nals.iter().map(|&nal| Some(nal)));
                if same {
                    return data.slice_ref(piece);
                }
            }
        }
        stage.note(NoticeKind::Rebuilt, "ISO/IEC 14496-15 5.3.3.1");
        let mut out = Vec::with_capacity(data.len().saturating_add(16));
        split.nals.iter().for_each(|nal| put(&mut out, nal));
        out.into()
    }
}

/// Where `part` begins in `whole`, if it is a part of it.
fn offset_in(whole: &[u8], part: &[u8]) -> Option<usize> {
    (part.as_ptr() as usize)
        .checked_sub(whole.as_ptr() as usize)
        .filter(|&at| at + part.len() <= whole.len())
}

fn put(out: &mut Vec<u8>, nal: &[u8]) {
    // A NAL unit is shorter than its message, which is shorter than 2^24 bytes.
    out.extend_from_slice(&u32::try_from(nal.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(nal);
}
