//! A TCP relay that keeps what passes through it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::until;

/// Who sent the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The one who connected.
    Client,
    /// The one who was connected to.
    Server,
}

/// Bytes of one read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Who sent them.
    pub from: From,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Takes one connection and passes it on, both ways.
pub struct Relay {
    addr: SocketAddr,
    pieces: Arc<Mutex<Vec<Piece>>>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Listens on a free port for the one connection that goes on to `target`.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let pieces = Arc::new(Mutex::new(Vec::new()));
        let kept = pieces.clone();
        let thread = std::thread::spawn(move || {
            let Ok((client, _)) = listener.accept() else { return };
            drop(listener);
            let Ok(server) = TcpStream::connect(target) else { return };
            let both = |stream: &TcpStream| stream.try_clone().expect("a second handle");
            let (other_client, other_server, other_kept) =
                (both(&client), both(&server), kept.clone());
            let back = std::thread::spawn(move || {
                pass(other_server, other_client, From::Server, &other_kept);
            });
            pass(client, server, From::Client, &kept);
            let _ = back.join();
        });
        Self { addr, pieces, thread: Some(thread) }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits until both sides have closed, and gives what passed, in the order in which it did.
    ///
    /// # Panics
    /// When one has not after 20 s.
    pub fn finish(mut self) -> Vec<Piece> {
        let thread = self.thread.take().expect("taken once");
        until("end of the relayed connection", Duration::from_secs(20), || {
            thread.is_finished().then_some(())
        });
        thread.join().expect("the relay does not panic");
        std::mem::take(&mut *self.pieces.lock().expect("the relay does not panic"))
    }
}

/// All bytes of one side.
pub fn bytes_of(pieces: &[Piece], from: From) -> Vec<u8> {
    pieces.iter().filter(|piece| piece.from == from).flat_map(|piece| piece.bytes.clone()).collect()
}

fn pass(mut source: TcpStream, mut target: TcpStream, from: From, kept: &Mutex<Vec<Piece>>) {
    let _ = target.set_nodelay(true);
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = source.read(&mut buffer) {
        let bytes = &buffer[..count];
        // What is an answer to these bytes has to stand behind them.
        kept.lock().expect("nobody panics").push(Piece { from, bytes: bytes.to_vec() });
        if target.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = target.shutdown(Shutdown::Write);
    let _ = source.shutdown(Shutdown::Read);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_kept_in_order() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let relay = Relay::start(listener.local_addr().expect("an address"));
        let mut client = TcpStream::connect(relay.addr()).expect("a connection");
        let (mut server, _) = listener.accept().expect("a connection");
        let mut read = [0; 4];
        for (message, side) in [(b"ping", 0), (b"pong", 1), (b"done", 0)] {
            let (from, to) =
                if side == 0 { (&mut client, &mut server) } else { (&mut server, &mut client) };
            from.write_all(message).expect("taken");
            to.read_exact(&mut read).expect("passed on");
            assert_eq!(&read, message);
        }
        drop((client, server));
        let pieces = relay.finish();
        assert_eq!(bytes_of(&pieces, From::Client), b"pingdone");
        assert_eq!(bytes_of(&pieces, From::Server), b"pong");
        let order: Vec<From> = pieces.iter().map(|piece| piece.from).collect();
        assert_eq!(order, [From::Client, From::Server, From::Client]);
    }
}
