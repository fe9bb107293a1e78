//! HLS and DASH in an object store: a folder, or a bucket of anything that speaks S3.
//!
//! A stream's [`Archive`] looks at what the muxer has made, hands whole segments to an uploader of its own and knows what came
//! of them. Segments that are stored and old leave memory; the playlists go on to list them, and who asks is served from the
//! store. Media never waits for the store: what its queue has no room for is a gap in the stored playlists.

mod archive;
mod index;
mod left_over;
mod store;
mod upload;

pub use archive::{Archive, StoreInfo};
pub use index::Known;
pub use left_over::{SCHEMA, close_left_over, left_over};
pub use store::{OriginConfig, Store, s3, words};
