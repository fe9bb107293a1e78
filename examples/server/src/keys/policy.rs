//! Whom a key or a token is asked of.

use std::net::IpAddr;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Whom a key, or a token of the API, is asked of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Require {
    /// Of everybody.
    Always,
    /// Of clients on other machines; those on this one are free.
    #[default]
    Remote,
    /// Of nobody: whoever reaches the port is free.
    Never,
}

impl Require {
    /// Whether a client at `peer` is free.
    pub fn is_free(self, peer: IpAddr) -> bool {
        match self {
            Self::Always => false,
            Self::Remote => peer.to_canonical().is_loopback(),
            Self::Never => true,
        }
    }
}

/// The first of the parameters `names` in a raw query, decoded.
pub fn parameter(query: &str, names: &[&str]) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, value)| names.contains(&name.as_ref()) && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}
