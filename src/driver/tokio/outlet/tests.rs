use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::tokio::io::{AsyncReadExt, AsyncWriteExt};
use ::tokio::net::{TcpListener, TcpStream};
use bytes::Bytes;

use super::super::tests::player;
use super::super::{Handler, ServeConfig, serve};
use super::*;
use crate::error::Result;
use crate::limits::Limits;
use crate::rtmp::chunk::{Message, Reader};
use crate::rtmp::session::{ServerSession, SessionEvent};
use crate::time::Micros;

const CHUNK_SIZE: u32 = 65_536;
const MESSAGES: u32 = 4000;

/// The outlet of the one connection, and whether its player may be written to.
#[derive(Clone, Default)]
struct Shared {
    outlet: Arc<Mutex<Option<Outlet>>>,
    playing: Arc<AtomicBool>,
    in_step: Arc<AtomicBool>,
    was_full: Arc<AtomicBool>,
}

impl Handler for Shared {
    fn handle_outlet(&mut self, outlet: &Outlet) {
        *self.outlet.lock().unwrap() = Some(outlet.clone());
    }

    fn handle_event(&mut self, session: &mut ServerSession, event: SessionEvent) -> Result<()> {
        if let SessionEvent::Play { request, .. } = event {
            session.accept(request)?;
            self.playing.store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    fn handle_ready(&mut self, _: &mut ServerSession, _: usize) -> Result<bool> {
        self.in_step.fetch_or(self.playing.load(Ordering::SeqCst), Ordering::SeqCst);
        Ok(false)
    }
}

fn message(timestamp: u32, type_id: u8) -> SharedMessage {
    let size = 1 + timestamp as usize * 37 % 9000;
    let payload = Bytes::from(vec![timestamp.to_le_bytes()[0]; size]);
    SharedMessage::new(&Message { type_id, stream_id: 1, timestamp, payload }, CHUNK_SIZE)
}

/// The media in what a player got behind the handshake.
fn media(bytes: &[u8]) -> Vec<Message> {
    let mut reader = Reader::with_offset(&Limits::default(), 3073);
    let (mut rest, mut media) = (bytes.get(3073..).unwrap(), Vec::new());
    while let Some(message) = reader.poll_message(Micros::ZERO, &mut rest).unwrap() {
        if message.type_id == type_id::VIDEO {
            media.push(message);
        }
    }
    media
}

#[test]
fn a_bundle_takes_audio_and_video_alone() {
    let mut bundle = Bundle::new();
    assert!(!bundle.push(&message(1, type_id::DATA)) && bundle.is_empty());
    assert!(bundle.push(&message(1, type_id::VIDEO)) && bundle.push(&message(2, type_id::AUDIO)));
    let together = message(1, type_id::VIDEO).len() + message(2, type_id::AUDIO).len();
    assert_eq!(bundle.len(), together);
    let bytes = bundle.chain.to_bytes();
    bundle.join();
    assert_eq!((bundle.len(), bundle.chain.iter().len()), (together, 1));
    assert_eq!(bundle.chain.chunk(), bytes);
}

/// Writes `MESSAGES` in bundles of one to three; waits where one is not taken, and says that.
async fn write_all(outlet: &Outlet, was_full: &AtomicBool) {
    let mut next = 0;
    while next < MESSAGES {
        let (mut bundle, count) = (Bundle::new(), 1 + next % 3);
        (next..next + count).for_each(|n| assert!(bundle.push(&message(n, type_id::VIDEO))));
        if next % 2 == 0 {
            bundle.join();
        }
        match outlet.send(&bundle) {
            Sent::Taken => next += count,
            Sent::Busy => {
                was_full.store(true, Ordering::SeqCst);
                ::tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Sent::Closed => panic!("closed at {next}"),
        }
    }
}

#[::tokio::test]
async fn what_is_written_past_the_task_comes_whole_and_in_order_through_a_full_socket() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = ::tokio::sync::oneshot::channel::<()>();
    let stopped = async { stopped.await.unwrap_or_default() };
    let shared = Shared::default();
    let made = shared.clone();
    let server =
        ::tokio::spawn(serve(listener, ServeConfig::default(), move |_| made.clone(), stopped));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(&player(0)).await.unwrap();
    while !shared.in_step.load(Ordering::SeqCst) {
        ::tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let outlet = shared.outlet.lock().unwrap().clone().unwrap();
    let (writing, was_full) = (outlet.clone(), shared.was_full.clone());
    let writer = ::tokio::spawn(async move { write_all(&writing, &was_full).await });
    // The player reads nothing at first, and asks for things all the time, so that the session writes too.
    while !shared.was_full.load(Ordering::SeqCst) {
        ::tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let ping = Message {
        type_id: 4,
        stream_id: 0,
        timestamp: 0,
        payload: Bytes::from_static(&[0, 6, 0, 0, 0, 9]),
    };
    let ping = SharedMessage::new(&ping, 128).chain().to_bytes();
    let (mut bytes, mut piece) = (Vec::new(), vec![0; 100_000]);
    // About 18 MB come: more than a socket holds on both sides.
    let total: usize = (0..MESSAGES).map(|n| message(n, type_id::VIDEO).len()).sum();
    while bytes.len() < total {
        client.write_all(&ping).await.unwrap();
        let count = client.read(&mut piece).await.unwrap();
        assert!(count > 0, "closed");
        bytes.extend_from_slice(piece.get(..count).unwrap());
    }
    // What else the session wrote is in it too, so some media is still to come.
    while media(&bytes).len() < MESSAGES as usize {
        let count = client.read(&mut piece).await.unwrap();
        assert!(count > 0, "closed");
        bytes.extend_from_slice(piece.get(..count).unwrap());
    }
    writer.await.unwrap();
    for (n, got) in (0..MESSAGES).zip(media(&bytes)) {
        assert_eq!((got.timestamp, got.payload.first()), (n, Some(&n.to_le_bytes()[0])));
    }
    drop(client);
    stop.send(()).unwrap();
    server.await.unwrap();
    let mut bundle = Bundle::new();
    assert!(bundle.push(&message(0, type_id::VIDEO)));
    assert_eq!(outlet.send(&bundle), Sent::Closed);
}
