//! W3C trace context, so that a trace crosses the log (https://www.w3.org/TR/trace-context/).

/// The context that a caller sent, or a new one when it sent none that can be read.
pub(crate) fn of_header(header: Option<&str>) -> String {
    match header.map(str::trim).filter(|text| is_traceparent(text)) {
        Some(text) => text.to_owned(),
        None => new(),
    }
}

/// A new context.
pub(crate) fn new() -> String {
    format!("00-{:032x}-{:016x}-01", rand::random::<u128>() | 1, rand::random::<u64>() | 1)
}

fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags] = parts[..] else { return false };
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let zero = |part: &str| part.bytes().all(|b| b == b'0');
    version == "00" && hex(trace, 32) && hex(span, 16) && hex(flags, 2) && !zero(trace) && !zero(span)
}

#[cfg(test)]
mod tests {
    use super::of_header;

    #[test]
    fn keeps_a_context_that_can_be_read_and_makes_one_otherwise() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(of_header(Some(given)), given);
        let zero = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        for other in [None, Some(""), Some("x"), Some(zero.as_str()), Some("00-AA-00-01")] {
            let made = of_header(other);
            assert_eq!(of_header(Some(&made)), made, "{other:?}");
            assert_ne!(Some(made.as_str()), other);
        }
    }
}
