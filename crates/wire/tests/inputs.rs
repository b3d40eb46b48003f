//! Inputs: what is well formed is read in full, what is not is set aside with its reason.

#![allow(clippy::unwrap_used, clippy::panic)]

use simpang_domain::facts::{Facts, Value};
use simpang_domain::input::{Ask, Body, Input, PolicyVersion, TransferTo};
use simpang_domain::words::{
    CaseId, Channel, InputId, MessageChange, MessageKind, Name, ReplyKind, Visibility,
};
use simpang_proto::log::v1;
use simpang_proto::log::v1::command::Body as Asked;
use simpang_proto::log::v1::input::Body as Wire;
use simpang_wire::Names;
use simpang_wire::input::{self, Door};

const ID: InputId = InputId { seq: 5, index: 1 };

fn compile(document: &v1::PolicyDocument) -> PolicyVersion {
    let cites = document.cites.as_str().into();
    PolicyVersion { version: document.version, digest: [7; 32], cites, errors: Vec::new() }
}

fn read(door: Door, body: impl Into<Option<Wire>>) -> Input {
    let wire = v1::Input { key: vec![9; 16].into(), traceparent: String::new(), body: body.into() };
    input::read(ID, 1_000, door, &wire, compile)
}

fn fact(name: &str, value: v1::fact::Value) -> v1::Fact {
    v1::Fact { name: name.into(), value: Some(value) }
}

fn text(value: &str) -> v1::fact::Value {
    v1::fact::Value::Text(value.into())
}

fn message() -> v1::Message {
    v1::Message {
        channel: 1,
        account: "cs@tenesa.example".into(),
        kind: 1,
        visibility: 2,
        source: vec![1; 16].into(),
        joins: vec![vec![2; 16].into()],
        provides: vec![vec![1; 16].into(), vec![3; 16].into()],
        signed_case: 12,
        author: vec![4; 16].into(),
        customer: Some(v1::Customer { id: "c-1".into(), segment: "DES".into(), ..Default::default() }),
        facts: vec![fact("followers", v1::fact::Value::Number(20)), fact("lang", text("id"))],
        ..Default::default()
    }
}

fn command(asked: Asked) -> v1::Command {
    v1::Command { principal: "rina".into(), seen_messages: 2, case: 12, body: Some(asked) }
}

fn ask(asked: Asked) -> Ask {
    match read(Door::Gateway, Wire::Command(command(asked))).body {
        Body::Command(command) => command.ask,
        other => panic!("{other:?}"),
    }
}

fn agent() -> v1::AgentRecord {
    v1::AgentRecord {
        agent: "rina".into(),
        roles: vec![2, 3],
        skills: vec![v1::Skill { name: "email".into(), level: 3 }, v1::Skill { name: "x".into(), level: 10 }],
        groups: vec!["priority".into(), "tl-on-duty".into()],
        capacities: vec![v1::Capacity { channel: 1, limit: 5 }],
        ..Default::default()
    }
}

fn claim() -> v1::DeliveryClaim {
    let input = Some(v1::InputId { seq: 3, index: 0 });
    v1::DeliveryClaim { delivery: Some(v1::DeliveryId { input, part: 0 }), deliverer: "deliver@a/1".into() }
}

fn report() -> v1::DeliveryReport {
    v1::DeliveryReport { delivery: claim().delivery, attempt: 1, outcome: 1, ..Default::default() }
}

#[test]
fn a_message_is_read_in_full() {
    let input = read(Door::Ingest, Wire::Message(message()));
    assert_eq!((input.id, input.at, input.key), (ID, 1_000, Some([9; 16])));
    let Body::Message(read) = input.body else { panic!("{:?}", input.body) };
    assert_eq!((read.channel, read.kind), (Channel::Email, MessageKind::New));
    assert_eq!(read.visibility, Visibility::Private);
    assert_eq!((read.source, read.author), (Some([1; 16]), Some([4; 16])));
    assert_eq!((read.joins, read.provides), (vec![[2; 16]], vec![[1; 16], [3; 16]]));
    assert_eq!(read.signed_case, Some(CaseId(12)));
    assert_eq!(read.facts.get("followers"), Some(&Value::Number(20)));
    let customer = read.customer.unwrap();
    assert_eq!((customer.id.as_deref(), customer.segment.as_deref()), (Some("c-1"), Some("DES")));
    assert_eq!(customer.profession, None);
}

