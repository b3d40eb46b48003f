//! (being written)
pub(crate) async fn run(_: crate::cli::Bench) -> anyhow::Result<()> { Ok(()) }
