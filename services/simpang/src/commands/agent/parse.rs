//! What people type, as the API takes it.

use std::io::Read;

use anyhow::{Context, Result, bail};
use simpang_proto::agent::v1::fact::Value;
use simpang_proto::agent::v1::{Channel, ChannelLimit, Fact, Field, MessageId, SessionLimit};

/// `Komplain > Internet`: parts without the spaces around them; an empty text has none.
pub(super) fn path(text: &str) -> Result<Vec<String>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<String> = text.split('>').map(|part| part.trim().to_owned()).collect();
    if parts.iter().any(String::is_empty) {
        bail!("`{text}` has an empty part: write such as \"Komplain > Internet\"");
    }
    Ok(parts)
}

fn pair(text: &str) -> Result<(String, String)> {
    let (name, value) = text.split_once('=').with_context(|| format!("`{text}` is not NAME=VALUE"))?;
    if name.trim().is_empty() {
        bail!("`{text}` has no name before the `=`");
    }
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// `nomor tiket=IN1`.
pub(super) fn fields(texts: &[String]) -> Result<Vec<Field>> {
    texts.iter().map(|text| pair(text).map(|(name, value)| Field { name, value })).collect()
}

/// `hard=yes`, `followers=1200`, `sto=DGO`; an empty value removes the fact.
pub(super) fn facts(texts: &[String]) -> Result<Vec<Fact>> {
    texts.iter().map(|text| pair(text).map(|(name, value)| Fact { name, value: Some(fact(value)) })).collect()
}

fn fact(value: String) -> Value {
    match value.as_str() {
        "yes" | "true" => Value::Flag(true),
        "no" | "false" => Value::Flag(false),
        digits => match digits.parse() {
            // A number with leading zeros is somebody's number, not an amount.
            Ok(number) if !is_padded(digits) => Value::Number(number),
            _ => Value::Text(value),
        },
    }
}

/// `3`, `email=2` and the like, or `none`; nothing given changes nothing.
pub(super) fn capacity(texts: &[String]) -> Result<Option<SessionLimit>> {
    let mut limit = SessionLimit::default();
    for text in texts {
        if text == "none" && texts.len() == 1 {
            continue;
        }
        let wrong = || format!("`{text}` is no capacity: write such as 3, email=2, or none alone");
        let (channel, number) = text.split_once('=').map_or((None, text.as_str()), |(c, n)| (Some(c), n));
        let most = number.trim().parse().with_context(wrong)?;
        match channel {
            None => limit.total = Some(most),
            Some(channel) => {
                let name = format!("CHANNEL_{}", channel.trim().to_uppercase());
                let known = Channel::from_str_name(&name).filter(|c| *c != Channel::Unspecified);
                let channel = known.with_context(wrong)?.into();
                limit.channels.push(ChannelLimit { channel, limit: most });
            }
        }
    }
    Ok((!texts.is_empty()).then_some(limit))
}

fn is_padded(digits: &str) -> bool {
    digits.starts_with('+') || (digits.len() > 1 && digits.trim_start_matches('-').starts_with('0'))
}

/// RFC 3339 as ms since 1970 UTC.
pub(crate) fn time(text: &str) -> Result<i64> {
    let parsed = chrono::DateTime::parse_from_rfc3339(text).with_context(|| {
        format!("`{text}` is no time: write such as 2026-11-21T15:00:00+07:00, with the zone")
    })?;
    Ok(parsed.timestamp_millis())
}

/// `412.0`: where a message stands on the log.
pub(crate) fn place(text: &str) -> Result<MessageId> {
    let (seq, index) = text.split_once('.').unwrap_or((text, "0"));
    match (seq.parse(), index.parse()) {
        (Ok(seq), Ok(index)) => Ok(MessageId { seq, index }),
        _ => bail!("`{text}` is no place of a message: write such as 412.0, as `simpang agent show` says"),
    }
}

/// A text as typed, or standard input for `-`.
pub(super) fn text(given: String) -> Result<String> {
    if given != "-" {
        return Ok(given);
    }
    let mut read = String::new();
    std::io::stdin().read_to_string(&mut read).context("can't read the text from standard input")?;
    let read = read.trim_end();
    if read.is_empty() {
        bail!("standard input was empty: nothing was sent");
    }
    Ok(read.to_owned())
}

#[cfg(test)]
mod tests {
    use simpang_proto::agent::v1::MessageId;
    use simpang_proto::agent::v1::fact::Value;

    use super::{capacity, facts, fields, path, place, time};

    /// In all, and by channel.
    type Limits = (Option<u32>, Vec<(i32, u32)>);

    fn given(texts: &[&str]) -> anyhow::Result<Option<Limits>> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let limit = capacity(&texts)?;
        Ok(limit.map(|l| (l.total, l.channels.iter().map(|of| (of.channel, of.limit)).collect())))
    }

    #[test]
    fn a_capacity_is_a_number_in_all_or_of_a_channel() {
        assert_eq!(given(&[]).unwrap(), None);
        assert_eq!(given(&["none"]).unwrap(), Some((None, Vec::new())));
        assert_eq!(given(&["3", "email=2", "x = 0"]).unwrap(), Some((Some(3), vec![(1, 2), (2, 0)])));
        for wrong in [&["much"][..], &["fax=2"], &["email=-1"], &["none", "3"], &["unspecified=1"]] {
            assert!(given(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn paths_are_cut_at_the_signs_and_trimmed() {
        for (text, parts) in [
            ("", &[][..]),
            ("Billing", &["Billing"]),
            ("Komplain > Internet>Tidak Bisa Connect ", &["Komplain", "Internet", "Tidak Bisa Connect"]),
        ] {
            assert_eq!(path(text).unwrap(), parts, "{text}");
        }
        assert!(path("Komplain >").is_err());
    }

    #[test]
    fn fields_keep_what_stands_after_the_first_equals_sign() {
        let read = fields(&["nomor tiket = IN=1".to_owned()]).unwrap();
        assert_eq!((read[0].name.as_str(), read[0].value.as_str()), ("nomor tiket", "IN=1"));
        assert!(fields(&["nomor tiket".to_owned()]).is_err());
        assert!(fields(&["=1".to_owned()]).is_err());
    }

    #[test]
    fn facts_are_flags_numbers_or_texts() {
        for (text, value) in [
            ("hard=yes", Value::Flag(true)),
            ("hard=false", Value::Flag(false)),
            ("followers=1200", Value::Number(1200)),
            ("level=-3", Value::Number(-3)),
            ("phone=0812345", Value::Text("0812345".into())),
            ("phone=+62812", Value::Text("+62812".into())),
            ("zero=0", Value::Number(0)),
            ("sto=DGO", Value::Text("DGO".into())),
            ("sto=", Value::Text(String::new())),
        ] {
            assert_eq!(facts(&[text.to_owned()]).unwrap()[0].value, Some(value), "{text}");
        }
    }

    #[test]
    fn times_need_a_zone() {
        assert_eq!(time("1970-01-01T07:00:01+07:00").unwrap(), 1_000);
        assert!(time("2026-11-21 15:00").unwrap_err().to_string().contains("+07:00"));
    }

    #[test]
    fn places_are_sequence_and_index() {
        assert_eq!(place("412.3").unwrap(), MessageId { seq: 412, index: 3 });
        assert_eq!(place("412").unwrap(), MessageId { seq: 412, index: 0 });
        assert!(place("case 1").is_err());
    }
}
