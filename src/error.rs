//! One error type for the whole crate: who is at fault, in which layer, in which field, at which byte.

use std::fmt;

/// Result of a fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Who is at fault. The numbers are stable: they are shared with the C interface and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum ErrorKind {
    /// The bytes do not follow the format.
    Malformed = 1,
    /// The bytes follow the format but break the protocol's rules.
    Violation = 2,
    /// The input is well formed and larger than a [`Limits`](crate::limits::Limits) value allows.
    LimitExceeded = 3,
    /// The input is valid and uses something that this crate does not implement.
    Unsupported = 4,
    /// The caller used the interface against its documented order.
    Misuse = 5,
    /// A fault of this crate.
    Internal = 6,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed",
            Self::Violation => "protocol violation",
            Self::LimitExceeded => "limit exceeded",
            Self::Unsupported => "unsupported",
            Self::Misuse => "misuse",
            Self::Internal => "internal error",
        })
    }
}

/// The part of the crate that found the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// RTMP handshake.
    Handshake,
    /// RTMP chunk stream.
    Chunk,
    /// RTMP messages.
    Message,
    /// AMF0 and AMF3 values.
    Amf,
    /// RTMP session.
    Session,
    /// FLV tags and bodies.
    Flv,
    /// Codec configuration and bitstreams.
    Codec,
    /// Assembly of messages into access units.
    Assemble,
    /// MP4 boxes.
    Mp4,
    /// HLS segments and playlists.
    Hls,
    /// Recording.
    Record,
    /// FLV to MP4 remux.
    Remux,
    /// A recording as a folder of HLS and DASH.
    Package,
    /// Fan-out to players.
    Live,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "RTMP handshake",
            Self::Chunk => "RTMP chunk",
            Self::Message => "RTMP message",
            Self::Amf => "AMF",
            Self::Session => "RTMP session",
            Self::Flv => "FLV",
            Self::Codec => "codec",
            Self::Assemble => "access unit",
            Self::Mp4 => "MP4",
            Self::Hls => "HLS",
            Self::Record => "recording",
            Self::Remux => "remux",
            Self::Package => "package",
            Self::Live => "live",
        })
    }
}

/// An error that names its layer, its field and its place.
///
/// It is `Copy` and never allocates. The text reads, for example,
/// `RTMP chunk: protocol violation: Set Chunk Size (found 0) at byte 3089 [RTMP 1.0 5.4.1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    kind: ErrorKind,
    layer: Layer,
    field: &'static str,
    clause: &'static str,
    offset: Option<u64>,
    found: Option<u64>,
}

impl Error {
    /// Makes an error of `kind` in `layer` about `field`, the specification's name of the item or a short phrase.
    #[must_use]
    pub const fn new(kind: ErrorKind, layer: Layer, field: &'static str) -> Self {
        Self { kind, layer, field, clause: "", offset: None, found: None }
    }

    /// Bytes that do not follow the format.
    #[must_use]
    pub const fn malformed(layer: Layer, field: &'static str) -> Self {
        Self::new(ErrorKind::Malformed, layer, field)
    }

    /// Bytes that break the protocol's rules.
    #[must_use]
    pub const fn violation(layer: Layer, field: &'static str) -> Self {
        Self::new(ErrorKind::Violation, layer, field)
    }

    /// Input past a limit.
    #[must_use]
    pub const fn limit(layer: Layer, field: &'static str) -> Self {
        Self::new(ErrorKind::LimitExceeded, layer, field)
    }

    /// Valid input that is not implemented.
    #[must_use]
    pub const fn unsupported(layer: Layer, field: &'static str) -> Self {
        Self::new(ErrorKind::Unsupported, layer, field)
    }

    /// A call against the documented order.
    #[must_use]
    pub const fn misuse(layer: Layer, field: &'static str) -> Self {
        Self::new(ErrorKind::Misuse, layer, field)
    }

    /// Adds the absolute offset in bytes: from the start of the connection, file or buffer.
    #[must_use]
    pub const fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Adds the value that was found.
    #[must_use]
    pub const fn found(mut self, value: u64) -> Self {
        self.found = Some(value);
        self
    }

    /// Adds the clause of the specification that the input breaks.
    #[must_use]
    pub const fn clause(mut self, clause: &'static str) -> Self {
        self.clause = clause;
        self
    }

    /// Moves the offset by `base` bytes: for a parser that was given a part of a larger input.
    #[must_use]
    pub const fn rebased(mut self, base: u64) -> Self {
        if let Some(offset) = self.offset {
            self.offset = Some(offset.saturating_add(base));
        }
        self
    }

    /// Who is at fault.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The part of the crate that found the error.
    #[must_use]
    pub const fn layer(&self) -> Layer {
        self.layer
    }

    /// The item that is wrong, by its name in the specification.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// Absolute offset in bytes, where it is known.
    #[must_use]
    pub const fn offset(&self) -> Option<u64> {
        self.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.layer, self.kind, self.field)?;
        if let Some(found) = self.found {
            write!(f, " (found {found})")?;
        }
        if let Some(offset) = self.offset {
            write!(f, " at byte {offset}")?;
        }
        if !self.clause.is_empty() {
            write!(f, " [{}]", self.clause)?;
        }
        Ok(())
    }
}

/// A deviation from the specification that was tolerated, repaired or left out. Not an error: the stream goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice<K> {
    /// What was tolerated.
    pub kind: K,
    /// Clause of the specification that says otherwise, or an empty text.
    pub clause: &'static str,
    /// How often so far.
    pub count: u64,
}

/// Counts tolerated deviations by kind, so that each is said once.
#[derive(Clone, Debug)]
pub(crate) struct Tally<K> {
    notices: Vec<Notice<K>>,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self { notices: Vec::new() }
    }
}

impl<K: Copy + PartialEq> Tally<K> {
    /// Counts one more, and gives the notice where it is the first of its kind.
    pub(crate) fn count(&mut self, kind: K, clause: &'static str) -> Option<Notice<K>> {
        if let Some(known) = self.notices.iter_mut().find(|known| known.kind == kind) {
            known.count = known.count.saturating_add(1);
            return None;
        }
        let first = Notice { kind, clause, count: 1 };
        self.notices.push(first);
        Some(first)
    }

    /// All kinds so far, in the order of their first time.
    pub(crate) fn as_slice(&self) -> &[Notice<K>] {
        &self.notices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_names_layer_field_place_and_clause() {
        let error = Error::violation(Layer::Chunk, "Set Chunk Size")
            .found(0)
            .at(89)
            .clause("RTMP 1.0 5.4.1")
            .rebased(3000);
        assert_eq!(
            error.to_string(),
            "RTMP chunk: protocol violation: Set Chunk Size (found 0) at byte 3089 [RTMP 1.0 5.4.1]"
        );
        assert_eq!((error.kind(), error.offset()), (ErrorKind::Violation, Some(3089)));
    }

    #[test]
    fn is_small() {
        assert!(size_of::<Error>() <= 72, "{}", size_of::<Error>());
    }
}
