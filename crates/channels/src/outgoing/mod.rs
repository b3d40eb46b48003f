//! The way back to a channel, as far as it is pure: what is sent, and what the channel's answer means.
//!
//! Speaks no SMTP or HTTP and retries nothing. Where an answer can't tell whether a post arrived, it says so
//! ([`Answer::Unknown`]): nobody may then send again by themselves.

pub mod facebook;
pub mod found;
pub mod mail;
pub mod x;

/// What a channel's answer to a send means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The channel accepted it.
    Delivered {
        /// The id the channel gave it; may be empty for mail.
        id: String,
    },
    /// Not sent, and worth another try.
    Retry {
        /// Not before this many ms from now; nothing when the channel does not say.
        after_ms: Option<u64>,
        /// What the channel said, without personal data.
        reason: String,
    },
    /// The channel refused it, and will again.
    Refused {
        /// What the channel said, without personal data.
        reason: String,
    },
    /// Nobody can say whether it arrived.
    Unknown {
        /// What the channel said, without personal data.
        reason: String,
    },
}

/// An HTTP answer, as much of it as decides.
#[derive(Debug, Clone, Copy)]
pub struct HttpAnswer<'a> {
    /// Status code.
    pub status: u16,
    /// Header fields, names in any case.
    pub headers: &'a [(&'a str, &'a str)],
    /// Body.
    pub body: &'a [u8],
}

impl HttpAnswer<'_> {
    /// The first field of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim())
    }

    /// `Retry-After` in seconds, as ms. The form with a date is not read.
    fn retry_after_ms(&self) -> Option<u64> {
        let seconds: u64 = self.header("retry-after")?.parse().ok()?;
        Some(seconds.min(WAIT_SECONDS_MAX) * 1_000)
    }
}

/// The header of our posts to webhooks that carries their signature.
pub const SIGNATURE_HEADER: &str = "x-simpang-signature";

/// The signature of a post to a webhook: `t=<second>,v1=<hex>`, where the hex is the HMAC-SHA256 of `<second>.<body>`
/// under the secret. A receiver compares it, and refuses seconds that are long past.
#[must_use]
pub fn webhook_signature(secret: &[u8], at_s: i64, body: &str) -> String {
    let signed = crate::signature::hmac_sha256(secret, format!("{at_s}.{body}").as_bytes());
    format!("t={at_s},v1={}", hex::encode(signed))
}

/// Longest wait that is believed: a day.
const WAIT_SECONDS_MAX: u64 = 86_400;

/// Longest reason, as the log's contract has it.
const REASON_CHARS_MAX: usize = 500;

/// A reason for the log: one line, bounded.
fn reason(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_CHARS_MAX).collect()
}
