//! HEVC parameter sets by id, from a record or collected out of the stream, and the SEI that belongs to a configuration.

use bytes::Bytes;

use super::nal::{NalType, layer_id, trim_zeros};
use super::sps::SpsInfo;
use crate::codec::bits::BitReader;
use crate::codec::color::{ContentLight, HdrMetadata, MasteringDisplay};
use crate::error::{Error, Layer, Result};
use crate::limits::Limits;

/// The parameter sets of one stream: of each id the latest content, in the order of their first coming.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParameterSets {
    vps: Vec<(u8, Bytes)>,
    sps: Vec<(SpsInfo, Bytes)>,
    pps: Vec<(u8, Bytes)>,
    sei: Vec<Bytes>,
}

impl ParameterSets {
    /// Takes a NAL unit in: a VPS, SPS or PPS replaces the one with its id, an SEI prefix is kept once. Other types,
    /// empty units and units of enhancement layers change nothing. Zero bytes at the end are cut off. What is kept is
    /// copied, so that it does not hold the message that it came in.
    ///
    /// Gives whether anything changed.
    ///
    /// # Errors
    /// A set that cannot be read, or more than [`Limits::parameter_set_bytes`] in all. The sets stay as they were.
    pub fn insert(&mut self, nal: &[u8], limits: &Limits) -> Result<bool> {
        let nal = trim_zeros(nal);
        let Some(kind) = NalType::of(nal).filter(|_| layer_id(nal) == Some(0)) else {
            return Ok(false);
        };
        let budget = limits.parameter_set_bytes.min(usize::from(u16::MAX));
        if kind.is_parameter_set() || kind == NalType::SEI_PREFIX {
            let bytes = self.bytes_without(nal)?.saturating_add(nal.len());
            let too_many = kind == NalType::SEI_PREFIX && self.sei.len() >= 64;
            if bytes > budget || too_many {
                let error = Error::limit(Layer::Codec, "HEVC parameter sets");
                return Err(error.found(bytes as u64).clause("ISO/IEC 14496-15 8.3.2.1"));
            }
        }
        Ok(match kind {
            NalType::VPS => {
                let id = BitReader::escaped(nal.get(2..).unwrap_or_default(), "H.265 7.3.2.1")
                    .u8(4, "vps_video_parameter_set_id")?;
                replace(&mut self.vps, id, nal, |old| *old)
            }
            NalType::SPS => replace(&mut self.sps, SpsInfo::parse(nal)?, nal, |old| old.id),
            NalType::PPS => replace(&mut self.pps, pps_id(nal)?, nal, |old| *old),
            NalType::SEI_PREFIX if !self.sei.iter().any(|old| old == nal) => {
                self.sei.push(Bytes::copy_from_slice(nal));
                true
            }
            _ => false,
        })
    }

    /// Whether a configuration can be made: at least one of each kind.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        !self.vps.is_empty() && !self.sps.is_empty() && !self.pps.is_empty()
    }

    /// Video parameter sets, NAL header included.
    pub fn vps(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.vps.iter().map(|(_, nal)| nal)
    }

    /// Sequence parameter sets, NAL header included.
    pub fn sps(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.sps.iter().map(|(_, nal)| nal)
    }

    /// Picture parameter sets, NAL header included.
    pub fn pps(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.pps.iter().map(|(_, nal)| nal)
    }

    /// Prefix SEI of the record.
    pub fn sei(&self) -> impl ExactSizeIterator<Item = &Bytes> {
        self.sei.iter()
    }

    /// What the sequence parameter sets say.
    pub fn sps_infos(&self) -> impl ExactSizeIterator<Item = &SpsInfo> {
        self.sps.iter().map(|(info, _)| info)
    }

    /// HDR10 metadata of the SEI; the last of a kind holds.
    #[must_use]
    pub fn hdr(&self) -> HdrMetadata {
        self.sei.iter().fold(HdrMetadata::default(), |found, nal| {
            let new = hdr_metadata(nal);
            HdrMetadata {
                mastering: new.mastering.or(found.mastering),
                light: new.light.or(found.light),
            }
        })
    }

    /// `parallelismType` of the record (ISO/IEC 14496-15 8.3.2.1.3): 1 slices, 2 tiles, 3 wavefronts, 0 mixed or
    /// not known.
    pub(super) fn parallelism(&self) -> u8 {
        let mut kinds = self.pps.iter().map(|(_, nal)| pps_parallelism(nal).unwrap_or(0));
        let first = kinds.next().unwrap_or(0);
        if kinds.all(|kind| kind == first) { first } else { 0 }
    }

    /// Whether the sets that a decoder acts on are the same.
    pub(super) fn same_meaning(&self, other: &Self) -> bool {
        self.vps().eq(other.vps())
            && self.sps().eq(other.sps())
            && self.pps().eq(other.pps())
            && self.hdr() == other.hdr()
    }

    /// Bytes of all sets but the one that `nal` would replace; an upper bound, since an unreadable id replaces none.
    fn bytes_without(&self, nal: &[u8]) -> Result<usize> {
        let kind = NalType::of(nal);
        let of = |sets: &[(u8, Bytes)], id: Option<u8>| -> usize {
            sets.iter().filter(|(old, _)| Some(*old) != id).map(|(_, nal)| nal.len() + 2).sum()
        };
        let pps = if kind == Some(NalType::PPS) { Some(pps_id(nal)?) } else { None };
        let sps = if kind == Some(NalType::SPS) { Some(SpsInfo::parse(nal)?.id) } else { None };
        let vps = nal.get(2).filter(|_| kind == Some(NalType::VPS)).map(|byte| byte >> 4);
        let sps_bytes: usize = self
            .sps
            .iter()
            .filter(|(old, _)| Some(old.id) != sps)
            .map(|(_, nal)| nal.len() + 2)
            .sum();
        let sei_bytes: usize = self.sei.iter().map(|nal| nal.len() + 2).sum();
        Ok(of(&self.vps, vps) + sps_bytes + of(&self.pps, pps) + sei_bytes)
    }
}

