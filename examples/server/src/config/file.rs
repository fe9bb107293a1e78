//! The file: its keys with their places, before anything is made of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::options::{Schema, Values};
use super::problem::{Problem, nearest};
use crate::cli::{AppArgs, ServeArgs};

/// Keys that are tables, or lists of them. A key may be both an option and one of these: then its form decides.
const TABLES: [&str; 1] = ["recorders"];
/// The table of applications.
const APPLICATIONS: &str = "applications";

/// The text of a file, to say where something is.
#[derive(Clone, Debug)]
pub struct Source {
    pub file: PathBuf,
    pub text: String,
}

impl Source {
    /// A problem at a place in the file.
    pub fn problem(
        &self,
        span: &Range<usize>,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> Problem {
        Problem::new(key, message).at(&self.file, &self.text, span)
    }
}

/// Keys of the whole server or of one application.
#[derive(Clone, Debug, Default)]
pub struct Scope<'a> {
    /// `applications.NAME.`, or nothing.
    pub prefix: String,
    pub values: Values,
    tables: BTreeMap<String, Spanned<DeValue<'a>>>,
}

impl<'a> Scope<'a> {
    /// Tables as they stand there, each in one line.
    pub fn raw_tables(&self) -> impl Iterator<Item = (String, String)> {
        self.tables.iter().filter_map(|(key, value)| {
            let value = toml::Value::deserialize(ValueDeserializer::from(value.clone())).ok()?;
            Some((key.clone(), value.to_string()))
        })
    }

    /// The table `key` of this scope, read as `T`. What is wrong with it goes to `problems`.
    pub fn table<T: DeserializeOwned>(
        &self,
        key: &str,
        source: &Source,
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        let value = self.tables.get(key)?;
        T::deserialize(ValueDeserializer::from(value.clone()))
            .map_err(|error| {
                let span = error.span().unwrap_or_else(|| value.span());
                let key = format!("{}{key}", self.prefix);
                problems.push(source.problem(&span, key, unknown_field(error.message())));
            })
            .ok()
    }
}

/// All keys of a file.
#[derive(Clone, Debug, Default)]
pub struct Document<'a> {
    pub top: Scope<'a>,
    pub applications: BTreeMap<String, Scope<'a>>,
}

impl<'a> Document<'a> {
    /// Reads the text of `source`; what is wrong goes to `problems`.
    pub fn read(
        source: &'a Source,
        server: &Schema,
        app: &Schema,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let (root, errors) = DeTable::parse_recoverable(&source.text);
        if !errors.is_empty() {
            let wrong = errors.iter().map(|error| {
                source.problem(&error.span().unwrap_or_default(), "", error.message().trim())
            });
            problems.extend(wrong);
            return Self::default();
        }
        let mut root = root.into_inner();
        let applications = root.remove(APPLICATIONS);
        let reader = Reader { source, schema: server, others: None };
        let top = reader.scope(String::new(), &root, problems);
        let reader = Reader { source, schema: app, others: Some(server) };
        let applications = match &applications {
            None => BTreeMap::new(),
            Some(value) => reader.applications(value, problems),
        };
        Self { top, applications }
    }
}

struct Reader<'r> {
    source: &'r Source,
    schema: &'r Schema,
    /// What may stand at the top, where this is below it.
    others: Option<&'r Schema>,
}

