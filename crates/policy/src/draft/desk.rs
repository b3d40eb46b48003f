//! The desk itself: title, zone, signature, defaults, limits, capacities, accounts.

use simpang_domain::rules::{Limits, NoPolicy, OutOfHours, Rules, SharedCapacity};
use simpang_domain::words::{Channel, Name};

use super::names::Kind;
use super::{Draft, read_zone};
use crate::parts::{AccountRule, NO_QUOTE, QUOTE, QUOTE_FIELDS, Template};
use crate::problem::{Text, hint};
use crate::read::Section;

/// `[desk]`, `[defaults]`, `[limits]`.
#[derive(Debug)]
pub(crate) struct DeskDraft {
    pub(crate) title: Option<Name>,
    pub(crate) zone: Option<chrono_tz::Tz>,
    pub(crate) signature: Name,
    pub(crate) quote: Name,
    pub(crate) priority: Option<Name>,
    pub(crate) sla: Option<Name>,
    pub(crate) limits: Limits,
}

impl Default for DeskDraft {
    fn default() -> Self {
        let limits = NoPolicy::default().tables().limits.clone();
        let (signature, quote) = ("".into(), QUOTE.into());
        Self { title: None, zone: None, signature, quote, priority: None, sla: None, limits }
    }
}

impl Draft {
    /// `[desk]`: title, zone (IANA; UTC when left out), signature under every reply, line above what it quotes.
    pub(super) fn read_desk(&mut self, top: &Section<'_>) {
        if let Some(desk) = top.section("desk") {
            self.desk.title = desk.text("title").map(|t| t.name());
            self.desk.zone = read_zone(&desk, "zone");
            self.desk.signature = desk.text("signature").map_or_else(|| "".into(), |t| t.name());
            if let Some(quote) = desk.text("quote") {
                if let Err(problem) = Template::check(quote.as_str(), QUOTE_FIELDS) {
                    desk.report.error(quote.spot, problem);
                }
                self.desk.quote = if quote.as_str() == NO_QUOTE { "".into() } else { quote.name() };
            }
            desk.finish();
        }
        if let Some(defaults) = top.section("defaults") {
            self.desk.priority = self.refer_text(defaults.text("priority"), Kind::Priority);
            self.desk.sla = self.refer_text(defaults.text("sla"), Kind::Sla);
            defaults.finish();
        }
        if let Some(limits) = top.section("limits") {
            self.read_limits(&limits);
            limits.finish();
        }
        if let Some(capacity) = top.section("capacity") {
            self.read_capacity(&capacity);
            capacity.finish();
        }
    }

    fn refer_text(&mut self, text: Option<Text>, kind: Kind) -> Option<Name> {
        text.map(|t| self.names.refer(kind, &t))
    }

    fn read_limits(&mut self, section: &Section<'_>) {
        let acknowledgement = section.text("acknowledgement");
        let acknowledgement = self.refer_text(acknowledgement, Kind::Template);
        let out_of_hours = self.read_out_of_hours(section);
        let limits = &mut self.desk.limits;
        let times = [
            ("key_memory", &mut limits.key_memory_ms),
            ("reopening", &mut limits.reopening_ms),
            ("settle", &mut limits.settle_ms),
            ("grace", &mut limits.grace_ms),
            ("acknowledgement_gap", &mut limits.acknowledgement_gap_ms),
        ];
        for (key, limit) in times {
            *limit = section.millis(key).unwrap_or(*limit);
        }
        if let Some(most) = section.number("keys_max", 1_000..1_000_000_001) {
            limits.keys_max = most.unsigned_abs();
        }
        limits.join_by_customer = section.flag("join_by_customer").unwrap_or(limits.join_by_customer);
        limits.subject_tag = section.flag("subject_tag").unwrap_or(limits.subject_tag);
        limits.rederive = section.flag("rederive").unwrap_or(limits.rederive);
        limits.acknowledgement = acknowledgement;
        limits.out_of_hours = out_of_hours;
    }

