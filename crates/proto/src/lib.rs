//! Generated protobuf and gRPC shapes, one module a package. Knows nothing of what they mean: translations are in
//! `simpang-wire` (log) and in the services (API). `make proto` writes `gen/` from `proto/`; a test checks that it is
//! current.

// Generated code keeps its own habits.
#![allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, rustdoc::all)]

/// How programs bring messages and call lists in.
pub mod ingest {
    /// Version 1.
    pub mod v1 {
        include!("gen/simpang.ingest.v1.rs");
    }
}

/// What stands on a desk's log.
pub mod log {
    /// Version 1.
    pub mod v1 {
        include!("gen/simpang.log.v1.rs");
    }
}

/// Questions to a desk's log: `project`'s.
pub mod audit {
    /// Version 1.
    pub mod v1 {
        include!("gen/simpang.audit.v1.rs");
    }
}

/// Tickets, SLA and the floor: `project`'s.
pub mod view {
    /// Version 1.
    pub mod v1 {
        include!("gen/simpang.view.v1.rs");
    }
}

/// What agents and leads ask of a desk: `gateway`'s.
pub mod agent {
    /// Version 1.
    pub mod v1 {
        include!("gen/simpang.agent.v1.rs");
    }
}

/// Desks, policy, agents, customers: `gateway`'s.
pub mod admin {
    /// Version 1.
    pub mod v1 {
        include!("gen/simpang.admin.v1.rs");
    }
}

/// All descriptors, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!("gen/descriptors.bin");
