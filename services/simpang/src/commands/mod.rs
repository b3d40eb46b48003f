//! The tools: one file a command.

pub(crate) mod agent;
pub(crate) mod archive;
pub(crate) mod backup;
pub(crate) mod campaign;
pub(crate) mod desk;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod figures;
pub(crate) mod forms;
pub(crate) mod history;
pub(crate) mod ingest;
pub(crate) mod policy;
pub(crate) mod project;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod show;
pub(crate) mod verify;
