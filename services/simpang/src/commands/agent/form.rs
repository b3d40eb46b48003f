//! The form of an answer, filled in as far as the case is known (F2, F7): what a client shows before anything is sent.

use anyhow::{Context, Result, bail};
use serde_json::json;
use simpang_policy::Template;
use simpang_proto::agent::v1 as api;
use simpang_proto::view::v1 as view;
use simpang_proto::view::v1::entry::What;
use simpang_views::sentence::plain;

use super::Me;
use crate::client::refused;
use crate::commands::forms;
use crate::output;

/// Prints the form, or only the text that it is prefilled with.
pub(super) async fn show(me: &Me, case: u64, template: &str, only_feedback: bool) -> Result<()> {
    let form = Form::of(me, case, template).await?;
    if me.json {
        output::json(&form.json());
    } else if only_feedback {
        output::line(&form.feedback);
    } else {
        form.lines().iter().for_each(output::line);
    }
    Ok(())
}

/// The text that the form is prefilled with by a template, and its subject.
pub(super) async fn filled(me: &Me, case: u64, template: &str) -> Result<(String, String)> {
    let form = Form::of(me, case, template).await?;
    Ok((form.subject, form.feedback))
}

/// The form, with the names that the document gives its fields.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    case: u64,
    user_name: String,
    remark: String,
    contact_date: String,
    source: String,
    kind: String,
    category: String,
    reply_types: Vec<String>,
    subject: String,
    feedback: String,
}

impl Form {
    async fn of(me: &Me, case: u64, template: &str) -> Result<Self> {
        let request = api::GetFormsRequest { desk: me.desk.clone(), at_least: 0 };
        let forms = me.client.agent().get_forms(request).await.map_err(refused)?.into_inner();
        let shown = super::view::case(me, case).await?;
        Self::filled(&me.desk, &forms, &shown, template)
    }

    fn filled(
        desk: &str,
        forms: &api::GetFormsResponse,
        shown: &view::GetCaseResponse,
        template: &str,
    ) -> Result<Self> {
        let case = shown.case.as_ref().context("the view answered without a case")?;
        let summary = case.summary.clone().unwrap_or_default();
        let known = Known { desk, forms, case, summary: &summary, customer: shown.customer.as_ref() };
        let channel = plain(summary.channel().as_str_name(), "CHANNEL_");
        let reply = forms.replies.iter().find(|reply| reply.channel == channel);
        let (subject, text) = match template {
            "" => (String::new(), String::new()),
            name => known.template(name)?,
        };
        let latest = known.latest().cloned().unwrap_or_default();
        let prefill = reply.map(|reply| reply.prefill.replace("{{handle}}", handle(&latest.from_address)));
        Ok(Self {
            case: summary.case,
            user_name: known.user_name(&latest),
            remark: latest.text.clone(),
            contact_date: if latest.at_ms == 0 { String::new() } else { output::time(latest.at_ms) },
            source: channel,
            kind: if latest.public { "public".into() } else { "private".into() },
            category: summary.category.join(" > "),
            reply_types: reply.iter().flat_map(|reply| &reply.kinds).map(forms::reply_kind).collect(),
            subject,
            feedback: format!("{}{text}", prefill.unwrap_or_default()),
        })
    }

    fn lines(&self) -> Vec<String> {
        let rows = [
            ("User Name", self.user_name.clone()),
            ("Remark", self.remark.clone()),
            ("Contact Date", self.contact_date.clone()),
            ("Source", self.source.clone()),
            ("Type", self.kind.clone()),
            ("Category", self.category.clone()),
            ("Reply Type", self.reply_types.join(", ")),
            ("Subject", self.subject.clone()),
            ("Feedback", self.feedback.clone()),
        ];
        let mut lines = vec![format!("Answer on case {}", self.case)];
        for (name, value) in rows.into_iter().filter(|(_, value)| !value.is_empty()) {
            let mut first = format!("  {name:<14}");
            for line in value.lines() {
                lines.push(format!("{first}{line}").trim_end().to_owned());
                first = " ".repeat(16);
            }
        }
        lines
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "case": self.case, "userName": self.user_name, "remark": self.remark, "contactDate": self.contact_date,
            "source": self.source, "type": self.kind, "category": self.category, "replyTypes": self.reply_types,
            "subject": self.subject, "feedback": self.feedback,
        })
    }
}

