//! One case for an agent: conversation, customer, notes, clocks.

use anyhow::{Context, Result};
use simpang_proto::agent::v1::GetWorkRequest;
use simpang_proto::view::v1 as api;
use simpang_proto::view::v1::entry::What;
use simpang_proto::view::v1::fact::Value;
use simpang_views::sentence::plain;

use super::Me;
use crate::client::refused;
use crate::commands::history;
use crate::output;

/// Shows a case as of everything that the gateway has seen decided, so that an agent reads their own writes.
pub(super) async fn show(me: &Me, number: u64) -> Result<()> {
    let answer = case(me, number).await?;
    if me.json {
        output::message("simpang.view.v1.GetCaseResponse", &answer);
        return Ok(());
    }
    let past = history::of(&me.client, &me.desk, history::Who::Case(number)).await?;
    let shown = answer.case.context("the view answered without a case")?;
    let page = layout(&shown, answer.customer.as_ref(), output::now_ms());
    page.iter().for_each(output::line);
    let mut earlier = Vec::new();
    section(&mut earlier, "other cases of this customer", history::others(&me.desk, number, &past));
    earlier.iter().for_each(output::line);
    Ok(())
}

/// A case, as of everything that the gateway has seen decided.
pub(super) async fn case(me: &Me, case: u64) -> Result<api::GetCaseResponse> {
    let known = me.client.agent().get_work(GetWorkRequest { desk: me.desk.clone(), at_least: 0 }).await;
    let at_least = known.map_or(0, |work| work.into_inner().position);
    let request = api::GetCaseRequest { desk: me.desk.clone(), case, at_least };
    Ok(me.client.view().get_case(request).await.map_err(refused)?.into_inner())
}

/// A case as people read it.
pub(super) fn layout(case: &api::Case, customer: Option<&api::Customer>, now_ms: i64) -> Vec<String> {
    let summary = case.summary.clone().unwrap_or_default();
    let mut page = vec![heading(&summary)];
    page.extend(about(case, &summary));
    section(&mut page, "customer", person(case, &summary, customer));
    section(&mut page, "clocks", case.clocks.iter().map(|clock| clock_line(clock, now_ms)).collect());
    section(&mut page, "conversation", case.conversation.iter().flat_map(entry).collect());
    section(&mut page, "notes", case.notes.iter().flat_map(note).collect());
    section(&mut page, "calls", case.dispositions.iter().flat_map(disposition).collect());
    section(&mut page, "fault reports", case.faults.iter().flat_map(fault).collect());
    section(&mut page, "tickets elsewhere", case.references.iter().map(reference).collect());
    section(&mut page, "escalations", case.escalations.iter().flat_map(escalation).collect());
    section(&mut page, "who had it", case.assignments_made.iter().map(assignment).collect());
    page
}

fn section(page: &mut Vec<String>, title: &str, lines: Vec<String>) {
    if !lines.is_empty() {
        page.push(String::new());
        page.push(title.to_uppercase());
        page.extend(lines.into_iter().map(|line| format!("  {line}").trim_end().to_owned()));
    }
}

fn heading(summary: &api::CaseSummary) -> String {
    let state = plain(summary.state().as_str_name(), "CASE_STATE_");
    let subject = if summary.subject.is_empty() { String::new() } else { format!(": {}", summary.subject) };
    format!("Case {} ({state}){subject}", summary.case)
}

