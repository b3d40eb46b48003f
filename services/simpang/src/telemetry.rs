//! Logging, metrics and health of a process.

use std::io::IsTerminal;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Format, Telemetry};

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to log to standard error, and to count.
pub(crate) fn start(settings: &Telemetry) -> Result<PrometheusHandle> {
    let filter = EnvFilter::try_new(&settings.log)
        .with_context(|| format!("telemetry.log: `{}` is no filter such as `info`", settings.log))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second start in one process keeps the first's.
    let _ = match settings.format {
        Format::Text => builder.try_init(),
        Format::Json => builder.json().try_init(),
    };
    metrics_handle()
}

fn metrics_handle() -> Result<PrometheusHandle> {
    if let Some(handle) = METRICS.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new().install_recorder().context("can't count")?;
    Ok(METRICS.get_or_init(|| handle).clone())
}
