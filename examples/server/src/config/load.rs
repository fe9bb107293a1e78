//! From flags, environment and file to the settings. Of the same key a flag counts most, then the environment, then the file; an
//! application's own table counts more than all that is said for all.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgMatches, Args as _, Command, FromArgMatches as _};
use streamcore::limits::Limits;

use super::file::{self, Document, Scope, Source};
use super::options::{Schema, Values, explain};
use super::problem::{Problem, Problems};
use super::show::shown;
use super::{AppConfig, Config};
use crate::cli::{AppArgs, ServeArgs};
use crate::recorder::options::RecorderOptions;

/// What the command line and the environment gave when the program started.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub file: Option<PathBuf>,
    values: Values,
}

impl Given {
    /// Of a command line that was read.
    pub fn of(matches: &ArgMatches) -> Self {
        let file = ServeArgs::from_arg_matches(matches).ok().and_then(|args| args.config);
        Self { file, values: Schema::of::<ServeArgs>().given(matches) }
    }

    /// Of the environment alone.
    ///
    /// # Errors
    /// The environment gives an option a value that it cannot have.
    pub fn of_environment() -> Result<Self, Problems> {
        let command = ServeArgs::augment_args(Command::new("streamcore"));
        let matches = command.try_get_matches_from(["streamcore"]);
        let wrong = |error: clap::Error| Problems(vec![Problem::new("", explain(&error))]);
        Ok(Self::of(&matches.map_err(wrong)?))
    }
}

/// Reads the file, where there is one, and puts all together. `limits` are those of the run, at a reload.
///
/// # Errors
/// All that is wrong.
pub fn load(given: &Given, limits: Option<Limits>) -> Result<Config, Problems> {
    let source = match &given.file {
        None => Source { file: PathBuf::new(), text: String::new() },
        Some(file) => file::read(file).map_err(|problem| Problems(vec![problem]))?,
    };
    let mut loader = Loader {
        source: &source,
        given: &given.values,
        server: Schema::of::<ServeArgs>(),
        app: Schema::of::<AppArgs>(),
        problems: Vec::new(),
    };
    let config = loader.load(limits);
    match config {
        Some(config) if loader.problems.is_empty() => Ok(config),
        _ => {
            loader.problems.sort();
            Err(Problems(loader.problems))
        }
    }
}

struct Loader<'a> {
    source: &'a Source,
    given: &'a Values,
    server: Schema,
    app: Schema,
    problems: Vec<Problem>,
}

impl<'a> Loader<'a> {
    fn load(&mut self, limits: Option<Limits>) -> Option<Config> {
        let document = Document::read(self.source, &self.server, &self.app, &mut self.problems);
        if !self.problems.is_empty() {
            return None;
        }
        let layers = [self.given, &document.top.values];
        let server = self.server.parse::<ServeArgs>(&layers);
        let server = self.take(server, &layers)?;
        self.check(&server, &layers);
        let limits = limits.unwrap_or_else(|| {
            let mut limits = Limits::default();
            limits.handshake_timeout = server.handshake_timeout;
            limits
        });
        let default = self.application(&Scope::default(), &document.top, &limits)?;
        let (mut apps, mut app_values) = (BTreeMap::new(), BTreeMap::new());
        for (name, scope) in &document.applications {
            apps.insert(name.clone(), self.application(scope, &document.top, &limits)?);
            let layers = [&scope.values, self.given, &document.top.values];
            app_values.insert(name.clone(), shown(&self.app, &layers, scope));
        }
        let values = shown(&self.server, &layers, &document.top);
        Some(Config { server, limits, default, apps, values, app_values })
    }

    /// What no single option can see.
    fn check(&mut self, server: &ServeArgs, layers: &[&Values]) {
        let tls = server.tls_cert.is_some() && server.tls_key.is_some();
        let wanted = [
            ("rtmps_listen", server.rtmps_listen.is_some()),
            ("https_listen", server.net.https_listen.is_some()),
            ("tls_cert", server.tls_cert.is_some()),
            ("tls_key", server.tls_key.is_some()),
        ];
        if let Some((key, _)) = wanted.into_iter().find(|(_, set)| *set && !tls) {
            let message =
                "needs a certificate and its key: tls_cert (--tls-cert) and tls_key (--tls-key)";
            let problem = self.problem(layers, key, message.into());
            self.problems.push(problem);
        }
    }

    /// The settings of an application: its own keys, and those of the top for all that it does not say.
    fn application(
        &mut self,
        own: &Scope<'_>,
        top: &Scope<'_>,
        limits: &Limits,
    ) -> Option<Arc<AppConfig>> {
        let layers = [&own.values, self.given, &top.values];
        let args = self.app.parse::<AppArgs>(&layers);
        let args = self.take(args, &layers)?;
        let named = self.named_recorders(own, top);
        let mut record = args.record.recorders(&named);
        let said = Schema::value(&layers, "record").is_some();
        if !named.is_empty() && !said {
            record.retain(|config| !config.name.is_empty());
        }
        Some(Arc::new(AppConfig::new(&args, record, limits)))
    }

    fn named_recorders(
        &mut self,
        own: &Scope<'_>,
        top: &Scope<'_>,
    ) -> BTreeMap<String, RecorderOptions> {
        let scopes = [own, top].into_iter();
        scopes
            .filter_map(|scope| scope.table("recorders", self.source, &mut self.problems))
            .next()
            .unwrap_or_default()
    }

    fn take<A>(&mut self, parsed: Result<A, (String, String)>, layers: &[&Values]) -> Option<A> {
        parsed
            .map_err(|(key, message)| {
                let problem = self.problem(layers, &key, message);
                self.problems.push(problem);
            })
            .ok()
    }

    fn problem(&self, layers: &[&Values], key: &str, message: String) -> Problem {
        let span = Schema::value(layers, key).and_then(|value| value.span.as_ref());
        match span {
            Some(span) => self.source.problem(span, key, message),
            None => Problem::new(key, message),
        }
    }
}
