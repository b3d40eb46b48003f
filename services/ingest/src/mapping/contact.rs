//! A row of a call list as an input.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _};
use chrono_tz::Tz;
use simpang_channels::FactValue;
use simpang_channels::calls::{Contact, RowKey};
use simpang_proto::log::v1 as log;
use simpang_wire::key::{Key, Keyer, Purpose};

use super::content::sealed;
use super::{bytes, hash, log_facts};
use crate::directory::Directory;

/// Longest key of a list's own that stands on the log as it is.
const KEY_BYTES_MAX: usize = 128;

/// What a row is loaded into.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Desk.
    pub(crate) desk: String,
    /// Entry criterion of rows that state none.
    pub(crate) criterion: String,
    /// Campaign.
    pub(crate) campaign: String,
    /// Name of the list, for people.
    pub(crate) list: String,
    /// Zone of times that the list writes without one.
    pub(crate) zone: Tz,
    /// W3C trace context of the call.
    pub(crate) traceparent: String,
}

/// A row, ready to be appended.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// Its key in the campaign.
    pub(crate) key: String,
    /// What is appended.
    pub(crate) input: log::Input,
    /// What could not be used of it; empty when all could.
    pub(crate) remark: String,
}

/// A row as an input, or why it may not be called (H9). A number on the do-not-call list is left out.
pub(crate) fn contact_input(
    keyer: &Keyer,
    directory: &Directory,
    load: &Load,
    contact: &Contact,
) -> Result<Loaded, String> {
    let all = contact.phones.iter().map(|phone| (keyer.person("call", phone), phone));
    let (left_out, allowed): (Vec<_>, Vec<_>) =
        all.partition(|(key, _)| directory.is_suppressed(&load.desk, key));
    if allowed.is_empty() {
        let what = if left_out.len() == 1 { "the number is" } else { "all of its numbers are" };
        return Err(format!("{what} on the do-not-call list"));
    }
    let everybody: Vec<Key> = left_out.iter().chain(&allowed).map(|(key, _)| *key).collect();
    let customer = directory.customer(&everybody);
    if customer.as_ref().is_some_and(has_opted_out) {
        return Err("the customer has opted out of calls".to_owned());
    }
    let (people, phones): (Vec<Key>, Vec<String>) =
        allowed.into_iter().map(|(key, phone)| (key, phone.clone())).unzip();
    let row = plain_row_key(keyer, &contact.row_key);
    let since = waiting_since(&contact.waiting_since, load.zone);
    let key = keyer.key(Purpose::Idempotency, &[b"contact", load.campaign.as_bytes(), row.as_bytes()]);
    let body = log::Contact {
        campaign: load.campaign.clone(),
        row: row_key(keyer, load, &contact.row_key),
        author: people.first().map(|key| bytes(key)).unwrap_or_default(),
        numbers: people.iter().map(|key| bytes(key)).collect(),
        customer,
        criterion: if contact.criterion.is_empty() { &load.criterion } else { &contact.criterion }.clone(),
        facts: facts(contact),
        waiting_since_ms: since.unwrap_or(0),
        zone: contact.zone.clone(),
        content: Some(sealed(&content(load, contact, phones))),
    };
    let unread = since.is_none() && !contact.waiting_since.trim().is_empty();
    let unread = unread.then(|| UNREAD.to_owned());
    let fewer = (!left_out.is_empty())
        .then(|| format!("left out: {} of its numbers, on the do-not-call list", left_out.len()));
    let remarks: Vec<String> = unread.into_iter().chain(fewer).collect();
    Ok(Loaded {
        key: row,
        input: log::Input {
            key: bytes(&key),
            traceparent: load.traceparent.clone(),
            body: Some(log::input::Body::Contact(body)),
        },
        remark: remarks.join("; "),
    })
}

/// Said of a row whose time can't be read.
const UNREAD: &str = "the time since when it waits can't be read: ordered by when it is loaded";

/// Whether a customer wants no calls: the fact `opt_out`.
fn has_opted_out(customer: &log::Customer) -> bool {
    use log::fact::Value;
    let opt_out = customer.facts.iter().find(|fact| fact.name == "opt_out");
    match opt_out.and_then(|fact| fact.value.as_ref()) {
        Some(Value::Flag(flag)) => *flag,
        Some(Value::Text(text)) => ["true", "yes", "ya", "1"].contains(&text.trim().to_lowercase().as_str()),
        _ => false,
    }
}

/// What a list calls its key may name a person, as a number does: on the log stands a keyed hash.
fn row_key(keyer: &Keyer, load: &Load, key: &RowKey) -> String {
    match key {
        RowKey::Given(given) => {
            let parts: [&[u8]; 3] = [b"row", load.campaign.as_bytes(), given.as_bytes()];
            format!("key-{}", hex::encode(keyer.key(Purpose::Idempotency, &parts)))
        }
        RowKey::Phone(_) => plain_row_key(keyer, key),
    }
}

/// The key for people who brought the list, and what its idempotency is made of; never written down.
fn plain_row_key(keyer: &Keyer, key: &RowKey) -> String {
    match key {
        RowKey::Given(given) if given.len() <= KEY_BYTES_MAX => given.clone(),
        RowKey::Given(given) => format!("sha256-{}", hash(given.as_bytes())),
        RowKey::Phone(phone) => format!("phone-{}", hex::encode(keyer.person("call", phone))),
    }
}

