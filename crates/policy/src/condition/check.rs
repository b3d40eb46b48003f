//! Walks a condition: every name must exist, every operator fit its operands. What is read becomes a slot, and the
//! expression is rewritten to name slots, so that running it looks nothing up by name.

use std::collections::BTreeMap;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};
use simpang_domain::words::Name;

use super::slot::Slot;
use super::vocabulary::{FactType, Root, Vocabulary};
use crate::problem::{Report, Spot, hint};

/// What the names of slots begin with; no condition can write it.
pub(super) const SLOT_MARK: char = '$';

/// Functions besides operators and macros.
const FUNCTIONS: [&str; 4] = ["contains", "endsWith", "size", "startsWith"];

/// Macros, for suggestions.
const MACROS: [&str; 6] = ["all", "exists", "exists_one", "filter", "has", "map"];

/// What an expression yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    Number,
    Flag,
    Texts,
    Numbers,
    /// Can't be told, or was reported already.
    Any,
}

impl Type {
    fn as_str(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Flag => "yes or no",
            Self::Texts => "texts",
            Self::Numbers => "numbers",
            Self::Any => "anything",
        }
    }

    fn fits(self, other: Self) -> bool {
        self == other || self == Self::Any || other == Self::Any
    }

    fn element(self) -> Self {
        match self {
            Self::Texts => Self::Text,
            Self::Numbers => Self::Number,
            Self::Text | Self::Number | Self::Flag | Self::Any => Self::Any,
        }
    }
}

impl From<FactType> for Type {
    fn from(of: FactType) -> Self {
        match of {
            FactType::Text => Self::Text,
            FactType::Number => Self::Number,
            FactType::Flag => Self::Flag,
            FactType::Texts => Self::Texts,
        }
    }
}

/// Checks one condition.
pub(super) struct Checker<'c> {
    pub(super) report: &'c Report<'c>,
    pub(super) vocabulary: &'c Vocabulary,
    pub(super) lists: &'c BTreeMap<String, Vec<Name>>,
    pub(super) roots: &'static [Root],
    pub(super) slots: &'c mut Vec<Slot>,
    pub(super) scope: Vec<(String, TypeInScope)>,
    pub(super) place: &'c dyn Fn(u64) -> Spot,
    pub(super) is_sound: bool,
}

/// The type of a name that a macro binds.
#[derive(Debug, Clone, Copy)]
pub(super) struct TypeInScope(Type);

/// The place of a slot, which is added when nothing reads it yet.
pub(super) fn slot_of(slots: &mut Vec<Slot>, slot: Slot) -> usize {
    slots.iter().position(|s| *s == slot).unwrap_or_else(|| {
        slots.push(slot);
        slots.len() - 1
    })
}