#[test]
fn what_is_not_said_is_none_and_what_has_a_default_takes_it() {
    let bare = v1::Message { channel: 2, account: "telkomcare".into(), kind: 1, ..Default::default() };
    let wire = v1::Input { body: Some(Wire::Message(bare)), ..Default::default() };
    let input = input::read(ID, 1, Door::Ingest, &wire, compile);
    assert_eq!(input.key, None);
    let Body::Message(read) = input.body else { panic!("{:?}", input.body) };
    assert_eq!(read.visibility, Visibility::Private);
    assert_eq!((read.source, read.author, read.signed_case, read.customer), (None, None, None, None));

    let to = Some(v1::InputId::default());
    let reply = ask(Asked::Reply(v1::Reply { to, ..Default::default() }));
    let expected = Ask::Reply { kind: ReplyKind::Normal, to: None, category: Vec::new(), resolve: false };
    assert_eq!(reply, expected);
    assert_eq!(ask(Asked::CancelPull(v1::CancelPull { pull: None })), Ask::CancelPull { pull: None });
    assert_eq!(ask(Asked::SignOut(v1::SignOut::default())), Ask::SignOut { session: None });
    assert_eq!(ask(Asked::Escalate(v1::Escalate::default())), Ask::Escalate { step: None });
}

#[test]
fn a_transfer_names_one_target_or_is_left_for_the_core_to_refuse() {
    let send = |queue: &str, agent: &str, desk: &str, last: bool| {
        let (queue, agent, desk) = (queue.to_owned(), agent.to_owned(), desk.to_owned());
        match ask(Asked::Transfer(v1::Transfer { queue, agent, desk, content: None, last })) {
            Ask::Transfer { to } => to,
            other => panic!("{other:?}"),
        }
    };
    let to = |queue: &str, agent: &str, desk: &str| send(queue, agent, desk, false);
    assert_eq!(send("q", "", "", true), TransferTo::EndOf("q".into()));
    assert_eq!(send("", "rina", "", true), TransferTo::Unclear, "an agent has no end");
    assert_eq!(to("q", "", ""), TransferTo::Queue("q".into()));
    assert_eq!(to("", "rina", ""), TransferTo::Agent("rina".into()));
    assert_eq!(to("", "", "tenesa"), TransferTo::Desk("tenesa".into()));
    assert_eq!(to("", "", ""), TransferTo::Unclear);
    assert_eq!(to("q", "rina", ""), TransferTo::Unclear);
}

#[test]
fn an_empty_text_in_a_classification_removes_the_fact_where_it_is_merged() {
    let facts = vec![fact("interaction", text("")), fact("product_number", text("123"))];
    let Ask::Classify { facts, .. } = ask(Asked::Classify(v1::Classify { category: Vec::new(), facts }))
    else {
        panic!("no classification");
    };
    let mut case = Facts::new([(Name::from("interaction"), Value::Text("complaint".into()))]);
    case.merge(&facts);
    assert_eq!(case.get("interaction"), None);
    assert_eq!(case.get("product_number"), Some(&Value::Text("123".into())));
}

#[test]
fn a_policy_is_compiled_only_when_it_may_come() {
    let document = v1::PolicyDocument { version: 3, cites: "IT.04.07".into(), ..Default::default() };
    let input = read(Door::Gateway, Wire::Policy(document.clone()));
    assert_eq!(input.body, Body::Policy(compile(&document)));
    let wire = v1::Input { body: Some(Wire::Policy(document)), ..Default::default() };
    let input = input::read(ID, 1, Door::Ingest, &wire, |_| panic!("compiled what the door may not bring"));
    assert!(matches!(input.body, Body::Unreadable(_)));
}

#[test]
fn equal_names_of_two_inputs_share_their_memory() {
    let mut names = Names::new();
    let wire = v1::Input { body: Some(Wire::Message(message())), ..Default::default() };
    let mut account = || match input::read_with(&mut names, ID, 1, Door::Ingest, &wire, compile).body {
        Body::Message(message) => message.account,
        other => panic!("{other:?}"),
    };
    assert!(simpang_domain::words::Name::ptr_eq(&account(), &account()));
}

fn failure() -> v1::HandoverFailure {
    v1::HandoverFailure { case: 1, desk: "tenesa".into(), ..Default::default() }
}

