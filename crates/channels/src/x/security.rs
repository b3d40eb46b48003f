//! The webhook handshake and the signature of calls.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::signature::{hmac_sha256, same};

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-twitter-webhooks-signature";

/// The JSON answer to `GET ?crc_token=`; the token must be URL-decoded already. `secret` is the app's consumer secret.
#[must_use]
pub fn crc_answer(secret: &[u8], crc_token: &str) -> String {
    let token = STANDARD.encode(hmac_sha256(secret, crc_token.as_bytes()));
    format!(r#"{{"response_token":"sha256={token}"}}"#)
}

/// Whether `signature`, the header's value, is ours over the raw body.
#[must_use]
pub fn is_signed(secret: &[u8], signature: &str, body: &[u8]) -> bool {
    let Some(encoded) = signature.trim().strip_prefix("sha256=") else { return false };
    let Ok(given) = STANDARD.decode(encoded) else { return false };
    same(&hmac_sha256(secret, body), &given)
}
