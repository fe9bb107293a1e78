//! What a peer can of Enhanced RTMP (v2, "Enhancing NetConnection connect Command").

use crate::amf::Value;

/// FourCCs of one kind of media that are kept: more than there are codecs.
const MAX_CODECS: usize = 64;
/// The key that stands for every codec.
const ANY: [u8; 4] = *b"*   ";

/// What can be done with a codec (`FourCcInfoMask`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CodecSupport(u8);

impl CodecSupport {
    /// 1: decode.
    pub const DECODE: Self = Self(1);
    /// 2: encode.
    pub const ENCODE: Self = Self(2);
    /// 4: forward, without a look inside.
    pub const FORWARD: Self = Self(4);
    /// All of it: what a name in `fourCcList` says.
    pub const ALL: Self = Self(7);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of `other` is in it.
    #[must_use]
    pub const fn any_of(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The mask; bits that are not assigned are never set.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// Extended capabilities (`capsEx`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExtendedCaps(u32);

impl ExtendedCaps {
    /// 1: obeys a reconnect request.
    pub const RECONNECT: Self = Self(1);
    /// 2: several tracks of a kind.
    pub const MULTITRACK: Self = Self(2);
    /// 4: reads `ModEx`.
    pub const MOD_EX: Self = Self(4);
    /// 8: nanosecond offsets of timestamps.
    pub const TIMESTAMP_NANO_OFFSET: Self = Self(8);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The mask, with bits that are not assigned as they came.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }
}

/// What a peer says in `connect`, or in the answer to it. The default says nothing: no enhancement may be assumed.
///
/// `fourCcList`, which does not tell video from audio, is read into both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    video: Vec<([u8; 4], CodecSupport)>,
    audio: Vec<([u8; 4], CodecSupport)>,
    extended: Option<ExtendedCaps>,
    video_function: u32,
}

impl Capabilities {
    /// What this crate does: it forwards every codec, reads and writes multitrack, `ModEx` and nanosecond offsets, takes
    /// metadata packets and HDR, and lets publishers reconnect.
    #[must_use]
    pub fn forwarding() -> Self {
        let extended = ExtendedCaps::RECONNECT
            .and(ExtendedCaps::MULTITRACK)
            .and(ExtendedCaps::MOD_EX)
            .and(ExtendedCaps::TIMESTAMP_NANO_OFFSET);
        let any = vec![(ANY, CodecSupport::FORWARD)];
        let video_function = Self::HDR | Self::METADATA_PACKETS;
        Self { video: any.clone(), audio: any, extended: Some(extended), video_function }
    }

    /// Bit of [`video_function`](Self::video_function): HDR video.
    pub const HDR: u32 = 2;
    /// Bit of [`video_function`](Self::video_function): video packets of metadata.
    pub const METADATA_PACKETS: u32 = 4;

    /// Reads the command object of `connect`, or one of the objects of its answer. Fields that are not what they should be
    /// say nothing.
    #[must_use]
    pub fn parse(object: &Value) -> Self {
        let mut capabilities = Self::default();
        if let Some(Value::StrictArray(list)) = object.field("fourCcList") {
            for id in list.iter().filter_map(Value::as_str) {
                add(&mut capabilities.video, id, CodecSupport::ALL);
                add(&mut capabilities.audio, id, CodecSupport::ALL);
            }
        }
        let Self { video, audio, .. } = &mut capabilities;
        for (key, codecs) in [("videoFourCcInfoMap", video), ("audioFourCcInfoMap", audio)] {
            for (id, mask) in object.field(key).and_then(Value::fields).unwrap_or_default() {
                let mask = mask.as_f64().and_then(to_mask).unwrap_or(0);
                add(codecs, id, CodecSupport(mask.to_le_bytes()[0] & 7));
            }
        }
        let mask = |key| object.field(key).and_then(Value::as_f64).and_then(to_mask);
        capabilities.extended = mask("capsEx").map(ExtendedCaps);
        capabilities.video_function = mask("videoFunction").unwrap_or(0);
        capabilities
    }

    /// The same with what `other` says as well: an answer has two objects, and servers use either.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        self.video.extend(other.video);
        self.audio.extend(other.audio);
        self.video.truncate(MAX_CODECS);
        self.audio.truncate(MAX_CODECS);
        let bits = |caps: Option<ExtendedCaps>| caps.map(ExtendedCaps::bits);
        let both = bits(self.extended).unwrap_or(0) | bits(other.extended).unwrap_or(0);
        self.extended = self.extended.or(other.extended).map(|_| ExtendedCaps(both));
        self.video_function |= other.video_function;
        self
    }

    /// The fields for an object of `connect` or its answer; those that say nothing are left out.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, Value)> {
        let mut fields = Vec::new();
        for (key, codecs) in
            [("videoFourCcInfoMap", &self.video), ("audioFourCcInfoMap", &self.audio)]
        {
            if !codecs.is_empty() {
                let field = |(id, support): &([u8; 4], CodecSupport)| {
                    let id = if *id == ANY { &b"*"[..] } else { id };
                    (String::from_utf8_lossy(id).into_owned(), f64::from(support.bits()).into())
                };
                fields.push((key.to_owned(), Value::Object(codecs.iter().map(field).collect())));
            }
        }
        if let Some(extended) = self.extended {
            fields.push(("capsEx".to_owned(), f64::from(extended.bits()).into()));
        }
        if self.video_function > 0 {
            fields.push(("videoFunction".to_owned(), f64::from(self.video_function).into()));
        }
        fields
    }

    /// Whether anything is said that only a peer with Enhanced RTMP says. `videoFunction` is in legacy `connect` objects too.
    #[must_use]
    pub const fn is_enhanced(&self) -> bool {
        self.names_codecs() || self.extended.is_some()
    }

    /// Whether any codec is named.
    #[must_use]
    pub const fn names_codecs(&self) -> bool {
        !self.video.is_empty() || !self.audio.is_empty()
    }

    /// What the peer can do with a video codec; what it says of all codecs (`*`) holds for each.
    #[must_use]
    pub fn video(&self, four_cc: [u8; 4]) -> CodecSupport {
        find(&self.video, four_cc)
    }

    /// What the peer can do with an audio codec.
    #[must_use]
    pub fn audio(&self, four_cc: [u8; 4]) -> CodecSupport {
        find(&self.audio, four_cc)
    }

    /// `capsEx`; nothing where it is not there.
    #[must_use]
    pub fn extended(&self) -> ExtendedCaps {
        self.extended.unwrap_or_default()
    }

    /// `videoFunction`: 1 seeks by itself, 2 HDR, 4 metadata packets, 8 large-scale tiles.
    #[must_use]
    pub const fn video_function(&self) -> u32 {
        self.video_function
    }
}

