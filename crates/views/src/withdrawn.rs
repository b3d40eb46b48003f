//! What authors withdrew, in what the log itself says: the log keeps it, and nobody is shown it.
//!
//! A message is known to be withdrawn by its place, and by its source, under which its edits, its repeats and what came
//! out of order stand as well.

use std::collections::{HashMap, HashSet};

use serde_json::{Value as Json, json};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;

use crate::json;

/// What stands in place of words that their author withdrew.
pub const WITHDRAWN: &str = "[withdrawn by its author]";

/// Where an input stands.
type Place = (u64, u32);
/// A message: its input, and its place among those of a handover.
type Part = (Place, u32);

/// Which inputs hold what their authors withdrew. Fill it with what a log says, wherever on it the withdrawal stands.
#[derive(Debug, Clone, Default)]
pub struct Withdrawn {
    messages: HashSet<Part>,
    /// Messages by the inputs that changed them.
    changes: HashMap<Place, Part>,
    sources: HashSet<(String, Vec<u8>)>,
}

impl Withdrawn {
    /// Takes in an input: a withdrawal says itself of what.
    pub fn take_input(&mut self, input: &log::Input) {
        if let Some(message) = withdraws(input) {
            self.take_source(&message.account, &message.source);
        }
    }

    /// Takes in an event.
    pub fn take_event(&mut self, event: &log::Event) {
        match &event.body {
            Some(Happened::MessageRemoved(e)) => self.take_message(place(e.message), e.part),
            Some(Happened::MessageEdited(e)) => {
                self.take_change(place(event.caused_by), place(e.message), e.part);
            }
            Some(Happened::MessageReread(e)) => {
                self.take_change(place(event.caused_by), place(e.message), e.part);
            }
            _ => {}
        }
    }

    /// A message was withdrawn: the input that brought it, and its place among those of a handover.
    pub fn take_message(&mut self, place: Place, part: u32) {
        self.messages.insert((place, part));
    }

    /// The input at a place has another text for a message.
    pub fn take_change(&mut self, by: Place, place: Place, part: u32) {
        self.changes.insert(by, (place, part));
    }

    /// What has this source at this account was withdrawn.
    pub fn take_source(&mut self, account: &str, source: &[u8]) {
        if !source.is_empty() {
            self.sources.insert((account.to_owned(), source.to_vec()));
        }
    }

    /// Withdrawn messages, sorted. Give the input of each to [`Self::take_brought`]: what else has its source was
    /// withdrawn with it.
    #[must_use]
    pub fn messages(&self) -> Vec<(Place, u32)> {
        let mut messages: Vec<Part> = self.messages.iter().copied().collect();
        messages.sort_unstable();
        messages
    }

    /// Takes in the input that brought a withdrawn message.
    pub fn take_brought(&mut self, input: &log::Input, part: u32) {
        if let Some(message) = brought(input, part) {
            self.take_source(&message.account, &message.source);
        }
    }

    /// An input as JSON, without what was withdrawn of it.
    #[must_use]
    pub fn input(&self, place: Place, input: &log::Input, content: bool) -> Json {
        let mut shown = json::input(input, content);
        if content {
            self.hide(place, input, &mut shown);
        }
        shown
    }

    fn hide(&self, place: Place, input: &log::Input, shown: &mut Json) {
        match &input.body {
            Some(Arrived::Message(message)) if self.hides(place, message) => {
                put(shown.pointer_mut("/message/content"));
            }
            Some(Arrived::Reread(reread))
                if self.messages.contains(&(self::place(reread.message), reread.part)) =>
            {
                put(shown.pointer_mut("/reread/content"));
            }
            Some(Arrived::HandoverChange(change)) => {
                let has_source = change.says.as_ref().is_some_and(|says| self.has_source(says));
                if self.changed_withdrawn(place) || has_source {
                    put(shown.pointer_mut("/handover_change/says/content"));
                }
            }
            Some(Arrived::Handover(handover)) => {
                for (part, message) in (0..).zip(&handover.messages) {
                    if self.messages.contains(&(place, part)) || self.has_source(message) {
                        put(shown.pointer_mut(&format!("/handover/messages/{part}/content")));
                    }
                }
            }
            _ => {}
        }
    }

    fn hides(&self, place: Place, message: &log::Message) -> bool {
        let withdraws = message.kind() == log::MessageKind::Remove;
        let withdrawn = self.changed_withdrawn(place) || self.messages.contains(&(place, 0));
        withdraws || withdrawn || self.has_source(message)
    }

    /// Whether an input had another text for what was withdrawn.
    fn changed_withdrawn(&self, place: Place) -> bool {
        self.changes.get(&place).is_some_and(|message| self.messages.contains(message))
    }

    fn has_source(&self, message: &log::Message) -> bool {
        !self.sources.is_empty() && self.sources.contains(&(message.account.clone(), message.source.to_vec()))
    }
}

/// What an input takes back: the message in it says which by its account and source; none: it takes nothing back.
pub(crate) fn withdraws(input: &log::Input) -> Option<&log::Message> {
    match input.body.as_ref()? {
        Arrived::Message(message) if message.kind() == log::MessageKind::Remove => Some(message),
        Arrived::HandoverChange(change) if change.change() == log::MessageChange::Removed => {
            change.says.as_ref()
        }
        _ => None,
    }
}

