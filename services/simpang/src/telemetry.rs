//! Logging, metrics and traces of a process.

use std::io::IsTerminal;
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Format, Telemetry};

mod otlp;
#[cfg(test)]
mod tests;

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
static EXPORTER: Mutex<Option<otlp::Exporter>> = Mutex::new(None);

/// Begins to log to standard error, to count, and to send traces where the settings name a collector.
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
    let metrics = metrics_handle()?;
    if !settings.otlp.is_empty() {
        let exporter = otlp::Exporter::start(&settings.otlp).context("telemetry.otlp")?;
        *EXPORTER.lock().unwrap_or_else(PoisonError::into_inner) = Some(exporter.clone());
        simpang_trace::install(std::sync::Arc::new(exporter));
    }
    Ok(metrics)
}

/// Sends the spans that wait, for as long as the collector may take for that.
pub(crate) async fn stop() {
    let exporter = EXPORTER.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(exporter) = exporter {
        simpang_trace::uninstall();
        exporter.flush().await;
    }
}

fn metrics_handle() -> Result<PrometheusHandle> {
    if let Some(handle) = METRICS.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new().install_recorder().context("can't count")?;
    Ok(METRICS.get_or_init(|| handle).clone())
}
