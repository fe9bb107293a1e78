//! Random texts, and how they are kept.

use rusqlite::{Connection, OptionalExtension as _};
use subtle::ConstantTimeEq as _;

/// Letters and digits that are not taken for one another; 32, so that each is five bits.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Characters of a playback id.
pub(super) const PLAYBACK_ID: usize = 20;

/// A keyed hash of a secret.
pub type Hash = [u8; 32];

/// The server's own secret: without it, a hash cannot be compared with a guess.
pub(super) struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The hash of `text`; `kind` keeps a key from being taken for a token.
    pub fn hash(&self, kind: &str, text: &str) -> Hash {
        let input = [kind.as_bytes(), &[0], text.as_bytes()].concat();
        hmac_sha256::HMAC::mac(input, self.0)
    }
}

/// The secret of this server, made at its first start.
pub(super) fn load(db: &Connection) -> rusqlite::Result<Secret> {
    let known = db.query_row("SELECT secret FROM keys_secret", [], |row| row.get(0)).optional()?;
    let secret = match known {
        Some(secret) => secret,
        None => {
            let secret: [u8; 32] = rand::random();
            db.execute("INSERT INTO keys_secret (one, secret) VALUES (1, ?1)", [secret])?;
            secret
        }
    };
    Ok(Secret(secret))
}

/// Whether both are equal, in a time that does not depend on where they differ (F-18).
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// `prefix` and `count` random characters of five bits each.
pub(super) fn text(prefix: &str, count: usize) -> String {
    let mut text = prefix.to_owned();
    for _ in 0..count {
        let at = usize::from(rand::random::<u8>() % 32);
        text.push(char::from(ALPHABET[at]));
    }
    text
}
