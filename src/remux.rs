//! FLV to MP4 remux.
