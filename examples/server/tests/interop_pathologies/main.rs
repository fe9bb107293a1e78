//! FLV files with each thing that goes wrong in timestamps, headers and codecs, one a test, remuxed in all ways: everything is in the
//! MP4, at its time, and ffprobe, ffmpeg, `mp4-atom`, `shiguredo_mp4`, `mp4` and Chromium read it.

mod browser;
mod case;
mod headers;
mod readers;
mod times;
