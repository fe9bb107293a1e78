use super::*;

#[test]
fn a5_22_a5_26_a_player_asks_for_its_range_and_says_its_buffer() {
    let mut config = player();
    config.role = Role::Play(PlayRange { start: 1.5, duration: 20.0, buffer: 500 });
    config.subscribe = true;
    let visit = requested(config);
    let expected = ["connect", "FCSubscribe", "createStream", "play"];
    assert_eq!(visit.server.names(), expected);
    let (stream_id, play) = visit.server.last("play").unwrap();
    assert_eq!(stream_id, 1);
    assert_eq!(play.arguments, ["key".into(), 1500.0.into(), 20_000.0.into()]);
    assert!(visit.server.controls().contains(&UserControl::SetBufferLength(1, 500).into()));
    let visit = requested(player());
    assert_eq!(visit.server.last("play").unwrap().1.arguments, ["key".into(), (-2000.0).into()]);
}

#[test]
fn a5_21_media_comes_as_it_is_sent() {
    let mut visit = started(player());
    visit.server.control(&UserControl::StreamBegin(1).into());
    visit.server.message(&message(18, 1, 0, b"\x02\x00\x11|RtmpSampleAccess\x01\x01\x01\x01"));
    visit.server.message(&message(18, 1, 0, b"\x02\x00\x0aonMetaData\x05"));
    visit.server.message(&message(9, 1, u32::MAX, &[1; 5000]));
    visit.server.message(&message(8, 1, 20, &[2; 9]));
    visit.server.message(&message(8, 1, 43, &[]));
    visit.run().unwrap();
    assert_eq!(media_of(&visit), [(18, 0, 14), (9, u32::MAX, 5000), (8, 20, 9), (8, 43, 0)]);
    assert_eq!(visit.events[0], ClientEvent::StreamBegin(1));
}

#[test]
fn a5_21_media_before_the_status_starts_the_stream() {
    let mut visit = requested(player());
    visit.server.message(&message(8, 1, 0, &[2; 9]));
    visit.server.status("status", "NetStream.Play.Reset");
    visit.server.status("status", "NetStream.Play.Start");
    visit.run().unwrap();
    let starts = visit.events.iter().filter(|event| **event == ClientEvent::Playing);
    assert_eq!((starts.count(), media_of(&visit).len()), (1, 1));
}

#[test]
fn a5_24_the_end_is_told_once_and_the_stream_may_go_on() {
    let mut visit = started(player());
    visit.server.status("status", "NetStream.Play.UnpublishNotify");
    visit.server.control(&UserControl::StreamEof(1).into());
    visit.server.status("status", "NetStream.Play.Stop");
    visit.run().unwrap();
    assert_eq!(signals(&visit), [&ClientEvent::Ended, &ClientEvent::StreamEof(1)]);
    visit.server.status("status", "NetStream.Play.PublishNotify");
    visit.server.message(&message(8, 1, 0, &[2; 9]));
    visit.server.control(&UserControl::StreamEof(1).into());
    visit.run().unwrap();
    let [
        _,
        _,
        ClientEvent::Playing,
        ClientEvent::Media { .. },
        ClientEvent::StreamEof(1),
        ClientEvent::Ended,
    ] = signals(&visit)[..]
    else {
        panic!("{:?}", visit.events)
    };
    visit.client.finish();
    visit.run().unwrap();
    let names = visit.server.names();
    assert_eq!(names[names.len() - 2..], ["closeStream", "deleteStream"]);
}

#[test]
fn a5_24_the_end_of_a_recorded_stream_comes_as_data() {
    let mut visit = started(player());
    let complete =
        b"\x02\x00\x0conPlayStatus\x03\x00\x04code\x02\x00\x17NetStream.Play.Complete\x00\x00\x09";
    visit.server.message(&message(18, 1, 0, complete));
    visit.run().unwrap();
    assert_eq!(signals(&visit), [&ClientEvent::Ended]);
    assert!(media_of(&visit).is_empty());
}

#[test]
fn a4_19_aggregates_are_split_and_wait_for_room() {
    let tag =
        |time: u8| [&[8, 0, 0, 4, 0, 0, time, 0, 0, 0, 0][..], b"wave", &[0, 0, 0, 15]].concat();
    let body: Vec<u8> = (0..200).flat_map(tag).collect();
    let mut config = player();
    config.limits.queued_events = 10;
    for chop in [Chop::Whole, Chop::Every(7)] {
        let mut visit = started(config.clone());
        visit.chop = chop;
        visit.server.message(&message(22, 1, 1000, &body));
        visit.server.message(&message(9, 1, 1200, b"frame"));
        visit.run().unwrap();
        let media = media_of(&visit);
        assert_eq!((media.len(), media[199], media[200]), (201, (8, 1199, 4), (9, 1200, 5)));
    }
}

#[test]
fn a5_38_what_cannot_be_read_does_not_end_the_session() {
    let mut visit = started(player());
    visit.server.message(&message(20, 0, 0, &[9, 9, 9]));
    visit.server.message(&message(18, 1, 0, &[0, 0, 1, 0x2c]));
    visit.server.message(&message(99, 1, 0, b"?"));
    visit.server.message(&message(9, 5, 7, b"frame"));
    visit.run().unwrap();
    assert_eq!(media_of(&visit), [(9, 7, 5)]);
    for notice in [
        Notice::UndecodableCommand,
        Notice::UndecodableData,
        Notice::UnknownMessageType,
        Notice::UnknownMessageStream,
    ] {
        assert_eq!(visit.client.notice_count(notice), 1, "{notice}");
        assert!(visit.events.contains(&ClientEvent::Notice(notice)));
    }
}
