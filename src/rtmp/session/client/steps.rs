//! From one connection to the next: redirections, authentication and requests to reconnect.

use super::ClientConfig;

/// How far a server has sent a client on, over its connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    redirects: usize,
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
    /// The configuration for the server that this one redirects to; none past the bound or for what is no URL.
    pub(super) fn redirected(&self, url: &str) -> Option<Self> {
        if self.steps.redirects >= self.limits.redirects {
            return None;
        }
        let url = self.url.join(url).ok()?;
        let steps = Steps { redirects: self.steps.redirects + 1, auth: None };
        Some(Self { url, steps, ..self.clone() })
    }

    /// The configuration for a server that asks its client to connect anew; none for what is no URL.
    pub(super) fn reconnected(&self, tc_url: Option<&str>) -> Option<Self> {
        let url = match tc_url {
            Some(tc_url) => self.url.join(tc_url).ok()?,
            None => self.url.clone(),
        };
        Some(Self { url, steps: Steps::default(), ..self.clone() })
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
