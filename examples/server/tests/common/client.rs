//! An RTMP client of the plainest kind: it says what it is told to and reads messages.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use bytes::Bytes;
use streamcore::amf::{Value, amf0};
use streamcore::buf::Writer;
use streamcore::limits::Limits;
use streamcore::rtmp::chunk::{Message, Reader, SharedMessage};
use streamcore::time::Micros;

const CHUNK: u32 = 65_536;

pub struct Client {
    pub stream: TcpStream,
    reader: Reader,
    input: Vec<u8>,
}

impl Client {
    /// Connects, shakes hands, and opens application `live` and message stream 1.
    pub fn connect(address: SocketAddr) -> Self {
        Self::connect_with(address, &[])
    }

    /// The same with more in the object of `connect`.
    pub fn connect_with(address: SocketAddr, fields: &[(&str, Value)]) -> Self {
        Self::on(TcpStream::connect(address).expect("a connection"), fields)
    }

    /// The same on a connection that is there.
    pub fn on(mut stream: TcpStream, fields: &[(&str, Value)]) -> Self {
        stream.set_read_timeout(Some(super::PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        let mut hello = vec![3];
        hello.resize(1537, 0);
        stream.write_all(&hello).expect("C0 and C1 are taken");
        let mut answer = vec![0; 3073];
        stream.read_exact(&mut answer).expect("S0, S1 and S2");
        stream.write_all(&answer[1..1537]).expect("C2 is taken");
        let mut client =
            Self { stream, reader: Reader::new(&Limits::default()), input: Vec::new() };
        client.send_chunked(1, 0, 0, Bytes::copy_from_slice(&CHUNK.to_be_bytes()), 128);
        let mut object = vec![
            ("app".to_owned(), Value::String("live".into())),
            ("flashVer".to_owned(), Value::String("test".into())),
            ("tcUrl".to_owned(), Value::String("rtmp://localhost/live".into())),
        ];
        object.extend(fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        client.command(0, &[string("connect"), Value::Number(1.0), Value::Object(object)]);
        client.command(0, &[string("createStream"), Value::Number(2.0), Value::Null]);
        client.expect("_result");
        client.expect("_result");
        client
    }

    pub fn publish(address: SocketAddr, name: &str) -> Self {
        Self::publish_with(address, name, &[])
    }

    /// The same with more in the object of `connect`.
    pub fn publish_with(address: SocketAddr, name: &str, fields: &[(&str, Value)]) -> Self {
        let mut client = Self::connect_with(address, fields);
        client.start_publishing(name);
        client
    }

    pub fn start_publishing(&mut self, name: &str) {
        let kind = string("live");
        self.command(1, &[string("publish"), Value::Number(3.0), Value::Null, string(name), kind]);
    }

    pub fn play(address: SocketAddr, name: &str) -> Self {
        let mut client = Self::connect(address);
        client.command(1, &[string("play"), Value::Number(3.0), Value::Null, string(name)]);
        client
    }

    pub fn command(&mut self, stream_id: u32, values: &[Value]) {
        let mut body = Writer::default();
        amf0::encode_all(&mut body, values);
        self.send(20, stream_id, 0, body.freeze());
    }

    pub fn send(&mut self, type_id: u8, stream_id: u32, timestamp: u32, payload: Bytes) {
        self.send_chunked(type_id, stream_id, timestamp, payload, CHUNK);
    }

    fn send_chunked(
        &mut self,
        type_id: u8,
        stream_id: u32,
        timestamp: u32,
        payload: Bytes,
        chunk: u32,
    ) {
        let message =
            SharedMessage::new(&Message { type_id, stream_id, timestamp, payload }, chunk);
        self.stream.write_all(&message.chain().to_bytes()).expect("the server reads");
    }

    /// The next message; `None` at the end of the connection.
    pub fn message(&mut self) -> Option<Message> {
        loop {
            let mut rest = self.input.as_slice();
            let message = self.reader.poll_message(Micros::ZERO, &mut rest).expect("chunks");
            let taken = self.input.len() - rest.len();
            self.input.drain(..taken);
            if message.is_some() {
                return message;
            }
            let mut block = [0; 65_536];
            match self.stream.read(&mut block) {
                Ok(0) => return None,
                Ok(count) => self.input.extend_from_slice(&block[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing to read: {error}"),
            }
        }
    }

    /// Reads up to the command of that name, or the status of that code.
    pub fn expect(&mut self, text: &str) {
        while let Some(message) = self.message() {
            if message.type_id == 20
                && message.payload.windows(text.len()).any(|part| part == text.as_bytes())
            {
                return;
            }
        }
        panic!("the connection ended before {text}");
    }

    /// Waits until the server has taken all that was sent before.
    pub fn sync(&mut self) {
        self.command(1, &[string("getStreamLength"), Value::Number(9.0), Value::Null]);
        self.expect("_result");
    }

    /// Reads up to the next audio or video message.
    pub fn media(&mut self) -> Option<Message> {
        loop {
            let message = self.message()?;
            if matches!(message.type_id, 8 | 9) {
                return Some(message);
            }
        }
    }
}

pub fn string(text: &str) -> Value {
    Value::String(text.into())
}

/// `AVCDecoderConfigurationRecord` of 64x64 H.264 Baseline as an FLV video body.
pub fn video_header() -> Bytes {
    Bytes::from_static(&[
        0x17, 0, 0, 0, 0, 1, 0x42, 0xc0, 0x0a, 0xff, 0xe1, 0, 0x17, 0x67, 0x42, 0xc0, 0x0a, 0xd9,
        4, 0x26, 0xc0, 0x44, 0, 0, 3, 0, 4, 0, 0, 3, 0, 0xc8, 0x3c, 0x48, 0x99, 0x20, 1, 0, 5,
        0x68, 0xcb, 0x83, 0xcb, 0x20,
    ])
}

/// A picture of `size` bytes that nobody will decode.
pub fn picture(key: bool, size: usize) -> Bytes {
    let mut body = vec![0x5a; size];
    body[..5].copy_from_slice(&[if key { 0x17 } else { 0x27 }, 1, 0, 0, 0]);
    body[5..9].copy_from_slice(&u32::try_from(size - 9).expect("small").to_be_bytes());
    // The slice header's first bit says first_mb_in_slice is 0.
    (body[9], body[10]) = (if key { 0x65 } else { 0x41 }, 0x88);
    Bytes::from(body)
}
