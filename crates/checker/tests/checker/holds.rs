//! A correct log passes, and what the checker says of it is right.

use crate::story::tale::tell;

#[test]
fn a_correct_log_holds() {
    let report = tell().story.check();
    assert!(report.holds, "{report}");
    assert!(report.violations.is_empty() && report.totals.is_empty());
}
