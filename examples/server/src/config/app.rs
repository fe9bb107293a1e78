//! The settings of one application.

use std::sync::Arc;
use std::time::Duration;

use streamcore::dash;
use streamcore::hls::{self, MuxerConfig};
use streamcore::limits::Limits;
use streamcore::live::Takeover;

use crate::access::address::Rule;
use crate::cli::{AppArgs, PlaylistType};
use crate::hooks::AppHookArgs;
use crate::hub::TIME_URL;
use crate::recorder::config::RecordConfig;
use crate::relay::RelayArgs;

/// What holds for the streams of one application.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// Whether streams may be published.
    pub live: bool,
    /// The same for all, since all memory is counted together.
    pub limits: Limits,
    pub hls: MuxerConfig,
    /// Whether there is HLS at all.
    pub makes_hls: bool,
    pub hls_reconnect: Duration,
    pub hls_linger: Duration,
    /// Ends of names that make streams the variants of one, best first.
    pub hls_variants: Vec<String>,
    pub takeover: Takeover,
    /// How long messages may be gathered into one write to an RTMP player.
    pub rtmp_latency: Duration,
    /// How long what a publisher sends may wait to be read while nobody waits for it.
    pub ingest_latency: Duration,
    pub addresses: Vec<Rule>,
    pub hooks: AppHookArgs,
    pub relay: RelayArgs,
    pub drop_idle_publisher: Option<Duration>,
    /// Its recorders. Those that record nothing are not among them.
    pub record: Vec<Arc<RecordConfig>>,
}

impl AppConfig {
    /// What the options say, and the recorders that were made of them.
    pub fn new(args: &AppArgs, record: Vec<Arc<RecordConfig>>, limits: &Limits) -> Self {
        let mut hls = MuxerConfig::default();
        hls.target_duration = args.hls_segment_duration;
        hls.part_duration = args.hls_part_duration.0;
        hls.window = args.hls_window;
        hls.max_bytes = args.hls_memory;
        hls.audio_variant = args.hls_audio_variant;
        let clocks = vec![dash::Clock::HttpIso(TIME_URL.into())];
        hls.dash = Some(hls::DashConfig { clocks, availability_start: None });
        hls.playlist_type = match args.hls_playlist_type {
            PlaylistType::Live => hls::PlaylistType::Live,
            PlaylistType::Event => hls::PlaylistType::Event,
        };
        Self {
            live: args.live,
            limits: limits.clone(),
            hls,
            makes_hls: args.hls,
            hls_reconnect: args.hls_reconnect,
            hls_linger: args.hls_linger,
            hls_variants: args
                .hls_variant
                .as_ref()
                .map(|words| words.0.clone())
                .unwrap_or_default(),
            takeover: args.takeover.into(),
            rtmp_latency: args.rtmp_latency,
            ingest_latency: args.ingest_latency,
            addresses: args.addresses.rules(),
            hooks: args.hooks.clone(),
            relay: args.relay.clone(),
            drop_idle_publisher: args.drop_idle_publisher,
            record,
        }
    }
}
