//! The same clients at nginx-rtmp and here: their hooks say the same, field by field.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use common::Server;
use common::client::{Client, picture, string, video_header};
use kit::receiver::{Answer, Receiver};
use kit::wait::{free_port, wait_listening};
use kit::{Process, temp_dir, until};
use streamcore::amf::Value;

const RTMP_MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
/// What differs from one run to the next.
const OWN: [&str; 4] = ["clientid", "epoch", "time", "timestamp"];

type Form = BTreeMap<String, String>;

/// Publishes and plays, both with arguments, until each has been updated, and leaves.
fn visit(address: SocketAddr, receiver: &Receiver) {
    let fields = [
        ("swfUrl", Value::String("http://example.com/a player.swf?x=1&y=2".into())),
        ("pageUrl", Value::String("http://example.com/page".into())),
        ("flashVer", Value::String("FMLE/3.0 (compatible; test)".into())),
    ];
    let mut publisher = Client::publish_with(address, "demo?key=abc&word=x%20y", &fields);
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher.send(9, 1, 40, picture(true, 1000));
    let mut player = Client::connect_with(address, &fields);
    let name = string("demo?token=t");
    let [start, duration, reset] =
        [Value::Number(-2000.0), Value::Number(-1.0), Value::Boolean(true)];
    player.command(
        1,
        &[string("play"), Value::Number(3.0), Value::Null, name, start, duration, reset],
    );
    player.expect("NetStream.Play.Start");
    receiver.wait_call("update_publish");
    receiver.wait_call("update_play");
    drop(player);
    receiver.wait_call("play_done");
    drop(publisher);
    receiver.wait_call("publish_done");
    let count =
        |call: &str| receiver.requests().iter().filter(|one| one.field("call") == call).count();
    until("both ends", Duration::from_secs(20), || {
        (count("done") == 2 && count("disconnect") == 2).then_some(())
    });
}

/// The first form of each kind, without what differs, and the names of its fields in order.
fn forms(receiver: &Receiver) -> BTreeMap<String, (Form, Vec<String>)> {
    let mut forms = BTreeMap::new();
    for request in receiver.requests() {
        let form = request.form();
        let keys: Vec<String> = form.iter().map(|(key, _)| key.clone()).collect();
        let form: Form = form.into_iter().filter(|(key, _)| !OWN.contains(&key.as_str())).collect();
        // Ends and connections come twice.
        let player = form.contains_key("token");
        let kind =
            format!("{}{}", request.field("call"), if player { " of the player" } else { "" });
        forms.entry(kind).or_insert((form, keys));
    }
    forms
}

fn nginx(receiver: &Receiver) -> BTreeMap<String, (Form, Vec<String>)> {
    let (folder, port, url) = (temp_dir(), free_port(), receiver.url("hook"));
    let at = folder.path().to_str().unwrap();
    let names = ["publish", "play", "publish_done", "play_done", "done", "update"];
    let hooks: String = names.iter().map(|name| format!("on_{name} {url};\n")).collect();
    let conf = format!(
        "load_module {RTMP_MODULE}; daemon off; master_process off; pid {at}/nginx.pid;\n\
         error_log stderr;\nevents {{}}\n\
         rtmp {{ server {{ listen 127.0.0.1:{port}; on_connect {url}; on_disconnect {url};\n\
         notify_update_timeout 1s;\n application live {{ live on;\n{hooks} }} }} }}\n"
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, conf).unwrap();
    let _nginx = Process::start("nginx", ["-p", at, "-e", "stderr", "-c", file.to_str().unwrap()]);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    wait_listening(port);
    visit(address, receiver);
    forms(receiver)
}

fn ours(receiver: &Receiver) -> BTreeMap<String, (Form, Vec<String>)> {
    let (folder, url) = (temp_dir(), receiver.url("hook"));
    let names =
        ["connect", "disconnect", "publish", "play", "publish-done", "play-done", "done", "update"];
    let hooks: Vec<String> =
        names.iter().flat_map(|name| [format!("--on-{name}"), url.clone()]).collect();
    let mut arguments: Vec<&str> = hooks.iter().map(String::as_str).collect();
    arguments.extend(["--notify-update-timeout", "1s"]);
    let server = Server::start(folder.path(), &arguments);
    visit(server.rtmp, receiver);
    forms(receiver)
}

#[test]
fn hooks_say_what_those_of_nginx_say_field_by_field() {
    let start = || Receiver::start(|_| Answer::status(200));
    let (theirs, ours) = (nginx(&start()), ours(&start()));
    let kinds = |forms: &BTreeMap<String, _>| forms.keys().cloned().collect::<Vec<_>>();
    assert_eq!(kinds(&ours), kinds(&theirs));
    for (kind, (form, keys)) in &theirs {
        let (our_form, our_keys) = &ours[kind];
        assert_eq!(our_form, form, "{kind}");
        let sorted = |keys: &[String]| {
            let mut keys = keys.to_vec();
            keys.sort();
            // Its disconnect names the application twice.
            keys.dedup();
            keys
        };
        assert_eq!(sorted(our_keys), sorted(keys), "{kind}");
    }
}
