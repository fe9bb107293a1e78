//! The settings as text: every key with the value that counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Config;
use super::file::Scope;
use super::options::{Schema, Values};

/// What is written behind `=`, by key.
pub type Shown = BTreeMap<String, String>;

/// The value of every key that has one.
pub fn shown(schema: &Schema, layers: &[&Values], scope: &Scope<'_>) -> Shown {
    let mut shown = Shown::new();
    for key in schema.keys() {
        let texts: Vec<String> = match Schema::value(layers, key) {
            Some(value) if schema.is_switch(key) => vec![(!value.texts.is_empty()).to_string()],
            Some(value) => value.texts.iter().map(|text| text.to_string_lossy().into()).collect(),
            None => schema.default(key).into_iter().collect(),
        };
        let secret = schema.find(key).is_some_and(clap::Arg::is_hide_env_values_set);
        let quoted: Vec<String> = texts
            .iter()
            .map(|text| value(&if secret { hidden(text) } else { text.clone() }))
            .collect();
        match quoted.as_slice() {
            [] => {}
            [one] => drop(shown.insert(key.to_owned(), one.clone())),
            several => drop(shown.insert(key.to_owned(), format!("[{}]", several.join(", ")))),
        }
    }
    shown.extend(scope.raw_tables());
    shown
}

/// The whole configuration as TOML: every key of the server, and for each application what is its own.
pub fn print(config: &Config) -> String {
    let mut text = String::new();
    for (key, value) in &config.values {
        let _ = writeln!(text, "{key} = {value}");
    }
    for (name, values) in &config.app_values {
        let _ = writeln!(text, "\n[applications.{}]", bare(name));
        for (key, value) in
            values.iter().filter(|(key, value)| config.values.get(*key) != Some(value))
        {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    text
}

/// What may be seen of a secret, or of a URL with a key in it.
fn hidden(text: &str) -> String {
    text.parse::<crate::relay::PushUrl>().map_or_else(|_| "…".into(), |url| url.to_string())
}

fn value(text: &str) -> String {
    match text {
        "true" | "false" => text.to_owned(),
        _ => toml::Value::from(text).to_string(),
    }
}

/// A name as it stands in a key.
pub fn bare(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let plain = !name.is_empty() && name.chars().all(bare);
    if plain { name.to_owned() } else { toml::Value::from(name).to_string() }
}
