//! Stream keys and playback ids as a step of admission.

use std::sync::Arc;

use super::{Action, Ask, Checked, Grant, Protocol, Reason, Refused, Step};
use crate::config::Shared;
use crate::keys::{Denied, Keys};
use crate::names;

/// Looks keys up, and names the stream that a key is for.
#[derive(Debug)]
pub struct KeyStep {
    pub keys: Arc<Keys>,
    pub config: Shared,
}

impl KeyStep {
    fn look(&self, ask: &Ask, grant: &mut Grant) -> Result<(), Refused> {
        let path = match ask.action {
            Action::Connect => return Ok(()),
            // Files over HTTP are looked at one by one.
            Action::Play { .. } if ask.client.protocol == Protocol::Http => return Ok(()),
            Action::Publish { .. } => {
                let asked = (grant.app.as_str(), grant.name.as_str(), ask.query.as_str());
                let require = self.config.get().server.require_key;
                let ip = ask.client.address.ip();
                let granted = self.keys.publish(asked, ip, require);
                match granted.map_err(|why| Refused::denied(why.text()))? {
                    Some(granted) => {
                        // Each key of a live stream has the same right to it.
                        grant.identity = Some(granted.stream.clone());
                        grant.stream = Some(granted.stream);
                        granted.path
                    }
                    None => return Ok(()),
                }
            }
            Action::Play { .. } => self.keys.play(&grant.path(), &ask.query).map_err(|why| {
                let reason =
                    if why == Denied::NotFound { Reason::NotFound } else { Reason::Denied };
                Refused { reason, text: why.text().into() }
            })?,
        };
        let (app, name) = names::split(&path);
        (grant.app, grant.name) = (app.to_owned(), name.to_owned());
        Ok(())
    }
}

impl Step for KeyStep {
    fn check<'a>(&'a self, ask: &'a Ask, grant: &'a mut Grant) -> Checked<'a> {
        let result = self.look(ask, grant);
        Box::pin(std::future::ready(result))
    }

    fn asks_web(&self) -> bool {
        false
    }
}
