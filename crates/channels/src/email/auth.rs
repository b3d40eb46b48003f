//! What our own MTA found about a mail: authentication (RFC 8601) and spam, as facts.

use super::headers::Headers;
use crate::message::{FactValue, Parsed};

/// Sets `spf`, `dkim`, `dmarc`, `spam`, `spam_score`, `importance`.
pub(crate) fn set_facts(headers: &Headers, trusted_authserv: &str, parsed: &mut Parsed) {
    for (method, result) in results(headers, trusted_authserv) {
        parsed.set_fact(method, FactValue::Text(result));
    }
    let border = Border::read(headers, trusted_authserv);
    if let Some(spam) = spam(&border) {
        parsed.set_fact("spam", FactValue::Flag(spam));
    }
    if let Some(score) = border.first("x-spam-score").and_then(whole) {
        parsed.set_fact("spam_score", FactValue::Number(score));
    }
    if let Some(importance) = importance(headers) {
        parsed.set_fact("importance", FactValue::Text(importance.to_owned()));
    }
}

/// Results of the topmost run of Authentication-Results fields that carry our authserv-id. A field further down may
/// have come with the mail.
fn results(headers: &Headers, trusted: &str) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    if trusted.is_empty() {
        return found;
    }
    let ours =
        |(name, value): &(&str, &str)| *name == "authentication-results" && authserv_is(value, trusted);
    for (_, value) in headers.iter().skip_while(|f| !ours(f)).take_while(ours) {
        let plain = without_comments(value);
        for resinfo in plain.split(';').skip(1) {
            let Some((method, rest)) = resinfo.trim().split_once('=') else { continue };
            let Some(method) = known_method(method.trim()) else { continue };
            let result: String = rest.trim().chars().take_while(|c| c.is_ascii_alphabetic()).collect();
            merge(&mut found, method, result.to_ascii_lowercase());
        }
    }
    found
}

/// The first result stands, except that one passing signature of several is a pass.
fn merge(found: &mut Vec<(&'static str, String)>, method: &'static str, result: String) {
    if result.is_empty() {
        return;
    }
    match found.iter_mut().find(|(m, _)| *m == method) {
        None => found.push((method, result)),
        Some((_, first)) if method == "dkim" && result == "pass" => *first = result,
        Some(_) => {}
    }
}

fn known_method(name: &str) -> Option<&'static str> {
    let name = name.split('/').next().unwrap_or_default().trim();
    ["spf", "dkim", "dmarc"].into_iter().find(|m| m.eq_ignore_ascii_case(name))
}

fn authserv_is(value: &str, trusted: &str) -> bool {
    let plain = without_comments(value);
    let id = plain.split(';').next().unwrap_or_default();
    id.split_whitespace().next().is_some_and(|id| id.trim_matches('"').eq_ignore_ascii_case(trusted))
}

/// RFC 5322 comments may nest and stand anywhere.
fn without_comments(value: &str) -> String {
    let mut depth = 0_u32;
    let mut kept = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept
}

/// The fields that our own mail server, or a filter behind it, wrote into a mail or let through: those above the first
/// `Received` of a host that is not ours. Fields that came with the mail are among them where the mail was handed to us
/// without any `Received`; a border strips those.
struct Border<'h> {
    fields: Vec<(&'h str, &'h str)>,
}

impl<'h> Border<'h> {
    /// None of a mail that our server is not seen to have taken.
    fn read(headers: &'h Headers, trusted: &str) -> Self {
        let foreign = |field: &(&str, &str)| field.0 == "received" && !is_by(field.1, trusted);
        let mut fields: Vec<_> = headers.iter().take_while(|field| !foreign(field)).collect();
        if trusted.is_empty() || !fields.iter().any(|field| field.0 == "received") {
            fields.clear();
        }
        Self { fields }
    }

    fn first(&self, name: &str) -> Option<&'h str> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value)
    }
}

