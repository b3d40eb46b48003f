//! Words that a name can have: a condition that looks for another never holds, and is a slip of the pen.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use simpang_domain::words::{Channel, Occasion, Role, Visibility};

use super::check::SLOT_MARK;
use super::slot::Slot;
use super::vocabulary::{Root, Vocabulary};

/// A literal that the name it is compared with can't be: the node, and what is to be said.
pub(super) fn stray(call: &CallExpr, slots: &[Slot], vocabulary: &Vocabulary) -> Vec<(u64, String)> {
    let sides = match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::EQUALS | operators::NOT_EQUALS | operators::IN, [a, b]) => [(a, b), (b, a)],
        _ => return Vec::new(),
    };
    let mut found = Vec::new();
    for (name, literals) in sides {
        let Some((written, known)) = words_of(name, slots, vocabulary) else { continue };
        for (id, literal) in texts(literals) {
            // `x == ""` asks whether nothing is there.
            if !literal.is_empty() && !known.iter().any(|word| *word == literal) {
                let hint = crate::problem::hint(literal, known.iter().map(String::as_str));
                found.push((id, format!("`{written}` is never {literal:?}{hint}")));
            }
        }
    }
    found
}

fn texts(node: &IdedExpr) -> Vec<(u64, &str)> {
    match &node.expr {
        Expr::Literal(LiteralValue::String(text)) => vec![(node.id, text.inner())],
        Expr::List(list) => list.elements.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// What a name is called, and all it can be; none for names that can be anything.
fn words_of(node: &IdedExpr, slots: &[Slot], vocabulary: &Vocabulary) -> Option<(String, Vec<String>)> {
    let Expr::Ident(name) = &node.expr else { return None };
    let slot = slots.get(name.strip_prefix(SLOT_MARK)?.parse::<usize>().ok()?)?;
    let Slot::Fact(root, field, _) = slot else { return None };
    let all = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let known: Vec<String> = match (root, field.as_str()) {
        (Root::Message, "channel") => all(&Channel::ALL.iter().map(|w| w.as_str()).collect::<Vec<_>>()),
        (Root::Message, "visibility") => all(&Visibility::ALL.iter().map(|w| w.as_str()).collect::<Vec<_>>()),
        (Root::Case, "occasion") => all(&Occasion::ALL.iter().map(|w| w.as_str()).collect::<Vec<_>>()),
        (Root::Agent, "roles") => all(&Role::ALL.iter().map(|w| w.as_str()).collect::<Vec<_>>()),
        _ => vocabulary.words(*root, field)?.to_vec(),
    };
    Some((slot.written(), known))
}