fn place(id: Option<log::InputId>) -> Place {
    let id = id.unwrap_or_default();
    (id.seq, id.index)
}

/// A message that an input brought.
fn brought(input: &log::Input, part: u32) -> Option<&log::Message> {
    match &input.body {
        Some(Arrived::Message(message)) => Some(message),
        Some(Arrived::Handover(handover)) => handover.messages.get(usize::try_from(part).ok()?),
        _ => None,
    }
}

fn put(content: Option<&mut Json>) {
    if let Some(content) = content {
        *content = json!(WITHDRAWN);
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use simpang_proto::log::v1 as log;

    use super::{WITHDRAWN, Withdrawn};

    fn sealed(text: &str) -> Option<log::Sealed> {
        let content = log::MessageContent { text: text.into(), ..Default::default() };
        Some(log::Sealed { sealing: log::Sealing::None.into(), body: content.encode_to_vec().into() })
    }

    fn post(source: u8, kind: log::MessageKind) -> log::Message {
        let (account, source) = ("telkomcare".to_owned(), vec![source; 16].into());
        log::Message { account, source, kind: kind.into(), content: sealed("rahasia"), ..Default::default() }
    }

    fn input(body: log::input::Body) -> log::Input {
        log::Input { body: Some(body), ..Default::default() }
    }

    fn message(source: u8, kind: log::MessageKind) -> log::Input {
        input(log::input::Body::Message(post(source, kind)))
    }

    fn event(seq: u64, body: log::event::Body) -> log::Event {
        log::Event { caused_by: Some(log::InputId { seq, index: 0 }), at_ms: 1, body: Some(body) }
    }

    /// The message at 1 was edited by 2 under another id, and withdrawn by 3.
    fn withdrawn() -> Withdrawn {
        let mut withdrawn = Withdrawn::default();
        let of = Some(log::InputId { seq: 1, index: 0 });
        withdrawn.take_event(&event(
            2,
            log::event::Body::MessageEdited(log::MessageEdited { case: 1, message: of, part: 0 }),
        ));
        withdrawn.take_input(&message(7, log::MessageKind::Remove));
        withdrawn.take_event(&event(
            3,
            log::event::Body::MessageRemoved(log::MessageRemoved { case: 1, message: of, part: 0 }),
        ));
        assert_eq!(withdrawn.messages(), [((1, 0), 0)]);
        withdrawn.take_brought(&message(5, log::MessageKind::New), 0);
        withdrawn
    }

    fn handed_change(source: u8) -> log::Input {
        let says = Some(post(source, log::MessageKind::Edit));
        let change = log::MessageChange::Edited.into();
        input(log::input::Body::HandoverChange(log::HandoverChange { says, change, ..Default::default() }))
    }

    fn is_hidden(place: (u64, u32), input: &log::Input) -> bool {
        let text = withdrawn().input(place, input, true).to_string();
        assert_ne!(text.contains("rahasia"), text.contains(WITHDRAWN), "{text}");
        assert!(!withdrawn().input(place, input, false).to_string().contains(WITHDRAWN), "unasked");
        text.contains(WITHDRAWN)
    }

    #[test]
    fn the_words_of_a_withdrawn_message_are_left_out_wherever_they_stand() {
        use log::MessageKind::{Edit, New, Remove};
        let reread = |seq, part| {
            let message = Some(log::InputId { seq, index: 0 });
            input(log::input::Body::Reread(log::Reread {
                message,
                part,
                content: sealed("rahasia"),
                ..Default::default()
            }))
        };
        for (what, place, input, hidden) in [
            ("the message", (1, 0), message(5, New), true),
            ("its edit, by another id", (2, 0), message(6, Edit), true),
            ("its repeat", (9, 0), message(5, New), true),
            ("what came before it and was set aside", (9, 1), message(7, Edit), true),
            ("the withdrawal itself", (3, 0), message(7, Remove), true),
            ("what was read of it again", (10, 0), reread(1, 0), true),
            ("what another desk says of it", (2, 0), handed_change(6), true),
            ("what another desk says of its source", (14, 0), handed_change(5), true),
            ("what another desk says of another", (15, 0), handed_change(8), false),
            ("another message", (1, 1), message(8, New), false),
            ("one whose source nobody knows", (11, 0), message(0, New), false),
            ("another message of its handover", (12, 0), reread(1, 1), false),
            ("what was read of another", (13, 0), reread(2, 0), false),
        ] {
            assert_eq!(is_hidden(place, &input), hidden, "{what}");
        }
    }

    #[test]
    fn of_a_case_that_was_handed_over_only_what_was_withdrawn_is_left_out() {
        let messages = vec![post(1, log::MessageKind::New), post(2, log::MessageKind::New)];
        let handover = input(log::input::Body::Handover(log::Handover { messages, ..Default::default() }));
        let shown = withdrawn().input((1, 0), &handover, true);
        let content = |at: usize| shown["handover"]["messages"][at]["content"].to_string();
        assert!(content(0).contains(WITHDRAWN) && content(1).contains("rahasia"), "{shown}");
        let mut later = Withdrawn::default();
        later.take_message((1, 0), 1);
        let shown = later.input((1, 0), &handover, true);
        let content = |at: usize| shown["handover"]["messages"][at]["content"].to_string();
        assert!(content(0).contains("rahasia") && content(1).contains(WITHDRAWN), "{shown}");
    }
}
