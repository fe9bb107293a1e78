//! Playlist texts (RFC 8216 4.3, rfc8216bis 4.4).

use std::fmt::Write as _;

use bytes::Bytes;

use super::segment::Segment;
use super::window::Window;

/// Media playlist of one rendition.
pub(super) fn media(window: &Window, target_duration: u64, ended: bool) -> Bytes {
    let mut text = String::with_capacity(256 + 128 * window.live().len());
    text.push_str("#EXTM3U\n#EXT-X-VERSION:6\n");
    line(&mut text, format_args!("#EXT-X-TARGETDURATION:{target_duration}"));
    line(&mut text, format_args!("#EXT-X-MEDIA-SEQUENCE:{}", window.media_sequence));
    line(
        &mut text,
        format_args!("#EXT-X-DISCONTINUITY-SEQUENCE:{}", window.discontinuity_sequence),
    );
    let mut init = "";
    for segment in window.live() {
        if segment.discontinuity {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if init != segment.init.name {
            init = &segment.init.name;
            line(&mut text, format_args!("#EXT-X-MAP:URI=\"{init}\""));
        }
        entry(&mut text, segment);
    }
    if ended {
        text.push_str("#EXT-X-ENDLIST\n");
    }
    text.into()
}

fn entry(text: &mut String, segment: &Segment) {
    if let Some(wall) = segment.wall {
        line(text, format_args!("#EXT-X-PROGRAM-DATE-TIME:{}", rfc3339(wall)));
    }
    if segment.body.is_none() {
        text.push_str("#EXT-X-GAP\n");
    }
    let micros = segment.micros();
    line(text, format_args!("#EXTINF:{}.{:06},", micros / 1_000_000, micros % 1_000_000));
    line(text, format_args!("{}", segment.name));
}

/// A variant of the multivariant playlist.
#[derive(Debug, Default)]
pub(super) struct Variant {
    pub(super) uri: String,
    pub(super) codecs: Vec<String>,
    pub(super) peak: u64,
    pub(super) average: u64,
    pub(super) resolution: Option<(u32, u32)>,
    /// Frames in a thousand seconds.
    pub(super) frame_rate: Option<u64>,
    pub(super) audio: Vec<AudioMedia>,
}

/// One audio rendition.
#[derive(Debug)]
pub(super) struct AudioMedia {
    pub(super) name: String,
    pub(super) channels: u16,
    pub(super) uri: String,
}

/// Multivariant playlist.
pub(super) fn multivariant(variant: &Variant) -> Bytes {
    let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:6\n");
    for (index, audio) in variant.audio.iter().enumerate() {
        let default = if index == 0 { "YES" } else { "NO" };
        line(
            &mut text,
            format_args!(
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"{}\",DEFAULT={default},AUTOSELECT=YES,\
                 CHANNELS=\"{}\",URI=\"{}\"",
                audio.name, audio.channels, audio.uri
            ),
        );
    }
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
    if !variant.audio.is_empty() {
        text.push_str(",AUDIO=\"audio\"");
    }
    line(&mut text, format_args!("\n{}", variant.uri));
    text.into()
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(content);
    text.push('\n');
}

/// Microseconds since 1970 as a UTC date with milliseconds (RFC 3339).
fn rfc3339(micros: i64) -> String {
    let millis = micros.div_euclid(1000);
    let (seconds, milli) = (millis.div_euclid(1000), millis.rem_euclid(1000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 0000-03-01, in cycles of 400 years, so that leap days come last.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e1_15_dates_are_utc_with_milliseconds() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_709_210_096_123_999), "2024-02-29T12:34:56.123Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(rfc3339(4_102_444_800_000_000), "2100-01-01T00:00:00.000Z");
    }
}
