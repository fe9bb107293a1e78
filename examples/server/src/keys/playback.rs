//! Who may play: playback ids, signed addresses and tokens.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{DecodingKey, Validation};
use serde::Deserialize;

use super::model::Policy;
use super::policy::parameter;
use super::secret::PLAYBACK_ID;
use super::secret::same;
use super::signing::{Material, SigningKey};
use super::{Index, Keys};
use crate::names;

/// Clocks of two machines may differ by so many seconds.
const LEEWAY: u64 = 5;
/// Longest token that is looked at.
const TOKEN: usize = 4096;

/// Why a player is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// There is no such stream.
    NotFound,
    /// The address is not signed.
    Unsigned,
    /// The signature is wrong, or made for another stream.
    Forged,
    /// Its time is over.
    Expired,
}

impl Denied {
    /// As a player is told.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotFound => "not found",
            Self::Unsigned => "this stream needs a signed address",
            Self::Forged => "the signature of this address is not valid",
            Self::Expired => "the signature of this address has expired",
        }
    }
}

/// Claims that are looked at besides time and audience.
#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    /// Some signers put it here and not in the header.
    #[serde(default)]
    kid: Option<String>,
}

impl Keys {
    /// The path under which the hub has what players know as `path`, a stream or a file of one, where `query` opens it.
    pub fn play(&self, path: &str, query: &str) -> Result<String, Denied> {
        let index = self.index();
        let (app, rest) = names::split(path);
        let (name, file) =
            rest.split_once('/').map_or((rest, None), |(name, file)| (name, Some(file)));
        if let Some((stream, policy)) = index.playback(name)
            && names::split(&stream.path).0 == app
            && !stream.deleted
        {
            if policy == Policy::Signed {
                verify(&index, query, &[name])?;
            }
            return Ok(match file {
                Some(file) => format!("{}/{file}", stream.path),
                None => stream.path.clone(),
            });
        }
        // A path of its own is no playback id, and a key never is a name.
        if index.is_known(&format!("{app}/{name}")) {
            Err(Denied::NotFound)
        } else {
            Ok(path.to_owned())
        }
    }

    /// Whether `query` opens the recording with this path below the folder of recordings.
    pub fn play_recording(&self, path: &str, query: &str) -> Result<(), Denied> {
        let index = self.index();
        let (app, rest) = names::split(path);
        // The name of a recording begins with that of its stream, however it goes on.
        let name = rest.get(..PLAYBACK_ID).unwrap_or(rest);
        let Some(stream) = index.at_path(&format!("{app}/{name}")) else { return Ok(()) };
        if stream.settings.new_asset_settings.playback_policy == Policy::Public {
            return Ok(());
        }
        let ids: Vec<&str> = stream.playback_ids.iter().map(|id| id.id.as_str()).collect();
        verify(&index, query, &ids)
    }
}

/// Whether `query` holds a token or a signature for one of `ids`.
fn verify(index: &Index, query: &str, ids: &[&str]) -> Result<(), Denied> {
    if let Some(token) = parameter(query, &["token"]) {
        return verify_token(index, &token, ids);
    }
    let all = ["kid", "expires", "sig"].map(|name| parameter(query, &[name]));
    let [Some(kid), Some(expires), Some(sig)] = all else { return Err(Denied::Unsigned) };
    let key = index.signing_key(&kid).ok_or(Denied::Forged)?;
    let Material::Hmac(secret) = &key.material else { return Err(Denied::Forged) };
    let end: u64 = expires.parse().map_err(|_| Denied::Forged)?;
    let signed = ids.iter().any(|id| same(signature(secret, id, end).as_bytes(), sig.as_bytes()));
    match (signed, end >= now()) {
        (false, _) => Err(Denied::Forged),
        (true, false) => Err(Denied::Expired),
        (true, true) => Ok(()),
    }
}

/// The signature of an address: HMAC-SHA256 over playback id and end, in lower-case hex.
pub fn signature(secret: &[u8], id: &str, expires: u64) -> String {
    let mac = hmac_sha256::HMAC::mac(format!("{id}\n{expires}"), secret);
    mac.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn verify_token(index: &Index, token: &str, ids: &[&str]) -> Result<(), Denied> {
    if token.len() > TOKEN {
        return Err(Denied::Forged);
    }
    let header = jsonwebtoken::decode_header(token).map_err(|_| Denied::Forged)?;
    let named = header.kid.or_else(|| {
        // Only to find the key: nothing in it is believed before it is verified.
        let claims = jsonwebtoken::dangerous::insecure_decode::<Claims>(token).ok()?;
        claims.claims.kid
    });
    let key = named.and_then(|kid| index.signing_key(&kid)).ok_or(Denied::Forged)?;
    let claims = decode(key, token)?;
    if ids.contains(&claims.sub.as_str()) { Ok(()) } else { Err(Denied::Forged) }
}

fn decode(key: &SigningKey, token: &str) -> Result<Claims, Denied> {
    let Material::Public(algorithm, public) = &key.material else { return Err(Denied::Forged) };
    let public: &DecodingKey = public;
    // The algorithm is the key's, whatever the token says.
    let mut validation = Validation::new(*algorithm);
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "sub", "aud"]);
    // Of video, as Mux names it.
    validation.set_audience(&["v"]);
    match jsonwebtoken::decode::<Claims>(token, public, &validation) {
        Ok(token) => Ok(token.claims),
        Err(error) => Err(match error.kind() {
            jsonwebtoken::errors::ErrorKind::ExpiredSignature => Denied::Expired,
            _ => Denied::Forged,
        }),
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
