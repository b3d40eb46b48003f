//! Good and bad policies, with the problems that are expected of each: file, line and what is said.

use simpang_domain::rules::Rules;
use simpang_policy::{Problem, Severity, compile, compile_inline};

/// The least that compiles: what other crates' tests use.
const LEAST: &str = r#"
[defaults]
priority = "normal"
[[priority]]
name = "normal"
[[queue]]
name = "all"
[[rule]]
name = "everything"
when = "true"
queue = "all"
"#;

/// A manifest for one desk, `d`.
const MANIFEST: (&str, &str) = ("policy.toml", "name = \"t\"\nversion = 3\ndesks = [\"d\", \"e\"]\n");

fn files(parts: &[(&str, &str)]) -> Vec<(String, String)> {
    parts.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// `file:line: message` of each problem.
fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|p| format!("{}:{}: {}", p.file, p.line, p.message)).collect()
}

/// What is said of the least policy with more at its end; lines count from the first one added.
fn problems_with(more: &str) -> Vec<String> {
    let before = u32::try_from(LEAST.lines().count()).unwrap();
    let text = format!("{LEAST}{more}");
    let problems = match compile_inline("d", 1, &text) {
        Ok(compiled) => compiled.warnings,
        Err(problems) => problems,
    };
    problems.iter().map(|p| format!("{}: {}", i64::from(p.line) - i64::from(before), p.message)).collect()
}

#[test]
fn the_least_policy_compiles_without_warnings() {
    let compiled = compile_inline("desk", 7, LEAST).unwrap();
    assert_eq!(compiled.warnings, []);
    assert_eq!((compiled.policy.version(), compiled.policy.desk()), (7, "desk"));
    assert_eq!(&*compiled.policy.tables().queues[0].name, "all");
}

#[test]
fn a_policy_can_be_shared_between_threads() {
    fn shared<T: Rules + Clone + Send + Sync + 'static>(_: &T) {}
    shared(&compile_inline("desk", 1, LEAST).unwrap().policy);
}

#[test]
fn a_problem_reads_as_file_line_column_message() {
    let problems = compile_inline("d", 1, "[[queue]]\nname = \"a\"\nrnk = 1\n").unwrap_err();
    assert!(
        problems.iter().any(
            |p| p.to_string() == "desks/d.toml:3:1: unknown key `rnk` in [[queue]]; did you mean `rank`?"
        ),
        "{:?}",
        lines(&problems)
    );
}

