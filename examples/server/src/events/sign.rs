//! The signature of a body, in the form of Mux's: `t=SECONDS,v1=HEX`, HMAC-SHA256 over the seconds, a dot and the body.

use std::fmt::Write as _;

/// The header that it stands in.
pub const HEADER: &str = "streamcore-signature";

/// The value of the header.
pub fn sign(secret: &str, seconds: u64, body: &[u8]) -> String {
    let mut signed = format!("{seconds}.").into_bytes();
    signed.extend_from_slice(body);
    let mac = hmac_sha256::HMAC::mac(&signed, secret.as_bytes());
    let mut text = format!("t={seconds},v1=");
    for byte in mac {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_another_implementation() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac s3cret
        let wanted =
            "t=1700000000,v1=1698a50bc74d1ff1db85c4e0a5297c2ad9fdba245d5737cdb789e4cc6e098940";
        assert_eq!(sign("s3cret", 1_700_000_000, br#"{"a":1}"#), wanted);
    }
}
