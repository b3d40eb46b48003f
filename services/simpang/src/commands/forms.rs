//! `simpang show forms`: what agents fill in, by the policy in force.

use anyhow::Result;
use simpang_proto::agent::v1 as api;
use simpang_views::sentence::plain;

use crate::client::{Client, refused};
use crate::output;

/// Prints the forms of a desk.
pub(crate) async fn show(client: &Client, desk: &str, json: bool) -> Result<()> {
    let request = api::GetFormsRequest { desk: desk.to_owned(), at_least: 0 };
    let forms = client.agent().get_forms(request).await.map_err(refused)?.into_inner();
    if json {
        output::message("simpang.agent.v1.GetFormsResponse", &forms);
        return Ok(());
    }
    lines(desk, &forms).iter().for_each(output::line);
    Ok(())
}

fn lines(desk: &str, forms: &api::GetFormsResponse) -> Vec<String> {
    if forms.policy_version == 0 {
        return vec![format!("desk {desk} has no policy yet: `simpang policy apply`")];
    }
    let mut lines = vec![format!("desk {desk}, policy version {}", forms.policy_version)];
    titled(&mut lines, "Categories", |lines| {
        forms.categories.iter().for_each(|node| category(lines, node, 1));
    });
    titled(&mut lines, "Answers", |lines| lines.extend(forms.replies.iter().map(reply)));
    titled(&mut lines, "Templates", |lines| lines.extend(forms.templates.iter().map(template)));
    for campaign in &forms.campaigns {
        titled(&mut lines, &format!("Campaign {} ({})", campaign.name, campaign.title), |lines| {
            let criteria = campaign.criteria.iter();
            lines.extend(criteria.map(|one| format!("  why      {}: {}", one.code, one.title)));
            if !campaign.fields.is_empty() {
                lines.push(format!("  fields   {}", campaign.fields.join(", ")));
            }
            campaign.dispositions.iter().for_each(|node| disposition(lines, node, 1));
        });
    }
    if let Some(fault) = &forms.fault {
        titled(&mut lines, "Fault report", |lines| {
            lines.push(format!("  {} (the product)", fault.product));
            lines.extend(fault.fields.iter().map(fault_field));
        });
    }
    let lists = [
        ("Not ready because", &forms.not_ready_reasons),
        ("Decline because", &forms.decline_reasons),
        ("Queues", &forms.queues),
        ("Priorities", &forms.priorities),
        ("Escalation", &forms.escalations),
    ];
    for (title, words) in lists.into_iter().filter(|(_, words)| !words.is_empty()) {
        lines.push(format!("{title}: {}", words.join(", ")));
    }
    lines
}

/// A title above what is written below it; nothing where nothing is.
fn titled(lines: &mut Vec<String>, title: &str, write: impl FnOnce(&mut Vec<String>)) {
    let mut below = Vec::new();
    write(&mut below);
    if !below.is_empty() {
        lines.push(title.to_owned());
        lines.append(&mut below);
    }
}

fn category(lines: &mut Vec<String>, node: &api::FormCategory, depth: usize) {
    lines.push(format!("{}{}", "  ".repeat(depth), node.label));
    node.below.iter().for_each(|node| category(lines, node, depth + 1));
}

/// A way to answer, with its limit.
pub(crate) fn reply_kind(kind: &api::FormReplyKind) -> String {
    let name = plain(kind.kind().as_str_name(), "REPLY_KIND_");
    match (kind.characters, kind.parts) {
        (0, _) => name,
        (most, 1) => format!("{name} (up to {most} characters)"),
        (most, parts) => format!("{name} (up to {parts} parts of {most} characters)"),
    }
}

fn reply(reply: &api::FormReply) -> String {
    let kinds: Vec<String> = reply.kinds.iter().map(reply_kind).collect();
    let prefill = if reply.prefill.is_empty() {
        String::new()
    } else {
        format!("; begins with `{}`", reply.prefill.trim())
    };
    format!("  {:<8} {}{prefill}", reply.channel, kinds.join(", "))
}

fn template(template: &api::FormTemplate) -> String {
    let first = template.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let fields =
        if template.fields.is_empty() { String::new() } else { format!(" [{}]", template.fields.join(", ")) };
    format!("  {}: {}{fields}", template.name, output::short(first, 60))
}

fn disposition(lines: &mut Vec<String>, node: &api::FormDisposition, depth: usize) {
    let mut says = Vec::new();
    if !node.required.is_empty() {
        says.push(format!("needs {}", node.required.join(", ")));
    }
    if !node.answered.is_empty() {
        let who: Vec<String> = node.answered().map(|who| plain(who.as_str_name(), "ANSWERED_")).collect();
        says.push(format!("answered by {}", who.join(" or ")));
    }
    if node.needs_time {
        says.push("needs a time".to_owned());
    }
    if !node.effect.is_empty() {
        says.push(format!("then {}", node.effect));
    }
    let says = if says.is_empty() { String::new() } else { format!(": {}", says.join("; ")) };
    lines.push(format!("{}{}{says}", "  ".repeat(depth), node.label));
    node.below.iter().for_each(|node| disposition(lines, node, depth + 1));
}

fn fault_field(field: &api::FormFaultField) -> String {
    let takes = if field.choices.is_empty() { field.kind.clone() } else { field.choices.join(" | ") };
    let with: Vec<String> = field.required_with.iter().map(|w| format!("{}={}", w.name, w.value)).collect();
    let needed = match (field.required, with.is_empty()) {
        (true, _) => ", required".to_owned(),
        (false, false) => format!(", required with {}", with.join(" or ")),
        (false, true) => String::new(),
    };
    format!("  {}: {takes}{needed}", field.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_read_as_agents_fill_them_in() {
        let leaf = |label: &str| api::FormCategory { label: label.into(), ..Default::default() };
        let outcome = api::FormDisposition {
            label: "Reschedule".into(),
            required: vec!["Keterangan".into()],
            effect: "reschedule".into(),
            needs_time: true,
            ..Default::default()
        };
        let forms = api::GetFormsResponse {
            policy_version: 3,
            categories: vec![api::FormCategory { label: "Komplain".into(), below: vec![leaf("Internet")] }],
            campaigns: vec![api::FormCampaign {
                name: "callback".into(),
                title: "Callback".into(),
                dispositions: vec![outcome],
                ..Default::default()
            }],
            decline_reasons: vec!["conflict".into()],
            ..Default::default()
        };
        let expected = [
            "desk tier2, policy version 3",
            "Categories",
            "  Komplain",
            "    Internet",
            "Campaign callback (Callback)",
            "  Reschedule: needs Keterangan; needs a time; then reschedule",
            "Decline because: conflict",
        ];
        assert_eq!(lines("tier2", &forms), expected);
        assert_eq!(lines("tier2", &api::GetFormsResponse::default()).len(), 1, "no policy yet");
    }
}