fn handle(address: &str) -> &str {
    address.trim_start_matches('@')
}

/// What is known of a case when its form is filled in.
struct Known<'a> {
    desk: &'a str,
    forms: &'a api::GetFormsResponse,
    case: &'a view::Case,
    summary: &'a view::CaseSummary,
    customer: Option<&'a view::Customer>,
}

impl<'a> Known<'a> {
    /// The customer's latest message that a person wrote, which the answer answers.
    fn latest(&self) -> Option<&'a view::CustomerMessage> {
        self.case.conversation.iter().rev().find_map(|entry| match &entry.what {
            Some(What::Message(message)) if !message.automatic => Some(message),
            _ => None,
        })
    }

    fn user_name(&self, latest: &view::CustomerMessage) -> String {
        match (latest.from_name.as_str(), latest.from_address.as_str()) {
            ("", "") => self.summary.customer_name.clone(),
            ("", address) => address.to_owned(),
            (name, "") => name.to_owned(),
            (name, address) => format!("{name} ({address})"),
        }
    }

    /// Subject and text of a template, with its fields filled in as the deliverer fills in those of the rules.
    fn template(&self, name: &str) -> Result<(String, String)> {
        let Some(found) = self.forms.templates.iter().find(|template| template.name == name) else {
            let names: Vec<&str> = self.forms.templates.iter().map(|t| t.name.as_str()).collect();
            bail!("the policy has no template `{name}`, only {}", names.join(", "));
        };
        let template = Template {
            name: found.name.as_str().into(),
            subject: found.subject.as_str().into(),
            text: found.text.as_str().into(),
        };
        let field = |name: &str| self.field(name);
        Ok((template.fill_subject(field), template.fill_text(field)))
    }

    /// What is not known is filled in as nothing.
    fn field(&self, name: &str) -> String {
        let latest = self.latest();
        match name {
            "account" => self.summary.account.clone(),
            "agent" => self.summary.assignee.clone(),
            "campaign" => self.campaign(),
            "case" => self.summary.case.to_string(),
            "category" => self.summary.category.join(" > "),
            "channel" => plain(self.summary.channel().as_str_name(), "CHANNEL_"),
            "customer" => latest.map_or_else(|| self.summary.customer_name.clone(), |m| m.from_name.clone()),
            "desk" => self.desk.to_owned(),
            "due" => self.due(),
            "priority" => self.summary.priority.clone(),
            "queue" => self.summary.queue.clone(),
            "reason" => self.case.escalations.last().map(|e| e.text.clone()).unwrap_or_default(),
            "segment" => self.summary.segment.clone(),
            "signature" => self.forms.signature.clone(),
            "subject" => latest.map(|message| message.subject.clone()).unwrap_or_default(),
            "text" => latest.map(|message| message.text.clone()).unwrap_or_default(),
            "ticket" => self.ticket(),
            fact => self.fact(fact),
        }
    }

    fn campaign(&self) -> String {
        let named = self.forms.campaigns.iter().find(|campaign| campaign.name == self.summary.campaign);
        named.map_or(&self.summary.campaign, |campaign| &campaign.title).clone()
    }

    /// When the first of the case's clocks is up, in the desk's zone.
    fn due(&self) -> String {
        let at = chrono::DateTime::from_timestamp_millis(self.summary.deadline_ms);
        let zone = self.forms.zone.parse::<chrono_tz::Tz>().unwrap_or(chrono_tz::UTC);
        let at = at.filter(|_| self.summary.deadline_ms != 0);
        at.map(|at| at.with_timezone(&zone).format("%Y-%m-%d %H:%M %Z").to_string()).unwrap_or_default()
    }

    /// The number that was linked last, else the fact of that name.
    fn ticket(&self) -> String {
        let last = self.case.references.iter().max_by_key(|reference| reference.at_ms);
        last.map_or_else(|| self.fact("ticket"), |reference| reference.number.clone())
    }

    fn fact(&self, name: &str) -> String {
        let of_customer = self.customer.into_iter().flat_map(|customer| &customer.facts);
        let mut facts = self.case.facts.iter().chain(of_customer);
        match facts.find(|fact| fact.name == name).and_then(|fact| fact.value.as_ref()) {
            Some(view::fact::Value::Text(text)) => text.clone(),
            Some(view::fact::Value::Number(number)) => number.to_string(),
            _ if name == "phone_number" => self
                .case
                .contact
                .as_ref()
                .and_then(|contact| contact.phones.first())
                .cloned()
                .unwrap_or_default(),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms() -> api::GetFormsResponse {
        let kind = |kind: api::ReplyKind, characters, parts| api::FormReplyKind {
            kind: kind.into(),
            characters,
            weighted: true,
            parts,
        };
        let reply = api::FormReply {
            channel: "x".into(),
            kinds: vec![kind(api::ReplyKind::Normal, 280, 1), kind(api::ReplyKind::Thread, 280, 25)],
            prefill: "@{{handle}} ".into(),
        };
        let template = api::FormTemplate {
            name: "progress".into(),
            text: "{{customer}}, tiket {{ticket}} ({{category}}) selesai {{due}}. {{internet_number}}{{signature}}".into(),
            ..Default::default()
        };
        api::GetFormsResponse {
            replies: vec![reply],
            templates: vec![template],
            signature: "-RW".into(),
            zone: "Asia/Jakarta".into(),
            ..Default::default()
        }
    }

    fn shown() -> view::GetCaseResponse {
        let message = |text: &str, automatic| view::Entry {
            what: Some(What::Message(view::CustomerMessage {
                at_ms: 1_000,
                from_name: "Budi".into(),
                from_address: "@budi_s".into(),
                public: true,
                automatic,
                text: text.into(),
                ..Default::default()
            })),
        };
        let reference = |number: &str, at_ms| view::Reference {
            system: "nossa".into(),
            number: number.into(),
            at_ms,
            ..Default::default()
        };
        let summary = view::CaseSummary {
            case: 17,
            channel: view::Channel::X.into(),
            category: vec!["Komplain".into(), "Internet".into()],
            deadline_ms: 1_795_395_600_000,
            ..Default::default()
        };
        let case = view::Case {
            summary: Some(summary),
            conversation: vec![message("Internet mati", false), message("out of office", true)],
            references: vec![reference("IN2", 20), reference("IN1", 10)],
            ..Default::default()
        };
        view::GetCaseResponse { case: Some(case), ..Default::default() }
    }

    #[test]
    fn the_form_is_prefilled_with_the_handle_and_what_the_customer_wrote() {
        let form = Form::filled("telkomcare", &forms(), &shown(), "").unwrap();
        let lines = [
            "Answer on case 17",
            "  User Name     Budi (@budi_s)",
            "  Remark        Internet mati",
            "  Contact Date  1970-01-01 00:00:01",
            "  Source        x",
            "  Type          public",
            "  Category      Komplain > Internet",
            "  Reply Type    normal (up to 280 characters), thread (up to 25 parts of 280 characters)",
            "  Feedback      @budi_s",
        ];
        assert_eq!(form.lines(), lines);
        assert_eq!(form.feedback, "@budi_s ");
    }

    #[test]
    fn a_template_is_filled_in_with_what_is_known_of_the_case() {
        let form = Form::filled("telkomcare", &forms(), &shown(), "progress").unwrap();
        let text = "@budi_s Budi, tiket IN2 (Komplain > Internet) selesai 2026-11-23 08:00 WIB. -RW";
        assert_eq!(form.feedback, text);
        let unknown = Form::filled("telkomcare", &forms(), &shown(), "nothing").unwrap_err().to_string();
        assert!(unknown.contains("only progress"), "{unknown}");
    }
}
