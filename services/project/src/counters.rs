//! Names of metrics: `simpang_project_<what>_<unit>`, labelled by desk.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Records that were folded.
pub(crate) const FOLDED: &str = "simpang_project_folded_records_total";
/// Seconds that one transaction took.
pub(crate) const TRANSACTION: &str = "simpang_project_transaction_seconds";
/// Records on the log that are not folded.
pub(crate) const LAG_RECORDS: &str = "simpang_project_lag_records";
/// Age of the last folded record while others wait; 0 when none does.
pub(crate) const LAG_SECONDS: &str = "simpang_project_lag_seconds";
/// 1 while a desk's view stands still because its log or its file is broken.
pub(crate) const BROKEN: &str = "simpang_project_broken_desks";
/// Streams that watch or follow.
pub(crate) const WATCHERS: &str = "simpang_project_watching_streams";

/// Tells the exporter what they are.
pub(crate) fn describe() {
    describe_counter!(FOLDED, Unit::Count, "records that were folded into a desk's view");
    describe_histogram!(TRANSACTION, Unit::Seconds, "time of one transaction of a view");
    describe_gauge!(LAG_RECORDS, Unit::Count, "records on the log that a view has not folded");
    describe_gauge!(LAG_SECONDS, Unit::Seconds, "age of the last folded record while others wait");
    describe_gauge!(BROKEN, Unit::Count, "1 while a desk's view stands still");
    describe_gauge!(WATCHERS, Unit::Count, "streams that watch a desk");
}