/// Each line: what is added to the least policy, and what is said of it (line within what is added, message).
#[test]
fn every_mistake_is_told_with_its_line_and_what_would_be_right() {
    let table: &[(&str, &[&str])] = &[
        // Keys and values.
        ("[[qeue]]\nname = \"b\"", &["1: unknown key `qeue` in desks/d.toml; did you mean `queue`?"]),
        ("[[priority]]\nhead_start = \"1h\"", &["1: `name` is missing in [[priority]]"]),
        (
            "[[priority]]\nname = \"p\"\nhead_start = \"1 hour\"",
            &[
                "3: `head_start` is not a duration: \"1 hour\"; write such as \"30s\", \"15m\", \"4h\", \"30d\"",
            ],
        ),
        (
            "[[priority]]\nname = \"p q\"",
            &["2: \"p q\" can't name a priority: use letters, digits, `.`, `_`, `-`, at most 64"],
        ),
        (
            "[[priority]]\nname = \"normal\"",
            &["2: priority `normal` is defined twice; first in desks/d.toml"],
        ),
        ("[capacity]\nemail = -1", &["2: `email` must be a whole number from 0 to 1000"]),
        ("[capacity]\nmail = 1", &["2: unknown key `mail` in [capacity]; did you mean `email`?"]),
        ("[capacity]\ntotal = 0", &["2: `total` must be a whole number from 1 to 100000"]),
        (
            "[capacity]\ncall = 1\nweights = { call = 2 }",
            &["3: `weights` need a `total` that they count against"],
        ),
        (
            "[capacity]\ntotal = 10\nweights = { email = 1, call = 11, x = 0 }",
            &[
                "3: a case by x weighs nothing, so agents could hold any number: give `x` a limit of its own in [capacity], or a weight",
                "3: a case by call weighs 11 of a total of 10, so nobody could ever hold one: give it less weight, or a larger `total`",
            ],
        ),
        (
            "[[queue]]\nname = \"q\"\nmode = \"pul\"",
            &[
                "3: unknown mode `pul`: write `pull`, `offer` or `both`; did you mean `pull`?",
                "2: nothing routes to queue `q`",
            ],
        ),
        (
            "[[queue]]\nname = \"q\"\nmode = \"pull\"\noffer = \"1m\"",
            &[
                "4: cases of a queue that agents pull from are never offered: leave `offer` or `mode` out",
                "2: nothing routes to queue `q`",
            ],
        ),
        (
            "[[queue]]\nname = \"q\"\nmode = \"offer\"\nheld = true",
            &[
                "3: nobody gets cases of a queue that is held: leave `mode` or `held` out",
                "2: nothing routes to queue `q`",
            ],
        ),
        ("[limits]\nsettle = 3", &["2: `settle` must be a text, not integer"]),
        ("[limits]\nrederive = \"yes\"", &["2: `rederive` must be true or false"]),
        (
            "[desk]\nzone = \"Asia/Jakarte\"",
            &["2: unknown time zone \"Asia/Jakarte\"; did you mean `Asia/Jakarta`?"],
        ),
        (
            "[[account]]\nchannel = \"mail\"\naccount = \"a\"",
            &["2: unknown channel `mail`; did you mean `email`?"],
        ),
        (
            "[[account]]\nchannel = \"x\"\naccount = \"@A\"",
            &["3: account \"@A\": write it in lower case and without `@` in front"],
        ),
        // Names of other things.
        (
            "[[sla]]\nname = \"s\"\n[[sla.clock]]\nclock = \"first-response\"\ntarget = \"1h\"\ncalendar = \"c\"\nbreach = [{ priority = \"norml\" }, { escalate = \"tl\" }, { queue = \"al\" }]",
            &[
                "6: undefined calendar `c`",
                "7: undefined priority `norml`; did you mean `normal`?",
                "7: undefined escalation `tl`",
                "7: undefined queue `al`; did you mean `all`?",
            ],
        ),
        (
            "[[escalation]]\nname = \"tl\"\ngroup = \"g\"\ntemplate = \"t\"",
            &["3: undefined group `g`", "4: undefined template `t`"],
        ),
        (
            "[[rule]]\nname = \"r\"\nwhen = \"true\"\nqueue = \"all\"\nsla = \"s\"\nhand_over = \"elsewhere\"",
            &[
                "5: undefined SLA `s`",
                "6: undefined desk `elsewhere`; known: d",
                "2: rule `r` is never reached: `everything` before it matches always",
            ],
        ),
        (
            "[[rule]]\nname = \"r\"\nwhen = \"true\"\nqueue = \"all\"\nhand_over = \"d\"",
            &[
                "5: `d` is this desk itself: a case that is handed over to it comes back for ever",
                "2: rule `r` is never reached: `everything` before it matches always",
            ],
        ),
        // What waits too long.
        (
            "[[queue]]\nname = \"b\"\noverflow = { after = \"5m\" }\nunanswered = \"0s\"",
            &[
                "3: an overflow names either `queue` or `desk`",
                "4: `unanswered` must be longer than nothing",
                "2: nothing routes to queue `b`",
            ],
        ),
        (
            "[[queue]]\nname = \"b\"\noverflow = { after = \"5m\", queue = \"b\" }",
            &["2: what overflows from `b` comes back to it: it would go round for ever"],
        ),
        (
            "[[queue]]\nname = \"b\"\noverflow = { after = \"5m\", queue = \"all\" }\n[[queue.widen]]\nafter = \"5m\"",
            &[
                "3: a case overflows later than it widens: give a longer `after`",
                "2: nothing routes to queue `b`",
            ],
        ),
        // SLAs and calendars.
        (
            "[[sla]]\nname = \"s\"\n[[sla.clock]]\nclock = \"first\"\ntarget = \"1h\"\ncalendar = \"c\"\n[[calendar]]\nname = \"c\"\nalways = true",
            &[
                "4: unknown clock `first`; known: escalation, first-response, handling, leader-follow-up, next-response, periodic-update, resolution",
            ],
        ),
        (
            "[[calendar]]\nname = \"c\"\nhours = { mo = \"08:00-17:00\" }\nholidays = \"x\"",
            &[
                "3: `mo` is not a day or a range of days; did you mean `mon`?",
                "3: a calendar that is never open has no deadlines; give it hours",
                "4: undefined holidays table `x`",
            ],
        ),
        (
            "[[calendar]]\nname = \"c\"\nhours = { mon = [\"08:00-12:00\", \"11:00-17:00\"] }",
            &["3: \"11:00-17:00\" overlaps other hours of the same day"],
        ),
        ("[holidays.h]\n2026-02-30 = \"x\"", &["2: `2026-02-30` is not a date; write such as 2026-08-17"]),
        // Groups and templates.
        ("[[group]]\nname = \"g\"", &["1: a group has either `mailbox` or `webhook`"]),
        ("[[group]]\nname = \"g\"\nmailbox = \"a,b@c\"", &["3: \"a,b@c\" is not a mail address"]),
        (
            "[[template]]\nname = \"t\"\ntext = \"{{cse}}\"",
            &["3: unknown field `{{cse}}`; did you mean `case`?"],
        ),
        // Campaigns.
        (
            "[[campaign]]\nname = \"c\"\nretry = \"2h\"\nfields = [\"a\"]\nrequires = [\"b\"]\n[[campaign.disposition]]\nlabel = \"x\"",
            &[
                "5: `b` is not one of the campaign's `fields`; did you mean `a`?",
                "6: the last level of a disposition needs `effect`",
            ],
        ),
        (
            "[[campaign]]\nname = \"c\"\nretry = \"2h\"\n[[campaign.disposition]]\nlabel = \"x\"\neffect = \"cloze\"\n[[campaign.disposition.then]]\nlabel = \"y\"\neffect = \"close\"",
            &["6: unknown effect `cloze`; did you mean `close`?", "6: only the last level has an `effect`"],
        ),
        (
            "[[campaign]]\nname = \"c\"\nretry = \"2h\"\n[[campaign.disposition]]\nlabel = \"x\"\nanswered = [\"reporte\"]\ntell = [\"nossa\"]\nescalate = \"nobody\"\neffect = \"follow-up\"",
            &[
                "6: nobody is called `reporte`; did you mean `reporter`?",
                "7: `nossa` is not `system:task`, such as \"nossa:worklog\"",
                "8: undefined escalation `nobody`",
                "9: `follow-up` needs `after`, such as \"2h\"",
            ],
        ),
        (
            "[[campaign]]\nname = \"c\"\nretry = \"2h\"\n[[campaign.criterion]]\ncode = \"a\"\ntitle = \"A\"\nwhen = \"contact.minuts > 10\"\n[[campaign.disposition]]\nlabel = \"x\"\neffect = \"close\"\nafter = \"2h\"",
            &[
                "7: condition: unknown name `contact.minuts`; known: campaign, criterion; a fact needs its type in [facts.contact]",
                "11: `after` goes with `retry` and `follow-up` only",
            ],
        ),
        // What would strand cases.
        (
            "[[queue]]\nname = \"b\"\nserve = 'false'\n[[escalation]]\nname = \"e\"\ngroup = \"g\"\ntemplate = \"t\"\nqueue = \"b\"\n[[group]]\nname = \"g\"\nmailbox = \"g@example.com\"\n[[template]]\nname = \"t\"\ntext = \"t\"",
            &[
                "2: nobody may ever serve queue `b`, so its cases would be stranded: its `serve` can't hold; let somebody in, add a [[queue.widen]], or write `held = true` where people move them",
            ],
        ),
        (
            "[lists]\nnobody = []\n[[queue]]\nname = \"b\"\nserve = 'agent.id in lists.nobody && agent.site == \"BDG\"'",
            &["4: nothing routes to queue `b`", "4: nobody may ever serve queue `b`: its `serve` can't hold"],
        ),
        (
            "[[campaign]]\nname = \"c\"\nretry = \"2h\"\n[campaign.window]\nhours = {}\n[[campaign.disposition]]\nlabel = \"x\"\neffect = \"close\"",
            &["5: a calendar that is never open has no deadlines; give it hours"],
        ),
        (
            "[[sla]]\nname = \"s\"\nchoose = [{ when = \"customer.known\", sla = \"u\" }]\n[[sla]]\nname = \"v\"\nchoose = [{ sla = \"u\" }, { sla = \"u\" }]\n[[sla]]\nname = \"u\"",
            &[
                "3: SLA `s` leaves cases without a clock where no choice holds; end it with one without `when`",
                "6: SLA `v` never comes to `u`: a choice before it always holds",
            ],
        ),
        (
            "[capacity]\nx = 0\n[[account]]\nchannel = \"x\"\naccount = \"a\"",
            &[
                "-2: [capacity] lets nobody hold a case by x, which the desk has an account on: only agents whose record says otherwise get any",
            ],
        ),
        // Queues that nothing uses.
        ("[[queue]]\nname = \"lonely\"", &["2: nothing routes to queue `lonely`"]),
    ];
    for (more, expected) in table {
        let mut expected: Vec<String> = expected.iter().map(|e| (*e).to_owned()).collect();
        let mut found = problems_with(more);
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "\n{more}");
    }
}

