//! The media that publishers send: made once by ffmpeg, looped by the publisher.

use crate::wire::flv;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How much media there is in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rate {
    /// 300 kbit/s, for as many players as one machine can feed and be.
    Low,
    /// 1 Mbit/s, for many publishers.
    OneMegabit,
    /// 2 Mbit/s, for many players.
    TwoMegabits,
}

impl Rate {
    fn video_kbits(self) -> u32 {
        match self {
            Self::Low => 236,
            Self::OneMegabit => 936,
            Self::TwoMegabits => 1936,
        }
    }
}

/// The tags of the test stream: 720p30 H.264 with two B-frames and a group of pictures of 2 s,
/// AAC at 48 kHz and 64 kbit/s. Made with `ffmpeg` in the system's folder for temporary files
/// unless it is there from an earlier run.
pub fn tags(rate: Rate, seconds: u32) -> Result<Vec<flv::Tag>, String> {
    let name = format!("streamcore-bench-{}k-{seconds}s.flv", rate.video_kbits());
    let path = std::env::temp_dir().join(name);
    if !path.exists() {
        make(&path, rate.video_kbits(), seconds)?;
    }
    flv::read(&path)
}

fn make(path: &Path, kbits: u32, seconds: u32) -> Result<(), String> {
    let partial: PathBuf = path.with_extension("partial.flv");
    let (rate, seconds) = (format!("{kbits}k"), seconds.to_string());
    let status = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args(["-f", "lavfi", "-i", "testsrc2=s=1280x720:r=30,noise=alls=10:allf=t"])
        .args(["-f", "lavfi", "-i", "sine=f=440:r=48000,aformat=channel_layouts=stereo"])
        .args(["-t", &seconds, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"])
        .args(["-x264-params", "bframes=2:b-adapt=0:keyint=60:min-keyint=60:scenecut=0"])
        .args(["-b:v", &rate, "-maxrate", &rate, "-bufsize", &rate])
        .args(["-c:a", "aac", "-b:a", "64k", "-flvflags", "no_duration_filesize"])
        .arg(&partial)
        .stdin(Stdio::null())
        .status()
        .map_err(|e| format!("ffmpeg, which makes the test media: {e}"))?;
    if !status.success() {
        return Err(format!("ffmpeg could not make the test media: {status}"));
    }
    std::fs::rename(&partial, path).map_err(|e| format!("{}: {e}", path.display()))
}
