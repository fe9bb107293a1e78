//! The frame of a box: a size that is patched once the content is known (ISO/IEC 14496-12 4.2).

use crate::buf::Writer;
use crate::error::{Error, Layer, Result};

/// Writes a box of type `kind` around what `content` writes.
///
/// Fails with `LimitExceeded` where the box would need more than 32 bits of size.
pub(super) fn boxed(
    w: &mut Writer,
    kind: &[u8; 4],
    content: impl FnOnce(&mut Writer) -> Result<()>,
) -> Result<()> {
    let start = w.len();
    w.u32(0);
    w.bytes(kind);
    content(w)?;
    let size = to_u32(w.len() - start, "box size")?;
    w.patch_u32(start, size);
    Ok(())
}

/// Writes a full box: one with a version and 24 bits of flags.
pub(super) fn full_box(
    w: &mut Writer,
    kind: &[u8; 4],
    version: u8,
    flags: u32,
    content: impl FnOnce(&mut Writer) -> Result<()>,
) -> Result<()> {
    boxed(w, kind, |w| {
        w.u8(version);
        w.u24(flags);
        content(w)
    })
}

/// Writes `value` as 64 bits in version 1 of a box and as 32 bits in version 0.
pub(super) fn versioned(w: &mut Writer, version: u8, value: u64) -> Result<()> {
    if version == 1 {
        w.u64(value)
    } else {
        w.u32(to_u32(value, "32-bit time")?)
    }
    Ok(())
}

/// 1 where one of the values needs 64 bits.
pub(super) fn time_version(values: &[u64]) -> u8 {
    // All ones in 32 bits means "unknown", so it is not a time either.
    u8::from(values.iter().any(|&value| value >= u64::from(u32::MAX)))
}

/// Narrows to 32 bits, or says which field is too large.
pub(super) fn to_u32<T: TryInto<u32>>(value: T, field: &'static str) -> Result<u32> {
    value.try_into().map_err(|_| Error::limit(Layer::Mp4, field))
}

/// Narrows to 32 signed bits, or says which field is too large.
pub(super) fn to_i32<T: TryInto<i32>>(value: T, field: &'static str) -> Result<i32> {
    value.try_into().map_err(|_| Error::limit(Layer::Mp4, field))
}
