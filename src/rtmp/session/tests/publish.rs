use super::*;

#[test]
fn a5_15_publish_start_comes_on_the_published_stream() {
    let mut pair = Pair::default();
    pair.client.open("live");
    pair.client.command(0, "FCPublish", 8.0, &["key".into()]);
    pair.client.command(1, "publish", 9.0, &["key".into(), "LIVE".into()]);
    pair.run().unwrap();
    let commands = pair.client.commands();
    let tail: Vec<_> = commands
        .iter()
        .rev()
        .take(2)
        .map(|(id, c)| (*id, c.name.as_str(), c.transaction_id))
        .collect();
    assert_eq!(tail, [(1, "onStatus", 0.0), (0, "onFCPublish", 0.0)]);
    let status = commands.last().unwrap().1.arguments[0].clone();
    assert_eq!(status.field("level"), Some(&"status".into()));
    assert_eq!(status.field("code"), Some(&"NetStream.Publish.Start".into()));
}

#[test]
fn a5_16_a5_36_refusals_use_the_codes_that_clients_know_and_close() {
    let codes = [
        (Rejection::AlreadyPublishing, "NetStream.Publish.BadName"),
        (Rejection::Denied, "NetStream.Publish.Denied"),
        (Rejection::Overloaded, "NetStream.Publish.Rejected"),
    ];
    for (reason, code) in codes {
        let mut pair = Pair { answer: Some(Err(reason)), ..Pair::default() };
        pair.client.publish("live", "key");
        pair.run().unwrap();
        let (stream_id, status) = pair.client.commands().pop().unwrap();
        assert_eq!((stream_id, status.arguments[0].field("code")), (1, Some(&code.into())));
        assert_eq!(status.arguments[0].field("level"), Some(&"error".into()));
        assert!(pair.server.is_closing());
        // What still comes is taken and ignored, and the time to close is bounded.
        pair.client.message(&message(9, 1, 0, b"frame"));
        pair.run().unwrap();
        assert_eq!(media_of(&pair), []);
        assert!(pair.advance(Duration::from_secs(3)).is_err());
    }
}

#[test]
fn a5_17_media_before_the_answer_is_held_back_and_not_lost() {
    let mut pair = Pair { answer: None, ..Pair::default() };
    pair.client.publish("live", "key");
    for at in 0..500 {
        pair.client.message(&message(9, 1, at, b"frame"));
    }
    pair.run().unwrap();
    assert_eq!((media_of(&pair).len(), pair.server.wants_input()), (0, false));
    let Some(SessionEvent::Publish { request, .. }) = pair.events.last().cloned() else { panic!() };
    pair.server.accept(request).unwrap();
    pair.run().unwrap();
    assert_eq!(media_of(&pair).len(), 500);
    assert_eq!(pair.server.accept(request).unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(
        pair.server.reject(request, Rejection::Denied).unwrap_err().kind(),
        ErrorKind::Misuse
    );
}

#[test]
fn a5_18_publish_false_or_empty_stops_and_never_makes_an_empty_name() {
    for argument in [Value::Boolean(false), "".into(), Value::Null] {
        let mut pair = publishing();
        pair.client.command(1, "publish", 0.0, std::slice::from_ref(&argument));
        pair.run().unwrap();
        assert_eq!((ended(&pair), pair.server.is_closing()), (1, false), "{argument:?}");
    }
    for argument in [Value::Boolean(false), Value::Null] {
        let mut pair = Pair::default();
        pair.client.open("live");
        pair.client.command(1, "publish", 3.0, &[argument]);
        pair.run().unwrap();
        assert_eq!(pair.client.codes().last().unwrap(), "NetStream.Publish.BadName");
        assert!(paths(&pair).is_empty() && pair.server.is_closing());
    }
}

#[test]
fn a5_19_any_subset_of_the_ways_to_stop_ends_the_stream_once() {
    let ways = ["FCUnpublish", "closeStream", "close", "unpublish", "deleteStream"];
    for first in ways {
        for second in ways {
            let mut pair = publishing();
            for way in [first, second] {
                let argument = if way == "deleteStream" { 1.0.into() } else { "key".into() };
                pair.client.command(1, way, 0.0, &[argument]);
            }
            pair.run().unwrap();
            assert_eq!(ended(&pair), 1, "{first}, then {second}");
            let codes = pair.client.codes();
            assert_eq!(codes.last().unwrap(), "NetStream.Unpublish.Success");
        }
    }
}

#[test]
fn a5_20_a_stream_can_be_published_again() {
    let mut pair = publishing();
    pair.client.command(0, "FCUnpublish", 5.0, &["key".into()]);
    pair.client.command(0, "deleteStream", 0.0, &[1.0.into()]);
    pair.client.command(0, "createStream", 6.0, &[]);
    pair.client.command(1, "publish", 7.0, &["other".into()]);
    pair.client.message(&message(9, 1, 1, b"frame"));
    pair.run().unwrap();
    assert_eq!(
        (paths(&pair), ended(&pair)),
        (vec!["live/key".to_owned(), "live/other".to_owned()], 1)
    );
    assert_eq!(media_of(&pair).len(), 1);
    // Without unpublish in between: the second publish takes the place of the first.
    pair.client.command(1, "publish", 8.0, &["third".into()]);
    pair.run().unwrap();
    assert_eq!((paths(&pair).len(), ended(&pair)), (3, 2));
}

#[test]
fn f_08_f_15_dangerous_names_are_refused_and_the_connection_closes() {
    for name in ["../x", "a/../../b", ".hidden", "a\\b", "a\nb", "%2e%2e/x", "C:x", "a%00b"] {
        let mut pair = Pair::default();
        pair.client.publish("live", name);
        pair.run().unwrap();
        assert_eq!(pair.client.codes().last().unwrap(), "NetStream.Publish.BadName", "{name}");
        assert!(paths(&pair).is_empty() && pair.server.is_closing());
    }
}

#[test]
fn publish_on_a_stream_that_was_not_created_works() {
    let mut pair = Pair::default();
    pair.client.connect(&[("app", "live".into())]);
    pair.client.command(5, "publish", 2.0, &["key".into()]);
    pair.client.message(&message(9, 5, 1, b"frame"));
    pair.run().unwrap();
    assert_eq!(media_of(&pair), [(5, 9, 1, 5)]);
    assert_eq!(pair.server.notice_count(Notice::UnknownMessageStream), 1);
}

#[test]
fn server_close_tells_publishers_and_players() {
    let mut pair = publishing();
    pair.server.close();
    pair.run().unwrap();
    let codes = pair.client.codes();
    assert_eq!(
        codes[codes.len() - 2..],
        ["NetStream.Unpublish.Success", "NetConnection.Connect.Closed"]
    );
    assert!(pair.server.is_closing() && ended(&pair) == 1);
    let mut pair = playing();
    pair.server.close();
    pair.run().unwrap();
    assert!(pair.client.codes().contains(&"NetStream.Play.UnpublishNotify".to_owned()));
    assert!(pair.client.controls().contains(&UserControl::StreamEof(1).into()));
}