fn change() -> v1::HandoverChange {
    let provides = vec![vec![6; 16].into()];
    v1::HandoverChange {
        desk: "tenesa".into(),
        seq: 9,
        index: 2,
        message: vec![5; 16].into(),
        change: v1::MessageChange::Edited.into(),
        says: Some(v1::Message { provides, ..v1::Message::default() }),
    }
}

#[test]
fn a_change_of_a_handed_over_message_names_it_and_brings_the_ids_of_an_edit() {
    let expected = |change, provides| simpang_domain::input::HandoverChange {
        desk: "tenesa".into(),
        position: (9, 2),
        message: [5; 16],
        change,
        provides,
    };
    let edited = Body::HandoverChange(expected(MessageChange::Edited, vec![[6; 16]]));
    assert_eq!(read(Door::Deliver, Wire::HandoverChange(change())).body, edited);
    let wire = v1::HandoverChange { change: v1::MessageChange::Reread.into(), ..change() };
    let reread = Body::HandoverChange(expected(MessageChange::Reread, Vec::new()));
    assert_eq!(read(Door::Deliver, Wire::HandoverChange(wire)).body, reread);
    let wire = v1::HandoverChange { change: v1::MessageChange::Removed.into(), says: None, ..change() };
    let removed = Body::HandoverChange(expected(MessageChange::Removed, Vec::new()));
    assert_eq!(read(Door::Deliver, Wire::HandoverChange(wire)).body, removed);
    let spoilt: [Spoilt<v1::HandoverChange>; 5] = [
        (|c| c.desk.clear(), "handover_change.desk: is empty"),
        (|c| c.seq = 0, "handover_change.seq: sequences count from 1"),
        (|c| c.message.clear(), "handover_change.message: is not named"),
        (|c| c.change = 0, "handover_change.change: no change of a message is given"),
        (|c| c.says = None, "handover_change.says: an edit or a rereading has it"),
    ];
    for (spoil, expected) in spoilt {
        let mut wire = change();
        spoil(&mut wire);
        assert_eq!(reason(Door::Deliver, Wire::HandoverChange(wire)), expected);
    }
}

fn reread() -> v1::Reread {
    let message = Some(v1::InputId { seq: 7, index: 2 });
    v1::Reread { message, of: message, case: 4, part: 1, ..Default::default() }
}

#[test]
fn a_rereading_names_its_message_and_none_of_its_words_reach_the_core() {
    let (message, case) = (InputId { seq: 7, index: 2 }, CaseId(4));
    let expected = simpang_domain::input::Reread { message, part: 1, of: message, case };
    let wire = v1::Reread { corrected: vec!["text".into()], malformed: "cut".into(), ..reread() };
    assert_eq!(read(Door::Ingest, Wire::Reread(wire)).body, Body::Reread(expected));
    let spoilt: [Spoilt<v1::Reread>; 4] = [
        (|r| r.case = 0, "reread.case: cases count from 1"),
        (|r| r.message = None, "reread.message: is not named"),
        (|r| r.of = None, "reread.of: is not named"),
        (|r| r.message = Some(v1::InputId::default()), "reread.message: sequences count from 1"),
    ];
    for (spoil, expected) in spoilt {
        let mut wire = reread();
        spoil(&mut wire);
        assert_eq!(reason(Door::Ingest, Wire::Reread(wire)), expected);
    }
}

