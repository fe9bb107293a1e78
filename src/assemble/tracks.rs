//! Tracks by number, each with the assembly for its codec.

use std::collections::BTreeMap;

use super::audio::AudioAssembly;
use super::pictures::Pictures;
use super::sounds::Sounds;
use super::video::VideoAssembly;
use super::{Item, NoticeKind, Stage, StartPoints};
use crate::codec::hevc;
use crate::flv::body::{AudioBody, AudioCodec, PacketType, VideoBody, VideoCodec};
use crate::limits::Limits;
use crate::media::{MediaKind, TrackId};

const CLAUSE: &str = "Enhanced RTMP v2 multitrack";

/// A video track. Legacy and extended headers, plain and multitrack bodies with its number are the same track.
#[derive(Debug)]
pub(super) struct VideoTrack {
    id: TrackId,
    /// As the headers say.
    said: VideoCodec,
    /// As it is: some senders put HEVC under the id of H.264.
    codec: VideoCodec,
    /// A sequence header came: frames of another codec do not change it.
    told: bool,
    assembly: Video,
}

#[derive(Debug)]
enum Video {
    Avc(Box<VideoAssembly>),
    Other(Box<Pictures>),
}

/// The track that a body belongs to, made or changed to another codec where the body calls for it.
pub(super) fn video<'a>(
    tracks: &'a mut BTreeMap<u8, VideoTrack>,
    body: &VideoBody,
    start_points: StartPoints,
    limits: &Limits,
    stage: &mut Stage,
) -> Option<&'a mut VideoTrack> {
    if matches!(body.packet, PacketType::Command) {
        return None;
    }
    let is_header = body.packet == PacketType::SequenceHeader;
    let hidden = is_header && body.codec == VideoCodec::Avc && hevc::is_record(&body.data);
    let codec = if hidden { VideoCodec::Hevc } else { body.codec };
    if hidden {
        stage.note(NoticeKind::LegacyHevc, "FLV 10.1 E.4.3.1");
    }
    let fits = tracks
        .get(&body.track)
        .map(|track| track.said == body.codec && (!is_header || track.codec == codec));
    let stays = |track: &VideoTrack| track.told || track.has_config();
    let changes = is_header || !tracks.get(&body.track).is_some_and(stays);
    match fits {
        Some(true) => {}
        Some(false) if !changes => {
            stage.note(NoticeKind::UnsupportedVideo, CLAUSE);
            return None;
        }
        None if tracks.len() >= limits.tracks => {
            stage.note(NoticeKind::TooManyTracks, CLAUSE);
            return None;
        }
        _ => {
            let id = TrackId { kind: MediaKind::Video, index: body.track };
            let assembly = match codec {
                VideoCodec::Avc => {
                    Video::Avc(Box::new(VideoAssembly::new(id, start_points, limits)))
                }
                codec => match Pictures::new(id, codec, limits) {
                    Some(pictures) => Video::Other(Box::new(pictures)),
                    None => {
                        stage.note(NoticeKind::UnsupportedVideo, "FLV 10.1 E.4.3.1");
                        return None;
                    }
                },
            };
            if let Some(before) = tracks.get_mut(&body.track) {
                before.release(stage);
            }
            tracks.insert(
                body.track,
                VideoTrack { id, said: body.codec, codec, told: is_header, assembly },
            );
        }
    }
    tracks.get_mut(&body.track)
}

impl VideoTrack {
    pub(super) const fn id(&self) -> TrackId {
        self.id
    }

    pub(super) fn has_config(&self) -> bool {
        match &self.assembly {
            Video::Avc(avc) => avc.has_config(),
            Video::Other(pictures) => pictures.has_config(),
        }
    }

    /// Whether NAL units are searched for start codes to their ends.
    pub(super) fn reads_whole(&self) -> bool {
        matches!(&self.assembly, Video::Avc(avc) if avc.reads_whole())
    }

    /// Wire time of the picture that may still grow.
    pub(super) fn growing_since(&self) -> Option<u32> {
        match &self.assembly {
            Video::Avc(avc) => avc.growing_since(),
            Video::Other(pictures) => pictures.growing_since(),
        }
    }

    pub(super) fn handle(&mut self, body: &VideoBody, wire: u32, stage: &mut Stage) {
        self.told |= body.packet == PacketType::SequenceHeader;
        match &mut self.assembly {
            Video::Avc(avc) => avc.handle(body, wire, stage),
            Video::Other(pictures) => pictures.handle(body, wire, stage),
        }
    }

    /// Gives the picture that was growing.
    pub(super) fn release(&mut self, stage: &mut Stage) {
        match &mut self.assembly {
            Video::Avc(avc) => avc.release(stage),
            Video::Other(pictures) => pictures.release(stage),
        }
    }
}

/// An audio track.
#[derive(Debug)]
pub(super) struct AudioTrack {
    id: TrackId,
    codec: AudioCodec,
    /// A sequence header came: frames of another codec do not change it.
    told: bool,
    assembly: Audio,
}

#[derive(Debug)]
enum Audio {
    Aac(AudioAssembly),
    Other(Box<Sounds>),
}

/// The track that a body belongs to, made or changed to another codec where the body calls for it.
pub(super) fn audio<'a>(
    tracks: &'a mut BTreeMap<u8, AudioTrack>,
    body: &AudioBody,
    limits: &Limits,
    stage: &mut Stage,
) -> Option<&'a mut AudioTrack> {
    let codec = match body.codec {
        AudioCodec::Mp3At8Khz => AudioCodec::Mp3,
        codec => codec,
    };
    let known = tracks.get(&body.track);
    let fits = known.map(|track| track.codec == codec);
    let is_header = body.packet == PacketType::SequenceHeader;
    let stays = |track: &AudioTrack| track.told || track.has_config();
    let changes = is_header || !known.is_some_and(stays);
    match fits {
        Some(true) => {}
        Some(false) if !changes => {
            stage.note(NoticeKind::UnsupportedAudio, CLAUSE);
            return None;
        }
        None if tracks.len() >= limits.tracks => {
            stage.note(NoticeKind::TooManyTracks, CLAUSE);
            return None;
        }
        _ => {
            let id = TrackId { kind: MediaKind::Audio, index: body.track };
            let assembly = match codec {
                AudioCodec::Aac => Audio::Aac(AudioAssembly::new(id)),
                codec => match Sounds::new(id, codec, body, limits) {
                    Some(sounds) => Audio::Other(Box::new(sounds)),
                    None => {
                        stage.note(NoticeKind::UnsupportedAudio, "FLV 10.1 E.4.2.1");
                        return None;
                    }
                },
            };
            tracks.insert(body.track, AudioTrack { id, codec, told: is_header, assembly });
        }
    }
    tracks.get_mut(&body.track)
}

impl AudioTrack {
    pub(super) const fn id(&self) -> TrackId {
        self.id
    }

    pub(super) fn has_config(&self) -> bool {
        match &self.assembly {
            Audio::Aac(aac) => aac.has_config(),
            Audio::Other(sounds) => sounds.has_config(),
        }
    }

    pub(super) fn handle(&mut self, body: &AudioBody, wire: u32, stage: &mut Stage) {
        self.told |= body.packet == PacketType::SequenceHeader;
        let before = stage.items.len();
        match &mut self.assembly {
            Audio::Aac(aac) => aac.handle(body, wire, stage),
            Audio::Other(sounds) => sounds.handle(body, wire, stage),
        }
        for item in stage.items.iter_mut().skip(before) {
            if let Item::Unit(unit) = item {
                unit.composition = i64::from(body.nanoseconds / 1000);
            }
        }
    }
}
