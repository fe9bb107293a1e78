//! What is agreed in `connect`: Enhanced RTMP, AMF3.

use super::*;
use crate::rtmp::message::{Capabilities, CodecSupport, ExtendedCaps};

fn map(fields: &[(&str, f64)]) -> Value {
    Value::Object(fields.iter().map(|&(key, value)| (key.to_owned(), value.into())).collect())
}

fn list(ids: &[&str]) -> Value {
    Value::StrictArray(ids.iter().map(|&id| id.into()).collect())
}

/// The answer to `connect` with these fields, and the pair.
fn connected(config: SessionConfig, fields: &[(&str, Value)]) -> (Command, Pair) {
    let mut pair = Pair::new(config);
    pair.client.connect(&[&[("app", "live".into())], fields].concat());
    pair.run().unwrap();
    let (_, result) = pair.client.commands().remove(0);
    (result, pair)
}

fn told(pair: &Pair) -> Capabilities {
    match pair.events.first() {
        Some(SessionEvent::Connected { capabilities, .. }) => capabilities.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a6_18_a6_20_a_client_that_names_codecs_is_told_what_this_side_can() {
    let fields = [("fourCcList", list(&["av01", "hvc1", "Opus"]))];
    let (result, pair) = connected(SessionConfig::default(), &fields);
    for object in [&result.object, &result.arguments[0]] {
        let ours = Capabilities::parse(object);
        assert_eq!(ours, Capabilities::forwarding());
        assert_eq!(ours.video(*b"vvc1"), CodecSupport::FORWARD);
    }
    assert_eq!(told(&pair).video(*b"av01"), CodecSupport::ALL);
    assert_eq!(pair.server.capabilities(), Some(&told(&pair)));
}

#[test]
fn a6_19_maps_and_masks_of_the_client_are_an_event() {
    let fields = [
        ("videoFourCcInfoMap", map(&[("*", 4.0), ("vp09", 1.0)])),
        ("audioFourCcInfoMap", map(&[("Opus", 1.0)])),
        ("capsEx", 3.0.into()),
    ];
    let (result, pair) = connected(SessionConfig::default(), &fields);
    let told = told(&pair);
    assert_eq!((told.video(*b"vp09").bits(), told.audio(*b"fLaC").bits()), (5, 0));
    assert!(told.extended().has(ExtendedCaps::RECONNECT.and(ExtendedCaps::MULTITRACK)));
    assert_eq!(result.arguments[0].field("capsEx"), Some(&15.0.into()));
}

#[test]
fn a6_20_a_client_that_says_nothing_gets_the_answer_it_knows_and_may_publish_any_codec() {
    let (result, mut pair) = connected(SessionConfig::default(), &[("videoFunction", 1.0.into())]);
    let keys: Vec<_> = result.object.fields().unwrap().iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(keys, ["fmsVer", "capabilities", "mode"]);
    pair.client.command(0, "createStream", 2.0, &[]);
    pair.client.command(1, "publish", 3.0, &["key".into()]);
    pair.client.message(&message(9, 1, 0, b"\x90av01header"));
    pair.run().unwrap();
    assert_eq!(media_of(&pair), [(1, 9, 0, 11)]);
}

#[test]
fn a6_21_players_that_did_not_ask_for_a_codec_follow_the_named_policy() {
    let cases: [(PlayerCodecs, [bool; 3]); 3] = [
        (PlayerCodecs::Any, [true, true, true]),
        (PlayerCodecs::NotDeclined, [true, false, true]),
        (PlayerCodecs::Named, [false, false, true]),
    ];
    for (player_codecs, expected) in cases {
        let may = |fields: &[(&str, Value)]| {
            let config = SessionConfig { player_codecs, ..SessionConfig::default() };
            let (_, pair) = connected(config, fields);
            // These have legacy headers.
            assert!(pair.server.may_play_video(*b"avc1") && pair.server.may_play_audio(*b"mp4a"));
            assert_eq!(
                pair.server.may_play_video(*b"av01"),
                pair.server.may_play_audio(*b"Opus"),
                "{fields:?}"
            );
            pair.server.may_play_video(*b"av01")
        };
        let silent = may(&[]);
        let other = may(&[("fourCcList", list(&["hvc1"]))]);
        let named = may(&[("fourCcList", list(&["av01", "Opus"]))]);
        assert_eq!([silent, other, named], expected, "{player_codecs:?}");
    }
    assert_eq!(SessionConfig::default().player_codecs, PlayerCodecs::Any);
    // Who can only encode it does not play it.
    let config = SessionConfig { player_codecs: PlayerCodecs::Named, ..SessionConfig::default() };
    let (_, pair) = connected(config, &[("videoFourCcInfoMap", map(&[("av01", 2.0)]))]);
    assert!(!pair.server.may_play_video(*b"av01"));
}

#[test]
fn a6_21_a_player_that_cannot_play_the_codec_is_told_so() {
    let mut pair = Pair { answer: Some(Err(Rejection::Codec)), ..Pair::default() };
    pair.client.play("live", "key");
    pair.run().unwrap();
    assert_eq!(pair.client.codes().last().unwrap(), "NetStream.Play.Failed");
    assert!(pair.server.is_closing());
}

#[test]
fn a6_24_a_client_that_can_is_asked_to_reconnect_and_is_heard_until_it_leaves() {
    let (_, mut pair) = connected(SessionConfig::default(), &[("capsEx", 1.0.into())]);
    pair.client.command(0, "createStream", 2.0, &[]);
    pair.client.command(1, "publish", 3.0, &["key".into()]);
    pair.run().unwrap();
    for url in [Some("rtmp://other.example/live"), Some("//192.0.2.1/live"), Some("/live"), None] {
        assert_eq!(pair.server.request_reconnect(url, "Moving."), Ok(true));
        pair.run().unwrap();
        let (stream_id, request) = pair.client.commands().pop().unwrap();
        assert_eq!((stream_id, request.name.as_str()), (0, "onStatus"));
        assert_eq!((request.transaction_id, &request.object), (0.0, &Value::Null));
        let info = &request.arguments[0];
        assert_eq!(info.field("code"), Some(&"NetConnection.Connect.ReconnectRequest".into()));
        assert_eq!(info.field("level"), Some(&"status".into()));
        assert_eq!(info.field("description"), Some(&"Moving.".into()));
        assert_eq!(info.field("tcUrl"), url.map(Value::from).as_ref());
    }
    // It goes on to its next key frame, and leaves.
    pair.client.message(&message(9, 1, 40, b"frame"));
    pair.client.command(0, "deleteStream", 0.0, &[1.0.into()]);
    pair.run().unwrap();
    assert_eq!(media_of(&pair), [(1, 9, 40, 5)]);
    assert_eq!(ended(&pair), 1);
    assert!(!pair.server.is_closing());
}

#[test]
fn a6_24_a_client_that_did_not_say_so_is_not_asked() {
    let mut pair = publishing();
    let before = pair.client.received.len();
    assert_eq!(pair.server.request_reconnect(None, ""), Ok(false));
    pair.run().unwrap();
    assert_eq!(pair.client.received.len(), before);
    let mut early = Pair::default();
    let error = early.server.request_reconnect(None, "").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
}

#[test]
fn a5_05_amf3_is_agreed_with_who_asks_for_it_or_never_by_the_named_policy() {
    let asked = |object_encoding, wanted: Value| {
        let config = SessionConfig { object_encoding, ..SessionConfig::default() };
        let (result, _) = connected(config, &[("objectEncoding", wanted)]);
        result.arguments[0].field("objectEncoding").and_then(Value::as_f64).unwrap()
    };
    assert_eq!(asked(ObjectEncoding::AsAsked, 3.0.into()), 3.0);
    assert_eq!(asked(ObjectEncoding::Amf0, 3.0.into()), 0.0);
    for other in [0.0.into(), 1.0.into(), "3".into(), Value::Null] {
        assert_eq!(asked(ObjectEncoding::AsAsked, other), 0.0);
    }
    assert_eq!(SessionConfig::default().object_encoding, ObjectEncoding::AsAsked);
}

#[test]
fn a5_05_a5_06_commands_in_amf3_are_answered_in_it_once_it_is_agreed() {
    for (encoding, in_amf3) in [(3.0, true), (0.0, false)] {
        let config = SessionConfig::default();
        let (_, mut pair) = connected(config, &[("objectEncoding", encoding.into())]);
        let create = Command::new("createStream", 2.0, Value::Null, vec![]);
        let publish = Command::new("publish", 3.0, Value::Null, vec!["key".into()]);
        pair.client.message(&create.to_amf3_message(0));
        pair.client.message(&publish.to_amf3_message(1));
        pair.run().unwrap();
        let types: Vec<u8> = pair.client.received.iter().rev().take(2).map(|m| m.type_id).collect();
        assert_eq!(types, if in_amf3 { [17, 17] } else { [20, 20] });
        let (_, status) = pair.client.commands().pop().unwrap();
        assert_eq!(status.arguments[0].field("code"), Some(&"NetStream.Publish.Start".into()));
        // A command in AMF0 is answered in AMF0.
        pair.client.command(0, "createStream", 4.0, &[]);
        pair.run().unwrap();
        assert_eq!(pair.client.received.last().unwrap().type_id, 20);
    }
}
