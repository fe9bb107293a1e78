//! Capture files of relayed connections, for programs that read packets.

use crate::relay::{From, Piece};

/// Bytes of payload in a packet: what fits Ethernet.
const SEGMENT: usize = 1400;
/// Packets begin with an IPv4 header.
const LINKTYPE_RAW: u32 = 101;
const SYN: u8 = 2;
const ACK: u8 = 16;
const PUSH_ACK: u8 = 24;
const FIN_ACK: u8 = 17;
/// The port that capture programs know for RTMP.
const RTMP_PORT: u16 = 1935;
const CLIENT_PORT: u16 = 40_000;

/// A capture file (pcap) of the connection: opened, `pieces` sent in their order, closed. Checksums are left zero.
pub fn of(pieces: &[Piece]) -> Vec<u8> {
    let mut writer = Writer { out: Vec::new(), next: [1, 1], packets: 0 };
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0x4_0000, LINKTYPE_RAW] {
        writer.out.extend_from_slice(&u32::to_le_bytes(word));
    }
    writer.packet(From::Client, SYN, &[]);
    writer.packet(From::Server, SYN | ACK, &[]);
    writer.packet(From::Client, ACK, &[]);
    for piece in pieces {
        for segment in piece.bytes.chunks(SEGMENT) {
            writer.packet(piece.from, PUSH_ACK, segment);
        }
    }
    writer.packet(From::Client, FIN_ACK, &[]);
    writer.packet(From::Server, FIN_ACK, &[]);
    writer.packet(From::Client, ACK, &[]);
    writer.out
}

struct Writer {
    out: Vec<u8>,
    /// Next sequence number of client and server.
    next: [u32; 2],
    packets: u32,
}

impl Writer {
    fn packet(&mut self, from: From, flags: u8, payload: &[u8]) {
        let (own, other) = if from == From::Client { (0, 1) } else { (1, 0) };
        let hosts = [[10, 0, 0, 1], [10, 0, 0, 2]];
        let ports = [CLIENT_PORT, RTMP_PORT];
        let length = u16::try_from(40 + payload.len()).expect("a segment is short");
        let mut packet = vec![0x45, 0];
        packet.extend_from_slice(&length.to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0]);
        packet.extend_from_slice(&hosts[own]);
        packet.extend_from_slice(&hosts[other]);
        packet.extend_from_slice(&ports[own].to_be_bytes());
        packet.extend_from_slice(&ports[other].to_be_bytes());
        packet.extend_from_slice(&self.next[own].to_be_bytes());
        let acknowledged = if flags & ACK == 0 { 0 } else { self.next[other] };
        packet.extend_from_slice(&acknowledged.to_be_bytes());
        packet.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        packet.extend_from_slice(payload);

        let size = u32::from(length);
        // A millisecond a packet: only the order means something.
        let times = [self.packets / 1000, self.packets % 1000 * 1000];
        for word in [times[0], times[1], size, size] {
            self.out.extend_from_slice(&word.to_le_bytes());
        }
        self.out.extend_from_slice(&packet);
        self.packets += 1;
        let marks = u32::from(flags & (SYN | 1) != 0);
        let sent = u32::try_from(payload.len()).expect("a segment is short") + marks;
        self.next[own] = self.next[own].wrapping_add(sent);
    }
}
