//! Random policies: whatever a policy may say, in all combinations that one could write.

use proptest::prelude::*;
use simpang_domain::rules::{
    BreachStep, ClockRule, EscalationRule, OutOfHours, OverflowRule, OverflowTo, QueueRule, SharedCapacity,
    SlaRule, Tables,
};
use simpang_domain::words::{Channel, Name, QueueMode, SlaClock};

use crate::support::{DAY, HOUR, MIN, TestRules};

/// Choices, one a byte; once they are used up it is the first of everything, the simplest.
struct Dice(std::vec::IntoIter<u8>);

impl Dice {
    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::from(self.0.next().unwrap_or(0)) % all.len()].clone()
    }

    fn yes(&mut self) -> bool {
        self.of(&[false, true])
    }
}

/// Any policy; its version has to be set.
pub(crate) fn policies() -> impl Strategy<Value = TestRules> {
    proptest::collection::vec(any::<u8>(), 0..160).prop_map(|bytes| rules(&mut Dice(bytes.into_iter())))
}

fn rules(dice: &mut Dice) -> TestRules {
    let mut rules = TestRules::default();
    let names: Vec<Name> = rules.tables.queues.iter().map(|queue| queue.name.clone()).collect();
    for (at, queue) in rules.tables.queues.iter_mut().enumerate() {
        change_queue(dice, queue, &names[at + 1..]);
    }
    capacity(dice, &mut rules.tables);
    rules.tables.slas = vec![sla(dice)];
    rules.tables.priorities[0].head_start_ms = dice.of(&[4 * HOUR, 0, 10 * MIN]);
    escalations(dice, &mut rules.tables);
    limits(dice, &mut rules.tables);
    words(dice, &mut rules.tables);
    let campaign = &mut rules.tables.campaigns[0];
    campaign.attempts_max = dice.of(&[2, 0, 1]);
    campaign.lease_ms = dice.of(&[Some(HOUR), None, Some(10 * MIN)]);
    campaign.asks_dialled = dice.yes();
    campaign.reports_to = dice.of(&[Some("callback".into()), None]);
    rules.rosters = vec![("leaders", vec![("tl", "day", 8, 12)])];
    if dice.yes() {
        rules.rosters.push(("bosses", vec![("ani", "always", 0, 24)]));
    }
    rules
}

/// A case overflows into one of the queues that come after, so that none goes round.
fn change_queue(dice: &mut Dice, queue: &mut QueueRule, after: &[Name]) {
    queue.rank = dice.of(&[queue.rank, 0, 7]);
    queue.mode = dice.of(&[QueueMode::Both, QueueMode::Pull, QueueMode::Offer]);
    queue.sticky = dice.yes();
    queue.offer_ms = dice.of(&[30_000, HOUR]);
    queue.widen_after_ms = dice.of(&[Vec::new(), vec![MIN], vec![MIN, HOUR]]);
    queue.unanswered_ms = dice.of(&[None, Some(20 * MIN), Some(2 * HOUR)]);
    queue.wrap_up_ms = dice.of(&[0, MIN]);
    queue.held |= &*queue.name == "skilled" && dice.of(&[false, false, true]);
    let late = queue.widen_after_ms.last().copied().unwrap_or(0) + dice.of(&[HOUR, MIN, 20 * HOUR]);
    let to = match after {
        [] => OverflowTo::Desk("other".into()),
        after => {
            let queue = OverflowTo::Queue(dice.of(after));
            dice.of(&[queue.clone(), queue, OverflowTo::Desk("other".into())])
        }
    };
    queue.overflow = dice.yes().then_some(OverflowRule { after_ms: late, to });
    if queue.held {
        queue.mode = QueueMode::Both;
    }
}

fn capacity(dice: &mut Dice, tables: &mut Tables) {
    tables.capacities =
        vec![(Channel::Email, dice.of(&[2, 1, 3])), (Channel::X, dice.of(&[2, 1, 0])), (Channel::Call, 1)];
    let total = dice.of(&[2, 3, 4]);
    let weights = vec![
        (Channel::Email, dice.of(&[1, 2])),
        (Channel::X, dice.of(&[2, 1, 0])),
        (Channel::Call, dice.of(&[total, 1])),
    ];
    tables.shared = dice.yes().then_some(SharedCapacity { total, weights });
    if tables.shared.is_some() && dice.yes() {
        tables.capacities.remove(0);
    }
}

fn sla(dice: &mut Dice) -> SlaRule {
    let mut clocks = Vec::new();
    for clock in SlaClock::ALL {
        let steps = [
            Vec::new(),
            vec![BreachStep::Priority("high".into()), BreachStep::Escalate("leader".into())],
            vec![BreachStep::Queue("vip".into())],
        ];
        let rule = ClockRule {
            clock: *clock,
            target_ms: dice.of(&[HOUR, 20 * MIN, DAY]),
            calendar: dice.of(&["always".into(), "office".into()]),
            warn_percent: dice.of(&[vec![50, 80], Vec::new(), vec![99]]),
            pause_on_customer: dice.yes(),
            pause_on_third_party: dice.yes(),
            pause_on_scheduled: dice.yes(),
            on_breach: dice.of(&steps),
        };
        if !dice.of(&[false, true, false]) {
            clocks.push(rule);
        }
    }
    SlaRule { name: "standard".into(), clocks }
}

fn escalations(dice: &mut Dice, tables: &mut Tables) {
    tables.escalations[0].queue = dice.of(&[None, Some("vip".into())]);
    tables.escalations[0].follow = dice.yes();
    if dice.yes() {
        tables.escalations.push(EscalationRule {
            name: "boss".into(),
            group: "bosses".into(),
            template: "help".into(),
            queue: None,
            follow: true,
        });
    }
}

fn limits(dice: &mut Dice, tables: &mut Tables) {
    let limits = &mut tables.limits;
    limits.grace_ms = dice.of(&[40 * HOUR, MIN]);
    limits.settle_ms = dice.of(&[3 * DAY, 2 * HOUR]);
    limits.reopening_ms = dice.of(&[7 * DAY, HOUR]);
    limits.key_memory_ms = dice.of(&[7 * DAY, HOUR]);
    limits.join_by_customer = dice.yes();
    limits.rederive = !dice.yes();
    limits.acknowledgement = dice.of(&[None, Some("received".into())]);
    let closed = OutOfHours { calendar: "office".into(), template: "closed".into() };
    limits.out_of_hours = dice.yes().then_some(closed);
}

fn words(dice: &mut Dice, tables: &mut Tables) {
    if dice.yes() {
        tables.reasons.not_ready = vec!["break".into()];
    }
    if dice.yes() {
        tables.reasons.decline = vec!["conflict".into()];
    }
    if dice.yes() {
        tables.categories = vec![vec!["Complaint".into(), "Slow".into()]];
    }
    let links = dice.yes();
    if let Some(fault) = &mut tables.fault {
        fault.links_repeats = links;
    }
    if dice.of(&[false, false, false, true]) {
        tables.fault = None;
    }
}
