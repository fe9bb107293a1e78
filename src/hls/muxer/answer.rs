//! Requests, by name and query.

use std::time::Duration;

use bytes::Bytes;

use super::Muxer;
use super::start::ANNOUNCED_WAIT;
use crate::buf::Chain;
use crate::hls::answer::{Answer, BadRequest, Directives, Growing, Wait};
use crate::hls::file::{Cache, File, Text};
use crate::hls::mpd;
use crate::hls::part::PartTarget;
use crate::hls::playlist::with_query;
use crate::hls::rendition::Rendition;
use crate::hls::segment::{SEGMENT_TYPE, Segment, numbers};
use crate::hls::timeline::LEAD;

/// How long a request may be held while nothing is known of the stream: longer than groups of pictures mostly are.
const FIRST_WAIT: Duration = Duration::from_secs(10);

impl Muxer {
    /// Answers for the file of this name: `index.m3u8` (the multivariant playlist), `index.mpd`, `index_ll.mpd`, `video.m3u8`, `audio.m3u8`,
    /// `video_init_0.mp4`, `video_17.m4s`, the part `video_17_3.m4s` and so on.
    ///
    /// `query` is that of the address, without the question mark, as it came. Of playlists it may hold delivery directives
    /// (rfc8216bis 6.2.5) where parts are made; what else it holds is passed on to the addresses in the playlist.
    #[must_use]
    pub fn request(&self, name: &str, query: Option<&str>) -> Answer {
        if self.config.dash.is_some() && matches!(name, "index.mpd" | "index_ll.mpd") {
            let low = name == "index_ll.mpd";
            if low && self.config.part_duration.is_none() {
                return Answer::NotFound;
            }
            let answer = self.manifest(query.unwrap_or_default(), low);
            return answer.unwrap_or_else(Answer::BadRequest);
        }
        let Some(stem) = name.strip_suffix(".m3u8") else { return self.media(name) };
        self.playlist(stem, query.unwrap_or_default()).unwrap_or_else(Answer::BadRequest)
    }

    /// The file of this name as it is now. `None` where there is none, or not yet: [`request`](Self::request) tells which.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<File> {
        match self.request(name, None) {
            Answer::Ready(file) => Some(file),
            _ => None,
        }
    }

    /// So many target durations, in milliseconds.
    fn target_ms(&self, times: u64) -> u32 {
        let millis = self.target.unwrap_or(0).saturating_mul(1000).saturating_mul(times);
        u32::try_from(millis).unwrap_or(u32::MAX)
    }

    fn wait(&self) -> Answer {
        let known = self.target.map(|target| Duration::from_secs(target.saturating_mul(3)));
        Answer::Wait(Wait { version: self.version, limit: known.unwrap_or(FIRST_WAIT) })
    }

    /// For what there may be later.
    fn wait_or_none(&self) -> Answer {
        if self.ended { Answer::NotFound } else { self.wait() }
    }

    fn playlist(&self, stem: &str, query: &str) -> Result<Answer, BadRequest> {
        let low = self.config.part_duration.is_some();
        let read = match Directives::parse(query) {
            // What is over is as it is, whatever is asked for (rfc8216bis 6.2.5); and who offers nothing is asked for nothing.
            Err(error) if error == BadRequest::QueryTooLong || (low && !self.ended) => {
                return Err(error);
            }
            read => read.unwrap_or_default(),
        };
        if stem == "index" {
            let Some(text) = &self.multivariant else { return Ok(self.wait_or_none()) };
            return Ok(Answer::Ready(self.text_file(text, &read.rest, false)));
        }
        let found = self.renditions.iter().find(|rendition| rendition.id().to_string() == stem);
        let Some(rendition) = found.filter(|rendition| self.is_listed(rendition)) else {
            let usual =
                matches!(stem, "video" | "audio") || (self.renditions.is_empty() && is_track(stem));
            let may_come = found.is_some() || (!self.is_ready() && usual) || self.may_return(stem);
            return Ok(if may_come { self.wait_or_none() } else { Answer::NotFound });
        };
        let directed = low && !self.ended && read.sequence.is_some();
        let wanted = read.sequence.map(|sequence| self.config.number_of(sequence));
        if directed && !has_come(rendition, &read, wanted.flatten())? {
            return Ok(self.wait());
        }
        let text = self.text(rendition, read.skip);
        Ok(Answer::Ready(self.text_file(text, &read.rest, directed)))
    }

    /// Whether a track of this name may be one that players of an earlier muxer have: publishers come back one after another. Who is told that
    /// there is none goes to another rendition.
    fn may_return(&self, stem: &str) -> bool {
        let since = self.newest().saturating_sub(LEAD);
        self.config.goes_on && is_track(stem) && since < ANNOUNCED_WAIT
    }

    fn manifest(&self, query: &str, low: bool) -> Result<Answer, BadRequest> {
        // Directives are not for MPDs; what is told of a playlist's query holds for theirs.
        let read = match Directives::parse(query) {
            Err(BadRequest::QueryTooLong) => return Err(BadRequest::QueryTooLong),
            read => read.unwrap_or_default(),
        };
        let Some(text) = self.mpd.text(&self.presentation(), low, &read.rest) else {
            return Ok(self.wait_or_none());
        };
        // The next part is a fraction of a second away.
        let cache = if low && !self.ended {
            Cache::Live { max_age_ms: 0 }
        } else {
            self.playlist_cache(false)
        };
        let file = Text::new(text).file(cache);
        Ok(Answer::Ready(File { content_type: mpd::CONTENT_TYPE, ..file }))
    }

    fn playlist_cache(&self, blocking: bool) -> Cache {
        match (self.ended, blocking) {
            (true, _) => Cache::Ended,
            (false, true) => Cache::Blocking { max_age_ms: self.target_ms(6) },
            (false, false) => Cache::Live { max_age_ms: self.target_ms(1) / 2 },
        }
    }

    fn text_file(&self, text: &Text, query: &str, blocking: bool) -> File {
        let cache = self.playlist_cache(blocking);
        if query.is_empty() {
            return text.file(cache);
        }
        let plain = String::from_utf8_lossy(&text.text);
        Text::new(with_query(&plain, query)).file(cache)
    }

    fn media(&self, name: &str) -> Answer {
        let of_name = |rendition: &&Rendition| {
            name.strip_prefix(&rendition.id().to_string()).is_some_and(|rest| rest.starts_with('_'))
        };
        let Some(rendition) = self.renditions.iter().find(of_name) else { return Answer::NotFound };
        let rest = name.strip_prefix(&rendition.id().to_string()).unwrap_or_default();
        let content_type = if rendition.is_video() { "video/mp4" } else { "audio/mp4" };
        if rest.starts_with("_init_") {
            return init(rendition, name, content_type);
        }
        let Some((number, part)) = numbers(rest) else { return Answer::NotFound };
        if let Some(segment) = rendition.window.get(number) {
            return segment_file(segment, part, content_type);
        }
        if number == rendition.window.next_number() {
            return self.open_part(rendition, part, content_type);
        }
        let past = number < rendition.window.first_number && number >= self.config.first_number();
        if past && rendition.started { Answer::Gone } else { Answer::NotFound }
    }

    /// A part of the segment that is open: there, or the next one, for which the playlist has a hint.
    fn open_part(
        &self,
        rendition: &Rendition,
        part: Option<usize>,
        content_type: &'static str,
    ) -> Answer {
        let parts = rendition.open.parts();
        match part {
            Some(part) if part < parts.len() => {
                let body = parts.get(part).map(|part| part.body.clone()).unwrap_or_default();
                Answer::Ready(media_file(content_type, body))
            }
            Some(part) if part == parts.len() && rendition.part_target.is_some() => {
                self.wait_or_none()
            }
            None if self.config.dash.is_some() && !parts.is_empty() => {
                let mut body = Chain::from(Bytes::from_static(SEGMENT_TYPE));
                parts.iter().for_each(|part| body.extend_from(&part.body));
                Answer::Growing(Growing {
                    content_type,
                    body,
                    next: parts.len(),
                    track: rendition.id(),
                    segment: rendition.window.next_number(),
                })
            }
            _ => Answer::NotFound,
        }
    }
}

