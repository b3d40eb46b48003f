//! Fault reports (G) and tickets in other systems (K11, M10). The policy's form says what a report needs; a product has
//! one open report on the desk at a time, and others of it are its repeats (G3).

use super::commands::{Refused, refused};
use super::judging::Judging;
use crate::event::Happened;
use crate::facts::{Facts, Value};
use crate::input::{FaultReport, ReferenceReport};
use crate::rules::{FaultField, FaultForm, FieldKind, Rules};
use crate::state::{Fault, Status};
use crate::words::{
    AgentId, CaseId, CloseReason, DeliveryKind, FaultEnd, FieldShape, Key, Name, Occasion, Rejection,
    WaitingOn,
};

/// What an adapter does with a new report (G1, G2).
const CREATE: &str = "create";

/// Most products with an open report on one case.
const FAULTS_MAX: usize = 20;

impl<R: Rules> Judging<'_, R> {
    pub(super) fn report_fault(
        &mut self,
        id: CaseId,
        agent: &AgentId,
        report: &FaultReport,
    ) -> Result<(), Refused> {
        self.must_be_open(id)?;
        let Some(form) = self.rules.tables().fault.as_ref() else {
            let detail = "the desk's policy has no [fault]: this desk takes no fault reports";
            return refused(Rejection::UnknownTarget, detail);
        };
        let (product, facts) = check(form, report).map_err(|detail| (Rejection::Invalid, detail))?;
        let first = self.first_report(id, form, product, report.repeats)?;
        self.emit(Happened::FaultReported {
            case: id,
            agent: agent.clone(),
            product,
            subject: form.subject.clone(),
            facts,
            system: form.system.clone(),
            repeats: first,
        });
        match (first, &form.system) {
            (Some(first), Some(system)) => self.share_ticket(id, first, product, system),
            (None, Some(system)) => {
                let (system, task) = (system.clone(), CREATE.into());
                self.emit(Happened::SystemTaskDue { case: id, system, task });
            }
            (_, None) => {}
        }
        self.run_rules(id, Occasion::Classified);
        Ok(())
    }

    /// The case whose open report this one repeats; none: it is a new one (G3).
    fn first_report(
        &self,
        id: CaseId,
        form: &FaultForm,
        product: Key,
        named: Option<CaseId>,
    ) -> Result<Option<CaseId>, Refused> {
        let Some(open) = self.state.open_fault(&product) else {
            if let Some(named) = named {
                let detail = format!(
                    "case {} has no open report of this product: report it without naming one",
                    named.0
                );
                return refused(Rejection::Invalid, detail);
            }
            let faults = self.case_of(id).rare().tickets.as_ref().map_or(0, |tickets| tickets.faults.len());
            if faults >= FAULTS_MAX {
                return refused(
                    Rejection::Invalid,
                    format!("the case has {faults} open fault reports already"),
                );
            }
            return Ok(None);
        };
        if open == id {
            let detail =
                "this case has an open report of the product already: link its ticket, or write a note";
            return refused(Rejection::AlreadyReported, detail);
        }
        match named.map(|named| self.state.survivor(named).unwrap_or(named)) {
            Some(named) if named != open => {
                let detail =
                    format!("the open report of this product is on case {}, not on {}", open.0, named.0);
                refused(Rejection::Invalid, detail)
            }
            None if !form.links_repeats => {
                let ticket = self.ticket_of(open, &product);
                let ticket = ticket.map_or(String::new(), |number| format!(" (ticket {number})"));
                let detail = format!(
                    "case {}{ticket} has an open report of this product: name it in `repeats`, and this report is \
                     recorded as its repeat without a second ticket",
                    open.0
                );
                refused(Rejection::AlreadyReported, detail)
            }
            _ => Ok(Some(open)),
        }
    }

    fn ticket_of(&self, case: CaseId, product: &Key) -> Option<Name> {
        let tickets = self.state.cases.get(&case)?.rare().tickets.as_deref()?;
        tickets.fault(product)?.ticket.clone()
    }

    /// The ticket of the first report is the repeat's as well.
    fn share_ticket(&mut self, case: CaseId, first: CaseId, product: Key, system: &Name) {
        let Some(number) = self.ticket_of(first, &product) else { return };
        let known = self.case_of(first).rare().tickets.as_deref().and_then(|t| t.reference(system, &number));
        let status = known.map_or_else(super::judging::no_name, |known| known.status.clone());
        self.ticket_says(case, system, &number, &status);
    }

    /// What another system says of a ticket, for every case that it is linked to.
    pub(super) fn reference_report(&mut self, report: &ReferenceReport) {
        let ReferenceReport { system, number, status } = report;
        let key = (system.clone(), number.clone());
        let cases = self.state.references.get(&key).cloned().unwrap_or_default();
        if cases.is_empty() {
            return self.refuse_input("a status of a ticket that is linked to no case of this desk");
        }
        for case in cases {
            self.ticket_says(case, system, number, status);
        }
    }

    /// A ticket is linked, or has another status. The customer of a fault report is told its number; a status that
    /// ends reports ends those of this ticket, and a case that waited for it goes on.
    pub(super) fn ticket_says(&mut self, id: CaseId, system: &Name, number: &Name, status: &Name) {
        let tickets = self.case_of(id).rare().tickets.as_deref();
        let is_new = tickets.is_none_or(|tickets| tickets.reference(system, number).is_none());
        let reported = tickets.is_some_and(|tickets| tickets.reported);
        self.emit(Happened::ReferenceLinked {
            case: id,
            system: system.clone(),
            number: number.clone(),
            status: status.clone(),
        });
        let Some(form) = self.rules.tables().fault.as_ref() else { return };
        if form.system.as_ref() != Some(system) {
            return;
        }
        if let Some(template) = form.inform.as_ref().filter(|_| is_new && reported)
            && self.case_of(id).is_open()
        {
            self.send_template(id, DeliveryKind::Template, template);
        }
        if form.is_over(status) {
            self.end_faults(id, FaultEnd::Ticket, |fault| fault.ticket.as_ref() == Some(number));
            if matches!(self.status(id), Status::Parked { on: WaitingOn::ThirdParty, .. }) {
                self.unpark(id);
            }
        }
    }

    /// A closed case's reports end, unless they have a ticket, which goes on elsewhere. Those of a merged case are the
    /// other's.
    pub(super) fn faults_close(&mut self, id: CaseId, reason: CloseReason) {
        match reason {
            CloseReason::Merged => {}
            CloseReason::HandedOver | CloseReason::Spam => self.end_faults(id, FaultEnd::Case, |_| true),
            _ => self.end_faults(id, FaultEnd::Case, |fault| fault.ticket.is_none()),
        }
    }

    fn end_faults(&mut self, case: CaseId, reason: FaultEnd, which: impl Fn(&Fault) -> bool) {
        let open = self.case_of(case).rare().tickets.iter().flat_map(|tickets| &tickets.faults);
        let ending: Vec<Key> = open.filter(|fault| which(fault)).map(|fault| fault.product).collect();
        for product in ending {
            self.emit(Happened::FaultEnded { case, product, reason });
        }
    }
}

