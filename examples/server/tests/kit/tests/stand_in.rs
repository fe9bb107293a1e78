//! The comparers take what a good muxer makes: files of ffmpeg stand in for the server's, so that what they refuse is a fault.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use kit::hls::Mirror;
use kit::packets::{self, MILLISECOND};
use kit::source::Film;
use kit::{mp4, process};

const FILMS: &str = env!("CARGO_TARGET_TMPDIR");
const SAMPLE: i64 = 1_000_000_000 / 48_000;

#[test]
fn a_remuxed_file_is_equal_to_its_source() {
    let (source, folder) = (Film::new(8).flv(FILMS), kit::temp_dir());
    let made = folder.path().join("made.mp4");
    ffmpeg(&source, &["-movflags", "+faststart", made.to_str().expect("UTF-8")]);
    mp4::assert_index_in_front(&made);
    let (wanted, got) = (packets::probe(&source), packets::probe(&made));
    assert_eq!(packets::same_packets(&wanted.video, &got.video), Ok(()));
    assert_eq!(packets::same_packets(&wanted.audio, &got.audio), Ok(()));
    assert_eq!(packets::same_times(&wanted.video, &got.video, MILLISECOND), Ok(()));
    assert_eq!(packets::same_start_offset(&wanted, &got), Ok(()));
    assert_eq!(wanted.video.len(), 240);
    // ffmpeg keeps the rounded milliseconds of the FLV, so its audio is off the grid, and seen to be.
    assert_eq!(packets::same_times(&wanted.audio, &got.audio, MILLISECOND + SAMPLE), Ok(()));
    assert!(packets::on_sample_grid(&got.audio, 48_000, 1024).is_err());
}

#[test]
#[should_panic(expected = "moov")]
fn an_index_behind_the_media_is_caught() {
    let (source, folder) = (Film::new(8).flv(FILMS), kit::temp_dir());
    let made = folder.path().join("made.mp4");
    ffmpeg(&source, &[made.to_str().expect("UTF-8")]);
    mp4::assert_index_in_front(&made);
}

#[test]
fn a_fetched_hls_stream_is_equal_to_its_source() {
    let (source, made, copied) = (Film::new(8).flv(FILMS), kit::temp_dir(), kit::temp_dir());
    let out = made.path().join("%v.m3u8");
    let segments = made.path().join("%v-%d.m4s");
    let shape = "-f hls -hls_time 2 -hls_playlist_type vod -hls_segment_type fmp4 -hls_fmp4_init_filename %v-init.mp4";
    let mut arguments: Vec<&str> = shape.split(' ').collect();
    arguments
        .extend(["-var_stream_map", "v:0,agroup:sound,name:video a:0,agroup:sound,name:audio"]);
    arguments.extend(["-hls_segment_filename", segments.to_str().expect("UTF-8")]);
    arguments.extend(["-master_pl_name", "index.m3u8", out.to_str().expect("UTF-8")]);
    ffmpeg(&source, &arguments);

    let mut mirror = Mirror::new(serve(made.path().to_owned()), "", copied.path());
    assert!(mirror.refresh() && mirror.ended());
    let wanted = packets::probe(&source);
    for name in ["video.m3u8", "audio.m3u8"] {
        let got = packets::probe(&mirror.joined(name));
        let (wanted, got) = if name == "video.m3u8" {
            (&wanted.video, &got.video)
        } else {
            (&wanted.audio, &got.audio)
        };
        assert_eq!(packets::same_packets(wanted, got), Ok(()), "{name}");
        assert_eq!(packets::same_times(wanted, got, MILLISECOND + SAMPLE), Ok(()), "{name}");
    }
    // A segment that is not there is no stream that is whole.
    mirror.renditions.get_mut("video.m3u8").expect("video").segments.remove(&1);
    assert!(std::panic::catch_unwind(|| mirror.joined("video.m3u8")).is_err());
}

fn ffmpeg(source: &Path, arguments: &[&str]) {
    let source = ["-nostdin", "-v", "error", "-i", source.to_str().expect("UTF-8"), "-c", "copy"];
    process::run("ffmpeg", [&source[..], arguments].concat());
}

/// Serves the files of a folder for as long as the test runs.
fn serve(folder: PathBuf) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("a listening socket");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = BufReader::new(&stream).lines().map_while(Result::ok);
            let line = request.next().unwrap_or_default();
            request.take_while(|line| !line.is_empty()).for_each(drop);
            let path = line.split(' ').nth(1).unwrap_or_default();
            let (status, body) = match fs::read(folder.join(path.trim_start_matches('/'))) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", Vec::new()),
            };
            let head = format!("HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
            // A client that hangs up is no concern of the test.
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    addr
}
