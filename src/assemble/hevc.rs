//! HEVC messages into pictures.

use bytes::Bytes;

use super::pictures::Picture;
use super::{NoticeKind, Stage};
use crate::codec::hevc::{
    AccessUnitInfo, HevcConfig, HevcRecord, LengthPrefixed, NalType, RandomAccess, annex_b,
    annex_b_to_sample, is_annex_b, is_droppable, to_sample,
};
use crate::error::Result;
use crate::limits::Limits;

const SAMPLE: &str = "ISO/IEC 14496-15 8.3.2";
/// Bytes of NAL units that may wait for a picture.
const MAX_PREFIX_BYTES: usize = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct Hevc {
    /// The parameter sets at hand, and the length size of the messages.
    record: HevcRecord,
    access: RandomAccess,
    /// NAL units of messages without a picture, with 4-byte lengths.
    prefix: Vec<u8>,
}

impl Hevc {
    /// Takes a record; `None` where parameter sets are missing, which then may come in the stream.
    pub(super) fn sequence_header(
        &mut self,
        data: &[u8],
        limits: &Limits,
    ) -> Result<Option<HevcConfig>> {
        self.record = HevcRecord::parse(data, limits)?;
        Ok(self.record.config())
    }

    /// Takes parameter sets out of a message: a configuration where they change it.
    pub(super) fn take_parameter_sets(
        &mut self,
        data: &[u8],
        limits: &Limits,
        stage: &mut Stage,
    ) -> Option<HevcConfig> {
        let HevcRecord { length_size, sets, .. } = &mut self.record;
        let mut changed = false;
        let mut take = |nal: &[u8]| {
            if NalType::of(nal).is_some_and(NalType::is_parameter_set) {
                match sets.insert(nal, limits) {
                    Ok(new) => changed |= new,
                    Err(_) => stage.note(NoticeKind::BadConfig, "H.265 7.3.2"),
                }
            }
        };
        if is_annex_b(data, *length_size) {
            annex_b(data).for_each(&mut take);
        } else {
            LengthPrefixed::new(data, *length_size).map_while(Result::ok).for_each(&mut take);
        }
        if !changed {
            return None;
        }
        stage.note(NoticeKind::InBandConfig, SAMPLE);
        self.record.config()
    }

    /// The picture of a message; `None` where there is none, or none that can be decoded.
    pub(super) fn picture(&mut self, data: &Bytes, stage: &mut Stage) -> Option<Picture> {
        let keep = |kind| !is_droppable(kind);
        let (data, length_size) = if is_annex_b(data, self.record.length_size) {
            stage.note(NoticeKind::AnnexB, SAMPLE);
            (annex_b_to_sample(data, keep), 4)
        } else {
            (data.clone(), self.record.length_size)
        };
        let info = AccessUnitInfo::scan(&data, length_size);
        if info.good_bytes < data.len() {
            stage.note(NoticeKind::NalOverrun, SAMPLE);
        }
        if info.droppable {
            stage.note(NoticeKind::Delimiter, SAMPLE);
        }
        let sample = to_sample(&data, length_size, keep);
        if info.picture.is_none() {
            stage.note(NoticeKind::NoPicture, SAMPLE);
            if self.prefix.len() + sample.len() <= MAX_PREFIX_BYTES {
                self.prefix.extend_from_slice(&sample);
            }
            return None;
        }
        if !info.starts_picture {
            stage.note(NoticeKind::LateSlice, SAMPLE);
            return None;
        }
        let prefix = std::mem::take(&mut self.prefix);
        if !self.access.admit(&info) {
            stage.note(NoticeKind::BeforeKey, "H.265 8.1.3");
            return None;
        }
        let whole = if prefix.is_empty() { sample } else { [&prefix[..], &sample].concat().into() };
        if !data.as_ptr_range().contains(&whole.as_ptr()) {
            stage.note(NoticeKind::Rebuilt, SAMPLE);
        }
        Some(Picture { data: whole, key: info.is_random_access() })
    }
}