/// Each line: a condition of a rule, and what is said of it.
#[test]
fn conditions_are_checked_before_they_ever_run() {
    let table: &[(&str, &str)] = &[
        (
            "message.chanel == 'x'",
            "unknown name `message.chanel`; did you mean `channel`?; a fact needs its type in [facts.message]",
        ),
        ("custmer.known", "unknown name `custmer`; did you mean `customer`?"),
        ("agent.site == 'BDG'", "`agent` can't be read here; known: message, customer, case, contact, lists"),
        ("lists.bodd.size() > 0", "unknown name `lists.bodd`; did you mean `bod`?"),
        (
            "customer",
            "`customer` is not a value; name what to read of it, such as `customer.…`; known: id, known, profession, segment",
        ),
        ("customer.segment", "a condition must be yes or no, and is a text"),
        ("customer.segment == 1", "compares a text with a number"),
        ("customer.segment > 'A'", "each side must be a number, and is a text"),
        ("customer.known && 'x'", "each side must be yes or no, and is a text"),
        ("1 in lists.bod", "looks for a number among texts"),
        ("'a' in customer.segment", "`in` looks in a list, not in a text"),
        ("message.followers > 1.5", "no decimal numbers: results must be the same on every machine"),
        (
            "timestamp('2026-01-01T00:00:00Z') == null",
            "unknown function `timestamp`, or used with other arguments than it takes",
        ),
        (
            "customer.id.startWith('a')",
            "unknown function `startWith`, or used with other arguments than it takes; did you mean `startsWith`?",
        ),
        (
            "customer.id.matches('(a+)+')",
            "unknown function `matches`, or used with other arguments than it takes",
        ),
        ("lists.bod.exists(b, c == b)", "unknown name `c`; did you mean `b`?"),
        ("customer.segment.x == 'a'", "nothing has a `.x` here"),
        ("message.channel == 'mail'", "`message.channel` is never \"mail\"; did you mean `email`?"),
        ("message.visibility in ['public', 'secret']", "`message.visibility` is never \"secret\"; known: "),
        ("'recieved' == case.occasion", "`case.occasion` is never \"recieved\"; did you mean `received`?"),
    ];
    for (condition, expected) in table {
        let more = format!(
            "[facts.message]\nfollowers = \"number\"\n[lists]\nbod = [\"a\"]\n[[rule]]\nname = \"r\"\nqueue = \"all\"\nwhen = \"{condition}\"\n"
        );
        let found = problems_with(&more);
        assert!(
            found.iter().any(|f| f.starts_with(&format!("8: condition: {expected}"))),
            "{condition}: {found:#?}"
        );
    }
}

