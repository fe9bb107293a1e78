//! What the interop tests share.
//!
//! Nothing here uses the crate under test: a fault of it cannot hide itself. Everything panics with a message that says what was
//! expected and what came, since the only caller is a test.

pub mod dissector;
pub mod flv;
pub mod hls;
pub mod http;
pub mod mp4;
pub mod numbers;
pub mod packets;
pub mod pcap;
pub mod process;
pub mod receiver;
pub mod relay;
pub mod rtmp;
pub mod seaweed;
pub mod server;
pub mod source;
pub mod store;
pub mod targets;
pub mod tls;
pub mod wait;
pub mod way;

pub use process::Process;
pub use serde_json::Value;
pub use server::{Server, ServerBuilder};
pub use tempfile::TempDir;
pub use wait::until;

/// Folder that goes when the value is dropped.
pub fn temp_dir() -> TempDir {
    tempfile::Builder::new().prefix("streamcore-").tempdir().expect("a folder for temporary files")
}