/// The ticket, and every column that its header calls a fact: `fact.call_minutes` is the fact `call_minutes`. Nothing
/// else of a list is for rules, since it may name a person.
fn facts(contact: &Contact) -> Vec<log::Fact> {
    let short = |text: &str| FactValue::Text(text.chars().take(500).collect());
    let ticket = (!contact.ticket.is_empty()).then(|| ("ticket".to_owned(), short(&contact.ticket)));
    let columns = contact.attributes.iter().filter_map(|(header, value)| {
        let name = header.trim().to_lowercase();
        let name = name.strip_prefix("fact.")?.trim();
        let is_name = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        is_name.then(|| (name.to_owned(), short(value)))
    });
    let facts: simpang_channels::Facts = columns.chain(ticket).collect();
    log_facts(&facts)
}

fn content(load: &Load, contact: &Contact, phones: Vec<String>) -> log::ContactContent {
    let attribute =
        |(name, value): &(String, String)| log::Attribute { name: name.clone(), value: value.clone() };
    log::ContactContent {
        name: contact.name.clone(),
        phones,
        note: contact.note.clone(),
        row: match &contact.row_key {
            RowKey::Given(given) => given.clone(),
            RowKey::Phone(_) => String::new(),
        },
        attributes: contact.attributes.iter().map(attribute).collect(),
        origin: format!("{}:{}", load.list, contact.line),
    }
}

/// Ways in which lists write a time without an offset, day before month as in Indonesia.
const TIMES: [&str; 8] = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
];
const DATES: [&str; 3] = ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y"];

fn waiting_since(written: &str, zone: Tz) -> Option<i64> {
    let written = written.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(written) {
        return Some(time.timestamp_millis()).filter(|ms| *ms > 0);
    }
    let time = TIMES.iter().find_map(|form| NaiveDateTime::parse_from_str(written, form).ok());
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN);
    let date = || DATES.iter().find_map(|form| NaiveDate::parse_from_str(written, form).ok()).map(midnight);
    let local = zone.from_local_datetime(&time.or_else(date)?).earliest()?;
    Some(local.timestamp_millis()).filter(|ms| *ms > 0)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    fn contact() -> Contact {
        Contact {
            line: 3,
            row_key: RowKey::Phone("+6281234567890".into()),
            name: "Suwarni".into(),
            phones: vec!["+6281234567890".into()],
            note: "sudah menunggu".into(),
            criterion: "VVIP".into(),
            ticket: "IN123".into(),
            waiting_since: "2026-11-20 08:30".into(),
            zone: "Asia/Jakarta".into(),
            attributes: vec![("No HP".into(), "0812-3456-7890".into())],
        }
    }

    fn loaded(contact: &Contact) -> (Loaded, log::Contact) {
        let load = Load {
            desk: "tier2".into(),
            criterion: String::new(),
            campaign: "callback".into(),
            list: "list.csv".into(),
            zone: chrono_tz::Asia::Jakarta,
            traceparent: String::new(),
        };
        let loaded = contact_input(&Keyer::new(b"secret"), &Directory::default(), &load, contact).unwrap();
        let Some(log::input::Body::Contact(body)) = loaded.input.body.clone() else { panic!("a contact") };
        (loaded, body)
    }

    #[test]
    fn a_row_becomes_a_contact_with_its_number_sealed() {
        let (loaded, mut body) = loaded(&contact());
        let content = log::ContactContent::decode(body.content.take().unwrap().body).unwrap();
        assert_eq!((content.name.as_str(), content.origin.as_str()), ("Suwarni", "list.csv:3"));
        assert_eq!(content.attributes[0].value, "0812-3456-7890");
        assert_eq!(body.waiting_since_ms, 1_795_138_200_000);
        assert_eq!(body.facts[0].name, "ticket");
        assert_eq!(loaded.key, body.row, "a number's key is a keyed hash for everybody");
        assert!(loaded.remark.is_empty());
        let shown = format!("{body:?}");
        assert!(!shown.contains("812") && !shown.contains("Suwarni"), "{shown}");
    }

    #[test]
    fn the_same_row_has_the_same_key_wherever_it_stands_in_a_list() {
        let (first, _) = loaded(&contact());
        let (again, _) = loaded(&Contact { line: 9, note: "changed".into(), ..contact() });
        assert_eq!(first.input.key, again.input.key);
        let (other, body) = loaded(&Contact { row_key: RowKey::Given("T-7".into()), ..contact() });
        assert_ne!(first.input.key, other.input.key);
        assert_eq!(other.key, "T-7", "as the list has it, for those who brought it");
        assert!(body.row.starts_with("key-") && !body.row.contains("T-7"), "{}", body.row);
        let content = log::ContactContent::decode(body.content.unwrap().body).unwrap();
        assert_eq!(content.row, "T-7");
    }

    #[test]
    fn times_are_read_as_lists_write_them() {
        for (written, expected) in [
            ("2026-11-20T08:30:00+07:00", Some(1_795_138_200_000)),
            ("2026-11-20 08:30:00", Some(1_795_138_200_000)),
            ("20/11/2026 08:30", Some(1_795_138_200_000)),
            (" 20-11-2026 08:30 ", Some(1_795_138_200_000)),
            ("2026-11-20", Some(1_795_107_600_000)),
            ("kemarin", None),
            ("32/11/2026", None),
            ("", None),
        ] {
            assert_eq!(waiting_since(written, chrono_tz::Asia::Jakarta), expected, "{written}");
        }
    }

    #[test]
    fn a_time_that_can_not_be_read_is_said_and_does_not_stop_the_row() {
        let (loaded, body) = loaded(&Contact { waiting_since: "kemarin".into(), ..contact() });
        assert_eq!(body.waiting_since_ms, 0);
        assert!(loaded.remark.contains("can't be read"));
    }
}
