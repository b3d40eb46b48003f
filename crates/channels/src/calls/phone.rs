//! Phone numbers as people write them to E.164, Indonesia first.

use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, Type, country};
use unicode_normalization::UnicodeNormalization;

use crate::guard::fenced;

/// Why a cell holds no number that can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Nothing in it.
    #[error("no phone number")]
    Missing,
    /// Excel made a short form of it and lost digits.
    #[error("the phone number lost digits in Excel (a form like 6.28E+12): format the column as text")]
    LostDigits,
    /// A service's short code.
    #[error("the phone number is a short code or a service number, which a campaign does not call")]
    Service,
    /// No valid number.
    #[error("not a valid phone number")]
    Invalid,
}

/// Longest cell that is looked at.
const CELL_CHARS_MAX: usize = 200;
/// Most numbers of one cell.
const NUMBERS_MAX: usize = 5;

/// The numbers of a cell in E.164, in the order written, without repeats; at least one.
///
/// # Errors
/// When it holds none that can be called; the reason of the first.
pub fn numbers_in_cell(cell: &str) -> Result<Vec<String>, PhoneError> {
    let normal: String = cell.nfkc().take(CELL_CHARS_MAX).collect();
    let normal = normal.trim().trim_start_matches(['\'', '=']).trim_matches(['"', ' ']).to_owned();
    if normal.is_empty() || matches!(normal.as_str(), "-" | "0" | "n/a" | "N/A" | "null" | "NULL") {
        return Err(PhoneError::Missing);
    }
    let pieces = pieces(&normal);
    let whole = to_e164(&normal);
    if let (Ok(number), [_]) = (&whole, &pieces[..]) {
        return Ok(vec![number.clone()]);
    }
    let mut found: Vec<String> = Vec::new();
    for piece in pieces {
        if let Ok(number) = to_e164(&piece)
            && !found.contains(&number)
            && found.len() < NUMBERS_MAX
        {
            found.push(number);
        }
    }
    if found.is_empty() { whole.map(|n| vec![n]) } else { Ok(found) }
}

/// The parts of a cell that may be numbers of their own.
fn pieces(cell: &str) -> Vec<String> {
    let lower = cell.to_lowercase();
    let words =
        [" atau ", " or ", " dan ", " and ", "\n"].iter().fold(lower, |text, word| text.replace(word, "/"));
    let mut strong: Vec<String> =
        words.split(['/', ';', ',', '|', '&']).map(|p| p.trim().to_owned()).collect();
    // `021/8350123` is one number: area code and subscriber.
    let area = |p: &String| {
        p.starts_with('0') && (3..=4).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit())
    };
    if strong.len() > 1 && area(&strong[0]) {
        let code = strong.remove(0);
        strong[0].insert_str(0, &code);
    }
    let mut pieces = Vec::new();
    for piece in strong {
        // Blanks separate numbers only where each part is long enough to be one.
        let by_blank: Vec<&str> = piece.split_whitespace().collect();
        let long = |p: &&str| p.chars().filter(char::is_ascii_digit).count() >= 9;
        if by_blank.len() > 1 && by_blank.iter().all(long) {
            pieces.extend(by_blank.into_iter().map(str::to_owned));
        } else {
            pieces.push(piece);
        }
    }
    pieces
}

/// One number in E.164.
///
/// # Errors
/// When it is none that can be called.
pub fn to_e164(text: &str) -> Result<String, PhoneError> {
    let text: String = text.nfkc().take(CELL_CHARS_MAX).collect();
    let digits = digits(&text)?;
    let international = with_country(&digits)?;
    let parsed = fenced(|| phonenumber::parse(Some(country::ID), &international).ok()).flatten();
    let number = parsed.ok_or(PhoneError::Invalid)?;
    let (valid, kind) =
        fenced(|| (number.is_valid(), number.number_type(&DATABASE))).ok_or(PhoneError::Invalid)?;
    if !valid {
        return Err(PhoneError::Invalid);
    }
    match kind {
        Type::FixedLine | Type::Mobile | Type::FixedLineOrMobile | Type::PersonalNumber | Type::Voip => {}
        Type::Unknown => return Err(PhoneError::Invalid),
        _ => return Err(PhoneError::Service),
    }
    fenced(|| number.format().mode(Mode::E164).to_string()).ok_or(PhoneError::Invalid)
}

