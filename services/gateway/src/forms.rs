//! The forms of a desk's policy in force, for clients to draw. They follow from the policy alone, so they are made once
//! a version and kept.

use std::collections::HashMap;
use std::sync::Arc;

use simpang_channels::outgoing::{facebook, x};
use simpang_channels::x::length;
use simpang_domain::rules::{DispositionRule, Effect, FaultField, FaultForm, FieldKind, Rules as _, Tables};
use simpang_domain::words::{Answered, Name};
use simpang_log::Place;
use simpang_policy::{CampaignForm, Policy, Template};
use simpang_proto::agent::v1 as api;
use tokio::sync::Mutex;
use tonic::{Request, Status};

use crate::accounts::files;
use crate::command::Commands;
use crate::follower::Follower;

const GET_FORMS: &str = "simpang.agent.v1.Agent/GetForms";

/// Forms by desk, with the input whose policy they are of.
#[derive(Debug, Default)]
pub(crate) struct Forms {
    kept: Mutex<HashMap<String, (Place, Arc<api::GetFormsResponse>)>>,
}

impl Forms {
    /// The forms of a desk, with the position that they hold at.
    ///
    /// # Errors
    /// As `agent.proto` lists them.
    pub(crate) async fn get(
        &self,
        commands: &Commands,
        request: Request<api::GetFormsRequest>,
    ) -> Result<api::GetFormsResponse, Status> {
        let deadline = commands.context.deadline();
        let (metadata, _, request) = request.into_parts();
        commands.enter(&metadata, GET_FORMS, &request.desk)?;
        let follower = commands.desks.get(&request.desk, deadline).await?;
        follower.reach(request.at_least, deadline).await?;
        let (position, policy) = {
            let inner = follower.inner();
            (inner.position(), inner.board.policy_input())
        };
        let Some(input) = policy else {
            return Ok(api::GetFormsResponse { position, ..Default::default() });
        };
        let forms = self.of_policy(&follower, input).await?;
        Ok(api::GetFormsResponse { position, ..api::GetFormsResponse::clone(&forms) })
    }

    async fn of_policy(
        &self,
        follower: &Follower,
        input: Place,
    ) -> Result<Arc<api::GetFormsResponse>, Status> {
        let desk = follower.desk().to_string();
        // Held while a policy is compiled, so that many who ask at once have it compiled once.
        let mut kept = self.kept.lock().await;
        if let Some((_, forms)) = kept.get(&desk).filter(|(of, _)| *of == input) {
            return Ok(Arc::clone(forms));
        }
        let unread = || {
            let message =
                format!("the policy of desk {desk} can't be read back now; send the same request again");
            Status::unavailable(message)
        };
        let files = files(follower, input).await.ok_or_else(unread)?;
        let named = desk.clone();
        let compiling = tokio::task::spawn_blocking(move || simpang_policy::compile(&named, &files));
        let compiled = compiling
            .await
            .map_err(|error| Status::internal(format!("the policy compiler was stopped: {error}")))?;
        let compiled = compiled.map_err(|problems| {
            let count = problems.len();
            let message = "the policy in force does not compile in this program";
            Status::internal(format!(
                "{message}: {count} problem(s); run `simpang policy check` on its files"
            ))
        })?;
        let forms = Arc::new(forms_of(&compiled.policy));
        kept.insert(desk, (input, Arc::clone(&forms)));
        Ok(forms)
    }
}

/// Everything that agents fill in, by a policy.
fn forms_of(policy: &Policy) -> api::GetFormsResponse {
    let tables = policy.tables();
    let names = |all: &mut dyn Iterator<Item = &Name>| all.map(ToString::to_string).collect();
    api::GetFormsResponse {
        position: 0,
        policy_version: policy.version(),
        categories: tree(&tables.categories.iter().map(Vec::as_slice).collect::<Vec<_>>()),
        replies: replies(),
        templates: policy.templates().values().map(template).collect(),
        signature: policy.signature().to_owned(),
        campaigns: policy.campaigns().iter().map(|form| campaign(form, tables)).collect(),
        fault: tables.fault.as_ref().map(fault),
        not_ready_reasons: names(&mut tables.reasons.not_ready.iter()),
        decline_reasons: names(&mut tables.reasons.decline.iter()),
        queues: names(&mut tables.queues.iter().map(|queue| &queue.name)),
        priorities: names(&mut tables.priorities.iter().map(|priority| &priority.name)),
        escalations: names(&mut tables.escalations.iter().map(|step| &step.name)),
        zone: policy.zone().to_owned(),
    }
}

/// The tree of paths; labels of a level stand in the order in which they come first.
fn tree(paths: &[&[Name]]) -> Vec<api::FormCategory> {
    let mut labels: Vec<&Name> = Vec::new();
    for label in paths.iter().filter_map(|path| path.first()) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    let node = |label: &Name| {
        let of_label = paths.iter().filter_map(|path| path.split_first());
        let below: Vec<&[Name]> =
            of_label.filter(|(first, _)| *first == label).map(|(_, rest)| rest).collect();
        api::FormCategory { label: label.to_string(), below: tree(&below) }
    };
    labels.into_iter().map(node).collect()
}

