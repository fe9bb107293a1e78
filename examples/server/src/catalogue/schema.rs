//! The table.

use crate::store::Schema;

/// Recordings, each with its upload.
pub const SCHEMA: Schema = Schema {
    module: "catalogue",
    steps: &["
        CREATE TABLE asset (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            key TEXT NOT NULL UNIQUE,
            app TEXT NOT NULL,
            name TEXT NOT NULL,
            live_stream TEXT,
            started INTEGER NOT NULL,
            duration INTEGER NOT NULL,
            bytes INTEGER NOT NULL,
            tracks TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('ready', 'waiting', 'uploading', 'uploaded', 'deleting')),
            local INTEGER NOT NULL DEFAULT 1,
            poster TEXT,
            sha256 TEXT,
            error TEXT,
            attempts INTEGER NOT NULL DEFAULT 0,
            due INTEGER NOT NULL DEFAULT 0,
            upload_id TEXT,
            part_size INTEGER NOT NULL DEFAULT 0,
            parts TEXT NOT NULL DEFAULT '[]',
            sent INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE INDEX asset_by_state ON asset (state);
        CREATE INDEX asset_by_stream ON asset (live_stream, seq);
    ",
    // Of a recording that is not in the folder of recordings.
    "ALTER TABLE asset ADD COLUMN file TEXT",
    // What receivers of events know of it: 0 nothing, 1 that it is whole, 2 that its live stream has ended, too.
    "ALTER TABLE asset ADD COLUMN told INTEGER NOT NULL DEFAULT 2"],
};
