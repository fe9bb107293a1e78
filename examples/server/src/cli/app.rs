//! What each application may have its own of: the options of the whole server are the defaults of all.

use std::time::Duration;

use clap::{Args, ValueEnum};
use streamcore::live::Takeover;

use super::{RecordArgs, Words, duration};

/// Options of an application. Each is also a key of the configuration's top, and of the tables `[applications.NAME]`.
#[derive(Clone, Debug, Args)]
pub struct AppArgs {
    /// Whether streams may be published there; `false` at the top of the configuration leaves the applications that say `true`.
    #[arg(long, env = "STREAMCORE_LIVE", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true",
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub live: bool,
    /// Whether streams are made into HLS, Low-Latency HLS and DASH; `false` leaves RTMP, FLV, recordings and other servers, at two thirds
    /// of the CPU time of a publisher and without the memory of a window.
    #[arg(long, env = "STREAMCORE_HLS", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true",
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub hls: bool,
    /// Target duration of an HLS segment, for example 2s or 1500ms. A segment ends at a key frame.
    #[arg(long, visible_alias = "hls-fragment", env = "STREAMCORE_HLS_SEGMENT_DURATION", value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub hls_segment_duration: Duration,
    /// Low latency: about how long a part of a segment is that HLS players get before the segment is whole; `off` for plain
    /// HLS. Players stay about three parts behind.
    #[arg(long, env = "STREAMCORE_HLS_PART_DURATION", value_name = "TIME", default_value = "200ms", value_parser = part_duration)]
    pub hls_part_duration: PartDuration,
    /// Whether segments slide out of the HLS playlists (`live`), or stay for as long as the stream lasts (`event`).
    #[arg(long, visible_alias = "hls-type", env = "STREAMCORE_HLS_PLAYLIST_TYPE", value_enum, default_value_t = PlaylistType::Live)]
    pub hls_playlist_type: PlaylistType,
    /// How much of a live stream its HLS playlists list, for example 30s or 2h: so far back can players go.
    #[arg(long, visible_alias = "hls-playlist-length", env = "STREAMCORE_HLS_WINDOW", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub hls_window: Duration,
    /// Memory for the HLS segments of one stream, for example 512MiB. Past it the window gets shorter; an event ends.
    #[arg(long, env = "STREAMCORE_HLS_MEMORY", value_name = "SIZE", default_value = "512MiB", value_parser = size)]
    pub hls_memory: usize,
    /// How long HLS players wait for a publisher who was cut off: who is back in time goes on in the same playlist.
    #[arg(long, env = "STREAMCORE_HLS_RECONNECT", value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub hls_reconnect: Duration,
    /// How long HLS stays to be read after the publisher's end.
    #[arg(long, env = "STREAMCORE_HLS_LINGER", value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub hls_linger: Duration,
    /// Ends of names, such as `_1080,_720,_480`, best first: the streams `demo_1080`, `demo_720` and so on are also the variants of one
    /// HLS and DASH stream `demo`, between which players choose. At most 16.
    #[arg(long, env = "STREAMCORE_HLS_VARIANT", value_name = "SUFFIXES", value_parser = variants)]
    pub hls_variant: Option<Words>,
    /// Offer sound without pictures to HLS players as the last variant, for connections that carry no more.
    #[arg(long, env = "STREAMCORE_HLS_AUDIO_VARIANT", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set)]
    pub hls_audio_variant: bool,
    /// Who gets a name that is being published, of two who know it.
    #[arg(long, env = "STREAMCORE_TAKEOVER", value_enum, default_value_t = TakeoverArg::Reconnecting)]
    pub takeover: TakeoverArg,
    /// How long RTMP players' messages may be gathered, so that fewer and larger writes are made: 0 sends each at once; 50ms
    /// saves a good part of the CPU time.
    #[arg(long, env = "STREAMCORE_RTMP_LATENCY", value_name = "TIME", default_value = "0", value_parser = latency)]
    pub rtmp_latency: Duration,
    /// How long what a publisher sends may lie in its socket while nobody plays the stream and it goes to no other server, so that
    /// several messages are read at once; 0 reads each at once.
    #[arg(long, env = "STREAMCORE_INGEST_LATENCY", value_name = "TIME", default_value = "50ms", value_parser = latency)]
    pub ingest_latency: Duration,
    /// Addresses that may publish and play.
    #[command(flatten)]
    pub addresses: crate::access::address::AddressArgs,
    /// Who is asked and told.
    #[command(flatten)]
    pub hooks: crate::hooks::AppHookArgs,
    /// Where streams go to and come from.
    #[command(flatten)]
    pub relay: crate::relay::RelayArgs,
    /// Time without a message of its publisher after which a stream ends, as if the publisher had been cut off.
    #[arg(long, env = "STREAMCORE_DROP_IDLE_PUBLISHER", value_name = "TIME", value_parser = duration)]
    pub drop_idle_publisher: Option<Duration>,
    /// What is recorded.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Who gets a name that is being published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TakeoverArg {
    /// The first.
    Refuse,
    /// The first, unless the second is a client that reconnects on request.
    Reconnecting,
    /// The second.
    Always,
}

