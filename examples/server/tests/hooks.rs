//! Hooks as nginx-rtmp sends them: what they ask, what their answers do, and that nobody else waits for them.

mod common;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use common::client::{Client, picture, video_header};
use common::{Server, until};
use kit::receiver::{Answer, Receiver, Request};
use kit::tls::{Authority, Files};
use streamcore::amf::Value;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

fn ok(_: &Request) -> Answer {
    Answer::status(200)
}

/// A server with all hooks of `options` at `receiver`.
fn server(dir: &std::path::Path, receiver: &Receiver, options: &[&str], more: &[&str]) -> Server {
    let url = receiver.url("hook");
    let mut arguments: Vec<&str> = options.iter().flat_map(|option| [*option, &url]).collect();
    arguments.extend(more);
    Server::start(dir, &arguments)
}

fn go_live(client: &mut Client) {
    client.expect("NetStream.Publish.Start");
    client.send(9, 1, 0, video_header());
    client.send(9, 1, 0, picture(true, 1000));
}

#[test]
fn a_publisher_waits_for_its_hook_and_nobody_else_does() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let receiver = Receiver::start(move |request| {
        if request.field("name") == "slow" {
            let _ = wait.lock().unwrap().recv();
        }
        Answer::status(204)
    });
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path(), &receiver, &["--on-publish"], &[]);
    let mut slow = Client::publish(server.rtmp, "slow");
    receiver.wait("the slow hook", |request| request.field("name") == "slow");
    // Another connection, and another stream, go on meanwhile.
    let mut quick = Client::publish(server.rtmp, "quick");
    go_live(&mut quick);
    server.wait_live("live/quick");
    assert!(server.stream("live/slow").is_none());
    go.send(()).unwrap();
    go_live(&mut slow);
    server.wait_live("live/slow");
}

#[test]
fn the_first_digit_of_the_status_decides() {
    let receiver = Receiver::start(|request| match request.field("name").as_str() {
        "yes" => Answer::status(299),
        "renamed" => Answer::location("show"),
        "nowhere" => Answer::status(304),
        "trick" => Answer::location("../../etc"),
        "no" => Answer::status(404),
        _ => Answer::status(500),
    });
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path(), &receiver, &["--on-publish"], &["--no-record"]);
    for (name, path) in [("yes", "live/yes"), ("renamed", "live/show"), ("nowhere", "live/nowhere")]
    {
        let mut client = Client::publish(server.rtmp, name);
        go_live(&mut client);
        server.wait_live(path);
    }
    assert!(server.stream("live/renamed").is_none(), "f17: the key is not the name");
    for name in ["no", "broken", "trick"] {
        let mut client = Client::publish(server.rtmp, name);
        client.expect("error");
        while client.message().is_some() {}
        assert!(server.stream(&format!("live/{name}")).is_none());
    }
    assert!(!server.log().contains("renamed"), "f16: {}", server.log());
}

#[test]
fn f_18_a_hook_without_an_answer_refuses_unless_told_otherwise() {
    // One that takes connections and says nothing, and one that is not there.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}/hook", silent.local_addr().unwrap());
    let absent = "http://127.0.0.1:1/hook";
    for url in [silent.as_str(), absent] {
        let dir = tempfile::tempdir().unwrap();
        let options = ["--on-publish", url, "--notify-timeout", "300ms"];
        let server = Server::start(dir.path(), &options);
        let mut client = Client::publish(server.rtmp, "demo");
        client.expect("error");
        server.wait_log("refused");
        drop(server);
        let dir = tempfile::tempdir().unwrap();
        let options = [&options[..], &["--notify-fail-open"]].concat();
        let server = Server::start(dir.path(), &options);
        let mut client = Client::publish(server.rtmp, "demo");
        go_live(&mut client);
        server.wait_live("live/demo");
    }
}

#[test]
fn a_connection_is_refused_or_sent_to_another_application_by_its_hook() {
    let receiver = Receiver::start(|request| match request.field("app").as_str() {
        "live" => Answer::location("stage"),
        _ => Answer::status(403),
    });
    let dir = tempfile::tempdir().unwrap();
    let server = server(dir.path(), &receiver, &["--on-connect", "--on-disconnect"], &[]);
    let mut client = Client::publish(server.rtmp, "demo");
    go_live(&mut client);
    server.wait_live("stage/demo");
    drop(client);
    receiver.wait_call("disconnect");
    let mut refused = Client::connect_with(server.rtmp, &[("app", Value::String("other".into()))]);
    while refused.message().is_some() {}
    server.wait_log("connection refused");
}

