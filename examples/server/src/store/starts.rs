//! How often this server was started.

use super::{Schema, Store, StoreError};

/// One row.
pub(super) const SCHEMA: Schema = Schema {
    module: "starts",
    steps: &[
        "CREATE TABLE starts (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL) STRICT",
    ],
};

impl Store {
    /// Counts this start, and gives how many there were with it.
    pub async fn count_start(&self) -> Result<u64, StoreError> {
        self.call(|db| {
            db.query_row(
                "INSERT INTO starts (one, count) VALUES (1, 1)
                 ON CONFLICT (one) DO UPDATE SET count = count + 1 RETURNING count",
                [],
                |row| row.get::<_, i64>(0),
            )
        })
        .await
        .map(|count| u64::try_from(count).unwrap_or(0))
    }
}