/// How each channel is answered, as the deliverer sends it (F5 to F7, M5).
fn replies() -> Vec<api::FormReply> {
    use api::ReplyKind::{Normal, Private, Thread};
    let kind = |kind: api::ReplyKind, characters: usize, parts: usize| api::FormReplyKind {
        kind: kind.into(),
        characters: u32::try_from(characters).unwrap_or(u32::MAX),
        weighted: false,
        parts: u32::try_from(parts).unwrap_or(u32::MAX),
    };
    let post = |of: api::ReplyKind, parts: usize| api::FormReplyKind {
        weighted: true,
        ..kind(of, length::POST_MAX, parts)
    };
    let reply = |channel: &str, kinds: Vec<api::FormReplyKind>, prefill: &str| api::FormReply {
        channel: channel.to_owned(),
        kinds,
        prefill: prefill.to_owned(),
    };
    let on_x = vec![post(Normal, 1), post(Thread, length::PARTS_MAX), kind(Private, x::MESSAGE_CHARS_MAX, 1)];
    let on_facebook =
        vec![kind(Normal, facebook::COMMENT_CHARS_MAX, 1), kind(Private, facebook::MESSENGER_CHARS_MAX, 1)];
    vec![
        reply("email", vec![kind(Normal, 0, 1)], ""),
        reply("x", on_x, "@{{handle}} "),
        reply("facebook", on_facebook, ""),
        reply("other", vec![kind(Normal, 0, 1)], ""),
    ]
}

fn template(template: &Template) -> api::FormTemplate {
    api::FormTemplate {
        name: template.name.to_string(),
        subject: template.subject.to_string(),
        text: template.text.to_string(),
        fields: template.fields(),
    }
}

fn campaign(form: &CampaignForm, tables: &Tables) -> api::FormCampaign {
    let rule = tables.campaign(&form.name);
    let criterion = |(code, title): &(Name, Name)| api::FormCriterion {
        code: code.to_string(),
        title: title.to_string(),
    };
    api::FormCampaign {
        name: form.name.to_string(),
        title: form.title.to_string(),
        criteria: form.criteria.iter().map(criterion).collect(),
        fields: form.fields.iter().map(ToString::to_string).collect(),
        dispositions: rule.iter().flat_map(|rule| &rule.dispositions).map(disposition).collect(),
        asks_dialled: rule.is_some_and(|rule| rule.asks_dialled),
    }
}

fn disposition(rule: &DispositionRule) -> api::FormDisposition {
    let is_leaf = rule.then.is_empty();
    let answered = |who: &Answered| match who {
        Answered::Reporter => api::Answered::Reporter.into(),
        Answered::DecisionMaker => api::Answered::DecisionMaker.into(),
        Answered::Other => api::Answered::Other.into(),
    };
    api::FormDisposition {
        label: rule.label.to_string(),
        contacted: rule.contacted,
        required: rule.requires.iter().map(ToString::to_string).collect(),
        answered: rule.answered.iter().map(answered).collect(),
        effect: if is_leaf { rule.effect.as_str().to_owned() } else { String::new() },
        needs_time: is_leaf && rule.effect == Effect::Reschedule,
        below: rule.then.iter().map(disposition).collect(),
    }
}

fn fault(form: &FaultForm) -> api::FormFault {
    api::FormFault {
        product: form.product.to_string(),
        subject: form.subject.to_string(),
        fields: form.fields.iter().map(fault_field).collect(),
    }
}

fn fault_field(field: &FaultField) -> api::FormFaultField {
    let (kind, choices) = match &field.kind {
        FieldKind::Text => ("text", Vec::new()),
        FieldKind::Shape(shape) => (shape.as_str(), Vec::new()),
        FieldKind::Choice(values) => ("choice", values.iter().map(ToString::to_string).collect()),
    };
    let with = |(name, value): &(Name, Name)| api::Field { name: name.to_string(), value: value.to_string() };
    api::FormFaultField {
        name: field.name.to_string(),
        kind: kind.to_owned(),
        choices,
        required: field.required,
        required_with: field.required_with.iter().map(with).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_make_a_tree_whose_every_node_stands_once() {
        let path = |labels: &[&str]| labels.iter().map(|label| Name::from(*label)).collect::<Vec<_>>();
        let paths =
            [path(&["Bill"]), path(&["Fault"]), path(&["Fault", "Net"]), path(&["Fault", "Net", "Slow"])];
        let tree = tree(&paths.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let labels: Vec<&str> = tree.iter().map(|node| node.label.as_str()).collect();
        assert_eq!(labels, ["Bill", "Fault"]);
        let net = &tree[1].below;
        assert_eq!((net.len(), net[0].label.as_str(), net[0].below[0].label.as_str()), (1, "Net", "Slow"));
        assert!(net[0].below[0].below.is_empty());
    }

    #[test]
    fn every_limit_is_the_one_that_the_deliverer_holds() {
        let all = replies();
        let of = |channel: &str| all.iter().find(|reply| reply.channel == channel).unwrap();
        let x: Vec<_> = of("x").kinds.iter().map(|kind| (kind.kind(), kind.characters, kind.parts)).collect();
        use api::ReplyKind::{Normal, Private, Thread};
        assert_eq!(x, [(Normal, 280, 1), (Thread, 280, 25), (Private, 10_000, 1)]);
        assert_eq!(of("x").prefill, "@{{handle}} ");
        assert_eq!(of("email").kinds.len(), 1);
    }
}
