//! What sessions allocate: an idle one next to nothing, a publishing one its messages.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use streamcore::buf::Chain;
use streamcore::rtmp::chunk::Message;
use streamcore::rtmp::message::Control;
use streamcore::rtmp::session::{
    ClientConfig, ClientSession, RtmpUrl, ServerSession, SessionConfig, SessionEvent,
};
use streamcore::testing::{Client, generate};
use streamcore::time::Micros;

/// Heap of an idle session, itself included.
const IDLE: i64 = 8 << 10;

/// What a client sends until it publishes or plays, and then for `messages`.
fn wire(open: impl FnOnce(&mut Client), messages: &[Message]) -> (Vec<u8>, Vec<u8>) {
    let (mut client, mut server) = (Client::default(), new_session());
    client.control(&Control::SetChunkSize(4096));
    open(&mut client);
    let mut hello = Vec::new();
    while let Some(bytes) = client.poll_output() {
        let bytes = bytes.to_bytes();
        hello.extend_from_slice(&bytes);
        feed(&mut server, &bytes, &mut |answer| {
            client.handle_input(Micros::ZERO, &answer.to_bytes()).unwrap();
        });
    }
    messages.iter().for_each(|message| client.message(message));
    let media = client.poll_output().map(|chain| chain.to_bytes().to_vec());
    (hello, media.unwrap_or_default())
}

/// Gives input in pieces of a read, and polls as a driver does. The bytes of media that came.
fn feed(session: &mut ServerSession, bytes: &[u8], answer: &mut dyn FnMut(Chain)) -> usize {
    let mut media = 0;
    for mut piece in bytes.chunks(4096) {
        while !piece.is_empty() {
            let taken = session.handle_input(Micros::ZERO, piece).unwrap();
            piece = piece.get(taken..).unwrap();
            while let Some(event) = session.poll_event() {
                match event {
                    SessionEvent::Publish { request, .. } | SessionEvent::Play { request, .. } => {
                        session.accept(request).unwrap();
                    }
                    SessionEvent::Media { payload, .. } => media += payload.len(),
                    _ => {}
                }
            }
            session.poll_output().into_iter().for_each(&mut *answer);
        }
    }
    media
}

fn new_session() -> Box<ServerSession> {
    Box::new(ServerSession::new(SessionConfig::default(), 1, Micros::ZERO))
}

/// What making and feeding a session leaves allocated, and the session.
fn session_after(bytes: &[u8]) -> (AllocationInfo, Box<ServerSession>) {
    let mut kept = None;
    let info = measure(|| {
        let mut session = new_session();
        feed(&mut session, bytes, &mut drop);
        kept = Some(session);
    });
    (info, kept.unwrap())
}

#[test]
fn an_idle_session_takes_less_than_8_kib() {
    let (_, session) = session_after(&[]);
    assert!(session.wants_input());
    let publish = wire(|client| client.publish("live", "key"), &[]).0;
    let play = wire(|client| client.play("live", "key"), &[]).0;
    for (what, bytes) in [("new", vec![]), ("publishing", publish), ("playing", play)] {
        let (info, session) = session_after(&bytes);
        assert!(info.bytes_current > 0 && info.bytes_current < IDLE, "{what}: {info:?}");
        drop(session);
    }
}

#[test]
fn an_idle_client_takes_less_than_8_kib() {
    let mut kept = None;
    let info = measure(|| {
        let config = ClientConfig::publish(RtmpUrl::parse("rtmp://localhost/live/key").unwrap());
        let mut client = Box::new(ClientSession::new(config, 1, Micros::ZERO));
        drop(client.poll_output());
        kept = Some(client);
    });
    assert!(info.bytes_current > 0 && info.bytes_current < IDLE, "{info:?}");
    drop(kept);
}

#[test]
fn a_publishing_session_allocates_its_messages_and_no_more() {
    let messages = generate::media(5, 1000);
    let payload: usize = messages.iter().map(|message| message.payload.len()).sum();
    let (hello, media) = wire(|client| client.publish("live", "key"), &messages);
    let (_, mut session) = session_after(&hello);
    let mut read = 0;
    let info = measure(|| read = feed(&mut session, &media, &mut drop));
    assert_eq!(read, payload);
    // One buffer for each message. The queues have grown to what they need by the first of them.
    let count = u64::try_from(messages.len()).unwrap();
    assert!(info.count_total <= count + 8, "{info:?} for {count} messages");
    let bytes = info.bytes_total - u64::try_from(payload).unwrap();
    assert!(bytes < 16 << 10, "{bytes} bytes beside the payload: {info:?}");
    // At its height: the event and the message behind it.
    let largest = messages.iter().map(|message| message.payload.len()).max().unwrap();
    assert!(info.bytes_max < 3 * u64::try_from(largest).unwrap() + 4096 + 8192, "{info:?}");
}

#[test]
fn thousands_of_messages_leave_nothing_behind() {
    let messages = generate::media(6, 500);
    let (hello, media) = wire(|client| client.publish("live", "key"), &messages);
    let (_, mut session) = session_after(&hello);
    feed(&mut session, &media, &mut drop);
    // Each time begins with a type-0 header as the first did: the wire may come again.
    let info = measure(|| {
        for _ in 0..10 {
            feed(&mut session, &media, &mut drop);
        }
    });
    assert!(info.count_total > 10_000, "{info:?}");
    assert_eq!((info.count_current, info.bytes_current), (0, 0), "{info:?}");
}

#[test]
fn a_player_s_queue_gives_back_what_it_took() {
    let play = wire(|client| client.play("live", "key"), &[]).0;
    let (_, mut session) = session_after(&play);
    let payload = Bytes::from(vec![1; 20_000]);
    let mut send = || {
        for time in 0..1000 {
            session.send(1, 9, time, payload.clone()).unwrap();
            drop(session.poll_output());
        }
    };
    send();
    let info = measure(send);
    assert_eq!((info.count_current, info.bytes_current), (0, 0), "{info:?}");
    // Heads and the list of parts: the payload is shared.
    assert!(info.bytes_total < 1000 * 2048, "{info:?}");
}
