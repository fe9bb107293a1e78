use super::*;

#[test]
fn a5_21_the_play_sequence_without_data_start() {
    let pair = playing();
    let seen: Vec<String> = pair
        .client
        .received
        .iter()
        .skip(5)
        .map(|message| match message.type_id {
            4 => format!("{:?}", Control::parse(4, &message.payload).unwrap()),
            20 => {
                let (command, _) =
                    Command::parse(20, &message.payload, &Default::default()).unwrap();
                assert_eq!(message.stream_id, 1);
                command.arguments[0].field("code").unwrap().as_str().unwrap().to_owned()
            }
            _ => format!("data {}", String::from_utf8_lossy(&message.payload[3..20])),
        })
        .collect();
    let expected = [
        "User(StreamBegin(1))",
        "NetStream.Play.Reset",
        "NetStream.Play.Start",
        "data |RtmpSampleAccess",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a5_22_play_arguments_may_be_missing_or_of_any_type() {
    let arguments: [&[Value]; 4] = [
        &["key".into()],
        &["key".into(), "x".into(), Value::Null, 3.0.into()],
        &["key".into(), (-1.0).into(), true.into(), Value::StrictArray(vec![])],
        &[Value::Object(vec![("streamName".to_owned(), "key".into())])],
    ];
    for arguments in arguments {
        let mut pair = Pair::default();
        pair.client.open("live");
        pair.client.command(1, if arguments.len() == 1 { "play2" } else { "play" }, 3.0, arguments);
        pair.run().unwrap();
        assert_eq!(paths(&pair), ["live/key"]);
    }
}

#[test]
fn a5_23_a_stream_that_is_not_there_is_not_found() {
    let mut pair = Pair { answer: Some(Err(Rejection::NotFound)), ..Pair::default() };
    pair.client.play("live", "key");
    pair.run().unwrap();
    assert_eq!(pair.client.codes().last().unwrap(), "NetStream.Play.StreamNotFound");
    assert!(pair.server.is_closing());
}

#[test]
fn a5_24_the_end_of_the_publisher_is_told_once() {
    let mut pair = playing();
    pair.server.end_play(1);
    pair.server.end_play(1);
    pair.run().unwrap();
    let notified =
        pair.client.codes().iter().filter(|code| *code == "NetStream.Play.UnpublishNotify").count();
    let ends =
        pair.client.controls().iter().filter(|c| **c == UserControl::StreamEof(1).into()).count();
    assert_eq!((notified, ends), (1, 1));
    assert_eq!(pair.server.send(1, 9, 0, Bytes::new()).unwrap_err().kind(), ErrorKind::Misuse);
    // The client may ask again on the same stream.
    pair.client.command(1, "play", 4.0, &["other".into()]);
    pair.run().unwrap();
    assert_eq!(paths(&pair), ["live/key", "live/other"]);
}

#[test]
fn a5_25_pause_seek_and_going_on() {
    let mut pair = playing();
    pair.client.command(1, "pause", 0.0, &[true.into(), 500.0.into()]);
    pair.run().unwrap();
    pair.server.send(1, 9, 10, Bytes::from_static(b"dropped")).unwrap();
    pair.client.command(1, "pause", 0.0, &[false.into(), 500.0.into()]);
    pair.run().unwrap();
    pair.server.send(1, 9, 20, Bytes::from_static(b"frame")).unwrap();
    pair.client.command(1, "seek", 0.0, &[f64::NAN.into()]);
    pair.client.command(1, "seek", 0.0, &[1500.0.into()]);
    pair.run().unwrap();
    let media: Vec<_> =
        pair.client.received.iter().filter(|m| m.type_id == 9).map(|m| m.timestamp).collect();
    assert_eq!(media, [20]);
    let tail = &pair.signals()[2..];
    let expected = [
        SessionEvent::Paused { stream_id: 1, paused: true },
        SessionEvent::Paused { stream_id: 1, paused: false },
        SessionEvent::Seek { stream_id: 1, position: 0 },
        SessionEvent::Seek { stream_id: 1, position: 1500 },
    ];
    assert_eq!(tail, expected.iter().collect::<Vec<_>>());
    let codes = pair.client.codes();
    for code in ["NetStream.Pause.Notify", "NetStream.Unpause.Notify", "NetStream.Seek.Notify"] {
        assert!(codes.iter().any(|seen| seen == code), "{code}");
    }
}

#[test]
fn media_reaches_the_player_shared_or_not() {
    let mut pair = playing();
    let mut sent = Vec::new();
    for (at, len) in (0_u32..).zip([0, 10, 300, 65_536, 65_537, 200_000]) {
        let message = message(9, 1, 0xff_fff0 + at * 10, &vec![u8::try_from(at).unwrap(); len]);
        if at % 2 == 0 {
            pair.server
                .send_shared(&SharedMessage::new(&message, pair.server.chunk_size()))
                .unwrap();
        } else {
            pair.server.send(1, 9, message.timestamp, message.payload.clone()).unwrap();
        }
        sent.push(message);
    }
    pair.chop = Chop::Random(4);
    pair.run().unwrap();
    let got: Vec<_> =
        pair.client.received.iter().filter(|message| message.type_id == 9).cloned().collect();
    assert_eq!(got, sent);
    let wrong_size = SharedMessage::new(&sent[0], 4096);
    assert_eq!(pair.server.send_shared(&wrong_size).unwrap_err().kind(), ErrorKind::Misuse);
    assert_eq!(pair.server.send(9, 9, 0, Bytes::new()).unwrap_err().kind(), ErrorKind::Misuse);
}

#[test]
fn f_21_the_output_queue_of_a_slow_player_is_bounded() {
    let mut pair = playing();
    let payload = Bytes::from(vec![0; 100_000]);
    let sent = (0..1000).take_while(|_| pair.server.send(1, 9, 0, payload.clone()).is_ok()).count();
    assert!((41..=43).contains(&sent), "{sent}");
    assert!(pair.server.queued_output_bytes() < (4 << 20) + 200_000);
    assert_eq!(pair.server.send(1, 9, 0, payload).unwrap_err().kind(), ErrorKind::LimitExceeded);
    pair.run().unwrap();
    assert_eq!(pair.client.received.iter().filter(|message| message.type_id == 9).count(), sent);
}

#[test]
fn a_player_that_leaves_is_told_once() {
    let mut pair = playing();
    pair.client.command(1, "closeStream", 0.0, &[]);
    pair.client.command(0, "deleteStream", 0.0, &[1.0.into()]);
    pair.run().unwrap();
    let ends = pair
        .events
        .iter()
        .filter(|event| matches!(event, SessionEvent::PlayEnded { stream_id: 1 }));
    assert_eq!(ends.count(), 1);
}