#[test]
fn each_door_brings_its_own_kinds_and_no_other() {
    let handover =
        v1::Handover { desk: "tenesa".into(), seq: 1, messages: vec![message()], ..Default::default() };
    let contact = v1::Contact { campaign: "callback".into(), ..Default::default() };
    let heartbeat = v1::Heartbeat { gateway: "gateway@a/1".into(), began: true };
    let kinds = [
        (Wire::Message(message()), "message", vec![Door::Ingest]),
        (Wire::Contact(contact), "contact", vec![Door::Ingest]),
        (Wire::Command(command(Asked::Accept(v1::Accept {}))), "command", vec![Door::Gateway]),
        (Wire::Claim(claim()), "claim", vec![Door::Deliver]),
        (Wire::Report(report()), "report", vec![Door::Deliver]),
        (Wire::Agent(agent()), "agent", vec![Door::Gateway]),
        (Wire::Policy(v1::PolicyDocument::default()), "policy", vec![Door::Gateway]),
        (Wire::Tick(v1::Tick {}), "tick", vec![Door::Router]),
        (Wire::Heartbeat(heartbeat), "heartbeat", vec![Door::Gateway]),
        (Wire::Handover(handover), "handover", vec![Door::Ingest, Door::Deliver]),
        (Wire::HandoverFailure(failure()), "handover_failure", vec![Door::Deliver]),
        (Wire::HandoverChange(change()), "handover_change", vec![Door::Deliver]),
        (Wire::Reread(reread()), "reread", vec![Door::Ingest]),
    ];
    for (wire, kind, doors) in kinds {
        for door in Door::ALL {
            assert_eq!(Door::of_str(door.as_str()), Some(door));
            match read(door, wire.clone()).body {
                Body::Unreadable(reason) => {
                    assert!(!doors.contains(&door), "{reason}");
                    assert_eq!(*reason, *format!("{kind}: the door `{}` may not bring it", door.as_str()));
                }
                _ => assert!(doors.contains(&door), "{kind} came by {door:?}"),
            }
        }
    }
}

