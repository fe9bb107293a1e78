//! Keys that sign addresses: a secret of both sides (HMAC), or a public key of the one who signs (JWT).

use jsonwebtoken::{Algorithm as Jwa, DecodingKey};
use rusqlite::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Algorithm {
    /// HMAC-SHA256 over playback id and end, in the query as `kid`, `expires` and `sig`.
    #[serde(rename = "HMAC")]
    Hmac,
    /// JWT, RSA with SHA-256 (RFC 7518 3.3).
    #[serde(rename = "RS256")]
    Rs256,
    /// JWT, ECDSA over P-256 with SHA-256 (RFC 7518 3.4).
    #[serde(rename = "ES256")]
    Es256,
    /// JWT, Ed25519 (RFC 8037).
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// As it is kept.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Hmac => "HMAC",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Hmac, Self::Rs256, Self::Es256, Self::EdDsa]
            .into_iter()
            .find(|one| one.text() == text)
    }
}

/// What a key verifies with.
pub(super) enum Material {
    /// The secret.
    Hmac(Vec<u8>),
    /// The algorithm that tokens must say, and the public key.
    Public(Jwa, Box<DecodingKey>),
}

/// A key that signs addresses.
pub struct SigningKey {
    /// What addresses name it by (`kid`).
    pub id: String,
    pub algorithm: Algorithm,
    /// Seconds since 1970.
    pub created: i64,
    pub(super) material: Material,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({}, {:?})", self.id, self.algorithm)
    }
}

impl SigningKey {
    /// A row of the table; `None` where the key cannot be read.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let (id, algorithm, bytes): (String, String, Vec<u8>) =
            (row.get(1)?, row.get(2)?, row.get(3)?);
        let created = row.get(4)?;
        Ok(Algorithm::read(&algorithm).and_then(|algorithm| {
            let material = Material::read(algorithm, &bytes).ok()?;
            Some(Self { id, algorithm, created, material })
        }))
    }
}

impl Material {
    /// The secret itself, or a public key in PEM.
    pub fn read(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, String> {
        let (jwa, key) = match algorithm {
            Algorithm::Hmac => return Ok(Self::Hmac(bytes.to_vec())),
            Algorithm::Rs256 => (Jwa::RS256, DecodingKey::from_rsa_pem(bytes)),
            Algorithm::Es256 => (Jwa::ES256, DecodingKey::from_ec_pem(bytes)),
            Algorithm::EdDsa => (Jwa::EdDSA, DecodingKey::from_ed_pem(bytes)),
        };
        let key = key.map_err(|error| {
            format!("public_key is no public key in PEM for {}: {error}", algorithm.text())
        })?;
        Ok(Self::Public(jwa, Box::new(key)))
    }
}
