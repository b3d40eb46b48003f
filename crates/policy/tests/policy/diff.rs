//! What changed between two versions of a policy is told by meaning: each kind of change, and nothing else.

use std::fmt::Write as _;

use proptest::prelude::*;
use simpang_policy::diff::{Change, Difference, How, Portrait};

use crate::common::telkom_files;

type Files = Vec<(String, String)>;

const MANIFEST: &str = r#"
name = "test"
version = 1
desks = ["care", "sales"]
[[cite]]
document = "HD-01"
revision = "03"
"#;

const DESK: &str = r#"
[desk]
title = "Care"
zone = "Asia/Jakarta"
signature = "Your help desk"
[defaults]
priority = "normal"
sla = "question"
[capacity]
email = 6
[limits]
settle = "3d"
join_by_customer = true
[[account]]
channel = "email"
account = "help@example.com"
[[account]]
channel = "x"
account = "help"
aliases = ["1117"]
[[segment]]
name = "partner"
[[priority]]
name = "normal"
[[priority]]
name = "high"
head_start = "4h"
[[queue]]
name = "general"
rank = 10
[[queue]]
name = "experts"
rank = 1
offer = "1m"
skills = ["products"]
serve = 'agent.tenure_months >= 6'
sticky = true
[[queue.widen]]
after = "10m"
serve = 'agent.tenure_months >= 3'
[[queue.widen]]
after = "20m"
[[rule]]
name = "angry"
when = 'case.mood == "angry" || message.followers > 1000'
priority = "high"
queue = "experts"
skills = ["calming"]
notify = { group = "leads", template = "watch" }
cite = ["C2"]
[[rule]]
name = "stars"
when = 'customer.id in lists.stars'
queue = "experts"
sla = "any"
[[rule]]
name = "partners"
when = 'customer.segment == "partner"'
segment = "partner"
queue = "general"
educate = "watch"
[[rule]]
name = "rest"
when = "true"
queue = "general"
[[sla]]
name = "question"
calendar = "office"
[[sla.clock]]
clock = "first-response"
target = "4h"
warn = [50, 80]
breach = [{ priority = "high" }, { escalate = "lead" }]
[[sla.clock]]
clock = "resolution"
target = "3d"
pause = ["customer"]
[[sla]]
name = "star"
calendar = "office"
[[sla.clock]]
clock = "first-response"
target = "1h"
[[sla]]
name = "any"
choose = [{ when = 'case.mood == "angry"', sla = "star" }, { sla = "question" }]
[[calendar]]
name = "office"
hours = { "mon-fri" = "08:00-17:00" }
holidays = ["national"]
[holidays.national]
2026-08-17 = "Independence"
[[escalation]]
name = "lead"
group = "leads"
template = "watch"
[[escalation]]
name = "head"
group = "leads"
template = "watch"
[[group]]
name = "leads"
title = "Leads"
mailbox = "leads@example.com"
[[roster]]
group = "leads"
[[roster.shift]]
name = "day"
agents = ["rina", "budi"]
hours = { daily = "08:00-20:00" }
[[roster.exception]]
date = "2026-08-17"
name = "holiday"
agents = ["budi"]
[reasons]
decline = ["language"]
[[campaign]]
name = "callback"
retry = "2h"
attempts = 3
fields = ["ticket"]
[campaign.window]
hours = { daily = "08:00-20:00" }
[[campaign.criterion]]
code = "asked"
title = "Asked for it"
[[campaign.disposition]]
label = "Reached"
contacted = true
[[campaign.disposition.then]]
label = "Solved"
requires = ["ticket"]
effect = "close"
[[campaign.disposition]]
label = "No answer"
effect = "retry"
after = "1h"
[fault]
product = "Serial"
system = "tickets"
ended_by = ["closed"]
[[fault.field]]
name = "Visit"
choices = ["booked", "open"]
[[template]]
name = "watch"
text = "Case {{case}}"
[[link]]
name = "crm"
url = "https://crm.example/{{customer}}"
[category]
Question = ["Product", "Price"]
[lists]
stars = ["c1", "c2"]
[facts.message]
followers = "number"
[facts.case]
mood = "text"
"#;