/// HDR10 metadata of one prefix SEI NAL unit (H.265 D.2.28 and D.2.35). What cannot be read is not there.
#[must_use]
pub fn hdr_metadata(nal: &[u8]) -> HdrMetadata {
    let mut found = HdrMetadata::default();
    if NalType::of(nal) == Some(NalType::SEI_PREFIX) {
        read_sei(nal, &mut found).ok();
    }
    found
}

fn read_sei(nal: &[u8], found: &mut HdrMetadata) -> Result<()> {
    let mut bits = BitReader::escaped(nal, "H.265 7.3.5");
    bits.skip(16, "nal_unit_header")?;
    loop {
        let kind = sei_number(&mut bits, "payload_type")?;
        let size = sei_number(&mut bits, "payload_size")?;
        // The payload's head is enough: the two messages looked for have 24 and 4 bytes.
        let mut head = [0; 24];
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        for byte in head.iter_mut().take(length) {
            *byte = bits.u8(8, "sei_payload")?;
        }
        bits.skip(size.saturating_sub(24).saturating_mul(8), "sei_payload")?;
        match kind {
            137 if length >= 24 => found.mastering = Some(MasteringDisplay::parse(&head)?),
            144 if length >= 4 => found.light = Some(ContentLight::parse(&head)?),
            _ => {}
        }
    }
}

fn sei_number(bits: &mut BitReader<'_>, field: &'static str) -> Result<u32> {
    let mut number = 0u32;
    loop {
        let byte = bits.u8(8, field)?;
        number = number.saturating_add(u32::from(byte));
        if byte != 0xff {
            return Ok(number);
        }
    }
}

fn replace<K>(sets: &mut Vec<(K, Bytes)>, key: K, nal: &[u8], id: impl Fn(&K) -> u8) -> bool {
    match sets.iter_mut().find(|(old, _)| id(old) == id(&key)) {
        Some((_, old)) if *old == nal => false,
        Some(slot) => {
            *slot = (key, Bytes::copy_from_slice(nal));
            true
        }
        None => {
            sets.push((key, Bytes::copy_from_slice(nal)));
            true
        }
    }
}

fn pps_id(nal: &[u8]) -> Result<u8> {
    let mut bits = BitReader::escaped(nal, "H.265 7.3.2.3.1");
    bits.skip(16, "nal_unit_header")?;
    let id = bits.ue_max(63, "pps_pic_parameter_set_id")?;
    Ok(u8::try_from(id).unwrap_or(63))
}

fn pps_parallelism(nal: &[u8]) -> Result<u8> {
    let mut bits = BitReader::escaped(nal, "H.265 7.3.2.3.1");
    bits.skip(16, "nal_unit_header")?;
    bits.ue("pps_pic_parameter_set_id")?;
    bits.ue("pps_seq_parameter_set_id")?;
    bits.skip(7, "dependent_slice_segments_enabled_flag")?;
    bits.ue("num_ref_idx_l0_default_active_minus1")?;
    bits.ue("num_ref_idx_l1_default_active_minus1")?;
    bits.se("init_qp_minus26")?;
    bits.skip(2, "constrained_intra_pred_flag")?;
    if bits.flag("cu_qp_delta_enabled_flag")? {
        bits.ue("diff_cu_qp_delta_depth")?;
    }
    bits.se("pps_cb_qp_offset")?;
    bits.se("pps_cr_qp_offset")?;
    bits.skip(4, "pps_slice_chroma_qp_offsets_present_flag")?;
    let tiles = bits.flag("tiles_enabled_flag")?;
    let wavefronts = bits.flag("entropy_coding_sync_enabled_flag")?;
    Ok(match (tiles, wavefronts) {
        (true, true) => 0,
        (false, true) => 3,
        (true, false) => 2,
        (false, false) => 1,
    })
}
