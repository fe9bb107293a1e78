//! FLV: tags, bodies, reader, writer.

pub mod body;
pub mod enhanced;
mod header;
mod metadata;
pub(crate) mod outline;
mod reader;
mod tag;
mod tail;
#[cfg(test)]
mod tests;
mod writer;

pub use header::Header;
pub(crate) use header::TagHeader;
pub use metadata::{MetadataInfo, is_metadata, metadata_of, parse_metadata, write_metadata};
pub use outline::{Outline, Outlook};
pub use reader::{Reader, ReaderNotice};
pub use tag::{Tag, TagKind};
pub use tail::last_timestamp;
pub use writer::Writer;
