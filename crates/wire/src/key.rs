//! Keyed hashes: what stands on the log where an address or a message id would name a person.
//!
//! A key is HMAC-SHA-256 under the installation's secret, cut to 16 bytes, over a purpose and its parts, each with its
//! length before it, so that no two different lists of parts read the same. Losing the secret means that replies no
//! longer find their cases and repeats are no longer known; keep it with the backups.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A keyed hash.
pub type Key = [u8; 16];

/// What a key is for. Keys for different purposes never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Knowing a repeated input again.
    Idempotency,
    /// Tying messages to threads, and edits to what they edit.
    Thread,
    /// Knowing a person by address on a channel, in messages and in the directory.
    Person,
    /// Signing our own references to cases in what we send.
    Signature,
    /// Knowing a product by its number.
    Product,
}

impl Purpose {
    fn tag(self) -> &'static [u8] {
        match self {
            Self::Idempotency => b"idempotency",
            Self::Thread => b"thread",
            Self::Person => b"person",
            Self::Signature => b"signature",
            Self::Product => b"product",
        }
    }
}

/// Makes keys under one installation's secret.
#[derive(Clone)]
pub struct Keyer {
    start: Hmac<Sha256>,
}

impl fmt::Debug for Keyer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyer(secret)")
    }
}

impl Keyer {
    /// Takes the installation's secret; any length, at least 16 bytes make sense.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { start: Hmac::new_from_slice(secret).expect("HMAC takes a key of any length") }
    }

    /// The key of these parts for a purpose.
    #[must_use]
    pub fn key(&self, purpose: Purpose, parts: &[&[u8]]) -> Key {
        let mut mac = self.start.clone();
        for part in std::iter::once(purpose.tag()).chain(parts.iter().copied()) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let full = mac.finalize().into_bytes();
        let mut key = Key::default();
        key.copy_from_slice(&full[..16]);
        key
    }

    /// The key of a person's address on a channel (`email`, `x`, `facebook`, `call`, …), case and surrounding space
    /// aside. Ingest, the directory and the deliverer all name people by it.
    #[must_use]
    pub fn person(&self, channel: &str, address: &str) -> Key {
        self.key(Purpose::Person, &[channel.as_bytes(), address.trim().to_lowercase().as_bytes()])
    }

    /// The key of a message id on a channel: for `source`, `joins` and `provides`.
    #[must_use]
    pub fn thread(&self, channel: &str, id: &str) -> Key {
        self.key(Purpose::Thread, &[channel.as_bytes(), id.trim().as_bytes()])
    }

    /// The key of a product's number, of which letters and digits count; none when it has none.
    #[must_use]
    pub fn product(&self, number: &str) -> Option<Key> {
        let plain = product_number(number);
        (!plain.is_empty()).then(|| self.key(Purpose::Product, &[plain.as_bytes()]))
    }

    /// The signature over a desk's case number, as lower-case hexadecimal: what our own Message-IDs and
    /// plus-addresses carry, so that nobody can write themselves into a case.
    #[must_use]
    pub fn case_signature(&self, desk: &str, case: u64) -> String {
        hex::encode(self.key(Purpose::Signature, &[desk.as_bytes(), &case.to_be_bytes()]))
    }
}

/// A product's number as it is compared: its letters, small, and digits.
#[must_use]
pub fn product_number(number: &str) -> String {
    number.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::{Keyer, Purpose};

    #[test]
    fn parts_that_read_alike_when_joined_make_different_keys() {
        let keyer = Keyer::new(b"secret");
        let one = keyer.key(Purpose::Thread, &[b"ab", b"c"]);
        assert_ne!(one, keyer.key(Purpose::Thread, &[b"a", b"bc"]));
        assert_ne!(one, keyer.key(Purpose::Idempotency, &[b"ab", b"c"]));
        assert_ne!(one, Keyer::new(b"other").key(Purpose::Thread, &[b"ab", b"c"]));
        assert_eq!(one, keyer.key(Purpose::Thread, &[b"ab", b"c"]));
    }

    #[test]
    fn a_product_is_the_same_however_its_number_is_written() {
        let keyer = Keyer::new(b"secret");
        assert_eq!(keyer.product("1222-4321 5678"), keyer.product("122243215678"));
        assert_ne!(keyer.product("122243215678"), keyer.product("122243215679"));
        assert_eq!(keyer.product(" - "), None);
    }

    #[test]
    fn a_person_is_the_same_whatever_the_case_of_the_address() {
        let keyer = Keyer::new(b"secret");
        assert_eq!(keyer.person("email", " Budi@Example.ID "), keyer.person("email", "budi@example.id"));
        assert_ne!(keyer.person("email", "budi"), keyer.person("x", "budi"));
    }
}
