use super::*;
use crate::error::Layer;
use crate::limits::{Budget, Limits};

const PROCESS: &str = "memory budget of the process";

fn pair_within(limits: &Limits) -> Pair {
    Pair::new(SessionConfig { limits: limits.clone(), ..SessionConfig::default() })
}

/// A client that publishes, and the wire of one message of `bytes`.
fn publisher(limits: &Limits, bytes: usize) -> (Pair, Vec<u8>) {
    let mut pair = pair_within(limits);
    pair.client.control(&Control::SetChunkSize(1 << 20));
    pair.client.publish("live", "key");
    pair.run().unwrap();
    pair.client.message(&message(9, 1, 0, &vec![7; bytes]));
    let wire = pair.client.poll_output().unwrap().to_bytes().to_vec();
    (pair, wire)
}

#[test]
fn f_02_what_waits_and_what_is_incomplete_counts_and_comes_back() {
    let limits = Limits::default();
    let held = || limits.budget.held();
    let (mut pair, wire) = publisher(&limits, 100_000);
    assert_eq!(held(), 0, "all was polled");
    let (head, tail) = wire.split_at(50_000);
    pair.server.handle_input(pair.now, head).unwrap();
    assert_eq!(held(), 100_000, "the buffer of the message");
    pair.server.handle_input(pair.now, tail).unwrap();
    assert_eq!(held(), 100_000, "the event");
    let event = pair.server.poll_event();
    assert!(matches!(event, Some(SessionEvent::Media { payload, .. }) if payload.len() == 100_000));
    assert_eq!(held(), 0, "what was handed out is the caller's");
    // A session in the middle of a message gives all back when it goes.
    pair.server.handle_input(pair.now, head).unwrap();
    assert_eq!(held(), 100_000);
    drop(pair);
    assert_eq!(held(), 0);
}

#[test]
fn f_02_output_counts_until_it_is_taken() {
    let limits = Limits::default();
    let mut pair = pair_within(&limits);
    pair.client.play("live", "key");
    pair.run().unwrap();
    let payload = Bytes::from(vec![1; 10_000]);
    pair.server.send(1, 9, 0, payload.clone()).unwrap();
    let shared = SharedMessage::new(&message(9, 1, 1, &payload), pair.server.chunk_size());
    pair.server.send_shared(&shared).unwrap();
    assert_eq!(limits.budget.held(), pair.server.queued_output_bytes());
    assert!(limits.budget.held() > 20_000);
    pair.server.poll_output();
    assert_eq!(limits.budget.held(), 0);
}

#[test]
fn f_02_a_new_session_is_refused_where_the_process_is_full() {
    let limits = Limits { budget: Budget::new(100_000), ..Limits::default() };
    let (mut first, wire) = publisher(&limits, 100_000);
    first.server.handle_input(first.now, &wire[..1000]).unwrap();
    let mut second = pair_within(&limits);
    second.client.publish("live", "other");
    let error = second.run().unwrap_err();
    assert_eq!(
        (error.kind(), error.layer(), error.field()),
        (ErrorKind::LimitExceeded, Layer::Session, PROCESS)
    );
    assert!(second.server.is_closing());
    // The first goes on: its buffer is whole.
    assert_eq!(first.server.handle_input(first.now, &wire[1000..]).unwrap(), wire.len() - 1000);
    while first.server.poll_event().is_some() {}
    let mut third = pair_within(&limits);
    third.client.publish("live", "other");
    third.run().unwrap();
    assert_eq!(paths(&third).len(), 1);
}

#[test]
fn f_02_a_session_that_must_grow_past_the_budget_ends() {
    let limits = Limits { budget: Budget::new(150_000), ..Limits::default() };
    let (mut first, wire) = publisher(&limits, 100_000);
    let (mut second, _) = publisher(&limits, 100_000);
    first.server.handle_input(first.now, &wire[..1000]).unwrap();
    let error = second.server.handle_input(second.now, &wire[..1000]).unwrap_err();
    assert_eq!((error.layer(), error.field()), (Layer::Chunk, PROCESS));
    drop(second);
    assert_eq!(limits.budget.held(), 100_000);
}

#[test]
fn f_02_input_waits_for_the_caller_at_the_session_s_cap() {
    let limits = Limits { session_bytes: 300_000, ..Limits::default() };
    let (mut pair, wire) = publisher(&limits, 100_000);
    let wire = [&wire[..]; 5].concat();
    let mut rest = &wire[..];
    let mut media = 0;
    let mut stops = 0;
    while !rest.is_empty() {
        let taken = pair.server.handle_input(pair.now, rest).unwrap();
        rest = &rest[taken..];
        assert!(limits.budget.held() <= 400_000, "{}", limits.budget.held());
        assert_eq!(pair.server.wants_input(), rest.is_empty());
        stops += usize::from(!rest.is_empty());
        while pair.server.poll_event().is_some() {
            media += 1;
        }
    }
    assert_eq!((media, stops), (5, 1), "three messages reach the cap, and none is lost");
}

#[test]
fn f_02_events_wait_for_the_caller_where_the_process_is_full() {
    let limits = Limits { budget: Budget::new(250_000), ..Limits::default() };
    let (mut pair, wire) = publisher(&limits, 100_000);
    let (head, rest) = wire.split_at(50_000);
    let (mut other, _) = publisher(&limits, 100_000);
    other.server.handle_input(other.now, head).unwrap();
    other.server.handle_input(other.now, rest).unwrap();
    assert!(other.server.wants_input(), "there is room");
    pair.server.handle_input(pair.now, &[&wire[..], &wire].concat()).unwrap();
    // One waits for its own events, and the other for its own.
    assert!(!pair.server.wants_input() && !other.server.wants_input());
    assert_eq!(other.server.handle_input(other.now, &wire).unwrap(), 0);
    while other.server.poll_event().is_some() {}
    assert!(other.server.wants_input());
}

#[test]
fn f_02_incomplete_messages_are_capped_by_the_session_too() {
    let limits = Limits { session_bytes: 60_000, ..Limits::default() };
    let (mut pair, wire) = publisher(&limits, 100_000);
    let error = pair.server.handle_input(pair.now, &wire[..100]).unwrap_err();
    assert_eq!(error.field(), "bytes of incomplete messages");
}
