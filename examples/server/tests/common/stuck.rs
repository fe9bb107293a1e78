//! A target that takes a stream and never reads it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use streamcore::rtmp::session::{ServerSession, SessionConfig, SessionEvent};
use streamcore::time::Micros;

/// A server that lets one publisher in and then reads no more. Gives its address, and the connection once it is stuck.
pub fn stuck() -> (SocketAddr, Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut session = ServerSession::new(SessionConfig::default(), 1, Micros::ZERO);
            let mut block = [0; 4096];
            let mut let_in = false;
            while !let_in {
                let count = stream.read(&mut block).unwrap_or(0);
                if count == 0 {
                    break;
                }
                let _ = session.handle_input(Micros::ZERO, &block[..count]);
                while let Some(event) = session.poll_event() {
                    if let SessionEvent::Publish { request, .. } = event {
                        session.accept(request).expect("an open request");
                        let_in = true;
                    }
                }
                while let Some(chain) = session.poll_output() {
                    let _ = stream.write_all(&chain.to_bytes());
                }
            }
            let _ = tell.send(stream);
        }
    });
    (address, told)
}
