//! Playlist texts (RFC 8216 4.3, rfc8216bis 4.4).

use std::fmt::Write as _;

use super::part::PartTarget;
use super::rendition::Rendition;
use super::segment::{Segment, part_name};
use crate::codec::captions::Captions;
use crate::time::UtcDate;

/// Whole segments whose parts are listed, besides the one that is open: less than three target durations (rfc8216bis 6.2.2),
/// and all that a player near the end can use.
const SEGMENTS_WITH_PARTS: usize = 2;

/// Group of the closed captions of all variants.
const CAPTIONS: &str = "cc";

/// What the playlists of all renditions have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Seconds.
    pub(super) target: u64,
    /// Present where parts are listed: how far behind the end players stay, in microseconds.
    pub(super) part_hold_back: Option<u64>,
    pub(super) event: bool,
    pub(super) ended: bool,
    /// Whether parts are listed, where they are made.
    pub(super) parts: bool,
    /// Whether nothing is made until another epoch begins.
    pub(super) waits: bool,
    /// Media sequence number of the first segment that is listed.
    pub(super) first: u64,
}

impl Terms {
    /// Distance from the end, in microseconds, past which a delta update leaves segments out.
    pub(super) const fn skip_boundary(&self) -> u64 {
        self.target.saturating_mul(6_000_000)
    }
}

/// Where another rendition has come to.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) uri: String,
    pub(super) sequence: u64,
    pub(super) part: Option<usize>,
}

/// Media playlist of one rendition; with `skip`, without the segments that are past the boundary, if there are any.
pub(super) fn media(
    rendition: &Rendition,
    terms: &Terms,
    reports: &[Report],
    skip: bool,
) -> String {
    let (window, open) = (&rendition.window, &rendition.open);
    let low = terms.part_hold_back.zip(rendition.part_target);
    let skipped = if skip { skippable(rendition, terms) } else { 0 };
    let mut text = String::with_capacity(512 + 160 * (window.live().len() - skipped));
    header(&mut text, rendition, terms, low);
    if skipped > 0 {
        line(&mut text, format_args!("#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}"));
    }
    let mut init = "";
    let with_parts = window.live().len().saturating_sub(SEGMENTS_WITH_PARTS);
    for (index, segment) in window.live().enumerate().skip(skipped) {
        map(&mut text, &mut init, segment.discontinuity, &segment.init.name);
        text.push_str(&segment.text.head);
        if low.is_some() && index >= with_parts && terms.parts {
            text.push_str(&segment.text.parts);
        }
        text.push_str(&segment.text.tail);
    }
    // A hint belongs to the segment that comes next: who fetches by it has to know what decodes that, and that it begins anew.
    let begins = rendition.opens_epoch();
    if low.is_some() && !terms.ended && !terms.waits && (begins || !open.is_empty()) {
        map(&mut text, &mut init, begins, &rendition.current_init().name);
        text.push_str(&open.text().head);
        text.push_str(&open.text().parts);
    }
    if terms.ended {
        text.push_str("#EXT-X-ENDLIST\n");
    } else if low.is_some() && terms.waits {
        // Nobody knows yet what decodes the next part.
        reports.iter().for_each(|report| report_line(&mut text, report));
    } else if low.is_some() {
        let hint = part_name(rendition.id(), window.next_number(), open.parts().len());
        line(&mut text, format_args!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{hint}\""));
        reports.iter().for_each(|report| report_line(&mut text, report));
    }
    text
}

