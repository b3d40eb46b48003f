//! Translations at the edge of the core: domain words to and from protobuf, and the keyed hashes that stand on the
//! log instead of addresses and message ids. Decides nothing and does no I/O.

pub mod key;
