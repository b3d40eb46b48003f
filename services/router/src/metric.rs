//! Names of the router's metrics.

/// Inputs judged, by desk.
pub(crate) const INPUTS: &str = "simpang_router_inputs_total";
/// Events decided, by desk.
pub(crate) const EVENTS: &str = "simpang_router_events_total";
/// Commits written, by desk.
pub(crate) const COMMITS: &str = "simpang_router_commits_total";
/// Open cases, by desk.
pub(crate) const OPEN_CASES: &str = "simpang_router_open_cases";
/// Idempotency keys remembered, by desk.
pub(crate) const KEYS: &str = "simpang_router_keys";
/// 1 when a desk remembers more keys than its policy's `keys_max`, by desk.
pub(crate) const KEYS_FULL: &str = "simpang_router_keys_full";
/// Inputs judged and not yet committed, by desk.
pub(crate) const LAG: &str = "simpang_router_lag_inputs";
/// 1 when this router owns the desk, by desk.
pub(crate) const OWNED: &str = "simpang_router_owned";
/// Snapshots written, by desk.
pub(crate) const SNAPSHOTS: &str = "simpang_router_snapshots_total";
/// Snapshots that could not be written, by desk.
pub(crate) const SNAPSHOTS_FAILED: &str = "simpang_router_snapshots_failed_total";
/// Snapshots that were found and not used, by desk and reason.
pub(crate) const SNAPSHOTS_REFUSED: &str = "simpang_router_snapshots_refused_total";
/// Time to write a snapshot down, by desk.
pub(crate) const SNAPSHOT_SECONDS: &str = "simpang_router_snapshot_seconds";
/// Size of the last snapshot written, by desk.
pub(crate) const SNAPSHOT_BYTES: &str = "simpang_router_snapshot_bytes";
