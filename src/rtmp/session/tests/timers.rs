use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a1_04_a1_16_the_handshake_deadline_is_absolute() {
    let mut session = ServerSession::new(SessionConfig::default(), 1, Micros::ZERO);
    let mut now = Micros::ZERO;
    for byte in std::iter::once(3).chain(std::iter::repeat_n(0, 99)) {
        now = now + Duration::from_millis(100);
        if now >= Micros::from_millis(10_000) {
            break;
        }
        assert_eq!(session.handle_input(now, &[byte]).unwrap(), 1);
        session.handle_timeout(now).unwrap();
        assert_eq!(session.poll_timeout(), Some(Micros::from_millis(10_000)));
    }
    let error = session.handle_timeout(Micros::from_millis(10_000)).unwrap_err();
    assert_eq!(error.field(), "time for the handshake");
}

#[test]
fn f_01_connect_and_publish_have_a_deadline_together() {
    let mut pair = Pair::default();
    pair.client.open("live");
    pair.run().unwrap();
    pair.advance(seconds(9)).unwrap();
    pair.client.command(0, "createStream", 5.0, &[]);
    pair.run().unwrap();
    assert_eq!(pair.advance(seconds(2)).unwrap_err().field(), "time to publish or play");
    assert_eq!(pair.now, Micros::from_millis(10_000));
    let mut pair = Pair::default();
    pair.run().unwrap();
    assert_eq!(pair.advance(seconds(11)).unwrap_err().field(), "time to connect");
}

#[test]
fn f_01_a_message_that_trickles_in_has_a_deadline() {
    let mut pair = publishing();
    pair.client.raw(&[7, 0, 0, 0, 0, 3, 0, 9, 1, 0, 0, 0]);
    pair.run().unwrap();
    for _ in 0..29 {
        pair.client.raw(&[1]);
        pair.advance(seconds(1)).unwrap();
        pair.run().unwrap();
    }
    assert_eq!(pair.advance(seconds(2)).unwrap_err().field(), "time for a message");
    assert_eq!(pair.now, Micros::from_millis(30_000));
}

#[test]
fn a4_17_a_silent_publisher_is_given_up() {
    let mut pair = publishing();
    pair.advance(seconds(29)).unwrap();
    pair.client.message(&message(9, 1, 0, b"frame"));
    pair.run().unwrap();
    pair.advance(seconds(29)).unwrap();
    assert_eq!(pair.advance(seconds(2)).unwrap_err().field(), "silence of a publisher");
}

#[test]
fn a4_17_an_idle_player_is_pinged_and_given_up_without_an_answer() {
    let mut pair = playing();
    let pings = |pair: &Pair| {
        let is_ping =
            |control: &&Control| matches!(control, Control::User(UserControl::PingRequest(_)));
        pair.client.controls().iter().filter(is_ping).count()
    };
    for answered in 1..4 {
        pair.advance(seconds(61)).unwrap();
        assert_eq!(pings(&pair), answered);
        pair.client.control(&UserControl::PingResponse(1).into());
        pair.run().unwrap();
    }
    assert_eq!(pair.advance(seconds(100)).unwrap_err().field(), "answer to a ping");
    assert_eq!(pings(&pair), 4);
}

#[test]
fn a_request_that_waits_and_input_that_is_not_taken_are_not_the_peers_fault() {
    let mut pair = Pair { answer: None, ..Pair::default() };
    pair.client.publish("live", "key");
    pair.client.message(&message(9, 1, 0, &[0; 1000]));
    pair.run().unwrap();
    pair.advance(seconds(300)).unwrap();
    assert_eq!(pair.server.poll_timeout(), None);
}

#[test]
fn a5_19_a_connection_without_a_stream_gets_its_time_again() {
    let mut pair = publishing();
    pair.advance(seconds(20)).unwrap();
    pair.client.command(0, "deleteStream", 0.0, &[1.0.into()]);
    pair.run().unwrap();
    pair.advance(seconds(9)).unwrap();
    assert_eq!(pair.advance(seconds(2)).unwrap_err().field(), "time to publish or play");
}

#[test]
fn errors_count_bytes_from_the_start_of_the_connection() {
    let mut pair = Pair::default();
    pair.client.raw(&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let error = pair.run().unwrap_err();
    assert_eq!((error.field(), error.offset()), ("Set Chunk Size", Some(3073 + 16)));
}

#[test]
fn f_21_a_player_that_reads_nothing_is_given_up() {
    let mut pair = playing();
    while pair.server.send(1, 9, 0, Bytes::from(vec![0; 100_000])).is_ok() {}
    assert!(!pair.server.wants_input());
    for at in [61_000, 200_000] {
        assert!(pair.server.poll_timeout().unwrap() <= Micros::from_millis(at));
        let outcome = pair.server.handle_timeout(Micros::from_millis(at));
        assert_eq!(outcome.is_err(), at == 200_000);
    }
    assert!(pair.server.is_closing());
}

#[test]
fn after_an_error_input_is_taken_and_ignored() {
    let mut pair = publishing();
    pair.client.raw(&[2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(pair.run().is_err());
    assert!(pair.server.is_closing());
    assert_eq!(pair.server.handle_input(pair.now, &[0xff; 100]).unwrap(), 100);
}
