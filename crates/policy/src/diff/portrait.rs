//! All that a policy is to a desk, as things that can be compared. Everything is taken apart by its fields, so that what
//! is new in a policy can't be forgotten here.

use simpang_domain::rules::{Limits, OutOfHours, PriorityRule, Reasons, SharedCapacity};
use simpang_domain::words::{Channel, Name};

use super::item::{Item, span, texts};
use super::{calls, hours, routing};
use crate::draft::Draft;
use crate::draft::desk::DeskDraft;
use crate::draft::names::Kind;
use crate::folder::{Cite, Manifest};
use crate::parts::{AccountRule, Destination, Group, Link, Retention, Template};
use crate::policy::Shape;

/// Everything of a policy that was checked.
pub(super) fn of(manifest: &Manifest, draft: &Draft, shape: &Shape) -> Vec<Item> {
    let Draft {
        names,
        desk,
        holidays: _,
        calendars,
        queues,
        priorities,
        slas,
        choices,
        escalations,
        campaigns,
        groups,
        templates,
        links,
        categories,
        capacities,
        shared_capacity,
        accounts,
        rules,
        vocabulary,
        lists,
        rosters,
        reasons,
        fault,
        retention,
        followers: _,
    } = draft;
    let mut items = vec![self::desk(desk, draft.zone().name()), limits(&desk.limits), self::reasons(reasons)];
    items.extend(manifest.cites.iter().map(document));
    items.extend(retention.iter().map(self::retention));
    items.extend(accounts.iter().map(account));
    items.push(capacity(capacities, shared_capacity.as_ref()));
    items.extend(names.defined(Kind::Segment).map(|name| Item::new("segment", name)));
    items.extend(priorities.iter().map(priority));
    items.extend(queues.iter().map(routing::queue));
    items.extend(rules.iter().zip(&shape.rulings).map(|(draft, ruling)| routing::rule(draft, ruling)));
    items.extend(slas.iter().map(routing::sla));
    items.extend(choices.iter().map(routing::choice));
    items.extend(calendars.iter().map(hours::calendar));
    items.extend(escalations.iter().map(routing::escalation));
    items.extend(groups.iter().map(group));
    items.extend(rosters.iter().map(hours::roster));
    let paths = categories.iter().map(|path| texts(path).collect::<Vec<_>>().join(" > "));
    items.push(Item::new("categories", "").set("labels", paths));
    items.extend(campaigns.iter().map(calls::campaign));
    items.extend(fault.iter().map(calls::fault));
    items.extend(templates.iter().map(template));
    items.extend(links.iter().map(link));
    items.extend(lists.iter().map(|(name, items)| Item::new("list", name).set("members", texts(items))));
    items.extend(vocabulary.declared().map(|(name, of)| Item::new("fact", name).with("type", of.as_str())));
    // Of what there is one of, nothing is said where the policy says nothing.
    items.retain(|item| !item.name.is_empty() || !item.fields.is_empty());
    items
}

/// `[defaults]` are filled in where they hold, and make no difference of their own.
fn desk(desk: &DeskDraft, zone: &str) -> Item {
    let DeskDraft { title, zone: _, signature, quote, priority: _, sla: _, limits: _ } = desk;
    Item::new("desk", "")
        .maybe("title", title.as_ref())
        .with("zone", zone)
        .maybe("signature", Some(signature))
        .maybe("quote", Some(quote))
}

fn limits(limits: &Limits) -> Item {
    let Limits {
        key_memory_ms,
        keys_max,
        reopening_ms,
        settle_ms,
        grace_ms,
        join_by_customer,
        subject_tag,
        acknowledgement,
        out_of_hours,
        acknowledgement_gap_ms,
        rederive,
    } = limits;
    let out_of_hours = out_of_hours
        .as_ref()
        .map(|OutOfHours { calendar, template }| format!("{template} while {calendar} is closed"));
    Item::new("limits", "")
        .with("key_memory", &span(*key_memory_ms))
        .with("keys_max", keys_max)
        .with("reopening", &span(*reopening_ms))
        .with("settle", &span(*settle_ms))
        .with("grace", &span(*grace_ms))
        .flag("join_by_customer", *join_by_customer)
        .flag("subject_tag", *subject_tag)
        .flag("rederive", *rederive)
        .maybe("acknowledgement", acknowledgement.as_ref())
        .maybe("out_of_hours", out_of_hours)
        .with("acknowledgement_gap", &span(*acknowledgement_gap_ms))
}

fn reasons(Reasons { not_ready, decline }: &Reasons) -> Item {
    Item::new("reasons", "").list("not_ready", texts(not_ready)).list("decline", texts(decline))
}

fn document(cite: &Cite) -> Item {
    let Cite { document, title, revision, effective, approver } = cite;
    Item::new("document", &**document)
        .maybe("title", title.as_ref())
        .maybe("revision", revision.as_ref())
        .maybe("effective", effective.as_ref())
        .maybe("approver", approver.as_ref())
}

fn retention(Retention { live_ms, archive_ms, responsible, document }: &Retention) -> Item {
    Item::new("retention", "")
        .with("live", &span(*live_ms))
        .with("archive", &span(*archive_ms))
        .with("responsible", responsible)
        .maybe("document", Some(document).filter(|document| !document.is_empty()))
}

fn account(AccountRule { channel, account, aliases }: &AccountRule) -> Item {
    Item::new("account", format!("{} {account}", channel.as_str())).set("aliases", texts(aliases))
}

/// With what holds for a channel that is not named.
fn capacity(named: &[(Channel, u32)], shared: Option<&SharedCapacity>) -> Item {
    let most = |channel: &Channel| match named.iter().find(|(known, _)| known == channel) {
        Some((_, most)) => Some(*most),
        None => shared.is_none().then_some(1),
    };
    let each = |item: Item, channel: &Channel| item.maybe(channel.as_str(), most(channel));
    let item = Channel::ALL.iter().fold(Item::new("capacity", ""), each);
    let Some(SharedCapacity { total, weights }) = shared else { return item };
    let weights = weights.iter().filter(|(_, weight)| *weight != 1);
    item.with("total", total)
        .set("weights", weights.map(|(channel, weight)| format!("{} {weight}", channel.as_str())))
}

fn priority(PriorityRule { name, head_start_ms }: &PriorityRule) -> Item {
    Item::new("priority", &**name).with("head_start", &span(*head_start_ms))
}

fn group(Group { name, title, notify }: &Group) -> Item {
    let item = Item::new("group", &**name).with("title", title);
    match notify {
        Destination::Mailbox(mailbox) => item.with("mailbox", mailbox),
        Destination::Webhook(webhook) => item.with("webhook", webhook),
    }
}

fn template(Template { name, subject, text }: &Template) -> Item {
    Item::new("template", &**name)
        .maybe("subject", Some(subject).filter(|s: &&Name| !s.is_empty()))
        .with("text", text)
}

fn link(Link { name, title, url }: &Link) -> Item {
    Item::new("link", &**name).with("title", title).with("url", url)
}
