use super::*;

#[test]
fn a5_09_the_answers_to_connect_are_one_write_in_the_order_that_clients_expect() {
    let mut pair = Pair::default();
    pair.client.connect(&[("app", "live".into())]);
    pair.run().unwrap();
    // S0, S1 and S2 in one write, then everything for connect in one write.
    assert_eq!((pair.writes.len(), pair.writes[0]), (2, 3073));
    let controls = pair.client.controls();
    let expected = [
        Control::WindowAckSize(2_500_000),
        Control::SetPeerBandwidth(2_500_000, LimitType::Dynamic),
        Control::SetChunkSize(65_536),
    ];
    assert_eq!(controls, expected);
    assert_eq!(pair.client.received.last().unwrap().type_id, 20);
}

#[test]
fn a5_02_a5_10_connect_result_echoes_the_transaction() {
    let mut pair = Pair::default();
    let fields = vec![("app".to_owned(), "live".into())];
    let command =
        Command::new("connect", 7.5, Value::EcmaArray(fields), vec![Value::Null, true.into()]);
    pair.client.message(&command.to_message(0));
    pair.run().unwrap();
    let (stream_id, result) = pair.client.commands().remove(0);
    assert_eq!((stream_id, result.name.as_str(), result.transaction_id), (0, "_result", 7.5));
    let keys: Vec<&str> =
        result.object.fields().unwrap().iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["fmsVer", "capabilities", "mode"]);
    let info = &result.arguments[0];
    assert_eq!(info.field("code"), Some(&"NetConnection.Connect.Success".into()));
    assert_eq!(info.field("objectEncoding"), Some(&0.0.into()));
}

#[test]
fn a5_01_a5_03_odd_connect_objects_are_taken() {
    let odd: [&[(&str, Value)]; 4] = [
        &[("app", "live".into()), ("tcurl", "rtmp://h/live".into()), ("swfUrl", Value::Null)],
        &[("tcUrl", "\"rtmp://h/live\"".into())],
        &[
            ("app", "live".into()),
            ("x", Value::Date { millis: 1.0, zone: 0 }),
            ("y", Value::Reference(3)),
        ],
        &[("app", "live".into()), ("fourCcList", Value::StrictArray(vec!["av01".into()]))],
    ];
    for fields in odd {
        let mut pair = Pair::default();
        pair.client.connect(fields);
        pair.client.command(0, "createStream", 2.0, &[]);
        pair.client.command(1, "publish", 3.0, &["key".into()]);
        pair.run().unwrap();
        assert_eq!(paths(&pair), ["live/key"], "{fields:?}");
    }
}

#[test]
fn f_16_texts_of_the_client_hold_no_control_characters_and_no_query() {
    let mut pair = Pair::default();
    pair.client.connect(&[("app", "live?token=x".into()), ("flashVer", "a\r\nb\u{1b}[0m".into())]);
    pair.run().unwrap();
    let SessionEvent::Connected { app, agent, .. } = &pair.events[0] else { panic!() };
    assert_eq!((app.as_str(), agent.contains(char::is_control)), ("live", false));
}

#[test]
fn a5_08_a_second_connect_is_refused() {
    let mut pair = publishing();
    pair.client.connect(&[("app", "live".into())]);
    pair.run().unwrap();
    assert!(pair.client.codes().contains(&"NetConnection.Connect.Rejected".to_owned()));
    assert!(pair.server.is_closing());
    assert_eq!(ended(&pair), 1);
}

#[test]
fn commands_before_connect_are_refused_without_harm() {
    let mut pair = Pair::default();
    pair.client.command(0, "createStream", 2.0, &[]);
    pair.client.command(1, "publish", 3.0, &["key".into()]);
    pair.client.message(&message(9, 1, 0, b"x"));
    pair.client.publish("live", "key");
    pair.run().unwrap();
    assert_eq!(paths(&pair), ["live/key"]);
    assert_eq!(pair.server.notice_count(Notice::CommandBeforeConnect), 2);
}

#[test]
fn a5_13_create_stream_reply_has_exactly_the_bytes_that_ffmpeg_indexes() {
    let mut pair = Pair::default();
    pair.client.open("live");
    pair.run().unwrap();
    let body = &pair.client.received.last().unwrap().payload;
    let expected = b"\x02\x00\x07_result\x00\x40\x00\x00\x00\x00\x00\x00\x00\x05\x00\x3f\xf0\x00\x00\x00\x00\x00\x00";
    assert_eq!(body[..], expected[..]);
}

