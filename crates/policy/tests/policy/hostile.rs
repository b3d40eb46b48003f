//! Nothing that a policy's author can write makes compiling or judging panic.

use proptest::prelude::*;
use simpang_domain::facts::{CaseFacts, Facts};
use simpang_domain::rules::Rules;
use simpang_domain::words::{Channel, Occasion, Visibility};
use simpang_policy::{compile, compile_inline};

const TOKENS: &[&str] = &[
    "customer",
    "message",
    "case",
    "lists",
    ".",
    "segment",
    "known",
    "category",
    "mentions",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "&&",
    "||",
    "!",
    "==",
    "!=",
    "<",
    ">=",
    "in",
    "+",
    "-",
    "*",
    "/",
    "%",
    "?",
    ":",
    ",",
    "'a'",
    "\"b\"",
    "0",
    "1",
    "9223372036854775807",
    "-9223372036854775808",
    "1.5",
    "true",
    "false",
    "null",
    "has",
    "exists",
    "all",
    "map",
    "filter",
    "size",
    "x",
    "contains",
    "startsWith",
    "r'",
    "b'",
    "\\",
    "\u{0}",
    "é",
    "..",
    "`",
    "$0",
    "\n",
    "//",
    "1u",
];

fn rule(condition: &str) -> String {
    let condition = condition.replace("'''", "");
    format!(
        "[facts.message]\nmentions = \"texts\"\nn = \"number\"\n[defaults]\npriority = \"p\"\n[[priority]]\nname = \"p\"\n[[queue]]\nname = \"q\"\n[[rule]]\nname = \"r\"\nwhen = '''{condition}'''\nqueue = \"q\"\n[[rule]]\nname = \"last\"\nwhen = \"true\"\nqueue = \"q\"\n"
    )
}

fn judge(text: &str) {
    let Ok(compiled) = compile_inline("d", 1, text) else { return };
    let facts = Facts::default();
    let case = CaseFacts {
        occasion: Occasion::Received,
        channel: Channel::X,
        account: "a",
        visibility: Visibility::Public,
        campaign: None,
        criterion: None,
        message: &facts,
        customer: None,
        category: &[],
        case: &facts,
    };
    assert_eq!(&*compiled.policy.classify(&case).queue, "q");
    assert!(!compiled.policy.trace(&case).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_condition_is_refused_or_runs(tokens in prop::collection::vec(0..TOKENS.len(), 0..24)) {
        let condition: Vec<&str> = tokens.iter().map(|t| TOKENS[*t]).collect();
        judge(&rule(&condition.join(" ")));
        judge(&rule(&condition.concat()));
    }

    #[test]
    fn any_text_is_refused_or_compiles(text in "\\PC{0,200}") {
        judge(&rule(&text));
        let _ = compile("d", &[("policy.toml".to_owned(), text.clone()), ("desks/d.toml".to_owned(), text)]);
    }
}

#[test]
fn deep_nesting_is_refused_rather_than_overflowing_the_stack() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("!", ""), ("-", ""), ("lists.a[", "]"), ("true ? true : ", "true")]
    {
        judge(&rule(&format!("{}1{}", open.repeat(1_500), close.repeat(1_500))));
    }
    for n in 1..45 {
        judge(&rule(&format!("{}1{} == 1", "(".repeat(n), ")".repeat(n))));
        judge(&rule(&format!("1{} == 1", " + 1".repeat(n))));
        judge(&rule(&format!("{}true", "true ? true : ".repeat(n))));
        judge(&rule(&format!("case.category{} == 'a'", "[0]".repeat(n))));
    }
    judge(&rule(&"true && ".repeat(490)));
    judge(&rule(&format!("{}true", "true && ".repeat(490))));
    judge(&rule(&format!("1{} > 0", "+1".repeat(1_900))));
    judge(&format!("a = {}", "[".repeat(100_000)));
    judge(&format!("[{}]", "a.".repeat(100_000)));
}
