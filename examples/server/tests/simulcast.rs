//! A target that takes a stream and never reads it; and relays that hooks name.

mod common;

use common::client::{Client, picture, video_header};
use common::stuck::stuck;
use common::{Server, until};
use kit::receiver::{Answer, Receiver};

#[test]
fn f_21_a_target_that_never_reads_costs_a_bounded_memory_and_nobody_a_frame() {
    let (address, told) = stuck();
    let dir = tempfile::tempdir().expect("a folder");
    let url = format!("rtmp://{address}/live");
    let options = ["--push", &url, "--no-record", "--hls-window", "2s", "--push-timeout", "30s"];
    let server = Server::start(dir.path(), &options);
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher.send(9, 1, 0, picture(true, 100_000));
    let _kept = told.recv_timeout(common::PATIENCE).expect("the target is connected");
    server.wait_log("push: broadcasting");
    let mut player = Client::play(server.rtmp, "demo");
    player.expect("NetStream.Play.Start");
    let before = server.memory().expect("memory");
    // The player takes each picture before the next is sent, so that it has nothing to do with queues.
    let key = |n: u32| n.is_multiple_of(25);
    while player.media().expect("media").payload.len() < 1000 {}
    for n in 1..2500 {
        publisher.send(9, 1, n * 40, picture(key(n), 100_000));
        let got = player.media().expect("media");
        assert_eq!((got.timestamp, got.payload.len()), (n * 40, 100_000));
    }
    let grown = server.memory().expect("memory").saturating_sub(before);
    assert!(grown < 120 << 20, "250 MB were sent, {} MB are kept", grown >> 20);
    assert!(server.stream("live/demo").is_some());
}

#[test]
fn a_hook_may_name_a_server_to_push_to_and_one_to_pull_from() {
    let far = tempfile::tempdir().expect("a folder");
    let other = Server::start(far.path(), &["--no-record"]);
    let (push, pull) = (
        format!("rtmp://{}/live/pushed", other.rtmp),
        format!("rtmp://{}/live/origin", other.rtmp),
    );
    let receiver = Receiver::start(move |request| match request.field("call").as_str() {
        "publish" => Answer::location(&push),
        _ => Answer::location(&pull),
    });
    let dir = tempfile::tempdir().expect("a folder");
    let url = receiver.url("hook");
    let options = ["--no-record", "--on-publish", &url, "--on-play", &url];
    let server = Server::start(dir.path(), &options);
    let mut publisher = Client::publish(server.rtmp, "demo");
    publisher.expect("NetStream.Publish.Start");
    publisher.send(9, 1, 0, video_header());
    publisher.send(9, 1, 0, picture(true, 1000));
    other.wait_live("live/pushed");
    let mut origin = Client::publish(other.rtmp, "origin");
    origin.expect("NetStream.Publish.Start");
    origin.send(9, 1, 0, video_header());
    origin.send(9, 1, 0, picture(true, 1000));
    other.wait_live("live/origin");
    let mut player = Client::play(server.rtmp, "there");
    player.expect("NetStream.Play.Start");
    assert!(player.media().is_some());
    server.wait_live("live/there");
    // The publisher's end is the end of the push.
    publisher.command(
        0,
        &[
            common::client::string("deleteStream"),
            streamcore::amf::Value::Number(4.0),
            streamcore::amf::Value::Null,
            streamcore::amf::Value::Number(1.0),
        ],
    );
    until("the end of the push", || other.stream("live/pushed").is_none().then_some(()));
    assert!(!server.log().contains("live/pushed"), "f16: {}", server.log());
}
