//! What the files say, read and named but not yet checked against each other.

pub(crate) mod campaign;
pub(crate) mod desk;
pub(crate) mod fault;
pub(crate) mod hours;
pub(crate) mod names;
pub(crate) mod people;
pub(crate) mod retention;
pub(crate) mod roster;
pub(crate) mod routing;
pub(crate) mod tables;

use std::collections::BTreeMap;

use chrono_tz::Tz;
use simpang_domain::rules::{
    EscalationRule, FaultForm, OverflowTo, PriorityRule, Reasons, SharedCapacity, SlaRule,
};
use simpang_domain::words::{Channel, Name};

use crate::calendar::Calendar;
use crate::condition::vocabulary::Vocabulary;
use crate::parts::{AccountRule, Group, Link, Retention, Template};
use crate::problem::{Spot, Text};
use crate::read::Section;
use crate::roster::Roster;

use campaign::CampaignDraft;
use desk::DeskDraft;
use hours::Holidays;
use names::Names;
use routing::{QueueDraft, RuleDraft};
use tables::ChoiceDraft;

/// Which part of the folder a file belongs to; it decides what may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// `shared/…`: what several desks use.
    Shared,
    /// `desks/<desk>.toml`: the desk itself, with its accounts and rules.
    Desk,
    /// `desks/<desk>/…`: more of the desk's own, without accounts and rules.
    More,
}

/// Everything that was read.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) names: Names,
    pub(crate) desk: DeskDraft,
    pub(crate) holidays: Holidays,
    pub(crate) calendars: Vec<Calendar>,
    pub(crate) queues: Vec<QueueDraft>,
    pub(crate) priorities: Vec<PriorityRule>,
    pub(crate) slas: Vec<SlaRule>,
    pub(crate) choices: Vec<ChoiceDraft>,
    pub(crate) escalations: Vec<EscalationRule>,
    pub(crate) campaigns: Vec<CampaignDraft>,
    pub(crate) groups: Vec<Group>,
    pub(crate) templates: Vec<Template>,
    pub(crate) links: Vec<Link>,
    pub(crate) categories: Vec<Vec<Name>>,
    pub(crate) capacities: Vec<(Channel, u32)>,
    pub(crate) shared_capacity: Option<SharedCapacity>,
    pub(crate) accounts: Vec<AccountRule>,
    pub(crate) rules: Vec<RuleDraft>,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) lists: BTreeMap<String, Vec<Name>>,
    pub(crate) rosters: Vec<Roster>,
    pub(crate) reasons: Reasons,
    pub(crate) fault: Option<FaultForm>,
    pub(crate) retention: Option<Retention>,
    /// Steps whose group follows: where that stands, and which group.
    pub(crate) followers: Vec<(Spot, Name)>,
}

impl Draft {
    /// Reads what must be known before the rest: zones, holidays, facts and lists.
    pub(crate) fn read_first(&mut self, top: &Section<'_>, part: Part) {
        if part == Part::Desk {
            self.read_desk(top);
        }
        self.read_holidays(top);
        self.read_facts(top);
        self.read_lists(top);
    }

    /// Reads everything else of a file.
    pub(crate) fn read_rest(&mut self, top: &Section<'_>, part: Part) {
        self.read_calendars(top);
        self.read_queues(top, part);
        self.read_priorities(top);
        self.read_slas(top);
        self.read_escalations(top);
        self.read_campaigns(top);
        self.read_people(top);
        self.read_rosters(top);
        self.read_reasons(top);
        self.read_categories(top);
        self.read_fault(top);
        self.read_retention(top);
        if part == Part::Desk {
            self.read_accounts(top);
            self.read_rules(top);
        }
    }

    /// Queues whose overflow leads back to them.
    pub(crate) fn circles(&self) -> impl Iterator<Item = (Spot, &Name)> {
        let next = |name: &Name| {
            let queue = self.queues.iter().find(|queue| queue.rule.name == *name)?;
            match &queue.rule.overflow.as_ref()?.to {
                OverflowTo::Queue(to) => Some(to),
                OverflowTo::Desk(_) => None,
            }
        };
        let circles = move |name: &Name| {
            let mut at = next(name);
            for _ in 0..self.queues.len() {
                match at {
                    Some(to) if to == name => return true,
                    Some(to) => at = next(to),
                    None => return false,
                }
            }
            false
        };
        self.queues
            .iter()
            .filter(move |queue| circles(&queue.rule.name))
            .map(|queue| (queue.spot, &queue.rule.name))
    }

    /// Steps of escalation whose followers nobody names: where, and of which group.
    pub(crate) fn unfollowed(&self) -> impl Iterator<Item = (Spot, &Name)> {
        let named = |group: &Name| self.rosters.iter().any(|roster| roster.group == *group);
        self.followers.iter().filter(move |(_, group)| !named(group)).map(|(spot, group)| (*spot, group))
    }

    /// The zone that holds where a table names none.
    pub(crate) fn zone(&self) -> Tz {
        self.desk.zone.unwrap_or(Tz::UTC)
    }
}

/// Reads the name of a zone.
pub(crate) fn read_zone(section: &Section<'_>, key: &'static str) -> Option<Tz> {
    let text = section.text(key)?;
    zone_of(section, &text)
}

fn zone_of(section: &Section<'_>, text: &Text) -> Option<Tz> {
    let zone = text.as_str().parse().ok();
    if zone.is_none() {
        let hint = crate::problem::hint(text.as_str(), chrono_tz::TZ_VARIANTS.iter().map(|z| z.name()));
        section.report.error(text.spot, format!("unknown time zone {:?}{hint}", text.value));
    }
    zone
}
