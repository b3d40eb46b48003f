//! Events about what is sent.

use crate::event::{Event, Happened};
use crate::input::{Ask, Body, Input};
use crate::state::{ACKNOWLEDGED, Delivery, State};
use crate::words::{DeliveryKind, DeliveryOutcome, Name};

impl State {
    pub(super) fn apply_delivery(&mut self, event: &Event, input: &Input) {
        match &event.body {
            Happened::DeliveryQueued(queued) => {
                let answers: Option<Name> = match queued.kind {
                    DeliveryKind::Acknowledgement => Some(ACKNOWLEDGED.into()),
                    DeliveryKind::Template => queued.template.clone(),
                    _ => None,
                };
                let author = self.cases.get(&queued.case).and_then(|c| c.author);
                if let (Some(answers), Some(author)) = (answers, author) {
                    self.answered.note(event.at, author, &answers);
                }
                let asked = match &input.body {
                    Body::Command(command) => matches!(command.ask, Ask::Reply { resolve: true, .. }),
                    _ => false,
                };
                let is_reply = queued.kind == DeliveryKind::Reply;
                if is_reply {
                    self.is_answered(queued.case);
                    if let Some(case) = self.cases.get_mut(&queued.case) {
                        case.replies += 1;
                    }
                }
                let delivery = Delivery {
                    case: queued.case,
                    is_reply,
                    resolve: is_reply && asked,
                    attempts: 0,
                    claimed_by: None,
                    not_before: event.at,
                };
                self.deliveries.insert(queued.delivery, delivery);
            }
            Happened::DeliveryStarted { delivery, attempt, deliverer, .. } => {
                if let Some(open) = self.deliveries.get_mut(delivery) {
                    open.attempts = *attempt;
                    open.claimed_by = Some(deliverer.clone());
                }
            }
            Happened::DeliveryEnded { delivery, outcome, not_before, case, .. } => {
                if *outcome == DeliveryOutcome::Retry {
                    if let Some(open) = self.deliveries.get_mut(delivery) {
                        open.claimed_by = None;
                        open.not_before = not_before.unwrap_or(event.at);
                    }
                    return;
                }
                let ended = self.deliveries.remove(delivery);
                let survivor = self.survivor(*case);
                let Some(case) = survivor.as_ref() else { return };
                if ended.is_some_and(|d| d.is_reply)
                    && let Some(case) = self.cases.get_mut(case)
                {
                    case.replies = case.replies.saturating_sub(1);
                    case.answered |= *outcome == DeliveryOutcome::Delivered;
                }
                if let Body::Report(report) = &input.body
                    && let Some(source) = report.source
                    && let Some(case) = self.cases.get_mut(case)
                {
                    case.rare_mut().sent.push(source);
                    self.threads.insert(source, case.id);
                }
            }
            _ => {}
        }
    }
}
