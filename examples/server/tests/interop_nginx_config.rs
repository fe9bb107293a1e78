//! nginx's own parser takes the configurations that are converted, and ours takes what comes of them.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// Debian's package.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

fn streamcore(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_streamcore")).args(arguments).output().unwrap()
}

/// Puts a configuration into a folder, where nginx says that it is one.
fn install(folder: &Path, text: &str, name: &str) -> String {
    let text = text.replace("@DIR@", folder.to_str().unwrap());
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

fn is_of_nginx(folder: &Path, file: &str) {
    for name in ["hls", "dash", "rec", "keys", "mp4s"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    let text = fs::read_to_string(file).unwrap();
    let loading = folder.join("loading.conf");
    fs::write(&loading, format!("load_module {MODULE};\n{text}")).unwrap();
    let nginx = Command::new("nginx").arg("-t").arg("-c").arg(&loading).output();
    let nginx = nginx.expect("nginx is installed");
    assert!(nginx.status.success(), "{}", String::from_utf8_lossy(&nginx.stderr));
}

fn convert(file: &str, folder: &Path) -> (String, String, Option<i32>) {
    let output = folder.join("streamcore.toml");
    let output = output.to_str().unwrap();
    let converted = streamcore(&["config-from-nginx", file, "--output", output]);
    let missing = String::from_utf8(converted.stderr).unwrap();
    let text = fs::read_to_string(output).unwrap();
    let checked = streamcore(&["check-config", output]);
    let problems = String::from_utf8(checked.stderr).unwrap();
    assert!(checked.status.success(), "{problems}\n{text}");
    (text, missing, converted.status.code())
}

#[test]
fn a_plain_configuration_is_taken_over_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = install(folder.path(), include_str!("nginx/simple.conf"), "nginx.conf");
    is_of_nginx(folder.path(), &file);
    let (text, missing, _) = convert(&file, folder.path());
    for line in [
        "[applications.live]",
        "live = true",
        "hls_segment_duration = \"3s\"",
        "hls_window = \"60s\"",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    // A key, as far as there is one, for who may publish.
    assert!(
        text.contains("publish_from = [\"127.0.0.1\"]") || missing.contains(": deny: "),
        "{text}{missing}"
    );
}

#[test]
fn a_configuration_with_everything_is_taken_over_as_far_as_it_goes_and_the_rest_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let file = install(folder.path(), include_str!("nginx/full.conf"), "nginx.conf");
    install(folder.path(), include_str!("nginx/app.conf"), "apps/live.conf");
    is_of_nginx(folder.path(), &file);
    let (text, missing, code) = convert(&file, folder.path());
    assert_eq!(code, Some(2));
    for line in [
        "rtmp_listen = \"127.0.0.1:1945\"",
        "control = true",
        "[applications.backup]",
        "[applications.live.recorders.audio]",
        "record = [\"all\", \"manual\"]",
        "record_interval = \"5400s\"",
        "hls_segment_duration = \"5s\"",
        "hls_playlist_type = \"event\"",
        "notify_update_timeout = \"10s\"",
        "on_publish = [\"http://127.0.0.1:8000/auth\"]",
        "exec_record_done = [\"bash\", \"-c\", \"ffmpeg -y -i $path -c copy $dirname/$basename.mp4 && rm $path\"]",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    for note in [
        "nginx.conf:21: exec: ",
        "nginx.conf:29: play: files are not played over RTMP",
        "nginx.conf:34: listen: RTMP is listened for on one address",
        "apps/live.conf:36: hls_keys: segments are not encrypted",
    ] {
        assert!(missing.contains(note), "{note}\n{missing}");
    }
    // What is not carried over is said without what it may hold.
    assert!(!missing.contains("some-secret-key"), "{missing}");
}
