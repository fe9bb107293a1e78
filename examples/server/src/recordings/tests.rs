use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn temporary() -> (tempfile::TempDir, Recordings) {
    let dir = tempfile::tempdir().unwrap();
    let recordings = Recordings::open(dir.path()).unwrap();
    (dir, recordings)
}

fn plan(stream: &str, started: &str) -> Plan {
    Plan {
        stream: stream.to_owned(),
        started: at(started),
        config: Arc::default(),
        format: Format::Mp4,
    }
}

fn named(stream: &str, path: Option<&Path>, suffix: Option<&str>, unique: bool) -> Plan {
    let suffix = suffix.map(|suffix| suffix.parse().unwrap());
    let naming = Naming::Named { path: path.map(Path::to_owned), suffix, unique };
    let config = Arc::new(RecordConfig { naming, ..RecordConfig::default() });
    Plan { config, ..plan(stream, "2026-11-23T21:09:00Z") }
}

#[test]
fn names_hold_the_start_to_the_millisecond_and_never_collide() {
    let (dir, recordings) = temporary();
    let plan = plan("live/demo", "2026-11-23T21:09:00.123456Z");
    let (first, _) = recordings.create(&plan).unwrap();
    let (second, _) = recordings.create(&plan).unwrap();
    let (beside, _) = recordings.create(&Plan { format: Format::Flv, ..plan.clone() }).unwrap();
    let folder = dir.path().join("recordings/live/demo");
    assert_eq!(first.live(), folder.join("2026-11-23T21-09-00.123Z.live.mp4"));
    assert_eq!(first.done(), folder.join("2026-11-23T21-09-00.123Z.mp4"));
    assert_eq!(second.live(), folder.join("2026-11-23T21-09-00.123Z-2.live.mp4"));
    assert_eq!(beside.done(), folder.join("2026-11-23T21-09-00.123Z.flv"));
    assert!(recordings.create(&Plan { stream: "live/../../x".into(), ..plan }).is_err());
    let shown = dir.path().join("recordings/live/de…/2026-11-23T21-09-00.123Z.mp4");
    assert_eq!(first.shown(), shown.to_str().unwrap());
}

#[test]
fn names_as_nginx_rtmp_has_them_and_no_file_is_ever_overwritten() {
    let (dir, recordings) = temporary();
    let other = dir.path().join("elsewhere");
    let make = |plan: &Plan| recordings.create(plan).unwrap().0;
    let made = make(&named("live/demo", Some(&other), None, false));
    assert_eq!(made.done(), other.join("demo.mp4"));
    fs::rename(made.live(), made.done()).unwrap();
    assert_eq!(made.shown(), other.join("de….mp4").to_str().unwrap(), "f16");
    let made = make(&named("live/demo", Some(&other), None, false));
    assert_eq!(made.done(), other.join("demo-2.mp4"));
    let made = make(&named("live/demo", Some(&other), Some("-%d-%b-%y.flv"), true));
    assert_eq!(made.done(), other.join("demo-1795468140-23-Nov-26.mp4"));
    let made = make(&named("live/room/demo", None, Some("_%H%M"), false));
    assert_eq!(made.done(), dir.path().join("recordings/live/room/demo_2109.mp4"));
    let made = make(&named("solo", None, None, false));
    assert_eq!(made.done(), dir.path().join("recordings/solo.mp4"));
}

#[test]
fn f_08_f_24_hostile_and_long_names_make_no_file() {
    let (dir, recordings) = temporary();
    let long = format!("live/{}", "n".repeat(240));
    for stream in ["live/..", "live/../../x", "../x", "live/.x", "live/a\\b", "live/a\0", &long] {
        for plan in [named(stream, None, None, true), named(stream, Some(dir.path()), None, true)] {
            assert!(recordings.create(&plan).is_err(), "{stream}");
        }
    }
    let left: Vec<_> = walk(dir.path()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, Vec::<String>::new());
    #[cfg(unix)]
    {
        // A link in the way is not followed.
        let outside = dir.path().join("outside");
        fs::create_dir_all(dir.path().join("recordings/live")).unwrap();
        let link = dir.path().join("recordings/live/demo.live.mp4");
        std::os::unix::fs::symlink(&outside, link).unwrap();
        let (made, _) = recordings.create(&named("live/demo", None, None, false)).unwrap();
        assert!(made.live().ends_with("demo-2.live.mp4") && !outside.exists());
    }
}