impl Checker<'_> {
    pub(super) fn check_condition(&mut self, expression: &mut IdedExpr) {
        let of = self.check(expression);
        self.expect(expression.id, "a condition", of, Type::Flag);
    }

    fn check(&mut self, node: &mut IdedExpr) -> Type {
        let id = node.id;
        match &mut node.expr {
            Expr::Literal(literal) => self.check_literal(id, literal),
            Expr::Ident(name) => {
                let name = name.clone();
                self.check_name(id, &name)
            }
            Expr::Select(_) => self.check_select(node),
            Expr::Call(_) => self.check_call_node(node),
            Expr::List(list) => {
                let types: Vec<Type> = list.elements.iter_mut().map(|e| self.check(e)).collect();
                match types.first() {
                    Some(Type::Text) if types.iter().all(|t| t.fits(Type::Text)) => Type::Texts,
                    Some(Type::Number) if types.iter().all(|t| t.fits(Type::Number)) => Type::Numbers,
                    None | Some(Type::Any) => Type::Any,
                    _ => self.wrong(id, "a list holds either texts or numbers"),
                }
            }
            Expr::Comprehension(comprehension) => self.check_comprehension(comprehension),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                self.wrong(id, "a condition makes no maps or records")
            }
        }
    }

    fn check_literal(&mut self, id: u64, literal: &LiteralValue) -> Type {
        match literal {
            LiteralValue::Boolean(_) => Type::Flag,
            LiteralValue::Int(_) => Type::Number,
            LiteralValue::String(_) => Type::Text,
            LiteralValue::Null => Type::Any,
            LiteralValue::Double(_) => {
                self.wrong(id, "no decimal numbers: results must be the same on every machine")
            }
            LiteralValue::UInt(_) => self.wrong(id, "write the number without `u`"),
            LiteralValue::Bytes(_) => self.wrong(id, "a condition reads no bytes"),
        }
    }

    fn check_name(&mut self, id: u64, name: &str) -> Type {
        if let Some((_, of)) = self.scope.iter().rev().find(|(n, _)| n == name) {
            return of.0;
        }
        if let Some(root) = self.root(name) {
            let known = self.fields(root).join(", ");
            let message = format!(
                "`{name}` is not a value; name what to read of it, such as `{name}.…`; known: {known}"
            );
            return self.wrong(id, message);
        }
        let known: Vec<&str> =
            self.roots.iter().map(|r| r.as_str()).chain(self.scope.iter().map(|(n, _)| n.as_str())).collect();
        let message = match Root::WITH_FACTS.iter().find(|r| r.as_str() == name) {
            Some(_) => format!("`{name}` can't be read here; known: {}", known.join(", ")),
            None => format!("unknown name `{name}`{}", hint(name, known)),
        };
        self.wrong(id, message)
    }

    fn check_select(&mut self, node: &mut IdedExpr) -> Type {
        let Expr::Select(select) = &node.expr else { return Type::Any };
        if let Some(skill) = skill_of(select) {
            return self.check_skill(node, skill);
        }
        let Expr::Ident(name) = &select.operand.expr else {
            return self.wrong(node.id, format!("nothing has a `.{}` here", select.field));
        };
        let bound = self.scope.iter().any(|(n, _)| n == name);
        let (Some(root), false) = (self.root(name), bound) else {
            let (id, name) = (select.operand.id, name.clone());
            let of = self.check_name(id, &name);
            return if of == Type::Any { of } else { self.wrong(node.id, format!("`{name}` has no fields")) };
        };
        let (id, field, test) = (select.operand.id, select.field.clone(), select.test);
        match self.slot_for(root, &field, test) {
            Some((slot, of)) => self.put_slot(node, slot, of),
            None => {
                let hint = hint(&field, self.fields(root));
                let declare = if Root::WITH_FACTS.contains(&root) {
                    format!("; a fact needs its type in [facts.{}]", root.as_str())
                } else {
                    String::new()
                };
                self.wrong(id, format!("unknown name `{}.{field}`{hint}{declare}", root.as_str()))
            }
        }
    }

    fn slot_for(&self, root: Root, field: &str, test: bool) -> Option<(Slot, Type)> {
        if root == Root::Lists {
            let known = self.lists.contains_key(field) && !test;
            return known.then(|| (Slot::List(field.to_owned()), Type::Texts));
        }
        let of = self.vocabulary.type_of(root, field)?;
        Some(match test {
            true => (Slot::Presence(root, field.to_owned()), Type::Flag),
            false => (Slot::Fact(root, field.to_owned(), of), of.into()),
        })
    }

    fn fields(&self, root: Root) -> Vec<&str> {
        match root {
            Root::Lists => self.lists.keys().map(String::as_str).collect(),
            _ => self.vocabulary.names(root),
        }
    }

    fn check_skill(&mut self, node: &mut IdedExpr, skill: String) -> Type {
        if self.roots.contains(&Root::Agent) {
            self.put_slot(node, Slot::Skill(skill), Type::Number)
        } else {
            self.wrong(node.id, "skills can be read of agents only")
        }
    }

    fn put_slot(&mut self, node: &mut IdedExpr, slot: Slot, of: Type) -> Type {
        let at = slot_of(self.slots, slot);
        node.expr = Expr::Ident(format!("{SLOT_MARK}{at}"));
        of
    }

    fn check_call_node(&mut self, node: &mut IdedExpr) -> Type {
        let id = node.id;
        let Expr::Call(call) = &mut node.expr else { return Type::Any };
        if call.func_name == operators::INDEX
            && let [of, key] = call.args.as_slice()
            && let Some(skill) = skill_at(of, key)
        {
            return self.check_skill(node, skill);
        }
        let mut types: Vec<Type> = call.target.iter_mut().map(|target| self.check(target)).collect();
        types.extend(call.args.iter_mut().map(|argument| self.check(argument)));
        for (id, message) in super::closed::stray(call, self.slots, self.vocabulary) {
            self.wrong(id, message);
        }
        self.check_call(id, call, &types)
    }

    fn check_call(&mut self, id: u64, call: &CallExpr, types: &[Type]) -> Type {
        match (call.func_name.as_str(), types) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [a, b]) => {
                self.expect(id, "each side", *a, Type::Flag);
                self.expect(id, "each side", *b, Type::Flag)
            }
            (operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE, [a]) => {
                self.expect(id, "what `!` turns", *a, Type::Flag)
            }
            (operators::EQUALS | operators::NOT_EQUALS, [a, b]) => {
                if !a.fits(*b) {
                    self.wrong(id, format!("compares {} with {}", a.as_str(), b.as_str()));
                }
                Type::Flag
            }
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                [a, b],
            ) => {
                self.expect(id, "each side", *a, Type::Number);
                self.expect(id, "each side", *b, Type::Number);
                Type::Flag
            }
            (operators::IN, [element, list]) => self.check_in(id, *element, *list),
            (
                operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO,
                [a, b],
            ) => {
                self.expect(id, "each side", *a, Type::Number);
                self.expect(id, "each side", *b, Type::Number)
            }
            (operators::NEGATE, [a]) => self.expect(id, "what `-` turns", *a, Type::Number),
            (operators::CONDITIONAL, [test, a, b]) => {
                self.expect(id, "what `?` asks", *test, Type::Flag);
                if a.fits(*b) { *a } else { self.wrong(id, "both answers of `?:` must be of one type") }
            }
            (operators::INDEX, [list, at]) => {
                self.expect(id, "a place in a list", *at, Type::Number);
                list.element()
            }
            ("size", [of]) if *of == Type::Number || *of == Type::Flag => {
                self.wrong(id, "`size` counts texts or letters")
            }
            ("size", [_]) => Type::Number,
            ("contains" | "startsWith" | "endsWith", [a, b]) if call.target.is_some() => {
                self.expect(id, "the text", *a, Type::Text);
                self.expect(id, "what is looked for", *b, Type::Text);
                Type::Flag
            }
            (name, _) => {
                let hint = hint(name, FUNCTIONS.into_iter().chain(MACROS));
                self.wrong(
                    id,
                    format!("unknown function `{name}`, or used with other arguments than it takes{hint}"),
                )
            }
        }
    }

    fn check_in(&mut self, id: u64, element: Type, list: Type) -> Type {
        if !matches!(list, Type::Texts | Type::Numbers | Type::Any) {
            return self.wrong(id, format!("`in` looks in a list, not in {}", list.as_str()));
        }
        if !element.fits(list.element()) {
            return self.wrong(id, format!("looks for {} among {}", element.as_str(), list.as_str()));
        }
        Type::Flag
    }

    fn check_comprehension(&mut self, comprehension: &mut ComprehensionExpr) -> Type {
        let range = self.check(&mut comprehension.iter_range);
        if !matches!(range, Type::Texts | Type::Numbers | Type::Any) {
            return self
                .wrong(comprehension.iter_range.id, format!("goes through a list, not {}", range.as_str()));
        }
        let start = self.check(&mut comprehension.accu_init);
        let depth = self.scope.len();
        self.scope.push((comprehension.iter_var.clone(), TypeInScope(range.element())));
        self.scope.push((comprehension.accu_var.clone(), TypeInScope(start)));
        self.check(&mut comprehension.loop_cond);
        // `map` and `filter` grow a list by `+`, which conditions can't do by themselves.
        let step = match &mut comprehension.loop_step.expr {
            Expr::Call(call) if start == Type::Any => self.check_growth(call),
            _ => self.check(&mut comprehension.loop_step),
        };
        let result = self.check(&mut comprehension.result);
        self.scope.truncate(depth);
        if result == Type::Any { step } else { result }
    }

    /// The step of `map` or `filter`: `list + [element]`, perhaps behind a condition.
    fn check_growth(&mut self, call: &mut CallExpr) -> Type {
        let mut grown = Type::Any;
        for argument in &mut call.args {
            let of = match &mut argument.expr {
                Expr::Call(inner) if inner.func_name == operators::ADD => self.check_growth(inner),
                _ => self.check(argument),
            };
            if matches!(of, Type::Texts | Type::Numbers) {
                grown = of;
            }
        }
        grown
    }

    fn expect(&mut self, id: u64, what: &str, found: Type, wanted: Type) -> Type {
        if !found.fits(wanted) {
            self.wrong(id, format!("{what} must be {}, and is {}", wanted.as_str(), found.as_str()));
        }
        wanted
    }

    fn wrong(&mut self, id: u64, message: impl Into<String>) -> Type {
        self.is_sound = false;
        self.report.error((self.place)(id), format!("condition: {}", message.into()));
        Type::Any
    }

    fn root(&self, name: &str) -> Option<Root> {
        self.roots.iter().copied().find(|r| r.as_str() == name)
    }
}

/// `agent.skills.<skill>`.
fn skill_of(select: &SelectExpr) -> Option<String> {
    is_skills(&select.operand).then(|| select.field.clone())
}

/// `agent.skills["<skill>"]`.
fn skill_at(of: &IdedExpr, key: &IdedExpr) -> Option<String> {
    match &key.expr {
        Expr::Literal(LiteralValue::String(name)) if is_skills(of) => Some(name.inner().to_owned()),
        _ => None,
    }
}

fn is_skills(node: &IdedExpr) -> bool {
    let Expr::Select(select) = &node.expr else { return false };
    select.field == "skills"
        && !select.test
        && matches!(&select.operand.expr, Expr::Ident(root) if root == Root::Agent.as_str())
}
