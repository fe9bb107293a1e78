//! Hooks as nginx-rtmp sends them: what they ask, what their answers do, and that nobody else waits for them.

mod common;

use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use common::client::{Client, picture, video_header};
use common::{Server, until};
use kit::receiver::{Answer, Receiver, Request};
use streamcore::amf::Value;

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