fn files(desk: &str) -> Files {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    vec![file("policy.toml", MANIFEST), file("desks/care.toml", desk)]
}

#[track_caller]
fn changed(from: &str, to: &str) -> Files {
    assert_eq!(DESK.matches(from).count(), 1, "{from:?} stands there once");
    files(&DESK.replace(from, to))
}

#[track_caller]
fn portrait(files: &Files) -> Portrait {
    Portrait::of("care", files).unwrap_or_else(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

#[track_caller]
fn changes(old: &Files, new: &Files) -> Vec<Change> {
    portrait(old).changes_to(&portrait(new))
}

/// In short: `rule vvip: priority normal -> high`.
fn told(changes: &[Change]) -> Vec<String> {
    let mut lines = Vec::new();
    for change in changes {
        tell(change, "", &mut lines);
    }
    lines
}

fn tell(change: &Change, above: &str, lines: &mut Vec<String>) {
    let of = format!("{above}{} {}", change.kind, change.name).trim().to_owned();
    if change.how != How::Changed {
        return lines.push(format!("{of} {}", change.how.as_str()));
    }
    if let Some(moved) = &change.moved {
        lines.push(format!(
            "{of} moved {} -> {} after {}",
            moved.from,
            moved.to,
            moved.after.as_deref().unwrap_or("-")
        ));
    }
    for field in &change.fields {
        let mut line = format!("{of}: {}", field.name);
        match &field.difference {
            Difference::Value { before, after } => {
                let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
                write!(line, " {} -> {}", shown(before), shown(after)).unwrap();
            }
            Difference::Members { added, removed, reordered } => {
                added.iter().for_each(|member| write!(line, " +{member}").unwrap());
                removed.iter().for_each(|member| write!(line, " -{member}").unwrap());
                if *reordered {
                    line.push_str(" reordered");
                }
            }
        }
        lines.push(line);
    }
    for part in &change.parts {
        tell(part, &format!("{of} > "), lines);
    }
}

#[test]
fn every_kind_of_change_is_told_and_nothing_else() {
    let old = portrait(&files(DESK));
    for (from, to, wanted) in [
        // Rules.
        ("name = \"rest\"\n", "name = \"others\"\n", &["rule rest removed", "rule others added"][..]),
        (
            "followers > 1000'",
            "followers > 500'",
            &[
                "rule angry: when case.mood == \"angry\" || message.followers > 1000 -> case.mood == \"angry\" || message.followers > 500",
            ],
        ),
        (
            "segment = \"partner\"\nqueue",
            "priority = \"high\"\nqueue",
            &["rule partners: priority normal -> high", "rule partners: segment partner -> -"],
        ),
        ("sla = \"any\"\n", "", &["rule stars: sla any -> question"]),
        ("skills = [\"calming\"]", "skills = [\"calming\", \"products\"]", &["rule angry: skills +products"]),
        (
            "educate = \"watch\"",
            "hand_over = \"sales\"",
            &["rule partners: actions +hand over to sales -educate watch"],
        ),
        ("cite = [\"C2\"]", "cite = [\"C3\"]", &["rule angry: cite +C3 -C2"]),
        // Queues.
        ("rank = 10", "rank = 5", &["queue general: rank 10 -> 5"]),
        (
            "serve = 'agent.tenure_months >= 6'\n",
            "",
            &["queue experts: serve agent.tenure_months >= 6 -> everybody"],
        ),
        (
            "sticky = true\n",
            "overflow = { after = \"1h\", queue = \"general\" }\n",
            &["queue experts: overflow - -> after 1h to queue general", "queue experts: sticky yes -> -"],
        ),
        ("after = \"20m\"", "after = \"30m\"", &["queue experts > widening 2: after 20m -> 30m"]),
        ("offer = \"1m\"", "offer = \"60s\"", &[]),
        ("rank = 10\n", "rank = 10\nmode = \"both\"\n", &[]),
        (
            "rank = 10\n",
            "mode = \"pull\"\nrank = 10\n",
            &["queue general: mode both -> pull", "queue general: offer 30s -> -"],
        ),
        // What hangs on an order.
        ("head_start = \"4h\"", "head_start = \"240m\"", &[]),
        ("head_start = \"4h\"", "head_start = \"5h\"", &["priority high: head_start 4h -> 5h"]),
        (
            "[[segment]]\nname = \"partner\"",
            "[[segment]]\nname = \"partner\"\n[[segment]]\nname = \"vip\"",
            &["segment vip added"],
        ),
        // SLAs, calendars, escalation.
        ("target = \"4h\"", "target = \"2h\"", &["sla question > clock first-response: target 4h -> 2h"]),
        ("warn = [50, 80]", "warn = [80]", &["sla question > clock first-response: warn -50 %"]),
        (
            "breach = [{ priority = \"high\" }, { escalate = \"lead\" }]",
            "breach = [{ escalate = \"lead\" }, { priority = \"high\" }]",
            &["sla question > clock first-response: breach reordered"],
        ),
        (
            "[[sla.clock]]\nclock = \"resolution\"\ntarget = \"3d\"\npause = [\"customer\"]\n",
            "",
            &["sla question > clock resolution removed"],
        ),
        (
            "case.mood == \"angry\"', sla",
            "case.mood == \"sad\"', sla",
            &["sla any > choice star: when case.mood == \"angry\" -> case.mood == \"sad\""],
        ),
        (
            "\"mon-fri\" = \"08:00-17:00\"",
            "\"mon-thu\" = \"08:00-17:00\", fri = \"08:00-16:00\"",
            &["calendar office: hours mon-fri 08:00-17:00 -> mon-thu 08:00-17:00, fri 08:00-16:00"],
        ),
        (
            "2026-08-17 = \"Independence\"",
            "2026-08-18 = \"Independence\"",
            &["calendar office: holidays +2026-08-18 -2026-08-17"],
        ),
        ("name = \"head\"\n", "name = \"pic\"\n", &["escalation head removed", "escalation pic added"]),
        // People.
        (
            "mailbox = \"leads@example.com\"",
            "mailbox = \"heads@example.com\"",
            &["group leads: mailbox leads@example.com -> heads@example.com"],
        ),
        (
            "agents = [\"rina\", \"budi\"]",
            "agents = [\"budi\", \"rina\"]",
            &["roster leads > shift day: agents reordered"],
        ),
        (
            "agents = [\"budi\"]",
            "agents = [\"sari\"]",
            &["roster leads > exception 2026-08-17 holiday: agents +sari -budi"],
        ),
        ("decline = [\"language\"]", "decline = [\"language\", \"known\"]", &["reasons: decline +known"]),
        // Campaigns and forms.
        ("attempts = 3\n", "", &["campaign callback: attempts 3 -> -"]),
        (
            "hours = { daily = \"08:00-20:00\" }\n[[campaign.criterion]]",
            "always = true\n[[campaign.criterion]]",
            &["campaign callback: hours daily 08:00-20:00 -> always"],
        ),
        (
            "title = \"Asked for it\"",
            "title = \"Asked for it\"\nwhen = 'customer.known'",
            &["campaign callback > criterion asked: when - -> customer.known"],
        ),
        (
            "effect = \"close\"",
            "effect = \"keep\"\ntell = [\"tickets:reopen\"]",
            &[
                "campaign callback > disposition Reached > disposition Solved: effect close -> keep",
                "campaign callback > disposition Reached > disposition Solved: tell +tickets:reopen",
            ],
        ),
        (
            "contacted = true",
            "contacted = false",
            &["campaign callback > disposition Reached > disposition Solved: contacted yes -> -"],
        ),
        (
            "after = \"1h\"",
            "after = \"2h\"",
            &["campaign callback > disposition No answer: effect retry after 1h -> retry after 2h"],
        ),
        (
            "choices = [\"booked\", \"open\"]",
            "choices = [\"booked\"]\nrequired = true",
            &["fault > field Visit: choices -open", "fault > field Visit: required - -> yes"],
        ),
        (
            "ended_by = [\"closed\"]",
            "repeats = \"link\"",
            &["fault: repeats refuse -> link", "fault: ended_by -closed"],
        ),
        // The desk, texts, lists.
        ("signature = \"Your help desk\"\n", "", &["desk: signature Your help desk -> -"]),
        (
            "signature = \"Your help desk\"\n",
            "signature = \"Your help desk\"\nquote = \"{{customer}}:\"\n",
            &["desk: quote On {{date}}, {{customer}} wrote: -> {{customer}}:"],
        ),
        ("email = 6", "email = 5\nx = 4", &["capacity: email 6 -> 5", "capacity: x 1 -> 4"]),
        ("email = 6", "email = 6\nx = 1", &[]),
        (
            "[limits]",
            "[retention]\nlive = \"90d\"\narchive = \"1825d\"\nresponsible = \"Quality\"\n[limits]",
            &["retention added"],
        ),
        (
            "email = 6",
            "total = 10\nemail = 6\nx = 1\nfacebook = 1\ncall = 1\nother = 1\nweights = { email = 2, x = 1 }",
            &["capacity: total - -> 10", "capacity: weights +email 2"],
        ),
        ("settle = \"3d\"", "settle = \"2d\"", &["limits: settle 3d -> 2d"]),
        ("aliases = [\"1117\"]", "aliases = [\"1118\"]", &["account x help: aliases +1118 -1117"]),
        (
            "text = \"Case {{case}}\"",
            "text = \"Case {{case}}!\"",
            &["template watch: text Case {{case}} -> Case {{case}}!"],
        ),
        (
            "https://crm.example/",
            "https://new.example/",
            &["link crm: url https://crm.example/{{customer}} -> https://new.example/{{customer}}"],
        ),
        (
            "Question = [\"Product\", \"Price\"]",
            "Question = [\"Product\"]",
            &["categories: labels -Question > Price"],
        ),
        ("stars = [\"c1\", \"c2\"]", "stars = [\"c2\", \"c3\"]", &["list stars: members +c3 -c1"]),
        ("followers = \"number\"", "followers = \"number\"\nspam = \"flag\"", &["fact message.spam added"]),
    ] {
        assert_eq!(told(&old.changes_to(&portrait(&changed(from, to)))), wanted, "{from:?} -> {to:?}");
    }
}

#[test]
fn a_rule_that_went_elsewhere_has_moved_and_those_it_passed_have_not() {
    let rule = "[[rule]]\nname = \"partners\"";
    let (first, from) = (DESK.find("[[rule]]").unwrap(), DESK.find(rule).unwrap());
    let to = DESK.find("[[rule]]\nname = \"rest\"").unwrap();
    let moved = [&DESK[..first], &DESK[from..to], &DESK[first..from], &DESK[to..]].concat();
    assert_eq!(told(&changes(&files(DESK), &files(&moved))), ["rule partners moved 3 -> 1 after -"]);
}

#[test]
fn a_default_is_told_where_it_holds() {
    let wanted = ["partners", "rest", "stars"].map(|rule| format!("rule {rule}: priority normal -> high"));
    let mut found = told(&changes(
        &files(DESK),
        &changed("[defaults]\npriority = \"normal\"", "[defaults]\npriority = \"high\""),
    ));
    found.sort();
    assert_eq!(found, wanted);
}

#[test]
fn documents_are_told_and_the_number_of_the_version_alone_is_not() {
    let mut new = files(DESK);
    new[0].1 = MANIFEST.replace("version = 1", "version = 2");
    assert_eq!(changes(&files(DESK), &new), []);
    new[0].1 = MANIFEST.replace("\"03\"", "\"04\"");
    assert_eq!(told(&changes(&files(DESK), &new)), ["document HD-01: revision 03 -> 04"]);
}

/// Comments, spaces, other files, other orders of what has none.
#[test]
fn what_is_only_written_differently_is_no_change() {
    let old = files(DESK);
    let commented: String = DESK.lines().map(|line| format!("{line}  # why\n\n")).collect();
    assert_eq!(changes(&old, &files(&commented)), []);
    let condition = "when = '''\n  case.mood==\"angry\"   // a comment\n  ||message.followers>1000'''";
    let spaced = changed("when = 'case.mood == \"angry\" || message.followers > 1000'", condition);
    assert_eq!(changes(&old, &spaced), []);
    let (from, to) = (DESK.find("[[sla]]").unwrap(), DESK.find("[[escalation]]").unwrap());
    let mut apart = files(&format!("{}{}", &DESK[..from], &DESK[to..]));
    apart.push(("shared/slas.toml".to_owned(), DESK[from..to].to_owned()));
    apart[0].1.push_str("# a comment\n");
    assert_eq!(changes(&old, &apart), [], "what a calendar says of no zone is the desk's");
}

#[test]
fn all_of_a_policy_is_new_where_there_was_none_and_gone_where_there_is_none() {
    let (whole, none) = (portrait(&files(DESK)), Portrait::default());
    for (old, new, how) in [(&none, &whole, How::Added), (&whole, &none, How::Removed)] {
        let changes = old.changes_to(new);
        assert!(changes.iter().all(|change| change.how == how), "{changes:#?}");
        assert_eq!(changes.iter().filter(|change| change.kind == "rule").count(), 4);
        let sla = changes.iter().find(|change| change.name == "question").unwrap();
        assert_eq!(sla.parts.len(), 2);
    }
}

#[test]
fn a_version_that_does_not_compile_is_refused_with_its_problems() {
    let broken = changed("queue = \"general\"\neducate", "queue = \"generl\"\neducate");
    let problems = Portrait::of("care", &broken).unwrap_err();
    assert!(problems.iter().any(|problem| problem.message.contains("generl")), "{problems:?}");
}

#[test]
fn the_shipped_policy_is_as_it_is() {
    let files = telkom_files();
    for desk in ["tenesa", "telkomcare", "tier2-outbound"] {
        let (one, other) = (Portrait::of(desk, &files).unwrap(), Portrait::of(desk, &files).unwrap());
        assert_eq!(one.changes_to(&other), [], "{desk}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the policy is: it does not differ from itself, and two of its kind differ one way as they do the other.
    #[test]
    fn a_policy_does_not_differ_from_itself_and_differs_both_ways_alike(
        one in proptest::collection::vec((0..6usize, 0..3usize, any::<bool>()), 1..6),
        other in proptest::collection::vec((0..6usize, 0..3usize, any::<bool>()), 1..6),
    ) {
        let (one, other) = (invented(&one), invented(&other));
        prop_assert_eq!(changes(&one, &one), vec![]);
        let (there, back) = (changes(&one, &other), changes(&other, &one));
        let count = |all: &[Change], how| all.iter().filter(|change| change.how == how).count();
        prop_assert_eq!(count(&there, How::Added), count(&back, How::Removed));
        prop_assert_eq!(count(&there, How::Removed), count(&back, How::Added));
        let moved = |all: &[Change]| {
            all.iter().filter(|change| change.how == How::Changed && change.moved.is_some()).count()
        };
        prop_assert_eq!(moved(&there), moved(&back));
        prop_assert_eq!(there.is_empty(), one[1] == other[1]);
    }
}

/// Rules by name, each with what it asks and where it leads.
fn invented(rules: &[(usize, usize, bool)]) -> Files {
    let mut text = String::new();
    let mut seen = Vec::new();
    for (name, asks, leads) in rules {
        if seen.contains(name) {
            continue;
        }
        seen.push(*name);
        let queue = if *leads { "general" } else { "experts" };
        write!(
            text,
            "[[rule]]\nname = \"r{name}\"\nwhen = 'message.followers > {asks}'\nqueue = \"{queue}\"\n"
        )
        .unwrap();
    }
    let (from, to) = (DESK.find("[[rule]]").unwrap(), DESK.find("[[rule]]\nname = \"rest\"").unwrap());
    files(&format!("{}{text}{}", &DESK[..from], &DESK[to..]))
}
