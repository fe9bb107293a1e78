//! Films that ffmpeg makes, as OBS would send them.

use std::path::PathBuf;

use crate::process::run;

/// What a film is made of.
#[derive(Clone, Copy)]
pub struct Film {
    /// Length, seconds.
    pub seconds: u32,
    /// Audio samples in a second; `None` for a film without sound.
    pub sample_rate: Option<u32>,
    /// With a picture?
    pub video: bool,
    /// Pictures between their neighbours in time that are coded after them.
    pub b_frames: u32,
    /// Video bits in a second, thousands.
    pub kilobits: u32,
}

impl Film {
    /// H.264 640x360 at 30 fps with two B-frames and a key frame every 2 s; AAC at 48 kHz.
    pub const fn new(seconds: u32) -> Self {
        Self { seconds, sample_rate: Some(48_000), video: true, b_frames: 2, kilobits: 800 }
    }

    /// Makes the film as FLV, or finds it where an earlier test of this build made it.
    ///
    /// # Panics
    /// When ffmpeg fails.
    pub fn flv(self, folder: &str) -> PathBuf {
        let rate = self.sample_rate.unwrap_or(0);
        let picture = if self.video { self.kilobits } else { 0 };
        let name = format!("film-{}s-{picture}k-{}b-{rate}.flv", self.seconds, self.b_frames);
        let path = PathBuf::from(folder).join(&name);
        if !path.exists() {
            let made = tempfile::Builder::new()
                .suffix(".flv")
                .tempfile_in(folder)
                .expect("a temporary file")
                .into_temp_path();
            run("ffmpeg", self.arguments(made.to_str().expect("a path in UTF-8")));
            // Two tests may make the same film at once: the name appears only when it is whole.
            // The first stays: another test may have read it already.
            if let Err(error) = made.persist_noclobber(&path) {
                assert!(path.exists(), "{name}: {error}");
            }
        }
        path
    }

    fn arguments(self, out: &str) -> Vec<String> {
        let mut all: Vec<String> = ["-nostdin", "-v", "error", "-y"].map(str::to_owned).into();
        let mut add = |text: &str| all.extend(text.split(' ').map(str::to_owned));
        if self.video {
            add("-f lavfi -i testsrc2=size=640x360:rate=30");
        }
        if let Some(rate) = self.sample_rate {
            add(&format!("-f lavfi -i sine=frequency=440:beep_factor=4:sample_rate={rate}"));
        }
        add(&format!("-t {}", self.seconds));
        if self.video {
            let (frames, rate) = (self.b_frames, self.kilobits);
            add(&format!(
                "-c:v libx264 -preset veryfast -threads 2 -bf {frames} -g 60 -keyint_min 60 -sc_threshold 0"
            ));
            add(&format!(
                "-pix_fmt yuv420p -b:v {rate}k -maxrate {rate}k -bufsize {rate}k -x264-params nal-hrd=cbr"
            ));
        }
        if self.sample_rate.is_some() {
            add("-c:a aac -b:a 128k -ac 2");
        }
        add("-f flv");
        all.push(out.to_owned());
        all
    }
}
