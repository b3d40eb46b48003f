//! Our own references to a case, signed, so that nobody can write themselves into somebody else's case.
//!
//! Two forms, both inside mail: the Message-ID of what we send, `case.{desk}.{case}.{nonce}.{signature}@domain`, and
//! a plus-address, `mailbox+c.{case}.{signature}@domain`. Signature: the first 16 bytes of an HMAC-SHA256, in hex.

use crate::signature::{hmac_sha256, same};

/// A reference to a case in our form. Parsing proves nothing; [`SignedRef::verify`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRef {
    /// The desk it names; empty in a plus-address, whose desk is the mailbox's.
    pub desk: String,
    /// The case it names.
    pub case: u64,
    /// What makes a Message-ID unique; empty in a plus-address.
    pub nonce: String,
    /// The signature over the other fields.
    pub signature: [u8; 16],
}

/// A desk or nonce that can't stand in a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} can't stand in a signed reference: use 1 to 64 of a-z, 0-9, `-` and `_`")]
pub struct Unsignable(pub String);

impl SignedRef {
    /// Signs a Message-ID; `nonce` must differ for each mail sent and stay the same when one is sent again.
    ///
    /// # Errors
    /// When desk or nonce hold other characters than lower-case letters, digits, `-` and `_`.
    pub fn for_message_id(key: &[u8], desk: &str, case: u64, nonce: &str) -> Result<Self, Unsignable> {
        for word in [desk, nonce] {
            if !is_word(word) {
                return Err(Unsignable(word.to_owned()));
            }
        }
        let signature = sign(key, &["message-id", desk, &case.to_string(), nonce]);
        Ok(Self { desk: desk.to_owned(), case, nonce: nonce.to_owned(), signature })
    }

    /// Signs a plus-address of a desk's mailbox.
    ///
    /// # Errors
    /// When the desk holds other characters than lower-case letters, digits, `-` and `_`.
    pub fn for_address(key: &[u8], desk: &str, case: u64) -> Result<Self, Unsignable> {
        if !is_word(desk) {
            return Err(Unsignable(desk.to_owned()));
        }
        let signature = sign(key, &["address", desk, &case.to_string()]);
        Ok(Self { desk: String::new(), case, nonce: String::new(), signature })
    }

    /// Whether we signed it, for this desk.
    #[must_use]
    pub fn verify(&self, key: &[u8], desk: &str) -> bool {
        let case = self.case.to_string();
        let expected = if self.nonce.is_empty() {
            sign(key, &["address", desk, &case])
        } else {
            sign(key, &["message-id", &self.desk, &case, &self.nonce])
        };
        let desk_fits = self.nonce.is_empty() || self.desk == desk;
        same(&expected, &self.signature) && desk_fits
    }

    /// Reads a Message-ID, with or without angle brackets, in any case (some relays fold it).
    #[must_use]
    pub fn parse_message_id(id: &str) -> Option<Self> {
        let id = id.trim().trim_start_matches('<').trim_end_matches('>').to_lowercase();
        let (local, _) = id.rsplit_once('@')?;
        let mut words = local.split('.');
        let ("case", desk, case, nonce, signature) =
            (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?)
        else {
            return None;
        };
        let complete = words.next().is_none() && is_word(desk) && is_word(nonce);
        if !complete {
            return None;
        }
        let (desk, nonce) = (desk.to_owned(), nonce.to_owned());
        Some(Self { desk, case: number(case)?, nonce, signature: bytes(signature)? })
    }

    /// Reads a mail address.
    #[must_use]
    pub fn parse_address(address: &str) -> Option<Self> {
        let (local, _) = address.trim().rsplit_once('@')?;
        let local = local.to_lowercase();
        let (_, token) = local.rsplit_once("+c.")?;
        let (case, signature) = token.split_once('.')?;
        let (desk, nonce) = (String::new(), String::new());
        Some(Self { desk, case: number(case)?, nonce, signature: bytes(signature)? })
    }

