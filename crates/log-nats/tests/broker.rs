//! What happens when the broker is killed, set up wrongly, or loses records: against a real nats-server.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use bytes::Bytes;
use futures_util::StreamExt;
use simpang_log::{
    Anchor, AppendError, Appender, Body, ChainWriter, DeskLog, DeskName, Door, Limits, LogError, LogStore,
    SettleError, Tail, commit_settled,
};
use simpang_log_nats::server::{ServerUser, SyncInterval};
use simpang_log_nats::{NatsOptions, NatsServer, NatsStore, ServerError, ServerOptions};
use simpang_proto::log::v1::{Commit, Input, Position};
use tempfile::TempDir;

fn options(dir: &Path) -> ServerOptions {
    let workspace = Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    ServerOptions { dir: dir.to_owned(), workspace, ..ServerOptions::default() }
}

async fn server() -> (NatsServer, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (NatsServer::start(options(dir.path())).await.unwrap(), dir)
}

async fn connect(server: &NatsServer) -> NatsStore {
    NatsStore::connect(&server.url(), NatsOptions::default()).await.unwrap()
}

fn desk() -> DeskName {
    DeskName::new("tenesa").unwrap()
}

fn input(key: u32) -> Input {
    Input { key: Bytes::copy_from_slice(&key.to_be_bytes()), ..Input::default() }
}

fn through(seq: u64) -> Commit {
    Commit { decided_through: Some(Position { seq, index: 0, step: 0 }), ..Commit::default() }
}

async fn within<T>(seconds: u64, future: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(seconds);
    tokio::time::timeout(limit, future).await.unwrap_or_else(|_| panic!("not done within {limit:?}"))
}

/// Kills the server without warning and starts it again, some times.
async fn crash(server: &mut NatsServer, times: usize) {
    for time in 0..times {
        tokio::time::sleep(Duration::from_millis(100 + 70 * time as u64)).await;
        server.kill().unwrap();
        server.restart().await.unwrap();
    }
}

