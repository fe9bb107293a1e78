//! FLV: tags, bodies, reader, writer.

mod tag;

pub use tag::{Tag, TagKind};
