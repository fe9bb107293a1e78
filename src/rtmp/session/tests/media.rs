use super::*;

#[test]
fn a5_37_set_data_frame_is_stripped() {
    let mut pair = publishing();
    let body = b"\x02\x00\x0d@setDataFrame\x02\x00\x0aonMetaData\x08\x00\x00\x00\x00\x00\x00\x09";
    pair.client.message(&message(18, 1, 0, body));
    pair.client.message(&message(15, 1, 0, &[&[0][..], body].concat()));
    pair.client.message(&message(18, 1, 0, b"\x02\x00\x0f@clearDataFrame\x02\x00\x0aonMetaData"));
    pair.run().unwrap();
    let data: Vec<_> = pair
        .events
        .iter()
        .filter_map(|event| match event {
            SessionEvent::Media { type_id: 18, payload, .. } => Some(payload.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(data, [&body[16..], &body[16..]]);
}

#[test]
fn a2_17_a6_28_empty_audio_is_an_event() {
    let mut pair = publishing();
    pair.client.message(&message(8, 1, 7, b""));
    pair.run().unwrap();
    assert_eq!(media_of(&pair), [(1, 8, 7, 0)]);
}

#[test]
fn media_on_another_message_stream_belongs_to_the_only_publisher() {
    let mut pair = publishing();
    pair.client.message(&message(9, 0, 1, b"frame"));
    pair.client.message(&message(9, 77, 2, b"frame"));
    pair.run().unwrap();
    assert_eq!(media_of(&pair), [(1, 9, 1, 5), (1, 9, 2, 5)]);
    assert_eq!(pair.server.notice_count(Notice::UnknownMessageStream), 2);
}

#[test]
fn media_without_publish_is_ignored() {
    let mut pair = playing();
    pair.client.message(&message(9, 1, 1, b"frame"));
    pair.run().unwrap();
    assert_eq!(
        (media_of(&pair).len(), pair.server.notice_count(Notice::MediaWithoutPublish)),
        (0, 1)
    );
}

#[test]
fn a4_07_a_notice_of_chunk_reader_and_session_is_told_once() {
    let mut pair = publishing();
    // The reader obeys the first kind, the session the second.
    pair.client.message(&message(2, 0, 0, b"x"));
    pair.client.message(&message(5, 0, 0, b"x"));
    pair.run().unwrap();
    let told = |event: &&SessionEvent| **event == SessionEvent::Notice(Notice::ControlMessageShort);
    assert_eq!(pair.events.iter().filter(told).count(), 1);
    assert_eq!(pair.server.notice_count(Notice::ControlMessageShort), 2);
}

/// `count` tags of one byte in an aggregate.
fn aggregate(count: u32) -> Message {
    let mut body = Vec::new();
    for at in 0..count {
        let [_, a, b, c] = at.to_be_bytes();
        body.extend_from_slice(&[9, 0, 0, 1, a, b, c, 0, 0, 0, 0, 5, 0, 0, 0, 12]);
    }
    message(22, 1, 1000, &body)
}

#[test]
fn a4_19_a_large_aggregate_becomes_events_within_the_bound_of_the_queue() {
    let mut pair = publishing();
    pair.client.message(&aggregate(3000));
    pair.client.message(&message(8, 1, 9999, b"behind"));
    pair.run().unwrap();
    let media = media_of(&pair);
    assert_eq!((media.len(), media[2999], media[3000]), (3001, (1, 9, 3999, 1), (1, 8, 9999, 6)));
}

#[test]
fn a4_19_the_last_aggregate_needs_no_further_input_and_the_queue_stays_bounded() {
    let mut pair = publishing();
    pair.client.message(&aggregate(1000));
    let bytes = pair.client.poll_output().unwrap().to_bytes();
    assert_eq!(pair.server.handle_input(pair.now, &bytes).unwrap(), bytes.len());
    assert_eq!((pair.server.events.len(), pair.server.wants_input()), (256, false));
    let events = std::iter::from_fn(|| pair.server.poll_event()).count();
    assert_eq!((events, pair.server.wants_input()), (1000, true));
}

#[test]
fn a_full_event_queue_stops_the_input_and_loses_nothing() {
    let mut pair = publishing();
    for at in 0..1000 {
        pair.client.message(&message(9, 1, at, b"frame"));
    }
    let bytes = pair.client.poll_output().unwrap().to_bytes();
    let taken = pair.server.handle_input(pair.now, &bytes).unwrap();
    assert!(taken < bytes.len());
    assert_eq!(pair.server.events.len(), 256);
    assert_eq!(pair.server.handle_input(pair.now, &bytes[taken..]).unwrap(), 0);
    let mut rest = &bytes[taken..];
    let mut events = 0;
    loop {
        events += std::iter::from_fn(|| pair.server.poll_event()).count();
        if rest.is_empty() {
            break;
        }
        rest = &rest[pair.server.handle_input(pair.now, rest).unwrap()..];
    }
    assert_eq!(events, 1000);
}

#[test]
fn a4_09_a4_12_acknowledgements_count_all_bytes_since_the_start() {
    let mut pair = publishing();
    pair.client.control(&Control::WindowAckSize(200_000));
    for _ in 0..5 {
        pair.client.message(&message(9, 1, 0, &[0; 100_000]));
        pair.run().unwrap();
    }
    let acks: Vec<u32> =
        pair.client
            .controls()
            .iter()
            .filter_map(|control| {
                if let Control::Acknowledgement(bytes) = control { Some(*bytes) } else { None }
            })
            .collect();
    assert_eq!(acks.len(), 5);
    assert_eq!(u64::from(*acks.last().unwrap()), pair.server.received_bytes());
    assert!(acks.is_sorted());
}

#[test]
fn a4_10_acknowledgements_wrap_at_2_to_the_32() {
    let mut pair = publishing();
    pair.client.control(&Control::WindowAckSize(200_000));
    pair.run().unwrap();
    pair.server.link.received += (1 << 32) - 1000;
    pair.client.message(&message(9, 1, 0, &[0; 2000]));
    pair.run().unwrap();
    let Some(Control::Acknowledgement(bytes)) = pair.client.controls().pop() else { panic!() };
    assert!(bytes < 100_000, "{bytes}");
}

#[test]
fn a4_13_f_22_tiny_and_zero_windows_cost_nothing() {
    for window in [0, 1] {
        let mut pair = publishing();
        pair.client.control(&Control::WindowAckSize(window));
        for _ in 0..1000 {
            pair.client.message(&message(9, 1, 0, &[0; 100]));
        }
        pair.chop = Chop::Every(10);
        pair.run().unwrap();
        let acks = pair
            .client
            .controls()
            .iter()
            .filter(|c| matches!(c, Control::Acknowledgement(_)))
            .count();
        assert_eq!(acks, usize::try_from(window).unwrap());
    }
}

#[test]
fn a4_11_a4_14_a4_15_acks_and_windows_of_the_client_never_block() {
    let mut pair = publishing();
    for value in [131_325, 131_325, 0, u32::MAX] {
        pair.client.control(&Control::Acknowledgement(value));
    }
    pair.client.control(&Control::SetPeerBandwidth(2_500_000, LimitType::Hard));
    pair.client.control(&Control::SetPeerBandwidth(1_000_000, LimitType::Soft));
    pair.client.control(&Control::SetPeerBandwidth(1_000_000, LimitType::Dynamic));
    pair.client.command(0, "_checkbw", 9.0, &[]);
    pair.run().unwrap();
    let told =
        pair.client.controls().iter().filter(|c| matches!(c, Control::WindowAckSize(_))).count();
    assert_eq!(told, 2, "once at connect, once for the window that differs");
}

#[test]
fn a4_16_pings_are_answered_with_their_own_clock_and_unknown_events_ignored() {
    let mut pair = publishing();
    pair.client.control(&UserControl::PingRequest(0xdead_beef).into());
    pair.client.control(&UserControl::SetBufferLength(1, 3000).into());
    for event in [5, 26, 27, 31, 32] {
        pair.client.control(&UserControl::Unknown(event).into());
    }
    pair.run().unwrap();
    assert_eq!(pair.client.controls().last(), Some(&UserControl::PingResponse(0xdead_beef).into()));
    assert_eq!(pair.server.notice_count(Notice::UnknownUserControl), 5);
}
