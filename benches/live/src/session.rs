//! One RTMP client session up to the point where media flows, without I/O.

use crate::script::STREAM_ID;
use crate::style::Style;
use crate::wire::amf::{Command, Writer};
use crate::wire::chunk::{Message, Reader};
use crate::wire::{AUDIO, DATA, VIDEO};
use std::collections::VecDeque;

/// Length of the handshake's C1, C2, S1 and S2 (RTMP 1.0, section 5.2).
const HANDSHAKE: usize = 1536;
/// Chunk size until the client announces another one.
const DEFAULT_CHUNK: usize = 128;

const SET_CHUNK_SIZE: u8 = 1;
const ACKNOWLEDGEMENT: u8 = 3;
const USER_CONTROL: u8 = 4;
const WINDOW_ACK_SIZE: u8 = 5;
const COMMAND: u8 = 20;

/// What the client is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends a stream, in chunks of this many bytes.
    Publish {
        /// Largest payload of a chunk.
        chunk: usize,
    },
    /// Takes a stream.
    Play,
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// C0 and C1 are sent.
    Handshake,
    /// S0, S1 and S2 are there; C2 and `connect` are sent.
    Connect,
    /// `connect` is answered; `createStream` is sent.
    Create,
    /// `createStream` is answered; `play` or `publish` is sent.
    Asked,
    /// The server has said that the stream starts.
    Running,
}

/// A client's side of one connection.
pub struct Session {
    role: Role,
    style: Style,
    app: String,
    stream: String,
    url: String,
    stage: Stage,
    handshake: Vec<u8>,
    reader: Reader,
    writes: VecDeque<Vec<u8>>,
    chunk: usize,
    received: u64,
    acknowledged: u64,
    window: u64,
}

