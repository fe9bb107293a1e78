//! The client session and the server session, over pipes that delay and chop.

use proptest::prelude::*;

use super::*;
use crate::rtmp::chunk::Message;
use crate::rtmp::message::type_id;
use crate::rtmp::session::{Rejection, SessionConfig, SessionEvent};
use crate::testing::{Duet, generate};

fn duet(config: ClientConfig, chop: Chop, delay: u64) -> Duet {
    let server = SessionConfig { chunk_size: 4096, ..SessionConfig::default() };
    let mut duet = Duet::new(config, server);
    duet.chop = chop;
    duet.delay = Duration::from_millis(delay);
    duet.gap = Duration::from_micros(3);
    duet
}

fn chops() -> impl Strategy<Value = Chop> {
    prop_oneof![
        Just(Chop::Whole),
        (1_usize..200).prop_map(Chop::Every),
        any::<u64>().prop_map(Chop::Random)
    ]
}

/// What one end sends and the other gives: kind, time and body. Data messages start with a name.
fn stream(seed: u64, count: usize) -> Vec<(u8, u32, Bytes)> {
    let media = |message: Message| {
        let Message { type_id, timestamp, payload, .. } = message;
        let named = || Bytes::from([b"\x02\x00\x04name", &payload[..]].concat());
        let payload = if type_id == type_id::DATA { named() } else { payload };
        (type_id, timestamp, payload)
    };
    generate::messages(seed, count).into_iter().map(media).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_published_arrives_whatever_the_pipe_does(
        seed in any::<u64>(), chop in chops(), delay in 0_u64..900, chunk_size in 128_u32..70_000,
    ) {
        let mut config = publisher();
        config.chunk_size = chunk_size;
        let mut duet = duet(config, chop, delay);
        duet.run().unwrap();
        prop_assert!(duet.heard.contains(&ClientEvent::Publishing), "{:?}", duet.heard);
        let sent = stream(seed, 40);
        for (kind, timestamp, payload) in &sent {
            duet.client.send_media(*kind, *timestamp, payload.clone()).unwrap();
        }
        duet.run().unwrap();
        duet.client.finish();
        duet.run().unwrap();
        let media = |event: &SessionEvent| match event {
            SessionEvent::Media { type_id, timestamp, payload, .. } => {
                Some((*type_id, *timestamp, payload.clone()))
            }
            _ => None,
        };
        prop_assert_eq!(duet.events.iter().filter_map(media).collect::<Vec<_>>(), sent);
        prop_assert_eq!(duet.events.last(), Some(&SessionEvent::Unpublished { stream_id: 1 }));
        let notices = duet.events.iter().any(|event| matches!(event, SessionEvent::Notice(_)));
        prop_assert!(!notices, "{:?}", duet.events);
    }

    #[test]
    fn what_a_server_sends_is_played_whatever_the_pipe_does(
        seed in any::<u64>(), chop in chops(), delay in 0_u64..900,
    ) {
        let mut duet = duet(player(), chop, delay);
        duet.run().unwrap();
        prop_assert!(duet.heard.contains(&ClientEvent::Playing), "{:?}", duet.heard);
        let sent = stream(seed, 40);
        for (kind, timestamp, payload) in &sent {
            duet.server.send(1, *kind, *timestamp, payload.clone()).unwrap();
        }
        duet.server.end_play(1);
        duet.run().unwrap();
        let media = |event: &ClientEvent| match event {
            ClientEvent::Media { kind, timestamp, payload } => {
                Some((*kind, *timestamp, payload.clone()))
            }
            _ => None,
        };
        prop_assert_eq!(duet.heard.iter().filter_map(media).collect::<Vec<_>>(), sent);
        prop_assert!(duet.heard.contains(&ClientEvent::Ended));
        duet.client.finish();
        duet.run().unwrap();
        let notices = duet.heard.iter().any(|event| matches!(event, ClientEvent::Notice(_)));
        prop_assert!(!notices, "{:?}", duet.heard);
    }
}

#[test]
fn a5_36_a_publisher_that_the_server_refuses_hears_why() {
    let mut duet = duet(publisher(), Chop::Whole, 20);
    duet.answer = Err(Rejection::AlreadyPublishing);
    duet.run().unwrap();
    let Some(ClientEvent::Rejected { code, .. }) = duet.heard.last() else {
        panic!("{:?}", duet.heard)
    };
    assert_eq!(code, "NetStream.Publish.BadName");
    assert!(duet.client.is_closing() && duet.server.is_closing());
}

#[test]
fn a4_17_a_quiet_player_and_its_server_keep_each_other() {
    let mut duet = duet(player(), Chop::Whole, 20);
    duet.run().unwrap();
    duet.advance(Duration::from_secs(3600)).unwrap();
    assert!(!duet.client.is_closing() && !duet.server.is_closing());
    duet.server.send(1, 8, 0, Bytes::from_static(b"sound")).unwrap();
    duet.run().unwrap();
    assert!(matches!(duet.heard.last(), Some(ClientEvent::Media { .. })));
}

#[test]
fn a_server_that_closes_is_heard_in_both_roles() {
    for config in [publisher(), player()] {
        let mut duet = duet(config, Chop::Every(3), 20);
        duet.run().unwrap();
        duet.server.close();
        duet.run().unwrap();
        let ends = duet.heard.iter().filter(|event| **event == ClientEvent::Ended).count();
        assert!(ends > 0 && duet.client.is_closing(), "{:?}", duet.heard);
    }
}

#[test]
fn a5_05_a6_19_both_ends_agree_on_amf3_and_on_what_they_can() {
    for mut config in [publisher(), player()] {
        config.amf3 = true;
        let mut duet = duet(config, Chop::Every(11), 5);
        duet.run().unwrap();
        let Some(ClientEvent::Connected(server)) = duet.heard.first() else {
            panic!("{:?}", duet.heard)
        };
        assert!(server.amf3 && server.capabilities.is_enhanced());
        let started = [ClientEvent::Publishing, ClientEvent::Playing];
        assert!(duet.heard.iter().any(|event| started.contains(event)), "{:?}", duet.heard);
        let told = |event: &SessionEvent| match event {
            SessionEvent::Connected { capabilities, .. } => Some(capabilities.is_enhanced()),
            _ => None,
        };
        assert_eq!(duet.events.iter().find_map(told), Some(true));
    }
}

#[test]
fn a6_24_a_server_may_ask_its_publisher_to_connect_elsewhere() {
    let mut duet = duet(publisher(), Chop::Whole, 5);
    duet.run().unwrap();
    assert!(duet.server.request_reconnect(Some("rtmp://two/live"), "Moving.").unwrap());
    duet.run().unwrap();
    let asked = |event: &ClientEvent| matches!(event, ClientEvent::ReconnectRequest { .. });
    assert!(duet.heard.iter().any(asked), "{:?}", duet.heard);
    assert_eq!(duet.client.next_config().unwrap().url.host, "two");
}
