//! What conditions read and what they come to, over small policies.

use crate::common::{Case, agent, at};
use simpang_domain::facts::{AgentFacts, Value};
use simpang_domain::rules::{Action, Rules};
use simpang_domain::words::{Channel, Name, Role};
use simpang_policy::{Outcome, Policy, compile_inline};

fn policy(condition: &str) -> Policy {
    let text = format!(
        r#"
[facts.message]
mentions = "texts"
followers = "number"
verified = "flag"
lang = "text"
[facts.contact]
minutes = "number"
vip = "flag"
tags = "texts"
[lists]
bod = ["dirut", "dircons"]
[[priority]]
name = "p"
[[queue]]
name = "q"
[[rule]]
name = "asked"
when = '''{condition}'''
priority = "p"
queue = "q"
[[rule]]
name = "otherwise"
when = "true"
priority = "p"
queue = "q"
"#
    );
    compile_inline("d", 1, &text).unwrap_or_else(|problems| panic!("{condition}: {problems:#?}")).policy
}

fn holds(condition: &str, case: &Case) -> bool {
    &*policy(condition).classify(&case.facts()).rule == "asked"
}

fn with(name: &str, value: Value) -> Case {
    let mut case = Case::on(Channel::X);
    case.message.set(name.into(), value);
    case
}

#[test]
fn what_is_absent_reads_as_nothing_of_its_type() {
    let nobody = Case::on(Channel::X);
    for (condition, expected) in [
        ("customer.segment == ''", true),
        ("has(customer.segment)", false),
        ("customer.known", false),
        ("message.lang == ''", true),
        ("message.verified", false),
        ("!message.verified", true),
        ("size(message.mentions) == 0", true),
        ("message.mentions.exists(m, m == 'x')", false),
        ("message.mentions.all(m, m == 'x')", true),
        ("case.category[0] == ''", true),
        ("case.category[7] == ''", true),
        ("contact.campaign == ''", true),
        // An absent number equals nothing and orders before nothing, whichever way it is asked.
        ("message.followers > 0", false),
        ("message.followers <= 0", false),
        ("!(message.followers > 0)", false),
        ("message.followers == 0", false),
        ("has(message.followers) && message.followers > 0", false),
        ("!has(message.followers) || message.followers > 0", true),
        ("message.followers == null", true),
    ] {
        assert_eq!(holds(condition, &nobody), expected, "{condition}");
    }
}

#[test]
fn facts_are_read_by_name_and_lists_looked_in() {
    let mentions = |handles: &[&str]| Case::on(Channel::X).mentions(handles);
    for (condition, case, expected) in [
        ("message.channel == 'x' && message.account == 'telkomcare'", Case::on(Channel::X), true),
        ("message.visibility == 'public' && case.occasion == 'received'", Case::on(Channel::X), true),
        ("customer.known && customer.segment in ['A', 'B']", Case::on(Channel::X).segment("B"), true),
        ("message.mentions.exists(m, m in lists.bod)", mentions(&["x", "dirut"]), true),
        ("message.mentions.exists(m, m in lists.bod)", mentions(&["x"]), false),
        ("message.mentions.exists_one(m, m in lists.bod)", mentions(&["dirut", "dircons"]), false),
        (
            "message.mentions.filter(m, m in lists.bod).size() == 2",
            mentions(&["dirut", "dircons", "x"]),
            true,
        ),
        ("'dirut' in message.mentions", mentions(&["dirut"]), true),
        ("message.mentions == ['a', 'b']", mentions(&["a", "b"]), true),
        ("message.mentions == ['a', 'b']", mentions(&["a", "b", "c"]), false),
        ("lists.bod.size() == 2 && lists.bod[1] == 'dircons'", Case::on(Channel::X), true),
        ("message.followers >= 1000", with("followers", Value::Number(1_000)), true),
        ("message.followers > 1000", with("followers", Value::Number(1_000)), false),
        ("message.lang.startsWith('i')", with("lang", Value::Text("in".into())), true),
        (
            "case.category == ['Komplain', 'Internet']",
            Case::on(Channel::X).category(&["Komplain", "Internet"]),
            true,
        ),
        ("message.followers % 2 == 1 ? customer.known : true", with("followers", Value::Number(2)), true),
    ] {
        assert_eq!(holds(condition, &case), expected, "{condition}");
    }
}

