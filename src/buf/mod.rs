//! Byte tools: a bounded reader that names what it reads, a back-patching writer, and a list of shared buffers.

mod chain;
mod reader;
mod writer;

pub use chain::Chain;
pub use reader::Reader;
pub use writer::Writer;
