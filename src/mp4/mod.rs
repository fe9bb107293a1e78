//! MP4 boxes, init segments, fragments and files.