/// What is done to a well-formed input, and the reason it is then set aside for.
type Spoilt<T> = (fn(&mut T), &'static str);

/// Reads what has to be unreadable.
fn reason(door: Door, body: impl Into<Option<Wire>>) -> String {
    match read(door, body).body {
        Body::Unreadable(reason) => reason.to_string(),
        other => panic!("read as {other:?}"),
    }
}

#[test]
fn an_input_without_body_or_with_a_bad_key_is_set_aside() {
    let wire =
        v1::Input { key: vec![9; 15].into(), body: Some(Wire::Message(message())), ..Default::default() };
    let input = input::read(ID, 1, Door::Ingest, &wire, compile);
    assert_eq!(input.key, None);
    assert_eq!(input.body, Body::Unreadable("key: a key has 16 bytes, not 15".into()));
    assert_eq!(reason(Door::Ingest, None), "body: there is none, or none of a kind that this program knows");
}

#[test]
fn a_malformed_message_is_set_aside_with_its_reason() {
    let table: &[Spoilt<v1::Message>] = &[
        (|m| m.channel = 0, "message.channel: no channel is given"),
        (|m| m.channel = 99, "message.channel: 99 is no channel that this program knows"),
        (|m| m.kind = -1, "message.kind: -1 is no kind of message that this program knows"),
        (|m| m.visibility = 3, "message.visibility: 3 is no visibility that this program knows"),
        (|m| m.account.clear(), "message.account: is empty"),
        (|m| m.source = vec![1; 17].into(), "message.source: a key has 16 bytes, not 17"),
        (|m| m.author = vec![1].into(), "message.author: a key has 16 bytes, not 1"),
        (|m| m.joins.push(vec![].into()), "message.joins[1]: a key has 16 bytes, not 0"),
        (|m| m.provides[0] = vec![1; 8].into(), "message.provides[0]: a key has 16 bytes, not 8"),
        (|m| m.facts[1].name = "Lang".into(), "message.facts[1]: the name is not [a-z][a-z0-9_]{0,63}"),
        (|m| m.facts[0].name.clear(), "message.facts[0]: the name is not [a-z][a-z0-9_]{0,63}"),
        (|m| m.facts[0].name = "a".repeat(65), "message.facts[0]: the name is not [a-z][a-z0-9_]{0,63}"),
        (|m| m.facts.reverse(), "message.facts[1]: names have to be sorted and unique"),
        (|m| m.facts.push(fact("lang", text("en"))), "message.facts[2]: names have to be sorted and unique"),
        (
            |m| m.facts[1].value = Some(text(&"é".repeat(501))),
            "message.facts[1]: a text has at most 500 characters",
        ),
        (
            |m| m.customer.as_mut().unwrap().facts.push(fact("9", text(""))),
            "message.customer.facts[0]: the name is not [a-z][a-z0-9_]{0,63}",
        ),
    ];
    for (spoil, expected) in table {
        let mut wire = message();
        spoil(&mut wire);
        assert_eq!(reason(Door::Ingest, Wire::Message(wire)), *expected);
    }
    let mut longest = message();
    longest.facts[1].value = Some(text(&"é".repeat(500)));
    assert!(matches!(read(Door::Ingest, Wire::Message(longest)).body, Body::Message(_)));
}

#[test]
fn a_malformed_command_is_set_aside_with_its_reason() {
    let pull = |count, wait_ms| Asked::Pull(v1::Pull { count, wait_ms, queues: Vec::new() });
    let sign_in = |session: &str, gateway: &str| {
        Asked::SignIn(v1::SignIn {
            session: session.into(),
            gateway: gateway.into(),
            ready: true,
            auto: false,
        })
    };
    let presence = |presence, reason: String| {
        Asked::SetPresence(v1::SetPresence { presence, reason, ..v1::SetPresence::default() })
    };
    let limited = |total, channels: &[(i32, u32)]| {
        let channels =
            channels.iter().map(|(channel, limit)| v1::Capacity { channel: *channel, limit: *limit });
        let limit = v1::SessionLimit { total, channels: channels.collect() };
        Asked::SetPresence(v1::SetPresence { presence: 1, limit: Some(limit), ..v1::SetPresence::default() })
    };
    let filled = vec!["b".to_owned(), "a".to_owned()];
    let unsorted = Asked::Disposition(v1::Disposition { filled, ..Default::default() });
    let facts = vec![fact("b", text("")), fact("a", text(""))];
    let table = [
        (pull(0, 0), "command.pull.count: it is 1 to 100"),
        (pull(101, 0), "command.pull.count: it is 1 to 100"),
        (pull(1, -1), "command.pull.wait_ms: it is 0 to 3,600,000"),
        (pull(1, 3_600_001), "command.pull.wait_ms: it is 0 to 3,600,000"),
        (sign_in("", "g"), "command.sign_in.session: is empty"),
        (sign_in("s", ""), "command.sign_in.gateway: is empty"),
        (presence(0, String::new()), "command.set_presence.presence: no presence is given"),
        (presence(1, "x".repeat(101)), "command.set_presence.reason: it has at most 100 characters"),
        (limited(Some(1_001), &[]), "command.set_presence.limit.total: it is 0 to 1,000"),
        (limited(None, &[(1, 1_001)]), "command.set_presence.limit.channels: limits are 0 to 1,000"),
        (limited(None, &[(0, 1)]), "command.set_presence.limit.channels: no channel is given"),
        (
            limited(None, &[(1, 1), (1, 2)]),
            "command.set_presence.limit.channels: a channel stands there twice",
        ),
        (
            Asked::Decline(v1::Decline { reason: "x".repeat(201) }),
            "command.decline.reason: it has at most 200 characters",
        ),
        (
            Asked::Resolve(v1::Resolve { outcome: "x".repeat(201) }),
            "command.resolve.outcome: it has at most 200 characters",
        ),
        (Asked::Wait(v1::Wait { on: 0 }), "command.wait.on: no party to wait for is given"),
        (Asked::Identify(v1::Identify { customer: None }), "command.identify.customer: is missing"),
        (
            Asked::Reply(v1::Reply { kind: 8, ..Default::default() }),
            "command.reply.kind: 8 is no kind of reply that this program knows",
        ),
        (unsorted, "command.disposition.filled: names have to be sorted and unique"),
        (
            Asked::Disposition(v1::Disposition { answered: 9, ..Default::default() }),
            "command.disposition.answered: 9 is no answerer that this program knows",
        ),
        (Asked::Split(v1::Split::default()), "command.split.messages: at least one has to be named"),
        (
            Asked::Classify(v1::Classify { category: Vec::new(), facts }),
            "command.classify.facts[1]: names have to be sorted and unique",
        ),
    ];
    for (asked, expected) in table {
        assert_eq!(reason(Door::Gateway, Wire::Command(command(asked))), expected);
    }
    let nobody = v1::Command { principal: String::new(), ..command(Asked::Close(v1::Close {})) };
    assert_eq!(reason(Door::Gateway, Wire::Command(nobody)), "command.principal: is empty");
    let nothing = v1::Command { body: None, ..command(Asked::Close(v1::Close {})) };
    assert_eq!(
        reason(Door::Gateway, Wire::Command(nothing)),
        "command.body: nothing is asked, or nothing that this program knows"
    );
}

#[test]
fn a_malformed_agent_record_is_set_aside_with_its_reason() {
    let id = "agent.agent: the id is not [a-z0-9][a-z0-9._-]{0,63}";
    let table: &[Spoilt<v1::AgentRecord>] = &[
        (|a| a.agent.clear(), id),
        (|a| a.agent = ".rina".into(), id),
        (|a| a.agent = "Rina".into(), id),
        (|a| a.agent = "a".repeat(65), id),
        (|a| a.roles.push(0), "agent.roles: no role is given"),
        (|a| a.skills.reverse(), "agent.skills: names have to be sorted and unique"),
        (|a| a.skills[0].level = 0, "agent.skills: levels are 1 to 10"),
        (|a| a.skills[0].level = 11, "agent.skills: levels are 1 to 10"),
        (|a| a.groups[1] = "priority".into(), "agent.groups: they have to be sorted and unique"),
        (|a| a.capacities[0].limit = 1_001, "agent.capacities: limits are 0 to 1,000"),
        (|a| a.capacities[0].channel = 0, "agent.capacities: no channel is given"),
        (|a| a.capacities.push(a.capacities[0]), "agent.capacities: a channel stands there twice"),
    ];
    for (spoil, expected) in table {
        let mut wire = agent();
        spoil(&mut wire);
        assert_eq!(reason(Door::Gateway, Wire::Agent(wire)), *expected);
    }
    assert!(matches!(read(Door::Gateway, Wire::Agent(agent())).body, Body::Agent(_)));
}

#[test]
fn malformed_claims_reports_handovers_and_the_rest_are_set_aside_with_their_reasons() {
    let no_delivery = v1::DeliveryClaim { delivery: None, ..claim() };
    let no_input = Some(v1::DeliveryId { input: None, part: 1 });
    let handover = v1::Handover { desk: "d".into(), seq: 1, messages: vec![message()], ..Default::default() };
    let broken = v1::Message { account: String::new(), ..message() };
    let deliver = [
        (Wire::Claim(no_delivery), "claim.delivery: is missing"),
        (
            Wire::Claim(v1::DeliveryClaim { delivery: no_input, ..claim() }),
            "claim.delivery.input: is missing",
        ),
        (Wire::Claim(v1::DeliveryClaim { deliverer: String::new(), ..claim() }), "claim.deliverer: is empty"),
        (
            Wire::Report(v1::DeliveryReport { attempt: 0, ..report() }),
            "report.attempt: attempts count from 1",
        ),
        (Wire::Report(v1::DeliveryReport { outcome: 0, ..report() }), "report.outcome: no outcome is given"),
        (
            Wire::Report(v1::DeliveryReport { detail: "x".repeat(501), ..report() }),
            "report.detail: it has at most 500 characters",
        ),
        (
            Wire::Report(v1::DeliveryReport { retry_after_ms: -1, ..report() }),
            "report.retry_after_ms: it is not negative",
        ),
        (
            Wire::Report(v1::DeliveryReport { source: vec![1; 3].into(), ..report() }),
            "report.source: a key has 16 bytes, not 3",
        ),
        (Wire::Handover(v1::Handover { desk: String::new(), ..handover.clone() }), "handover.desk: is empty"),
        (Wire::Handover(v1::Handover { seq: 0, ..handover.clone() }), "handover.seq: sequences count from 1"),
        (
            Wire::Handover(v1::Handover { messages: Vec::new(), ..handover.clone() }),
            "handover.messages: there is none",
        ),
        (
            Wire::Handover(v1::Handover { messages: vec![message(), broken], ..handover }),
            "handover.messages[1].account: is empty",
        ),
        (
            Wire::HandoverFailure(v1::HandoverFailure { case: 0, ..failure() }),
            "handover_failure.case: cases count from 1",
        ),
        (
            Wire::HandoverFailure(v1::HandoverFailure { desk: String::new(), ..failure() }),
            "handover_failure.desk: is empty",
        ),
        (
            Wire::HandoverFailure(v1::HandoverFailure { reason: "x".repeat(501), ..failure() }),
            "handover_failure.reason: it has at most 500 characters",
        ),
    ];
    for (wire, expected) in deliver {
        assert_eq!(reason(Door::Deliver, wire), expected);
    }
    let heartbeat = Wire::Heartbeat(v1::Heartbeat::default());
    assert_eq!(reason(Door::Gateway, heartbeat), "heartbeat.gateway: is empty");
    let contact = Wire::Contact(v1::Contact::default());
    assert_eq!(reason(Door::Ingest, contact), "contact.campaign: is empty");
}
