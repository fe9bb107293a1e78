//! Servers that streams are pushed to: nginx-rtmp and ffmpeg.

use std::path::{Path, PathBuf};

use crate::Process;
use crate::packets::{self, Listing};
use crate::wait::wait_listening;

/// Where packages put it.
const RTMP_MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// nginx that takes streams of the application `live` and records each under a name of its own.
///
/// # Panics
/// When it does not listen.
pub fn nginx(folder: &Path, port: u16) -> Process {
    let at = text(folder);
    let config = format!(
        "load_module {RTMP_MODULE}; daemon off; master_process off; pid {at}/nginx.pid;\n\
         error_log {at}/error.log; events {{ worker_connections 64; }}\n\
         rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; application live {{\n\
         live on; record all; record_unique on; record_path {at}; }} }} }}\n"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config).expect("the configuration");
    let nginx = Process::start("nginx", ["-p", at, "-e", "stderr", "-c", text(&file)]);
    wait_listening(port);
    nginx
}

/// ffmpeg that takes one stream.
///
/// # Panics
/// When it does not listen.
pub fn listener(url: &str, out: &Path, port: u16) -> Process {
    let quiet = ["-nostdin", "-v", "error", "-listen", "1"];
    let arguments = [&quiet[..], &["-i", url, "-c", "copy", text(out)]].concat();
    let ffmpeg = Process::start("ffmpeg", arguments);
    wait_listening(port);
    ffmpeg
}

/// Recordings of nginx, oldest first.
///
/// # Panics
/// When the folder cannot be read.
pub fn recorded(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        entries.filter(|file| file.extension().is_some_and(|end| end == "flv")).collect();
    files.sort();
    files
}

/// Asserts that a file holds these packets at these times, to the millisecond.
///
/// # Panics
/// When it does not.
pub fn assert_same(what: &str, wanted: &Listing, file: &Path) {
    let got = packets::probe(file);
    for (kind, wanted, got) in
        [("video", &wanted.video, &got.video), ("audio", &wanted.audio, &got.audio)]
    {
        packets::same_packets(wanted, got).unwrap_or_else(|fault| panic!("{what} {kind}: {fault}"));
        packets::same_times(wanted, got, packets::MILLISECOND)
            .unwrap_or_else(|fault| panic!("{what} {kind}: {fault}"));
    }
}