    /// `out_of_hours = { calendar, template }`.
    fn read_out_of_hours(&mut self, limits: &Section<'_>) -> Option<OutOfHours> {
        let section = limits.section("out_of_hours")?;
        let (calendar, template) = (section.need_text("calendar"), section.need_text("template"));
        section.finish();
        let calendar = self.names.refer(Kind::Calendar, &calendar?);
        Some(OutOfHours { calendar, template: self.names.refer(Kind::Template, &template?) })
    }

    fn read_capacity(&mut self, section: &Section<'_>) {
        for channel in Channel::ALL {
            if let Some(most) = section.number(channel.as_str(), 0..1_001) {
                self.capacities.push((*channel, u32::try_from(most).unwrap_or(0)));
            }
        }
        self.read_shared_capacity(section);
    }

    /// `total`, and `weights` by channel: one capacity for the cases of all channels.
    fn read_shared_capacity(&mut self, section: &Section<'_>) {
        let total = section.number("total", 1..100_001).and_then(|total| u32::try_from(total).ok());
        let weights = section.section("weights");
        let mut shared = SharedCapacity { total: total.unwrap_or(u32::MAX), weights: Vec::new() };
        if let Some(weights) = &weights {
            for channel in Channel::ALL {
                let weight = weights.number(channel.as_str(), 0..1_001);
                shared
                    .weights
                    .extend(weight.and_then(|weight| Some((*channel, u32::try_from(weight).ok()?))));
            }
            if !section.has("total") {
                weights.report.error(weights.spot, "`weights` need a `total` that they count against");
            }
        }
        for (channel, weight) in &shared.weights {
            let capped = self.capacities.iter().any(|(capped, _)| capped == channel);
            let channel = channel.as_str();
            let message = match *weight {
                0 if !capped => format!(
                    "a case by {channel} weighs nothing, so agents could hold any number: give `{channel}` a limit of \
                     its own in [capacity], or a weight"
                ),
                weight if weight > shared.total => format!(
                    "a case by {channel} weighs {weight} of a total of {}, so nobody could ever hold one: give it less \
                     weight, or a larger `total`",
                    shared.total
                ),
                _ => continue,
            };
            let spot = weights.as_ref().map_or(section.spot, |weights| weights.spot_of(channel));
            section.report.error(spot, message);
        }
        if let Some(weights) = weights {
            weights.finish();
        }
        self.shared_capacity = total.map(|_| shared);
    }

    /// `[[account]]`: channel, account, aliases.
    pub(super) fn read_accounts(&mut self, top: &Section<'_>) {
        for section in top.sections("account") {
            let channel = section.need_text("channel");
            let account = section.need_text("account");
            let aliases: Vec<Name> =
                section.texts("aliases").iter().map(|t| t.value.to_lowercase().into()).collect();
            let channel = channel.and_then(|text| read_channel(&section, &text));
            if let (Some(channel), Some(account)) = (channel, account) {
                self.add_account(&section, channel, &account, aliases);
            }
            section.finish();
        }
    }

    fn add_account(&mut self, section: &Section<'_>, channel: Channel, account: &Text, aliases: Vec<Name>) {
        let name = account.value.to_lowercase();
        if name != account.value || name.starts_with('@') {
            let message =
                format!("account {:?}: write it in lower case and without `@` in front", account.value);
            section.report.error(account.spot, message);
        }
        if self.accounts.iter().any(|a| a.channel == channel && *a.account == name) {
            section
                .report
                .error(account.spot, format!("{} account `{name}` is listed twice", channel.as_str()));
        }
        self.accounts.push(AccountRule { channel, account: name.into(), aliases });
    }
}

/// Reads the name of a channel.
fn read_channel(section: &Section<'_>, text: &Text) -> Option<Channel> {
    let channel = Channel::of_str(text.as_str());
    if channel.is_none() {
        let hint = hint(text.as_str(), Channel::ALL.iter().map(|c| c.as_str()));
        section.report.error(text.spot, format!("unknown channel `{}`{hint}", text.value));
    }
    channel
}
