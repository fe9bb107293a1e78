use super::*;

#[test]
fn a5_10_connect_may_be_answered_with_nothing_in_it() {
    let mut visit = Visit::new(publisher());
    visit.run().unwrap();
    visit.server.result(1.0, Value::Null, Value::Null);
    visit.run().unwrap();
    assert_eq!(visit.events, [ClientEvent::Connected(ServerProperties::default())]);
    assert!(visit.server.names().contains(&"createStream".to_owned()));
}

#[test]
fn a5_10_a6_20_what_the_server_says_of_itself_is_told() {
    let mut visit = Visit::new(publisher());
    visit.run().unwrap();
    let map = Value::Object(vec![("hvc1".into(), 7.0.into())]);
    let object = Value::Object(vec![
        ("fmsVer".into(), "FMS/3\u{1b}[2J".into()),
        ("videoFourCcInfoMap".into(), map),
    ]);
    let info = Value::Object(vec![
        ("level".into(), "status".into()),
        ("code".into(), "NetConnection.Connect.Success".into()),
        ("objectEncoding".into(), 0.0.into()),
        ("capsEx".into(), 3.0.into()),
    ]);
    visit.server.result(1.0, object, info);
    visit.run().unwrap();
    let ClientEvent::Connected(server) = &visit.events[0] else { panic!("{:?}", visit.events) };
    assert_eq!(server.version, "FMS/3\u{fffd}[2J");
    assert_eq!(server.capabilities.video(*b"hvc1").bits(), 7);
    assert_eq!((server.capabilities.extended().bits(), server.amf3), (3, false));
}

#[test]
fn a5_41_ids_that_nobody_gave_are_put_up_with() {
    let mut visit = Visit::new(publisher());
    visit.run().unwrap();
    visit.server.command(0, "onBWDone", 0.0, &[]);
    visit.server.result(0.0, Value::Null, Value::Null);
    visit.run().unwrap();
    // The answers to what was said by the way, before and after; one of them with a number.
    visit.server.result(2.0, Value::Null, 8.0.into());
    visit.server.info(0, "_error", 3.0, &[("code", "NetConnection.Call.Failed".into())]);
    visit.run().unwrap();
    assert!(visit.server.last("publish").is_none());
    visit.server.result(77.5, Value::Null, 5.0.into());
    visit.run().unwrap();
    assert_eq!(visit.server.last("publish").unwrap().0, 5);
    visit.server.result(4.0, Value::Null, 6.0.into());
    visit.run().unwrap();
    let publishes = visit.server.names().into_iter().filter(|name| name == "publish").count();
    assert_eq!(publishes, 1, "a second answer changes nothing");
}

#[test]
fn a5_13_odd_stream_ids_are_used_where_they_are_ids() {
    let stream_of = |answer: Value| {
        let mut visit = Visit::new(publisher());
        visit.run().unwrap();
        visit.server.accept();
        visit.run().unwrap();
        visit.server.result(4.0, Value::Null, answer);
        visit.run().unwrap();
        let odd = visit.client.notice_count(Notice::UnknownMessageStream);
        (visit.server.last("publish").unwrap().0, odd)
    };
    assert_eq!(stream_of(0.0.into()), (0, 0));
    assert_eq!(stream_of(4_294_967_295.0.into()), (u32::MAX, 0));
    for odd in [Value::Null, (-1.0).into(), 1.5.into(), f64::NAN.into(), "7".into()] {
        assert_eq!(stream_of(odd), (1, 1));
    }
}

#[test]
fn calls_of_the_server_are_answered() {
    let mut visit = started(publisher());
    visit.server.command(0, "_onbwcheck", 12.0, &[]);
    visit.server.command(0, "madeUp", 13.5, &[]);
    visit.server.command(0, "madeUp", 0.0, &[]);
    visit.server.command(0, "_result", 14.0, &[]);
    visit.run().unwrap();
    let answers = visit.server.commands().into_iter().filter(|(_, c)| c.name == "_result");
    let ids: Vec<f64> = answers.map(|(_, answer)| answer.transaction_id).collect();
    assert_eq!(ids, [12.0, 13.5]);
    assert_eq!(visit.client.notice_count(Notice::UnknownCommand), 2);
}

#[test]
fn media_of_a_server_is_not_wanted_by_a_publisher() {
    let mut visit = started(publisher());
    visit.server.message(&message(9, 1, 0, b"frame"));
    visit.run().unwrap();
    assert_eq!(visit.client.notice_count(Notice::MediaWithoutPublish), 1);
    assert!(media_of(&visit).is_empty());
}

#[test]
fn a6_24_a_request_to_reconnect_is_passed_on_and_the_stream_goes_on() {
    let ask = |tc_url: Value| {
        let mut visit = started(publisher());
        let fields = [
            ("level", "status".into()),
            ("code", "NetConnection.Connect.ReconnectRequest".into()),
            ("description", "Going down.".into()),
            ("tcUrl", tc_url),
        ];
        visit.server.info(0, "onStatus", 0.0, &fields);
        visit.run().unwrap();
        assert!(visit.client.wants_media());
        let next = visit.client.next_config().map(|next| (next.url.tc_url(), next.url.name));
        (visit.events.remove(0), next)
    };
    let description = || "Going down.".to_owned();
    let (event, next) = ask("rtmp://other/live".into());
    let tc_url = Some("rtmp://other/live".to_owned());
    assert_eq!(event, ClientEvent::ReconnectRequest { tc_url, description: description() });
    assert_eq!(next, Some(("rtmp://other/live".into(), "key?token=1".into())));
    let (event, next) = ask(Value::Null);
    assert_eq!(event, ClientEvent::ReconnectRequest { tc_url: None, description: description() });
    assert_eq!(next, Some(("rtmp://host:1936/live".into(), "key?token=1".into())));
}

#[test]
fn a1_11_a1_02_the_answers_may_come_in_any_pieces() {
    let run = |chop| {
        let mut visit = Visit::new(player());
        visit.chop = chop;
        visit.server.control(&Control::SetChunkSize(150));
        visit.server.accept();
        visit.server.result(2.0, Value::Null, 1.0.into());
        visit.server.status("status", "NetStream.Play.Start");
        for sent in crate::testing::generate::media(1, 60) {
            visit.server.message(&sent);
        }
        visit.server.status("status", "NetStream.Play.UnpublishNotify");
        visit.run().unwrap();
        (visit.events, visit.server.received.clone())
    };
    let whole = run(Chop::Whole);
    assert!(whole.0.len() > 100, "{}", whole.0.len());
    assert_eq!(run(Chop::Every(1)), whole);
    assert_eq!(run(Chop::Random(5)), whole);
}