#[test]
fn on_update_may_end_a_stream() {
    let receiver = Receiver::start(|request| match request.field("call").as_str() {
        "update_publish" => Answer::status(403),
        _ => Answer::status(200),
    });
    let dir = tempfile::tempdir().unwrap();
    let options = ["--on-update", "--on-publish-done", "--on-done"];
    let more = ["--notify-update-timeout", "200ms"];
    let server = server(dir.path(), &receiver, &options, &more);
    let mut client = Client::publish(server.rtmp, "demo?user=me");
    go_live(&mut client);
    while client.message().is_some() {}
    receiver.wait_call("done");
    let calls: Vec<_> = receiver.requests().iter().map(|request| request.field("call")).collect();
    assert_eq!(calls, ["update_publish", "publish_done", "done"]);
    assert_eq!(receiver.requests()[0].field("user"), "me");
}

#[test]
fn f_27_forms_and_queries_hold_one_client_s_words_alone() {
    let dir = tempfile::tempdir().unwrap();
    for method in ["post", "get"] {
        let receiver = Receiver::start(ok);
        let more = ["--notify-method", method];
        let server = server(dir.path(), &receiver, &["--on-publish"], &more);
        let name = "demo?name=evil&key=a%26call=play%0d%0aX: y";
        let mut client = Client::publish(server.rtmp, name);
        client.expect("NetStream.Publish.Start");
        let request = receiver.wait_call("publish");
        assert_eq!(request.method.to_lowercase(), method);
        let form = request.form();
        assert_eq!(form.iter().filter(|(key, _)| key == "name").count(), 1, "{form:?}");
        assert_eq!(request.field("name"), "demo");
        assert_eq!(request.field("key"), "a&call=play\r\nX: y");
        assert_eq!(request.header("x"), None);
    }
}

#[test]
fn srs_hooks_are_json_and_want_a_code_of_zero() {
    let receiver = Receiver::start(|request| {
        let code = i32::from(request.body.windows(4).any(|part| part == b"\"no\""));
        Answer(200, String::new(), format!("{{\"code\":{code}}}"))
    });
    let dir = tempfile::tempdir().unwrap();
    let options = ["--on-publish", "--on-publish-done", "--on-update"];
    let server = server(dir.path(), &receiver, &options, &["--notify-format", "srs"]);
    let mut client = Client::publish(server.rtmp, "demo?token=x");
    go_live(&mut client);
    drop(client);
    let json = |action: &str| {
        let request = receiver
            .wait(action, |request| String::from_utf8_lossy(&request.body).contains(action));
        assert_eq!(request.header("content-type"), Some("application/json"));
        serde_json::from_slice::<serde_json::Value>(&request.body).unwrap()
    };
    let publish = json("\"on_publish\"");
    for (key, value) in
        [("ip", "127.0.0.1"), ("app", "live"), ("stream", "demo"), ("param", "?token=x")]
    {
        assert_eq!(publish[key], value, "{publish}");
    }
    assert_eq!(json("\"on_unpublish\"")["client_id"], publish["client_id"]);
    let mut refused = Client::publish(server.rtmp, "no");
    refused.expect("error");
}

#[test]
fn players_over_rtmp_and_http_are_asked_about() {
    let receiver = Receiver::start(|request| match request.field("token").as_str() {
        "good" => Answer::status(200),
        _ => Answer::status(403),
    });
    let dir = tempfile::tempdir().unwrap();
    let options = ["--on-play", "--on-play-done"];
    let server = server(dir.path(), &receiver, &options, &[]);
    let mut publisher = Client::publish(server.rtmp, "demo");
    go_live(&mut publisher);
    for n in 1..150 {
        publisher.send(9, 1, n * 40, picture(n % 25 == 0, 1000));
    }
    server.wait_live("live/demo");
    let mut player = Client::play(server.rtmp, "demo?token=good");
    player.expect("NetStream.Play.Start");
    assert!(player.media().is_some());
    drop(player);
    let done = receiver.wait_call("play_done");
    assert_eq!((done.field("name"), done.field("token")), ("demo".into(), "good".into()));
    let mut refused = Client::play(server.rtmp, "demo?token=bad");
    refused.expect("error");
    let status = |path: &str| server.get(path).status;
    until("HLS", || (status("/live/demo/index.m3u8?token=good") == 200).then_some(()));
    assert_eq!(status("/live/demo/index.m3u8?token=bad"), 403);
    let asked = || receiver.requests().iter().filter(|one| one.field("token") == "good").count();
    let before = asked();
    assert_eq!(status("/live/demo/index.m3u8?token=good"), 200);
    assert_eq!(asked(), before, "one player is asked about once");
}

