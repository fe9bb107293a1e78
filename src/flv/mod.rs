//! FLV: tags, bodies, reader, writer.

pub mod body;
mod header;
mod reader;
mod tag;
mod writer;

pub use header::Header;
pub use reader::{Reader, ReaderNotice};
pub use tag::{Tag, TagKind};
pub use writer::Writer;
