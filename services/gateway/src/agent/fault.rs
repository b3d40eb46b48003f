//! Fault reports. Values go sealed; beside them stands what they look like, so that the desk's core can hold them
//! against the policy's form without reading them.

use prost::Message;
use simpang_proto::agent::v1 as api;
use simpang_proto::log::v1::command::Body;
use simpang_proto::log::v1::{self as log, FieldShape, Sealed, Sealing};

use super::case::on_case;
use super::talk::fields;
use crate::check::{self, Invalid};
use crate::command::{Ask, Head};

impl Ask for api::ReportFaultRequest {
    const METHOD: &'static str = "simpang.agent.v1.Agent/ReportFault";

    fn head(&self) -> Head<'_> {
        on_case(&self.desk, &self.request_id, self.case, self.seen_messages)
    }

    fn body(self) -> Result<Body, Invalid> {
        check::chars("product", &self.product, 1, 64)?;
        let fields = fields(self.fields)?;
        let filled = fields.iter().filter(|field| !field.value.trim().is_empty());
        let mut filled: Vec<log::FilledField> = filled
            .map(|field| log::FilledField { name: field.name.clone(), shapes: shapes(&field.value) })
            .collect();
        filled.sort_by(|a, b| a.name.cmp(&b.name));
        let content = log::FaultContent { product: self.product, fields };
        let sealed = Sealed { sealing: Sealing::None.into(), body: content.encode_to_vec().into() };
        Ok(Body::ReportFault(log::ReportFault {
            // The command's key is made where the keys are.
            product: Default::default(),
            filled,
            choices: choices(self.choices)?,
            repeats: self.repeats,
            content: Some(sealed),
        }))
    }
}

fn choices(given: Vec<api::Field>) -> Result<Vec<log::Attribute>, Invalid> {
    let mut choices = fields(given)?;
    for choice in &mut choices {
        let name = choice.name.clone();
        check::chars(format_args!("choices.{name}"), &choice.value, 0, 200)?;
        choice.value = choice.value.trim().to_owned();
    }
    choices.retain(|choice| !choice.value.is_empty());
    choices.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(choices)
}

/// What a value looks like, in order of the numbers.
fn shapes(value: &str) -> Vec<i32> {
    let value = value.trim();
    let tests = [
        (FieldShape::Number, is_number(value)),
        (FieldShape::Phone, is_phone(value)),
        (FieldShape::Mail, is_mail(value)),
        (FieldShape::Time, is_time(value)),
    ];
    tests.iter().filter(|(_, fits)| *fits).map(|(shape, _)| i32::from(*shape)).collect()
}

fn is_number(value: &str) -> bool {
    (1..=30).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit())
}

fn is_phone(value: &str) -> bool {
    let rest = value.strip_prefix('+').unwrap_or(value);
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    (8..=15).contains(&digits) && rest.chars().all(|c| c.is_ascii_digit() || " .-()".contains(c))
}

fn is_mail(value: &str) -> bool {
    let Some((local, domain)) = value.split_once('@') else { return false };
    let clean = !value.chars().any(|c| c.is_whitespace() || c.is_control());
    let labels = domain.split('.').filter(|label| !label.is_empty()).count();
    clean && !local.is_empty() && labels >= 2 && labels == domain.split('.').count() && !domain.contains('@')
}

/// `2026-11-22` or `2026-11-22 14:30`.
fn is_time(value: &str) -> bool {
    let (day, time) = value.split_once([' ', 'T']).unwrap_or((value, "00:00"));
    let day: Vec<Option<u32>> = numbers(day, '-', &[4, 2, 2]);
    let time: Vec<Option<u32>> = numbers(time, ':', &[2, 2]);
    let day = matches!(day[..], [Some(1900..=9999), Some(1..=12), Some(1..=31)]);
    day && matches!(time[..], [Some(0..=23), Some(0..=59)])
}

/// The numbers between separators, each with so many digits.
fn numbers(text: &str, separator: char, digits: &[usize]) -> Vec<Option<u32>> {
    let parts: Vec<&str> = text.split(separator).collect();
    if parts.len() != digits.len() {
        return Vec::new();
    }
    let number = |(part, digits): (&&str, &usize)| {
        let plain = part.len() == *digits && part.bytes().all(|b| b.is_ascii_digit());
        if plain { part.parse().ok() } else { None }
    };
    parts.iter().zip(digits).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_by_its_shape() {
        use FieldShape::{Mail, Number, Phone, Time};
        let rows: [(&str, &[FieldShape]); 10] = [
            ("122243215678", &[Number, Phone]),
            ("+62 812-3456-789", &[Phone]),
            ("0812", &[Number]),
            ("ani@telkom.example", &[Mail]),
            ("ani@", &[]),
            ("ani @telkom.example", &[]),
            ("2026-11-22", &[Phone, Time]),
            ("2026-11-22 14:30", &[Time]),
            ("2026-13-22", &[Phone]),
            ("Suwarni", &[]),
        ];
        for (value, wanted) in rows {
            let wanted: Vec<i32> = wanted.iter().map(|shape| i32::from(*shape)).collect();
            assert_eq!(shapes(value), wanted, "{value}");
        }
    }

    #[test]
    fn a_report_states_what_is_filled_in_and_seals_the_values() {
        let field = |name: &str, value: &str| api::Field { name: name.into(), value: value.into() };
        let request = api::ReportFaultRequest {
            product: "1222 4321".into(),
            fields: vec![field("Nama Pelapor", "Suwarni"), field("Email", " ")],
            choices: vec![field("Urgency", " Hard "), field("Booking", "")],
            ..api::ReportFaultRequest::default()
        };
        let Body::ReportFault(report) = request.body().unwrap() else { panic!("another command") };
        assert_eq!(report.filled.len(), 1, "blank is not filled in");
        assert_eq!(report.choices, [log::Attribute { name: "Urgency".into(), value: "Hard".into() }]);
        let content = log::FaultContent::decode(report.content.unwrap().body).unwrap();
        assert_eq!((content.product.as_str(), content.fields.len()), ("1222 4321", 2));
    }
}
