//! Live streams as the API shows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether an address has to be signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Whoever knows the playback id plays.
    #[default]
    Public,
    /// The address must be signed, and has an end.
    Signed,
}

/// How far behind the publisher players are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LatencyMode {
    /// HLS in parts, as the server is set up.
    #[default]
    Low,
    /// HLS in whole segments.
    Standard,
}

/// What becomes of recordings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssetSettings {
    /// Whether addresses of recordings have to be signed.
    #[serde(default)]
    pub playback_policy: Policy,
}

/// What is set for a live stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Settings {
    /// Seconds that players wait for a publisher who was cut off; the server's own setting where it is missing.
    #[schema(minimum = 0.0, maximum = 1800.0)]
    pub reconnect_window: Option<f64>,
    pub latency_mode: LatencyMode,
    pub new_asset_settings: AssetSettings,
    /// Anything of the caller's own, up to 255 characters.
    pub passthrough: Option<String>,
}

/// What a change sets; what is missing stays as it is.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// Seconds that players wait for a publisher who was cut off.
    #[schema(minimum = 0.0, maximum = 1800.0)]
    pub reconnect_window: Option<f64>,
    pub latency_mode: Option<LatencyMode>,
    pub new_asset_settings: Option<AssetSettings>,
    /// Anything of the caller's own, up to 255 characters.
    #[schema(max_length = 255)]
    pub passthrough: Option<String>,
}

/// An id that players use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlaybackId {
    pub id: String,
    pub policy: Policy,
}

/// A key to publish with, as far as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StreamKey {
    pub id: String,
    /// Its last four characters.
    pub hint: String,
    /// Seconds since 1970.
    pub created_at: i64,
    pub enabled: bool,
    /// Id of its live stream.
    #[serde(skip)]
    pub stream: String,
}

/// A live stream.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveStream {
    /// Grows with each stream.
    pub seq: i64,
    pub id: String,
    /// Path that it goes live under.
    pub path: String,
    /// Seconds since 1970.
    pub created: i64,
    pub disabled: bool,
    pub deleted: bool,
    pub settings: Settings,
    pub keys: Vec<StreamKey>,
    pub playback_ids: Vec<PlaybackId>,
}

impl Settings {
    /// The settings with `changes`; what is wrong with them where they cannot be.
    pub fn with(&self, changes: Changes) -> Result<Self, String> {
        if let Some(window) = changes.reconnect_window
            && !(0.0..=1800.0).contains(&window)
        {
            return Err(format!("reconnect_window is {window}, not between 0 and 1800 seconds"));
        }
        if changes.passthrough.as_ref().is_some_and(|text| text.chars().count() > 255) {
            return Err("passthrough has more than 255 characters".into());
        }
        Ok(Self {
            reconnect_window: changes.reconnect_window.or(self.reconnect_window),
            latency_mode: changes.latency_mode.unwrap_or(self.latency_mode),
            new_asset_settings: changes
                .new_asset_settings
                .unwrap_or_else(|| self.new_asset_settings.clone()),
            passthrough: changes.passthrough.or_else(|| self.passthrough.clone()),
        })
    }
}
