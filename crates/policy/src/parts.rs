//! What a policy holds besides what the core reads: accounts, groups, templates, links, campaign forms.

use simpang_domain::words::{Channel, Name};

use crate::problem::hint;

/// One of the desk's accounts (A1, A2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRule {
    /// Channel.
    pub channel: Channel,
    /// Mailbox, handle without `@`, or page name; lower case.
    pub account: Name,
    /// Other names the channel knows it by; lower case.
    pub aliases: Vec<Name>,
}

/// How long records of a desk are kept, and who answers for them (L2: Masa Simpan, Penanggung Jawab).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// How long records stay on the live log after they were written, ms.
    pub live_ms: i64,
    /// How long an archive keeps them after they were written, ms; not less.
    pub archive_ms: i64,
    /// Who is responsible for them.
    pub responsible: Name,
    /// The document that says so; empty: none does.
    pub document: Name,
}

/// A group of people that is told something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Name.
    pub name: Name,
    /// Title for people.
    pub title: Name,
    /// Where it is told.
    pub notify: Destination,
}

/// Where a group is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A mail address.
    Mailbox(Name),
    /// An http(s) address that takes a JSON post.
    Webhook(Name),
}

/// A link to another system with the case's numbers filled in (M10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Name.
    pub name: Name,
    /// Title for people.
    pub title: Name,
    /// Address with `{{fields}}`.
    pub url: Name,
}

/// What people see of a campaign; the core's part is in `Tables::campaigns`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignForm {
    /// Name.
    pub name: Name,
    /// Title for people.
    pub title: Name,
    /// Zone of its call window where a contact has none.
    pub zone: Name,
    /// Entry criteria in the document's order: code and title (A7).
    pub criteria: Vec<(Name, Name)>,
    /// Fields of its form, in the form's order.
    pub fields: Vec<Name>,
    /// The system that takes its results (K13).
    pub reports_to: Option<Name>,
}

/// A text with `{{fields}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Name.
    pub name: Name,
    /// Subject line; empty: the case's own.
    pub subject: Name,
    /// Text.
    pub text: Name,
}

/// Fields that templates may name. What is not known of a case is filled in as nothing.
pub const FIELDS: &[&str] = &[
    "account",
    "agent",
    "campaign",
    "case",
    "category",
    "channel",
    "customer",
    "desk",
    "due",
    "internet_number",
    "phone_number",
    "priority",
    "queue",
    "reason",
    "segment",
    "signature",
    "subject",
    "text",
    "ticket",
];

/// Fields that links may name: what a case carries of other people's systems, and its own numbers (K11, M10).
pub const LINK_FIELDS: &[&str] =
    &["account", "case", "customer", "internet_number", "phone_number", "ticket"];

/// Fields of the line above what a mail quotes.
pub(crate) const QUOTE_FIELDS: &[&str] = &["customer", "date"];

/// That line where a desk says nothing.
pub(crate) const QUOTE: &str = "On {{date}}, {{customer}} wrote:";

/// Stands instead of that line where nothing is to be quoted.
pub(crate) const NO_QUOTE: &str = "none";

impl Template {
    /// The subject with its fields filled in.
    pub fn fill_subject(&self, value: impl Fn(&str) -> String) -> String {
        fill(&self.subject, value)
    }

    /// The text with its fields filled in.
    pub fn fill_text(&self, value: impl Fn(&str) -> String) -> String {
        fill(&self.text, value)
    }

    /// The fields that its subject and text name, each once, sorted.
    #[must_use]
    pub fn fields(&self) -> Vec<String> {
        let mut names = Vec::new();
        for text in [&self.subject, &self.text] {
            let mut rest: &str = text;
            while let Some((field, after)) =
                rest.split_once("{{").and_then(|(_, after)| after.split_once("}}"))
            {
                names.push(field.trim().to_owned());
                rest = after;
            }
        }
        names.sort();
        names.dedup();
        names
    }

    /// Says what is wrong with a text's fields, given those that are known.
    pub(crate) fn check(text: &str, known: &[&str]) -> Result<(), String> {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once("{{") {
            let Some((field, after)) = after.split_once("}}") else {
                return Err("`{{` without `}}`".to_owned());
            };
            let field = field.trim();
            if !known.contains(&field) {
                return Err(format!("unknown field `{{{{{field}}}}}`{}", hint(field, known.iter().copied())));
            }
            rest = after;
        }
        Ok(())
    }
}

impl Link {
    /// The address with its fields filled in, each percent-encoded.
    pub fn fill(&self, value: impl Fn(&str) -> String) -> String {
        fill(&self.url, |field| percent_encode(&value(field)))
    }
}

/// Values are taken as they are: a `{{field}}` inside one is not filled in again.
pub(crate) fn fill(text: &str, value: impl Fn(&str) -> String) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((field, after)) = after.split_once("}}") else { break };
        filled.push_str(before);
        filled.push_str(&value(field.trim()));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_filled_in_once() {
        let template =
            Template { name: "t".into(), subject: "#{{case}}".into(), text: "a {{ text }} b".into() };
        assert_eq!(template.fill_subject(|field| format!("<{field}>")), "#<case>");
        assert_eq!(template.fill_text(|_| "{{case}}".to_owned()), "a {{case}} b");
        assert_eq!(template.fields(), ["case", "text"]);
    }

    #[test]
    fn unknown_and_unclosed_fields_are_found() {
        assert_eq!(Template::check("x {{case}} {{ queue }}", FIELDS), Ok(()));
        assert_eq!(
            Template::check("{{cse}}", FIELDS),
            Err("unknown field `{{cse}}`; did you mean `case`?".to_owned())
        );
        assert_eq!(Template::check("{{case", FIELDS), Err("`{{` without `}}`".to_owned()));
    }

    #[test]
    fn a_link_can_not_be_broken_out_of() {
        let link = Link { name: "l".into(), title: "l".into(), url: "https://h/?n={{ticket}}".into() };
        assert_eq!(link.fill(|_| "a&b=é".to_owned()), "https://h/?n=a%26b%3D%C3%A9");
    }
}
