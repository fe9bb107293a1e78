//! `streamcore record`: a stream of an RTMP server into an FLV.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use streamcore::driver::tokio::ClientHandler;
use streamcore::error::Result;
use streamcore::flv::{Tag, TagKind};
use streamcore::limits::Limits;
use streamcore::record::FlvRecorder;
use streamcore::rtmp::session::{ClientConfig, ClientEvent, ClientSession};
use streamcore::time::Unwrap32;

use super::timeline::is_frame;
use super::{Clock, Progress, RecordArgs, Size, Work, last_words, remark};

/// Time between the last frame of one connection and the first of the next, in milliseconds: more than pictures are
/// reordered by, so that none of the next is shown before the last.
const JOINT: i64 = 500;

/// Runs the command.
pub fn run(args: &RecordArgs) -> anyhow::Result<()> {
    let shown = args.output.display();
    let extension = args.output.extension().and_then(|extension| extension.to_str());
    ensure!(
        extension.is_some_and(|extension| extension.eq_ignore_ascii_case("flv")),
        "{shown}: a stream is recorded as FLV (`streamcore remux` makes an MP4 of it): name a file that ends in .flv"
    );
    ensure!(args.overwrite || !args.output.exists(), "{shown} exists: --overwrite replaces it");
    let url = super::parse_url(&args.connect)?;
    let limit =
        args.duration.map(|duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
    let mut recorder = Recorder::new(&args.output, args.overwrite, limit, args.connect.verbose);
    let runtime = super::runtime()?;
    let config = ClientConfig::play(url);
    let result = runtime.block_on(super::run_work(config, &args.connect, &mut recorder));
    recorder.progress.end();
    let finished = recorder.finish().with_context(|| format!("cannot write {shown}"));
    if let Some(error) = recorder.fault {
        return Err(error).with_context(|| format!("cannot write {shown}"));
    }
    let any = finished?;
    result?;
    ensure!(any, "{shown}: nothing was recorded: no media came");
    eprintln!("{shown}: recorded {}, {}", Clock(recorder.length()), Size(recorder.progress.bytes));
    Ok(())
}

/// Writes what comes.
struct Recorder {
    path: PathBuf,
    overwrite: bool,
    file: Option<File>,
    flv: FlvRecorder,
    /// Milliseconds to record.
    limit: Option<i64>,
    unwrap: Unwrap32,
    /// What is added to the times of this connection; none before its first frame.
    shift: Option<i64>,
    first: Option<i64>,
    last: Option<i64>,
    /// Whether media came over this connection.
    playing: bool,
    done: bool,
    said: Option<String>,
    fault: Option<anyhow::Error>,
    progress: Progress,
    verbose: bool,
    place: String,
}

impl Recorder {
    fn new(path: &Path, overwrite: bool, limit: Option<i64>, verbose: bool) -> Self {
        Self {
            path: path.to_owned(),
            overwrite,
            file: None,
            flv: FlvRecorder::new(&Limits::default()),
            limit,
            unwrap: Unwrap32::default(),
            shift: None,
            first: None,
            last: None,
            playing: false,
            done: false,
            said: None,
            fault: None,
            progress: Progress::new("recording"),
            verbose,
            place: String::new(),
        }
    }

    /// Milliseconds from the first frame to the last.
    fn length(&self) -> i64 {
        self.last.zip(self.first).map_or(0, |(last, first)| last - first)
    }

    /// The time of a message on the file's line: that of this connection stands behind that of the one before.
    fn place(&mut self, tag: &Tag) -> i64 {
        let time = self.unwrap.unwrap(tag.timestamp);
        let shift = match (self.shift, self.last) {
            (Some(shift), _) => shift,
            (None, Some(last)) => last + JOINT - time,
            (None, None) => 0,
        };
        if is_frame(tag) {
            self.shift = Some(shift);
            self.first.get_or_insert(time + shift);
            self.last = Some(self.last.map_or(time + shift, |last| last.max(time + shift)));
        }
        time + shift
    }

    /// Takes one message. False once all is recorded that was asked for.
    fn take(&mut self, kind: TagKind, timestamp: u32, body: bytes::Bytes) -> anyhow::Result<bool> {
        let tag = Tag { kind, timestamp, body };
        let time = self.place(&tag);
        if self.limit.is_some_and(|limit| self.length() >= limit) {
            return Ok(false);
        }
        let timestamp = u32::try_from(time.rem_euclid(1 << 32)).unwrap_or(0);
        self.progress.add(self.length(), tag.body.len());
        let bytes = self.flv.handle_tag(&Tag { timestamp, ..tag })?;
        if !bytes.is_empty() {
            self.file()?.write_all(&bytes.to_bytes())?;
        }
        Ok(true)
    }

    /// The file, made with the first bytes: a server that sends nothing leaves none behind.
    fn file(&mut self) -> io::Result<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            none => {
                let mut options = OpenOptions::new();
                options.write(true).truncate(self.overwrite);
                options.create(self.overwrite).create_new(!self.overwrite);
                Ok(none.insert(options.open(&self.path)?))
            }
        }
    }

    /// Fills in duration and size. False where nothing came.
    fn finish(&mut self) -> io::Result<bool> {
        if self.fault.is_some() || self.first.is_none() {
            return Ok(self.file.is_some());
        }
        for patch in self.flv.finish() {
            let file = self.file()?;
            file.seek(SeekFrom::Start(patch.offset))?;
            file.write_all(&patch.bytes)?;
        }
        self.file()?.sync_all()?;
        Ok(true)
    }
}

impl Work for Recorder {
    fn begin(&mut self, place: &str) {
        place.clone_into(&mut self.place);
        (self.playing, self.shift, self.said) = (false, None, None);
        self.unwrap = Unwrap32::default();
    }

    fn is_done(&self) -> bool {
        self.done || self.fault.is_some()
    }

    fn said(&mut self) -> Option<String> {
        self.said.take()
    }

    fn got_somewhere(&self) -> bool {
        self.playing
    }
}

impl ClientHandler for Recorder {
    fn handle_event(&mut self, session: &mut ClientSession, event: ClientEvent) -> Result<()> {
        remark(self.verbose, &event);
        self.said = last_words(&event).or_else(|| self.said.take());
        match event {
            ClientEvent::Media { kind, timestamp, payload } if !self.is_done() => {
                let Some(kind) = TagKind::from_type_id(kind) else { return Ok(()) };
                self.playing = true;
                match self.take(kind, timestamp, payload) {
                    Ok(true) => {}
                    Ok(false) => {
                        self.done = true;
                        session.finish();
                    }
                    Err(error) => {
                        self.fault = Some(error);
                        session.finish();
                    }
                }
            }
            ClientEvent::Playing => {
                let file = self.path.display();
                self.progress.say(&format!("{}: recording to {file}", self.place));
            }
            ClientEvent::Ended => {
                self.done = true;
                session.finish();
            }
            ClientEvent::ReconnectRequest { .. } => session.finish(),
            _ => {}
        }
        Ok(())
    }
}