impl From<TakeoverArg> for Takeover {
    fn from(arg: TakeoverArg) -> Self {
        match arg {
            TakeoverArg::Refuse => Self::Refuse,
            TakeoverArg::Reconnecting => Self::Reconnecting,
            TakeoverArg::Always => Self::Always,
        }
    }
}

/// Length of a part; `None` for HLS without parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartDuration(pub Option<Duration>);

/// What becomes of old segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlaylistType {
    /// They slide out of the window.
    Live,
    /// They stay.
    Event,
}

/// Reads the ends of names.
fn variants(text: &str) -> Result<Words, String> {
    let words: Words = text.replace(',', " ").parse()?;
    if words.0.len() > 16 {
        return Err("there are more than 16".into());
    }
    let unfit = words.0.iter().find(|word| word.is_empty() || word.contains('/'));
    match unfit {
        Some(word) => Err(format!("`{word}` is no end of a name")),
        None => Ok(words),
    }
}

/// Reads `off`, or a time that is of use for a part.
fn part_duration(text: &str) -> Result<PartDuration, String> {
    if matches!(text.trim(), "off" | "0") {
        return Ok(PartDuration(None));
    }
    let part = duration(text)?;
    if !(Duration::from_millis(50)..=Duration::from_secs(5)).contains(&part) {
        return Err(format!("`{text}` is not between 50ms and 5s"));
    }
    Ok(PartDuration(Some(part)))
}

/// Reads a time that media can be late by without harm, or `0`.
fn latency(text: &str) -> Result<Duration, String> {
    if text.trim() == "0" {
        return Ok(Duration::ZERO);
    }
    let latency = duration(text)?;
    if latency > Duration::from_secs(1) {
        return Err(format!("`{text}` is not between 0 and 1s"));
    }
    Ok(latency)
}

/// Reads `512MiB`, `2G`, `100kB` or a bare number of bytes.
pub fn size(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit: usize = match unit.trim() {
        "" | "B" => 1,
        "k" | "kB" => 1000,
        "KiB" => 1 << 10,
        "M" | "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "G" | "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => return Err(format!("`{unit}` is not one of kB, KiB, MB, MiB, GB, GiB")),
    };
    let bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    bytes
        .filter(|&bytes| bytes >= 1 << 20)
        .ok_or(format!("`{text}` is not a size of at least 1MiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_off_or_of_a_useful_length() {
        assert_eq!(part_duration("off"), Ok(PartDuration(None)));
        assert_eq!(part_duration("0"), Ok(PartDuration(None)));
        assert_eq!(part_duration("0.5"), Ok(PartDuration(Some(Duration::from_millis(500)))));
        for bad in ["1ms", "6s", "on", ""] {
            assert!(part_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn latency_is_none_or_short() {
        assert_eq!(latency("0"), Ok(Duration::ZERO));
        assert_eq!(latency("50ms"), Ok(Duration::from_millis(50)));
        assert!(latency("2s").is_err() && latency("-1ms").is_err());
    }

    #[test]
    fn sizes_have_units_and_a_least() {
        assert_eq!(size("512MiB"), Ok(512 << 20));
        assert_eq!((size("2 GB"), size("1048576")), (Ok(2_000_000_000), Ok(1 << 20)));
        for bad in ["", "1kB", "-1MiB", "MiB", "1TB", "99999999999999999999", "99999999999GiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