    /// The Message-ID, without angle brackets.
    #[must_use]
    pub fn message_id(&self, domain: &str) -> String {
        format!("case.{}.{}.{}.{}@{domain}", self.desk, self.case, self.nonce, hex::encode(self.signature))
    }

    /// The plus-address of `mailbox`; nothing when that is no mail address.
    #[must_use]
    pub fn address(&self, mailbox: &str) -> Option<String> {
        let (local, domain) = mailbox.rsplit_once('@')?;
        Some(format!("{local}+c.{}.{}@{domain}", self.case, hex::encode(self.signature)))
    }
}

fn sign(key: &[u8], words: &[&str]) -> [u8; 16] {
    // No word can hold a line feed, so the joined text is read in one way only.
    let text = format!("simpang case reference 1\n{}", words.join("\n"));
    let full = hmac_sha256(key, text.as_bytes());
    let mut short = [0; 16];
    short.copy_from_slice(&full[..16]);
    short
}

fn is_word(word: &str) -> bool {
    (1..=64).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
}

fn number(text: &str) -> Option<u64> {
    // Only the canonical form, so that one case has one reference.
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    canonical.then(|| text.parse().ok()).flatten()
}

fn bytes(text: &str) -> Option<[u8; 16]> {
    let mut signature = [0; 16];
    hex::decode_to_slice(text, &mut signature).ok()?;
    Some(signature)
}

#[cfg(test)]
mod tests {
    use super::SignedRef;

    const KEY: &[u8] = b"key of the test";

    #[test]
    fn a_message_id_of_ours_is_found_again_and_verifies() {
        let signed = SignedRef::for_message_id(KEY, "tier2-outbound", 77, "9a-1").unwrap();
        let id = signed.message_id("desk.example");
        assert!(id.starts_with("case.tier2-outbound.77.9a-1."));
        let read = SignedRef::parse_message_id(&format!("<{}>", id.to_uppercase())).unwrap();
        assert_eq!(read, signed);
        assert!(read.verify(KEY, "tier2-outbound"));
        assert!(!read.verify(b"another key", "tier2-outbound"));
        assert!(!read.verify(KEY, "tenesa"));
    }

    #[test]
    fn a_plus_address_verifies_for_its_desk_only() {
        let signed = SignedRef::for_address(KEY, "tenesa", 12).unwrap();
        let address = signed.address("care@desk.example").unwrap();
        assert!(address.starts_with("care+c.12."));
        let read = SignedRef::parse_address(&address).unwrap();
        assert!(read.verify(KEY, "tenesa"));
        assert!(!read.verify(KEY, "telkomcare"));
    }

    #[test]
    fn a_changed_reference_does_not_verify() {
        let signed = SignedRef::for_message_id(KEY, "tenesa", 12, "a").unwrap();
        let other = SignedRef { case: 13, ..signed.clone() };
        assert!(!other.verify(KEY, "tenesa"));
        let moved = SignedRef { nonce: String::new(), ..signed };
        assert!(!moved.verify(KEY, "tenesa"));
    }

    #[test]
    fn what_is_not_of_our_form_is_not_a_reference() {
        let hex = "00112233445566778899aabbccddeeff";
        for id in [
            "",
            "a@b",
            "case.tenesa.12.n@b",
            "case.tenesa.012.n.00@b",
            "case..1.n.00@b",
            &format!("case.tenesa.-1.n.{hex}@b"),
            &format!("case.tenesa.1.n.{hex}00@b"),
            &format!("case.tenesa.1.n.{hex}.x@b"),
            &format!("case.tenesa.99999999999999999999999.n.{hex}@b"),
        ] {
            assert_eq!(SignedRef::parse_message_id(id), None, "{id}");
        }
        assert_eq!(SignedRef::parse_address(&format!("c.1.{hex}@b")), None);
        assert!(SignedRef::for_message_id(KEY, "Desk", 1, "a").is_err());
        assert!(SignedRef::for_message_id(KEY, "desk", 1, "a.b").is_err());
    }
}
