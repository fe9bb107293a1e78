use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn temporary() -> (tempfile::TempDir, Recordings) {
    let dir = tempfile::tempdir().unwrap();
    let recordings = Recordings::open(dir.path()).unwrap();
    (dir, recordings)
}

#[test]
fn names_hold_the_start_to_the_millisecond_and_never_collide() {
    let (dir, recordings) = temporary();
    let started = at("2026-11-23T21:09:00.123456Z");
    let (first, _) = recordings.start("live/demo", started).unwrap();
    let (second, _) = recordings.start("live/demo", started).unwrap();
    let folder = dir.path().join("recordings/live/demo");
    assert_eq!(first.flv(), folder.join("2026-11-23T21-09-00.123Z.flv"));
    assert_eq!(second.flv(), folder.join("2026-11-23T21-09-00.123Z-2.flv"));
    assert_eq!(second.part(), folder.join("2026-11-23T21-09-00.123Z-2.mp4.part"));
    assert!(recordings.start("live/../../x", started).is_err());
    let shown = dir.path().join("recordings/live/de…/2026-11-23T21-09-00.123Z.flv");
    assert_eq!(first.shown(), shown.to_str().unwrap());
}

#[test]
fn lists_what_is_live_and_what_is_on_disk_newest_first() {
    let (dir, recordings) = temporary();
    let (old, _) = recordings.start("live/a b/c", at("2026-01-01T00:00:00Z")).unwrap();
    let (live, _) = recordings.start("solo", at("2026-01-02T00:00:00.5Z")).unwrap();
    live.progress(1000, 2500);
    fs::rename(old.flv(), old.mp4()).unwrap();
    recordings.finished(&old);
    fs::write(dir.path().join("recordings/live/a b/c/x.mp4.part"), b"half").unwrap();
    let items = serde_json::to_value(recordings.list()).unwrap();
    assert_eq!(items.as_array().unwrap().len(), 2);
    assert_eq!(
        items[0],
        serde_json::json!({"app": "", "name": "solo", "started": "2026-01-02T00:00:00.500Z", "duration_s": 2.5,
            "bytes": 1000, "state": "recording", "mp4": null,
            "flv": "/recordings/solo/2026-01-02T00-00-00.500Z.flv", "error": null})
    );
    assert_eq!(
        items[1],
        serde_json::json!({"app": "live", "name": "a b/c", "started": "2026-01-01T00:00:00.000Z", "duration_s": null,
            "bytes": 0, "state": "done", "mp4": "/recordings/live/a%20b/c/2026-01-01T00-00-00.000Z.mp4",
            "flv": null, "error": null})
    );
}

#[test]
fn what_was_left_behind_is_found_and_half_files_go() {
    let (dir, recordings) = temporary();
    let (left, _) = recordings.start("live/demo", at("2026-01-01T00:00:00Z")).unwrap();
    fs::write(left.part(), b"half").unwrap();
    let (done, _) = recordings.start("live/demo", at("2026-01-02T00:00:00Z")).unwrap();
    fs::write(done.mp4(), b"whole").unwrap();
    drop(recordings);
    let again = Recordings::open(dir.path()).unwrap();
    let found: Vec<_> = again.left_over().iter().map(|recording| recording.flv()).collect();
    assert_eq!(found, [left.flv()]);
    assert!(!left.part().exists() && done.flv().exists());
    assert_eq!(again.list().last().unwrap().state, State::Remuxing);
}

#[test]
fn f08_f24_only_whole_recordings_inside_the_folder_are_served() {
    let (dir, recordings) = temporary();
    let folder = dir.path().join("recordings/live");
    fs::create_dir_all(&folder).unwrap();
    fs::write(dir.path().join("secret.mp4"), b"x").unwrap();
    fs::write(folder.join("a.mp4"), b"x").unwrap();
    fs::write(folder.join("a.mp4.part"), b"x").unwrap();
    fs::write(folder.join(".b.mp4"), b"x").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(dir.path().join("secret.mp4"), folder.join("link.mp4")).unwrap();
    assert!(recordings.file("live/a.mp4").is_some());
    for bad in [
        "live/a.mp4.part",
        "live/.b.mp4",
        "../secret.mp4",
        "live",
        "live/link.mp4",
        "live/none.mp4",
        "",
    ] {
        assert!(recordings.file(bad).is_none(), "{bad}");
    }
}
