//! What conditions read, each thing once: a condition names slots, and slots are filled from the facts.

use std::borrow::Cow;

use simpang_domain::facts::{AgentFacts, CaseFacts, Facts, Value};
use simpang_domain::words::Name;

use super::vocabulary::{FactType, Root};
use crate::calendar::months_between;

const DAY_MS: i64 = 86_400_000;

/// One thing that conditions read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Slot {
    /// A fact by root and name, of a type.
    Fact(Root, String, FactType),
    /// Whether a fact is there: `has(…)`.
    Presence(Root, String),
    /// An agent's level in a skill; 0: they lack it.
    Skill(String),
    /// A list of the policy.
    List(String),
}

impl Slot {
    /// As a condition writes it.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Fact(root, name, _) => format!("{}.{name}", root.as_str()),
            Self::Presence(root, name) => format!("has({}.{name})", root.as_str()),
            Self::Skill(name) => format!("agent.skills.{name}"),
            Self::List(name) => format!("lists.{name}"),
        }
    }
}

/// The value in a slot. What is absent reads as "" (text), no (flag), or none (texts); an absent number is `Absent`:
/// it equals nothing and orders before nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Filled<'a> {
    Text(Cow<'a, str>),
    Number(i64),
    Flag(bool),
    Texts(Cow<'a, [Name]>),
    Absent,
}

impl Filled<'_> {
    /// The same, borrowing nothing.
    pub(crate) fn into_owned(self) -> Filled<'static> {
        match self {
            Self::Text(text) => Filled::Text(Cow::Owned(text.into_owned())),
            Self::Number(number) => Filled::Number(number),
            Self::Flag(flag) => Filled::Flag(flag),
            Self::Texts(texts) => Filled::Texts(Cow::Owned(texts.into_owned())),
            Self::Absent => Filled::Absent,
        }
    }
}

/// Fills a slot of a rule from a case's facts.
pub(crate) fn of_case<'a>(slot: &Slot, facts: &CaseFacts<'a>) -> Filled<'a> {
    match slot {
        Slot::Fact(root, name, of) => typed(raw_of_case(*root, name, facts), *of),
        Slot::Presence(root, name) => Filled::Flag(is_there(&raw_of_case(*root, name, facts))),
        Slot::Skill(_) | Slot::List(_) => Filled::Absent,
    }
}

fn raw_of_case<'a>(root: Root, name: &str, facts: &CaseFacts<'a>) -> Filled<'a> {
    let text = |text: Option<&'a Name>| text.map_or(Filled::Absent, |t| text_of(t));
    let customer = facts.customer;
    match (root, name) {
        (Root::Message, "account") => text_of(facts.account),
        (Root::Message, "channel") => text_of(facts.channel.as_str()),
        (Root::Message, "visibility") => text_of(facts.visibility.as_str()),
        (Root::Customer, "known") => Filled::Flag(customer.is_some_and(|c| c.id.is_some())),
        (Root::Customer, "id") => text(customer.and_then(|c| c.id.as_ref())),
        (Root::Customer, "segment") => text(customer.and_then(|c| c.segment.as_ref())),
        (Root::Customer, "profession") => text(customer.and_then(|c| c.profession.as_ref())),
        (Root::Case, "category") => Filled::Texts(Cow::Borrowed(facts.category)),
        (Root::Case, "occasion") => text_of(facts.occasion.as_str()),
        (Root::Contact, "campaign") => facts.campaign.map_or(Filled::Absent, text_of),
        (Root::Contact, "criterion") => facts.criterion.map_or(Filled::Absent, text_of),
        (Root::Message, fact) if facts.campaign.is_none() => fact_of(facts.message, fact),
        (Root::Contact, fact) if facts.campaign.is_some() => fact_of(facts.message, fact),
        (Root::Customer, fact) => customer.map_or(Filled::Absent, |c| fact_of(&c.facts, fact)),
        (Root::Case, fact) => fact_of(facts.case, fact),
        (Root::Message | Root::Contact | Root::Agent | Root::Lists, _) => Filled::Absent,
    }
}

