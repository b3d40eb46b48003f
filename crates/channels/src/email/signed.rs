//! The two forms in which our mail carries a reference to a case.
//!
//! The Message-ID of what we send, `case.{desk}.{case}.{nonce}.{signature}@domain`, and a plus-address,
//! `mailbox+c.{case}.{signature}@domain`. The signature, over desk and case, is what keeps strangers from writing
//! themselves into a case. It is made elsewhere; this module holds no key and only reads and writes the forms.

use crate::signature::same;

/// A reference to a case in our form. Reading one proves nothing; its signature must be compared with our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRef {
    /// The desk it names; empty in a plus-address, whose desk is the mailbox's.
    pub desk: String,
    /// The case it names.
    pub case: u64,
    /// What makes a Message-ID unique; empty in a plus-address.
    pub nonce: String,
    /// The signature over desk and case.
    pub signature: [u8; 16],
}

/// A word that can't stand in a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsignable {
    /// A desk or nonce.
    #[error("{0:?} can't stand in a signed reference: use 1 to 64 of a-z, 0-9, `-` and `_`")]
    Word(String),
    /// A signature.
    #[error("a signature is 32 hexadecimal digits")]
    Signature,
}

impl SignedRef {
    /// A reference for a Message-ID and a plus-address, with its signature in hex. `nonce` must differ for each mail
    /// sent, and stay the same when one mail is sent again.
    ///
    /// # Errors
    /// When desk or nonce hold other characters than lower-case letters, digits, `-` and `_`, or the signature is none.
    pub fn new(desk: &str, case: u64, nonce: &str, signature: &str) -> Result<Self, Unsignable> {
        for word in [desk, nonce] {
            if !is_word(word) {
                return Err(Unsignable::Word(word.to_owned()));
            }
        }
        let signature = bytes(signature).ok_or(Unsignable::Signature)?;
        Ok(Self { desk: desk.to_owned(), case, nonce: nonce.to_owned(), signature })
    }

    /// Whether it carries this signature, given in hex; compared in constant time.
    #[must_use]
    pub fn carries(&self, signature: &str) -> bool {
        bytes(signature).is_some_and(|ours| same(&ours, &self.signature))
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

    const SIGNATURE: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn a_message_id_of_ours_is_found_again_however_relays_fold_it() {
        let reference = SignedRef::new("tier2-outbound", 77, "9a-1", SIGNATURE).unwrap();
        let id = reference.message_id("desk.example");
        assert_eq!(id, format!("case.tier2-outbound.77.9a-1.{SIGNATURE}@desk.example"));
        let read = SignedRef::parse_message_id(&format!("<{}>", id.to_uppercase())).unwrap();
        assert_eq!(read, reference);
        assert!(read.carries(SIGNATURE));
        assert!(
            !read.carries("10112233445566778899aabbccddeeff") && !read.carries("") && !read.carries("00")
        );
    }

    #[test]
    fn a_plus_address_of_ours_is_found_again() {
        let reference = SignedRef::new("tenesa", 12, "n", SIGNATURE).unwrap();
        let address = reference.address("care@desk.example").unwrap();
        assert_eq!(address, format!("care+c.12.{SIGNATURE}@desk.example"));
        let read = SignedRef::parse_address(&address).unwrap();
        assert_eq!((read.desk.as_str(), read.case, read.nonce.as_str()), ("", 12, ""));
        assert!(read.carries(SIGNATURE));
        assert_eq!(reference.address("no address"), None);
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
        for (desk, nonce, signature) in
            [("Desk", "a", hex), ("desk", "a.b", hex), ("", "a", hex), ("desk", "a", "00")]
        {
            assert!(SignedRef::new(desk, 1, nonce, signature).is_err(), "{desk} {nonce} {signature}");
        }
    }
}
