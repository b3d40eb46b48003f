//! What a collector hears: of one message and its answer over all roles, and nothing that holds a service up.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use simpang_log::memory::MemoryStore;
use simpang_proto::agent::v1::{PullRequest, ReplyKind, ReplyRequest, SignInRequest};
use simpang_proto::ingest::v1::{Author, Channel, Message, PushRequest, Visibility};
use simpang_proto::view::v1::GetCaseRequest;
use simpang_trace::{Kind, Parent, Recorded, Sink, Span};
use tonic::{Code, Request};

use super::otlp::{Exporter, QUEUE_MAX};
use crate::client::Client;
use crate::commands::policy;
use crate::config::{Config, DeliverX};
use crate::installation;
use crate::node::{Node, Role};
use crate::people;

const DESK: &str = "tenesa";
const MESSAGE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const REPLY: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Requests that a collector took.
type Taken = Arc<Mutex<Vec<Value>>>;

async fn collector() -> (SocketAddr, Taken) {
    let taken = Taken::default();
    let take = |State(taken): State<Taken>, Json(body): Json<Value>| async move {
        taken.lock().unwrap().push(body);
        Json(json!({}))
    };
    let app = Router::new().route("/v1/traces", post(take)).with_state(taken.clone());
    (serve(app).await, taken)
}

/// X as far as an answer needs it.
async fn x() -> SocketAddr {
    let tweet = || async { (axum::http::StatusCode::CREATED, Json(json!({ "data": { "id": "9001" } }))) };
    serve(Router::new().route("/2/tweets", post(tweet))).await
}

async fn serve(app: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    addr
}

fn settings(data: &Path, collector: SocketAddr, x: SocketAddr) -> Config {
    let mut config = Config::default();
    config.data.dir = data.to_owned();
    config.telemetry.log = "error".into();
    config.telemetry.otlp = format!("http://{collector}/");
    config.listen.grpc = "127.0.0.1:0".into();
    config.listen.http = "127.0.0.1:0".into();
    config.listen.smtp = String::new();
    let accounts = [(DESK.to_owned(), "token".to_owned())].into();
    config.deliver.x = Some(DeliverX {
        base_url: format!("http://{x}"),
        accounts,
        renewed: Default::default(),
        attempts_per_quarter: 0,
    });
    config
}

/// A request with an id of its own and, where given, a trace.
fn traced<T>(request: T, traceparent: &str) -> Request<T> {
    let mut request = Request::new(request);
    request.metadata_mut().insert("traceparent", traceparent.parse().unwrap());
    request
}

fn id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Asks again every moment until there is an answer.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// A message comes in and is answered.
async fn converse(admin: &Client, rina: &Client) {
    let sign_in = SignInRequest { desk: DESK.into(), request_id: id(), ready: true, auto: false };
    let position = rina.agent().sign_in(sign_in).await.unwrap().into_inner().position;
    // The view is open and has come that far once it can say that there is no such case.
    until("an open view", async || {
        let request = GetCaseRequest { desk: DESK.into(), case: 1, at_least: position };
        let answer = admin.view().get_case(request).await;
        answer.is_err_and(|status| status.code() == Code::NotFound).then_some(())
    })
    .await;
    let message = Message {
        channel: Channel::X.into(),
        account: DESK.into(),
        id: "1001".into(),
        visibility: Visibility::Public.into(),
        author: Some(Author { address: "77".into(), name: "Ani".into(), aliases: Vec::new() }),
        text: "Internet mati sejak pagi".into(),
        ..Message::default()
    };
    let push = PushRequest { message: Some(message) };
    admin.ingest().push(traced(push, MESSAGE)).await.unwrap();
    let case = until("an assignment", async || {
        let pull = PullRequest { desk: DESK.into(), request_id: id(), count: 1, ..PullRequest::default() };
        let answer = rina.agent().pull(pull).await.unwrap().into_inner();
        answer.assignments.first().map(|assignment| assignment.case)
    })
    .await;
    let reply = ReplyRequest {
        desk: DESK.into(),
        request_id: id(),
        case,
        kind: ReplyKind::Normal.into(),
        text: "Kami periksa".into(),
        ..ReplyRequest::default()
    };
    rina.agent().reply(traced(reply, REPLY)).await.unwrap();
}