/// Fills a slot of a condition over an agent. The zone tells whole months.
pub(crate) fn of_agent<'a>(slot: &Slot, facts: &AgentFacts<'a>, zone: chrono_tz::Tz) -> Filled<'a> {
    match slot {
        Slot::Fact(Root::Agent, name, of) => typed(raw_of_agent(name, facts, zone), *of),
        Slot::Presence(Root::Agent, name) => Filled::Flag(is_there(&raw_of_agent(name, facts, zone))),
        Slot::Skill(name) => Filled::Number(i64::from(facts.record.level(name))),
        Slot::Fact(..) | Slot::Presence(..) | Slot::List(_) => Filled::Absent,
    }
}

fn raw_of_agent<'a>(name: &str, facts: &AgentFacts<'a>, zone: chrono_tz::Tz) -> Filled<'a> {
    let record = facts.record;
    let tenure = || record.since.and_then(|since| months_between(zone, since, facts.now));
    match name {
        "id" => text_of(facts.agent),
        "site" => record.site.as_ref().map_or(Filled::Absent, |site| text_of(site)),
        "groups" => Filled::Texts(Cow::Borrowed(&record.groups)),
        "roles" => Filled::Texts(record.roles.iter().map(|r| Name::from(r.as_str())).collect()),
        "skills" => {
            Filled::Texts(record.skills.iter().filter(|(_, l)| *l > 0).map(|(n, _)| n.clone()).collect())
        }
        "qa_met_months" => Filled::Number(count(record.qa_met.iter().take_while(|met| **met))),
        "tenure_days" => match record.since {
            Some(since) if since <= facts.now => Filled::Number((facts.now - since).div_euclid(DAY_MS)),
            _ => Filled::Absent,
        },
        "tenure_months" => tenure().map_or(Filled::Absent, |(months, _)| Filled::Number(months)),
        "tenure_extra_days" => tenure().map_or(Filled::Absent, |(_, days)| Filled::Number(days)),
        fact => fact_of(&record.facts, fact),
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> i64 {
    i64::try_from(items.count()).unwrap_or(i64::MAX)
}

fn fact_of<'a>(facts: &'a Facts, name: &str) -> Filled<'a> {
    match facts.get(name) {
        None => Filled::Absent,
        Some(Value::Text(text)) => text_of(text),
        Some(Value::Number(number)) => Filled::Number(*number),
        Some(Value::Flag(flag)) => Filled::Flag(*flag),
        Some(Value::Texts(texts)) => Filled::Texts(Cow::Borrowed(texts)),
    }
}

fn text_of(text: &str) -> Filled<'_> {
    Filled::Text(Cow::Borrowed(text))
}

fn is_there(filled: &Filled<'_>) -> bool {
    match filled {
        Filled::Absent => false,
        Filled::Text(text) => !text.is_empty(),
        Filled::Texts(texts) => !texts.is_empty(),
        Filled::Number(_) | Filled::Flag(_) => true,
    }
}

/// A value as its declared type. Lists loaded from CSV bring everything as text, so numbers and flags are read from
/// text; what can't be read is absent.
fn typed(filled: Filled<'_>, of: FactType) -> Filled<'_> {
    match (of, filled) {
        (FactType::Text, Filled::Text(text)) => Filled::Text(text),
        (FactType::Text, _) => text_of(""),
        (FactType::Number, Filled::Number(number)) => Filled::Number(number),
        (FactType::Number, Filled::Text(text)) => text.trim().parse().map_or(Filled::Absent, Filled::Number),
        (FactType::Number, _) => Filled::Absent,
        (FactType::Flag, Filled::Flag(flag)) => Filled::Flag(flag),
        (FactType::Flag, Filled::Text(text)) => Filled::Flag(is_yes(&text)),
        (FactType::Flag, _) => Filled::Flag(false),
        (FactType::Texts, Filled::Texts(texts)) => Filled::Texts(texts),
        (FactType::Texts, Filled::Text(text)) if !text.is_empty() => {
            Filled::Texts(Cow::Owned(vec![Name::from(&*text)]))
        }
        (FactType::Texts, _) => Filled::Texts(Cow::Borrowed(&[])),
    }
}

/// `true`, `yes`, `y`, `1` and the Indonesian `ya`, in any case.
fn is_yes(text: &str) -> bool {
    ["true", "yes", "y", "1", "ya"].iter().any(|yes| yes.eq_ignore_ascii_case(text.trim()))
}
