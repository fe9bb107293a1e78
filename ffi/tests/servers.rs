//! The example servers in C, Go and nginx, with real publishers and players around them.

mod common;

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Barrier;
use std::time::Duration;

use common::{compile_source, data, here, installed, pkg_config, run};
use kit::flv::Tag;
use kit::rtmp::Publisher;
use kit::source::Film;
use kit::{Process, until};

const LIMIT: Duration = Duration::from_secs(60);
const FILMS: &str = env!("CARGO_TARGET_TMPDIR");

/// A running example: where it takes RTMP, and what stands in front of the stream's path on HTTP.
struct Example {
    process: Process,
    rtmp: SocketAddr,
    http: SocketAddr,
    prefix: &'static str,
    /// What an example needs on disk while it runs.
    _folder: Option<tempfile::TempDir>,
}

impl Example {
    /// One that prints its two addresses or ports.
    fn printing(mut command: Command) -> Self {
        command.env("LD_LIBRARY_PATH", installed().join("lib"));
        let process = Process::spawn(command);
        let address = |name: &str| {
            let line = process.wait_line(name, 0, LIMIT, |line| line.starts_with(name));
            let text = line.rsplit(' ').next().expect("an address").to_owned();
            let text = if text.contains(':') { text } else { format!("127.0.0.1:{text}") };
            text.parse().expect("an address behind the name")
        };
        Self { rtmp: address("rtmp "), http: address("http "), prefix: "", process, _folder: None }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{}/{path}", self.http, self.prefix)
    }

    fn get(&self, path: &str) -> Option<String> {
        let answer = kit::http::get(self.http, &format!("{}/{path}", self.prefix)).ok()?;
        (answer.status == 200).then(|| answer.text())
    }

    /// The bytes that OBS sent, and what HLS then holds: the name of its playlist.
    fn takes_the_capture_of_obs(&self) -> String {
        let bytes = std::fs::read(data("obs-29.0.2/publish.c2s")).expect("the capture");
        let mut stream = TcpStream::connect(self.rtmp).expect("a connection");
        let mut incoming = stream.try_clone().expect("a second handle of the socket");
        let drain = std::thread::spawn(move || std::io::copy(&mut incoming, &mut std::io::sink()));
        stream.write_all(&bytes).expect("the server takes all");
        stream.shutdown(Shutdown::Write).expect("a connected socket");
        drain.join().expect("the reader does not panic").expect("a whole answer");
        let messages = kit::rtmp::messages_of_capture(&bytes);
        let publish = messages
            .iter()
            .filter_map(kit::rtmp::command)
            .find(|command| command.first().and_then(kit::rtmp::Value::as_str) == Some("publish"));
        let publish = publish.expect("OBS publishes");
        let name = publish.get(3).and_then(kit::rtmp::Value::as_str).expect("a name").to_owned();
        let playlist = format!("live/{name}/video.m3u8");
        until("the end of the playlist", LIMIT, || {
            self.get(&playlist).filter(|text| text.contains("#EXT-X-ENDLIST"))
        });
        // What the encoder sent, but for sound before the first picture.
        assert_eq!(self.packets(&format!("live/{name}/index.m3u8"), "v"), 131);
        let sounds = self.packets(&format!("live/{name}/index.m3u8"), "a");
        assert!((400..=407).contains(&sounds), "{sounds} frames of sound");
        format!("live/{name}/index.m3u8")
    }

    fn packets(&self, path: &str, stream: &str) -> usize {
        let listed = run(Command::new("ffprobe")
            .args([
                "-v",
                "error",
                "-select_streams",
                stream,
                "-show_entries",
                "packet=size",
                "-of",
                "csv=p=0",
            ])
            .arg(self.url(path)));
        String::from_utf8_lossy(&listed.stdout).lines().filter(|line| !line.is_empty()).count()
    }

    /// ffmpeg publishes while other things are looked at.
    fn published_by_ffmpeg(&self) -> Process {
        let film = Film::new(30).flv(FILMS);
        let url = format!("rtmp://{}/live/film", self.rtmp);
        let film = film.to_str().expect("UTF-8");
        let input = ["-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", film];
        Process::start(
            "ffmpeg",
            [&input[..], &["-t", "300", "-c", "copy", "-f", "flv", &url]].concat(),
        )
    }

    /// hls.js in Chromium plays what is published, and what was.
    fn plays_in_chromium_what_ffmpeg_publishes(&self, publisher: Process, recorded: &str) {
        self.plays_in_chromium(recorded, "2");
        until("two segments", LIMIT, || {
            self.get("live/film/video.m3u8").filter(|text| text.matches("#EXTINF").count() >= 2)
        });
        self.plays_in_chromium("live/film/index.m3u8", "4");
        drop(publisher);
    }

