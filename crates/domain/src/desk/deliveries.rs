//! What is sent: queued by a decision, claimed by one deliverer, ended by its report.

use super::judging::Judging;
use crate::event::{DeliveryQueued, Happened};
use crate::input::{DeliveryClaim, DeliveryReport, Message};
use crate::rules::Rules;
use crate::state::ACKNOWLEDGED;
use crate::words::{
    AgentId, CaseId, DeliveryKind, DeliveryOutcome, InputId, Key, MessageKind, Name, ReplyKind,
};

impl<R: Rules> Judging<'_, R> {
    fn queue_delivery(&mut self, case: CaseId, kind: DeliveryKind, fill: impl FnOnce(&mut DeliveryQueued)) {
        let delivery = self.next_delivery();
        let of = self.case_of(case);
        let mut queued = DeliveryQueued {
            delivery,
            case,
            kind,
            channel: Some(of.channel),
            account: of.account.clone(),
            to: of.latest().map(|m| m.id()),
            reply: None,
            agent: None,
            template: None,
            target: None,
        };
        fill(&mut queued);
        self.emit(Happened::DeliveryQueued(Box::new(queued)));
    }

    pub(super) fn send_reply(&mut self, case: CaseId, agent: &AgentId, kind: ReplyKind, to: Option<InputId>) {
        self.queue_delivery(case, DeliveryKind::Reply, |d| {
            d.reply = Some(kind);
            d.agent = Some(agent.clone());
            d.to = to.or(d.to);
        });
    }

    /// Answers from a template; contacts have nothing to answer to, and machines are never answered by one (RFC 3834).
    pub(super) fn send_template(&mut self, case: CaseId, kind: DeliveryKind, template: &Name) {
        if self.case_of(case).messages.is_empty() || !self.is_by_person(case) {
            return;
        }
        self.queue_delivery(case, kind, |d| {
            d.reply = Some(ReplyKind::Normal);
            d.template = Some(template.clone());
        });
    }

    /// Answers by a rule: like an acknowledgement one sender by one template at most once a period.
    pub(super) fn educate(&mut self, case: CaseId, template: &Name) {
        let author = self.case_of(case).author;
        if !self.was_answered(author, template) {
            self.send_template(case, DeliveryKind::Template, template);
        }
    }

    /// Whether a person wrote any of it; a machine's mail that went on by itself might come back for ever.
    fn is_by_person(&self, case: CaseId) -> bool {
        self.case_of(case).latest().is_none_or(|message| !message.automatic)
    }

    /// Whether a machine of ours answered a person so within the period.
    fn was_answered(&self, author: Option<Key>, how: &Name) -> bool {
        let gap = self.rules.tables().limits.acknowledgement_gap_ms;
        let last = author.and_then(|author| self.state.answered.last(author, how));
        last.is_some_and(|last| self.at.saturating_sub(last) < gap)
    }

    /// Sends a person's message on; what a machine wrote stays, so that two mailboxes that send all they get to each
    /// other end with the first.
    pub(super) fn send_forward(&mut self, case: CaseId, mailbox: &Name) {
        if !self.is_by_person(case) {
            return;
        }
        self.queue_delivery(case, DeliveryKind::Forward, |d| d.target = Some(mailbox.clone()));
    }

    /// Tells a group, and who is on duty for it; says whether anybody is.
    pub(super) fn notify(
        &mut self,
        case: CaseId,
        group: &Name,
        template: &Name,
        step: Option<&Name>,
    ) -> bool {
        self.queue_delivery(case, DeliveryKind::Notification, |d| {
            d.channel = None;
            d.template = Some(template.clone());
            d.target = Some(group.clone());
        });
        self.call_duty(case, group, step)
    }

    /// "We have received your message", or "we are closed": never to a machine, at most once a sender and period (RFC 3834).
    pub(super) fn acknowledge(&mut self, case: CaseId, message: &Message) {
        let limits = &self.rules.tables().limits;
        let closed = limits.out_of_hours.as_ref().filter(|away| !self.is_open_at(&away.calendar));
        let template = closed.map(|away| &away.template).or(limits.acknowledgement.as_ref());
        let Some(template) = template.cloned() else { return };
        let again = self.was_answered(message.author, &ACKNOWLEDGED.into());
        if message.kind == MessageKind::New && !message.automatic && !again {
            self.send_template(case, DeliveryKind::Acknowledgement, &template);
        }
    }

    /// Whether a calendar is open now.
    fn is_open_at(&self, calendar: &str) -> bool {
        self.rules.worked(calendar, self.at, self.at.saturating_add(1)) > 0
    }

    /// The first claim to be judged gets the delivery; any other is told that it came too late.
    pub(super) fn claim(&mut self, claim: &DeliveryClaim) {
        let open = self.state.deliveries.get(&claim.delivery);
        let free = open.filter(|d| d.claimed_by.is_none() && d.not_before <= self.at);
        let (delivery, deliverer) = (claim.delivery, claim.deliverer.clone());
        match free {
            Some(open) => {
                let (attempt, case) = (open.attempts + 1, open.case);
                self.emit(Happened::DeliveryStarted { delivery, attempt, deliverer, case });
            }
            None => self.emit(Happened::ClaimRefused { delivery, deliverer }),
        }
    }

    pub(super) fn report(&mut self, report: &DeliveryReport) {
        let open = self.state.deliveries.get(&report.delivery).filter(|d| d.claimed_by.is_some());
        let Some(open) = open.filter(|d| d.attempts == report.attempt).cloned() else {
            return self.refuse_input("a report of an attempt that is not under way");
        };
        let retry = report.outcome == DeliveryOutcome::Retry;
        let case = open.case;
        self.emit(Happened::DeliveryEnded {
            delivery: report.delivery,
            attempt: report.attempt,
            outcome: report.outcome,
            detail: report.detail.clone(),
            case,
            not_before: retry.then(|| self.at.saturating_add(report.retry_after_ms.max(0))),
        });
        let accepted = report.outcome == DeliveryOutcome::Delivered && open.is_reply;
        // A case that was merged meanwhile goes on as the other.
        if let Some(case) = self.state.survivor(case).filter(|_| accepted) {
            self.reply_accepted(case);
            if open.resolve && self.case_of(case).is_open() {
                self.resolve(case, None, "answered".into());
            }
        }
    }
}
