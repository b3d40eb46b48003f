//! Conditions in CEL: compiled once, checked against the vocabulary, run over facts. No clock, no decimal numbers, no
//! I/O; a condition that fails while it runs counts as false.

mod check;
mod closed;
mod depth;
pub(crate) mod slot;
mod values;
pub(crate) mod vocabulary;

use std::collections::BTreeMap;
use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::{CelBool, CelInt, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, Program, Value};
use simpang_domain::words::Name;

use crate::problem::{Report, Spot, Text};
use check::Checker;
use slot::{Filled, Slot};
use values::{Absent, Texts};
use vocabulary::{Root, Vocabulary};

/// Longest condition, bytes.
const CONDITION_MAX: usize = 4_000;

/// A condition that was checked; it reads the slots of its [`Conditions`].
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    expression: IdedExpr,
}

impl Condition {
    /// Whether it can't hold, whatever it reads.
    pub(crate) fn is_never(&self, conditions: &Conditions) -> bool {
        is_never(&self.expression, conditions)
    }

    /// Whether it is the literal `true`.
    pub(crate) fn is_always(&self) -> bool {
        matches!(&self.expression.expr, Expr::Literal(LiteralValue::Boolean(yes)) if *yes.inner())
    }
}

fn is_never(node: &IdedExpr, conditions: &Conditions) -> bool {
    let is_empty = |list: &IdedExpr| match &list.expr {
        Expr::List(list) => list.elements.is_empty(),
        Expr::Ident(name) => conditions.is_empty_list(name),
        _ => false,
    };
    match &node.expr {
        Expr::Literal(LiteralValue::Boolean(yes)) => !*yes.inner(),
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND, [a, b]) => is_never(a, conditions) || is_never(b, conditions),
            (operators::LOGICAL_OR, [a, b]) => is_never(a, conditions) && is_never(b, conditions),
            (operators::LOGICAL_NOT, [a]) => {
                matches!(&a.expr, Expr::Literal(LiteralValue::Boolean(yes)) if *yes.inner())
            }
            (operators::IN, [_, list]) => is_empty(list),
            _ => false,
        },
        _ => false,
    }
}

/// Conditions over the same roots, with all they read.
pub(crate) struct Conditions {
    slots: Vec<Slot>,
    /// Slot by slot: its list, or what an absent number is called.
    lists: Vec<Option<Texts<'static>>>,
    labels: Vec<Arc<str>>,
    env: Arc<Env>,
}

impl std::fmt::Debug for Conditions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conditions").field("slots", &self.slots).finish_non_exhaustive()
    }
}

impl Conditions {
    /// What is read, in the order that [`Self::over`] takes it.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Whether this is the slot of a list that holds nothing.
    fn is_empty_list(&self, name: &str) -> bool {
        let at = name.strip_prefix(check::SLOT_MARK).and_then(|at| at.parse::<usize>().ok());
        let list = at.and_then(|at| self.lists.get(at)).and_then(Option::as_ref);
        list.is_some_and(Texts::is_empty)
    }

    /// Runs something over filled slots.
    pub(crate) fn over<T>(&self, filled: &[Filled<'_>], run: impl FnOnce(&Filling<'_, '_>) -> T) -> T {
        let values = filled.iter().enumerate().map(|(at, filled)| self.value_of(at, filled)).collect();
        let slots = Slots { values };
        let mut context = Context::with_env(self.env.clone());
        context.set_variable_resolver(&slots);
        run(&Filling { context: &context })
    }

    fn value_of<'v>(&self, at: usize, filled: &'v Filled<'_>) -> Box<dyn Val + 'v> {
        if let Some(list) = self.lists.get(at).and_then(Option::as_ref) {
            return Box::new(list.clone());
        }
        match filled {
            Filled::Text(text) => Box::new(CelString::from(&**text)),
            Filled::Number(number) => Box::new(CelInt::from(*number)),
            Filled::Flag(flag) => Box::new(CelBool::from(*flag)),
            Filled::Texts(texts) => Box::new(Texts::borrowed(texts)),
            Filled::Absent => Box::new(Absent(self.labels[at].clone())),
        }
    }
}

/// Facts that conditions can run over.
pub(crate) struct Filling<'c, 'v> {
    context: &'c Context<'c, 'v>,
}

impl Filling<'_, '_> {
    /// Whether a condition holds; says why when it can't be told.
    pub(crate) fn holds(&self, condition: &Condition) -> Result<bool, String> {
        if condition.is_always() {
            return Ok(true);
        }
        let value =
            Value::resolve_val(&condition.expression, self.context).map_err(|error| error.to_string())?;
        value
            .downcast_ref::<CelBool>()
            .map(|yes| *yes.inner())
            .ok_or_else(|| "the answer is not yes or no".to_owned())
    }
}

struct Slots<'v> {
    values: Vec<Box<dyn Val + 'v>>,
}

