//! What tshark, which has an RTMP reader of its own, makes of relayed connections.

use std::path::Path;

use crate::pcap;
use crate::process::run;
use crate::relay::{self, From, Piece};
use crate::rtmp::{HANDSHAKE_BYTES, Reader};

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Type id; 0 for what tshark has no name for.
    pub type_id: u8,
    /// Milliseconds.
    pub timestamp: u32,
}

/// What tshark reads in a connection.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Messages of the client.
    pub client: Vec<Seen>,
    /// Messages of the server.
    pub server: Vec<Seen>,
    /// What it calls malformed, wrong or doubtful.
    pub complaints: Vec<String>,
}

/// Reads a connection with tshark. `folder` takes the capture file.
///
/// # Panics
/// When tshark is not to be had, or cannot read the file.
pub fn read(pieces: &[Piece], folder: &Path) -> Reading {
    let file = folder.join("connection.pcap");
    std::fs::write(&file, pcap::of(pieces)).expect("the capture file is written");
    let path = file.to_str().expect("UTF-8");
    // Without this it takes no chunk size past 32768, and reads on with the one before.
    let sizes = ["-o", "rtmpt.max_packet_size:16777215"];
    let rest = ["-r", path, "-Y", "rtmpt", "-O", "rtmpt", "-V"];
    let (text, _) = run("tshark", sizes.iter().chain(&rest));
    parse(&String::from_utf8_lossy(&text))
}

/// The messages of one side, as the reader of these tests sees them.
pub fn messages_of(pieces: &[Piece], from: From) -> Vec<Seen> {
    let mut reader = Reader::default();
    reader.push(relay::bytes_of(pieces, from).get(HANDSHAKE_BYTES..).unwrap_or_default());
    std::iter::from_fn(|| reader.next_message())
        .map(|message| Seen { type_id: message.type_id, timestamp: message.timestamp })
        .collect()
}

fn parse(text: &str) -> Reading {
    let mut reading = Reading::default();
    let mut from = From::Client;
    for line in text.lines() {
        let side = if from == From::Client { &mut reading.client } else { &mut reading.server };
        let inner = line.trim_start();
        if line.starts_with("Transmission Control Protocol") {
            from = if line.contains("Src Port: 1935") { From::Server } else { From::Client };
        } else if let Some(title) = line.strip_prefix("Real Time Messaging Protocol (") {
            if !title.starts_with("Handshake") {
                side.push(Seen { type_id: type_id(title), timestamp: 0 });
            }
        } else if let (Some(time), Some(last)) = (timestamp(inner), side.last_mut()) {
            last.timestamp = time;
        } else if ["[Malformed", "[Expert Info (Error", "[Expert Info (Warn"]
            .iter()
            .any(|start| inner.starts_with(start))
        {
            reading.complaints.push(inner.to_owned());
        }
    }
    reading
}

/// A time in a header: a later one of the same header says more.
fn timestamp(line: &str) -> Option<u32> {
    let starts = ["Timestamp: ", "Extended timestamp: "];
    let rest = starts.iter().find_map(|start| line.strip_prefix(start))?;
    rest.split(' ').next()?.parse().ok()
}

/// The type that a title of tshark stands for.
fn type_id(title: &str) -> u8 {
    let names = [
        ("Set Chunk Size", 1),
        ("Abort Message", 2),
        ("Acknowledgement", 3),
        ("User Control Message", 4),
        ("Window Acknowledgement Size", 5),
        ("Set Peer Bandwidth", 6),
        ("Audio Data", 8),
        ("Video Data", 9),
        ("AMF0 Data", 18),
        ("AMF0 Command", 20),
        ("Aggregate", 22),
    ];
    names.iter().find(|(name, _)| title.starts_with(name)).map_or(0, |(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_complaints_are_read_off_the_text() {
        let text = "\
Frame 5: 177 bytes on wire
Transmission Control Protocol, Src Port: 40000, Dst Port: 1935, Seq: 1401, Ack: 1, Len: 137
Real Time Messaging Protocol (Handshake C0+C1)
    Handshake C0+C1
Transmission Control Protocol, Src Port: 1935, Dst Port: 40000, Seq: 1, Ack: 1, Len: 137
Real Time Messaging Protocol (Video Data)
    RTMP Header
        Timestamp delta: 33
        Timestamp: 66 (calculated)
Real Time Messaging Protocol (Unknown (0x0))
[Malformed Packet: RTMPT]
    [Expert Info (Error/Malformed): Malformed Packet (Exception occurred)]
";
        let reading = parse(text);
        assert!(reading.client.is_empty());
        let seen = |type_id, timestamp| Seen { type_id, timestamp };
        assert_eq!(reading.server, [seen(9, 66), seen(0, 0)]);
        assert_eq!(reading.complaints.len(), 2);
    }
}