#[test]
fn a5_11_a5_12_a5_26_side_calls_are_answered_by_their_transaction_id() {
    let mut pair = Pair::default();
    pair.client.open("live");
    let calls =
        ["releaseStream", "FCPublish", "_checkbw", "getStreamLength", "madeUp", "FCSubscribe"];
    for (at, name) in (10_u8..).zip(calls) {
        pair.client.command(0, name, at.into(), &["key".into()]);
    }
    pair.client.command(0, "madeUp", 0.0, &[]);
    pair.client.command(0, "_result", 55.0, &[]);
    pair.run().unwrap();
    let answers = pair.client.commands();
    let ids: Vec<f64> = answers.iter().skip(2).map(|(_, answer)| answer.transaction_id).collect();
    assert_eq!(ids, [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]);
    assert!(answers.iter().all(|(_, answer)| answer.name == "_result"));
    assert_eq!(answers[5].1.arguments, [Value::Number(0.0)]);
}

#[test]
fn a5_14_several_streams_on_one_connection_up_to_a_cap() {
    let mut pair = Pair::default();
    pair.client.open("live");
    for at in 0..20_u8 {
        pair.client.command(0, "createStream", f64::from(at) + 10.0, &[]);
    }
    for id in 1..=3 {
        pair.client.command(id, "publish", 50.0, &[format!("key{id}").into()]);
        pair.client.message(&message(9, id, id * 10, b"frame"));
    }
    pair.run().unwrap();
    assert_eq!(paths(&pair), ["live/key1", "live/key2", "live/key3"]);
    assert_eq!(media_of(&pair), [(1, 9, 10, 5), (2, 9, 20, 5), (3, 9, 30, 5)]);
    let refused =
        pair.client.commands().iter().filter(|(_, command)| command.name == "_error").count();
    assert_eq!(refused, 5);
}

#[test]
fn a4_18_a4_20_unknown_messages_and_shared_objects_are_skipped() {
    let mut pair = publishing();
    for type_id in [7, 16, 19, 21, 99, 255] {
        pair.client.message(&message(type_id, 1, 0, b"whatever"));
    }
    pair.client.message(&message(9, 1, 5, b"frame"));
    pair.run().unwrap();
    assert_eq!(media_of(&pair), [(1, 9, 5, 5)]);
    assert_eq!(pair.server.notice_count(Notice::UnknownMessageType), 4);
    let told = pair
        .events
        .iter()
        .filter(|e| matches!(e, SessionEvent::Notice(Notice::UnknownMessageType)));
    assert_eq!(told.count(), 1);
}

#[test]
fn a5_38_undecodable_commands_and_data_do_not_end_the_session() {
    let mut pair = publishing();
    pair.client.message(&message(20, 0, 0, &[9, 9, 9]));
    pair.client.message(&message(20, 0, 0, &[]));
    pair.client.message(&message(18, 1, 0, &[0, 0, 1, 0x2c]));
    pair.client.message(&message(18, 1, 0, &[]));
    pair.client.message(&message(9, 1, 5, b"frame"));
    pair.run().unwrap();
    assert_eq!(media_of(&pair), [(1, 9, 5, 5)]);
    assert_eq!(pair.server.notice_count(Notice::UndecodableCommand), 1);
    assert_eq!(pair.server.notice_count(Notice::UndecodableData), 1);
}

#[test]
fn a4_05_a4_06_chunk_sizes_of_the_two_directions_are_independent() {
    let mut pair = Pair::default();
    pair.client.control(&Control::SetChunkSize(4096));
    pair.client.publish("live", "key");
    pair.run().unwrap();
    pair.client.control(&Control::SetChunkSize(65_536));
    pair.client.message(&message(9, 1, 0, &[1; 50_000]));
    pair.run().unwrap();
    assert_eq!(media_of(&pair), [(1, 9, 0, 50_000)]);
    assert_eq!(pair.server.chunk_size(), 65_536);
}

#[test]
fn a1_02_everything_in_one_segment_and_byte_by_byte_give_the_same_events() {
    let events = |chop| {
        let mut pair = Pair { chop, ..Pair::default() };
        pair.client.control(&Control::SetChunkSize(200));
        pair.client.publish("live", "key");
        for sent in crate::testing::generate::media(1, 60) {
            pair.client.message(&sent);
        }
        pair.client.command(1, "FCUnpublish", 9.0, &["key".into()]);
        pair.client.command(0, "deleteStream", 0.0, &[1.0.into()]);
        pair.run().unwrap();
        pair.events
    };
    let whole = events(Chop::Whole);
    assert_eq!(whole.len(), 1 + 1 + 122 + 1);
    assert_eq!(events(Chop::Every(1)), whole);
    assert_eq!(events(Chop::Random(5)), whole);
}
