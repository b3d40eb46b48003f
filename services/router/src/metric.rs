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
