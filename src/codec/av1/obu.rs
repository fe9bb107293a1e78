//! AV1 open bitstream units: the walk, what a temporal unit holds, and the temporal unit as an MP4 sample.

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::{Error, Layer, Result};

const CLAUSE: &str = "AV1 5.3";

/// `obu_type` (AV1 6.2.2), 0 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObuType(u8);

impl ObuType {
    /// Sequence header (1).
    pub const SEQUENCE_HEADER: Self = Self(1);
    /// Temporal delimiter (2).
    pub const TEMPORAL_DELIMITER: Self = Self(2);
    /// Frame header (3).
    pub const FRAME_HEADER: Self = Self(3);
    /// Tile group (4).
    pub const TILE_GROUP: Self = Self(4);
    /// Metadata (5).
    pub const METADATA: Self = Self(5);
    /// Frame header and tile group in one (6).
    pub const FRAME: Self = Self(6);
    /// Frame header sent again (7).
    pub const REDUNDANT_FRAME_HEADER: Self = Self(7);
    /// Tile list of large scale tile decoding (8).
    pub const TILE_LIST: Self = Self(8);
    /// Padding (15).
    pub const PADDING: Self = Self(15);

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// What an MP4 sample should not hold: temporal delimiters, padding, tile lists
    /// (AV1 Codec ISO Media File Format Binding 2.4).
    #[must_use]
    pub const fn is_droppable(self) -> bool {
        matches!(self, Self::TEMPORAL_DELIMITER | Self::TILE_LIST | Self::PADDING)
    }
}

/// One OBU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Obu<'a> {
    /// What it is.
    pub kind: ObuType,
    /// Whether the size field is there.
    pub has_size: bool,
    /// `temporal_id` and `spatial_id`, where the extension is there.
    pub layer: Option<(u8, u8)>,
    /// Header of 1 or 2 bytes, without the size field.
    pub header: &'a [u8],
    /// Payload behind header and size.
    pub payload: &'a [u8],
    /// Header, size field if any, and payload.
    pub whole: &'a [u8],
}

/// Walks the OBUs of a temporal unit in low-overhead format (AV1 5.2). One without a size field reaches to the end.
/// An error is the last item.
#[derive(Clone, Debug)]
pub struct Obus<'a> {
    data: &'a [u8],
    pos: usize,
}

impl<'a> Obus<'a> {
    /// Walks `data`.
    #[must_use]
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, pos: 0 }
    }

    fn obu(&mut self) -> Result<Obu<'a>> {
        let start = self.pos;
        let error = |field| Error::malformed(Layer::Codec, field).at(start as u64).clause(CLAUSE);
        let rest = self.data.get(start..).unwrap_or_default();
        let first = *rest.first().ok_or(error("obu_header"))?;
        if first & 0x80 != 0 {
            return Err(error("obu_forbidden_bit"));
        }
        let (extended, has_size) = (first & 4 != 0, first & 2 != 0);
        let header = rest.get(..1 + usize::from(extended)).ok_or(error("obu_extension_header"))?;
        let layer = header.get(1).map(|byte| (byte >> 5, byte >> 3 & 3));
        let behind = rest.get(header.len()..).unwrap_or_default();
        let (payload, size_bytes) = if has_size {
            let (size, bytes) = leb128(behind).ok_or(error("obu_size"))?;
            let end = usize::try_from(size).ok().and_then(|size| size.checked_add(bytes));
            let payload = end.and_then(|end| behind.get(bytes..end));
            (payload.ok_or(error("obu_size").found(u64::from(size)))?, bytes)
        } else {
            (behind, 0)
        };
        let length = header.len() + size_bytes + payload.len();
        let whole = rest.get(..length).ok_or(error("obu_size"))?;
        self.pos += length;
        Ok(Obu { kind: ObuType(first >> 3 & 15), has_size, layer, header, payload, whole })
    }
}

impl<'a> Iterator for Obus<'a> {
    type Item = Result<Obu<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.pos >= self.data.len() {
            return None;
        }
        let obu = self.obu();
        if obu.is_err() {
            self.pos = self.data.len();
        }
        Some(obu)
    }
}

/// Reads `leb128()` (AV1 4.10.5): the value and its bytes, at most 8. `None` when it is cut off or above 2^32 - 1.
#[must_use]
pub fn leb128(data: &[u8]) -> Option<(u32, usize)> {
    let mut value = 0u64;
    for (index, &byte) in data.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, index + 1));
        }
    }
    None
}

