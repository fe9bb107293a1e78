//! Boxes of a buffer that holds them whole.

use crate::buf::Reader;
use crate::error::{Layer, Result};

/// Type and content length of the next box.
pub(super) fn header(r: &mut Reader<'_>) -> Result<([u8; 4], u64)> {
    let size = r.u32("box size")?;
    let kind = r.array("box type")?;
    let (size, header) = if size == 1 { (r.u64("box size")?, 16) } else { (size.into(), 8) };
    // Size 0 means "to the end of the file": such a file is not what this crate writes.
    size.checked_sub(header).map(|content| (kind, content)).ok_or(r.malformed("box size"))
}

pub(super) fn content<'a>(r: &mut Reader<'a>, size: u64) -> Result<Reader<'a>> {
    let base = r.offset();
    let len = usize::try_from(size).map_err(|_| r.malformed("box size"))?;
    Ok(Reader::with_base(Layer::Mp4, r.take(len, "box content")?, base))
}

/// Gives each child box to `visit`.
pub(super) fn children<'a>(
    mut r: Reader<'a>,
    mut visit: impl FnMut([u8; 4], Reader<'a>) -> Result<()>,
) -> Result<()> {
    while !r.is_empty() {
        let (kind, size) = header(&mut r)?;
        visit(kind, content(&mut r, size)?)?;
    }
    Ok(())
}

/// The only child of type `kind`.
pub(super) fn child<'a>(r: &Reader<'a>, kind: [u8; 4], name: &'static str) -> Result<Reader<'a>> {
    optional(r, kind, name)?.ok_or(r.malformed(name))
}

pub(super) fn optional<'a>(
    r: &Reader<'a>,
    kind: [u8; 4],
    name: &'static str,
) -> Result<Option<Reader<'a>>> {
    let mut found = None;
    children(r.clone(), |other, body| {
        if other == kind && found.replace(body).is_some() {
            return Err(r.malformed(name));
        }
        Ok(())
    })?;
    Ok(found)
}

/// Version of a full box; the flags are passed over.
pub(super) fn version(r: &mut Reader<'_>) -> Result<u8> {
    let version = r.u8("version")?;
    r.skip(3, "flags")?;
    Ok(version)
}

pub(super) fn time(r: &mut Reader<'_>, version: u8) -> Result<u64> {
    if version == 1 { r.u64("time") } else { r.u32("time").map(u64::from) }
}
