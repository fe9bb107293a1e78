//! One recording as a row.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::finish::{DoneTrack, RecordingDone};
use crate::recorder::config::Format;
use crate::recordings::elsewhere;

/// Where a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AssetState {
    /// On this machine, where it stays.
    Ready,
    /// On this machine, waiting for its upload.
    Waiting,
    /// Being uploaded.
    Uploading,
    /// In the bucket or folder for uploads.
    Uploaded,
    /// Being deleted.
    Deleting,
}

impl AssetState {
    pub(super) const ALL: [(Self, &'static str); 5] = [
        (Self::Ready, "ready"),
        (Self::Waiting, "waiting"),
        (Self::Uploading, "uploading"),
        (Self::Uploaded, "uploaded"),
        (Self::Deleting, "deleting"),
    ];

    /// As it is kept.
    pub fn text(self) -> &'static str {
        Self::ALL.into_iter().find(|(state, _)| *state == self).map_or("", |(_, text)| text)
    }

    fn read(text: &str) -> Self {
        Self::ALL.into_iter().find(|(_, known)| *known == text).map_or(Self::Ready, |(it, _)| it)
    }
}

/// A track of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Track {
    /// `video` or `audio`.
    pub kind: String,
    /// RFC 6381 where it is known.
    pub codec: String,
    /// Pixels; 0 for sound.
    pub width: u32,
    /// Pixels; 0 for sound.
    pub height: u32,
    /// Hertz; 0 for pictures.
    pub sample_rate: u32,
    /// 0 for pictures.
    pub channels: u32,
}

/// A recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// Grows with each; 0 before it is a row.
    pub seq: i64,
    pub id: String,
    /// Path of the file below the folder of recordings, and of the object below the prefix.
    pub key: String,
    pub app: String,
    pub name: String,
    /// Id of its live stream, where it has one.
    pub live_stream: Option<String>,
    /// Milliseconds since 1970.
    pub started: i64,
    /// Milliseconds.
    pub duration: i64,
    pub bytes: i64,
    pub tracks: Vec<Track>,
    pub state: AssetState,
    /// Whether the file is on this machine.
    pub local: bool,
    /// `ready`, or why there is no picture; nothing yet where it is `None`.
    pub poster: Option<String>,
    /// Of the file, in hex, once it was uploaded.
    pub sha256: Option<String>,
    /// What the last attempt of its upload failed with.
    pub error: Option<String>,
    /// Attempts that failed, one after the other.
    pub attempts: u32,
    /// When the next attempt is due, in milliseconds since 1970.
    pub due: i64,
    /// The multipart upload that goes on, its size of a part, and its parts.
    pub upload_id: Option<String>,
    pub part_size: i64,
    pub parts: Vec<String>,
    /// Bytes that are uploaded.
    pub sent: i64,
    /// Its file, where that is not below the folder of recordings.
    pub file: Option<String>,
}

impl Asset {
    /// What there is to know of it, as of a recording that was left behind.
    pub(super) fn as_done(&self, path: PathBuf) -> RecordingDone {
        let tracks = self.tracks.iter().filter_map(|track| {
            Some(DoneTrack {
                kind: ["video", "audio"].into_iter().find(|kind| track.kind == *kind)?,
                codec: track.codec.clone(),
                width: track.width,
                height: track.height,
                sample_rate: track.sample_rate,
                channels: track.channels,
            })
        });
        let is_flv = path.extension().is_some_and(|extension| extension == "flv");
        RecordingDone {
            key: self.file.is_none().then(|| self.key.clone()),
            app: self.app.clone(),
            name: self.name.clone(),
            recorder: String::new(),
            format: if is_flv { Format::Flv } else { Format::Mp4 },
            started: Timestamp::from_millisecond(self.started).unwrap_or_default(),
            duration: Duration::from_millis(u64::try_from(self.duration).unwrap_or(0)),
            bytes: u64::try_from(self.bytes).unwrap_or(0),
            tracks: tracks.collect(),
            lost: 0,
            left_over: true,
            config: None,
            shown: String::new(),
            path,
        }
    }

    /// The row of a recording that has just been finished.
    pub(super) fn of(done: &RecordingDone, live_stream: Option<String>, uploads: bool) -> Self {
        let tracks = done.tracks.iter().map(|track| Track {
            kind: track.kind.to_owned(),
            codec: track.codec.clone(),
            width: track.width,
            height: track.height,
            sample_rate: track.sample_rate,
            channels: track.channels,
        });
        let key = key_of(done);
        let asset = Self::new(key, (&done.app, &done.name), live_stream, uploads);
        Self {
            started: done.started.as_millisecond(),
            duration: i64::try_from(done.duration.as_millis()).unwrap_or(i64::MAX),
            bytes: i64::try_from(done.bytes).unwrap_or(i64::MAX),
            tracks: tracks.collect(),
            file: done.key.is_none().then(|| done.path.display().to_string()),
            ..asset
        }
    }

