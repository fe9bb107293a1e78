//! Who this server is, from its first start on.

use std::fmt::Write as _;

use rusqlite::OptionalExtension as _;

use super::{Schema, Store, StoreError};

/// One row.
pub(super) const SCHEMA: Schema = Schema {
    module: "identity",
    steps: &["CREATE TABLE identity (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        server_id TEXT NOT NULL
    ) STRICT"],
};

impl Store {
    /// Identifier of this server, and whether this is its first start.
    pub async fn server_id(&self) -> Result<(String, bool), StoreError> {
        let known = self.read(|db| {
            db.query_row("SELECT server_id FROM identity", [], |row| row.get(0)).optional()
        });
        if let Some(id) = known.await? {
            return Ok((id, false));
        }
        let id = rand::random::<[u8; 16]>().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let made = id.clone();
        self.call(move |db| {
            db.execute("INSERT INTO identity (one, server_id) VALUES (1, ?1)", [made])
        })
        .await?;
        Ok((id, true))
    }
}