/// Service, span, trace and parent of every span of the two traces.
fn spans(taken: &Taken) -> BTreeSet<[String; 4]> {
    let mut all = BTreeSet::new();
    for request in taken.lock().unwrap().iter() {
        for of_role in request["resourceSpans"].as_array().unwrap() {
            let service = &of_role["resource"]["attributes"][0]["value"]["stringValue"];
            for span in of_role["scopeSpans"][0]["spans"].as_array().unwrap() {
                let values = [service, &span["name"], &span["traceId"], &span["parentSpanId"]];
                let row = values.map(|value| value.as_str().unwrap().to_owned());
                let ours = [MESSAGE, REPLY].iter().any(|context| context.contains(&row[2]));
                if ours {
                    assert!(span["startTimeUnixNano"].as_str() <= span["endTimeUnixNano"].as_str(), "{span}");
                    assert_eq!(span["attributes"][0]["value"]["stringValue"], DESK, "{span}");
                    all.insert(row);
                }
            }
        }
    }
    all
}

fn expected() -> BTreeSet<[String; 4]> {
    let rows = [
        (MESSAGE, "ingest", "message.append"),
        (MESSAGE, "router", "input.judge"),
        (MESSAGE, "project", "input.fold"),
        (REPLY, "gateway", "command.decide"),
        (REPLY, "router", "input.judge"),
        (REPLY, "project", "input.fold"),
        (REPLY, "deliver", "delivery.send"),
    ];
    let row = |(context, role, what): (&str, &str, &str)| {
        let (trace, span) = (context[3..35].to_owned(), context[36..52].to_owned());
        [format!("simpang-{role}"), format!("{role}.{what}"), trace, span]
    };
    rows.into_iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_and_its_answer_are_followed_over_all_roles() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let (collector, taken) = collector().await;
    let config = settings(folder.path(), collector, x().await);
    let metrics = super::start(&config.telemetry).unwrap();
    installation::prepare(&config).unwrap();
    let store = Arc::new(MemoryStore::new());
    let node = Node::start(&config, &Role::ALL, store, metrics).await.unwrap();
    let addr = format!("http://{}", node.grpc.unwrap());
    let client = async |principal| {
        let token = installation::local_token(&config, principal).unwrap();
        Client::connect(&addr, &token).await.unwrap()
    };
    let (admin, rina) = (client("admin").await, client("rina").await);
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/telkom");
    policy::apply_where_missing(&admin, &policy::read_folder(&policies).unwrap()).await.unwrap();
    people::add_samples(&admin).await.unwrap();

    converse(&admin, &rina).await;

    until("all spans", async || (spans(&taken).len() >= expected().len()).then_some(())).await;
    node.stop().await;
    super::stop().await;
    assert_eq!(spans(&taken), expected());
    assert!(!simpang_trace::enabled(), "after the stop nothing is told any more");
}

fn span() -> Span {
    let work = Recorded {
        name: "router.input.judge",
        kind: Kind::Consumer,
        parent: Parent::read(MESSAGE).unwrap(),
        start_ns: 1,
        end_ns: 2,
        failed: false,
        attributes: Vec::new(),
    };
    Span { id: 1, work }
}

/// The value of a counter as it is scraped.
fn counted(reason: &str) -> usize {
    let text = super::metrics_handle().unwrap().render();
    let start = format!("simpang_trace_dropped_spans_total{{reason=\"{reason}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok()).unwrap_or(0)
}

// One thread, so that nothing is sent while spans are taken.
#[tokio::test]
async fn without_a_collector_spans_are_counted_and_lost_and_nobody_waits() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    super::metrics_handle().unwrap();
    // Bound and not served: connections are refused once it is dropped.
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let exporter = Exporter::start(&format!("http://{gone}")).unwrap();
    for _ in 0..QUEUE_MAX + 10 {
        exporter.take(span());
    }
    assert_eq!(counted("full"), 10);
    exporter.flush().await;
    assert_eq!(counted("refused"), QUEUE_MAX);
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_with_an_example() {
    for address in ["127.0.0.1:4318", "localhost:4318", "ftp://127.0.0.1", "http://"] {
        let error = format!("{:#}", Exporter::start(address).unwrap_err());
        assert!(error.contains(address) && error.contains("http://127.0.0.1:4318"), "{address}: {error}");
    }
}
