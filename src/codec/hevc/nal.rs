//! HEVC NAL units: types, walks over length-prefixed and Annex B data, what an access unit holds.

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::{Error, Layer, Result};

const CLAUSE_LENGTH: &str = "ISO/IEC 14496-15 8.3.2";

/// `nal_unit_type` (H.265 table 7-1), 0 to 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NalType(u8);

impl NalType {
    /// Random access skipped leading picture, not a reference (8).
    pub const RASL_N: Self = Self(8);
    /// Random access skipped leading picture, reference (9).
    pub const RASL_R: Self = Self(9);
    /// Instantaneous decoding refresh that may have RADL pictures (19).
    pub const IDR_W_RADL: Self = Self(19);
    /// Instantaneous decoding refresh without leading pictures (20).
    pub const IDR_N_LP: Self = Self(20);
    /// Clean random access (21).
    pub const CRA: Self = Self(21);
    /// Video parameter set (32).
    pub const VPS: Self = Self(32);
    /// Sequence parameter set (33).
    pub const SPS: Self = Self(33);
    /// Picture parameter set (34).
    pub const PPS: Self = Self(34);
    /// Access unit delimiter (35).
    pub const AUD: Self = Self(35);
    /// End of sequence (36).
    pub const EOS: Self = Self(36);
    /// End of bitstream (37).
    pub const EOB: Self = Self(37);
    /// Filler data (38).
    pub const FILLER: Self = Self(38);
    /// Supplemental enhancement information before the picture (39).
    pub const SEI_PREFIX: Self = Self(39);
    /// Supplemental enhancement information behind the picture (40).
    pub const SEI_SUFFIX: Self = Self(40);

    /// The type of a number; the low 6 bits count.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number & 0x3f)
    }

    /// Type of a NAL unit, from the first byte of its header; `None` when it is empty.
    #[must_use]
    pub fn of(nal: &[u8]) -> Option<Self> {
        nal.first().map(|byte| Self(byte >> 1 & 0x3f))
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// A slice of a picture (0 to 31).
    #[must_use]
    pub const fn is_vcl(self) -> bool {
        self.0 < 32
    }

    /// Intra random access point (16 to 23): IDR, CRA, BLA and the two reserved types.
    #[must_use]
    pub const fn is_irap(self) -> bool {
        matches!(self.0, 16..=23)
    }

    /// IDR (19, 20): nothing behind it in decoding order refers to anything before it.
    #[must_use]
    pub const fn is_idr(self) -> bool {
        matches!(self.0, 19 | 20)
    }

    /// Broken link access (16 to 18).
    #[must_use]
    pub const fn is_bla(self) -> bool {
        matches!(self.0, 16..=18)
    }

    /// Random access skipped leading (8, 9): not decodable when decoding starts at the CRA or BLA picture before it.
    #[must_use]
    pub const fn is_rasl(self) -> bool {
        matches!(self.0, 8 | 9)
    }

    /// Random access decodable leading (6, 7).
    #[must_use]
    pub const fn is_radl(self) -> bool {
        matches!(self.0, 6 | 7)
    }

    /// VPS, SPS or PPS.
    #[must_use]
    pub const fn is_parameter_set(self) -> bool {
        matches!(self.0, 32..=34)
    }

    /// `TemporalId` above which a picture of this number is not referred to within its layer:
    /// the sub-layer non-reference types (0, 2, ... 14).
    #[must_use]
    pub const fn is_sub_layer_non_reference(self) -> bool {
        self.0 < 16 && self.0 & 1 == 0
    }
}

/// `nuh_layer_id` of a NAL unit (H.265 7.3.1.2); `None` when the header is not whole.
#[must_use]
pub fn layer_id(nal: &[u8]) -> Option<u8> {
    let &[first, second, ..] = nal else { return None };
    Some((first & 1) << 5 | second >> 3)
}

/// `first_slice_segment_in_pic_flag` of a VCL NAL unit (H.265 7.3.6.1): whether it begins a picture. `None` when it
/// has no payload or is not VCL.
#[must_use]
pub fn first_slice_segment_in_pic(nal: &[u8]) -> Option<bool> {
    NalType::of(nal).filter(|kind| kind.is_vcl())?;
    nal.get(2).map(|byte| byte & 0x80 != 0)
}

/// Walks NAL units that carry their length in front (ISO/IEC 14496-15 8.3.2). Empty ones are passed over. A length past
/// the end is one error, and the last item.
#[derive(Clone, Debug)]
pub struct LengthPrefixed<'a> {
    data: &'a [u8],
    pos: usize,
    length_size: u8,
}

