//! A way to a server that can be cut, or narrows to nothing.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Text that a block of a request holds, from which on its answers are kept back.
type Wanted = fn(&str) -> bool;

#[derive(Default)]
struct State {
    cut: bool,
    sockets: Vec<TcpStream>,
    /// Bytes to the server so far.
    passed: u64,
    /// Bytes to the server at most.
    most: Option<u64>,
    keep_answers_from: Option<Wanted>,
    answers_kept: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    /// Counts bytes to the server, once they may pass. False when the way is cut.
    fn to_server(&self, block: &[u8]) -> bool {
        let mut state = self.state();
        if state.keep_answers_from.is_some_and(|wanted| wanted(&String::from_utf8_lossy(block))) {
            state.answers_kept = true;
        }
        let count = block.len() as u64;
        let full = |state: &mut State| {
            !state.cut && state.most.is_some_and(|most| state.passed + count > most)
        };
        let mut state = self.changed.wait_while(state, full).expect("nobody panics with it");
        if !state.cut {
            state.passed += count;
        }
        !state.cut
    }

    /// Waits until answers may pass. False when the way is cut.
    fn to_client(&self) -> bool {
        let kept = |state: &mut State| !state.cut && state.answers_kept;
        let state = self.changed.wait_while(self.state(), kept).expect("nobody panics with it");
        !state.cut
    }
}

/// Passes connections on to a server.
pub struct Way {
    /// Where it listens.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
}

impl Way {
    /// An open way to `target`.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let shared = Arc::<Shared>::default();
        let kept = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(target) else { continue };
                let both = |stream: &TcpStream| stream.try_clone().expect("a second handle");
                let mut state = kept.state();
                if state.cut {
                    continue;
                }
                state.sockets.extend([both(&client), both(&server)]);
                drop(state);
                let (back_from, back_to) = (both(&server), both(&client));
                let (there, back) = (kept.clone(), kept.clone());
                std::thread::spawn(move || pass(client, server, |block| there.to_server(block)));
                std::thread::spawn(move || pass(back_from, back_to, |_| back.to_client()));
            }
        });
        Self { addr, shared }
    }

    /// Cuts it, with all connections, or opens it.
    pub fn set(&self, open: bool) {
        let mut state = self.shared.state();
        state.cut = !open;
        if !open {
            let sockets = std::mem::take(&mut state.sockets);
            sockets.iter().for_each(|socket| _ = socket.shutdown(Shutdown::Both));
        }
        self.shared.changed.notify_all();
    }

    /// Lets so many bytes more to the server, and then stalls.
    pub fn stall_after(&self, bytes: u64) {
        let mut state = self.shared.state();
        state.most = Some(state.passed + bytes);
    }

    /// Keeps the answer back to the request for which `wanted` holds, and all after it.
    pub fn keep_answers_from(&self, wanted: Wanted) {
        self.shared.state().keep_answers_from = Some(wanted);
    }

    /// Stalls no more, and gives the bytes that have passed to the server since the way was made.
    pub fn clear(&self) -> u64 {
        let mut state = self.shared.state();
        (state.most, state.keep_answers_from, state.answers_kept) = (None, None, false);
        self.shared.changed.notify_all();
        state.passed
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut may: impl FnMut(&[u8]) -> bool) {
    let mut block = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut block) {
        if !may(&block[..count]) || to.write_all(&block[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