impl Session {
    /// A session for `stream` of the application `app` at `host`; its first write is queued.
    pub fn new(role: Role, style: Style, host: &str, app: &str, stream: String) -> Self {
        let mut hello = vec![3, 0, 0, 0, 0, 0, 0, 0, 0];
        let noise = (9..=HANDSHAKE).scan(0x9e37_79b9u32, |x, _| {
            *x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Some((*x >> 24) as u8)
        });
        hello.extend(noise);
        Self {
            role,
            style,
            app: app.into(),
            stream,
            url: format!("rtmp://{host}/{app}"),
            stage: Stage::Handshake,
            handshake: Vec::new(),
            reader: Reader::default(),
            writes: VecDeque::from([hello]),
            chunk: DEFAULT_CHUNK,
            received: 0,
            acknowledged: 0,
            window: 0,
        }
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The client's habits.
    pub fn style(&self) -> Style {
        self.style
    }

    /// What is to be written, each element by a call of its own.
    pub fn writes(&mut self) -> &mut VecDeque<Vec<u8>> {
        &mut self.writes
    }

    /// Bytes received since the connection was opened.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Takes received bytes; `on` sees the media messages. An error ends the session.
    pub fn input(
        &mut self,
        mut bytes: &[u8],
        on: &mut impl FnMut(Message<'_>),
    ) -> Result<(), String> {
        self.received += bytes.len() as u64;
        if self.stage == Stage::Handshake {
            let (ours, rest) =
                bytes.split_at(bytes.len().min(1 + 2 * HANDSHAKE - self.handshake.len()));
            self.handshake.extend_from_slice(ours);
            bytes = rest;
            if self.handshake.len() < 1 + 2 * HANDSHAKE {
                return Ok(());
            }
            let server = std::mem::take(&mut self.handshake);
            self.writes.push_back(server[1..=HANDSHAKE].to_vec());
            self.stage = Stage::Connect;
            self.connect();
        }
        let mut control = Vec::new();
        let mut split = |m: Message<'_>| match m.kind {
            AUDIO | VIDEO | DATA => on(m),
            kind => control.push((kind, m.head.to_vec())),
        };
        self.reader.input(bytes, &mut split)?;
        for (kind, body) in control {
            self.control(kind, &body)?;
        }
        self.acknowledge();
        Ok(())
    }

    fn queue(&mut self, kind: u8, stream_id: u32, data: &[u8]) {
        self.style.queue(&mut self.writes, self.chunk, kind, stream_id, data);
    }

    /// Acknowledges once a window (section 5.4.3).
    fn acknowledge(&mut self) {
        if self.window > 0 && self.received - self.acknowledged >= self.window {
            self.acknowledged = self.received;
            self.queue(ACKNOWLEDGEMENT, 0, &(self.received as u32).to_be_bytes());
        }
    }

    fn control(&mut self, kind: u8, body: &[u8]) -> Result<(), String> {
        match (kind, body) {
            (WINDOW_ACK_SIZE, &[a, b, c, d, ..]) => {
                self.window = u64::from(u32::from_be_bytes([a, b, c, d]));
            }
            // Ping (section 7.1.7).
            (USER_CONTROL, &[0, 6, a, b, c, d, ..]) => {
                self.queue(USER_CONTROL, 0, &[0, 7, a, b, c, d])
            }
            (COMMAND, body) | (17, [_, body @ ..]) => {
                if let Some(command) = Command::parse(body) {
                    return self.command(&command);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn command(&mut self, command: &Command) -> Result<(), String> {
        let code = command.code.as_deref().unwrap_or_default();
        match (self.stage, command.name.as_str()) {
            (_, "_error") => return Err(format!("the server answered _error {code}")),
            (Stage::Connect, "_result") if command.transaction == 1.0 => self.create(),
            (Stage::Create, "_result") if command.transaction == 4.0 => match command.number {
                Some(id) if id == f64::from(STREAM_ID) => self.ask(),
                id => return Err(format!("the server gave message stream {id:?}")),
            },
            (Stage::Asked | Stage::Running, "onStatus") => match code {
                "NetStream.Publish.Start" | "NetStream.Play.Start" | "NetStream.Play.Reset" => {
                    self.stage = Stage::Running;
                }
                _ if ["BadName", "NotFound", "Failed", "BadConnection"]
                    .iter()
                    .any(|e| code.contains(e)) =>
                {
                    return Err(format!("the server answered {code}"));
                }
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn connect(&mut self) {
        let members = Writer::command("connect", 1.0).object().key("app").string(&self.app);
        let members =
            members.key("flashVer").string("LNX 9,0,124,2").key("tcUrl").string(&self.url);
        let members = members.key("fpad").boolean(false).key("capabilities").number(15.0);
        let members = members.key("audioCodecs").number(4071.0).key("videoCodecs").number(252.0);
        let data = members.key("videoFunction").number(1.0).end().finish();
        self.queue(COMMAND, 0, &data);
    }

    fn create(&mut self) {
        self.stage = Stage::Create;
        match self.role {
            Role::Publish { chunk } => {
                let announced = u32::try_from(chunk).unwrap_or(u32::MAX);
                self.queue(SET_CHUNK_SIZE, 0, &announced.to_be_bytes());
                self.chunk = chunk;
                for (name, transaction) in [("releaseStream", 2.0), ("FCPublish", 3.0)] {
                    let data =
                        Writer::command(name, transaction).null().string(&self.stream).finish();
                    self.queue(COMMAND, 0, &data);
                }
            }
            Role::Play => {
                self.queue(WINDOW_ACK_SIZE, 0, &5_000_000u32.to_be_bytes());
                if self.style == Style::Librtmp {
                    self.queue(USER_CONTROL, 0, &buffer_length(0, 300));
                }
            }
        }
        let data = Writer::command("createStream", 4.0).null().finish();
        self.queue(COMMAND, 0, &data);
        if self.role == Role::Play && self.style == Style::Librtmp {
            let data = Writer::command("FCSubscribe", 5.0).null().string(&self.stream).finish();
            self.queue(COMMAND, 0, &data);
        }
    }

    fn ask(&mut self) {
        self.stage = Stage::Asked;
        if let Role::Publish { .. } = self.role {
            let data =
                Writer::command("publish", 5.0).null().string(&self.stream).string("live").finish();
            return self.queue(COMMAND, STREAM_ID, &data);
        }
        if self.style == Style::Ffmpeg {
            let data = Writer::command("getStreamLength", 5.0).null().string(&self.stream).finish();
            self.queue(COMMAND, STREAM_ID, &data);
        }
        let data =
            Writer::command("play", 6.0).null().string(&self.stream).number(-2000.0).finish();
        self.queue(COMMAND, STREAM_ID, &data);
        self.queue(USER_CONTROL, 0, &buffer_length(STREAM_ID, 3000));
    }
}

/// The user control message SetBufferLength (section 7.1.7).
fn buffer_length(stream_id: u32, millis: u32) -> Vec<u8> {
    [&[0, 3][..], &stream_id.to_be_bytes(), &millis.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::chunk::{Time, write};

    fn take(session: &mut Session) -> Vec<usize> {
        session.writes().drain(..).map(|w| w.len()).collect()
    }

    fn answer(session: &mut Session, writer: Writer, stream_id: u32) -> Result<(), String> {
        let mut bytes = Vec::new();
        write(&mut bytes, 128, COMMAND, stream_id, Time::Absolute(0), &writer.finish());
        session.input(&bytes, &mut |_| {})
    }

    fn status(code: &str) -> Writer {
        Writer::command("onStatus", 0.0).null().object().key("code").string(code).end()
    }

    #[test]
    fn a_player_walks_through_all_stages() {
        let mut session =
            Session::new(Role::Play, Style::Librtmp, "127.0.0.1:1", "live", "s".into());
        assert_eq!(take(&mut session), [1537]);
        session.input(&[3; 3000], &mut |_| {}).unwrap();
        assert_eq!(session.stage(), Stage::Handshake);
        session.input(&[3; 73], &mut |_| {}).unwrap();
        assert_eq!(
            (session.stage(), take(&mut session)[..2].to_vec()),
            (Stage::Connect, vec![1536, 140])
        );
        answer(&mut session, Writer::command("_result", 1.0).object().end(), 0).unwrap();
        assert_eq!((session.stage(), take(&mut session).len()), (Stage::Create, 4));
        answer(&mut session, Writer::command("_result", 4.0).null().number(1.0), 0).unwrap();
        assert_eq!((session.stage(), take(&mut session).len()), (Stage::Asked, 2));
        answer(&mut session, status("NetStream.Play.Start"), 1).unwrap();
        assert_eq!(session.stage(), Stage::Running);
        assert!(answer(&mut session, status("NetStream.Play.StreamNotFound"), 1).is_err());
    }

    #[test]
    fn a_publisher_announces_its_chunk_size_and_acknowledges_in_windows() {
        let role = Role::Publish { chunk: 4096 };
        let mut session = Session::new(role, Style::Prompt, "127.0.0.1:1", "live", "s".into());
        session.input(&[3; 3073], &mut |_| {}).unwrap();
        answer(&mut session, Writer::command("_result", 1.0).null(), 0).unwrap();
        let all: Vec<u8> = session.writes().drain(..).flatten().collect();
        assert!(all.ends_with(&Writer::command("createStream", 4.0).null().finish()));
        let mut window = Vec::new();
        write(&mut window, 128, WINDOW_ACK_SIZE, 0, Time::Absolute(0), &10u32.to_be_bytes());
        session.input(&window, &mut |_| {}).unwrap();
        let bytes: Vec<u8> = session.writes().drain(..).flatten().collect();
        assert_eq!(bytes[bytes.len() - 4..], (session.received() as u32).to_be_bytes());
    }
}