fn about(case: &api::Case, summary: &api::CaseSummary) -> Vec<String> {
    let channel = plain(summary.channel().as_str_name(), "CHANNEL_");
    let campaign =
        if summary.campaign.is_empty() { String::new() } else { format!("of campaign {}", summary.campaign) };
    let way = [channel.as_str(), &summary.account, &campaign];
    let way: Vec<&str> = way.into_iter().filter(|part| !part.is_empty()).collect();
    let skills =
        if case.skills.is_empty() { String::new() } else { format!(", needs {}", case.skills.join(", ")) };
    let assignee = match (summary.assignee.as_str(), case.assigned_ms) {
        ("", _) => "nobody".to_owned(),
        (agent, 0) => agent.to_owned(),
        (agent, since) => format!("{agent} since {} UTC", output::time(since)),
    };
    let sla = if case.sla.is_empty() { "none".to_owned() } else { case.sla.clone() };
    let rows = [
        ("came by", way.join(" ")),
        ("waiting since", format!("{} UTC", output::time(summary.arrived_ms))),
        ("queue", format!("{}, priority {}{skills}", summary.queue, summary.priority)),
        ("classified by", format!("rule {}, SLA {sla}", case.rule)),
        ("to do", case.actions.join(", ")),
        ("category", summary.category.join(" > ")),
        ("facts", case.facts.iter().map(fact).collect::<Vec<_>>().join(", ")),
        ("with", assignee),
        (
            "comes back",
            if summary.scheduled_ms == 0 {
                String::new()
            } else {
                format!("{} UTC", output::time(summary.scheduled_ms))
            },
        ),
        ("follows", number(case.follows)),
        ("split from", number(case.split_from)),
        ("merged into", number(case.merged_into)),
        ("merged here", case.merged_from.iter().map(|case| number(*case)).collect::<Vec<_>>().join(", ")),
        ("handed over to", case.handed_over_to.clone()),
        ("handover failed", case.handover_failed.clone()),
        ("outcome", case.outcome.clone()),
        ("messages", read_messages(summary.messages)),
    ];
    rows.into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("  {name:<15}{value}"))
        .collect()
}

fn read_messages(count: u32) -> String {
    if count == 0 { String::new() } else { format!("{count} (say --seen {count} when you act on them)") }
}

fn number(case: u64) -> String {
    if case == 0 { String::new() } else { format!("case {case}") }
}

fn fact(fact: &api::Fact) -> String {
    let value = match &fact.value {
        None => String::new(),
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Flag(flag)) => if *flag { "yes" } else { "no" }.to_owned(),
        Some(Value::Texts(texts)) => texts.items.join("/"),
    };
    format!("{}={value}", fact.name)
}

fn person(case: &api::Case, summary: &api::CaseSummary, customer: Option<&api::Customer>) -> Vec<String> {
    let mut lines = Vec::new();
    let known = [
        ("", &summary.customer_name),
        ("id ", &summary.customer),
        ("segment ", &summary.segment),
        ("profession ", &summary.profession),
    ];
    let known: Vec<String> = known
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}{value}"))
        .collect();
    if !known.is_empty() {
        lines.push(known.join(", "));
    }
    if let Some(customer) = customer {
        lines.extend(customer.identities.iter().map(|identity| {
            format!("{} {}", plain(identity.channel().as_str_name(), "CHANNEL_"), identity.address)
        }));
        lines.extend(customer.profile.iter().map(|field| format!("{}: {}", field.name, field.value)));
    } else if summary.customer.is_empty() {
        lines.push(format!("not linked: `simpang agent identify {} --customer ID`", summary.case));
    }
    if let Some(contact) = &case.contact {
        lines.push(format!("to call: {} {}", contact.name, contact.phones.join(", ")));
        lines.extend(
            Some(contact.note.clone()).filter(|note| !note.is_empty()).map(|note| format!("note: {note}")),
        );
        lines.extend(contact.attributes.iter().map(|field| format!("{}: {}", field.name, field.value)));
    }
    lines
}

fn clock_line(clock: &api::CaseClock, now_ms: i64) -> String {
    let name = plain(clock.clock().as_str_name(), "CLOCK_").replace(' ', "-");
    let state = plain(clock.state().as_str_name(), "CLOCK_STATE_");
    let breached = if clock.breached { ", BREACHED" } else { "" };
    let when = match clock.state() {
        api::ClockState::Running => {
            format!(
                "due {} UTC ({})",
                output::time(clock.deadline_ms),
                output::relative(clock.deadline_ms, now_ms)
            )
        }
        api::ClockState::Paused => format!("{} left", output::length(clock.remaining_ms)),
        api::ClockState::Met => format!("after {}", output::length(clock.elapsed_ms)),
        _ => String::new(),
    };
    let when = if when.is_empty() { when } else { format!("{when}, ") };
    let calendar =
        if clock.calendar.is_empty() { String::new() } else { format!(" of calendar {}", clock.calendar) };
    format!("{name:<17} {state:<9} {when}target {}{calendar}{breached}", output::length(clock.target_ms))
}

fn entry(entry: &api::Entry) -> Vec<String> {
    match &entry.what {
        Some(What::Message(message)) => message_lines(message),
        Some(What::Delivery(delivery)) => delivery_lines(delivery),
        None => Vec::new(),
    }
}

