//! From nginx-rtmp's directives to our keys.

use std::fmt::Write as _;

use anyhow::bail;

use super::parse::Directive;
use super::reasons;
use crate::config::Keys;

/// What came of a configuration.
#[derive(Debug, Default)]
pub struct Converted {
    top: Table,
    applications: Vec<Application>,
    /// Directives that are not in it, with place and reason.
    pub missing: Vec<String>,
    /// Directives that need not be in it.
    needless: Vec<String>,
}

#[derive(Debug)]
struct Application {
    name: String,
    keys: Table,
    recorders: Vec<(String, Table)>,
}

/// Keys and values as they are written.
type Table = Vec<(String, String)>;

impl Converted {
    /// The configuration as TOML.
    pub fn text(&self) -> String {
        let mut text =
            String::from("# Made of an nginx configuration by `streamcore config-from-nginx`.\n");
        let notes = [("Not carried over:", &self.missing), ("Not needed:", &self.needless)];
        for (title, notes) in notes.into_iter().filter(|(_, notes)| !notes.is_empty()) {
            let _ = writeln!(text, "#\n# {title}");
            for note in notes {
                let _ = writeln!(text, "#   {}", note.replace(['\n', '\r'], " "));
            }
        }
        text.push('\n');
        table(&mut text, &self.top);
        for Application { name, keys, recorders } in &self.applications {
            let name = crate::config::bare(name);
            let _ = writeln!(text, "\n[applications.{name}]");
            table(&mut text, keys);
            for (recorder, keys) in recorders {
                let recorder = crate::config::bare(recorder);
                let _ = writeln!(text, "\n[applications.{name}.recorders.{recorder}]");
                table(&mut text, keys);
            }
        }
        text
    }
}

fn table(text: &mut String, keys: &Table) {
    for (key, value) in keys {
        let _ = writeln!(text, "{key} = {value}");
    }
}

/// Converts the `rtmp` block, and what of `http` belongs to it.
///
/// # Errors
/// There is no `rtmp` block.
pub fn convert(directives: &[Directive]) -> anyhow::Result<Converted> {
    let mut converter =
        Converter { keys: Keys::new(), in_application: false, out: Converted::default() };
    let mut found = false;
    for directive in directives {
        match directive.name.as_str() {
            "rtmp" => {
                found = true;
                converter.rtmp(&directive.block);
            }
            "http" => converter.http(&directive.block),
            _ => {}
        }
    }
    if !found {
        bail!("there is no rtmp block");
    }
    Ok(converter.out)
}

struct Converter {
    keys: Keys,
    /// What is read stands within an application.
    in_application: bool,
    out: Converted,
}

impl Converter {
    fn rtmp(&mut self, block: &[Directive]) {
        // In nginx-rtmp nothing is live, made into HLS or recorded unless it is said; recordings are FLV.
        let mut top: Table = Vec::new();
        let mut applications: Vec<Application> = Vec::new();
        let servers: Vec<&Directive> = block.iter().filter(|one| one.name == "server").collect();
        let outer: Vec<&Directive> = block.iter().filter(|one| one.name != "server").collect();
        let inner = servers.iter().flat_map(|server| &server.block);
        let (apps, own): (Vec<&Directive>, Vec<&Directive>) =
            inner.partition(|one| one.name == "application");
        self.scope(&mut top, outer.into_iter().chain(own));
        for (key, value) in [
            ("live", "false"),
            ("hls", "false"),
            ("record", "\"off\""),
            ("record_format", "\"flv\""),
        ] {
            if !top.iter().any(|(known, _)| known == key) {
                top.push((key.into(), value.into()));
            }
        }
        self.in_application = true;
        for app in apps {
            let Some(name) = app.words.first() else { continue };
            if applications.iter().any(|known| known.name == *name) {
                self.missing(
                    app,
                    "an application of this name is there already, of another server",
                );
                continue;
            }
            let mut keys = Table::new();
            let (recorders, own): (Vec<_>, Vec<_>) =
                app.block.iter().partition(|one| one.name == "recorder");
            self.scope(&mut keys, own);
            let mut tables = Vec::new();
            for recorder in recorders {
                let mut keys = Table::new();
                self.scope(&mut keys, &recorder.block);
                let name = recorder.words.first().cloned().unwrap_or_default();
                tables.push((name, keys));
            }
            applications.push(Application { name: name.clone(), keys, recorders: tables });
        }
        self.in_application = false;
        self.out.top.extend(top);
        self.out.applications.extend(applications);
    }

    /// `rtmp_control` and `rtmp_stat` stand in locations of web servers.
    fn http(&mut self, block: &[Directive]) {
        for directive in block {
            match directive.name.as_str() {
                "rtmp_control" if !self.out.top.iter().any(|(key, _)| key == "control") => {
                    let mut top = std::mem::take(&mut self.out.top);
                    self.put(&mut top, directive, "control", "true".into());
                    self.out.top = top;
                }
                "rtmp_stat" => self.needless(directive, "GET /api/v1/streams says who is live"),
                _ => self.http(&directive.block),
            }
        }
    }

