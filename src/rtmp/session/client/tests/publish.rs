use super::*;
use crate::rtmp::message::{Capabilities, CodecSupport, ExtendedCaps};

#[test]
fn what_belongs_together_leaves_in_one_write() {
    let mut visit = requested(publisher());
    visit.server.status("status", "NetStream.Publish.Start");
    visit.run().unwrap();
    // C0 and C1; C2, chunk size and connect; what opens the stream; publish.
    assert_eq!((visit.writes.len(), visit.writes[0]), (4, 1537), "{:?}", visit.writes);
    assert!(visit.writes[1] > 1536);
    let expected = ["connect", "releaseStream", "FCPublish", "createStream", "publish"];
    assert_eq!(visit.server.names(), expected);
    assert_eq!(
        visit.server.controls(),
        [Control::SetChunkSize(65_536), Control::WindowAckSize(2_500_000)]
    );
    let (stream_id, publish) = visit.server.last("publish").unwrap();
    assert_eq!(stream_id, 1);
    assert_eq!(publish.arguments, ["key?token=1".into(), "live".into()]);
    let [ClientEvent::Connected(_), ClientEvent::Publishing] = signals(&visit)[..] else {
        panic!("{:?}", visit.events)
    };
}

#[test]
fn a6_18_a6_19_connect_says_where_to_and_what_this_side_can() {
    let mut visit = Visit::new(publisher());
    visit.run().unwrap();
    let (_, connect) = visit.server.last("connect").unwrap();
    let text = |key| connect.object.field(key).and_then(Value::as_str);
    assert_eq!(text("app"), Some("live"));
    assert_eq!(text("tcUrl"), Some("rtmp://host:1936/live"));
    assert!(text("flashVer").unwrap().starts_with("FMLE/3.0 (compatible; streamcore/"));
    assert_eq!(connect.object.field("objectEncoding"), None);
    let said = Capabilities::parse(&connect.object);
    assert_eq!(said.video(*b"av01"), CodecSupport::ALL);
    assert_eq!(said.video(*b"vvc1"), CodecSupport::FORWARD);
    assert!(said.extended().has(ExtendedCaps::RECONNECT.and(ExtendedCaps::MULTITRACK)));
    let mut silent = publisher();
    silent.four_cc_list.clear();
    silent.capabilities = Capabilities::default();
    let mut visit = Visit::new(silent);
    visit.run().unwrap();
    let (_, connect) = visit.server.last("connect").unwrap();
    assert!(!Capabilities::parse(&connect.object).is_enhanced());
}

#[test]
fn a5_15_publishing_starts_with_a_status_or_the_answer_to_publish() {
    let mut visit = requested(publisher());
    assert!(visit.client.send_media(9, 0, Bytes::from_static(b"early")).is_err());
    let (_, publish) = visit.server.last("publish").unwrap();
    visit.server.result(publish.transaction_id, Value::Null, Value::Null);
    visit.server.status("status", "NetStream.Publish.Start");
    visit.run().unwrap();
    let starts = visit.events.iter().filter(|event| **event == ClientEvent::Publishing);
    assert_eq!(starts.count(), 1);
}