fn header(text: &mut String, rendition: &Rendition, terms: &Terms, low: Option<(u64, PartTarget)>) {
    // EXT-X-SKIP needs 9, EXT-X-MAP 6.
    let version = if low.is_some() { 9 } else { 6 };
    line(text, format_args!("#EXTM3U\n#EXT-X-VERSION:{version}"));
    // Video may have to be cut where there is no key frame, and what a playlist says holds for all of it.
    if !rendition.is_video() {
        text.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    }
    if terms.event {
        let kind = if terms.ended { "VOD" } else { "EVENT" };
        line(text, format_args!("#EXT-X-PLAYLIST-TYPE:{kind}"));
    }
    line(text, format_args!("#EXT-X-TARGETDURATION:{}", terms.target));
    if let Some((hold_back, part)) = low {
        line(
            text,
            format_args!(
                "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={}.0,HOLD-BACK={}.0,PART-HOLD-BACK={}",
                terms.skip_boundary() / 1_000_000,
                terms.target.saturating_mul(3),
                millis(hold_back),
            ),
        );
        line(text, format_args!("#EXT-X-PART-INF:PART-TARGET={}", millis(part.micros)));
    }
    let window = &rendition.window;
    line(text, format_args!("#EXT-X-MEDIA-SEQUENCE:{}", terms.first));
    line(text, format_args!("#EXT-X-DISCONTINUITY-SEQUENCE:{}", window.discontinuity_sequence));
}

/// For each listed segment, how far before the end of the playlist it ends, in microseconds.
fn distances(rendition: &Rendition) -> impl Iterator<Item = u64> {
    let live = rendition.window.live();
    let total: u64 = live.map(Segment::micros).sum();
    let open = super::segment::micros(rendition.open.duration(), rendition.timescale());
    rendition.window.live().scan(total.saturating_add(open), |left, segment| {
        *left = left.saturating_sub(segment.micros());
        Some(*left)
    })
}

/// How many segments a delta update leaves out.
fn skippable(rendition: &Rendition, terms: &Terms) -> usize {
    if terms.ended || terms.part_hold_back.is_none() {
        return 0;
    }
    distances(rendition).take_while(|&left| left >= terms.skip_boundary()).count()
}

fn map<'a>(text: &mut String, last: &mut &'a str, discontinuity: bool, init: &'a str) {
    if discontinuity {
        text.push_str("#EXT-X-DISCONTINUITY\n");
    }
    if *last != init {
        *last = init;
        line(text, format_args!("#EXT-X-MAP:URI=\"{init}\""));
    }
}

fn report_line(text: &mut String, report: &Report) {
    let _ =
        write!(text, "#EXT-X-RENDITION-REPORT:URI=\"{}\",LAST-MSN={}", report.uri, report.sequence);
    if let Some(part) = report.part {
        let _ = write!(text, ",LAST-PART={part}");
    }
    text.push('\n');
}

/// One line of the multivariant playlist, and the playlist that it names.
#[derive(Debug, Default)]
pub(super) struct Variant {
    pub(super) uri: String,
    pub(super) codecs: Vec<String>,
    pub(super) peak: u64,
    pub(super) average: u64,
    pub(super) resolution: Option<(u32, u32)>,
    /// Frames in a thousand seconds.
    pub(super) frame_rate: Option<u64>,
    /// The group of its sound.
    pub(super) audio: Option<String>,
    /// Closed captions within its pictures.
    pub(super) captions: Captions,
}

/// One audio rendition.
#[derive(Debug)]
pub(super) struct AudioMedia {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) channels: u16,
    pub(super) uri: String,
    /// Whether it is the first of its group.
    pub(super) default: bool,
}

/// Multivariant playlist.
pub(super) fn multivariant(audio: &[AudioMedia], variants: &[Variant]) -> String {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:6\n");
    for audio in audio {
        let default = if audio.default { "YES" } else { "NO" };
        line(
            &mut text,
            format_args!(
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{}\",NAME=\"{}\",DEFAULT={default},AUTOSELECT=YES,\
                 CHANNELS=\"{}\",URI=\"{}\"",
                audio.group, audio.name, audio.channels, audio.uri
            ),
        );
    }
    let none = Captions::default();
    let captions = variants.iter().fold(none, |all, variant| all.union(variant.captions));
    let cea_708 = captions.has_cea_708().then_some("SERVICE1");
    // Where a stream has both, CEA-608 says the same to more players.
    let channels =
        captions.cea_608().chain(cea_708.filter(|_| captions.cea_608().next().is_none()));
    for channel in channels {
        line(
            &mut text,
            format_args!(
                "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"{CAPTIONS}\",NAME=\"{channel}\",DEFAULT=NO,AUTOSELECT=YES,\
                 INSTREAM-ID=\"{channel}\""
            ),
        );
    }
    variants.iter().for_each(|variant| stream(&mut text, variant, captions));
    text
}

