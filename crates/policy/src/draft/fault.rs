//! The form of fault reports (G).

use simpang_domain::rules::{FaultField, FaultForm, FieldKind};
use simpang_domain::words::{FieldShape, Name};

use super::Draft;
use super::names::Kind;
use crate::condition::vocabulary::{FactType, Root};
use crate::parts::Template;
use crate::problem::{Text, hint};
use crate::read::Section;

/// Most fields of a form: as many as the API takes.
const FIELDS_MAX: usize = 100;

/// What may follow a report of a product that has an open one.
const REPEATS: [&str; 2] = ["refuse", "link"];

/// What a subject may name besides the form's own fields.
const SUBJECT_FIELDS: [&str; 3] = ["agent", "case", "product"];

impl Draft {
    /// `[fault]`: product, subject, system, repeats, ended_by, inform, `[[fault.field]]`.
    pub(super) fn read_fault(&mut self, top: &Section<'_>) {
        let Some(section) = top.section("fault") else { return };
        if self.fault.is_some() {
            section.report.error(section.spot, "a desk has one [fault]; another stands in an earlier file");
        }
        self.fault = self.read_form(&section).or_else(|| self.fault.take());
        section.finish();
    }

    fn read_form(&mut self, section: &Section<'_>) -> Option<FaultForm> {
        let product = section.need_text("product");
        let subject = section.text("subject");
        let system = section.text("system").map(|t| t.name());
        let repeats = section.text("repeats");
        let ended_by = section.texts("ended_by");
        let inform = section.text("inform").map(|t| self.names.refer(Kind::Template, &t));
        let fields = self.read_fields(section);
        if system.is_none() && (inform.is_some() || !ended_by.is_empty()) {
            let problem = "`inform` and `ended_by` are about the tickets of a `system`: name it";
            section.report.error(section.spot, problem);
        }
        if let Some(how) = repeats.as_ref().filter(|how| !REPEATS.contains(&how.as_str())) {
            let hint = hint(how.as_str(), REPEATS);
            let problem = format!("`repeats` is \"refuse\" or \"link\", not {:?}{hint}", how.value);
            section.report.error(how.spot, problem);
        }
        let product = product?;
        if fields.iter().any(|field| *field.name == *product.value) {
            let problem = format!("`{}` is the product's number, which every report states", product.value);
            section.report.error(product.spot, problem);
        }
        let subject =
            subject.map_or_else(|| "".into(), |text| form_subject(section, &text, &product, &fields));
        Some(FaultForm {
            product: product.name(),
            subject,
            system,
            links_repeats: repeats.is_some_and(|how| how.as_str() == "link"),
            ended_by: ended_by.iter().map(|t| t.value.trim().to_lowercase().into()).collect(),
            inform,
            fields,
        })
    }

    fn read_fields(&mut self, section: &Section<'_>) -> Vec<FaultField> {
        let mut fields: Vec<FaultField> = Vec::new();
        let mut asked: Vec<(Text, Name, Name)> = Vec::new();
        for one in section.sections("field") {
            let spot = one.spot;
            let Some(field) = self.read_field(one, &mut asked) else { continue };
            if fields.iter().any(|before| before.name == field.name) {
                section.report.error(spot, format!("field `{}` stands twice on the form", field.name));
            }
            fields.push(field);
        }
        if fields.len() > FIELDS_MAX {
            section.report.error(section.spot, format!("a form has at most {FIELDS_MAX} fields"));
        }
        for (text, of, value) in asked {
            let choices = fields.iter().find(|field| field.name == of).and_then(|field| match &field.kind {
                FieldKind::Choice(values) => Some(values),
                _ => None,
            });
            if !choices.is_some_and(|values| values.contains(&value)) {
                let problem = format!("the form has no choice `{of}` with a value `{value}`");
                section.report.error(text.spot, problem);
            }
        }
        fields
    }

    /// name, gloss, kind, choices, required, required_with, fact.
    fn read_field(
        &mut self,
        section: Section<'_>,
        asked: &mut Vec<(Text, Name, Name)>,
    ) -> Option<FaultField> {
        let name = section.need_text("name");
        section.text("gloss");
        let choices: Vec<Name> = section.texts("choices").iter().map(Text::name).collect();
        let kind = read_kind(&section, choices);
        let required = section.flag("required").unwrap_or(false);
        let mut required_with = Vec::new();
        for text in section.texts("required_with") {
            match text.as_str().split_once('=') {
                Some((of, value)) => {
                    let (of, value): (Name, Name) = (of.trim().into(), value.trim().into());
                    required_with.push((of.clone(), value.clone()));
                    asked.push((text, of, value));
                }
                None => {
                    let problem = format!("`{}` is not `choice=value`", text.value);
                    section.report.error(text.spot, problem);
                }
            }
        }
        let fact = section.text("fact");
        if let Some(fact) = &fact {
            self.check_fact(&section, fact, &kind);
        }
        let name = name.filter(|name| is_label(&section, name));
        section.finish();
        Some(FaultField { name: name?.name(), required, required_with, kind, fact: fact.map(|f| f.name()) })
    }

    /// Only what names nobody becomes a fact, and only one that is declared as a text.
    fn check_fact(&self, section: &Section<'_>, fact: &Text, kind: &FieldKind) {
        if !matches!(kind, FieldKind::Choice(_)) {
            let problem =
                "only a field with `choices` becomes a fact: other values name somebody and stay sealed";
            section.report.error(fact.spot, problem);
        }
        if self.vocabulary.type_of(Root::Case, fact.as_str()) != Some(FactType::Text) {
            let hint = hint(fact.as_str(), self.vocabulary.names(Root::Case));
            let problem = format!("`{}` is not declared as text in [facts.case]{hint}", fact.value);
            section.report.error(fact.spot, problem);
        }
    }
}

/// A label goes into subjects between braces.
fn is_label(section: &Section<'_>, name: &Text) -> bool {
    let fine = name.value.chars().count() <= 100 && !name.value.contains(['{', '}', '=']);
    if !fine {
        section
            .report
            .error(name.spot, "a field's name has at most 100 characters, without `{`, `}` and `=`");
    }
    fine
}

fn read_kind(section: &Section<'_>, choices: Vec<Name>) -> FieldKind {
    let kind = section.text("kind");
    if !choices.is_empty() {
        if let Some(kind) = kind {
            section.report.error(kind.spot, "a field has either `kind` or `choices`");
        }
        return FieldKind::Choice(choices);
    }
    let Some(kind) = kind else { return FieldKind::Text };
    match (kind.as_str(), FieldShape::of_str(kind.as_str())) {
        ("text", _) => FieldKind::Text,
        (_, Some(shape)) => FieldKind::Shape(shape),
        (other, None) => {
            let known = std::iter::once("text").chain(FieldShape::ALL.iter().map(|shape| shape.as_str()));
            let problem = format!("unknown kind `{other}`{}", hint(other, known));
            section.report.error(kind.spot, problem);
            FieldKind::Text
        }
    }
}

/// The subject with the product's label as `{{product}}`.
fn form_subject(section: &Section<'_>, text: &Text, product: &Text, fields: &[FaultField]) -> Name {
    let subject = text.value.replace(&format!("{{{{{}}}}}", product.value), "{{product}}");
    let known: Vec<&str> = SUBJECT_FIELDS.into_iter().chain(fields.iter().map(|f| &*f.name)).collect();
    if let Err(problem) = Template::check(&subject, &known) {
        section.report.error(text.spot, problem);
    }
    subject.into()
}
