//! Allow and deny by address, as nginx-rtmp has it: the first rule that fits decides, and where none fits the client is let in.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::Shared;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Publish,
    Play,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub allow: bool,
    pub scope: Scope,
    pub who: Who,
}

/// Whether `address` may publish (or else play), by the rules of an application.
pub fn allows(rules: &[Rule], publish: bool, address: IpAddr) -> bool {
    let fits = |rule: &&Rule| {
        let scope = match rule.scope {
            Scope::Publish => publish,
            Scope::Play => !publish,
        };
        scope && rule.who.fits(address)
    };
    rules.iter().find(fits).is_none_or(|rule| rule.allow)
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
    /// The rules that they make.
    pub fn rules(&self) -> Vec<Rule> {
        let mut rules = Vec::new();
        for (scope, from) in [(Scope::Publish, &self.publish_from), (Scope::Play, &self.play_from)]
        {
            let rule = |allow, who| Rule { allow, scope, who };
            rules.extend(from.iter().map(|who| rule(true, who.clone())));
            rules.extend((!from.is_empty()).then(|| rule(false, Who::All)));
        }
        rules
    }
}

/// The rules of all applications.
#[derive(Clone, Debug)]
pub struct Addresses {
    config: Shared,
}

impl Addresses {
    pub const fn new(config: Shared) -> Self {
        Self { config }
    }
}

impl Step for Addresses {
    fn check<'a>(&'a self, ask: &'a Ask, grant: &'a mut Grant) -> Checked<'a> {
        let publish = matches!(ask.action, Action::Publish { .. });
        let allowed = ask.action == Action::Connect
            || allows(
                &self.config.get().app(&grant.app).addresses,
                publish,
                ask.client.address.ip(),
            );
        let result =
            if allowed { Ok(()) } else { Err(Refused::denied("the address is not allowed")) };
        Box::pin(std::future::ready(result))
    }

    fn asks_web(&self) -> bool {
        let config = self.config.get();
        config.all_apps().any(|app| app.addresses.iter().any(|rule| rule.scope == Scope::Play))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(allow: bool, scope: Scope, who: &str) -> Rule {
        Rule { allow, scope, who: who.parse().unwrap() }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rules = [
            rule(true, Scope::Publish, "127.0.0.1"),
            rule(true, Scope::Publish, "10.0.0.0/8"),
            rule(false, Scope::Publish, "all"),
            rule(false, Scope::Play, "192.0.2.0/24"),
        ];
        let allows =
            |publish, address: &str| super::allows(&rules, publish, address.parse().unwrap());
        assert!(allows(true, "127.0.0.1") && allows(true, "10.9.8.7"));
        assert!(allows(true, "::ffff:10.9.8.7"), "IPv4 through a socket for both");
        assert!(!allows(true, "192.0.2.1") && !allows(true, "::1"));
        assert!(!allows(false, "192.0.2.1") && allows(false, "192.0.3.1"));
    }

    #[test]
    fn where_some_are_named_nobody_else_may() {
        let args =
            AddressArgs { publish_from: vec!["10.0.0.0/8".parse().unwrap()], play_from: vec![] };
        let allows = |publish, address: &str| {
            super::allows(&args.rules(), publish, address.parse().unwrap())
        };
        assert!(
            allows(true, "10.1.1.1") && !allows(true, "127.0.0.1") && allows(false, "127.0.0.1")
        );
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_text() {
        let error = "10.0.0.0/33".parse::<Who>().unwrap_err();
        assert!(error.contains("10.0.0.0/33"), "{error}");
    }
}
