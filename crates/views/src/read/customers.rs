//! Customers, and what they had with the desk.

use prost::Message;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params, params_from_iter};
use simpang_proto::log::v1 as log;
use simpang_proto::view::v1 as api;

use super::conversation::fields;
use super::filter::Condition;
use super::{Read, Snapshot, limited};
use crate::fold::folded;
use crate::row::{CaseRow, CustomerRow, int, uint};
use crate::store::ViewsError;

/// Cases of whoever wrote from an address.
const SAME_AUTHOR: &str = "id IN (SELECT case_id FROM parties WHERE author = ?1)";

/// Cases of whoever wrote on a case, by directory id or by the address they wrote from.
const SAME_PERSON: &str = "
    (id = ?1
     OR id IN (SELECT p.case_id FROM parties p JOIN parties q ON p.author = q.author WHERE q.case_id = ?1)
     OR (customer <> '' AND customer = (SELECT customer FROM cases WHERE id = ?1)))";

/// Most addresses that a person is looked for by.
const ADDRESSES_MAX: usize = 100;

/// Whom a history is of, as every desk of an installation knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Directory id; empty: not linked.
    pub customer: String,
    /// Keys of the addresses they wrote from, sorted.
    pub authors: Vec<Vec<u8>>,
}

impl Snapshot<'_> {
    pub(super) fn customer_name(&self, id: &str) -> Read<Option<String>> {
        let mut statement =
            self.conn.prepare_cached("SELECT name FROM customers WHERE id = ? AND removed = 0")?;
        Ok(statement.query_row([id], |row| row.get(0)).optional()?)
    }

    /// A customer as the directory has them.
    ///
    /// # Errors
    /// When the database fails.
    pub fn customer(&self, id: &str) -> Read<Option<api::Customer>> {
        let statement = format!("{}WHERE id = ?", CustomerRow::SELECT);
        Ok(self.rows(&statement, [id], CustomerRow::read)?.pop().map(|row| shown(&row)))
    }

    /// What a customer had with this desk, newest first. `author` is the key of the address that is asked for, if one
    /// is: making keys takes the installation's secret.
    ///
    /// # Errors
    /// [`ViewsError::Request`] unless exactly one of customer, case and address is given.
    pub fn customer_history(
        &self,
        request: &api::CustomerHistoryRequest,
        author: Option<&[u8]>,
    ) -> Read<api::CustomerHistoryResponse> {
        let (person, value) = match (request.customer.as_str(), request.case, author) {
            ("", 0, Some(author)) => (SAME_AUTHOR, Value::from(author.to_vec())),
            ("", case, None) if case != 0 => (SAME_PERSON, Value::from(int(case))),
            (customer, 0, None) if !customer.is_empty() => {
                ("customer = ?1", Value::from(customer.to_owned()))
            }
            _ => return Err(ViewsError::Request("give one of `customer`, `case` and `address`".into())),
        };
        let limit = i64::from(limited(request.limit, 50));
        let statement = format!("{}WHERE {person} ORDER BY id DESC LIMIT ?2", CaseRow::SELECT);
        let rows = self.rows(&statement, params![value, limit], CaseRow::read)?;
        let customer = match rows.iter().map(|row| row.customer.as_str()).find(|id| !id.is_empty()) {
            Some(id) => self.customer(id)?,
            None => self.customer(&request.customer)?,
        };
        let handled_by = self.rows(
            &format!(
                "SELECT agent FROM assignments WHERE offered = 0
                 AND case_id IN (SELECT id FROM cases WHERE {person}) GROUP BY agent ORDER BY max(seq) DESC, agent"
            ),
            params![value],
            |row| row.get(0),
        )?;
        let cases = rows.into_iter().map(|row| self.summary(row)).collect::<Read<_>>()?;
        let position = self.position()?;
        Ok(api::CustomerHistoryResponse { position, customer, cases, handled_by, ..Default::default() })
    }

    /// Whom a history is of that this desk was asked for, to be looked for on other desks.
    ///
    /// # Errors
    /// When the database fails.
    pub fn person(
        &self,
        request: &api::CustomerHistoryRequest,
        answer: &api::CustomerHistoryResponse,
        author: Option<&[u8]>,
    ) -> Read<Person> {
        let linked = answer.cases.iter().map(|case| &case.customer).find(|id| !id.is_empty());
        let customer = linked.unwrap_or(&request.customer).clone();
        let authors = match author {
            Some(author) => vec![author.to_vec()],
            None => self.rows(
                "SELECT DISTINCT author FROM parties WHERE case_id = ? ORDER BY author LIMIT ?",
                params![int(request.case), int(ADDRESSES_MAX as u64)],
                |row| row.get(0),
            )?,
        };
        Ok(Person { customer, authors })
    }

    /// What a person had with this desk, newest first, at most `limit` cases (0: 50).
    ///
    /// # Errors
    /// When the database fails.
    pub fn history_of(&self, person: &Person, limit: u32) -> Read<Vec<api::CaseSummary>> {
        let marks = vec!["?"; person.authors.len()].join(", ");
        let statement = format!(
            "{} WHERE (customer <> '' AND customer = ?)
             OR id IN (SELECT case_id FROM parties WHERE author IN ({marks})) ORDER BY id DESC LIMIT {}",
            CaseRow::SELECT,
            limited(limit, 50)
        );
        let authors = person.authors.iter().cloned().map(Value::from);
        let values = std::iter::once(Value::from(person.customer.clone())).chain(authors);
        let rows = self.rows(&statement, params_from_iter(values), CaseRow::read)?;
        rows.into_iter().map(|row| self.summary(row)).collect()
    }

    /// Customers of the directory.
    ///
    /// # Errors
    /// [`ViewsError::Request`] when nothing is asked for.
    pub fn find_customers(&self, request: &api::FindCustomersRequest) -> Read<api::FindCustomersResponse> {
        let mut condition = Condition::default();
        condition.and("removed = 0", []);
        let (id, name, value) = (&request.id, folded(&request.name), folded(&request.value));
        if id.is_empty() && name.is_empty() && value.is_empty() {
            return Err(ViewsError::Request("give at least one of `id`, `name` and `value`".into()));
        }
        if !id.is_empty() {
            condition.and("id = ?", [Value::from(id.clone())]);
        }
        if !name.is_empty() {
            condition.and("instr(folded_name, ?) > 0", [Value::from(name)]);
        }
        if !value.is_empty() {
            let known = "id IN (SELECT customer FROM customer_values WHERE value = ?)";
            condition.and(known, [Value::from(value)]);
        }
        let clause = condition.clause();
        let total = format!("SELECT count(*) FROM customers{clause}");
        let total = self.rows(&total, params_from_iter(&condition.values), |row| row.get(0).map(uint))?;
        let limit = limited(request.limit, 50);
        let statement = format!("{}{clause} ORDER BY id LIMIT {limit}", CustomerRow::SELECT);
        let found = self.rows(&statement, params_from_iter(&condition.values), CustomerRow::read)?;
        Ok(api::FindCustomersResponse {
            position: self.position()?,
            customers: found.iter().map(shown).collect(),
            total: total.first().copied().unwrap_or_default(),
        })
    }
}

fn shown(row: &CustomerRow) -> api::Customer {
    let record = log::CustomerRecord::decode(row.record.as_slice()).unwrap_or_default();
    let body = record.content.as_ref().map(|sealed| sealed.body.as_ref()).unwrap_or_default();
    let content = log::CustomerContent::decode(body).unwrap_or_default();
    let customer = record.customer.unwrap_or_default();
    let identity = |i: log::Identity| api::Identity { channel: i.channel, address: i.address };
    api::Customer {
        id: row.id.clone(),
        name: content.name,
        segment: customer.segment,
        profession: customer.profession,
        facts: customer.facts.into_iter().map(fact).collect(),
        identities: content.identities.into_iter().map(identity).collect(),
        profile: fields(content.profile),
        removed: row.removed,
    }
}

fn fact(fact: log::Fact) -> api::Fact {
    use api::fact::Value as Shown;
    use log::fact::Value as Known;
    let value = fact.value.map(|value| match value {
        Known::Text(text) => Shown::Text(text),
        Known::Number(number) => Shown::Number(number),
        Known::Flag(flag) => Shown::Flag(flag),
        Known::Texts(texts) => Shown::Texts(api::Texts { items: texts.items }),
    });
    api::Fact { name: fact.name, value }
}