impl<'a> LengthPrefixed<'a> {
    /// `length_size` is 1, 2 or 4 bytes; another number makes the walk fail at its start.
    #[must_use]
    pub const fn new(data: &'a [u8], length_size: u8) -> Self {
        Self { data, pos: 0, length_size }
    }

    fn unit(&mut self) -> Result<&'a [u8]> {
        let error = Error::malformed(Layer::Codec, "NALUnitLength")
            .at(self.pos as u64)
            .clause(CLAUSE_LENGTH);
        let rest = self.data.get(self.pos..).unwrap_or_default();
        let (length, head) = match (self.length_size, rest) {
            (1, &[a, ..]) => (u32::from(a), 1),
            (2, &[a, b, ..]) => (u32::from(u16::from_be_bytes([a, b])), 2),
            (4, &[a, b, c, d, ..]) => (u32::from_be_bytes([a, b, c, d]), 4),
            _ => return Err(error),
        };
        let end = usize::try_from(length).ok().and_then(|length| length.checked_add(head));
        let unit = end.and_then(|end| rest.get(head..end));
        let unit = unit.ok_or(error.found(u64::from(length)))?;
        self.pos += head + unit.len();
        Ok(unit)
    }
}

impl<'a> Iterator for LengthPrefixed<'a> {
    type Item = Result<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.pos < self.data.len() {
            match self.unit() {
                Ok([]) => {}
                Ok(unit) => return Some(Ok(unit)),
                Err(error) => {
                    self.pos = self.data.len();
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// Walks the NAL units between the start codes of a byte stream (H.265 annex B). What stands before the first start
/// code and zero bytes at the end of a unit are no part of any.
pub fn annex_b(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = find_start_code(data).and_then(|at| data.get(at + 3..));
    std::iter::from_fn(move || {
        loop {
            let current = rest?;
            let end = find_start_code(current);
            rest = end.and_then(|at| current.get(at + 3..));
            let unit = trim_zeros(current.get(..end.unwrap_or(current.len())).unwrap_or_default());
            if !unit.is_empty() {
                return Some(unit);
            }
        }
    })
}

/// Without the zero bytes at its end, which no NAL unit has (H.265 7.3.1.1).
#[must_use]
pub fn trim_zeros(nal: &[u8]) -> &[u8] {
    let end = nal.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    nal.get(..end).unwrap_or_default()
}

fn find_start_code(data: &[u8]) -> Option<usize> {
    data.windows(3).position(|window| window == [0, 0, 1])
}

/// What one access unit (one message) holds, from a walk over its NAL unit headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessUnitInfo {
    /// Type of the first slice of the base layer; `None` without any: no picture, to be put before the next unit.
    pub picture: Option<NalType>,
    /// Whether that slice is the first of its picture; false is the rest of a picture sent in several messages.
    pub starts_picture: bool,
    /// Pictures of the base layer that begin here: above 1 where a sender puts several into one message.
    pub pictures: u32,
    /// Whether a NAL unit is there that comes ahead of a picture: a delimiter, parameter sets, SEI of the prefix kind. Without
    /// one, a unit without a picture belongs to the picture before (H.265 7.4.2.4.4).
    pub opens: bool,
    /// Whether parameter sets are among the NAL units.
    pub parameter_sets: bool,
    /// Whether anything is there that an MP4 sample should not hold: access unit delimiters, filler data,
    /// end of bitstream.
    pub droppable: bool,
    /// Bytes of the walk that were good: all, or those before a length past the end.
    pub good_bytes: usize,
}

impl AccessUnitInfo {
    /// Walks length-prefixed NAL units. A length past the end ends the walk, and `good_bytes` says where.
    #[must_use]
    pub fn scan(data: &[u8], length_size: u8) -> Self {
        let mut walk = LengthPrefixed::new(data, length_size);
        let mut info = Self::default();
        loop {
            info.good_bytes = walk.pos;
            match walk.next() {
                Some(Ok(nal)) => info.note(nal),
                Some(Err(_)) => break,
                None => {
                    info.good_bytes = walk.pos;
                    break;
                }
            }
        }
        info
    }

    /// Whether decoding can start here: IDR, CRA or BLA. Behind a CRA or BLA at which decoding starts,
    /// [`AccessUnitInfo::is_rasl`] pictures are to be dropped.
    #[must_use]
    pub fn is_random_access(&self) -> bool {
        self.picture.is_some_and(NalType::is_irap)
    }

    /// Whether the picture cannot be decoded when decoding started at the random access point before it.
    #[must_use]
    pub fn is_rasl(&self) -> bool {
        self.picture.is_some_and(NalType::is_rasl)
    }

    fn note(&mut self, nal: &[u8]) {
        let Some(kind) = NalType::of(nal) else { return };
        self.parameter_sets |= kind.is_parameter_set();
        self.opens |= matches!(kind.number(), 32..=35 | 39 | 41..=44 | 48..=55);
        self.droppable |= is_droppable(kind);
        if kind.is_vcl() && layer_id(nal) == Some(0) {
            let first = first_slice_segment_in_pic(nal) == Some(true);
            self.pictures += u32::from(first);
            if self.picture.is_none() {
                self.picture = Some(kind);
                self.starts_picture = first;
            }
        }
    }
}

/// The access unit as an MP4 sample has it: 4-byte lengths, without the NAL units that `keep` refuses and without what
/// stands behind a length past the end. Where what is kept stands together, the result shares `data`; elsewhere the copy is
/// at most 4 bytes a NAL unit larger.
#[must_use]
pub fn to_sample(data: &Bytes, length_size: u8, keep: impl Fn(NalType) -> bool) -> Bytes {
    let kept = || {
        LengthPrefixed::new(data, length_size)
            .map_while(Result::ok)
            .filter(|nal| NalType::of(nal).is_some_and(&keep))
    };
    let bytes: usize = kept().map(|nal| nal.len() + 4).sum();
    if length_size == 4
        && let Some(shared) = contiguous(data, kept(), bytes)
    {
        return shared;
    }
    let mut sample = BytesMut::with_capacity(bytes);
    for nal in kept() {
        let Ok(length) = u32::try_from(nal.len()) else { break };
        sample.put_u32(length);
        sample.put_slice(nal);
    }
    sample.freeze()
}

/// The `bytes` of `data` that these NAL units and their 4-byte lengths are, where they stand together.
fn contiguous<'a>(
    data: &Bytes,
    mut nals: impl Iterator<Item = &'a [u8]>,
    bytes: usize,
) -> Option<Bytes> {
    let place = |nal: &[u8]| (nal.as_ptr() as usize).checked_sub(data.as_ptr() as usize);
    let start = place(nals.next()?)?.checked_sub(4)?;
    let end = nals.last().map_or(Some(start + bytes), |last| Some(place(last)? + last.len()))?;
    (end == start + bytes && end <= data.len()).then(|| data.slice(start..end))
}

/// What an `hvc1` sample should not hold beside parameter sets: delimiters, filler, end of bitstream
/// (ISO/IEC 14496-15 8.3.2).
#[must_use]
pub const fn is_droppable(kind: NalType) -> bool {
    matches!(kind, NalType::AUD | NalType::FILLER | NalType::EOB)
}

/// Whether an access unit has start codes where lengths belong: it begins with one, and read as lengths it does not come
/// out even. A length of 256 to 511 looks like a start code too, which is why lengths are tried first.
#[must_use]
pub fn is_annex_b(data: &[u8], length_size: u8) -> bool {
    matches!(data, [0, 0, 1, ..] | [0, 0, 0, 1, ..])
        && LengthPrefixed::new(data, length_size).any(|nal| nal.is_err())
}

/// An access unit with start codes as an MP4 sample has it: 4-byte lengths, without the NAL units that `keep` refuses.
#[must_use]
pub fn annex_b_to_sample(data: &[u8], keep: impl Fn(NalType) -> bool) -> Bytes {
    let mut sample = BytesMut::with_capacity(data.len());
    for nal in annex_b(data).filter(|nal| NalType::of(nal).is_some_and(&keep)) {
        let Ok(length) = u32::try_from(nal.len()) else { break };
        sample.put_u32(length);
        sample.put_slice(nal);
    }
    sample.freeze()
}

/// Says which pictures can be decoded: none before the first random access point, and no RASL picture that belongs to a
/// CRA or BLA picture at which decoding starts (H.265 8.1.3).
///
/// Ask for each access unit in decoding order; make a new one after a discontinuity.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomAccess {
    started: bool,
    skip_rasl: bool,
}

impl RandomAccess {
    /// Whether the access unit is to be kept. Units without a picture are.
    pub fn admit(&mut self, unit: &AccessUnitInfo) -> bool {
        let Some(picture) = unit.picture else { return true };
        if picture.is_irap() {
            self.skip_rasl = picture.is_bla() || !self.started;
            self.started = true;
        }
        self.started && !(self.skip_rasl && picture.is_rasl())
    }
}
