//! What all rows share: the server's program, certificates, and the reader by which they are judged.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kit::packets::{self, Track};
use kit::tls::{Authority, Files};
use kit::{Process, Server, ServerBuilder, Value, until};

use crate::media;
use crate::row::Transport;
use crate::tools::Tools;

/// No program of a row takes longer.
pub const LIMIT: Duration = Duration::from_secs(30);
/// What a row publishes or plays.
pub const STREAM: &str = "live/matrix";

/// What all rows share.
pub struct Lab {
    server: String,
    ffprobe: String,
    certificate: Files,
    folder: kit::TempDir,
}

impl Lab {
    /// Prepares it.
    ///
    /// # Errors
    /// The server is not built, or the reader is missing.
    pub fn new(server: &Path, tools: &Tools) -> Result<Self, String> {
        if !server.exists() {
            return Err(format!("{} is not there: `make interop` builds it", server.display()));
        }
        let ffprobe =
            tools.ffprobe.as_ref().map_err(|_| "without ffprobe 8 nothing can be judged")?;
        let folder = kit::temp_dir();
        let certificate = Authority::new().issue(folder.path());
        // Here and not when a row wants them: two rows at once would make two films, and not the same.
        for seconds in [media::SHORT, media::LONG] {
            media::H264_AAC.file(folder.path(), seconds);
        }
        Ok(Self {
            server: server.to_string_lossy().into_owned(),
            ffprobe: ffprobe.path.clone(),
            certificate,
            folder,
        })
    }

    /// A server for one row.
    pub fn serve(&self, data: &Path) -> Server {
        let builder = ServerBuilder::new(&self.server, data).with("--keep-flv");
        builder.with(&self.certificate.options()).start()
    }

    /// The program: the server, and the client.
    pub fn program(&self) -> &str {
        &self.server
    }

    /// Key and certificate for servers of others.
    pub fn key_and_certificate(&self) -> (&str, &str) {
        let Files { certificate, key, .. } = &self.certificate;
        (key.to_str().expect("UTF-8"), certificate.to_str().expect("UTF-8"))
    }

    /// The films' folder.
    pub fn films(&self) -> &Path {
        self.folder.path()
    }

    /// The certificate that clients have to trust, PEM.
    pub fn authority(&self) -> &str {
        self.certificate.authority.to_str().expect("UTF-8")
    }

    /// The tracks of a file.
    pub fn tracks(&self, file: &Path) -> Result<Vec<Track>, String> {
        packets::tracks(&self.ffprobe, file)
    }
}

/// Where the stream is.
pub fn url(server: &Server, transport: Transport) -> String {
    match transport {
        Transport::Rtmp => server.rtmp_url(STREAM),
        Transport::Rtmps => server.rtmps_url(STREAM),
    }
}

/// The FLV that was recorded, once it is whole.
pub fn recorded(server: &Server) -> PathBuf {
    until("end of the recording", LIMIT, || {
        let recordings = server.recordings();
        let whole = |one: &Value| one["state"] == "done" || one["state"] == "failed";
        (!recordings.is_empty() && recordings.iter().all(whole)).then_some(())
    });
    server.file(STREAM, "flv")
}

/// Waits for a program to end of itself, and ends it where it does not: not all do when the stream is over.
pub fn end(process: &mut Process) {
    let mut deadline = Instant::now() + Duration::from_secs(5);
    let mut asked = false;
    while process.exited().is_none() {
        if Instant::now() > deadline {
            if asked {
                process.kill();
            } else {
                process.signal("INT");
                asked = true;
                deadline = Instant::now() + Duration::from_secs(2);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
