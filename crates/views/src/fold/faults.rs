//! Fault reports.

use prost::Message;
use rusqlite::params;
use serde_json::json;
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::command::Body as Asked;

use super::cases::with_facts;
use super::figures::FAULT;
use super::{At, Done, Fold};
use crate::row::{FaultRow, int};
use crate::sentence::plain;

impl Fold<'_> {
    pub(super) fn fault_reported(&mut self, at: At, e: &log::FaultReported) -> Done {
        let report = match self.command(at)? {
            Some(Asked::ReportFault(report)) => report,
            _ => log::ReportFault::default(),
        };
        let case = self.case(at, e.case)?;
        case.facts = with_facts(&case.facts, &e.facts);
        self.took(e.case, FAULT)?;
        let content = report.content.map(|sealed| sealed.body.to_vec()).unwrap_or_default();
        let said = log::FaultContent::decode(content.as_slice()).unwrap_or_default();
        let choices: Vec<_> = report.choices.iter().map(|c| (&c.name, &c.value)).collect();
        let subject = subject(e, &said, &report.choices);
        let row = FaultRow {
            seq: at.seq,
            idx: at.idx,
            case_id: int(e.case),
            at_ms: at.at_ms,
            agent: e.agent.clone(),
            product: e.product.to_vec(),
            number: product_number(&said.product),
            subject: subject.clone(),
            system: e.system.clone(),
            repeats: int(e.repeats),
            content,
            choices: json!(choices).to_string(),
            ended_ms: 0,
            ended_by: String::new(),
        };
        row.write(self.conn)?;
        let values: Vec<&str> = said.fields.iter().map(|field| field.value.as_str()).collect();
        let (seq, idx) = at.input;
        self.said((seq, idx, 0), "fault", e.case, at.at_ms, &subject, &values.join("\n"))
    }

    pub(super) fn fault_ended(&mut self, at: At, e: &log::FaultEnded) -> Done {
        self.case(at, e.case)?;
        let why = plain(e.reason().as_str_name(), "FAULT_END_");
        let statement = "UPDATE faults SET ended_ms = ?, ended_by = ?
            WHERE case_id = ? AND product = ? AND repeats = 0 AND ended_ms = 0";
        let values = params![at.at_ms, why, int(e.case), &e.product[..]];
        self.conn.prepare_cached(statement)?.execute(values)?;
        Ok(())
    }

    /// What a forgotten case still had open is not held against a new report.
    pub(super) fn faults_forgotten(&mut self, at: At, case: u64) -> Done {
        let statement = "UPDATE faults SET ended_ms = ?, ended_by = 'case'
            WHERE case_id = ? AND repeats = 0 AND ended_ms = 0";
        self.conn.prepare_cached(statement)?.execute(params![at.at_ms, int(case)])?;
        Ok(())
    }
}

/// A product's number as it is compared: its letters, small, and digits.
pub(crate) fn product_number(number: &str) -> String {
    number.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The subject with its fields filled in; what a report does not say is left empty (G4).
fn subject(e: &log::FaultReported, said: &log::FaultContent, choices: &[log::Attribute]) -> String {
    let value = |field: &str| match field {
        "case" => e.case.to_string(),
        "agent" => e.agent.clone(),
        "product" => said.product.clone(),
        name => {
            let found = said.fields.iter().chain(choices).find(|field| field.name == name);
            found.map(|field| field.value.trim().to_owned()).unwrap_or_default()
        }
    };
    let (mut filled, mut rest) = (String::new(), e.subject.as_str());
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((field, after)) = after.split_once("}}") else { break };
        filled.push_str(before);
        filled.push_str(&value(field.trim()));
        rest = after;
    }
    filled + rest
}
