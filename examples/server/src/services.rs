//! What streams and connections share beside the media: who may, who is told, and where else it goes.

use std::sync::Arc;

use crate::access::address::Addresses;
use crate::access::key::KeyStep;
use crate::access::{Admission, Rates, Step, WebPlayers};
use crate::config::Shared;
use crate::events::{Bus, Journal, Told};
use crate::hooks::{HookStep, Hooks};
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::numbering::Numbering;
use crate::relay::Relay;
use crate::sessions::Sessions;
use crate::store::Store;

/// All of it, for the run of the server.
#[derive(Debug)]
pub struct Services {
    pub admission: Arc<Admission>,
    pub hooks: Arc<Hooks>,
    pub takeovers: Rates,
    pub web: WebPlayers,
    pub bus: Bus,
    pub told: Arc<Told>,
    pub journal: Journal,
    pub relay: Arc<Relay>,
    pub numbering: Arc<Numbering>,
    pub sessions: Sessions,
    pub metrics: Arc<Metrics>,
}

impl Services {
    /// Services that go by `config`, with what outlives the program in `store`.
    ///
    /// # Errors
    /// A file with authorities cannot be used.
    pub fn start(
        config: &Shared,
        store: &Store,
        keys: Arc<Keys>,
        (metrics, numbering): (Arc<Metrics>, Arc<Numbering>),
    ) -> anyhow::Result<Self> {
        let server = config.get().server.clone();
        let (bus, queue) = Bus::new();
        let events = server.events.settings(server.hooks.notify_ca.clone());
        let journal = Journal::start(store.clone(), events, queue, metrics.clone())?;
        let hooks = Hooks::new(config.clone(), metrics.clone())?;
        let relay = Relay::new(config.clone(), bus.clone(), store.clone(), keys.clone())?;
        let keys = KeyStep { keys, config: config.clone() };
        let addresses = Addresses::new(config.clone());
        // Hooks come last: they are asked about what everything else allows.
        let steps: Vec<Arc<dyn Step>> =
            vec![Arc::new(addresses), Arc::new(keys), Arc::new(HookStep(hooks.clone()))];
        Ok(Self {
            admission: Arc::new(Admission::new(steps)),
            hooks,
            takeovers: Rates::default(),
            web: WebPlayers::default(),
            told: Told::new(bus.clone()),
            bus,
            journal,
            relay,
            numbering,
            sessions: Sessions::default(),
            metrics,
        })
    }
}
