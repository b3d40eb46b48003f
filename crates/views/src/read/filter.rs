//! Conditions on cases, as SQL with its values; and words to search, as an FTS5 expression.

use rusqlite::types::Value;
use simpang_proto::view::v1 as api;

use super::Read;
use crate::fold::product_number;
use crate::row::list;
use crate::store::ViewsError;

/// Longest text to search, in characters.
const QUERY_CHARS: usize = 500;

/// A condition with its values, in order.
#[derive(Debug, Default)]
pub(super) struct Condition {
    parts: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Condition {
    /// The cases that a filter lets through.
    pub(super) fn of(filter: &api::CaseFilter) -> Read<Self> {
        let mut all = Self::default();
        all.states(filter);
        all.any("queue", &filter.queues);
        all.any("assignee", &filter.assignees);
        all.any("priority", &filter.priorities);
        all.any("segment", &filter.segments);
        all.any("customer", &filter.customers);
        all.any("campaign", &filter.campaigns);
        if filter.channel != 0 {
            all.and("channel = ?", [Value::from(filter.channel)]);
        }
        all.category(&filter.category);
        if !filter.text.is_empty() {
            let said = "id IN (SELECT case_id FROM said WHERE id IN (SELECT rowid FROM search WHERE search MATCH ?))";
            all.and(said, [Value::from(words(&filter.text)?)]);
        }
        if !filter.reference.is_empty() {
            let linked = "id IN (SELECT case_id FROM refs WHERE number = ?)";
            all.and(linked, [Value::from(filter.reference.clone())]);
        }
        if !filter.product.is_empty() {
            let reported = "id IN (SELECT case_id FROM faults WHERE number = ?)";
            all.and(reported, [Value::from(product_number(&filter.product))]);
        }
        if filter.breached {
            all.and("breached = 1", []);
        }
        if filter.unanswered {
            all.and("unanswered = 1", []);
        }
        if filter.opened_from_ms != 0 {
            all.and("opened_ms >= ?", [Value::from(filter.opened_from_ms)]);
        }
        if filter.opened_to_ms != 0 {
            all.and("opened_ms < ?", [Value::from(filter.opened_to_ms)]);
        }
        Ok(all)
    }

    /// Narrows by one more condition.
    pub(super) fn and(&mut self, part: &str, values: impl IntoIterator<Item = Value>) {
        self.parts.push(part.to_owned());
        self.values.extend(values);
    }

    /// Narrows to rows whose column has one of these values; none: any.
    pub(super) fn any(&mut self, column: &str, values: &[String]) {
        if !values.is_empty() {
            let marks = vec!["?"; values.len()].join(", ");
            self.and(&format!("{column} IN ({marks})"), values.iter().cloned().map(Value::from));
        }
    }

    /// Narrows to these cases, however many.
    pub(super) fn cases(&mut self, cases: impl IntoIterator<Item = i64>) {
        let list = serde_json::Value::from_iter(cases).to_string();
        self.and("id IN (SELECT value FROM json_each(?))", [Value::from(list)]);
    }

    /// Narrows to rows whose column has one of these numbers.
    pub(super) fn numbers(&mut self, column: &str, values: impl IntoIterator<Item = i64>) {
        let values: Vec<Value> = values.into_iter().map(Value::from).collect();
        let marks = vec!["?"; values.len()].join(", ");
        self.and(&format!("{column} IN ({marks})"), values);
    }

    /// ` WHERE …`, or nothing.
    pub(super) fn clause(&self) -> String {
        if self.parts.is_empty() { String::new() } else { format!(" WHERE {}", self.parts.join(" AND ")) }
    }

    fn states(&mut self, filter: &api::CaseFilter) {
        let states: Vec<i64> = filter.states.iter().map(|state| i64::from(*state)).collect();
        match (states.is_empty(), filter.with_closed) {
            (true, true) => {}
            (true, false) => self.numbers("state", 0..api::CaseState::Closed as i64),
            (false, _) => self.numbers("state", states),
        }
    }

    /// A path is kept as a JSON list: it and all below it begin with the same text.
    pub(super) fn category(&mut self, path: &[String]) {
        if path.is_empty() {
            return;
        }
        let exact = list(path);
        let below = format!("{},", exact.trim_end_matches(']'));
        let length = i64::try_from(below.chars().count()).unwrap_or(i64::MAX);
        let values = [Value::from(exact), Value::from(length), Value::from(below)];
        self.and("(category = ? OR substr(category, 1, ?) = ?)", values);
    }
}

/// What a person typed, as an FTS5 expression: every word is quoted, so that nothing in it is an operator.
pub(super) fn words(query: &str) -> Read<String> {
    let too_long = query.chars().nth(QUERY_CHARS).is_some();
    let words: Vec<String> = split(query).into_iter().filter_map(|word| quoted(&word)).collect();
    if too_long || words.is_empty() {
        let what = "the words to search: write 1 to 500 characters with at least one letter or digit";
        return Err(ViewsError::Request(what.into()));
    }
    Ok(words.join(" "))
}

/// Words at spaces, phrases at quotation marks.
fn split(query: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (n, piece) in query.split('"').enumerate() {
        if n % 2 == 1 {
            words.push(piece.trim().to_owned());
        } else {
            words.extend(piece.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn quoted(word: &str) -> Option<String> {
    let beginning = if word.ends_with('*') { "*" } else { "" };
    let word = word.trim_end_matches('*').replace('\0', " ");
    word.chars().any(char::is_alphanumeric).then(|| format!("\"{}\"{beginning}", word.replace('"', "\"\"")))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn what_people_type_is_never_an_operator() {
        let rows = [
            ("internet mati", "\"internet\" \"mati\""),
            ("inter*", "\"inter\"*"),
            ("\"tidak bisa\" connect", "\"tidak bisa\" \"connect\""),
            ("a OR b NEAR(c)", "\"a\" \"OR\" \"b\" \"NEAR(c)\""),
            ("open \" quote", "\"open\" \"quote\""),
            ("- budi@example.id", "\"budi@example.id\""),
            ("\"text:x\"", "\"text:x\""),
        ];
        for (typed, wanted) in rows {
            assert_eq!(words(typed).unwrap(), wanted, "{typed}");
        }
        for nothing in ["", "  ", "* - \"", &"x".repeat(501)] {
            assert!(words(nothing).is_err(), "{nothing}");
        }
    }
}