    /// A row of which only the file is known.
    pub(super) fn new(
        key: String,
        (app, name): (&str, &str),
        live_stream: Option<String>,
        uploads: bool,
    ) -> Self {
        Self {
            seq: 0,
            id: crate::keys::new_id("as_"),
            key,
            app: app.to_owned(),
            name: name.to_owned(),
            live_stream,
            started: 0,
            duration: 0,
            bytes: 0,
            tracks: Vec::new(),
            state: if uploads { AssetState::Waiting } else { AssetState::Ready },
            local: true,
            poster: None,
            sha256: None,
            error: None,
            attempts: 0,
            due: 0,
            upload_id: None,
            part_size: 0,
            parts: Vec::new(),
            sent: 0,
            file: None,
        }
    }
}

/// Path of a recording below the folder of recordings, which is that of its object in a bucket, too.
pub(super) fn key_of(done: &RecordingDone) -> String {
    match &done.key {
        Some(key) => key.clone(),
        None => key_elsewhere(&done.path, (&done.app, &done.name), done.started),
    }
}

/// The same of one that is elsewhere: the path that it would have, with its own name behind its start, so that no two have the same.
pub(super) fn key_elsewhere(file: &Path, (app, name): (&str, &str), started: Timestamp) -> String {
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    let started = started.strftime("%Y-%m-%dT%H-%M-%S.%3fZ");
    let folder = if app.is_empty() { name.to_owned() } else { format!("{app}/{name}") };
    format!("{folder}/{started}-{file}")
}

/// What [`read`] reads, in its order.
pub(crate) const COLUMNS: &str = "seq, id, key, app, name, live_stream, started, duration, bytes, tracks, state, local, \
     poster, sha256, error, attempts, due, upload_id, part_size, parts, sent, file";

/// Makes the row, unless the file has one. Says whether it was made.
pub(super) fn insert(db: &Connection, asset: &Asset) -> rusqlite::Result<bool> {
    let tracks = serde_json::to_string(&asset.tracks).unwrap_or_else(|_| "[]".into());
    if let Some(file) = &asset.file {
        elsewhere::forget(db, file)?;
    }
    let made = db.execute(
        "INSERT INTO asset (id, key, app, name, live_stream, started, duration, bytes, tracks, state, file, told)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0) ON CONFLICT (key) DO NOTHING",
        (
            &asset.id,
            &asset.key,
            &asset.app,
            &asset.name,
            &asset.live_stream,
            asset.started,
            asset.duration,
            asset.bytes,
            tracks,
            asset.state.text(),
            &asset.file,
        ),
    )?;
    Ok(made > 0)
}

/// Rows behind the one with number `after`; newest first, those before it, or all where it is 0.
pub(super) fn page(
    db: &Connection,
    (after, newest_first): (i64, bool),
    limit: usize,
    stream: Option<&str>,
) -> rusqlite::Result<Vec<Asset>> {
    let (which, order) =
        if newest_first { ("(?1 = 0 OR seq < ?1)", "DESC") } else { ("seq > ?1", "ASC") };
    let sql = format!(
        "SELECT {COLUMNS} FROM asset WHERE {which} AND (?2 IS NULL OR live_stream = ?2) ORDER BY seq {order} LIMIT ?3"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map((after, stream, limit as i64), read)?;
    rows.collect()
}

/// One row of [`COLUMNS`].
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Asset> {
    Ok(Asset {
        seq: row.get(0)?,
        id: row.get(1)?,
        key: row.get(2)?,
        app: row.get(3)?,
        name: row.get(4)?,
        live_stream: row.get(5)?,
        started: row.get(6)?,
        duration: row.get(7)?,
        bytes: row.get(8)?,
        tracks: json(row, 9)?,
        state: AssetState::read(&row.get::<_, String>(10)?),
        local: row.get(11)?,
        poster: row.get(12)?,
        sha256: row.get(13)?,
        error: row.get(14)?,
        attempts: row.get(15)?,
        due: row.get(16)?,
        upload_id: row.get(17)?,
        part_size: row.get(18)?,
        parts: json(row, 19)?,
        sent: row.get(20)?,
        file: row.get(21)?,
    })
}

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    serde_json::from_str(&row.get::<_, String>(at)?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, error.into()))
}