fn find(codecs: &[([u8; 4], CodecSupport)], four_cc: [u8; 4]) -> CodecSupport {
    let fits = codecs.iter().filter(|(id, _)| *id == four_cc || *id == ANY);
    fits.fold(CodecSupport::default(), |all, (_, support)| all.and(*support))
}

/// Names that are no FourCC, and those past the bound, are passed over.
fn add(codecs: &mut Vec<([u8; 4], CodecSupport)>, id: &str, support: CodecSupport) {
    let id = if id == "*" { Some(ANY) } else { <[u8; 4]>::try_from(id.as_bytes()).ok() };
    if let Some(id) = id.filter(|_| codecs.len() < MAX_CODECS) {
        match codecs.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = known.and(support),
            None => codecs.push((id, support)),
        }
    }
}

/// A mask out of a number: a whole one of 32 bits.
fn to_mask(number: f64) -> Option<u32> {
    let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and within the range"
    )]
    fits.then_some(number as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(fields: &[(&str, Value)]) -> Value {
        Value::Object(fields.iter().map(|(key, value)| ((*key).into(), value.clone())).collect())
    }

    fn list(ids: &[&str]) -> Value {
        Value::StrictArray(ids.iter().map(|&id| id.into()).collect())
    }

    #[test]
    fn a6_18_a_list_of_four_ccs_and_the_one_that_means_all() {
        let some = Capabilities::parse(&object(&[("fourCcList", list(&["av01", "Opus", "x"]))]));
        assert_eq!(some.video(*b"av01"), CodecSupport::ALL);
        assert_eq!(some.audio(*b"Opus"), CodecSupport::ALL);
        assert_eq!(some.video(*b"hvc1"), CodecSupport::default());
        assert!(some.is_enhanced() && some.names_codecs());
        let any = Capabilities::parse(&object(&[("fourCcList", list(&["*"]))]));
        assert!(any.video(*b"vvc1").any_of(CodecSupport::FORWARD));
        for odd in [Value::Null, "av01".into(), Value::StrictArray(vec![1.0.into()])] {
            let none = Capabilities::parse(&object(&[("fourCcList", odd)]));
            assert_eq!(none, Capabilities::default());
        }
    }

    #[test]
    fn a6_19_maps_of_masks_and_capabilities() {
        let map = |fields: &[(&str, Value)]| object(fields);
        let said = object(&[
            ("videoFourCcInfoMap", map(&[("*", 4.0.into()), ("vp09", 3.0.into())])),
            ("audioFourCcInfoMap", map(&[("Opus", 1.0.into()), ("mp4a", "7".into())])),
            ("capsEx", 5.0.into()),
            ("videoFunction", 6.0.into()),
        ]);
        let said = Capabilities::parse(&said);
        assert_eq!(said.video(*b"vp09").bits(), 7, "what holds for all holds for each");
        assert_eq!(said.video(*b"av01"), CodecSupport::FORWARD);
        assert_eq!((said.audio(*b"Opus").bits(), said.audio(*b"mp4a").bits()), (1, 0));
        assert!(said.extended().has(ExtendedCaps::RECONNECT.and(ExtendedCaps::MOD_EX)));
        assert!(!said.extended().has(ExtendedCaps::MULTITRACK));
        assert_eq!(said.video_function(), Capabilities::HDR | Capabilities::METADATA_PACKETS);
        for odd in [f64::NAN, -1.0, 0.5, 1e12] {
            let none = Capabilities::parse(&object(&[("capsEx", odd.into())]));
            assert_eq!(none, Capabilities::default(), "{odd}");
        }
        // `videoFunction` is legacy: alone it says nothing of Enhanced RTMP.
        assert!(!Capabilities::parse(&object(&[("videoFunction", 1.0.into())])).is_enhanced());
    }

    #[test]
    fn a6_19_what_is_said_reads_as_it_was_written() {
        let ours = Capabilities::forwarding();
        let object = Value::Object(ours.fields());
        assert_eq!(Capabilities::parse(&object), ours);
        assert_eq!(Capabilities::default().fields(), []);
        let merged = Capabilities::parse(&self::object(&[("capsEx", 1.0.into())]))
            .merged(Capabilities::parse(&self::object(&[("capsEx", 2.0.into())])));
        assert_eq!(merged.extended().bits(), 3);
    }

    #[test]
    fn a6_19_names_are_bounded() {
        let many: Vec<Value> = (0..5000).map(|at| format!("{at:04}").into()).collect();
        let said = Capabilities::parse(&object(&[("fourCcList", Value::StrictArray(many))]));
        assert_eq!(said.video.len(), MAX_CODECS);
    }
}
