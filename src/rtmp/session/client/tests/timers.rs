use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn field(visit: &mut Visit, by: u64) -> &'static str {
    let error = visit.advance(seconds(by)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Violation);
    assert!(visit.client.is_closing());
    error.field()
}

#[test]
fn f_01_a_server_that_never_answers_is_given_up_at_each_step() {
    let mut visit = Visit::new(publisher());
    assert_eq!(field(&mut visit, 10), "time for the server's handshake");
    assert_eq!(visit.now, Micros::from_millis(10_000));

    let mut visit = Visit::new(publisher());
    visit.run().unwrap();
    visit.advance(seconds(9)).unwrap();
    assert_eq!(field(&mut visit, 1), "time for an answer to connect");

    let mut visit = Visit::new(publisher());
    visit.run().unwrap();
    visit.advance(seconds(9)).unwrap();
    visit.server.accept();
    visit.run().unwrap();
    // Absolute: what comes late does not buy time.
    assert_eq!(field(&mut visit, 1), "time for an answer to createStream");

    assert_eq!(field(&mut requested(publisher()), 10), "time for an answer to publish");
    assert_eq!(field(&mut requested(player()), 10), "time for an answer to play");
}

#[test]
fn a4_17_a_silent_server_is_given_up_by_players_only() {
    let mut visit = started(player());
    visit.advance(seconds(149)).unwrap();
    visit.server.control(&UserControl::PingRequest(1).into());
    visit.run().unwrap();
    assert!(visit.server.controls().contains(&UserControl::PingResponse(1).into()));
    visit.advance(seconds(149)).unwrap();
    assert_eq!(field(&mut visit, 1), "silence of the server");
    let mut visit = started(publisher());
    visit.advance(seconds(100_000)).unwrap();
    assert!(visit.client.wants_media());
}

#[test]
fn f_01_a_message_that_trickles_in_has_a_deadline() {
    let mut visit = started(publisher());
    visit.server.raw(&[4, 0, 0, 0, 0, 0, 9, 9]);
    visit.run().unwrap();
    assert_eq!(field(&mut visit, 30), "time for a message");
}

#[test]
fn after_an_error_input_is_taken_and_ignored() {
    let mut visit = started(player());
    let error = visit.client.handle_input(visit.now, &[0xff; 20]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Violation);
    assert!(visit.client.is_closing() && visit.client.poll_timeout().is_none());
    assert_eq!(visit.client.handle_input(visit.now, &[0xff; 20]).unwrap(), 20);
}
