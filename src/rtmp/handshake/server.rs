use bytes::Bytes;

use super::random::Random;
use super::{EchoPolicy, PACKET, TOTAL, VERSION};
use crate::error::{Error, Layer, Result};
use crate::rtmp::notice::Notice;

/// The server's side.
///
/// Give it input with [`handle_input`](Self::handle_input) until [`is_complete`](Self::is_complete); send what
/// [`poll_output`](Self::poll_output) gives, once, after any input. What follows the handshake in the input is not taken.
/// It does not watch the time: whoever owns it sets an absolute deadline.
#[derive(Debug)]
pub struct ServerHandshake {
    random: Random,
    /// C1 up to its end, then nothing.
    c1: Vec<u8>,
    /// S1, which C2 should echo; none where the digest answer takes its place.
    echo: Option<Bytes>,
    output: Option<Bytes>,
    /// Bytes read, of C0 to C2.
    position: usize,
    echo_differs: bool,
    policy: EchoPolicy,
    notices: Vec<Notice>,
}

impl ServerHandshake {
    /// A handshake whose random bytes come from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            c1: Vec::new(),
            echo: None,
            output: None,
            position: 0,
            echo_differs: false,
            policy: EchoPolicy::Tolerant,
            notices: Vec::new(),
        }
    }

    /// The same with another policy for the echo.
    #[must_use]
    pub fn with_policy(self, policy: EchoPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Whether C2 has been read to its end.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.position == TOTAL
    }

    /// Whether no byte has been read.
    #[must_use]
    pub const fn is_untouched(&self) -> bool {
        self.position == 0
    }

    /// S0, S1 and S2 in one buffer, once C1 is whole.
    pub fn poll_output(&mut self) -> Option<Bytes> {
        self.output.take()
    }

    /// A deviation that was put up with.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop()
    }

    /// Takes bytes of C0, C1 and C2 and says how many. It never takes what follows C2.
    ///
    /// # Errors
    /// Unsupported or malformed at the first byte where it is no RTMP version 3; the text says what it looks like.
    /// Violation at the end of C2 where it does not echo S1 and the policy is strict.
    pub fn handle_input(&mut self, input: &[u8]) -> Result<usize> {
        let mut rest = input;
        if self.position == 0 {
            let Some((&version, tail)) = rest.split_first() else { return Ok(0) };
            check_version(version)?;
            rest = tail;
            self.position = 1;
        }
        if self.position <= PACKET {
            let taken = rest.len().min(PACKET + 1 - self.position);
            let (c1, tail) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
            self.c1.extend_from_slice(c1);
            self.position += taken;
            rest = tail;
            if self.position == 1 + PACKET {
                self.answer();
            }
        }
        if self.position > PACKET {
            let taken = rest.len().min(TOTAL - self.position);
            let (c2, tail) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
            self.compare(c2);
            self.position += taken;
            rest = tail;
            if self.is_complete() && self.echo_differs {
                self.echo_differs = false;
                if self.policy == EchoPolicy::Strict {
                    let error = Error::violation(Layer::Handshake, "C2 (no echo of S1)");
                    return Err(error.at((1 + PACKET) as u64).clause("RTMP 1.0 5.2.4"));
                }
                self.notices.push(Notice::HandshakeEchoMismatch);
            }
        }
        Ok(input.len() - rest.len())
    }

    fn compare(&mut self, c2: &[u8]) {
        let Some(echo) = &self.echo else { return };
        let start = self.position - 1 - PACKET;
        // The time of arrival (bytes 4 to 8) is the client's to fill.
        let differs =
            |(at, &byte): (usize, &u8)| !(4..8).contains(&at) && echo.get(at) != Some(&byte);
        self.echo_differs |= (start..).zip(c2).any(differs);
    }

    /// Makes S0, S1 and S2.
    fn answer(&mut self) {
        let c1 = std::mem::take(&mut self.c1);
        let mut s1 = vec![0; PACKET];
        // Time and version stay zero: a version of 3 or more would promise a digest (A1-14).
        self.random.fill(s1.get_mut(8..).unwrap_or_default());
        let mut s2 = c1;
        let mut simple = true;
        if s2.get(4..8).is_some_and(|version| version != [0; 4]) {
            simple = !self.digest(&mut s1, &mut s2);
        }
        let mut output = Vec::with_capacity(TOTAL);
        output.push(VERSION);
        output.extend_from_slice(&s1);
        output.extend_from_slice(&s2);
        let output = Bytes::from(output);
        if simple {
            self.echo = Some(output.slice(1..=PACKET));
        }
        self.output = Some(output);
    }

    /// Turns S1 and the C1 in `s2` into the digest answer. False where C1 has no valid digest.
    #[cfg(feature = "digest-handshake")]
    fn digest(&mut self, s1: &mut [u8], s2: &mut [u8]) -> bool {
        use super::digest;
        let Some((scheme, digest)) = digest::find(s2, digest::CLIENT_KEY) else {
            self.notices.push(Notice::HandshakeNoDigest);
            return false;
        };
        if let Some(version) = s1.get_mut(4..8) {
            version.copy_from_slice(&digest::SERVER_VERSION);
        }
        digest::sign(s1, scheme, digest::SERVER_KEY);
        self.random.fill(s2);
        digest::sign_answer(s2, &digest, digest::SERVER_FULL_KEY);
        true
    }

    #[cfg(not(feature = "digest-handshake"))]
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_ref_mut,
        reason = "the other variant needs them"
    )]
    fn digest(&mut self, _s1: &mut [u8], _s2: &mut [u8]) -> bool {
        false
    }
}

/// Looks at C0. Anything but 3 is no plain RTMP.
fn check_version(version: u8) -> Result<()> {
    let unsupported = |field| Error::unsupported(Layer::Handshake, field);
    let malformed = |field| Error::malformed(Layer::Handshake, field);
    let error = match version {
        VERSION => return Ok(()),
        6 | 8 | 9 => unsupported("version (RTMPE, the encrypted variant)"),
        0..=2 => unsupported("version (a deprecated one)"),
        0x16 | 0x80 => malformed("version (a TLS connection to a plain RTMP port)"),
        0xf3 => unsupported("version (a proxy header)"),
        b'P' => malformed("version (an HTTP request or a PROXY protocol header)"),
        b'C' | b'D' | b'G' | b'H' | b'O' | b'T' => malformed("version (an HTTP request)"),
        b'R' | b'S' | b'A' => malformed("version (an RTSP request)"),
        4..=31 => malformed("version (a reserved one)"),
        _ => malformed("version (not RTMP)"),
    };
    Err(error.found(version.into()).at(0).clause("RTMP 1.0 5.2.2"))
}
