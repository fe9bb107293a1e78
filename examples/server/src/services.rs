//! What streams and connections share beside the media: who may, who is told, and where else it goes.

use std::sync::Arc;

use crate::access::{Admission, Rates, Step, WebPlayers};
use crate::events::Bus;
use crate::hooks::{HookStep, Hooks};
use crate::relay::Relay;

/// All of it, for the run of the server.
#[derive(Debug)]
pub struct Services {
    pub admission: Arc<Admission>,
    pub hooks: Arc<Hooks>,
    pub takeovers: Rates,
    pub web: WebPlayers,
    pub bus: Bus,
    pub relay: Arc<Relay>,
}

impl Services {
    /// Services with these steps of admission ahead of the hooks.
    pub fn new(
        mut steps: Vec<Arc<dyn Step>>,
        hooks: Arc<Hooks>,
        bus: Bus,
        relay: Arc<Relay>,
    ) -> Self {
        steps.push(Arc::new(HookStep(hooks.clone())));
        Self {
            admission: Arc::new(Admission::new(steps)),
            hooks,
            takeovers: Rates::default(),
            web: WebPlayers::default(),
            bus,
            relay,
        }
    }
}
