//! Publishing and playing.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::COMMAND;
use super::amf0::{self, Value};
use super::chunk::{self, Message, Reader};
use crate::flv::Tag;

const SET_CHUNK_SIZE: u8 = 1;
const ACKNOWLEDGEMENT: u8 = 3;
const WINDOW_ACK_SIZE: u8 = 5;
const DATA: u8 = 18;
/// Larger than most messages, so that few need a second chunk, and some do.
const CHUNK_SIZE: usize = 60_000;
/// No answer of a server on the same machine takes longer.
const ANSWER: Duration = Duration::from_secs(10);

/// A connection to an RTMP server.
pub struct Client {
    stream: TcpStream,
    reader: Reader,
    stream_id: u32,
    received: u64,
    acknowledged: u64,
    window: u64,
}

impl Client {
    /// Connects, shakes hands, connects to the application and makes a message stream.
    pub fn connect(addr: SocketAddr, app: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER))?;
        handshake(&mut stream)?;
        let mut client = Self {
            stream,
            reader: Reader::default(),
            stream_id: 0,
            received: 0,
            acknowledged: 0,
            window: 0,
        };
        let size = u32::try_from(CHUNK_SIZE).expect("fits").to_be_bytes();
        client.send_message(
            2,
            &Message {
                type_id: SET_CHUNK_SIZE,
                stream_id: 0,
                timestamp: 0,
                payload: size.to_vec(),
            },
        )?;
        let target = Value::Object(vec![
            ("app".into(), Value::string(app)),
            ("flashVer".into(), Value::string("FMLE/3.0 (compatible; streamcore tests)")),
            ("tcUrl".into(), Value::string(&format!("rtmp://{addr}/{app}"))),
        ]);
        client.command(0, &[Value::string("connect"), Value::Number(1.0), target])?;
        client.answer("_result")?;
        client.command(0, &[Value::string("createStream"), Value::Number(2.0), Value::Null])?;
        let id = client.answer("_result")?.get(3).and_then(Value::as_f64).unwrap_or(1.0);
        client.stream_id =
            if id == 1.0 { 1 } else { format!("{id:.0}").parse().expect("a stream id") };
        Ok(client)
    }

    /// Own address: what the server sees as the peer.
    pub fn local_addr(&self) -> SocketAddr {
        self.stream.local_addr().expect("a connected socket")
    }

    /// Asks to publish and gives the status code, for example `NetStream.Publish.Start`.
    pub fn publish(&mut self, name: &str) -> io::Result<String> {
        self.command(
            self.stream_id,
            &[
                Value::string("publish"),
                Value::Number(3.0),
                Value::Null,
                Value::string(name),
                Value::string("live"),
            ],
        )?;
        self.status()
    }

    /// Asks to play. What comes then is read with [`next_message`](Self::next_message).
    pub fn play(&mut self, name: &str) -> io::Result<()> {
        self.command(
            self.stream_id,
            &[Value::string("play"), Value::Number(3.0), Value::Null, Value::string(name)],
        )
    }

    /// Next message, acknowledging as the server asked. `None` at the end of the connection.
    pub fn next_message(&mut self) -> io::Result<Option<Message>> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            if let Some(message) = self.reader.next_message() {
                if let (WINDOW_ACK_SIZE, Some(size)) =
                    (message.type_id, message.payload.first_chunk::<4>())
                {
                    self.window = u64::from(u32::from_be_bytes(*size));
                }
                return Ok(Some(message));
            }
            let count = match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.reader.push(buffer.get(..count).unwrap_or_default());
            self.received += u64::try_from(count).expect("fits");
            self.acknowledge()?;
        }
    }

    /// Tags of a stream from now to its end: until the server says so, or closes.
    pub fn tags_to_end(&mut self) -> io::Result<Vec<Tag>> {
        let mut tags = Vec::new();
        while let Some(message) = self.next_message()? {
            match message.type_id {
                crate::flv::AUDIO | crate::flv::VIDEO | DATA => {
                    tags.push(Tag {
                        kind: message.type_id,
                        timestamp: message.timestamp,
                        body: message.payload,
                    });
                }
                COMMAND if ends_play(&message) => break,
                _ => {}
            }
        }
        Ok(tags)
    }

    /// Reads to the end of the connection, and tells whether the server announced it.
    pub fn told_of_end(&mut self) -> io::Result<bool> {
        while let Some(message) = self.next_message()? {
            if message.type_id == COMMAND && ends_play(&message) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Sends one tag as a message of the published stream.
    pub fn send_tag(&mut self, tag: &Tag) -> io::Result<()> {
        let (id, mut payload) =
            (if tag.kind == crate::flv::AUDIO { 4 } else { 6 }, tag.body.clone());
        if tag.kind == DATA {
            payload = amf0::encode(&[Value::string("@setDataFrame")]);
            payload.extend_from_slice(&tag.body);
        }
        self.send_message(
            id,
            &Message {
                type_id: tag.kind,
                stream_id: self.stream_id,
                timestamp: tag.timestamp,
                payload,
            },
        )
    }

    /// Turns an accepted publish into a [`Publisher`].
    pub fn into_publisher(self) -> Publisher {
        let mut incoming = self.stream.try_clone().expect("a second handle of the socket");
        incoming.set_read_timeout(None).expect("a connected socket");
        let drain = std::thread::spawn(move || {
            let _ = io::copy(&mut incoming, &mut io::sink());
        });
        Publisher { client: self, drain: Some(drain), sent_ms: 0 }
    }

    fn acknowledge(&mut self) -> io::Result<()> {
        if self.window == 0 || self.received - self.acknowledged < self.window / 2 {
            return Ok(());
        }
        self.acknowledged = self.received;
        let sequence = u32::try_from(self.received & 0xffff_ffff).expect("masked").to_be_bytes();
        let message = Message {
            type_id: ACKNOWLEDGEMENT,
            stream_id: 0,
            timestamp: 0,
            payload: sequence.to_vec(),
        };
        self.send_message(2, &message)
    }

    fn status(&mut self) -> io::Result<String> {
        let values = self.answer("onStatus")?;
        let code = values.get(3).and_then(|info| info.field("code")).and_then(Value::as_str);
        code.map(str::to_owned).ok_or_else(|| io::Error::other(format!("no code in {values:?}")))
    }

    fn answer(&mut self, wanted: &str) -> io::Result<Vec<Value>> {
        while let Some(message) = self.next_message()? {
            let values = if message.type_id == COMMAND {
                amf0::decode(&message.payload)
            } else {
                Vec::new()
            };
            match values.first().and_then(Value::as_str) {
                Some(name) if name == wanted => return Ok(values),
                Some("_error") => return Err(io::Error::other(format!("{values:?}"))),
                _ => {}
            }
        }
        Err(io::Error::new(ErrorKind::UnexpectedEof, format!("closed before {wanted}")))
    }

    fn command(&mut self, stream_id: u32, values: &[Value]) -> io::Result<()> {
        let message =
            Message { type_id: COMMAND, stream_id, timestamp: 0, payload: amf0::encode(values) };
        self.send_message(3, &message)
    }

    fn send_message(&mut self, id: u8, message: &Message) -> io::Result<()> {
        let size = if message.type_id == SET_CHUNK_SIZE { 128 } else { CHUNK_SIZE };
        self.stream.write_all(&chunk::encode(id, message, size))
    }
}

/// An accepted publisher: what the server says meanwhile is read and put away.
pub struct Publisher {
    client: Client,
    drain: Option<JoinHandle<()>>,
    sent_ms: u32,
}

impl Publisher {
    /// Publishes `name`.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn start(addr: SocketAddr, app: &str, name: &str) -> Self {
        let mut client =
            Client::connect(addr, app).unwrap_or_else(|error| panic!("connect to {app}: {error}"));
        let code = client.publish(name).unwrap_or_else(|error| panic!("publish {name}: {error}"));
        assert_eq!(code, "NetStream.Publish.Start", "publish {name}");
        client.into_publisher()
    }

    /// Sends one tag at once.
    pub fn send(&mut self, tag: &Tag) -> io::Result<()> {
        self.client.send_tag(tag)?;
        self.sent_ms = tag.timestamp;
        Ok(())
    }

    /// Sends tags at `speed` times their own pace, and says how late the latest was handed to the socket.
    ///
    /// `more` is asked before each tag and ends the run with `false`.
    pub fn send_paced(
        &mut self,
        tags: &[Tag],
        speed: u32,
        mut more: impl FnMut() -> bool,
    ) -> io::Result<Duration> {
        let started = Instant::now();
        let first = tags.first().map_or(0, |tag| tag.timestamp);
        let mut latest = Duration::ZERO;
        for tag in tags {
            let due = Duration::from_millis(u64::from(tag.timestamp.saturating_sub(first))) / speed;
            std::thread::sleep(due.saturating_sub(started.elapsed()));
            if !more() {
                break;
            }
            self.send(tag)?;
            latest = latest.max(started.elapsed().saturating_sub(due));
        }
        Ok(latest)
    }

    /// Time of the last tag that was handed to the socket, milliseconds.
    pub fn sent_ms(&self) -> u32 {
        self.sent_ms
    }

    /// Ends the stream as encoders do, and closes.
    pub fn finish(mut self, name: &str) -> io::Result<()> {
        self.client.command(
            0,
            &[Value::string("FCUnpublish"), Value::Number(4.0), Value::Null, Value::string(name)],
        )?;
        let id = Value::Number(f64::from(self.client.stream_id));
        self.client
            .command(0, &[Value::string("deleteStream"), Value::Number(5.0), Value::Null, id])
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let _ = self.client.stream.shutdown(std::net::Shutdown::Write);
        // The server may hold its half open for a moment; its own deadline ends that.
        let _ = self.client.stream.set_read_timeout(Some(ANSWER));
        if let Some(drain) = self.drain.take() {
            let _ = drain.join();
        }
    }
}

fn ends_play(message: &Message) -> bool {
    let values = amf0::decode(&message.payload);
    let code = values.get(3).and_then(|info| info.field("code")).and_then(Value::as_str);
    matches!(
        code,
        Some("NetStream.Play.UnpublishNotify" | "NetStream.Play.Stop" | "NetStream.Play.Complete")
    )
}

fn handshake(stream: &mut TcpStream) -> io::Result<()> {
    let mut hello = vec![3, 0, 0, 0, 0, 0, 0, 0, 0];
    hello.extend((0..1528_u32).map(|index| u8::try_from(index % 251).expect("under 251")));
    stream.write_all(&hello)?;
    let mut answer = vec![0; super::HANDSHAKE_BYTES];
    stream.read_exact(&mut answer)?;
    let (version, rest) = answer.split_first().expect("not empty");
    let (first, second) = rest.split_at(1536);
    if *version != 3 || Some(second.get(8..).unwrap_or_default()) != hello.get(9..) {
        return Err(io::Error::other(format!("S0 is {version}, or S2 does not echo C1")));
    }
    stream.write_all(first)
}
