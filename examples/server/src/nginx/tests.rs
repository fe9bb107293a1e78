use super::*;

fn convert(text: &str) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, text).unwrap();
    let converted = convert::convert(&parse::read(&file).unwrap()).unwrap();
    let prefix = format!("{}/", folder.path().display());
    let missing = converted.missing.iter().map(|note| note.replace(&prefix, "")).collect();
    (converted.text(), missing)
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
}

#[test]
fn applications_become_tables_and_nginxs_defaults_are_said() {
    let (text, missing) = convert(
        "rtmp { server { listen 1935; chunk_size 4000;
           application live { live on; record all; record_path /var/rec; record_unique on;
             record_suffix -%d-%b-%y.flv; record_max_size 128M; record_interval 1h30m; }
           application \"other app\" { live on; hls on; hls_path /var/hls; hls_fragment 4; hls_playlist_length 1m; dash on;
             dash_fragment 10s; } } }",
    );
    assert_eq!(missing, [""; 0]);
    assert_eq!(
        lines(&text),
        [
            "rtmp_listen = \"0.0.0.0:1935\"",
            "live = false",
            "hls = false",
            "record = \"off\"",
            "record_format = \"flv\"",
            "[applications.live]",
            "live = true",
            "record = \"all\"",
            "record_path = \"/var/rec\"",
            "record_unique = true",
            "record_suffix = \"-%d-%b-%y.flv\"",
            "record_max_size = \"128M\"",
            "record_interval = \"5400s\"",
            "[applications.\"other app\"]",
            "hls = true",
            "live = true",
            "hls_segment_duration = \"4s\"",
            "hls_window = \"60s\"",
        ]
    );
    assert!(text.contains("hls_path: segments are kept in memory"), "{text}");
}

#[test]
fn variants_become_one_list_best_first() {
    let (text, missing) = convert(
        "rtmp { server { application live { live on; hls on; hls_variant _low BANDWIDTH=288000;
           hls_variant _hi BANDWIDTH=2048000; hls_variant _mid BANDWIDTH=768000; } } }",
    );
    assert_eq!(missing, [""; 0]);
    assert!(lines(&text).contains(&"hls_variant = \"_hi,_mid,_low\""), "{text}");
}

#[test]
fn recorders_and_programs() {
    let (text, missing) = convert(
        "rtmp { server { listen *:1936; application live { live on;
           recorder all { record all; record_path /a; }
           recorder sound { record audio manual; record_suffix .audio.flv;
             exec_record_done ffmpeg -i $path -c copy \"/x y/$basename.mp4\"; } } } }",
    );
    assert_eq!(missing, [""; 0]);
    let all = lines(&text).join("\n");
    assert!(
        all.contains("[applications.live.recorders.sound]\nrecord = [\"audio\", \"manual\"]"),
        "{all}"
    );
    let exec = "exec_record_done = [\"ffmpeg\", \"-i\", \"$path\", \"-c\", \"copy\", \"/x y/$basename.mp4\"]";
    assert!(all.contains(exec), "{all}");
}

#[test]
fn what_cannot_be_carried_over_is_listed_with_its_line() {
    let (text, missing) = convert(
        "rtmp {\n server {\n listen unix:/run/x;\n listen 1935;\n listen 1936;\n application live {\n live on;\n hls_keys on;\n\
           exec_publish bash -c x;\n exec_record_done cp $path $tcurl;\n exec_record_done cp $path 2>>/log;\n\
           record_interval soon;\n record sound;\n deny publish 1.2.3.4;\n play /var/mp4;\n fancy on;\n }\n }\n }\n",
    );
    let wanted = [
        "nginx.conf:3: listen: only IP addresses and ports",
        "nginx.conf:5: listen: RTMP is listened for on one address",
        "nginx.conf:8: hls_keys: segments are not encrypted",
        "nginx.conf:9: exec_publish: ",
        "nginx.conf:10: exec_record_done: there is no variable $tcurl",
        "nginx.conf:11: exec_record_done: output cannot be redirected",
        "nginx.conf:12: record_interval: the time cannot be read",
        "nginx.conf:13: record: `sound` is not one of all",
        "nginx.conf:14: deny: ",
        "nginx.conf:15: play: files are not played over RTMP",
        "nginx.conf:16: fancy: there is no key for it",
    ];
    for wanted in wanted {
        assert!(missing.iter().any(|note| note.starts_with(wanted)), "{wanted}\n{missing:#?}");
    }
    assert_eq!(missing.len(), wanted.len(), "{missing:#?}");
    assert!(text.contains("# Not carried over:"));
}