/// Appends keys one after another until `stop`; returns those that were acknowledged.
async fn append_until(appender: Appender, stop: Arc<std::sync::atomic::AtomicBool>) -> Vec<u32> {
    let mut acknowledged = Vec::new();
    for key in 0.. {
        if stop.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
        match appender.append(input(key)).await {
            Ok(_) => acknowledged.push(key),
            Err(AppendError::Unknown(_) | AppendError::Refused(_) | AppendError::TooLarge(_)) => {}
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_the_broker_loses_nothing_acknowledged_and_the_reader_goes_on() {
    let (mut server, _dir) = server().await;
    let log = connect(&server).await.create(&desk()).await.unwrap();
    let stop = Arc::<std::sync::atomic::AtomicBool>::default();
    let appender = Appender::new(log.clone(), Door::Ingest, "test@here/1", Limits::default());
    let writing = tokio::spawn(append_until(appender, stop.clone()));
    let (end_tx, mut end) = tokio::sync::watch::channel(u64::MAX);
    let mut tail = Tail::start(log.clone(), Anchor::Start);
    let reading = tokio::spawn(async move {
        let mut keys = Vec::new();
        while tail.position() < *end.borrow() {
            tokio::select! {
                entry = tail.next() => {
                    let Body::Inputs { record, .. } = entry.unwrap().body else { panic!("only inputs") };
                    keys.extend(record.inputs.iter().map(|input| u32::from_be_bytes(input.key[..].try_into().unwrap())));
                }
                _ = end.changed() => {}
            }
        }
        keys
    });

    crash(&mut server, 5).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let acknowledged = within(30, writing).await.unwrap();
    end_tx.send(log.last_seq().await.unwrap()).unwrap();
    let read = within(30, reading).await.unwrap();

    assert!(acknowledged.len() > 100, "only {} were acknowledged", acknowledged.len());
    assert!(read.is_sorted() && read.windows(2).all(|pair| pair[0] < pair[1]), "in order, none twice");
    let missing: Vec<&u32> = acknowledged.iter().filter(|key| read.binary_search(key).is_err()).collect();
    assert!(missing.is_empty(), "acknowledged but lost: {missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_router_commits_through_crashes_of_the_broker_without_a_break_in_the_chain() {
    let (mut server, _dir) = server().await;
    let log = connect(&server).await.create(&desk()).await.unwrap();
    let router = log.clone();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let routing = tokio::spawn(async move {
        let mut chain = ChainWriter::new(&desk(), Anchor::Start);
        while !*stopped.borrow() {
            let sealed = chain.seal(through(0)).unwrap();
            let seq =
                commit_settled(router.as_ref(), sealed.payload.clone(), sealed.previous_seq, router.losses())
                    .await
                    .unwrap();
            chain.written(&sealed, seq);
        }
        *chain.head().unwrap()
    });
    crash(&mut server, 5).await;
    stop.send(true).unwrap();
    let head = within(30, routing).await.unwrap();
    assert!(head.number > 100, "only {} commits", head.number);

    let mut tail = Tail::start(log, Anchor::Start);
    within(30, async { while tail.read_until(head.seq).await.unwrap().is_some() {} }).await;
    assert_eq!(tail.anchor(), Anchor::Commit(head));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_routers_that_own_a_desk_one_steps_down() {
    let (server, _dir) = server().await;
    let log = connect(&server).await.create(&desk()).await.unwrap();
    let other = connect(&server).await.open(&desk()).await.unwrap();
    let route = |log: Arc<dyn DeskLog>, writer: &'static str| async move {
        let mut chain = ChainWriter::new(&desk(), Anchor::Start);
        for _ in 0..50 {
            let sealed = chain.seal(Commit { writer: writer.into(), ..Commit::default() }).unwrap();
            match commit_settled(log.as_ref(), sealed.payload.clone(), sealed.previous_seq, log.losses())
                .await
            {
                Ok(seq) => chain.written(&sealed, seq),
                Err(SettleError::Fenced { .. }) => return false,
                Err(error) => panic!("{error}"),
            }
        }
        true
    };
    let (one, two) =
        within(30, async { tokio::join!(tokio::spawn(route(log.clone(), "one")), route(other, "two")) })
            .await;
    assert!(one.unwrap() != two, "exactly one goes on");
    let mut tail = Tail::start(log, Anchor::Start);
    within(30, async { while tail.read_until(50).await.unwrap().is_some() {} }).await;
    assert_eq!(tail.anchor().commit().unwrap().number, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_lost_its_tail_stops_readers() {
    let (mut server, dir) = server().await;
    let log = connect(&server).await.create(&desk()).await.unwrap();
    let append = |key| log.append(Door::Ingest, Bytes::from(format!("input {key}")));
    for key in 1..=5 {
        append(key).await.unwrap();
    }
    server.stop().await.unwrap();
    let (store, copy) = (dir.path().join("jetstream"), dir.path().join("copy"));
    copy_dir(&store, &copy);
    server.restart().await.unwrap();
    let mut tail = Tail::start(log.clone(), Anchor::Start);
    let mut again = Tail::start(log.clone(), Anchor::Start);
    append(6).await.unwrap();
    for _ in 1..=6 {
        within(20, tail.next()).await.unwrap();
        within(20, again.next()).await.unwrap();
    }

    server.stop().await.unwrap();
    std::fs::remove_dir_all(&store).unwrap();
    copy_dir(&copy, &store);
    server.restart().await.unwrap();
    let lost = within(20, tail.next()).await;
    assert!(matches!(&lost, Err(LogError::Broken { seq: 5, .. })), "{lost:?}");
    assert_eq!(log.append(Door::Ingest, Bytes::from_static(b"other")).await.unwrap(), 6);
    let lost = within(20, again.next()).await;
    assert!(matches!(&lost, Err(LogError::Broken { .. })), "{lost:?}");
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_stream_that_could_lose_records_is_refused_with_the_reason() {
    let (server, _dir) = server().await;
    let broker = jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let subjects = |name: &str| vec![format!("simpang.{name}.>")];
    let cases = [
        (
            "old",
            stream::Config { max_age: Duration::from_secs(60), ..stream::Config::default() },
            "max_age is",
        ),
        (
            "few",
            stream::Config { max_messages: 10, ..stream::Config::default() },
            "max_msgs is 10 and has to be -1",
        ),
        (
            "soft",
            stream::Config { storage: stream::StorageType::Memory, ..stream::Config::default() },
            "storage is",
        ),
        ("open", stream::Config::default(), "deny_delete is false and has to be true"),
    ];
    let store = connect(&server).await;
    for (name, config, expected) in cases {
        let config = stream::Config { name: format!("SIMPANG_{name}"), subjects: subjects(name), ..config };
        broker.create_stream(config).await.unwrap();
        let name = DeskName::new(name).unwrap();
        for refused in [store.create(&name).await, store.open(&name).await] {
            let Err(LogError::Misconfigured { reason, .. }) = refused else { panic!("{refused:?}") };
            assert!(reason.contains(expected), "{reason:?} does not say {expected:?}");
        }
    }
    let overlapping = stream::Config {
        name: "other".into(),
        subjects: vec!["simpang.tenesa.>".into()],
        ..Default::default()
    };
    broker.create_stream(overlapping).await.unwrap();
    let refused = store.create(&desk()).await;
    assert!(matches!(refused, Err(LogError::Misconfigured { .. })), "{refused:?}");
}

/// Two inputs and two commits, each record with its sequence as its bytes.
async fn four_records(log: &dyn DeskLog) {
    log.append(Door::Ingest, Bytes::from_static(b"1")).await.unwrap();
    log.commit(Bytes::from_static(b"2"), 0).await.unwrap();
    log.append(Door::Ingest, Bytes::from_static(b"3")).await.unwrap();
    log.commit(Bytes::from_static(b"4"), 2).await.unwrap();
}

#[tokio::test]
async fn no_record_of_a_desk_can_be_deleted_and_a_desk_from_before_loses_none_at_all() {
    let (server, dir) = server().await;
    let store = connect(&server).await;
    let log = store.create(&desk()).await.unwrap();
    four_records(log.as_ref()).await;
    let broker = jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let mut stream = broker.get_stream("SIMPANG_tenesa").await.unwrap();
    assert!(stream.delete_message(1).await.is_err());
    let mut config = stream.info().await.unwrap().config.clone();
    config.deny_purge = true;
    broker.update_stream(&config).await.unwrap();
    let log = store.open(&desk()).await.unwrap();
    let refused = log.trim(3).await;
    let Err(LogError::NotTrimmed { reason, .. }) = refused else { panic!("{refused:?}") };
    assert!(reason.contains("was made with deny_purge"), "{reason}");

    // What docs/archive.md says under "A desk from before".
    let backup = dir.path().join("backup");
    store.back_up("SIMPANG_tenesa", &backup).await.unwrap();
    broker.delete_stream("SIMPANG_tenesa").await.unwrap();
    let about = std::fs::read_to_string(backup.join("backup.json")).unwrap();
    std::fs::write(backup.join("backup.json"), about.replace("\"deny_purge\":true", "\"deny_purge\":false"))
        .unwrap();
    store.restore(&backup).await.unwrap();
    let log = store.open(&desk()).await.unwrap();
    assert_eq!(log.get(1).await.unwrap().unwrap().payload, "1");
    log.trim(3).await.unwrap();
    assert_eq!(log.first_seq().await.unwrap(), 3);
}

#[tokio::test]
async fn a_trimmed_log_is_backed_up_and_restored_as_it_is() {
    let (server, dir) = server().await;
    let store = connect(&server).await;
    let log = store.create(&desk()).await.unwrap();
    four_records(log.as_ref()).await;
    log.trim(3).await.unwrap();
    let saved = store.back_up("SIMPANG_tenesa", &dir.path().join("backup")).await.unwrap();
    assert_eq!((saved.records, saved.last_seq), (2, 4));
    let broker = jetstream::new(async_nats::connect(server.url()).await.unwrap());
    broker.delete_stream("SIMPANG_tenesa").await.unwrap();
    store.restore(&dir.path().join("backup")).await.unwrap();
    let log = store.open(&desk()).await.unwrap();
    assert_eq!((log.first_seq().await.unwrap(), log.last_seq().await.unwrap()), (3, 4));
    let records: Vec<_> =
        log.read(3).await.unwrap().take(2).map(|record| record.unwrap().payload).collect().await;
    assert_eq!(records, ["3", "4"]);
    log.commit(Bytes::from_static(b"5"), 4).await.unwrap();
}

#[tokio::test]
async fn a_broker_that_is_away_refuses_and_does_not_pretend() {
    let (mut server, _dir) = server().await;
    let options = NatsOptions { timeout: Duration::from_millis(500), ..NatsOptions::default() };
    let log = NatsStore::connect(&server.url(), options).await.unwrap().create(&desk()).await.unwrap();
    server.kill().unwrap();
    let appended = within(10, async {
        // The client may not have noticed yet: then the outcome is unknown.
        loop {
            match log.append(Door::Ingest, Bytes::from_static(b"lost")).await {
                Err(AppendError::Unknown(_)) => {}
                decided => break decided,
            }
        }
    })
    .await;
    assert!(
        matches!(&appended, Err(AppendError::Refused(reason)) if reason.contains("not connected")),
        "{appended:?}"
    );
    assert!(log.last_seq().await.unwrap_err().is_transient());
    assert!(log.last_commit().await.unwrap_err().is_transient());
    assert!(log.read(1).await.err().unwrap().is_transient());
    server.restart().await.unwrap();
    within(10, async { while log.last_seq().await.is_err() {} }).await;
    assert_eq!(log.last_seq().await.unwrap(), 0, "what was refused was not written later");
}

#[tokio::test]
async fn a_payload_beyond_the_brokers_limit_is_refused_before_it_is_sent() {
    let (server, _dir) = server().await;
    let store = connect(&server).await;
    let log = store.create(&desk()).await.unwrap();
    let refused = log.append(Door::Ingest, vec![0; store.max_payload() + 1].into()).await;
    assert!(matches!(refused, Err(AppendError::TooLarge(_))), "{refused:?}");
}

#[tokio::test]
async fn users_have_to_say_their_password() {
    let dir = tempfile::tempdir().unwrap();
    let users = vec![ServerUser { name: "router".into(), password: "right".into() }];
    let server =
        NatsServer::start(ServerOptions { users, sync: SyncInterval::Always, ..options(dir.path()) })
            .await
            .unwrap();
    let with = |password: &str| NatsOptions {
        user: Some("router".into()),
        password: Some(password.into()),
        ..NatsOptions::default()
    };
    let store = NatsStore::connect(&server.url(), with("right")).await.unwrap();
    store.create(&desk()).await.unwrap();
    assert!(store.server_version().starts_with("2."));
    let refused = NatsStore::connect(&server.url(), with("wrong")).await;
    assert!(matches!(&refused, Err(LogError::Denied { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_ended_by_itself_is_started_again_and_one_that_is_gone_is_stopped() {
    let (mut server, _dir) = server().await;
    for _ in 0..2 {
        let pid = server.pid().unwrap();
        let killed = std::process::Command::new("sh").arg("-c").arg(format!("kill -KILL {pid}")).status();
        assert!(killed.unwrap().success());
        let ended = async {
            while server.exited().is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        within(10, ended).await;
        server.restart().await.unwrap();
        assert_ne!(server.pid(), Some(pid));
    }
    let pid = server.pid().unwrap();
    let killed = std::process::Command::new("sh").arg("-c").arg(format!("kill -KILL {pid}")).status();
    assert!(killed.unwrap().success());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_folder_belongs_to_one_program_and_an_orphan_in_it_is_stopped() {
    let (mut server, dir) = server().await;
    let second = NatsServer::start(options(dir.path())).await;
    assert!(matches!(second, Err(ServerError::InUse(_))), "{second:?}");

    // What a killed program leaves: a server that nobody supervises, while the lock is free again.
    let log = connect(&server).await.create(&desk()).await.unwrap();
    log.append(Door::Ingest, Bytes::from_static(b"kept")).await.unwrap();
    server.stop().await.unwrap();
    drop(server);
    let config = dir.path().canonicalize().unwrap().join("nats-server.conf");
    let binary = simpang_log_nats::server::find(None, Some(Path::new(env!("CARGO_MANIFEST_DIR")))).unwrap();
    let mut orphan = std::process::Command::new(binary)
        .arg("--config")
        .arg(&config)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let server = within(40, NatsServer::start(options(dir.path()))).await;
    let ended = orphan.try_wait().unwrap();
    if ended.is_none() {
        orphan.kill().unwrap();
    }
    assert!(ended.is_some(), "the orphan still runs");
    let server = server.unwrap();
    let log = connect(&server).await.open(&desk()).await.unwrap();
    assert_eq!(log.last_seq().await.unwrap(), 1);
}
