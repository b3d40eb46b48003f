//! Every metric of this service. Labels are bounded: channels and outcomes, never an account or a person.

/// Ends of attempts; labels `channel`, `outcome`.
pub const ATTEMPTS: &str = "simpang_deliver_attempts_total";
/// From `DeliveryStarted` to the channel's answer; label `channel`.
pub const SEND: &str = "simpang_deliver_send_seconds";
/// Deliveries without a final outcome; label `desk`.
pub const OPEN: &str = "simpang_deliver_open_deliveries";
/// Sends in flight.
pub const IN_FLIGHT: &str = "simpang_deliver_in_flight_sends";
/// Sequence of the last record read; label `desk`.
pub const POSITION: &str = "simpang_deliver_position_seq";
/// Sequence of the commit whose snapshot a desk's log was read on from, 0 for its beginning; label `desk`.
pub const RESUMED: &str = "simpang_deliver_resumed_from_seq";
/// Snapshots written; label `desk`.
pub const SNAPSHOTS: &str = "simpang_deliver_snapshots_total";
/// Snapshots that could not be written; label `desk`.
pub const SNAPSHOTS_FAILED: &str = "simpang_deliver_snapshots_failed_total";
/// Snapshots that were found and not used; labels `desk`, `reason`.
pub const SNAPSHOTS_REFUSED: &str = "simpang_deliver_snapshots_refused_total";
/// Time to write a snapshot down; label `desk`.
pub const SNAPSHOT_SECONDS: &str = "simpang_deliver_snapshot_seconds";
/// Size of the last snapshot written; label `desk`.
pub const SNAPSHOT_BYTES: &str = "simpang_deliver_snapshot_bytes";
/// Cases carried over to another desk.
pub const HANDOVERS: &str = "simpang_deliver_handovers_total";
/// Edits, withdrawals and rereadings of messages whose case had gone to another desk, carried after it.
pub const HANDOVER_CHANGES: &str = "simpang_deliver_handover_changes_total";
/// Cases that another desk can't get, given back to the desk they came from.
pub const HANDOVER_FAILURES: &str = "simpang_deliver_handover_failures_total";
