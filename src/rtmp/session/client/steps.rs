//! From one connection to the next: redirections, authentication and requests to reconnect.

use super::ClientConfig;
use super::moves::is_internal_host;

/// How far a server has sent a client on, over its connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    redirects: usize,
    /// A server elsewhere named this one, which is on another host.
    moved: bool,
    /// What stands behind application and `tcUrl` for a server that asks who the client is.
    auth: Option<AuthQuery>,
}

#[derive(Clone, Debug)]
pub(super) struct AuthQuery {
    /// Without the question mark; its values are not escaped (A5-32).
    pub(super) text: String,
    /// Whether it answers a challenge: a server that refuses it is not asked again.
    #[cfg(feature = "auth")]
    pub(super) last: bool,
}

impl Steps {
    /// An application or URL with the query of authentication.
    pub(super) fn authorised(&self, text: &str) -> String {
        match &self.auth {
            Some(auth) => {
                let sign = if text.contains('?') { '&' } else { '?' };
                format!("{text}{sign}{}", auth.text)
            }
            None => text.to_owned(),
        }
    }
}

impl ClientConfig {
    /// The configuration for the server that this one redirects to; none past the bound, for what is no URL, and for
    /// what `moves` does not allow.
    pub(super) fn redirected(&self, url: &str) -> Option<Self> {
        if self.steps.redirects >= self.limits.redirects {
            return None;
        }
        let redirects = self.steps.redirects + 1;
        self.moved(url, Steps { redirects, ..Steps::default() })
    }

    /// The configuration for what a server names, where it may name it (F-23).
    fn moved(&self, url: &str, steps: Steps) -> Option<Self> {
        let url = self.url.join(url).ok()?;
        let allowed = self.moves.allows(&self.url, &url);
        let same = url.host.eq_ignore_ascii_case(&self.url.host);
        let moved = self.steps.moved || !(same || is_internal_host(&self.url.host));
        allowed.then(|| Self { url, steps: Steps { moved, ..steps }, ..self.clone() })
    }

    /// Whether a server that is not internal named the host, and not who made the configuration: a driver then asks
    /// [`MovePolicy::allows_address`](super::MovePolicy::allows_address) for each address of it.
    #[must_use]
    pub const fn is_moved(&self) -> bool {
        self.steps.moved
    }

    /// The configuration for a server that asks its client to connect anew; none for what is no URL and for what
    /// `moves` does not allow.
    pub(super) fn reconnected(&self, tc_url: Option<&str>) -> Option<Self> {
        match tc_url {
            Some(tc_url) => self.moved(tc_url, Steps::default()),
            None => {
                let steps = Steps { moved: self.steps.moved, ..Steps::default() };
                Some(Self { steps, ..self.clone() })
            }
        }
    }

    /// The configuration for a server that refused and says in `description` how the client is to say who it is; none
    /// where it does not, where there are no credentials, or where they were refused.
    #[cfg(feature = "auth")]
    pub(super) fn authorised(&self, description: &str, seed: u64) -> Option<Self> {
        let credentials = self.url.credentials.as_ref()?;
        if self.steps.auth.as_ref().is_some_and(|auth| auth.last) {
            return None;
        }
        let auth = super::auth::answer(description, credentials, &self.url.app, seed)?;
        // The first step asks for a challenge; one that leads to itself leads nowhere.
        if !auth.last && self.steps.auth.is_some() {
            return None;
        }
        let steps = Steps { auth: Some(auth), ..self.steps.clone() };
        Some(Self { steps, ..self.clone() })
    }

    #[cfg(not(feature = "auth"))]
    pub(super) const fn authorised(&self, _description: &str, _seed: u64) -> Option<Self> {
        None
    }
}