#[test]
fn f_19_a_stream_changes_hands_only_so_often() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--takeover", "always", "--no-record"]);
    let mut last = Client::publish(server.rtmp, "demo");
    go_live(&mut last);
    for n in 1..=5 {
        let mut next = Client::publish(server.rtmp, "demo");
        go_live(&mut next);
        until("a takeover", || (server.log().matches("took over").count() == n).then_some(()));
        // The one before is told so when it sends.
        last.send(9, 1, 40, picture(false, 500));
        while last.message().is_some() {}
        last = next;
    }
    let mut refused = Client::publish(server.rtmp, "demo");
    refused.expect("NetStream.Publish.BadName");
    server.wait_log("changed hands too often");
    last.send(9, 1, 40, picture(false, 500));
    assert!(server.stream("live/demo").is_some());
    let mut other = Client::publish(server.rtmp, "other");
    other.expect("NetStream.Publish.Start");
}

/// An address in front of `to` that speaks TLS: what comes is decrypted and handed on, one request a connection.
fn tls_front(files: &Files, to: SocketAddr) -> SocketAddr {
    let chain = CertificateDer::pem_file_iter(&files.certificate).expect("a chain");
    let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates");
    let key = PrivateKeyDer::from_pem_file(&files.key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a certificate");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let session = ServerConnection::new(config.clone()).expect("a session");
            let _ = hand_on(&mut StreamOwned::new(session, socket), to);
        }
    });
    address
}

fn hand_on(
    stream: &mut StreamOwned<ServerConnection, TcpStream>,
    to: SocketAddr,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let is_whole = |request: &[u8]| {
        let text = String::from_utf8_lossy(request).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
    };
    let mut block = [0; 4096];
    while !is_whole(&request) {
        match stream.read(&mut block)? {
            0 => return Ok(()),
            count => request.extend_from_slice(&block[..count]),
        }
    }
    let mut plain = TcpStream::connect(to)?;
    plain.write_all(&request)?;
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer)?;
    stream.write_all(&answer)?;
    stream.conn.send_close_notify();
    stream.flush()
}

#[test]
fn https_hooks_are_asked_where_their_authority_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = Authority::new().issue(folder.path());
    let receiver = Receiver::start(|_| Answer::status(200));
    let url = format!("https://{}/hook?token=s3cret", tls_front(&files, receiver.address));
    let dir = tempfile::tempdir().expect("a folder");
    let authority = files.authority.to_str().expect("UTF-8");
    let server = Server::start(dir.path(), &["--on-publish", &url, "--notify-ca", authority]);
    Client::publish(server.rtmp, "demo").expect("NetStream.Publish.Start");
    assert_eq!(receiver.requests()[0].field("call"), "publish");
    assert_eq!(receiver.requests()[0].field("name"), "demo");
    drop(server);
    // Whom nobody vouches for is not asked, and what it would say does not count.
    let count = receiver.requests().len();
    let other = tempfile::tempdir().expect("a folder");
    let server = Server::start(other.path(), &["--on-publish", &url]);
    Client::publish(server.rtmp, "demo").expect("error");
    server.wait_log("refused");
    assert_eq!(receiver.requests().len(), count);
    assert!(
        server.log().contains("certificate") && !server.log().contains("s3cret"),
        "{}",
        server.log()
    );
}

#[test]
fn how_hooks_are_sent_is_of_the_application() {
    let receiver = Receiver::start(|_| Answer::status(200));
    let nobody = format!("http://127.0.0.1:{}/", kit::wait::free_port());
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("streamcore.toml");
    let url = receiver.url("hook");
    let text = format!(
        "on_publish = \"{url}\"\n[applications.got]\nnotify_method = \"get\"\n\
         [applications.open]\non_publish = \"{nobody}\"\nnotify_fail_open = true\n\
         [applications.shut]\non_publish = \"{nobody}\"\n\
         [applications.told]\non_update = \"{url}\"\nnotify_update_timeout = \"50ms\"\n"
    );
    std::fs::write(&file, text).expect("a file");
    let server = Server::start(dir.path(), &["--config", file.to_str().expect("UTF-8")]);
    let publish = |app: &str, wanted: &str| {
        let fields = [("app", streamcore::amf::Value::String(app.into()))];
        let mut client = Client::publish_with(server.rtmp, app, &fields);
        client.expect(wanted);
        client
    };
    let _live = publish("live", "NetStream.Publish.Start");
    let _got = publish("got", "NetStream.Publish.Start");
    let method = |name: &str| {
        receiver
            .wait("a hook", |it| it.field("name") == name && it.field("call") == "publish")
            .method
    };
    assert_eq!((method("live"), method("got")), ("POST".to_owned(), "GET".to_owned()));
    let _open = publish("open", "NetStream.Publish.Start");
    publish("shut", "error");
    let _told = publish("told", "NetStream.Publish.Start");
    receiver.wait_call("update_publish");
    assert!(server.log().contains("let in without an answer"), "{}", server.log());
}
