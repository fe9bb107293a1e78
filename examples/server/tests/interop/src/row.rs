//! Rows of the matrix.

use crate::judge::Comparison;
use crate::lab::Lab;
use crate::tools::{Found, Program};

/// What the peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Publishes to the server.
    Publisher,
    /// Plays from it.
    Player,
    /// Is published to by the client.
    Server,
    /// Is played from by the client.
    Source,
}

/// What the bytes go over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Rtmp,
    /// TLS.
    Rtmps,
}

impl Transport {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Rtmp, Self::Rtmps];

    /// The scheme of its addresses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rtmp => "rtmp",
            Self::Rtmps => "rtmps",
        }
    }
}

impl Role {
    /// All, in the order of the page.
    pub const ALL: [Self; 4] = [Self::Publisher, Self::Player, Self::Server, Self::Source];

    /// For the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Player => "player",
            Self::Server => "server",
            Self::Source => "source",
        }
    }

    /// Heading of its table.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Publisher => "Publishers to the server",
            Self::Player => "Players of the server",
            Self::Server => "Servers that `streamcore publish` publishes to",
            Self::Source => "Servers that `streamcore record` plays from",
        }
    }
}

type Run = Box<dyn Fn(&Lab) -> Result<Comparison, String> + Send + Sync>;

/// One line of the table, not run yet.
pub struct Row {
    /// Who.
    pub peer: String,
    /// Its version; empty where it is missing.
    pub version: String,
    /// What it does.
    pub role: Role,
    /// Over what.
    pub transport: Transport,
    /// What is sent.
    pub codecs: String,
    /// What is to be known of this row.
    pub remark: &'static str,
    /// A difference is to be expected, and is the peer's: the remark says which.
    pub differs: bool,
    /// How it goes; or what is missing for it.
    pub run: Result<Run, String>,
}

impl Row {
    /// A row of `peer`, to be run with the program that was found.
    pub fn new(
        (peer, found): (&str, &Found),
        role: Role,
        transport: Transport,
        codecs: &str,
        run: impl Fn(&Lab, &Program) -> Result<Comparison, String> + Send + Sync + 'static,
    ) -> Self {
        let program = found.clone();
        let version =
            program.as_ref().map_or_else(|_| String::new(), |found| found.version.clone());
        let run = program.map(|program| Box::new(move |lab: &Lab| run(lab, &program)) as Run);
        Self {
            peer: peer.to_owned(),
            version,
            role,
            transport,
            codecs: codecs.to_owned(),
            remark: "",
            differs: false,
            run,
        }
    }

    /// With a remark.
    #[must_use]
    pub fn remark(self, remark: &'static str) -> Self {
        Self { remark, ..self }
    }

    /// With a difference that is the peer's.
    #[must_use]
    pub fn differs(self, remark: &'static str) -> Self {
        Self { remark, differs: true, ..self }
    }

    /// For logs and for choosing rows.
    pub fn name(&self) -> String {
        let Self { peer, version, role, transport, codecs, .. } = self;
        format!("{peer} {version}, {}, {}, {codecs}", role.name(), transport.name())
    }
}

/// What came of a row.
pub struct Done {
    /// The row.
    pub row: Row,
    /// The comparison; or why there is none.
    pub result: Result<Comparison, Failure>,
}

/// Why a row has no comparison.
pub enum Failure {
    /// A program is missing.
    Missing(String),
    /// It broke off.
    Broke(String),
}

impl Done {
    /// Whether it went as it should, or as is known.
    pub fn is_expected(&self) -> bool {
        match &self.result {
            Ok(comparison) => comparison.fault.is_some() == self.row.differs,
            Err(Failure::Broke(_)) => self.row.differs,
            Err(Failure::Missing(_)) => false,
        }
    }
}
