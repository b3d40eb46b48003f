//! Bounds of what may come in. Checked before anything is written, so that a refusal leaves no trace on the log.

use std::collections::BTreeSet;
use std::fmt::Display;

use tonic::Status;

/// A text by a person: notes, replies, remarks. Well under what one input may carry.
pub(crate) const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Facts, fields, skills, groups, queues in one list.
pub(crate) const LIST_MAX: usize = 100;

/// A field that is missing or out of bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invalid {
    field: String,
    reason: String,
}

impl Invalid {
    pub(crate) fn new(field: impl Display, reason: impl Display) -> Self {
        Self { field: field.to_string(), reason: reason.to_string() }
    }
}

impl From<Invalid> for Status {
    fn from(invalid: Invalid) -> Self {
        Status::invalid_argument(format!("`{}` {}", invalid.field, invalid.reason))
    }
}

/// A text of so many characters.
pub(crate) fn chars(field: impl Display, text: &str, at_least: usize, at_most: usize) -> Result<(), Invalid> {
    // Counting stops where it has to, whatever the length of the text.
    let count = text.chars().take(at_most + 1).count();
    if (at_least..=at_most).contains(&count) {
        return Ok(());
    }
    let reason = match (count < at_least, at_least) {
        (true, 1) => "is missing".to_owned(),
        _ => format!("has to have {at_least} to {at_most} characters"),
    };
    Err(Invalid::new(field, reason))
}

/// A person's text, of so many bytes at least.
pub(crate) fn text(field: impl Display, text: &str, at_least: usize) -> Result<(), Invalid> {
    match text.len() {
        length if length < at_least => Err(Invalid::new(field, "is missing")),
        length if length > TEXT_BYTES_MAX => {
            Err(Invalid::new(field, format!("has {length} bytes, at most {TEXT_BYTES_MAX} are taken")))
        }
        _ => Ok(()),
    }
}

/// How many there are of something.
pub(crate) fn count(
    field: impl Display,
    count: usize,
    at_least: usize,
    at_most: usize,
) -> Result<(), Invalid> {
    if (at_least..=at_most).contains(&count) {
        return Ok(());
    }
    Err(Invalid::new(field, format!("has to be {at_least} to {at_most}, not {count}")))
}

/// The request id of a command.
pub(crate) fn request_id(id: &str) -> Result<(), Invalid> {
    chars("request_id", id, 1, 128)
}

/// A category or disposition path, from the top down.
pub(crate) fn path(field: &str, path: &[String], at_least: usize) -> Result<(), Invalid> {
    count(field, path.len(), at_least, 16)?;
    path.iter().enumerate().try_for_each(|(i, part)| chars(format_args!("{field}[{i}]"), part, 1, 200))
}

/// An enumeration's number that names something.
pub(crate) fn named<E: TryFrom<i32>>(field: &str, number: i32) -> Result<i32, Invalid> {
    match E::try_from(number) {
        Ok(_) if number != 0 => Ok(number),
        _ => Err(Invalid::new(field, format!("has to name one of its values, not {number}"))),
    }
}

/// An enumeration's number that names something, or nothing.
pub(crate) fn named_or_none<E: TryFrom<i32>>(field: &str, number: i32) -> Result<i32, Invalid> {
    if number == 0 { Ok(0) } else { named::<E>(field, number) }
}

/// Each only once.
pub(crate) fn once<T: Ord + Display>(field: &str, items: impl IntoIterator<Item = T>) -> Result<(), Invalid> {
    let mut seen = BTreeSet::new();
    for item in items {
        if let Some(twice) = seen.replace(item) {
            return Err(Invalid::new(field, format!("has `{twice}` more than once")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use simpang_proto::log::v1::Presence;

    use super::*;

    #[test]
    fn bounds_hold_at_their_edges() {
        assert!(chars("f", "", 0, 2).is_ok());
        assert!(chars("f", "", 1, 2).is_err());
        assert!(chars("f", "éé", 1, 2).is_ok(), "characters, not bytes");
        assert!(chars("f", "ééé", 1, 2).is_err());
        assert!(text("f", &"x".repeat(TEXT_BYTES_MAX), 1).is_ok());
        assert!(text("f", &"x".repeat(TEXT_BYTES_MAX + 1), 1).is_err());
        assert!(text("f", "", 1).is_err());
        assert!(count("f", 100, 1, 100).is_ok());
        assert!(count("f", 101, 1, 100).is_err());
        assert!(request_id(&"r".repeat(128)).is_ok());
        assert!(request_id(&"r".repeat(129)).is_err());
        assert!(path("f", &vec![String::from("a"); 17], 0).is_err());
        assert!(path("f", &[String::new()], 0).is_err());
    }

    #[test]
    fn a_refusal_names_the_field_and_the_bound() {
        let status = Status::from(count("count", 0, 1, 100).unwrap_err());
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert_eq!(status.message(), "`count` has to be 1 to 100, not 0");
    }

    #[test]
    fn an_enumeration_is_named_or_refused() {
        assert_eq!(named::<Presence>("presence", 1), Ok(1));
        assert!(named::<Presence>("presence", 0).is_err());
        assert!(named::<Presence>("presence", 77).is_err());
        assert_eq!(named_or_none::<Presence>("presence", 0), Ok(0));
        assert!(named_or_none::<Presence>("presence", -1).is_err());
    }

    #[test]
    fn a_list_has_each_once() {
        assert!(once("f", ["a", "b"]).is_ok());
        assert_eq!(once("f", ["a", "b", "a"]), Err(Invalid::new("f", "has `a` more than once")));
    }
}
