//! What a configuration allows that its owner may not have meant.

use super::Config;
use crate::keys::Require;

/// All that is doubtful, in words for whoever runs the server.
pub fn warnings(config: &Config) -> Vec<String> {
    let args = &config.server;
    let (rtmp, http) = (!args.rtmp_listen.ip().is_loopback(), !args.http_listen.ip().is_loopback());
    let clear_hook = config.all_apps().any(|app| {
        let hooks = &app.hooks;
        let asked = [&hooks.on_publish, &hooks.on_play, &hooks.on_update];
        let mut urls = asked.into_iter().flatten().chain(&args.hooks.on_connect);
        urls.any(|url| url.url().scheme() == "http" && !is_local(url.url()))
    });
    let clear_event =
        args.events.webhook.iter().any(|url| url.url().scheme() == "http" && !is_local(url.url()));
    let said = [
        (
            rtmp && args.require_key == Require::Never,
            "require_key is never: whoever reaches the RTMP port may publish",
        ),
        (
            http && args.require_token == Require::Never,
            "require_token is never: whoever reaches the HTTP port may use the API",
        ),
        (
            rtmp && args.rtmps_listen.is_none(),
            "RTMPS is off: stream keys cross the network in the clear",
        ),
        (
            http && args.net.https_listen.is_none() && args.net.forwarded_from.is_empty(),
            "HTTPS is off, and no proxy in front is named (forwarded_from): tokens of the API cross the network in the clear",
        ),
        (
            http && args.control,
            "control is on: whoever reaches the HTTP port may start and stop recorders",
        ),
        (
            config.all_apps().any(|app| app.hooks.notify_fail_open),
            "notify_fail_open is on: clients are let in while a hook does not answer",
        ),
        (
            clear_hook,
            "a hook is asked over http on another machine: what it is told, keys among it, crosses the network in the clear",
        ),
        (clear_event, "events are sent over http to another machine"),
        (
            args.app.takeover == crate::cli::TakeoverArg::Always
                && args.require_key == Require::Never,
            "takeover is always and no key is needed: anybody may take a stream over",
        ),
    ];
    said.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| text.to_owned()).collect()
}

fn is_local(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