#[test]
fn a_condition_names_only_what_the_policy_defines() {
    let more = "[[segment]]\nname = \"DCS\"\n[[campaign]]\nname = \"nossa\"\nretry = \"2h\"\n\
                [[campaign.criterion]]\ncode = \"vvip\"\ntitle = \"t\"\n\
                [[campaign.disposition]]\nlabel = \"x\"\neffect = \"close\"\n\
                [[queue]]\nname = \"b\"\nserve = '\"boss\" in agent.roles'\n\
                [[rule]]\nname = \"r\"\nqueue = \"b\"\n\
                when = 'customer.segment == \"DSC\" || contact.campaign in [\"nosa\"] || contact.criterion != \"vip\"'\n";
    let found = problems_with(more);
    for expected in [
        "`customer.segment` is never \"DSC\"; did you mean `DCS`?",
        "`contact.campaign` is never \"nosa\"; did you mean `nossa`?",
        "`contact.criterion` is never \"vip\"; did you mean `vvip`?",
        "`agent.roles` is never \"boss\"; known: administrator, agent",
    ] {
        assert!(found.iter().any(|f| f.contains(expected)), "{expected}: {found:#?}");
    }
}

#[test]
fn rules_that_can_not_be_reached_are_told() {
    let before = "[lists]\nnobody = []\n[[rule]]\nname = \"none\"\nqueue = \"all\"\nwhen = \"customer.id in lists.nobody\"\n\
                  [[rule]]\nname = \"first\"\nqueue = \"all\"\nwhen = \"customer.known\"\n\
                  [[rule]]\nname = \"second\"\nqueue = \"all\"\nwhen = \" customer.known \"\n";
    let compiled = compile_inline("d", 1, &format!("{before}{LEAST}")).unwrap();
    assert_eq!(
        lines(&compiled.warnings),
        [
            "desks/d.toml:4: rule `none` is never reached: its `when` can't hold",
            "desks/d.toml:12: rule `second` is never reached: `first` before it asks the same, or less",
        ]
    );
}

