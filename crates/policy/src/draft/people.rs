//! Segments, groups, templates and links: what people read and where they are reached.

use super::Draft;
use super::names::Kind;
use crate::parts::{Destination, FIELDS, Group, LINK_FIELDS, Link, Template};
use crate::read::Section;

impl Draft {
    /// `[[segment]]`, `[[group]]`, `[[template]]`, `[[link]]`.
    pub(super) fn read_people(&mut self, top: &Section<'_>) {
        for section in top.sections("segment") {
            if let Some(name) = section.need_text("name") {
                self.names.define(section.report, Kind::Segment, &name);
            }
            section.text("title");
            section.finish();
        }
        top.sections("group").into_iter().for_each(|s| self.read_group(s));
        top.sections("template").into_iter().for_each(|s| self.read_template(s));
        top.sections("link").into_iter().for_each(|s| self.read_link(s));
    }

    /// name, title, and one of mailbox and webhook.
    fn read_group(&mut self, section: Section<'_>) {
        let name = section.need_text("name");
        let title = section.text("title");
        let (mailbox, webhook) = (section.text("mailbox"), section.text("webhook"));
        if let Some(mailbox) = &mailbox
            && !is_mailbox(mailbox.as_str())
        {
            section.report.error(mailbox.spot, format!("{:?} is not a mail address", mailbox.value));
        }
        if let Some(webhook) = &webhook
            && !(webhook.value.starts_with("https://") || webhook.value.starts_with("http://"))
        {
            section.report.error(webhook.spot, format!("{:?} is not an http(s) address", webhook.value));
        }
        let notify = match (mailbox, webhook) {
            (Some(mailbox), None) => Some(Destination::Mailbox(mailbox.name())),
            (None, Some(webhook)) => Some(Destination::Webhook(webhook.name())),
            _ => {
                section.report.error(section.spot, "a group has either `mailbox` or `webhook`");
                None
            }
        };
        let name = name.map(|n| self.names.define(section.report, Kind::Group, &n));
        if let (Some(name), Some(notify)) = (name, notify) {
            let title = title.map_or_else(|| name.clone(), |t| t.name());
            self.groups.push(Group { name, title, notify });
        }
        section.finish();
    }

    /// name, subject, text; `gloss` is for people who don't read the text's language.
    fn read_template(&mut self, section: Section<'_>) {
        let name = section.need_text("name");
        let subject = section.text("subject");
        let text = section.need_text("text");
        section.text("gloss");
        for part in subject.iter().chain(&text) {
            if let Err(problem) = Template::check(part.as_str(), FIELDS) {
                section.report.error(part.spot, problem);
            }
        }
        if let (Some(name), Some(text)) = (name, text) {
            let name = self.names.define(section.report, Kind::Template, &name);
            let subject = subject.map_or_else(|| "".into(), |t| t.name());
            self.templates.push(Template { name, subject, text: text.name() });
        }
        section.finish();
    }

    /// name, title, url with `{{fields}}` (M10).
    fn read_link(&mut self, section: Section<'_>) {
        let (name, title, url) = (section.need_text("name"), section.text("title"), section.need_text("url"));
        if let Some(url) = &url
            && let Err(problem) = Template::check(url.as_str(), LINK_FIELDS)
        {
            section.report.error(url.spot, problem);
        }
        if let (Some(name), Some(url)) = (name, url) {
            let name = self.names.define(section.report, Kind::Link, &name);
            let title = title.map_or_else(|| name.clone(), |t| t.name());
            self.links.push(Link { name, title, url: url.name() });
        }
        section.finish();
    }
}

/// Whether a text can be a mail address: one `@` with something on both sides and nothing that could end a header.
pub(super) fn is_mailbox(text: &str) -> bool {
    let plain = text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, ',' | ';' | '<' | '>' | '"'));
    plain
        && text
            .split_once('@')
            .is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'))
}
