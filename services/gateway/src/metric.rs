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