/// Each line: the conditions of two rules, and whether the second is never reached.
#[test]
fn a_rule_that_asks_for_more_than_one_before_it_is_never_reached() {
    let table = [
        ("customer.known", "customer.known && message.channel == 'x'", true),
        ("customer.known", "(message.channel == 'x') && (  customer.known )", true),
        ("customer.known || message.channel == 'x'", "message.channel == 'x'", true),
        (
            "(customer.known || message.channel == 'x') && message.visibility == 'public'",
            "message.visibility == 'public' && customer.known",
            true,
        ),
        ("customer.known && message.channel == 'x'", "customer.known", false),
        ("customer.known && message.channel == 'x'", "customer.known && message.channel == 'email'", false),
        ("customer.known", "customer.known || message.channel == 'x'", false),
        ("customer.known", "message.channel == 'x' ? customer.known : true", false),
        ("customer.known", "!customer.known && message.channel == 'x'", false),
        ("customer.id == 'a && b'", "customer.id == 'a'", false),
        ("customer.known", "customer.id == '(' || customer.known && customer.id == ')'", false),
        ("message.channel == 'x' ? true : customer.known", "customer.known", false),
    ];
    for (first, second, hidden) in table {
        let rule = |name: &str, when: &str| {
            format!("[[rule]]\nname = \"{name}\"\nqueue = \"all\"\nwhen = \"{when}\"\n")
        };
        let rules = format!("{}{}{LEAST}", rule("first", first), rule("second", second));
        let compiled = compile_inline("d", 1, &rules).unwrap();
        let told =
            lines(&compiled.warnings).iter().any(|line| line.contains("rule `second` is never reached"));
        assert_eq!(told, hidden, "{first}, then {second}");
    }
}

#[test]
fn a_condition_s_mistake_is_told_where_it_stands_in_the_file() {
    let text =
        "[[rule]]\nname = \"r\"\nqueue = \"all\"\nwhen = '''\ncustomer.known\n  && case.topic == 'a' '''\n";
    let problems = compile_inline("d", 1, &format!("{text}{LEAST}")).unwrap_err();
    let found = problems.iter().find(|p| p.message.contains("case.topic")).unwrap();
    assert_eq!((found.line, found.column), (6, 6), "{found}");

    let text = "[[rule]]\nname = \"r\"\nqueue = \"all\"\nwhen = \"customer.known &&\"\n";
    let problems = compile_inline("d", 1, &format!("{text}{LEAST}")).unwrap_err();
    let found = problems.iter().find(|p| p.message.starts_with("condition:")).unwrap();
    assert_eq!(found.line, 4, "{found}");
    assert!(found.column >= 9, "{found}");
}