#[test]
fn media_goes_out_shared_and_metadata_behind_set_data_frame() {
    let mut visit = started(publisher());
    let frame = Bytes::from(vec![7; 100_000]);
    visit.client.send_metadata(0, vec![("width".into(), 640.0.into())]).unwrap();
    visit.client.send_media(9, 40, frame.clone()).unwrap();
    visit.client.send_media(18, 41, Bytes::from_static(b"\x02\x00\x09onCaption")).unwrap();
    let chain = visit.client.poll_output().unwrap();
    let shared = frame.as_ptr_range();
    let inside: usize =
        chain.iter().filter(|part| shared.contains(&part.as_ptr())).map(Bytes::len).sum();
    assert_eq!(inside, frame.len(), "no byte of the frame was copied");
    visit.server.handle_input(visit.now, &chain.to_bytes()).unwrap();
    let sent = &visit.server.received[visit.server.received.len() - 3..];
    assert!(sent[0].payload.starts_with(b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData\x08"));
    assert_eq!((sent[1].type_id, sent[1].stream_id, sent[1].timestamp), (9, 1, 40));
    assert_eq!(sent[1].payload, frame);
    assert_eq!(sent[2].payload, &b"\x02\x00\x09onCaption"[..]);
}

#[test]
fn a_full_queue_is_told_and_nothing_is_dropped() {
    let mut config = publisher();
    config.limits.queued_output_bytes = 10_000;
    let mut visit = started(config);
    let frame = Bytes::from(vec![1; 4000]);
    let mut sent = 0;
    let error = (0..10).find_map(|_| {
        assert_eq!(visit.client.wants_media(), sent < 3);
        let error = visit.client.send_media(9, sent, frame.clone()).err();
        sent += u32::from(error.is_none());
        error
    });
    assert_eq!(error.map(|error| (error.kind(), sent)), Some((ErrorKind::LimitExceeded, 3)));
    // The server is heard all the same: its pings are answered.
    visit.server.control(&UserControl::PingRequest(77).into());
    visit.run().unwrap();
    assert!(visit.client.wants_media());
    visit.client.send_media(9, sent, frame).unwrap();
    visit.run().unwrap();
    let times = visit.server.received.iter().filter(|m| m.type_id == 9).map(|m| m.timestamp);
    assert_eq!(times.collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(visit.server.controls().contains(&UserControl::PingResponse(77).into()));
}

#[test]
fn a5_19_the_end_is_said_as_encoders_do() {
    let mut visit = started(publisher());
    visit.client.finish();
    assert!(visit.client.is_closing());
    visit.run().unwrap();
    let names = visit.server.names();
    assert_eq!(names[names.len() - 2..], ["FCUnpublish", "deleteStream"]);
    let (_, delete) = visit.server.last("deleteStream").unwrap();
    assert_eq!(delete.arguments, [Value::Number(1.0)]);
    assert_eq!(visit.client.poll_timeout(), None);
    let error = visit.client.send_media(9, 0, Bytes::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    // Before there is a stream there is nothing to delete.
    let mut early = Visit::new(publisher());
    early.client.finish();
    early.run().unwrap();
    assert!(early.server.names().is_empty());
}

#[test]
fn a5_19_a_server_that_ends_the_connection_is_heard() {
    for closing in ["NetConnection.Connect.Closed", "NetConnection.Connect.AppShutdown"] {
        let mut visit = started(publisher());
        visit.server.status("status", closing);
        visit.run().unwrap();
        assert_eq!(signals(&visit), [&ClientEvent::Ended]);
        assert!(visit.client.is_closing());
    }
    let mut visit = started(publisher());
    visit.server.command(0, "close", 0.0, &[]);
    visit.run().unwrap();
    assert_eq!(signals(&visit), [&ClientEvent::Ended]);
}

#[test]
fn a4_13_a4_16_windows_bandwidths_and_pings_are_answered() {
    use crate::rtmp::message::LimitType;
    let mut visit = started(publisher());
    visit.server.control(&Control::WindowAckSize(100_000));
    visit.server.control(&Control::SetPeerBandwidth(500_000, LimitType::Dynamic));
    visit.server.control(&UserControl::PingRequest(9).into());
    visit.server.message(&message(3, 0, 0, &[0; 100_000]));
    visit.run().unwrap();
    let controls = visit.server.controls();
    assert!(controls.contains(&Control::WindowAckSize(500_000)), "{controls:?}");
    assert!(controls.contains(&UserControl::PingResponse(9).into()));
    let acknowledged =
        |control: &Control| matches!(control, Control::Acknowledgement(n) if *n > 100_000);
    assert!(controls.iter().any(acknowledged), "{controls:?}");
}

#[test]
fn a3_10_times_wrap_on_the_wire() {
    let mut visit = started(publisher());
    for time in [u32::MAX - 20, u32::MAX, 19, 39] {
        visit.client.send_media(8, time, Bytes::from_static(b"sound")).unwrap();
    }
    visit.run().unwrap();
    let times = visit.server.received.iter().filter(|m| m.type_id == 8).map(|m| m.timestamp);
    assert_eq!(times.collect::<Vec<_>>(), [u32::MAX - 20, u32::MAX, 19, 39]);
}

#[test]
fn a5_05_commands_go_out_in_amf3_where_the_server_agrees() {
    let types = |agreed: f64| {
        let mut config = publisher();
        config.amf3 = true;
        let mut visit = Visit::new(config);
        visit.run().unwrap();
        let info = Value::Object(vec![("objectEncoding".into(), agreed.into())]);
        visit.server.result(1.0, Value::Null, info);
        visit.run().unwrap();
        let (_, connect) = visit.server.last("connect").unwrap();
        assert_eq!(connect.object.field("objectEncoding"), Some(&Value::Number(3.0)));
        assert!(visit.server.last("createStream").is_some());
        let commands = visit.server.received.iter().map(|message| message.type_id);
        commands.filter(|kind| *kind > 9).collect::<Vec<_>>()
    };
    assert_eq!(types(3.0), [20, 17, 17, 17]);
    assert_eq!(types(0.0), [20, 20, 20, 20]);
}
