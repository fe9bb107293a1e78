use std::path::Path;

use rusqlite::Connection;

use super::*;

const NOTES: Schema = Schema {
    module: "notes",
    steps: &["CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT"],
};

fn open(folder: &Path) -> Store {
    Store::open(folder, &[NOTES]).unwrap()
}

fn refused(folder: &Path, schemas: &[Schema]) -> String {
    format!("{:#}", Store::open(folder, schemas).unwrap_err())
}

/// Waits for the threads of a store that was dropped: the last of them writes the log back and removes it.
fn closed(file: &Path) {
    let log = file.with_extension("db-wal");
    let start = std::time::Instant::now();
    while log.exists() {
        assert!(start.elapsed().as_secs() < 30, "the log stays");
        std::thread::yield_now();
    }
}

async fn add(store: &Store, text: &'static str) -> Result<usize, StoreError> {
    store.call(move |db| db.execute("INSERT INTO note (text) VALUES (?1)", [text])).await
}

async fn count(store: &Store) -> i64 {
    store.read(|db| db.query_row("SELECT count(*) FROM note", [], |row| row.get(0))).await.unwrap()
}

#[tokio::test]
async fn what_was_answered_is_there_after_another_start() {
    let dir = tempfile::tempdir().unwrap();
    add(&open(dir.path()), "one").await.unwrap();
    assert_eq!(count(&open(dir.path())).await, 1);
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    add(&store, "one").await.unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log and the log's index");
}

#[tokio::test]
async fn many_calls_at_once_share_transactions_and_each_gets_its_answer() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let calls: Vec<_> = (0..500)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .call(move |db| db.execute("INSERT INTO note (text) VALUES (?1)", [n % 400]))
                    .await
            })
        })
        .collect();
    let mut refused = 0;
    for call in calls {
        if let Err(error) = call.await.unwrap() {
            assert!(error.to_string().contains("UNIQUE"), "{error}");
            refused += 1;
        }
    }
    assert_eq!((count(&store).await, refused), (400, 100));
}

#[tokio::test]
async fn a_call_that_fails_or_panics_leaves_nothing_and_no_other_call_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let half = store.call(|db| {
        db.execute("INSERT INTO note (text) VALUES ('half')", [])?;
        db.execute("INSERT INTO nothing VALUES (1)", [])
    });
    assert!(matches!(half.await, Err(StoreError::Sqlite(_))));
    let panics = store.call(|db| -> rusqlite::Result<()> {
        db.execute("INSERT INTO note (text) VALUES ('half')", [])?;
        panic!("on purpose")
    });
    assert!(matches!(panics.await, Err(StoreError::Panicked)));
    add(&store, "whole").await.unwrap();
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn reading_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert!(store.read(|db| db.execute("DELETE FROM note", [])).await.is_err());
}

#[tokio::test]
async fn modules_migrate_step_by_step() {
    const MORE: Schema = Schema {
        module: "notes",
        steps: &[NOTES.steps[0], "ALTER TABLE note ADD COLUMN mark INTEGER NOT NULL DEFAULT 7"],
    };
    const OTHER: Schema =
        Schema { module: "other", steps: &["CREATE TABLE other (id INTEGER PRIMARY KEY) STRICT"] };
    let dir = tempfile::tempdir().unwrap();
    add(&open(dir.path()), "one").await.unwrap();
    let store = Store::open(dir.path(), &[MORE, OTHER]).unwrap();
    let mark =
        store.read(|db| db.query_row("SELECT mark FROM note", [], |row| row.get::<_, i64>(0)));
    assert_eq!(mark.await.unwrap(), 7);
    let error = refused(dir.path(), &[NOTES, OTHER]);
    assert!(error.contains("newer version") && error.contains("notes has version 2"), "{error}");
    let error = refused(dir.path(), &[MORE]);
    assert!(error.contains("newer version") && error.contains("`other`"), "{error}");
}

#[test]
fn a_step_that_fails_takes_no_step() {
    const BROKEN: Schema = Schema { module: "notes", steps: &[NOTES.steps[0], "CREATE NONSENSE"] };
    let dir = tempfile::tempdir().unwrap();
    let error = refused(dir.path(), &[BROKEN]);
    assert!(error.contains("notes to version 2") && error.contains("streamcore.db"), "{error}");
    open(dir.path());
}

#[test]
fn a_locked_database_is_said_to_be_locked() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let other = Connection::open(dir.path().join("streamcore.db")).unwrap();
    other.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = refused(dir.path(), &[NOTES]);
    assert!(error.contains("locked by another program"), "{error}");
}

#[test]
fn a_damaged_database_is_said_to_be_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("streamcore.db");
    std::fs::write(&file, [b'x'; 5000]).unwrap();
    let error = refused(dir.path(), &[NOTES]);
    assert!(error.contains("damaged") && error.contains("streamcore.db"), "{error}");
    std::fs::remove_file(&file).unwrap();
    drop(open(dir.path()));
    closed(&file);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4096..].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    let error = refused(dir.path(), &[NOTES]);
    assert!(error.contains("damaged"), "{error}");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, b"no folder").unwrap();
    let error = refused(&file, &[NOTES]);
    assert!(error.contains(file.to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_server_keeps_its_identifier() {
    let dir = tempfile::tempdir().unwrap();
    let id = |store: Store| async move { store.server_id().await.unwrap() };
    let (first, new) = id(Store::open(dir.path(), SCHEMAS).unwrap()).await;
    assert!(new && first.len() == 32);
    assert_eq!(id(Store::open(dir.path(), SCHEMAS).unwrap()).await, (first, false));
}