impl VariableResolver for Slots<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let at: usize = variable.strip_prefix(check::SLOT_MARK)?.parse().ok()?;
        self.values.get(at).map(|value| CowVal::Borrowed(&**value))
    }
}

/// Compiles conditions over the same roots, gathering what they read.
pub(crate) struct Compiler<'c> {
    pub(crate) report: &'c Report<'c>,
    vocabulary: &'c Vocabulary,
    lists: &'c BTreeMap<String, Vec<Name>>,
    roots: &'static [Root],
    env: Arc<Env>,
    slots: Vec<Slot>,
}

impl<'c> Compiler<'c> {
    pub(crate) fn new(
        report: &'c Report<'c>,
        vocabulary: &'c Vocabulary,
        lists: &'c BTreeMap<String, Vec<Name>>,
        roots: &'static [Root],
    ) -> Self {
        Self { report, vocabulary, lists, roots, env: Arc::new(Env::stdlib()), slots: Vec::new() }
    }

    /// Reads this even where no condition does; answers its place.
    pub(crate) fn slot(&mut self, slot: Slot) -> usize {
        check::slot_of(&mut self.slots, slot)
    }

    /// Compiles a condition; none, with the problems reported, when it can't be used.
    pub(crate) fn compile(&mut self, text: &Text) -> Option<Condition> {
        if text.value.len() > CONDITION_MAX {
            self.report.error(text.spot, format!("a condition is at most {CONDITION_MAX} bytes long"));
            return None;
        }
        if depth::depth(&text.value) > depth::DEPTH_MAX {
            let message =
                "this condition is nested or chained too deep; split it, or look in a list with `in`";
            self.report.error(text.spot, message);
            return None;
        }
        let program = match self.env.compile(&text.value) {
            Ok(program) => program,
            Err(errors) => {
                self.report_syntax(text, &errors);
                return None;
            }
        };
        let mut expression = program.expression().clone();
        let mut checker = Checker {
            report: self.report,
            vocabulary: self.vocabulary,
            lists: self.lists,
            roots: self.roots,
            slots: &mut self.slots,
            scope: Vec::new(),
            place: &|id| place_of_node(self.report, text, &program, id),
            is_sound: true,
        };
        checker.check_condition(&mut expression);
        checker.is_sound.then_some(Condition { expression })
    }

    /// Ends compiling.
    pub(crate) fn finish(self) -> Conditions {
        let list = |slot: &Slot| match slot {
            Slot::List(name) => self.lists.get(name).map(|items| Texts::indexed(items)),
            Slot::Fact(..) | Slot::Presence(..) | Slot::Skill(_) => None,
        };
        let lists = self.slots.iter().map(list).collect();
        let labels = self.slots.iter().map(|slot| slot.written().into()).collect();
        Conditions { lists, labels, slots: self.slots, env: self.env }
    }

    fn report_syntax(&self, text: &Text, errors: &cel::parser::ParseErrors) {
        for error in &errors.errors {
            let (line, column) = (error.pos.0.max(1), error.pos.1.max(1));
            let lines_before: usize = text
                .value
                .split_inclusive('\n')
                .take(usize::try_from(line - 1).unwrap_or(0))
                .map(str::len)
                .sum();
            let offset = lines_before + usize::try_from(column - 1).unwrap_or(0);
            let spot = place_in_text(self.report, text, offset);
            self.report.error(
                spot,
                format!("condition: {}", error.msg.trim().lines().next().unwrap_or("can't be read")),
            );
        }
    }
}

fn place_of_node(report: &Report<'_>, text: &Text, program: &Program, id: u64) -> Spot {
    let offset = program.source_info().offset_for(id).map_or(0, |(start, _)| start as usize);
    place_in_text(report, text, offset)
}

/// Where an offset of a text's value stands in its file. A text with escapes tells only its beginning.
fn place_in_text(report: &Report<'_>, text: &Text, offset: usize) -> Spot {
    let written = report.written(text.spot.file, text.spot.at..text.end);
    let begin = written.find(&text.value);
    begin.map_or(text.spot, |begin| Spot {
        file: text.spot.file,
        at: text.spot.at + begin + offset.min(text.value.len()),
    })
}
