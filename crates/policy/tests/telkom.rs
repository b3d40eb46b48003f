#![allow(clippy::unwrap_used, clippy::panic)]
mod common;
#[test]
fn x() {
    for d in ["tenesa", "telkomcare", "tier2-outbound"] {
        let c = common::telkom(d);
        assert_eq!(c.warnings, [], "{d}");
    }
}
