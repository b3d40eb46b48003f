//! Messages and handovers: which case they belong to, and what they wake.

use super::judging::Judging;
use crate::event::Happened;
use crate::facts::Value;
use crate::input::{Handover, HandoverChange, Message, Reread};
use crate::rules::Rules;
use crate::state::{Case, EDITED, Member, Status, WITHDRAWN};
use crate::words::{CaseId, InputId, JoinedBy, Key, MessageChange, MessageKind, Occasion};

/// The fact that says which case's number stands in a subject.
const SUBJECT_TAG: &str = "subject_tag";
/// Why a rereading is set aside whose message its author took back.
const REREAD_WITHDRAWN: &str = "reads again a message that was withdrawn";
/// Why a rereading is set aside whose bytes are not what stands now.
const CHANGED_SINCE: &str = "reads again words that its author has changed since";

/// Where a message belongs.
enum Belongs {
    /// On this case.
    To(CaseId, JoinedBy),
    /// On a new one, which follows this closed one.
    After(CaseId),
    /// On a new one.
    Nowhere,
}

impl<R: Rules> Judging<'_, R> {
    pub(super) fn message(&mut self, message: &Message) {
        match message.kind {
            MessageKind::New => self.new_message(message),
            MessageKind::Edit => self.edited(message),
            MessageKind::Remove => self.removed(message),
            MessageKind::Bounce | MessageKind::Automatic => self.automatic(message),
        }
    }

    fn new_message(&mut self, message: &Message) {
        if self.is_overtaken(message, WITHDRAWN) {
            return self.withdrawn(message);
        }
        if message.kind == MessageKind::New && self.is_overtaken(message, EDITED) {
            return self.refuse_input("the first text of a message whose later text came before it");
        }
        match self.belongs(message) {
            Belongs::To(case, by) => self.joins(case, by, message),
            Belongs::After(closed) => self.opens(message, Some(closed)),
            Belongs::Nowhere => self.opens(message, None),
        }
    }

    /// Whether it was withdrawn or edited before it came: channels that post to us promise no order.
    fn is_overtaken(&self, message: &Message, how: &str) -> bool {
        let how = how.into();
        let ids = message.source.iter().chain(&message.provides);
        ids.into_iter().any(|id| self.state.overtaken.last(*id, &how).is_some())
    }

    /// A message that its author had withdrawn before it came: noted where it would have been, and withdrawn there at
    /// once, so that nobody is shown it and nobody woken.
    fn withdrawn(&mut self, message: &Message) {
        let Belongs::To(case, by) = self.belongs(message) else {
            return self.refuse_input("was withdrawn before it came");
        };
        let (count, id) = (self.case_of(case).count, self.input.id);
        self.emit(Happened::MessageJoined { case, message: id, by, count, automatic: true });
        self.emit(Happened::MessageRemoved { case, message: id, part: 0 });
    }

    /// The message that a source names, by the id it came under or one that an edit gave it.
    fn known(&self, source: Option<Key>) -> Option<(CaseId, InputId, u32)> {
        let source = source?;
        if let Some((case, id)) = self.state.sources.get(&source) {
            let is_it = |m: &Member| m.id() == *id && m.source() == Some(source);
            return self.part(*case, is_it);
        }
        let brings_it = |m: &Member| m.source().is_some() && m.provides().contains(&source);
        self.part(*self.state.threads.get(&source)?, brings_it)
    }

    /// The first message of a case that is meant, and which of its input it is.
    fn part(&self, case: CaseId, is_meant: impl Fn(&Member) -> bool) -> Option<(CaseId, InputId, u32)> {
        let (part, member) = self.state.cases.get(&case)?.parts().find(|(_, member)| is_meant(member))?;
        Some((case, member.id(), part))
    }

    fn edited(&mut self, message: &Message) {
        match self.known(message.source) {
            Some((case, message, part)) => self.emit(Happened::MessageEdited { case, message, part }),
            // What it edits never came, or was forgotten: the new text is the first we see of it.
            None => self.new_message(message),
        }
    }

    fn removed(&mut self, message: &Message) {
        match self.known(message.source) {
            Some((case, message, part)) => self.emit(Happened::MessageRemoved { case, message, part }),
            None => self.refuse_input("withdraws a message that is not known here"),
        }
    }

    /// The same bytes, read better: noted where the message is, and nothing follows. An edit would not do, since one
    /// of a message that is not known is the first that is seen of it and opens a case.
    pub(super) fn reread(&mut self, reread: &Reread) {
        let Reread { message, part, of, case } = *reread;
        let case = self.state.survivor(case).and_then(|case| self.state.cases.get(&case));
        let Some(case) = case.filter(|case| case.messages.iter().any(|m| m.id() == message)).map(|c| c.id)
        else {
            return self.refuse_input("reads again a message that is not known any more");
        };
        match self.state.changed.get(&(message, part)).copied() {
            Some(None) => self.refuse_input(REREAD_WITHDRAWN),
            Some(Some(last)) if last != of => self.refuse_input(CHANGED_SINCE),
            None if of != message => self.refuse_input(CHANGED_SINCE),
            _ => self.emit(Happened::MessageReread { case, message, part }),
        }
    }

    /// A bounce, a receipt or an automatic answer: noted on its case, wakes nobody.
    fn automatic(&mut self, message: &Message) {
        let signed = message.signed_case.and_then(|id| self.state.survivor(id));
        let thread = || message.joins.iter().find_map(|k| self.state.survivor(*self.state.threads.get(k)?));
        let found = signed.or_else(thread).map(|case| (case, JoinedBy::Thread));
        let found = found.or_else(|| Some((self.tagged(message)?, JoinedBy::Tag)));
        match found {
            Some((case, by)) => {
                let (count, message) = (self.case_of(case).count, self.input.id);
                self.emit(Happened::MessageJoined { case, message, by, count, automatic: true });
            }
            None => self.refuse_input("an automatic message that belongs to no case"),
        }
    }

    fn belongs(&self, message: &Message) -> Belongs {
        if let Some(signed) = message.signed_case {
            if let Some(case) = self.state.survivor(signed).and_then(|id| self.state.cases.get(&id)) {
                return belongs_to(case, JoinedBy::Signature);
            }
            if (1..=self.state.last_case).contains(&signed.0) {
                return Belongs::After(signed);
            }
        }
        let thread = message.joins.iter().find_map(|key| self.state.threads.get(key));
        if let Some(case) = thread.and_then(|id| self.state.cases.get(id)) {
            return belongs_to(case, JoinedBy::Thread);
        }
        if let Some(case) = self.tagged(message).and_then(|id| self.state.cases.get(&id)) {
            return belongs_to(case, JoinedBy::Tag);
        }
        let author = message.author.filter(|_| self.rules.tables().limits.join_by_customer);
        let open = author.and_then(|a| self.state.by_author.get(&(a, message.channel)));
        match open {
            Some(case) => Belongs::To(*case, JoinedBy::Customer),
            None => Belongs::Nowhere,
        }
    }

    /// The case whose number stands in the subject. Anybody can write a number, so it has to be the sender's own case.
    fn tagged(&self, message: &Message) -> Option<CaseId> {
        let Some(Value::Number(number)) = message.facts.get(SUBJECT_TAG) else { return None };
        let named = self.state.cases.get(&CaseId(u64::try_from(*number).ok()?))?;
        let survivor = self.state.cases.get(&self.state.survivor(named.id)?)?;
        let theirs = |case: &Case| case.author == message.author && case.channel == message.channel;
        let allowed = self.rules.tables().limits.subject_tag && message.author.is_some();
        (allowed && (theirs(named) || theirs(survivor))).then_some(survivor.id)
    }

    fn joins(&mut self, case: CaseId, by: JoinedBy, message: &Message) {
        let count = self.case_of(case).count + 1;
        let id = self.input.id;
        self.emit(Happened::MessageJoined { case, message: id, by, count, automatic: false });
        let newly_known = message.customer.as_ref().filter(|_| self.case_of(case).customer.is_none());
        if let Some(customer) = newly_known {
            let (customer, segment) = (customer.id.clone(), customer.segment.clone());
            self.emit(Happened::CaseIdentified { case, customer, segment, agent: None });
        }
        let known_now = newly_known.is_some();
        self.wake(case);
        self.customer_wrote(case);
        if known_now {
            self.run_rules(case, Occasion::Identified);
        }
    }

    /// The customer wrote: what waited for them goes on, what was over is open again.
    fn wake(&mut self, case: CaseId) {
        match self.status(case) {
            Status::Parked { .. } => self.unpark(case),
            Status::Scheduled { keep_for, .. } => {
                self.emit(Happened::CaseResumed { case });
                self.resume_clocks(case);
                self.return_to(case, keep_for);
            }
            Status::Resolved { .. } | Status::Closed { .. } => self.reopen(case, None),
            Status::Loose | Status::Queued | Status::Offered { .. } | Status::Assigned { .. } => {}
        }
    }

    fn opens(&mut self, message: &Message, follows: Option<CaseId>) {
        let case = self.next_case();
        self.emit(Happened::CaseOpened {
            case,
            channel: message.channel,
            account: message.account.clone(),
            campaign: None,
            follows,
            arrived: self.at,
            split_from: None,
        });
        let id = self.input.id;
        self.emit(Happened::MessageJoined {
            case,
            message: id,
            by: JoinedBy::Opening,
            count: 1,
            automatic: false,
        });
        self.introduce(case);
        self.acknowledge(case, message);
        self.begin(case);
    }

    /// Says which customer the directory knew at the door.
    pub(super) fn introduce(&mut self, case: CaseId) {
        if let Some(customer) = self.case_of(case).customer.as_deref() {
            let (customer, segment) = (customer.id.clone(), customer.segment.clone());
            self.emit(Happened::CaseIdentified { case, customer, segment, agent: None });
        }
    }

    pub(super) fn handover(&mut self, handover: &Handover) {
        let last = self.state.handovers.get(&handover.desk).copied().unwrap_or_default();
        let Some(first) = handover.messages.first() else {
            return self.refuse_input("a handover without any message");
        };
        if handover.position <= last {
            return self.refuse_input("a handover that came before");
        }
        let case = self.next_case();
        self.emit(Happened::CaseOpened {
            case,
            channel: first.channel,
            account: first.account.clone(),
            campaign: None,
            follows: None,
            arrived: self.at,
            split_from: None,
        });
        let count = u32::try_from(handover.messages.len()).unwrap_or(u32::MAX);
        let id = self.input.id;
        self.emit(Happened::MessageJoined {
            case,
            message: id,
            by: JoinedBy::Opening,
            count,
            automatic: false,
        });
        self.introduce(case);
        self.begin(case);
    }

    /// A message of a case from another desk, changed there since: it changes here in the same way. What is not known
    /// here any more was forgotten, and must not open a case as an edit at the door would.
    pub(super) fn handover_change(&mut self, change: &HandoverChange) {
        let last = self.state.handovers.get(&change.desk).copied().unwrap_or_default();
        if change.position <= last {
            return self.refuse_input("a change of a handed-over message that came before");
        }
        let case = self.state.threads.get(&change.message).copied();
        let handed = case.and_then(|case| self.part(case, |m| m.provides().contains(&change.message)));
        // A withdrawal whose message the other desk has forgotten names it by its source.
        let Some((case, message, part)) = handed.or_else(|| self.known(Some(change.message))) else {
            return self.refuse_input("changes a handed-over message that is not known any more");
        };
        match change.change {
            MessageChange::Edited => self.emit(Happened::MessageEdited { case, message, part }),
            MessageChange::Removed => self.emit(Happened::MessageRemoved { case, message, part }),
            MessageChange::Reread if self.state.changed.get(&(message, part)) == Some(&None) => {
                self.refuse_input(REREAD_WITHDRAWN);
            }
            MessageChange::Reread => self.emit(Happened::MessageReread { case, message, part }),
        }
    }
}

fn belongs_to(case: &Case, by: JoinedBy) -> Belongs {
    match case.status {
        Status::Closed { reopens: false, .. } => Belongs::After(case.id),
        _ => Belongs::To(case.id, by),
    }
}
