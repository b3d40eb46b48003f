//! Handshakes and signatures of webhooks: published vectors, and what must not pass.
#![allow(clippy::unwrap_used, clippy::panic)]

use simpang_channels::{facebook, x};

#[test]
fn x_answers_the_handshake_with_the_published_token() {
    assert_eq!(
        x::crc_answer(b"secret", "challenge_string"),
        r#"{"response_token":"sha256=KVLX9CEwUdVdeJfmJAnltj/knkdCqwZJlA1u97xbErw="}"#
    );
}

#[test]
fn x_calls_need_the_signature_of_the_raw_body() {
    // The handshake's vector is the same hash over the same words.
    let signature = "sha256=KVLX9CEwUdVdeJfmJAnltj/knkdCqwZJlA1u97xbErw=";
    assert!(x::is_signed(b"secret", signature, b"challenge_string"));
    assert!(!x::is_signed(b"secret", signature, b"challenge_string "));
    assert!(!x::is_signed(b"other", signature, b"challenge_string"));
    for bad in [
        "",
        "sha256=",
        "KVLX9CEwUdVdeJfmJAnltj/knkdCqwZJlA1u97xbErw=",
        "sha256=KVLX",
        "sha1=KVLX9CEw",
        "sha256=é",
    ] {
        assert!(!x::is_signed(b"secret", bad, b"challenge_string"), "{bad}");
    }
}

#[test]
fn facebook_calls_need_the_signature_of_the_raw_body() {
    // HMAC-SHA256 of the well-known test sentence under the key `key`.
    let body = b"The quick brown fox jumps over the lazy dog";
    let signature = "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
    assert!(facebook::is_signed(b"key", signature, body));
    assert!(!facebook::is_signed(b"key2", signature, body));
    assert!(!facebook::is_signed(b"key", signature, b"The quick brown fox"));
    for bad in ["", "sha256=", "sha256=f7bc", "sha1=f7bc83f4", &signature.replace('f', "g")] {
        assert!(!facebook::is_signed(b"key", bad, body), "{bad}");
    }
}

#[test]
fn facebook_is_answered_its_challenge_only_for_our_token() {
    let answer = |token, mode, theirs| facebook::challenge_answer(token, mode, theirs, "1158201444");
    assert_eq!(answer("ours", "subscribe", "ours"), Some("1158201444"));
    assert_eq!(answer("ours", "subscribe", "theirs"), None);
    assert_eq!(answer("ours", "unsubscribe", "ours"), None);
    assert_eq!(answer("", "subscribe", ""), None);
}
