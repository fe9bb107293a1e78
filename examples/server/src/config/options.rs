//! The options of the command line as keys of the file: one list, one reader of values, one text for help.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::ffi::OsString;
use std::ops::Range;

use clap::builder::{OsStr, Resettable};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use toml::de::DeValue;

/// Options that are no keys: they are of one run, or another option says the same.
const NO_KEYS: [&str; 3] = ["config", "no_record", "help"];

/// The value of a key as an option has it: one text for each time that the option would be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub texts: Vec<OsString>,
    /// Where it stands in the file.
    pub span: Option<Range<usize>>,
}

/// Values by key.
pub type Values = BTreeMap<String, Value>;

/// A set of options that may be keys.
#[derive(Clone, Debug)]
pub struct Schema(Command);

impl Schema {
    /// The options of `A`. What the environment says is no part of it: that was looked at when the program started.
    pub fn of<A: Args>() -> Self {
        let command = Command::new("streamcore").no_binary_name(true).disable_help_flag(true);
        Self(A::augment_args(command).mut_args(|arg| arg.env(Resettable::<OsStr>::Reset)))
    }

    /// All keys, without other names for them.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let arguments = self.0.get_arguments().map(|arg| arg.get_id().as_str());
        arguments.filter(|key| !NO_KEYS.contains(key))
    }

    /// The option that `key`, or another name for it, stands for.
    pub fn find(&self, key: &str) -> Option<&Arg> {
        let long = key.replace('_', "-");
        self.0.get_arguments().find(|arg| {
            let names = arg.get_all_aliases().unwrap_or_default();
            !key.contains('-')
                && !NO_KEYS.contains(&arg.get_id().as_str())
                && (arg.get_id().as_str() == key || names.contains(&long.as_str()))
        })
    }

    /// Reads a key's value and says what is wrong with it.
    pub fn read(
        &self,
        arg: &Arg,
        value: &DeValue<'_>,
        span: Range<usize>,
    ) -> Result<Value, String> {
        let texts = texts(arg, value)?;
        let value = Value { texts, span: Some(span) };
        let alone = Values::from([(arg.get_id().to_string(), value.clone())]);
        match self.0.clone().try_get_matches_from(self.arguments(&[&alone])) {
            Ok(_) => Ok(value),
            Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => Ok(value),
            Err(error) => Err(explain(&error)),
        }
    }

    /// Puts layers together; the first that has a key counts.
    ///
    /// # Errors
    /// Values that do not go together, with the key that was looked at.
    pub fn parse<A: FromArgMatches>(&self, layers: &[&Values]) -> Result<A, (String, String)> {
        let parsed = self.0.clone().try_get_matches_from(self.arguments(layers));
        parsed.and_then(|matches| A::from_arg_matches(&matches)).map_err(|error| {
            let key = match error.get(ContextKind::InvalidArg) {
                Some(ContextValue::String(option)) => {
                    let name = option.trim_start_matches('-');
                    let end = name.find([' ', '=', '[']).unwrap_or(name.len());
                    name.get(..end).unwrap_or_default().replace('-', "_")
                }
                _ => String::new(),
            };
            (key, explain(&error))
        })
    }

    /// The value that counts for a key.
    pub fn value<'a>(layers: &[&'a Values], key: &str) -> Option<&'a Value> {
        layers.iter().find_map(|layer| layer.get(key))
    }

    fn arguments(&self, layers: &[&Values]) -> Vec<OsString> {
        let mut arguments = Vec::new();
        for arg in self.0.get_arguments() {
            let key = arg.get_id().as_str();
            let (Some(value), Some(long)) = (Self::value(layers, key), arg.get_long()) else {
                continue;
            };
            for text in &value.texts {
                let mut argument = OsString::from(format!("--{long}"));
                if !is_switch(arg) {
                    argument.push("=");
                    argument.push(text);
                }
                arguments.push(argument);
            }
        }
        arguments
    }

    /// What of these options the command line or the environment gave.
    pub fn given(&self, matches: &ArgMatches) -> Values {
        let mut given = Values::new();
        for arg in self.0.get_arguments() {
            let key = arg.get_id().as_str();
            let from = matches.value_source(key);
            if !matches!(from, Some(ValueSource::CommandLine | ValueSource::EnvVariable)) {
                continue;
            }
            let texts = match matches.get_raw(key) {
                _ if is_switch(arg) => {
                    matches.get_flag(key).then(|| "true".into()).into_iter().collect()
                }
                raw => raw.into_iter().flatten().map(OsString::from).collect(),
            };
            given.insert(key.to_owned(), Value { texts, span: None });
        }
        if given.remove("no_record").is_some_and(|value| !value.texts.is_empty()) {
            given.insert("record".into(), Value { texts: vec!["off".into()], span: None });
        }
        given
    }

    /// Whether a key is true or false, and its option has no value.
    pub fn is_switch(&self, key: &str) -> bool {
        self.find(key).is_some_and(is_switch)
    }

    /// The default of a key, as text.
    pub fn default(&self, key: &str) -> Option<String> {
        let arg = self.find(key)?;
        if is_switch(arg) {
            return Some("false".into());
        }
        Some(arg.get_default_values().first()?.to_string_lossy().into_owned())
    }
}

/// Whether an option is given without a value.
fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

fn texts(arg: &Arg, value: &DeValue<'_>) -> Result<Vec<OsString>, String> {
    let one = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Ok(OsString::from(text.as_ref())),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(|number| number.to_string().into())
            .map_err(|_| format!("{number} is too large")),
        DeValue::Float(number) => Ok(number.as_str().into()),
        DeValue::Boolean(yes) => Ok(yes.to_string().into()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            Err("is not of a kind that fits here: a text, a number or true or false does".into())
        }
    };
    match value {
        DeValue::Boolean(yes) if is_switch(arg) => {
            Ok(yes.then(|| "true".into()).into_iter().collect())
        }
        _ if is_switch(arg) => Err("is neither true nor false".into()),
        DeValue::Array(values) if matches!(arg.get_action(), ArgAction::Append) => {
            values.iter().map(|value| one(value.get_ref())).collect()
        }
        // Words of one option: as they would stand between quotes on the command line.
        DeValue::Array(values) => {
            let mut words = Vec::new();
            for value in values {
                words.push(one(value.get_ref())?.to_string_lossy().into_owned());
            }
            let words = shlex::try_join(words.iter().map(String::as_str));
            Ok(vec![words.map_err(|_| "holds a NUL".to_owned())?.into()])
        }
        value => Ok(vec![one(value)?]),
    }
}

/// What is wrong with a value, without the words of a command line.
pub fn explain(error: &clap::Error) -> String {
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.as_str(),
        _ => "",
    };
    if let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue)
        && !valid.is_empty()
    {
        return format!("`{value}` is not one of {}", valid.join(", "));
    }
    match error.source().map(ToString::to_string) {
        Some(reason) if reason.contains('`') => reason,
        Some(reason) => format!("`{value}`: {reason}"),
        None if value.is_empty() && error.kind() == ErrorKind::InvalidValue => {
            "needs a value".into()
        }
        None => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.trim_start_matches("error: ").to_owned()
        }
    }
}