impl Reader<'_> {
    fn applications<'a>(
        &self,
        value: &Spanned<DeValue<'a>>,
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<String, Scope<'a>> {
        let mut all = BTreeMap::new();
        let DeValue::Table(table) = value.get_ref() else {
            problems.push(self.source.problem(
                &value.span(),
                APPLICATIONS,
                "is a table with a table for each application: [applications.live]",
            ));
            return all;
        };
        for (name, value) in table {
            let key = format!("{APPLICATIONS}.{}", name.get_ref());
            let DeValue::Table(table) = value.get_ref() else {
                problems.push(self.source.problem(&name.span(), key, "is a table"));
                continue;
            };
            if !crate::names::is_publishable(name.get_ref()) {
                let message = "is no name that an application may have";
                problems.push(self.source.problem(&name.span(), key, message));
                continue;
            }
            all.insert(name.get_ref().to_string(), self.scope(format!("{key}."), table, problems));
        }
        all
    }

    fn scope<'a>(
        &self,
        prefix: String,
        table: &DeTable<'a>,
        problems: &mut Vec<Problem>,
    ) -> Scope<'a> {
        let mut scope = Scope { prefix, ..Scope::default() };
        for (name, value) in table {
            let key = name.get_ref().as_ref();
            let span = name.span();
            if TABLES.contains(&key) && has_tables(value.get_ref()) {
                scope.tables.insert(key.to_owned(), value.clone());
                continue;
            }
            let read = match self.schema.find(key) {
                None => Err(self.unknown(key)),
                Some(arg) => {
                    let read = self.schema.read(arg, value.get_ref(), span.clone());
                    read.and_then(|value| {
                        match scope.values.insert(arg.get_id().to_string(), value) {
                            None => Ok(()),
                            Some(_) => Err(format!(
                                "is {} by another name: one of both is enough",
                                arg.get_id()
                            )),
                        }
                    })
                }
            };
            if let Err(message) = read {
                problems.push(self.source.problem(
                    &span,
                    format!("{}{key}", scope.prefix),
                    message,
                ));
            }
        }
        scope
    }

    fn unknown(&self, key: &str) -> String {
        if self.others.is_some_and(|server| server.find(key).is_some()) {
            return "is of the whole server: it stands above the first table".into();
        }
        no_such_key(key, self.schema.keys().chain(TABLES))
    }
}

fn no_such_key<'k>(key: &str, known: impl Iterator<Item = &'k str>) -> String {
    match nearest(key, known) {
        Some(meant) => format!("there is no such key; did you mean {meant}?"),
        None => "there is no such key".into(),
    }
}

/// What serde says, with unknown fields told of as unknown keys are.
fn unknown_field(message: &str) -> String {
    let mut names = message.split('`').skip(1).step_by(2);
    match (message.starts_with("unknown field"), names.next()) {
        (true, Some(field)) => format!("{field}: {}", no_such_key(field, names)),
        _ => message.to_owned(),
    }
}

fn has_tables(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::Table(_) => true,
        DeValue::Array(values) => {
            values.iter().any(|value| matches!(value.get_ref(), DeValue::Table(_)))
        }
        _ => false,
    }
}

/// Reads a file whole.
pub fn read(file: &Path) -> Result<Source, Problem> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Source { file: file.to_owned(), text }),
        Err(error) => {
            Err(Problem::new("", format!("the configuration cannot be read: {error}"))
                .in_file(file))
        }
    }
}

/// The keys that there are, for those who write a file.
#[derive(Clone, Debug)]
pub struct Keys {
    server: Schema,
    app: Schema,
}

impl Keys {
    /// Those of this program.
    pub fn new() -> Self {
        Self { server: Schema::of::<ServeArgs>(), app: Schema::of::<AppArgs>() }
    }

    /// Whether there is such a key.
    pub fn has(&self, key: &str) -> bool {
        self.server.find(key).is_some() || TABLES.contains(&key)
    }

    /// Whether an application may have a value of its own for it.
    pub fn has_by_application(&self, key: &str) -> bool {
        self.app.find(key).is_some() || TABLES.contains(&key)
    }

    /// Whether a key can have that value, which is written as in a file.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, key: &str, value: &str) -> Result<(), String> {
        let value = DeValue::parse(value).map_err(|error| error.message().to_owned())?;
        let Some(arg) = self.server.find(key) else { return Ok(()) };
        self.server.read(arg, value.get_ref(), 0..0).map(|_| ())
    }
}