#[test]
fn lists_that_bring_everything_as_text_are_read_by_the_declared_type() {
    let mut contact = Case::of_campaign("c", Some("vvip"));
    for (name, value) in [("minutes", " 12 "), ("vip", "Ya"), ("tags", "one")] {
        contact.message.set(name.into(), Value::Text(value.into()));
    }
    for (condition, expected) in [
        ("contact.minutes > 10", true),
        ("contact.vip", true),
        ("'one' in contact.tags", true),
        ("contact.campaign == 'c' && contact.criterion == 'vvip'", true),
        // A contact's facts are no message's.
        ("message.followers == null && message.lang == ''", true),
    ] {
        assert_eq!(holds(condition, &contact), expected, "{condition}");
    }
    contact.message.set("minutes".into(), Value::Text("many".into()));
    assert!(!holds("contact.minutes > 10 || contact.minutes <= 10", &contact), "no number: absent");
}

#[test]
fn a_condition_that_fails_counts_as_false_and_is_shown_with_the_reason() {
    let policy = policy("10 / message.followers > 1");
    let zero = with("followers", Value::Number(0));
    assert_eq!(&*policy.classify(&zero.facts()).rule, "otherwise");
    let steps = policy.trace(&zero.facts());
    assert_eq!(steps.len(), 2);
    assert!(
        matches!(&steps[0].outcome, Outcome::Failed(why) if why.contains("Division by zero")),
        "{steps:?}"
    );
    assert_eq!(steps[1].outcome, Outcome::Matched);
    assert_eq!(policy.trace(&with("followers", Value::Number(2)).facts())[0].outcome, Outcome::Matched);
}

#[test]
fn the_first_rule_that_matches_decides() {
    let text = r#"
[defaults]
priority = "p"
[[priority]]
name = "p"
[[queue]]
name = "q"
[[rule]]
name = "one"
when = "customer.known"
queue = "q"
segment = "ONE"
skills = ["b", "a", "b"]
resolve = "done"
educate = "hello"
forward = "x@h.example"
[[rule]]
name = "two"
when = "customer.segment == 'A'"
queue = "q"
[[rule]]
name = "three"
when = "true"
queue = "q"
[[template]]
name = "hello"
text = "Hello"
"#;
    let policy = compile_inline("d", 1, text).unwrap().policy;
    let said = policy.classify(&Case::on(Channel::X).segment("A").facts());
    assert_eq!(
        (&*said.rule, said.segment.as_deref()),
        ("one", Some("ONE")),
        "the rule's segment before the customer's"
    );
    assert_eq!(said.skills, ["a".into(), "b".into()] as [Name; 2]);
    assert_eq!(
        said.actions,
        [
            Action::Educate { template: "hello".into() },
            Action::Forward { mailbox: "x@h.example".into() },
            Action::Resolve { outcome: "done".into() },
        ],
        "what ends the case comes last"
    );
    assert_eq!(&*policy.classify(&Case::on(Channel::X).facts()).rule, "three");
}

#[test]
fn conditions_over_agents_read_their_record() {
    let mut record = agent();
    record.roles = vec![Role::Agent, Role::TeamLeader];
    record.skills = vec![("lead".into(), 3), ("net-work".into(), 0)];
    record.groups = vec!["night".into()];
    record.site = Some("BDG".into());
    record.since = Some(at("2026-01-15T00:00:00Z"));
    record.qa_met = vec![true, true, false, true];
    record.facts.set("grade".into(), Value::Number(4));
    for (condition, expected) in [
        ("agent.id == 'a1'", true),
        ("agent.site == 'BDG'", true),
        ("'team-leader' in agent.roles", true),
        ("'night' in agent.groups", true),
        ("agent.skills.lead == 3", true),
        ("agent.skills['net-work'] == 0", true),
        ("agent.skills.nothing > 0", false),
        ("agent.skills == ['lead']", true),
        ("agent.qa_met_months == 2", true),
        ("agent.tenure_days == 30", true),
        ("agent.tenure_months == 0 && agent.tenure_extra_days == 30", true),
        ("agent.grade == 4", true),
        ("agent.id in lists.people", true),
    ] {
        let text = format!(
            r#"
[facts.agent]
grade = "number"
[lists]
people = ["a1"]
[[priority]]
name = "p"
[[queue]]
name = "q"
serve = '''{condition}'''
[[rule]]
name = "r"
when = "true"
priority = "p"
queue = "q"
"#
        );
        let policy = compile_inline("d", 1, &text).unwrap_or_else(|p| panic!("{condition}: {p:#?}")).policy;
        let facts = AgentFacts { agent: "a1", record: &record, now: at("2026-02-14T00:00:00Z") };
        assert_eq!(policy.admits("q", &facts), expected.then_some(0), "{condition}");
    }
}