#[test]
fn all_errors_are_told_at_once_and_in_order() {
    let problems = compile(
        "d",
        &files(&[
            ("policy.toml", "nmae = \"t\"\nversion = 0\ndesks = [\"e\"]\n"),
            ("desks/d.toml", "[[queue]\n"),
            ("shared/a.toml", "[[rule]]\nname = \"r\"\n[[queue]]\nname = \"q\"\nrank = \"high\"\n"),
            ("lists/bod.csv", "account\na\n,b\n"),
            ("notes.txt", "?"),
        ]),
    )
    .unwrap_err();
    let found = lines(&problems);
    let expected = [
        "desks/d.toml:1: a desk needs rules; the last one has `when = \"true\"`",
        "desks/d.toml:1: ",
        "lists/bod.csv:3: a line without a text in its first column",
        "notes.txt:1: no desk reads this file",
        "policy.toml:1: `name` is missing in policy.toml",
        "policy.toml:1: unknown key `nmae` in policy.toml; did you mean `name`?",
        "policy.toml:2: `version` must be a whole number from 1 to",
        "policy.toml:3: no desk `d` in this policy; did you mean `e`?",
        "shared/a.toml:1: `rule` belongs into desks/<desk>.toml",
        "shared/a.toml:5: `rank` must be a whole number from -1000000 to 1000000",
    ];
    for line in expected {
        assert!(found.iter().any(|f| f.starts_with(line)), "{line}\nin {found:#?}");
    }
    let mut sorted = problems.clone();
    sorted.sort();
    assert_eq!(problems, sorted);
}

#[test]
fn a_policy_without_a_last_rule_that_matches_always_is_refused() {
    let text = LEAST.replace("when = \"true\"", "when = \"customer.known\"");
    let problems = compile_inline("d", 1, &text).unwrap_err();
    assert_eq!(
        lines(&problems),
        ["desks/d.toml:9: the last rule must match always: add a rule with `when = \"true\"` after it"]
    );
}

#[test]
fn a_desk_reads_its_own_files_and_the_shared_ones_and_no_other_desk_s() {
    let files = files(&[
        MANIFEST,
        ("desks/d.toml", LEAST),
        ("desks/d/more.toml", "[[link]]\nname = \"more\"\nurl = \"http://h/{{ticket}}\"\n"),
        ("desks/e.toml", "this is not TOML"),
        ("shared/s.toml", "[[segment]]\nname = \"S\"\n"),
        ("README.md", "# nor is this"),
    ]);
    let compiled = compile("d", &files).unwrap();
    assert_eq!(compiled.warnings, []);
    assert_eq!(compiled.policy.links().len(), 1);
    assert!(compile("e", &files).is_err());
}

#[test]
fn a_missing_manifest_and_a_missing_desk_are_told_by_name() {
    let found = lines(&compile("d", &[]).unwrap_err());
    assert_eq!(
        found,
        [
            "desks/d.toml:1: this file is missing: it holds the desk's accounts and rules",
            "policy.toml:1: this file is missing: it holds the policy's name, version and desks",
        ]
    );
}

#[test]
fn warnings_do_not_refuse_a_policy_and_say_that_they_are_warnings() {
    let compiled = compile_inline("d", 1, &format!("{LEAST}[[queue]]\nname = \"lonely\"\n")).unwrap();
    assert_eq!(compiled.warnings.len(), 1);
    assert_eq!(compiled.warnings[0].severity, Severity::Warning);
    let said = compiled.warnings[0].to_string();
    assert!(said.ends_with(": warning: nothing routes to queue `lonely`"), "{said}");
}

#[test]
fn an_oversized_policy_is_refused_before_it_is_read() {
    let huge = "#".repeat(2_000_000);
    let found = lines(&compile("d", &files(&[MANIFEST, ("desks/d.toml", &huge)])).unwrap_err());
    assert_eq!(found.len(), 1, "{found:?}");
}
