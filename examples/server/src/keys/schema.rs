//! The tables.

use crate::store::Schema;

/// Tables of live streams and what opens them. A live stream that was deleted keeps its row and its playback ids: its recordings
/// stay as guarded as they were, and nobody else gets its path.
pub const SCHEMA: Schema = Schema {
    module: "keys",
    steps: &["
        CREATE TABLE keys_secret (one INTEGER PRIMARY KEY CHECK (one = 1), secret BLOB NOT NULL) STRICT;
        CREATE TABLE live_stream (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            path TEXT NOT NULL UNIQUE,
            created INTEGER NOT NULL,
            disabled INTEGER NOT NULL DEFAULT 0,
            deleted INTEGER NOT NULL DEFAULT 0,
            settings TEXT NOT NULL
        ) STRICT;
        CREATE TABLE stream_key (
            id TEXT PRIMARY KEY NOT NULL,
            stream TEXT NOT NULL REFERENCES live_stream (id),
            hash BLOB NOT NULL UNIQUE,
            hint TEXT NOT NULL,
            created INTEGER NOT NULL,
            enabled INTEGER NOT NULL DEFAULT 1
        ) STRICT;
        CREATE TABLE playback_id (
            id TEXT PRIMARY KEY NOT NULL,
            stream TEXT NOT NULL REFERENCES live_stream (id),
            policy TEXT NOT NULL CHECK (policy IN ('public', 'signed'))
        ) STRICT;
        CREATE TABLE signing_key (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            algorithm TEXT NOT NULL,
            material BLOB NOT NULL,
            created INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE api_token (
            id TEXT PRIMARY KEY NOT NULL,
            hash BLOB NOT NULL UNIQUE,
            created INTEGER NOT NULL
        ) STRICT;
    "],
};
