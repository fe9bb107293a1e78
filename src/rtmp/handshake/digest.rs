//! The digest variant: a keyed hash hidden in C1 and S1 at a place that other bytes name (A1-07 to A1-10).

use hmac_sha256::HMAC;

use super::PACKET;

/// Bytes of a digest.
pub(super) const DIGEST: usize = 32;

/// What Flash Player 9.0.124.2 says in C1.
pub(super) const CLIENT_VERSION: [u8; 4] = [9, 0, 124, 2];
/// What Flash Media Server 3.0.1.1 says in S1.
pub(super) const SERVER_VERSION: [u8; 4] = [3, 0, 1, 1];

/// Key of the digest in C1.
pub(super) const CLIENT_KEY: &[u8] = b"Genuine Adobe Flash Player 001";
/// Key of the digest in S1.
pub(super) const SERVER_KEY: &[u8] = b"Genuine Adobe Flash Media Server 001";
/// Key of the digest in S2: the text of [`SERVER_KEY`], then 32 bytes.
pub(super) const SERVER_FULL_KEY: &[u8] = b"Genuine Adobe Flash Media Server 001\
    \xf0\xee\xc2\x4a\x80\x68\xbe\xe8\x2e\x00\xd0\xd1\x02\x9e\x7e\x57\
    \x6e\xec\x5d\x2d\x29\x80\x6f\xab\x93\xb8\xe6\x36\xcf\xeb\x31\xae";

/// Where four bytes name the offset, and where the region of the digest starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scheme {
    at: usize,
    base: usize,
}

/// Both schemes that are in use.
pub(super) const SCHEMES: [Scheme; 2] = [Scheme { at: 772, base: 776 }, Scheme { at: 8, base: 12 }];

/// The offset of the digest.
fn offset(packet: &[u8], scheme: Scheme) -> usize {
    let named = packet.get(scheme.at..scheme.at + 4).unwrap_or_default();
    named.iter().map(|&byte| usize::from(byte)).sum::<usize>() % 728 + scheme.base
}

/// The hash of a packet without its digest.
fn hash(packet: &[u8], at: usize, key: &[u8]) -> [u8; DIGEST] {
    let mut hmac = HMAC::new(key);
    hmac.update(packet.get(..at).unwrap_or_default());
    hmac.update(packet.get(at + DIGEST..).unwrap_or_default());
    hmac.finalize()
}

/// Finds the digest of C1 or S1: its scheme and value.
pub(super) fn find(packet: &[u8], key: &[u8]) -> Option<(Scheme, [u8; DIGEST])> {
    SCHEMES.into_iter().find_map(|scheme| {
        let at = offset(packet, scheme);
        let digest: [u8; DIGEST] = packet.get(at..)?.first_chunk().copied()?;
        (hash(packet, at, key) == digest).then_some((scheme, digest))
    })
}

/// Puts the digest into C1 or S1.
pub(super) fn sign(packet: &mut [u8], scheme: Scheme, key: &[u8]) {
    let at = offset(packet, scheme);
    let digest = hash(packet, at, key);
    if let Some(slot) = packet.get_mut(at..at + DIGEST) {
        slot.copy_from_slice(&digest);
    }
}

/// Puts the digest at the end of S2 or C2, keyed by the digest of the packet that it answers.
pub(super) fn sign_answer(packet: &mut [u8], digest: &[u8; DIGEST], full_key: &[u8]) {
    let key = HMAC::mac(digest, full_key);
    let (body, tail) = packet.split_at_mut(packet.len().min(PACKET - DIGEST));
    if tail.len() == DIGEST {
        tail.copy_from_slice(&HMAC::mac(&*body, key));
    }
}
