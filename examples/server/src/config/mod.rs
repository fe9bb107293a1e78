//! The configuration: flags, environment and one TOML file make the settings of the server and of each application.
//!
//! Every option of `streamcore serve` is a key of the file, and every option in [`AppArgs`] is one of each application's table as well:
//! who adds an option there has added the key. What is no option (tables, lists of tables) is named in `file::TABLES` and read by
//! `Scope::table`. Both become part of [`AppConfig`], which streams get by [`Config::of`].

mod app;
mod check;
mod file;
mod load;
mod options;
mod problem;
mod reload;
mod show;
#[cfg(test)]
mod tests;
mod warn;

use std::collections::BTreeMap;
use std::sync::Arc;

use streamcore::limits::Limits;
use tokio::sync::watch;

use crate::cli::ServeArgs;
use crate::names;
use crate::recorder::config::RecordSettings;

pub use app::AppConfig;
pub use check::{CheckArgs, run as check};
pub use file::Keys;
pub use load::{Given, load};
pub use problem::Problems;
pub use reload::{Hangups, reload_on_hangup};
pub use show::bare;
pub use warn::warnings;

/// All settings, as they are at one time.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is of the whole server.
    pub server: ServeArgs,
    /// The same for the whole run, since all memory is counted together.
    pub limits: Limits,
    /// Of applications that are not named.
    default: Arc<AppConfig>,
    apps: BTreeMap<String, Arc<AppConfig>>,
    /// As text: all keys, and for each application its own.
    values: show::Shown,
    app_values: BTreeMap<String, show::Shown>,
}

impl Config {
    /// The settings of an application.
    pub fn app(&self, name: &str) -> &Arc<AppConfig> {
        self.apps.get(name).unwrap_or(&self.default)
    }

    /// The settings of the application of the stream `path`.
    pub fn of(&self, path: &str) -> &Arc<AppConfig> {
        self.app(names::split(path).0)
    }

    /// The settings of all applications: of those that are named, and of those that are not.
    pub fn all_apps(&self) -> impl Iterator<Item = &Arc<AppConfig>> {
        std::iter::once(&self.default).chain(self.apps.values())
    }

    /// Applications that have settings of their own.
    pub fn app_names(&self) -> impl Iterator<Item = &String> {
        self.apps.keys()
    }

    /// The recorders of all applications.
    pub fn record_settings(&self) -> RecordSettings {
        let apps = self.apps.iter().map(|(name, app)| (name.clone(), app.record.clone()));
        RecordSettings { default: self.default.record.clone(), apps: apps.collect() }
    }
}

/// The settings as they are now: a reload puts others in their place, which hold for what begins from then on.
#[derive(Clone, Debug)]
pub struct Shared(watch::Sender<Arc<Config>>);

impl Shared {
    /// The settings of the start.
    pub fn new(config: Config) -> Self {
        Self(watch::Sender::new(Arc::new(config)))
    }

    /// The settings now.
    pub fn get(&self) -> Arc<Config> {
        self.0.borrow().clone()
    }

    /// Puts others in their place.
    pub fn set(&self, config: Config) {
        self.0.send_replace(Arc::new(config));
    }
}