/// Writes a variant. `captions` are those of all: `NONE` is for all or for no variant (RFC 8216 4.3.4.2).
fn stream(text: &mut String, variant: &Variant, captions: Captions) {
    let _ = write!(
        text,
        "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\"",
        variant.peak,
        variant.average,
        variant.codecs.join(",")
    );
    if let Some((width, height)) = variant.resolution {
        let _ = write!(text, ",RESOLUTION={width}x{height}");
    }
    if let Some(rate) = variant.frame_rate {
        let _ = write!(text, ",FRAME-RATE={}.{:03}", rate / 1000, rate % 1000);
    }
    if let Some(audio) = &variant.audio {
        let _ = write!(text, ",AUDIO=\"{audio}\"");
    }
    if captions.is_empty() {
        text.push_str(",CLOSED-CAPTIONS=NONE");
    } else if !variant.captions.is_empty() {
        let _ = write!(text, ",CLOSED-CAPTIONS=\"{CAPTIONS}\"");
    }
    line(text, format_args!("\n{}", variant.uri));
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(content);
    text.push('\n');
}

/// Microseconds as seconds with six decimals.
pub(super) fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// Microseconds as seconds with three decimals, rounded up.
fn millis(micros: u64) -> String {
    let millis = micros.div_ceil(1000);
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// Writes `EXT-X-PROGRAM-DATE-TIME`, where the time is known.
pub(super) fn date(text: &mut String, wall: Option<i64>) {
    if let Some(wall) = wall {
        line(text, format_args!("#EXT-X-PROGRAM-DATE-TIME:{}", UtcDate(wall)));
    }
}

/// Appends `query` to every address that a playlist names. The query is part of an address already: nothing in it ends a
/// line or a quoted string.
pub(super) fn with_query(text: &str, query: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for content in text.lines() {
        match content
            .split_once("URI=\"")
            .and_then(|(tag, rest)| Some((tag, rest.split_once('"')?)))
        {
            Some((tag, (uri, rest))) if content.starts_with('#') => {
                line(&mut out, format_args!("{tag}URI=\"{uri}?{query}\"{rest}"));
            }
            None if !content.starts_with('#') => line(&mut out, format_args!("{content}?{query}")),
            _ => line(&mut out, format_args!("{content}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e3_17_a_query_goes_to_every_address_and_nowhere_else() {
        let text = "#EXTM3U\n#EXT-X-MAP:URI=\"a.mp4\"\n#EXT-X-PART:DURATION=0.2,URI=\"b.m4s\",INDEPENDENT=YES\n\
                    #EXTINF:2.000000,\nc.m4s\n#EXT-X-ENDLIST\n";
        assert_eq!(
            with_query(text, "t=1&u=2"),
            "#EXTM3U\n#EXT-X-MAP:URI=\"a.mp4?t=1&u=2\"\n\
             #EXT-X-PART:DURATION=0.2,URI=\"b.m4s?t=1&u=2\",INDEPENDENT=YES\n\
             #EXTINF:2.000000,\nc.m4s?t=1&u=2\n#EXT-X-ENDLIST\n"
        );
    }

    #[test]
    fn e3_01_part_targets_are_rounded_up() {
        assert_eq!(
            (millis(200_000), millis(200_001), seconds(200_001)),
            ("0.200".into(), "0.201".into(), "0.200001".into())
        );
    }
}
