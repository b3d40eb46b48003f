//! Campaigns with their trees, and the form of fault reports.

use simpang_domain::rules::{
    CampaignRule, DispositionRule, Effect, FaultField, FaultForm, FieldKind, SystemTask,
};
use simpang_domain::words::Name;

use super::hours::open;
use super::item::{Item, span, texts};
use crate::draft::campaign::CampaignDraft;
use crate::parts::CampaignForm;

pub(super) fn campaign(campaign: &CampaignDraft) -> Item {
    let CampaignDraft { rule, form, window, entries } = campaign;
    let CampaignRule {
        name,
        criteria: _,
        attempts_max,
        retry_ms,
        lease_ms,
        asks_dialled,
        reports_to,
        dispositions,
    } = rule;
    let CampaignForm { name: _, title, zone, criteria, fields, reports_to: _ } = form;
    let criterion = |(code, title): &(Name, Name)| {
        let when = entries.iter().find(|entry| entry.criterion == *code).map(|entry| entry.when.as_str());
        Item::new("criterion", code.as_str()).with("title", title).condition("when", when)
    };
    let item = Item::new("campaign", &**name)
        .with("title", title)
        .maybe("attempts", Some(attempts_max).filter(|most| **most > 0))
        .with("retry", &span(*retry_ms))
        .maybe("lease", lease_ms.map(span))
        .flag("dialled", *asks_dialled)
        .list("fields", texts(fields))
        .maybe("reports_to", reports_to.as_ref());
    // Where a contact has no zone the campaign's holds, whatever the hours.
    let item = if window.is_always() { open(item, window).with("zone", zone) } else { open(item, window) };
    item.parts(criteria.iter().map(criterion)).parts(dispositions.iter().map(disposition))
}

fn disposition(rule: &DispositionRule) -> Item {
    let DispositionRule { label, contacted, requires, answered, tells, escalate, effect, then } = rule;
    let task = |SystemTask { system, task }: &SystemTask| format!("{system}:{task}");
    let is_leaf = then.is_empty();
    Item::new("disposition", &**label)
        .maybe("effect", is_leaf.then(|| what_follows(effect)))
        .flag("contacted", is_leaf && *contacted)
        .set("requires", texts(requires))
        .set("answered", answered.iter().map(|who| who.as_str().to_owned()))
        .list("tell", tells.iter().map(task))
        .maybe("escalate", escalate.as_ref())
        .parts(then.iter().map(disposition))
}

fn what_follows(effect: &Effect) -> String {
    match effect {
        Effect::Retry(Some(after)) | Effect::FollowUp(after) => {
            format!("{} after {}", effect.as_str(), span(*after))
        }
        Effect::Close | Effect::Retry(None) | Effect::Reschedule | Effect::Keep | Effect::Junk => {
            effect.as_str().to_owned()
        }
    }
}

pub(super) fn fault(form: &FaultForm) -> Item {
    let FaultForm { product, subject, system, links_repeats, ended_by, inform, fields } = form;
    Item::new("fault", "")
        .with("product", product)
        .maybe("subject", Some(subject))
        .maybe("system", system.as_ref())
        .with("repeats", if *links_repeats { "link" } else { "refuse" })
        .set("ended_by", texts(ended_by))
        .maybe("inform", inform.as_ref())
        .parts(fields.iter().map(field))
}

fn field(field: &FaultField) -> Item {
    let FaultField { name, required, required_with, kind, fact } = field;
    let item = Item::new("field", &**name);
    let item = match kind {
        FieldKind::Text => item.with("kind", "text"),
        FieldKind::Shape(shape) => item.with("kind", shape.as_str()),
        FieldKind::Choice(values) => item.list("choices", texts(values)),
    };
    item.flag("required", *required)
        .set("required_with", required_with.iter().map(|(choice, value)| format!("{choice}={value}")))
        .maybe("fact", fact.as_ref())
}
