//! Keys as a step of admission.

use std::sync::Arc;

use super::{Denied, Keys, Require};
use crate::access::{Action, Ask, Checked, Grant, Protocol, Reason, Refused, Step};
use crate::names;

/// Looks up the keys of publishers, and the playback ids of players over RTMP. Players over HTTP show theirs with each request,
/// which is judged where it is answered.
#[derive(Debug)]
pub struct KeyStep {
    keys: Arc<Keys>,
    require: Require,
}

impl KeyStep {
    /// Keys are asked of those that `require` says.
    pub fn new(keys: Arc<Keys>, require: Require) -> Self {
        Self { keys, require }
    }

    fn publish(&self, ask: &Ask, grant: &mut Grant) -> Result<(), Refused> {
        let asked = (ask.app.as_str(), ask.name.as_str(), ask.query.as_str());
        match self.keys.publish(asked, ask.client.address.ip(), self.require) {
            Ok(None) => Ok(()),
            Ok(Some(granted)) => {
                name(grant, &granted.path);
                grant.identity = Some(granted.stream.clone());
                grant.stream = Some(granted.stream);
                Ok(())
            }
            Err(why) => Err(Refused::denied(why.text())),
        }
    }

    fn play(&self, ask: &Ask, grant: &mut Grant) -> Result<(), Refused> {
        let path = if ask.app.is_empty() { ask.name.clone() } else { format!("{}/{}", ask.app, ask.name) };
        match self.keys.play(&path, &ask.query) {
            Ok(path) => {
                name(grant, &path);
                Ok(())
            }
            Err(Denied::NotFound) => {
                Err(Refused { reason: Reason::NotFound, text: Denied::NotFound.text().into() })
            }
            Err(why) => Err(Refused::denied(why.text())),
        }
    }
}

impl Step for KeyStep {
    fn check<'a>(&'a self, ask: &'a Ask, grant: &'a mut Grant) -> Checked<'a> {
        let checked = match ask.action {
            Action::Publish { .. } => self.publish(ask, grant),
            Action::Play { .. } if ask.client.protocol != Protocol::Http => self.play(ask, grant),
            _ => Ok(()),
        };
        Box::pin(std::future::ready(checked))
    }

    fn asks_web(&self) -> bool {
        false
    }
}

fn name(grant: &mut Grant, path: &str) {
    let (app, name) = names::split(path);
    (grant.app, grant.name) = (app.to_owned(), name.to_owned());
}