/// Digits with a leading `+` where written, from links, forms and Excel's damage.
fn digits(text: &str) -> Result<String, PhoneError> {
    let lower = text.trim().to_lowercase();
    let lower = lower.trim_start_matches(['\'', '=', '"']);
    if let Some(number) = excel_number(lower) {
        return number;
    }
    let start =
        ["https://", "http://", "www.", "wa.me/", "api.whatsapp.com/send?phone=", "tel:", "whatsapp:"]
            .iter()
            .fold(lower, |rest, prefix| rest.strip_prefix(prefix).unwrap_or(rest));
    let linked = start.len() != lower.len();
    let start = if linked { start.split(['?', '&', ';']).next().unwrap_or_default() } else { start };
    let main = without_extension(start);
    if main.chars().any(|c| c.is_alphabetic()) && !known_words(main) {
        return Err(PhoneError::Invalid);
    }
    let mut out = String::new();
    for c in main.chars() {
        match c.to_digit(10) {
            Some(digit) => out.extend(char::from_digit(digit, 10)),
            None if c == '+' && out.is_empty() => out.push('+'),
            None if c.is_numeric() => out.extend(arabic_digit(c)),
            // A second plus or an ampersand begins another number.
            None if c == '+' => return Err(PhoneError::Invalid),
            None => {}
        }
    }
    if out.trim_start_matches('+').is_empty() {
        return Err(PhoneError::Missing);
    }
    Ok(out)
}

/// Digits of Arabic and Persian script, which NFKC leaves as they are.
fn arabic_digit(c: char) -> Option<char> {
    let base = match c {
        '\u{660}'..='\u{669}' => 0x660,
        '\u{6f0}'..='\u{6f9}' => 0x6f0,
        _ => return None,
    };
    char::from_digit(u32::from(c) - base, 10)
}

/// Labels people write in front of a number.
fn known_words(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty());
    words.into_iter().all(|w| {
        ["hp", "tel", "telp", "tlp", "wa", "no", "nomor", "phone", "fax", "cp", "rumah"].contains(&w)
    })
}

/// `6.28123E+12`, `8,12346E+10`, `6281234567890.0`: the number where no digit is lost.
fn excel_number(text: &str) -> Option<Result<String, PhoneError>> {
    if let Some(whole) =
        text.strip_suffix(".0").filter(|w| w.bytes().all(|b| b.is_ascii_digit()) && w.len() > 6)
    {
        return Some(Ok(whole.to_owned()));
    }
    let (mantissa, exponent) = text.split_once("e+")?;
    let exponent: usize = exponent.parse().ok().filter(|e| *e <= 20)?;
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, ""));
    let numeric = !whole.is_empty() && whole.len() + fraction.len() <= 20;
    if !numeric || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Excel shows as many digits as fit; one digit short of the exponent may still be a zero that it left out.
    if fraction.len() + 1 < exponent || fraction.len() > exponent {
        return Some(Err(PhoneError::LostDigits));
    }
    let zeros = "0".repeat(exponent - fraction.len());
    Some(Ok(format!("{whole}{fraction}{zeros}")))
}

fn without_extension(text: &str) -> &str {
    let marks = [" ext", ",ext", ";ext", " x", " #", " pesawat", "#", "ext."];
    let cut = marks.iter().filter_map(|mark| text.find(mark)).filter(|at| *at >= 6).min();
    &text[..cut.unwrap_or(text.len())]
}

/// `+` and country code in front, by how Indonesians write numbers.
fn with_country(digits: &str) -> Result<String, PhoneError> {
    if let Some(rest) = digits.strip_prefix('+') {
        return domestic_after_62(rest);
    }
    // The library takes `0062` for a valid way to dial; it is not, though people type it.
    if let Some(rest) = digits.strip_prefix("00") {
        let carrier = ["17", "18"].iter().any(|c| rest.starts_with(c)) && !rest.starts_with("1800");
        return if carrier { Err(PhoneError::Invalid) } else { domestic_after_62(rest) };
    }
    if let Some(national) = digits.strip_prefix('0') {
        return national_number(national);
    }
    if is_short_code(digits) {
        return Err(PhoneError::Service);
    }
    if digits.starts_with("62") && digits.len() >= 10 {
        return domestic_after_62(digits);
    }
    national_number(digits)
}

/// A number after `+`: for Indonesia the trunk zero of `+62 0812` goes.
fn domestic_after_62(international: &str) -> Result<String, PhoneError> {
    match international.strip_prefix("62") {
        Some(national) => national_number(national.strip_prefix('0').unwrap_or(national)),
        None => Ok(format!("+{international}")),
    }
}