/// Whether a `Received` field was written by this host or one below it (RFC 5321 section 4.4: `by` names the writer).
fn is_by(received: &str, host: &str) -> bool {
    let plain = without_comments(received);
    let mut words = plain.split_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("by"));
    let Some(by) = words.nth(1) else { return false };
    let by = by.trim_matches([';', '.']).to_ascii_lowercase();
    let host = host.to_ascii_lowercase();
    by.strip_suffix(&host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn spam(border: &Border<'_>) -> Option<bool> {
    let value = border.first("x-spam-flag").or_else(|| border.first("x-spam-status"))?;
    let word: String = value.chars().take_while(char::is_ascii_alphabetic).collect();
    match word.to_ascii_lowercase().as_str() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

/// The whole part of a score such as `5.3` or `-0.1`, toward zero.
fn whole(value: &str) -> Option<i64> {
    let number = value.split_whitespace().next()?;
    number.split(['.', '/']).next()?.trim_start_matches('+').parse().ok()
}

fn importance(headers: &Headers) -> Option<&'static str> {
    let value = headers.first("importance").or_else(|| headers.first("x-priority"))?.to_ascii_lowercase();
    match value.chars().next()? {
        'h' | '1' | '2' => Some("high"),
        'l' | '4' | '5' => Some("low"),
        'n' | '3' => Some("normal"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Border, Headers, is_by, results, spam, without_comments};

    #[test]
    fn only_our_own_servers_topmost_results_count() {
        let headers = Headers::read(
            b"Received: by mx\nAuthentication-Results: mx.us.id (v) 1; spf=pass (ok; really) smtp.mailfrom=a;\n \
            dkim=fail; dkim=pass header.d=a\nAuthentication-Results: MX.us.id; dmarc=none\nSubject: x\n\
            Authentication-Results: mx.us.id; dmarc=pass\nAuthentication-Results: evil; spf=fail\n",
        );
        let expected: Vec<(&str, String)> =
            vec![("spf", "pass".into()), ("dkim", "pass".into()), ("dmarc", "none".into())];
        assert_eq!(results(&headers, "mx.us.id"), expected);
        assert!(results(&headers, "").is_empty());
        assert!(results(&headers, "other").is_empty());
    }

    #[test]
    fn a_verdict_on_spam_counts_only_above_the_first_host_that_is_not_ours() {
        let table: &[(&str, Option<bool>)] = &[
            ("X-Spam-Flag: YES\nReceived: from a by mx.us.id with ESMTP; Mon\nFrom: a\n", Some(true)),
            ("Received: from a (by evil) by mx.us.id;\nX-Spam-Status: No, score=1\nFrom: a\n", Some(false)),
            (
                "Received: from x by filter.mx.us.id\nReceived: from a by MX.us.id\nX-Spam-Flag: YES\n",
                Some(true),
            ),
            // The sender's own word: below their server's field.
            ("Received: from b by mx.us.id\nReceived: from a by b.example\nX-Spam-Flag: NO\nFrom: a\n", None),
            ("Received: from b by evilmx.us.id\nX-Spam-Flag: NO\nFrom: a\n", None),
            ("Received: from b by mx.us.id.evil.example\nX-Spam-Flag: NO\n", None),
            ("Received: nonsense\nX-Spam-Flag: NO\nReceived: from b by mx.us.id\n", None),
            // Nobody of ours is seen to have taken it.
            ("X-Spam-Flag: NO\nFrom: a\n", None),
        ];
        for (block, expected) in table {
            let headers = Headers::read(block.as_bytes());
            assert_eq!(spam(&Border::read(&headers, "mx.us.id")), *expected, "{block}");
            assert_eq!(spam(&Border::read(&headers, "")), None, "{block}");
        }
        assert!(!is_by("from a by", "mx.us.id"));
    }

    #[test]
    fn comments_nest() {
        assert_eq!(without_comments("a (b (c) d) e) f (g"), "a  e f ");
    }
}
