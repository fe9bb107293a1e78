//! RTMP: handshake, chunk stream, messages, sessions.