#[test]
fn lists_what_is_live_and_what_is_on_disk_newest_first() {
    let (dir, recordings) = temporary();
    let (old, _) = recordings.create(&plan("live/a b/c", "2026-01-01T00:00:00Z")).unwrap();
    let (live, _) = recordings.create(&plan("solo", "2026-01-02T00:00:00.5Z")).unwrap();
    live.progress(1000, 2500, 7);
    fs::rename(old.live(), old.done()).unwrap();
    recordings.finished(&old);
    fs::write(dir.path().join("recordings/live/a b/c/x.mp4.part"), b"half").unwrap();
    let items = serde_json::to_value(recordings.list(&[])).unwrap();
    assert_eq!(items.as_array().unwrap().len(), 2);
    assert_eq!(
        items[0],
        serde_json::json!({"app": "", "name": "solo", "started": "2026-01-02T00:00:00.500Z", "duration_s": 2.5,
            "bytes": 1000, "state": "recording", "mp4": null, "flv": null, "lost": 7, "uploaded": false, "error": null})
    );
    assert_eq!(
        items[1],
        serde_json::json!({"app": "live", "name": "a b/c", "started": "2026-01-01T00:00:00.000Z", "duration_s": null,
            "bytes": 0, "state": "done", "mp4": "/recordings/live/a%20b/c/2026-01-01T00-00-00.000Z.mp4",
            "flv": null, "lost": 0, "uploaded": false, "error": null})
    );
}

#[test]
fn an_mp4_and_an_flv_of_one_start_are_one_item() {
    let (_dir, recordings) = temporary();
    let mp4 = plan("live/demo", "2026-01-01T00:00:00Z");
    let (mp4, _) = recordings.create(&mp4).unwrap();
    let flv = Plan { format: Format::Flv, ..plan("live/demo", "2026-01-01T00:00:00Z") };
    let (flv, _) = recordings.create(&flv).unwrap();
    fs::rename(mp4.live(), mp4.done()).unwrap();
    recordings.finished(&mp4);
    flv.set_state(State::Finishing, None);
    let items = recordings.list(&[]);
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].state, State::Finishing);
    assert!(items[0].flv.as_ref().unwrap().ends_with(".live.flv") && items[0].mp4.is_some());
}

#[test]
fn what_was_left_behind_is_found_wherever_it_is() {
    let (dir, recordings) = temporary();
    let other = dir.path().join("elsewhere");
    let (left, _) = recordings.create(&plan("live/demo", "2026-01-01T00:00:00Z")).unwrap();
    let (far, _) = recordings.create(&named("live/demo", Some(&other), None, false)).unwrap();
    let (done, _) = recordings.create(&plan("live/demo", "2026-01-02T00:00:00Z")).unwrap();
    fs::rename(done.live(), done.done()).unwrap();
    drop(recordings);
    let again = Recordings::open(dir.path()).unwrap();
    let config = named("live/demo", Some(&other), None, false).config;
    let settings = RecordSettings { default: vec![config], ..RecordSettings::default() };
    let found = again.left_over(&settings, &[]);
    let files: Vec<_> = found.iter().map(|recording| recording.live()).collect();
    assert_eq!(files, [left.live(), far.live()]);
    assert_eq!((found[0].stream(), found[1].stream()), ("live/demo", "demo"));
    assert_eq!(again.list(&[]).last().unwrap().state, State::Finishing);
}

#[test]
fn f08_f24_only_recordings_inside_the_folder_are_served() {
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

#[test]
fn only_names_that_never_come_again_are_kept_by_caches() {
    assert!(is_dated(Path::new("x/2026-01-01T00-00-00.000Z.mp4")));
    assert!(is_dated(Path::new("2026-01-01T00-00-00.000Z-2.mp4")));
    assert!(!is_dated(Path::new("x/demo.mp4")));
    assert!(is_live(Path::new("x/2026-01-01T00-00-00.000Z.live.mp4")));
    assert!(!is_live(Path::new("x/2026-01-01T00-00-00.000Z.mp4")));
}
