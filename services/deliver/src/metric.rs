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
/// Cases carried over to another desk.
pub const HANDOVERS: &str = "simpang_deliver_handovers_total";
/// Cases that another desk can't get, given back to the desk they came from.
pub const HANDOVER_FAILURES: &str = "simpang_deliver_handover_failures_total";