fn national_number(national: &str) -> Result<String, PhoneError> {
    if is_short_code(national) || is_service(national) {
        return Err(PhoneError::Service);
    }
    if !(7..=12).contains(&national.len()) || national.starts_with('0') {
        return Err(PhoneError::Invalid);
    }
    Ok(format!("+62{national}"))
}

/// Emergency and service codes: 110 to 119, 112, 140xx, 150xxx, 1500xxx.
fn is_short_code(digits: &str) -> bool {
    digits.len() < 6
        || (digits.len() == 6 && digits.starts_with("150"))
        || (digits.len() == 7 && digits.starts_with("1500"))
}

/// Toll free, premium, shared cost and universal access numbers.
fn is_service(national: &str) -> bool {
    ["800", "804", "807", "809", "177"].iter().any(|prefix| national.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::PhoneError::{Invalid, LostDigits, Missing, Service};
    use super::{numbers_in_cell, to_e164};

    #[test]
    fn numbers_are_read_as_indonesians_write_them() {
        for (text, expected) in [
            ("0812-3456-7890", "+6281234567890"),
            ("+62 812 3456 7890", "+6281234567890"),
            ("62812 3456 7890", "+6281234567890"),
            ("81234567890", "+6281234567890"),
            ("+62 0812 3456 7890", "+6281234567890"),
            ("+62 (0) 812 3456 7890", "+6281234567890"),
            ("0062 812 3456 7890", "+6281234567890"),
            ("(021) 835-0123", "+62218350123"),
            ("021 8350123 ext 45", "+62218350123"),
            ("0274-512345", "+62274512345"),
            ("218350123", "+62218350123"),
            ("wa.me/6281234567890", "+6281234567890"),
            ("https://wa.me/6281234567890?text=halo", "+6281234567890"),
            ("tel:+6281234567890", "+6281234567890"),
            ("０８１２３４５６７８９０", "+6281234567890"),
            ("٠٨١٢٣٤٥٦٧٨٩٠", "+6281234567890"),
            ("0812\u{a0}3456\u{a0}7890", "+6281234567890"),
            ("'081234567890", "+6281234567890"),
            ("HP: 0812 3456 7890", "+6281234567890"),
            ("6281234567890.0", "+6281234567890"),
            ("6.281234567890E+12", "+6281234567890"),
            ("6,281234567891e+12", "+6281234567891"),
            ("+1 650 253 0000", "+16502530000"),
            ("+65 6521 8000", "+6565218000"),
        ] {
            assert_eq!(to_e164(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_can_not_be_called_says_why() {
        for (text, expected) in [
            ("", Missing),
            ("-", Missing),
            ("6.28E+12", LostDigits),
            ("8,12346E+10", LostDigits),
            ("110", Service),
            ("112", Service),
            ("14045", Service),
            ("150264", Service),
            ("1500250", Service),
            ("0800 1234567", Service),
            ("0809 123 4567", Service),
            ("0812", Service),
            ("12345678901234567890", Invalid),
            ("0812-34A6-7890", Invalid),
            ("budi@example.com", Invalid),
            ("+62 812 3456 7890 +62 813 3456 7890", Invalid),
            ("+999 123 456 789", Invalid),
        ] {
            assert_eq!(to_e164(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_cell_may_hold_several_numbers() {
        for (cell, expected) in [
            ("081234567890 / 081398765432", vec!["+6281234567890", "+6281398765432"]),
            ("0812 3456 7890, (021) 835-0123", vec!["+6281234567890", "+62218350123"]),
            ("081234567890 atau 081398765432", vec!["+6281234567890", "+6281398765432"]),
            ("081234567890 081398765432", vec!["+6281234567890", "+6281398765432"]),
            ("0218350123/24", vec!["+62218350123"]),
            ("081234567890;081234567890", vec!["+6281234567890"]),
            ("x / 081234567890", vec!["+6281234567890"]),
            ("022/7301234", vec!["+62227301234"]),
            ("6,281234567891e+12", vec!["+6281234567891"]),
        ] {
            assert_eq!(numbers_in_cell(cell).unwrap(), expected, "{cell}");
        }
        assert_eq!(numbers_in_cell(" \u{a0}"), Err(Missing));
        assert_eq!(numbers_in_cell("n/a"), Err(Missing));
        assert_eq!(numbers_in_cell("tidak ada"), Err(Invalid));
    }
}