fn message_lines(message: &api::CustomerMessage) -> Vec<String> {
    let place = message.place.unwrap_or_default();
    let sender = match (message.from_name.as_str(), message.from_address.as_str()) {
        ("", "") => "the customer".to_owned(),
        ("", address) => address.to_owned(),
        (name, address) => format!("{name} <{address}>"),
    };
    let mut marks = vec![format!("at {}.{}", place.seq, place.index)];
    for (holds, mark) in [
        (message.public, "public"),
        (message.automatic, "automatic"),
        (message.edited_ms != 0, "edited"),
        (message.removed_ms != 0, "withdrawn"),
        (message.reread_ms != 0, "read again"),
    ] {
        if holds {
            marks.push(mark.to_owned());
        }
    }
    let mut lines = vec![format!("{}  < {sender} ({})", output::time(message.at_ms), marks.join(", "))];
    if !message.subject.is_empty() {
        lines.push(format!("    Subject: {}", message.subject));
    }
    lines.extend(indented(&message.text));
    lines.extend(message.attachments.iter().map(file_line));
    lines.extend(
        Some(&message.malformed)
            .filter(|why| !why.is_empty())
            .map(|why| format!("    not read in full: {why}")),
    );
    lines
}

fn delivery_lines(delivery: &api::Delivery) -> Vec<String> {
    let state = plain(delivery.state().as_str_name(), "DELIVERY_STATE_");
    let kind = plain(delivery.kind().as_str_name(), "DELIVERY_KIND_");
    let who = if delivery.agent.is_empty() { "by rule" } else { &delivery.agent };
    let target = if delivery.target.is_empty() { String::new() } else { format!(" to {}", delivery.target) };
    let template = if delivery.template.is_empty() {
        String::new()
    } else {
        format!(", template {}", delivery.template)
    };
    let detail = if delivery.detail.is_empty() { String::new() } else { format!(": {}", delivery.detail) };
    let head =
        format!("{}  > {who}: {kind}{target}{template} ({state}{detail})", output::time(delivery.at_ms));
    let category = Some(&delivery.category).filter(|category| !category.is_empty());
    let category = category.map(|category| format!("    Category: {}", category.join(" > ")));
    let fields = delivery.fields.iter().map(|field| format!("    {}: {}", field.name, field.value));
    let files = delivery.attachments.iter().map(file_line);
    let below = category.into_iter().chain(fields).chain(indented(&delivery.text)).chain(files);
    std::iter::once(head).chain(below).collect()
}

/// A file, and by what `simpang show attachment` finds it.
fn file_line(file: &api::Attachment) -> String {
    let about = format!("{} {}, {} bytes", file.media_type, output::short(&file.name, 80), file.size);
    match (file.digest.is_empty(), file.url.is_empty()) {
        (false, _) => format!("    [{about}, {}]", &hex::encode(&file.digest)[..12]),
        (true, false) => format!("    [{about}, {}]", output::short(&file.url, 200)),
        (true, true) => format!("    [{about}]"),
    }
}

fn indented(text: &str) -> Vec<String> {
    text.lines().map(|line| format!("    {line}").trim_end().to_owned()).collect()
}

fn note(note: &api::Note) -> Vec<String> {
    let coaching = if note.coaching { " (coaching)" } else { "" };
    let head = format!("{}  {}{coaching}", output::time(note.at_ms), note.agent);
    std::iter::once(head).chain(indented(&note.text)).collect()
}

fn disposition(call: &api::Disposition) -> Vec<String> {
    let again = if call.again_ms == 0 {
        String::new()
    } else {
        format!(", again at {} UTC", output::time(call.again_ms))
    };
    let path = call.path.join(" > ");
    let number = if call.dialled == 0 { String::new() } else { format!(", number {}", call.dialled) };
    let head = format!(
        "{}  attempt {} by {}{number}: {path}{again}",
        output::time(call.at_ms),
        call.attempt,
        call.agent
    );
    let fields = call.fields.iter().map(|field| format!("    {}: {}", field.name, field.value));
    std::iter::once(head).chain(indented(&call.text)).chain(fields).collect()
}

fn fault(report: &api::FaultReport) -> Vec<String> {
    let state = match (report.repeats, report.ended_by.as_str()) {
        (0, "") => "open".to_owned(),
        (0, _) => format!("ended {} UTC", output::time(report.ended_ms)),
        (first, _) => format!("repeats the one on case {first}"),
    };
    let head = format!("{}  {} by {} ({state})", output::time(report.at_ms), report.product, report.agent);
    let subject = Some(&report.subject).filter(|subject| !subject.is_empty());
    let subject = subject.map(|subject| format!("    Subject: {subject}"));
    let fields = report.fields.iter().map(|field| format!("    {}: {}", field.name, field.value));
    std::iter::once(head).chain(subject).chain(fields).collect()
}

