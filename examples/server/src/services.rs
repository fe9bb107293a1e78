//! What streams and connections share beside the media: who may, who is told, and where else it goes.

use std::sync::Arc;

use crate::access::{Admission, Rates, Step, WebPlayers};
use crate::hooks::{HookStep, Hooks};

/// All of it, for the run of the server.
#[derive(Debug)]
pub struct Services {
    pub admission: Arc<Admission>,
    pub hooks: Arc<Hooks>,
    pub takeovers: Rates,
    pub web: WebPlayers,
}

impl Services {
    /// Services with these steps of admission ahead of the hooks.
    pub fn new(mut steps: Vec<Arc<dyn Step>>, hooks: Arc<Hooks>) -> Self {
        steps.push(Arc::new(HookStep(hooks.clone())));
        Self {
            admission: Arc::new(Admission::new(steps)),
            hooks,
            takeovers: Rates::default(),
            web: WebPlayers::default(),
        }
    }
}
