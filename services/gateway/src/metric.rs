//! Names of the gateway's metrics. Labels are bounded: desks, methods and gRPC codes.

/// Commands answered, by `method` and `code`.
pub(crate) const COMMANDS: &str = "simpang_gateway_commands_total";
/// From a command's arrival to its answer, by `method`.
pub(crate) const COMMAND_SECONDS: &str = "simpang_gateway_command_seconds";
/// Commands that the desk's core refused, by `reason`.
pub(crate) const REFUSALS: &str = "simpang_gateway_refusals_total";
/// Watch streams open, by `desk`.
pub(crate) const STREAMS: &str = "simpang_gateway_watch_streams_count";
/// Watch streams ended because the client read too slowly, by `desk`.
pub(crate) const OVERRUNS: &str = "simpang_gateway_watch_overruns_total";
/// Stream sequence of the last commit folded, by `desk`.
pub(crate) const POSITION: &str = "simpang_gateway_position_sequence";
/// Sessions that this gateway holds, by `desk`.
pub(crate) const SESSIONS: &str = "simpang_gateway_sessions_count";
/// Stream sequence of the commit whose snapshot a desk's log was read on from, 0 for its beginning, by `desk`.
pub(crate) const RESUMED: &str = "simpang_gateway_resumed_from_sequence";
/// Snapshots written, by `desk`.
pub(crate) const SNAPSHOTS: &str = "simpang_gateway_snapshots_total";
/// Snapshots that could not be written, by `desk`.
pub(crate) const SNAPSHOTS_FAILED: &str = "simpang_gateway_snapshots_failed_total";
/// Snapshots that were found and not used, by `desk` and `reason`.
pub(crate) const SNAPSHOTS_REFUSED: &str = "simpang_gateway_snapshots_refused_total";
/// Time to write a snapshot down, by `desk`.
pub(crate) const SNAPSHOT_SECONDS: &str = "simpang_gateway_snapshot_seconds";
/// Size of the last snapshot written, by `desk`.
pub(crate) const SNAPSHOT_BYTES: &str = "simpang_gateway_snapshot_bytes";