    fn scope<'d>(
        &mut self,
        table: &mut Table,
        directives: impl IntoIterator<Item = &'d Directive>,
    ) {
        let directives: Vec<&Directive> = directives.into_iter().collect();
        self.addresses(table, &directives);
        self.variants(table, &directives);
        self.makes_hls(table, &directives);
        for directive in directives {
            if !matches!(directive.name.as_str(), "allow" | "deny" | "hls_variant" | "hls" | "dash")
            {
                self.directive(table, directive);
            }
        }
    }

    /// `hls` and `dash`, either of which is both here.
    fn makes_hls(&mut self, table: &mut Table, directives: &[&Directive]) {
        let mut all = directives.iter().filter(|one| matches!(one.name.as_str(), "hls" | "dash"));
        let is_on = all.clone().any(|one| one.words.first().is_some_and(|word| word == "on"));
        if let Some(first) = all.next() {
            self.put(table, first, "hls", is_on.to_string());
        }
    }

    /// One line each, `hls_variant _720 BANDWIDTH=…`, become one list, best first.
    fn variants(&mut self, table: &mut Table, directives: &[&Directive]) {
        let all = directives.iter().filter(|one| one.name == "hls_variant");
        let mut found: Vec<(u64, &Directive, &str)> = all
            .filter_map(|&one| {
                let (suffix, attributes) = one.words.split_first()?;
                let rate = attributes.iter().find_map(|word| word.strip_prefix("BANDWIDTH="));
                Some((rate.and_then(|rate| rate.parse().ok()).unwrap_or(0), one, suffix.as_str()))
            })
            .collect();
        found.sort_by_key(|(rate, ..)| std::cmp::Reverse(*rate));
        let suffixes: Vec<&str> = found.iter().map(|(.., suffix)| *suffix).collect();
        if let Some((_, first, _)) = found.first() {
            self.put(table, first, "hls_variant", quoted(&suffixes.join(",")));
        }
    }

    fn directive(&mut self, table: &mut Table, directive: &Directive) {
        let words = &directive.words;
        let first = words.first().map(String::as_str).unwrap_or_default();
        let name = directive.name.as_str();
        match name {
            "listen" => self.listen(table, directive),
            "live" | "record_unique" | "notify_update_strict" | "notify_relay_redirect" => {
                self.put(table, directive, name, (first == "on").to_string());
            }
            "record" if words.len() > 1 => self.put(table, directive, name, list(words)),
            "record" | "record_path" | "record_suffix" | "hls_type" | "notify_method" => {
                let key = if name == "hls_type" { "hls_playlist_type" } else { name };
                self.put(table, directive, key, quoted(first));
            }
            "record_max_size" => self.put(table, directive, name, quoted(first)),
            "record_max_frames" | "max_connections" => {
                self.put(table, directive, name, first.to_owned());
            }
            "record_interval"
            | "notify_update_timeout"
            | "drop_idle_publisher"
            | "push_reconnect" => {
                self.time(table, directive, name);
            }
            "hls_fragment" | "dash_fragment" => self.time(table, directive, "hls_segment_duration"),
            "hls_playlist_length" | "dash_playlist_length" => {
                self.time(table, directive, "hls_window");
            }
            "exec_record_done" => self.exec(table, directive),
            "push" | "pull" => self.relay(table, directive),
            "on_connect" | "on_disconnect" | "on_publish" | "on_play" | "on_publish_done"
            | "on_play_done" | "on_done" | "on_record_done" | "on_update" => {
                self.put(table, directive, name, list(words));
            }
            _ => match reasons::not_needed(name) {
                Some(reason) => self.needless(directive, reason),
                None => self.missing(directive, reasons::cannot(name)),
            },
        }
    }

    /// Puts a key down where there is such a key here and its value is one that it can have.
    fn put(&mut self, table: &mut Table, directive: &Directive, key: &str, value: String) {
        if !self.keys.has(key) {
            return self.missing(directive, reasons::cannot(&directive.name));
        }
        if self.in_application && !self.keys.has_by_application(key) {
            let reason = format!("{key} is one setting for the whole server here: it was {value}");
            return self.missing(directive, &reason);
        }
        if let Err(reason) = self.keys.check(key, &value) {
            return self.missing(directive, &reason);
        }
        if table.iter().any(|(known, _)| known == key) {
            // HLS and DASH have one set of segments here: what HLS says counts.
            if directive.name.starts_with("dash") {
                return self.needless(directive, "HLS and DASH share their segments");
            }
            table.retain(|(known, _)| known != key);
        }
        table.push((key.to_owned(), value));
    }

    fn listen(&mut self, table: &mut Table, directive: &Directive) {
        let mut words = directive.words.iter();
        let Some(address) = words.next().and_then(|word| address(word)) else {
            return self.missing(directive, "only IP addresses and ports can be listened on");
        };
        if table.iter().any(|(key, _)| key == "rtmp_listen") {
            return self.missing(directive, "RTMP is listened for on one address");
        }
        self.put(table, directive, "rtmp_listen", quoted(&address));
        if words.any(|word| word == "proxy_protocol") {
            self.missing(
                directive,
                "proxy_protocol: name the proxies that are trusted in trusted_proxies",
            );
        }
    }

    fn time(&mut self, table: &mut Table, directive: &Directive, key: &str) {
        let first = directive.words.first().map(String::as_str).unwrap_or_default();
        match milliseconds(first) {
            Some(time) if time % 1000 == 0 => {
                self.put(table, directive, key, quoted(&format!("{}s", time / 1000)));
            }
            Some(time) => self.put(table, directive, key, quoted(&format!("{time}ms"))),
            None => self.missing(directive, "the time cannot be read"),
        }
    }

    fn exec(&mut self, table: &mut Table, directive: &Directive) {
        const KNOWN: [&str; 7] =
            ["path", "filename", "basename", "dirname", "app", "name", "recorder"];
        for word in &directive.words {
            if word.contains('>') && !word.contains(' ') {
                return self.missing(
                    directive,
                    "output cannot be redirected: put the command into a script",
                );
            }
            let unknown =
                word.split('$').skip(1).map(|rest| rest.trim_start_matches('{')).find(|rest| {
                    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                    let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
                    !name.is_empty() && !KNOWN.contains(&name)
                });
            if let Some(unknown) = unknown {
                return self.missing(directive, &format!("there is no variable ${unknown}"));
            }
        }
        self.put(table, directive, "exec_record_done", list(&directive.words));
    }

    /// `push` and `pull`: the address, for which `rtmp://` may be left out. Of further words none can be said.
    fn relay(&mut self, table: &mut Table, directive: &Directive) {
        let name = directive.name.as_str();
        let [url] = directive.words.as_slice() else {
            return self.missing(directive, "options behind the address cannot be carried over");
        };
        let url = if url.contains("://") { url.clone() } else { format!("rtmp://{url}") };
        let before = table.iter().position(|(key, _)| key == name);
        let mut urls = match before.map(|index| table.remove(index)) {
            Some((_, value)) => value.trim_matches(['[', ']']).to_owned() + ", ",
            None => String::new(),
        };
        urls += &quoted(&url);
        self.put(table, directive, name, format!("[{urls}]"));
    }

    /// `allow` and `deny`: first come the addresses that may, and behind them nobody else may.
    fn addresses(&mut self, table: &mut Table, directives: &[&Directive]) {
        for (action, key) in [("publish", "publish_from"), ("play", "play_from")] {
            let rules: Vec<_> = directives
                .iter()
                .filter(|one| matches!(one.name.as_str(), "allow" | "deny"))
                .filter_map(|one| match one.words.as_slice() {
                    [who] => Some((*one, who)),
                    [about, who] if about == action => Some((*one, who)),
                    _ => None,
                })
                .collect();
            let Some(((last, who), allowed)) = rules.split_last() else { continue };
            let closed = last.name == "deny" && *who == "all";
            if closed && !allowed.is_empty() && allowed.iter().all(|(one, _)| one.name == "allow") {
                let words: Vec<String> = allowed.iter().map(|(_, who)| (*who).clone()).collect();
                self.put(table, last, key, list(&words));
            } else if !(rules.iter().all(|(one, _)| one.name == "allow")) {
                self.missing(last, &format!("only addresses that are allowed can be said ({key}), and all others are denied"));
            }
        }
    }

    fn missing(&mut self, directive: &Directive, reason: &str) {
        self.out.missing.push(note(directive, reason));
    }

    fn needless(&mut self, directive: &Directive, reason: &str) {
        self.out.needless.push(note(directive, reason));
    }
}

/// Words of push and pull may hold keys, so only the name is shown.
fn note(directive: &Directive, reason: &str) -> String {
    format!("{}: {}: {reason}", directive.place, directive.name)
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("[{}]", words.join(", "))
}

/// `1935`, `*:1935`, `127.0.0.1`, `127.0.0.1:1935` or `[::]:1935` as a socket address.
fn address(text: &str) -> Option<String> {
    let text = match text.parse::<u16>() {
        Ok(port) => format!("0.0.0.0:{port}"),
        Err(_) => text.replace('*', "0.0.0.0").replace("localhost", "127.0.0.1"),
    };
    let with_port = format!("{text}:1935");
    let known = |text: &str| text.parse::<std::net::SocketAddr>().ok();
    known(&text).or_else(|| known(&with_port)).map(|address| address.to_string())
}

/// nginx's times: numbers with the units ms, s, m, h, d, w, one after another; without a unit seconds.
fn milliseconds(text: &str) -> Option<u64> {
    let mut total = 0_u64;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match rest.get(..letters)?.trim() {
            "ms" => 1,
            "" | "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        rest = rest.get(letters..)?;
        total = total.checked_add(number.checked_mul(unit)?)?;
    }
    Some(total)
}
