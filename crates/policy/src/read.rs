//! Reads TOML tables key by key, remembers which keys are known, and reports everything that is wrong at once, with its
//! place. It knows nothing of what the keys mean.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::{Report, Spot, Text, hint};
use crate::quantity;

/// Longest text a policy may hold, bytes.
const TEXT_MAX: usize = 20_000;

/// One table of a file.
pub(crate) struct Section<'a> {
    pub(crate) report: &'a Report<'a>,
    pub(crate) spot: Spot,
    table: &'a DeTable<'a>,
    what: String,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// A table; `what` names it in messages, such as `[[queue]]`.
    pub(crate) fn new(
        report: &'a Report<'a>,
        spot: Spot,
        table: &'a DeTable<'a>,
        what: impl Into<String>,
    ) -> Self {
        Self { report, spot, table, what: what.into(), known: RefCell::default() }
    }

    /// Reports the keys nobody asked for.
    pub(crate) fn finish(self) {
        let known = self.known.borrow();
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let hint = hint(name, known.iter().copied());
                self.report
                    .error(self.at(&key.span()), format!("unknown key `{name}` in {}{hint}", self.what));
            }
        }
    }

    /// A required text that is not empty.
    pub(crate) fn need_text(&self, key: &'static str) -> Option<Text> {
        if self.has(key) {
            return self.text(key);
        }
        self.missing(key);
        None
    }

    /// An optional text; an empty one is an error, since it says nothing.
    pub(crate) fn text(&self, key: &'static str) -> Option<Text> {
        let value = self.value(key)?;
        self.as_text(value, key)
    }

    /// An optional list of texts; a single text is a list of one.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<Text> {
        match self.value(key) {
            None => Vec::new(),
            Some(value) => match value.get_ref() {
                DeValue::Array(items) => items.iter().filter_map(|item| self.as_text(item, key)).collect(),
                _ => self.as_text(value, key).into_iter().collect(),
            },
        }
    }

    /// An optional duration, ms.
    pub(crate) fn millis(&self, key: &'static str) -> Option<i64> {
        let text = self.text(key)?;
        let millis = quantity::millis(text.as_str());
        if millis.is_none() {
            let wrong = text.as_str();
            self.report.error(
                text.spot,
                format!(
                    "`{key}` is not a duration: {wrong:?}; write such as \"30s\", \"15m\", \"4h\", \"30d\""
                ),
            );
        }
        millis
    }

    /// A required duration, ms.
    pub(crate) fn need_millis(&self, key: &'static str) -> Option<i64> {
        if !self.has(key) {
            self.missing(key);
        }
        self.millis(key)
    }

    /// An optional whole number within bounds.
    pub(crate) fn number(&self, key: &'static str, bounds: Range<i64>) -> Option<i64> {
        let value = self.value(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(digits) => {
                i64::from_str_radix(&digits.as_str().replace('_', ""), digits.radix()).ok()
            }
            _ => None,
        };
        let good = number.filter(|n| bounds.contains(n));
        if good.is_none() {
            let (least, most) = (bounds.start, bounds.end - 1);
            self.report.error(
                self.at(&value.span()),
                format!("`{key}` must be a whole number from {least} to {most}"),
            );
        }
        good
    }

    /// An optional list of whole numbers within bounds.
    pub(crate) fn numbers(&self, key: &'static str, bounds: &Range<i64>) -> Vec<i64> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.report.error(self.at(&value.span()), format!("`{key}` must be a list of whole numbers"));
            return Vec::new();
        };
        let mut numbers = Vec::new();
        for item in items {
            let number = match item.get_ref() {
                DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok(),
                _ => None,
            };
            match number.filter(|n| bounds.contains(n)) {
                Some(number) => numbers.push(number),
                None => self.report.error(
                    self.at(&item.span()),
                    format!("`{key}` holds whole numbers from {} to {}", bounds.start, bounds.end - 1),
                ),
            }
        }
        numbers
    }

    /// An optional yes or no.
    pub(crate) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.report.error(self.at(&value.span()), format!("`{key}` must be true or false"));
        }
        flag
    }

    /// An optional table.
    pub(crate) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let value = self.value(key)?;
        let what = format!("[{}]", self.path(key));
        self.as_section(value, key, what)
    }

    /// A list of tables (`[[key]]`); a single table is a list of one.
    pub(crate) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let what = format!("[[{}]]", self.path(key));
        match value.get_ref() {
            DeValue::Array(items) => {
                items.iter().filter_map(|item| self.as_section(item, key, what.clone())).collect()
            }
            _ => self.as_section(value, key, what).into_iter().collect(),
        }
    }

    /// All entries, for tables whose keys are the policy's own names.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Text, &'a Spanned<DeValue<'a>>)> {
        self.table.iter().map(|(key, value)| {
            let span = key.span();
            let text = Text { value: key.get_ref().to_string(), spot: self.at(&span), end: span.end };
            (text, value)
        })
    }

    /// A value of [`Self::entries`] as a text.
    pub(crate) fn as_text(&self, value: &Spanned<DeValue<'a>>, key: &str) -> Option<Text> {
        let (spot, end) = (self.at(&value.span()), value.span().end);
        match value.get_ref() {
            DeValue::String(text) if text.is_empty() => {
                self.report.error(spot, format!("`{key}` is empty; leave the key out instead"));
                None
            }
            DeValue::String(text) if text.len() > TEXT_MAX => {
                self.report.error(spot, format!("`{key}` is longer than {TEXT_MAX} bytes"));
                None
            }
            DeValue::String(text) => Some(Text { value: text.to_string(), spot, end }),
            other => {
                self.report.error(spot, format!("`{key}` must be a text, not {}", other.type_str()));
                None
            }
        }
    }

    /// A value of [`Self::entries`] as texts.
    pub(crate) fn as_texts(&self, value: &Spanned<DeValue<'a>>, key: &str) -> Vec<Text> {
        match value.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(|item| self.as_text(item, key)).collect(),
            _ => self.as_text(value, key).into_iter().collect(),
        }
    }

    /// A value of [`Self::entries`] as a table.
    pub(crate) fn as_section(
        &self,
        value: &'a Spanned<DeValue<'a>>,
        key: &str,
        what: impl Into<String>,
    ) -> Option<Section<'a>> {
        let spot = self.at(&value.span());
        let what = what.into();
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(self.report, spot, table, what)),
            other => {
                self.report.error(spot, format!("`{key}` must be a table {what}, not {}", other.type_str()));
                None
            }
        }
    }

    /// Whether the key stands there.
    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// Where a key's value stands; the table's own place when it does not.
    pub(crate) fn spot_of(&self, key: &'static str) -> Spot {
        self.value(key).map_or(self.spot, |value| self.at(&value.span()))
    }

    /// Reports that a required key is not there.
    pub(crate) fn missing(&self, key: &'static str) {
        self.known.borrow_mut().push(key);
        self.report.error(self.spot, format!("`{key}` is missing in {}", self.what));
    }

    fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.table.get(key)
    }

    fn at(&self, span: &Range<usize>) -> Spot {
        Spot { file: self.spot.file, at: span.start }
    }

    fn path(&self, key: &str) -> String {
        let parent = self.what.trim_matches(['[', ']']);
        if self.what.starts_with('[') { format!("{parent}.{key}") } else { key.to_owned() }
    }
}
