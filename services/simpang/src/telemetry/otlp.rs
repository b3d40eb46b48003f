//! Spans to a collector, by OTLP/HTTP with JSON (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).
//!
//! By hand and not by the OpenTelemetry libraries: what is sent is one small JSON document, for which the HTTP client
//! is here already; the libraries would bring a second metrics and logging framework and a dozen crates with them.
//! Every collector takes OTLP/HTTP on its port 4318.
//!
//! A batch is sent once. What the collector does not take is counted and gone: traces are for looking, the log is for
//! keeping.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use simpang_trace::{Kind, Sink, Span};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

/// Spans that wait at most; more are dropped.
pub(super) const QUEUE_MAX: usize = 16_384;
/// Spans in one request at most.
const BATCH_MAX: usize = 512;
/// How long a span waits for others to go with it.
const GATHER: Duration = Duration::from_millis(500);
/// How long the collector may take for a request.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
/// How long the last spans may take at the stop.
const FLUSH_WITHIN: Duration = Duration::from_secs(5);
/// How often a failure is said at most.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// Spans that the collector took.
const EXPORTED: &str = "simpang_trace_exported_spans_total";
/// Spans that were lost, by reason.
const DROPPED: &str = "simpang_trace_dropped_spans_total";

/// What the sending task is told.
#[derive(Debug)]
enum Job {
    Span(Box<Span>),
    /// Send all that came before, then say so.
    Flush(oneshot::Sender<()>),
}

/// Takes spans and sends them in batches, in a task of its own. All clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Exporter {
    jobs: mpsc::Sender<Job>,
}

impl Exporter {
    /// Starts to send to a collector, such as `http://127.0.0.1:4318`. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the address is none.
    pub(crate) fn start(collector: &str) -> Result<Self> {
        describe();
        let example = "an address such as http://127.0.0.1:4318";
        let mut url =
            reqwest::Url::parse(collector).with_context(|| format!("`{collector}` is not {example}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            bail!("`{collector}` is not {example}");
        }
        url.set_path(&format!("{}/v1/traces", url.path().trim_end_matches('/')));
        let client = reqwest::Client::builder().timeout(REQUEST_WITHIN).build().context("no HTTP client")?;
        let (jobs, queue) = mpsc::channel(QUEUE_MAX);
        let instance = uuid::Uuid::now_v7().to_string();
        tokio::spawn(Sender { client, url, instance, batch: Vec::new(), said: None }.run(queue));
        Ok(Self { jobs })
    }

    /// Waits until everything that was taken is sent or lost, within five seconds.
    pub(crate) async fn flush(&self) {
        let flushed = async {
            let (done, waiting) = oneshot::channel();
            if self.jobs.send(Job::Flush(done)).await.is_ok() {
                // Without an answer the task has ended, and nothing waits any more.
                let _ = waiting.await;
            }
        };
        if tokio::time::timeout(FLUSH_WITHIN, flushed).await.is_err() {
            warn!("the collector of traces did not answer; the last spans are lost");
        }
    }
}

impl Sink for Exporter {
    fn take(&self, span: Span) {
        if self.jobs.try_send(Job::Span(Box::new(span))).is_err() {
            metrics::counter!(DROPPED, "reason" => "full").increment(1);
        }
    }
}

fn describe() {
    use metrics::{Unit, describe_counter};
    describe_counter!(EXPORTED, Unit::Count, "spans that the collector took");
    describe_counter!(DROPPED, Unit::Count, "spans that were lost on their way to the collector");
}

/// The task that sends.
struct Sender {
    client: reqwest::Client,
    url: reqwest::Url,
    instance: String,
    batch: Vec<Span>,
    /// When a failure was said last.
    said: Option<Instant>,
}

impl Sender {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let mut ticks = tokio::time::interval(GATHER);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                job = queue.recv() => match job {
                    Some(Job::Span(span)) => {
                        self.batch.push(*span);
                        if self.batch.len() >= BATCH_MAX {
                            self.send().await;
                        }
                    }
                    Some(Job::Flush(done)) => {
                        self.send().await;
                        // Whoever asked may have waited long enough.
                        let _ = done.send(());
                    }
                    None => return self.send().await,
                },
                _ = ticks.tick() => self.send().await,
            }
        }
    }

    async fn send(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let spans = std::mem::take(&mut self.batch);
        let count = spans.len() as u64;
        let sent = self.client.post(self.url.clone()).json(&document(&spans, &self.instance)).send().await;
        match sent.and_then(reqwest::Response::error_for_status) {
            Ok(_) => metrics::counter!(EXPORTED).increment(count),
            Err(error) => {
                metrics::counter!(DROPPED, "reason" => "refused").increment(count);
                self.say(&error, count);
            }
        }
    }

    fn say(&mut self, error: &reqwest::Error, count: u64) {
        if self.said.is_none_or(|at| at.elapsed() >= SAY_EVERY) {
            self.said = Some(Instant::now());
            warn!(%error, count, "the collector took no spans; they are lost, services go on (telemetry.otlp)");
        }
    }
}

/// An `ExportTraceServiceRequest`. The roles are services of their own, also those of one process.
fn document(spans: &[Span], instance: &str) -> Value {
    let mut by_role: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for span in spans {
        let role = span.work.name.split('.').next().unwrap_or_default();
        by_role.entry(role).or_default().push(shape(span));
    }
    let of_role = |(role, spans): (&str, Vec<Value>)| {
        let resource = [
            attribute("service.name", &format!("simpang-{role}")),
            attribute("service.version", env!("CARGO_PKG_VERSION")),
            attribute("service.instance.id", instance),
        ];
        json!({
            "resource": { "attributes": resource },
            "scopeSpans": [{ "scope": { "name": "simpang" }, "spans": spans }],
        })
    };
    json!({ "resourceSpans": by_role.into_iter().map(of_role).collect::<Vec<_>>() })
}

/// A span: ids in hex, 64-bit numbers as text, enumerations as numbers (OTLP/JSON).
fn shape(span: &Span) -> Value {
    let work = &span.work;
    let attributes = work.attributes.iter().map(|(key, value)| attribute(key, value));
    json!({
        "traceId": format!("{:032x}", work.parent.trace_id),
        "spanId": format!("{:016x}", span.id),
        "parentSpanId": format!("{:016x}", work.parent.span_id),
        "name": work.name,
        "kind": match work.kind {
            Kind::Server => 2,
            Kind::Client => 3,
            Kind::Producer => 4,
            Kind::Consumer => 5,
        },
        "startTimeUnixNano": work.start_ns.to_string(),
        "endTimeUnixNano": work.end_ns.to_string(),
        "attributes": attributes.collect::<Vec<_>>(),
        "status": { "code": if work.failed { 2 } else { 0 } },
    })
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}