fn reference(ticket: &api::Reference) -> String {
    let status = if ticket.status.is_empty() { String::new() } else { format!(", {}", ticket.status) };
    format!("{} {}{status} ({} UTC)", ticket.system, ticket.number, output::time(ticket.at_ms))
}

fn escalation(help: &api::Escalation) -> Vec<String> {
    let by = if help.agent.is_empty() { &help.cause } else { &help.agent };
    let head = format!("{}  {} to {} by {by}", output::time(help.at_ms), help.step, help.group);
    std::iter::once(head).chain(indented(&help.text)).collect()
}

fn assignment(had: &api::Assignment) -> String {
    let how =
        if had.offered { "was offered it".to_owned() } else { plain(had.by().as_str_name(), "ASSIGNED_BY_") };
    let end = match had.ended_ms {
        0 => "now".to_owned(),
        ended => format!("{} ({})", output::time(ended), had.ended_by),
    };
    format!("{}  {} ({how}) until {end}", output::time(had.at_ms), had.agent)
}

#[cfg(test)]
mod tests {
    use simpang_proto::view::v1 as api;
    use simpang_proto::view::v1::entry::What;

    use super::layout;

    fn case() -> api::Case {
        let summary = api::CaseSummary {
            case: 17,
            state: api::CaseState::Assigned.into(),
            channel: api::Channel::Email.into(),
            account: "tenesa@example.co.id".into(),
            customer_name: "PT Maju".into(),
            segment: "DES".into(),
            priority: "normal".into(),
            queue: "enterprise".into(),
            assignee: "rina".into(),
            category: vec!["Komplain".into(), "Internet".into()],
            subject: "Internet mati".into(),
            arrived_ms: 1_000,
            messages: 1,
            ..Default::default()
        };
        let message = api::CustomerMessage {
            place: Some(api::Place { seq: 412, index: 0 }),
            at_ms: 1_000,
            from_name: "Ani".into(),
            from_address: "ani@example.com".into(),
            subject: "Internet mati".into(),
            text: "Halo,\n\nsudah dua hari.".into(),
            ..Default::default()
        };
        let delivery = api::Delivery {
            at_ms: 61_000,
            agent: "rina".into(),
            kind: api::DeliveryKind::Reply.into(),
            state: api::DeliveryState::Delivered.into(),
            text: "Kami periksa.".into(),
            category: vec!["Komplain".into(), "Internet".into()],
            ..Default::default()
        };
        let clock = api::CaseClock {
            clock: api::Clock::Resolution.into(),
            state: api::ClockState::Running.into(),
            target_ms: 3_600_000,
            deadline_ms: 3_601_000,
            ..Default::default()
        };
        api::Case {
            summary: Some(summary),
            rule: "enterprise".into(),
            sla: "email".into(),
            assigned_ms: 2_000,
            conversation: [What::Message(message), What::Delivery(delivery)]
                .into_iter()
                .map(|what| api::Entry { what: Some(what) })
                .collect(),
            clocks: vec![clock],
            ..Default::default()
        }
    }

    #[test]
    fn a_case_reads_from_top_to_bottom() {
        let expected = "\
Case 17 (assigned): Internet mati
  came by        email tenesa@example.co.id
  waiting since  1970-01-01 00:00:01 UTC
  queue          enterprise, priority normal
  classified by  rule enterprise, SLA email
  category       Komplain > Internet
  with           rina since 1970-01-01 00:00:02 UTC
  messages       1 (say --seen 1 when you act on them)

CUSTOMER
  PT Maju, segment DES
  not linked: `simpang agent identify 17 --customer ID`

CLOCKS
  resolution        running   due 1970-01-01 01:00:01 UTC (in 1 h), target 1 h

CONVERSATION
  1970-01-01 00:00:01  < Ani <ani@example.com> (at 412.0)
      Subject: Internet mati
      Halo,

      sudah dua hari.
  1970-01-01 00:01:01  > rina: reply (delivered)
      Category: Komplain > Internet
      Kami periksa.";
        assert_eq!(layout(&case(), None, 1_000).join("\n"), expected);
    }
}
