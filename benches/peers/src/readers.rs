//! The readers: each gets the same pieces and gives each message as one buffer of its own or a shared one.

use bytes::BytesMut;
use streamcore::limits::Limits;
use streamcore::rtmp::chunk::Reader;
use streamcore::time::Micros;

use crate::Feed;

/// This project.
///
/// # Panics
/// Where the stream is refused; so do the others.
#[must_use]
pub fn streamcore() -> Feed {
    let mut reader = Reader::new(&Limits::default());
    Box::new(move |mut piece, sink| {
        while let Some(message) = reader.poll_message(Micros::ZERO, &mut piece).expect("streamcore")
        {
            sink(message.type_id, message.timestamp, &message.payload);
        }
    })
}

/// rml_rtmp.
///
/// # Panics
/// Where the stream is refused.
#[must_use]
pub fn rml_rtmp() -> Feed {
    let mut reader = rml_rtmp::chunk_io::ChunkDeserializer::new();
    Box::new(move |piece, sink| {
        let mut input = piece;
        while let Some(message) = reader.get_next_message(input).expect("rml_rtmp") {
            input = &[];
            if message.type_id == 1 {
                reader.set_max_chunk_size(chunk_size(&message.data)).expect("rml_rtmp");
            }
            sink(message.type_id, message.timestamp.value, &message.data);
        }
    })
}

/// scuffle-rtmp.
///
/// # Panics
/// Where the stream is refused.
#[must_use]
pub fn scuffle() -> Feed {
    let mut reader = scuffle_rtmp::chunk::reader::ChunkReader::default();
    let mut buffer = BytesMut::with_capacity(64 << 10);
    Box::new(move |piece, sink| {
        buffer.extend_from_slice(piece);
        while let Some(message) = reader.read_chunk(&mut buffer).expect("scuffle-rtmp") {
            let header = &message.message_header;
            if header.msg_type_id.0 == 1 {
                assert!(reader.update_max_chunk_size(chunk_size(&message.payload)));
            }
            sink(header.msg_type_id.0, header.timestamp, &message.payload);
        }
    })
}

/// xiu's rtmp.
///
/// Its way to say that bytes are missing is an error.
#[must_use]
pub fn xiu() -> Feed {
    use rtmp::chunk::unpacketizer::{ChunkUnpacketizer, UnpackResult};
    let mut reader = ChunkUnpacketizer::new();
    Box::new(move |piece, sink| {
        reader.extend_data(piece);
        while let Ok(UnpackResult::Chunks(messages)) = reader.read_chunks() {
            for message in messages {
                let header = &message.message_header;
                if header.msg_type_id == 1 {
                    reader.update_max_chunk_size(chunk_size(&message.payload));
                }
                sink(header.msg_type_id, header.timestamp, &message.payload);
            }
        }
    })
}

fn chunk_size(payload: &[u8]) -> usize {
    u32::from_be_bytes(payload[..4].try_into().expect("four bytes")) as usize
}