/// Writes `value` as `leb128()` in as few bytes as it takes.
pub fn put_leb128(out: &mut BytesMut, mut value: u32) {
    loop {
        let byte = (value & 0x7f).to_le_bytes()[0];
        value >>= 7;
        out.put_u8(byte | if value > 0 { 0x80 } else { 0 });
        if value == 0 {
            return;
        }
    }
}

/// What one temporal unit (one message) holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TemporalUnitInfo {
    /// Whether the first frame is a shown key frame (AV1 6.8.2): delayed random access points and S-frames are not.
    pub key_frame: bool,
    /// Whether a sequence header stands before the first frame.
    pub sequence_header: bool,
    /// Whether any frame is there; none is no sample.
    pub frame: bool,
    /// Whether anything is there that an MP4 sample should not hold, or a size field is missing.
    pub rewrite: bool,
    /// Bytes of the OBUs that are whole.
    pub good_bytes: usize,
}

impl TemporalUnitInfo {
    /// Walks the OBU headers. An OBU that runs past the end ends the walk, and `good_bytes` says where.
    #[must_use]
    pub fn scan(data: &[u8]) -> Self {
        let mut info = Self::default();
        // With reduced_still_picture_header every frame is a shown key frame, without the bits that say so.
        let mut reduced = false;
        for obu in Obus::new(data).map_while(Result::ok) {
            info.good_bytes += obu.whole.len();
            info.rewrite |= obu.kind.is_droppable() || !obu.has_size;
            match obu.kind {
                ObuType::SEQUENCE_HEADER if !info.frame => {
                    info.sequence_header = true;
                    reduced = obu.payload.first().is_some_and(|byte| byte & 8 != 0);
                }
                ObuType::FRAME | ObuType::FRAME_HEADER if !info.frame => {
                    info.frame = true;
                    info.key_frame = reduced || obu.payload.first().is_some_and(is_shown_key);
                }
                _ => {}
            }
        }
        info
    }

    /// Whether an MP4 sync sample can be made of it: a shown key frame behind a sequence header
    /// (AV1 Codec ISO Media File Format Binding 2.4). A key frame without one wants [`super::Av1Config::key_sample`].
    #[must_use]
    pub const fn is_sync(&self) -> bool {
        self.key_frame && self.sequence_header
    }
}

/// `show_existing_frame` 0, `frame_type` 0 (key), `show_frame` 1 (AV1 5.9.2).
fn is_shown_key(byte: &u8) -> bool {
    byte >> 4 == 0b0001
}

/// The temporal unit as an MP4 sample has it: without temporal delimiters, padding and tile lists, each OBU with its
/// size, without what stands behind an OBU that runs past the end. Where what is kept stands together, the result
/// shares `data`.
#[must_use]
pub fn to_sample(data: &Bytes) -> Bytes {
    let kept = || Obus::new(data).map_while(Result::ok).filter(|obu| !obu.kind.is_droppable());
    if let Some(shared) = contiguous(data, kept()) {
        return shared;
    }
    let mut sample = BytesMut::with_capacity(data.len().saturating_add(8));
    for obu in kept() {
        put_obu(&mut sample, &obu);
    }
    sample.freeze()
}

/// Writes an OBU with its size field.
pub(super) fn put_obu(out: &mut BytesMut, obu: &Obu<'_>) {
    if obu.has_size {
        out.put_slice(obu.whole);
        return;
    }
    let Ok(size) = u32::try_from(obu.payload.len()) else { return };
    if let &[first, ref extension @ ..] = obu.header {
        out.put_u8(first | 2);
        out.put_slice(extension);
        put_leb128(out, size);
        out.put_slice(obu.payload);
    }
}

fn contiguous<'a>(data: &Bytes, kept: impl Iterator<Item = Obu<'a>>) -> Option<Bytes> {
    let mut range: Option<(usize, usize)> = None;
    for obu in kept {
        if !obu.has_size {
            return None;
        }
        let start = (obu.whole.as_ptr() as usize).checked_sub(data.as_ptr() as usize)?;
        let end = start + obu.whole.len();
        range = match range {
            None => Some((start, end)),
            Some((first, last)) if last == start => Some((first, end)),
            Some(_) => return None,
        };
    }
    let (start, end) = range.unwrap_or_default();
    (end <= data.len()).then(|| data.slice(start..end))
}