    /// hls.js in Chromium plays so many seconds, without an error but that a busy machine was late with what it had.
    fn plays_in_chromium(&self, path: &str, seconds: &str) {
        let probe = here().join("../examples/server/web/tests/play.mjs");
        let mut command = Command::new("node");
        let played = run(command.arg(probe).args([&self.url(path), "--seconds", seconds]));
        let played = String::from_utf8_lossy(&played.stdout).into_owned();
        let late = r#"{"type":"mediaError","details":"bufferStalledError","fatal":false}"#;
        let errors = played.split(r#""errors":["#).nth(1).expect("a list of errors");
        let others = errors.replace(late, "").replace(',', "");
        assert!(others.starts_with(']'), "{played}");
    }

    /// A request for a part that is not there yet is answered when it is; one for nonsense at once.
    fn answers_requests_of_low_latency_players(&self) {
        let film = kit::flv::read(&Film::new(30).flv(FILMS));
        let mut publisher = Publisher::start(self.rtmp, "live", "parts");
        let (first, rest) = film.split_at(film.len() / 3);
        first.iter().for_each(|tag| publisher.send(tag).expect("the server reads"));
        let text = until("a hinted part", LIMIT, || {
            self.get("live/parts/video.m3u8").filter(|text| text.contains("#EXT-X-PRELOAD-HINT"))
        });
        let hinted = text.split("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"").nth(1).expect("a hint");
        let hinted = format!("live/parts/{}", hinted.split('"').next().expect("an address"));
        let answer = kit::http::get(
            self.http,
            &format!("{}/live/parts/video.m3u8?_HLS_part=1", self.prefix),
        );
        assert_eq!(answer.expect("an answer").status, 400);
        assert!(self.get("live/parts/nonsense.m4s").is_none());
        std::thread::scope(|scope| {
            let part = scope.spawn(|| self.get(&hinted));
            rest.iter().for_each(|tag| publisher.send(tag).expect("the server reads"));
            assert!(part.join().expect("no panic").is_some_and(|body| body.len() > 100));
        });
        publisher.finish("parts").expect("the server reads");
    }

    /// Every player gets every message that is sent after it joined, in order.
    fn serves_players(&self, count: usize) {
        let film = kit::flv::read(&Film::new(30).flv(FILMS));
        let (first, rest) = film.split_at(film.len() / 4);
        let mut publisher = Publisher::start(self.rtmp, "live", "many");
        first.iter().for_each(|tag| publisher.send(tag).expect("the server reads"));
        let joined = Barrier::new(count + 1);
        std::thread::scope(|scope| {
            let players: Vec<_> = (0..count)
                .map(|_| {
                    let play = || {
                        let mut player =
                            kit::rtmp::Client::connect(self.rtmp, "live").expect("a connection");
                        player.play("many").expect("an open connection");
                        // The group of pictures so far is there at once: the player is joined then.
                        let start = loop {
                            let message =
                                player.next_message().expect("messages").expect("no end yet");
                            if message.type_id == kit::flv::VIDEO && message.payload.len() > 1000 {
                                break message.timestamp;
                            }
                        };
                        joined.wait();
                        (start, player.tags_to_end().expect("tags to the end"))
                    };
                    std::thread::Builder::new()
                        .stack_size(256 << 10)
                        .spawn_scoped(scope, play)
                        .expect("a thread")
                })
                .collect();
            joined.wait();
            rest.iter().for_each(|tag| publisher.send(tag).expect("the server reads"));
            publisher.finish("many").expect("the server reads");
            let wanted: Vec<&Tag> = rest.iter().filter(|tag| tag.kind != 18).collect();
            for player in players {
                let (_, got) = player.join().expect("no panic");
                let tail = got.len().checked_sub(wanted.len()).expect("all that was sent");
                let same = got.iter().skip(tail).zip(&wanted).all(|(got, sent)| {
                    (got.kind, got.timestamp, &got.body) == (sent.kind, sent.timestamp, &sent.body)
                });
                assert!(same, "the last {} messages are not those that were sent", wanted.len());
            }
        });
    }

    fn stops(mut self, signal: &str) {
        self.process.signal(signal);
        let status = self.process.wait_exit(LIMIT);
        assert!(status.success(), "{status}\n{}", self.process.text());
    }
}

#[test]
fn the_c_server_takes_obs_and_ffmpeg_and_chromium_plays_it() {
    let source = here().join("../examples/c/hls_server.c");
    let program = compile_source(
        &source,
        "hls_server",
        "gcc",
        &["-O1"],
        &pkg_config(&["--cflags", "--libs"]),
    );
    let mut command = Command::new(program);
    command.args(["0", "0"]);
    let example = Example::printing(command);
    let publisher = example.published_by_ffmpeg();
    let recorded = example.takes_the_capture_of_obs();
    example.answers_requests_of_low_latency_players();
    example.plays_in_chromium_what_ffmpeg_publishes(publisher, &recorded);
    example.stops("INT");
}

#[test]
fn the_c_server_makes_no_error_and_no_leak_under_valgrind() {
    let source = here().join("../examples/c/hls_server.c");
    let program = compile_source(
        &source,
        "hls_server",
        "gcc",
        &["-O1", "-DVALGRIND"],
        &pkg_config(&["--cflags", "--libs"]),
    );
    let mut command = Command::new("valgrind");
    command.args([
        "-q",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite,indirect,possible",
        "--error-exitcode=9",
    ]);
    command.arg(program).args(["0", "0"]);
    let example = Example::printing(command);
    example.takes_the_capture_of_obs();
    example.stops("INT");
}

fn go(arguments: &[&str]) -> Command {
    let mut command = Command::new("go");
    command
        .args(arguments)
        .current_dir(here().join("../examples/go"))
        .env("PKG_CONFIG_PATH", installed().join("lib/pkgconfig"))
        .env("LD_LIBRARY_PATH", installed().join("lib"))
        .env("GOFLAGS", "-mod=mod")
        .env("GOTOOLCHAIN", "local")
        .env("GOCACHE", Path::new(FILMS).join("go-cache"));
    command
}

#[test]
fn the_go_package_is_vetted_tested_for_races_and_serves() {
    run(&mut go(&["vet", "./..."]));
    run(go(&["test", "-race", "-count=1", "./..."])
        .env("STREAMCORE_CAPTURE", data("obs-29.0.2/publish.c2s")));
    let program = installed().join("hlsserver");
    run(go(&["build", "-o"]).arg(&program).arg("./hlsserver"));
    let mut command = Command::new(program);
    command.args(["-rtmp", "127.0.0.1:0", "-http", "127.0.0.1:0"]);
    let example = Example::printing(command);
    let publisher = example.published_by_ffmpeg();
    let recorded = example.takes_the_capture_of_obs();
    example.answers_requests_of_low_latency_players();
    example.plays_in_chromium_what_ffmpeg_publishes(publisher, &recorded);
}

/// Debian's sources of nginx, configured once with the module, which is then built against the installed library.
fn nginx_module() -> PathBuf {
    let folder = Path::new(FILMS).join("nginx");
    let sources = folder.join("src");
    if !sources.join("objs/Makefile").exists() {
        std::fs::create_dir_all(&folder).expect("a folder for nginx");
        run(Command::new("cp").args(["-r", "/usr/share/nginx/src"]).arg(&folder));
    }
    let flags = "--with-compat --with-pcre-jit --with-threads --with-http_ssl_module --with-http_v2_module --with-cc-opt=-fPIC";
    run(Command::new("./configure")
        .args(flags.split(' '))
        .arg(format!("--add-dynamic-module={}", here().join("../examples/nginx").display()))
        .env("PKG_CONFIG_PATH", installed().join("lib/pkgconfig"))
        .env("STREAMCORE_LDFLAGS", format!("-Wl,-rpath,{}", installed().join("lib").display()))
        .current_dir(&sources));
    run(Command::new("make").args(["-f", "objs/Makefile", "modules"]).current_dir(&sources));
    sources.join("objs/ngx_streamcore_module.so")
}

fn nginx() -> Example {
    let module = nginx_module();
    let folder = kit::temp_dir();
    // nginx does not say which port it took: two that were free a moment ago.
    let free = || {
        TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
    };
    let (rtmp, http) = (free(), free());
    let conf = std::fs::read_to_string(here().join("../examples/nginx/nginx.conf"))
        .expect("the example's configuration");
    let conf = conf
        .replace("modules/ngx_streamcore_module.so", &module.display().to_string())
        .replace("127.0.0.1:1935", &rtmp.to_string())
        .replace("127.0.0.1:8080", &http.to_string());
    let path = folder.path().join("nginx.conf");
    // As root nginx would become another user, which may not read this build.
    let user = if run(Command::new("id").arg("-u")).stdout == b"0\n" { "user root;\n" } else { "" };
    std::fs::write(
        &path,
        format!(
            "{user}daemon off;\npid {}/pid;\nerror_log stderr notice;\n{conf}",
            folder.path().display()
        ),
    )
    .expect("a writable folder");
    std::fs::create_dir(folder.path().join("logs")).expect("a writable folder");
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(folder.path()).arg("-c").arg(&path);
    let process = Process::spawn(command);
    process.wait_line("a worker", 0, LIMIT, |line| line.contains("start worker process "));
    until("an open port", LIMIT, || TcpStream::connect(rtmp).ok());
    Example { process, rtmp, http, prefix: "/hls", _folder: Some(folder) }
}

#[test]
fn the_nginx_module_takes_obs_and_ffmpeg_and_serves_chromium_and_200_players() {
    let example = nginx();
    let publisher = example.published_by_ffmpeg();
    let recorded = example.takes_the_capture_of_obs();
    example.answers_requests_of_low_latency_players();
    example.serves_players(200);
    example.plays_in_chromium_what_ffmpeg_publishes(publisher, &recorded);
    example.stops("QUIT");
}
