//! The webhook handshake and the signature of calls.

use crate::signature::{hmac_sha256, same};

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-hub-signature-256";

/// The body to answer to `GET ?hub.mode=&hub.verify_token=&hub.challenge=`: the challenge, or nothing when the call is
/// not the channel's; then answer 403.
#[must_use]
pub fn challenge_answer<'c>(
    our_token: &str,
    mode: &str,
    verify_token: &str,
    challenge: &'c str,
) -> Option<&'c str> {
    let verified = !our_token.is_empty() && same(our_token.as_bytes(), verify_token.as_bytes());
    (mode == "subscribe" && verified).then_some(challenge)
}

/// Whether `signature`, the header's value, is the channel's over the raw body. The channel signs the bytes it sends,
/// so that a body that was parsed and written again does not verify.
#[must_use]
pub fn is_signed(app_secret: &[u8], signature: &str, body: &[u8]) -> bool {
    let Some(encoded) = signature.trim().strip_prefix("sha256=") else { return false };
    let mut given = [0; 32];
    hex::decode_to_slice(encoded, &mut given).is_ok() && same(&hmac_sha256(app_secret, body), &given)
}