/// A report's product and facts, if it is as the form wants it; else everything that is wrong with it.
fn check(form: &FaultForm, report: &FaultReport) -> Result<(Key, Facts), String> {
    let mut wrong = Vec::new();
    if report.product.is_none() {
        wrong.push(format!("`{}` is missing", form.product));
    }
    for field in &form.fields {
        wrong.extend(problem(field, report));
    }
    let strange =
        report.filled.iter().map(|(name, _)| name).chain(report.choices.iter().map(|(name, _)| name));
    wrong.extend(
        strange
            .filter(|name| !form.fields.iter().any(|field| field.name == **name))
            .map(|name| format!("`{name}` is not on the form")),
    );
    match report.product {
        Some(product) if wrong.is_empty() => Ok((product, facts_of(form, report))),
        _ => Err(format!("the fault report is not as the form wants it: {}", wrong.join("; "))),
    }
}

/// What is wrong with a field.
fn problem(field: &FaultField, report: &FaultReport) -> Option<String> {
    let name = &field.name;
    let filled = report.filled.iter().find(|(n, _)| n == name).map(|(_, shapes)| shapes);
    let chosen = choice(report, name);
    let asked = |(of, value): &(Name, Name)| choice(report, of) == Some(value);
    let missing = filled.is_none() && chosen.is_none();
    match &field.kind {
        _ if missing && (field.required || field.required_with.iter().any(asked)) => {
            Some(format!("`{name}` is missing"))
        }
        _ if missing => None,
        FieldKind::Choice(values) => match chosen {
            Some(value) if filled.is_none() && values.contains(value) => None,
            _ => Some(format!("`{name}` is a choice: {}", quoted(values))),
        },
        _ if chosen.is_some() => Some(format!("`{name}` is a field and no choice")),
        FieldKind::Shape(shape) if !filled.is_some_and(|shapes| shapes.contains(shape)) => {
            Some(format!("`{name}` {}", wanted(*shape)))
        }
        FieldKind::Text | FieldKind::Shape(_) => None,
    }
}

fn choice<'a>(report: &'a FaultReport, name: &Name) -> Option<&'a Name> {
    report.choices.iter().find(|(n, _)| n == name).map(|(_, value)| value)
}

fn quoted(values: &[Name]) -> String {
    values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
}

fn wanted(shape: FieldShape) -> &'static str {
    match shape {
        FieldShape::Number => "takes digits only",
        FieldShape::Phone => "takes a telephone number",
        FieldShape::Mail => "takes a mail address",
        FieldShape::Time => "takes a day such as 2026-11-22, with or without a time such as 14:30",
    }
}

/// What rules may read of the report.
fn facts_of(form: &FaultForm, report: &FaultReport) -> Facts {
    Facts::new(form.fields.iter().filter_map(|field| {
        let value = choice(report, &field.name)?;
        Some((field.fact.clone()?, Value::Text(value.clone())))
    }))
}