/// Whether this may be the name of a track: which there will be is not known before the first.
fn is_track(stem: &str) -> bool {
    let index = ["video", "audio"].iter().find_map(|kind| stem.strip_prefix(kind));
    index.is_some_and(|index| index.is_empty() || index.parse::<u8>().is_ok())
}

/// Whether what the directives wait for is in the playlist; `number` is that of the segment's name, if it is one of this muxer.
fn has_come(
    rendition: &Rendition,
    read: &Directives,
    number: Option<u64>,
) -> Result<bool, BadRequest> {
    let Some(sequence) = number else { return Ok(true) };
    let next = rendition.window.next_number();
    let parts = rendition.open.parts().len() as u64;
    let Some(part) = read.part else {
        // Two past the last segment.
        let ahead = sequence > next.saturating_add(1);
        return if ahead { Err(BadRequest::TooFarAhead) } else { Ok(sequence < next) };
    };
    let limit = rendition.part_target.map_or(3, PartTarget::advance_limit) as u64;
    if sequence < next {
        // Past the last part of a segment is the first part of the next one.
        let last = sequence.saturating_add(1) == next;
        let segment = rendition.window.get(sequence).filter(|_| last);
        let past = segment.is_some_and(|segment| part >= segment.parts.len() as u64);
        return Ok(!past || parts > 0);
    }
    let come = if sequence == next { parts } else { 0 };
    let ahead = sequence > next.saturating_add(1) || part >= come.saturating_add(limit);
    if ahead { Err(BadRequest::TooFarAhead) } else { Ok(part < come) }
}

fn init(rendition: &Rendition, name: &str, content_type: &'static str) -> Answer {
    let inits = rendition.window.fetchable().map(|segment| &segment.init);
    let mut inits = inits.chain([rendition.current_init()]);
    match inits.find(|init| init.name == name) {
        Some(init) => {
            Answer::Ready(File::media(content_type, &init.body, init.body.clone().into()))
        }
        None => Answer::NotFound,
    }
}

fn segment_file(segment: &Segment, part: Option<usize>, content_type: &'static str) -> Answer {
    let body = match part {
        None => segment.body(),
        Some(part) => segment.parts.get(part).map(|part| part.body.clone()),
    };
    body.map_or(Answer::NotFound, |body| Answer::Ready(media_file(content_type, body)))
}

fn media_file(content_type: &'static str, body: crate::buf::Chain) -> File {
    // The first box of a part says its number and its time; `styp` of a segment says nothing.
    let head = body.iter().find(|head| head.get(4..8) != Some(b"styp".as_slice()));
    let head = head.cloned().unwrap_or_default();
    File::media(content_type, &head, body)
}
