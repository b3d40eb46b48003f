//! W3C Trace Context, version 00 of `traceparent` (<https://www.w3.org/TR/trace-context/#traceparent-header>).

/// What spans hang from: a trace and a span in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// The trace; never 0.
    pub trace_id: u128,
    /// The span; never 0.
    pub span_id: u64,
    /// Whoever made the context wants the trace taken.
    pub sampled: bool,
}

impl Parent {
    /// Reads a context; none when it is not of version 00 and whole.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let version = parts.next()?;
        let (trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?);
        if version != "00" || parts.next().is_some() {
            return None;
        }
        if !is_hex(trace, 32) || !is_hex(span, 16) || !is_hex(flags, 2) {
            return None;
        }
        let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        let span_id = u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }
}

/// Lower-case hex digits, as the standard asks for.
fn is_hex(part: &str, length: usize) -> bool {
    part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The context that a caller sent, or a new one when it sent none that can be read.
#[must_use]
pub fn of_header(header: Option<&str>) -> String {
    match header.map(str::trim).filter(|text| Parent::read(text).is_some()) {
        Some(text) => text.to_owned(),
        None => make(),
    }
}

/// A new context, of a trace that is to be taken. Nobody tells of the span that it names: it stands for the sender.
#[must_use]
pub fn make() -> String {
    format!("00-{:032x}-{:016x}-01", rand::random::<u128>() | 1, rand::random::<u64>() | 1)
}

#[cfg(test)]
mod tests {
    use super::{Parent, of_header};

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn reads_what_is_whole_and_nothing_else() {
        let zero = |digits: usize| "0".repeat(digits);
        let cases = [
            (format!("00-{TRACE}-{SPAN}-01"), Some(true)),
            (format!("00-{TRACE}-{SPAN}-00"), Some(false)),
            (format!("00-{TRACE}-{SPAN}-03"), Some(true)),
            (format!("01-{TRACE}-{SPAN}-01"), None),
            (format!("00-{TRACE}-{SPAN}"), None),
            (format!("00-{TRACE}-{SPAN}-01-more"), None),
            (format!("00-{}-{SPAN}-01", zero(32)), None),
            (format!("00-{TRACE}-{}-01", zero(16)), None),
            (format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), None),
            (format!("00-+{}-{SPAN}-01", &TRACE[1..]), None),
            (format!("00-{TRACE}-{SPAN}-é"), None),
            (String::new(), None),
        ];
        for (text, sampled) in cases {
            let read = Parent::read(&text);
            assert_eq!(read.map(|parent| parent.sampled), sampled, "{text}");
            if let Some(parent) = read {
                assert_eq!(format!("{:032x}", parent.trace_id), TRACE);
                assert_eq!(format!("{:016x}", parent.span_id), SPAN);
            }
        }
    }

    #[test]
    fn keeps_a_context_that_can_be_read_and_makes_one_otherwise() {
        let given = format!("00-{TRACE}-{SPAN}-01");
        assert_eq!(of_header(Some(&given)), given);
        assert_eq!(of_header(Some(&format!(" {given} "))), given);
        for other in [None, Some(""), Some("x"), Some("00-AA-00-01")] {
            let made = of_header(other);
            assert_eq!(of_header(Some(&made)), made, "{other:?}");
            assert_ne!(Some(made.as_str()), other);
        }
    }
}
