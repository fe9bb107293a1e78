//! GStreamer publishes; librtmp and ffmpeg play.

use std::path::Path;
use std::time::Duration;

use kit::packets::{self, Listing};
use kit::source::Film;
use kit::{Process, ServerBuilder, process};

const BINARY: &str = env!("CARGO_BIN_EXE_streamcore");
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const LIMIT: Duration = Duration::from_secs(40);

#[test]
fn gstreamer_publishes_what_is_recorded() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let server = ServerBuilder::new(BINARY, data.path()).with("--keep-flv").start();
    let sent = folder.path().join("sent.flv");
    let pipeline = format!(
        "videotestsrc num-buffers=150 ! video/x-raw,width=320,height=240,framerate=30/1 \
         ! x264enc speed-preset=ultrafast tune=zerolatency key-int-max=60 ! h264parse ! queue ! mux. \
         audiotestsrc num-buffers=235 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! queue ! mux. \
         flvmux name=mux streamable=true ! tee name=both \
         both. ! queue ! filesink location={} \
         both. ! queue ! rtmp2sink location={}",
        sent.display(),
        server.rtmp_url("live/gstreamer"),
    );
    Process::start("gst-launch-1.0", ["-q", "-e"].into_iter().chain(pipeline.split_whitespace()))
        .succeed(LIMIT);
    server.wait_mp4("live/gstreamer");
    let wanted = packets::probe(&sent);
    assert!(wanted.video.len() == 150 && wanted.audio.len() > 200, "GStreamer made something else");
    assert_same("FLV", &wanted, &packets::probe(&server.file("live/gstreamer", "flv")));

    // GStreamer puts an access unit delimiter before each picture, which has no place in MP4: what is left is compared.
    let plain = folder.path().join("plain.flv");
    let [from, to] = [&sent, &plain].map(|file| file.to_str().expect("UTF-8"));
    let filter = ["-bsf:v", "filter_units=remove_types=9", to];
    process::run(
        "ffmpeg",
        [&["-nostdin", "-v", "error", "-i", from, "-c", "copy"][..], &filter].concat(),
    );
    assert_same(
        "MP4",
        &packets::probe(&plain),
        &packets::probe(&server.file("live/gstreamer", "mp4")),
    );
}

#[test]
fn librtmp_and_ffmpeg_play_what_is_sent() {
    let (data, folder) = (kit::temp_dir(), kit::temp_dir());
    let server = ServerBuilder::new(BINARY, data.path()).start();
    let film = Film::new(14).flv(FILMS);
    let url = server.rtmp_url("live/played");
    let publish = [
        "-nostdin",
        "-v",
        "error",
        "-re",
        "-i",
        film.to_str().expect("UTF-8"),
        "-c",
        "copy",
        "-f",
        "flv",
        &url,
    ];
    let mut publisher = Process::start("ffmpeg", publish);
    server.wait_live("live/played");

    let files = ["ffmpeg.flv", "librtmp.flv"].map(|name| folder.path().join(name));
    let [by_ffmpeg, by_librtmp] = files.each_ref().map(|file| file.to_str().expect("UTF-8"));
    let mut players = [
        Process::start(
            "ffmpeg",
            ["-nostdin", "-v", "error", "-i", &url, "-c", "copy", "-f", "flv", by_ffmpeg],
        ),
        Process::start("rtmpdump", ["--quiet", "--live", "-r", &url, "-o", by_librtmp]),
    ];
    publisher.succeed(LIMIT);
    let wanted = packets::probe(&film);
    for (player, file) in players.iter_mut().zip(&files) {
        player.wait_exit(LIMIT);
        assert_end_of(file, &wanted, &packets::probe(file));
    }
}

fn assert_same(what: &str, wanted: &Listing, got: &Listing) {
    let ok = |result: Result<(), String>| result.unwrap_or_else(|fault| panic!("{what}: {fault}"));
    ok(packets::same_packets(&wanted.video, &got.video));
    ok(packets::same_packets(&wanted.audio, &got.audio));
    ok(packets::same_times(&wanted.video, &got.video, packets::MILLISECOND));
    ok(packets::same_start_offset(wanted, got));
}

/// All that was sent from some key frame on, to the end.
fn assert_end_of(file: &Path, wanted: &Listing, got: &Listing) {
    let what = file.display();
    assert!(
        got.video.first().is_some_and(|packet| packet.key),
        "{what} does not begin with a key frame"
    );
    for (wanted, got) in [(&wanted.video, &got.video), (&wanted.audio, &got.audio)] {
        let run = packets::run_of(wanted, got).unwrap_or_else(|fault| panic!("{what}: {fault}"));
        assert_eq!(run.end, wanted.len(), "{what} ended early");
        let times = packets::same_times(&wanted[run], got, packets::MILLISECOND);
        times.unwrap_or_else(|fault| panic!("{what}: {fault}"));
    }
}
