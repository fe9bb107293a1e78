//! Allow and deny by address, as nginx-rtmp has it: the first rule that fits decides, and where none fits the client is let in.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Action, Ask, Checked, Grant, Refused, Step};

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    All,
    Net(IpNet),
}

impl Who {
    fn fits(&self, address: IpAddr) -> bool {
        // An IPv4 client of a socket for both is known by its own address.
        match self {
            Self::All => true,
            Self::Net(net) => net.contains(&address.to_canonical()),
        }
    }
}

impl std::str::FromStr for Who {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map(Self::Net).map_err(|_| {
            format!("`{text}` is no address, no network like 10.0.0.0/8, and not `all`")
        })
    }
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    Publish,
    Play,
    #[default]
    Both,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Streams of this application; of all where there is none.
    pub app: Option<String>,
    pub allow: bool,
    pub scope: Scope,
    pub who: Who,
}

/// All rules, in order.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    pub rules: Vec<Rule>,
}

/// Addresses that may publish and play in an application: all where none is named.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AddressArgs {
    /// Address or network that may publish, for example 10.0.0.0/8; nobody else may then.
    #[arg(long, env = "STREAMCORE_PUBLISH_FROM", value_name = "NET", value_delimiter = ',')]
    pub publish_from: Vec<Who>,
    /// Address or network that may play; nobody else may then.
    #[arg(long, env = "STREAMCORE_PLAY_FROM", value_name = "NET", value_delimiter = ',')]
    pub play_from: Vec<Who>,
}

impl AddressArgs {
    /// The rules of an application, or of all.
    pub fn rules(&self, app: Option<&str>) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (scope, from) in [(Scope::Publish, &self.publish_from), (Scope::Play, &self.play_from)]
        {
            let app = app.map(str::to_owned);
            let rule = |allow, who| Rule { app: app.clone(), allow, scope, who };
            rules.extend(from.iter().map(|who| rule(true, who.clone())));
            rules.extend((!from.is_empty()).then(|| rule(false, Who::All)));
        }
        rules
    }
}

impl Addresses {
    /// Whether `address` may publish (or else play) in `app`.
    pub fn allows(&self, app: &str, publish: bool, address: IpAddr) -> bool {
        let fits = |rule: &&Rule| {
            let scope = match rule.scope {
                Scope::Publish => publish,
                Scope::Play => !publish,
                Scope::Both => true,
            };
            scope && rule.app.as_deref().is_none_or(|name| name == app) && rule.who.fits(address)
        };
        self.rules.iter().find(fits).is_none_or(|rule| rule.allow)
    }
}

impl Step for Addresses {
    fn check<'a>(&'a self, ask: &'a Ask, grant: &'a mut Grant) -> Checked<'a> {
        let publish = matches!(ask.action, Action::Publish { .. });
        let allowed = ask.action == Action::Connect
            || self.allows(&grant.app, publish, ask.client.address.ip());
        let result =
            if allowed { Ok(()) } else { Err(Refused::denied("the address is not allowed")) };
        Box::pin(std::future::ready(result))
    }

    fn asks_web(&self) -> bool {
        self.rules.iter().any(|rule| rule.scope != Scope::Publish)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(allow: bool, scope: Scope, who: &str) -> Rule {
        Rule { app: None, allow, scope, who: who.parse().unwrap() }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let addresses = Addresses {
            rules: vec![
                rule(true, Scope::Publish, "127.0.0.1"),
                rule(true, Scope::Publish, "10.0.0.0/8"),
                rule(false, Scope::Publish, "all"),
                rule(false, Scope::Play, "192.0.2.0/24"),
                Rule { app: Some("inside".into()), ..rule(false, Scope::Both, "2001:db8::/32") },
            ],
        };
        let allows =
            |app, publish, address: &str| addresses.allows(app, publish, address.parse().unwrap());
        assert!(allows("live", true, "127.0.0.1") && allows("live", true, "10.9.8.7"));
        assert!(allows("live", true, "::ffff:10.9.8.7"), "IPv4 through a socket for both");
        assert!(!allows("live", true, "192.0.2.1") && !allows("live", true, "::1"));
        assert!(!allows("live", false, "192.0.2.1") && allows("live", false, "192.0.3.1"));
        assert!(!allows("inside", false, "2001:db8::1") && allows("live", false, "2001:db8::1"));
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_text() {
        let error = "10.0.0.0/33".parse::<Who>().unwrap_err();
        assert!(error.contains("10.0.0.0/33"), "{error}");
    }
}
