//! What became of a commit is read back, never guessed.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use simpang_log::{
    Anchor, ChainWriter, DeskLog, DeskName, Door, LogError, MemoryDesk, MemoryStore, SCHEMA, Sealed,
    SettleError, Settled, commit_settled, settle,
};
use simpang_proto::log::v1::{Commit, InputRecord, Position};

struct Router {
    log: Arc<MemoryDesk>,
    chain: ChainWriter,
}

impl Router {
    fn new() -> Self {
        let desk = DeskName::new("desk").unwrap();
        Self { log: MemoryStore::new().desk(&desk), chain: ChainWriter::new(&desk, Anchor::Start) }
    }

    fn seal(&mut self, writer: &str) -> Sealed {
        self.chain.seal(Commit { writer: writer.into(), ..Commit::default() }).unwrap()
    }

    async fn commit(&mut self, writer: &str) -> u64 {
        let sealed = self.seal(writer);
        let seq = self.log.commit(sealed.payload.clone(), sealed.previous_seq).await.unwrap();
        self.chain.written(&sealed, seq);
        seq
    }

    async fn settled(&self, sealed: &Sealed) -> Result<Settled, LogError> {
        settle(self.log.as_ref(), &sealed.payload, sealed.previous_seq).await
    }
}

#[tokio::test]
async fn a_commit_whose_acknowledgement_was_lost_is_found() {
    let mut router = Router::new();
    for number in 1..=2 {
        let sealed = router.seal("us");
        router.log.lose_next_ack();
        router.log.commit(sealed.payload.clone(), sealed.previous_seq).await.unwrap_err();
        assert_eq!(router.settled(&sealed).await.unwrap(), Settled::Written(number));
        router.chain.written(&sealed, number);
    }
}

#[tokio::test]
async fn a_commit_that_was_lost_is_not_written() {
    let mut router = Router::new();
    for _ in 1..=2 {
        let sealed = router.seal("us");
        router.log.lose_next_write();
        router.log.commit(sealed.payload.clone(), sealed.previous_seq).await.unwrap_err();
        assert_eq!(router.settled(&sealed).await.unwrap(), Settled::NotWritten);
        let seq = router.log.commit(sealed.payload.clone(), sealed.previous_seq).await.unwrap();
        router.chain.written(&sealed, seq);
    }
}

#[tokio::test]
async fn another_routers_commit_fences() {
    let mut router = Router::new();
    router.commit("us").await;
    let ours = router.seal("us");
    let mut other = Router { log: router.log.clone(), chain: router.chain.clone() };
    other.commit("them").await;
    let last_seq = other.commit("them again").await;
    assert_eq!(router.settled(&ours).await.unwrap(), Settled::Fenced { last_seq });
}

#[tokio::test]
async fn a_commit_that_others_already_followed_is_found() {
    let mut router = Router::new();
    router.commit("us").await;
    let ours = router.seal("us");
    let seq = router.log.commit(ours.payload.clone(), ours.previous_seq).await.unwrap();
    let mut other = Router { log: router.log.clone(), chain: router.chain.clone() };
    other.chain.written(&ours, seq);
    other.commit("them").await;
    other.commit("them").await;
    assert_eq!(router.settled(&ours).await.unwrap(), Settled::Written(seq));
}

#[tokio::test]
async fn a_lost_tail_is_no_answer() {
    let mut router = Router::new();
    router.commit("us").await;
    router.commit("us").await;
    let ours = router.seal("us");
    for keep in [1, 0] {
        router.log.lose_tail(keep);
        assert!(
            matches!(router.settled(&ours).await, Err(LogError::Broken { .. })),
            "{keep} commits are left"
        );
    }
    // Another commit at the very sequence that ours was to follow.
    let mut other = Router::new();
    other.log = router.log.clone();
    other.commit("them").await;
    other.commit("them").await;
    assert!(matches!(router.settled(&ours).await, Err(LogError::Broken { .. })));
}

/// A commit over an input after another commit, whose outcome nobody knows.
async fn over_an_input(router: &mut Router) -> Sealed {
    router.commit("us").await;
    over_the_next(router).await
}

async fn over_the_next(router: &mut Router) -> Sealed {
    let input =
        InputRecord { schema: SCHEMA, writer: "first".into(), ..InputRecord::default() }.encode_to_vec();
    let seq = router.log.append(Door::Ingest, input.clone().into()).await.unwrap();
    router.chain.absorb(seq, Door::Ingest, &input);
    let decided_through = Some(Position { seq, ..Position::default() });
    router.chain.seal(Commit { decided_through, ..Commit::default() }).unwrap()
}

#[tokio::test]
async fn the_first_commit_of_all_is_found_by_the_one_input_that_it_judged() {
    let mut router = Router::new();
    let sealed = over_the_next(&mut router).await;
    router.log.lose_next_ack();
    router.log.commit(sealed.payload.clone(), sealed.previous_seq).await.unwrap_err();
    assert_eq!(router.settled(&sealed).await.unwrap(), Settled::Written(2));
}

#[tokio::test]
async fn inputs_that_are_gone_or_others_are_no_answer_though_the_commit_before_them_stands() {
    let mut router = Router::new();
    let ours = over_an_input(&mut router).await;
    assert_eq!(router.settled(&ours).await.unwrap(), Settled::NotWritten);
    router.log.lose_tail(1);
    assert!(
        matches!(router.settled(&ours).await, Err(LogError::Broken { seq: 2, .. })),
        "nothing stands there"
    );
    router.log.append(Door::Ingest, Bytes::from_static(b"another input")).await.unwrap();
    let outcome = commit_settled(router.log.as_ref(), ours.payload.clone(), 99, 1).await;
    assert!(matches!(outcome, Err(SettleError::Log(LogError::Broken { .. }))), "{outcome:?}");
    assert!(
        matches!(router.settled(&ours).await, Err(LogError::Broken { seq: 2, .. })),
        "another stands there"
    );
    assert_eq!(router.log.last_seq().await.unwrap(), 2, "and nothing was written on top of it");
}

#[tokio::test]
async fn after_a_lost_connection_nothing_is_sent_before_what_it_stands_on_is_seen_again() {
    let mut router = Router::new();
    let ours = over_an_input(&mut router).await;
    let read_at = router.log.losses();
    // The tail is lost and grows again; the fence alone would let ours stand on another input than it judged.
    router.log.lose_tail(1);
    router.log.append(Door::Ingest, Bytes::from_static(b"another input")).await.unwrap();
    let outcome = commit_settled(router.log.as_ref(), ours.payload.clone(), ours.previous_seq, read_at).await;
    assert!(matches!(outcome, Err(SettleError::Log(LogError::Broken { seq: 2, .. }))), "{outcome:?}");
    assert_eq!(router.log.last_seq().await.unwrap(), 2, "and nothing was written");
    // A connection that was only lost costs a look.
    let mut steady = Router::new();
    let ours = over_an_input(&mut steady).await;
    steady.log.cut_connections();
    let seq = commit_settled(steady.log.as_ref(), ours.payload, ours.previous_seq, 0).await.unwrap();
    assert_eq!(seq, 3);
}

#[tokio::test]
async fn a_commit_that_stands_on_another_than_it_was_made_for_is_no_answer() {
    let mut router = Router::new();
    let ours = over_an_input(&mut router).await;
    router.log.lose_tail(0);
    let mut other = Router::new();
    other.log = router.log.clone();
    other.commit("them").await;
    // It was on its way when the tail was lost, and its expected sequence matches again.
    router.log.commit(ours.payload.clone(), ours.previous_seq).await.unwrap();
    assert!(matches!(router.settled(&ours).await, Err(LogError::Broken { seq: 1, .. })));
}

#[tokio::test]
async fn committing_goes_on_through_faults_until_it_is_settled() {
    let mut router = Router::new();
    for fault in [MemoryDesk::lose_next_ack, MemoryDesk::lose_next_write, |_: &MemoryDesk| {}] {
        let sealed = router.seal("us");
        fault(&router.log);
        let seq = commit_settled(router.log.as_ref(), sealed.payload.clone(), sealed.previous_seq, 0)
            .await
            .unwrap();
        router.chain.written(&sealed, seq);
    }
    assert_eq!(router.log.last_seq().await.unwrap(), 3, "each stands there once");

    let sealed = router.seal("us");
    router.log.set_reachable(false);
    let log = router.log.clone();
    let later = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(120)).await;
        log.set_reachable(true);
    });
    let seq =
        commit_settled(router.log.as_ref(), sealed.payload.clone(), sealed.previous_seq, 0).await.unwrap();
    assert_eq!(seq, 4);
    later.await.unwrap();
}

#[tokio::test]
async fn committing_stops_when_another_router_has_the_desk() {
    let mut router = Router::new();
    let ours = router.seal("us");
    Router { log: router.log.clone(), chain: router.chain.clone() }.commit("them").await;
    let outcome = commit_settled(router.log.as_ref(), ours.payload, ours.previous_seq, 0).await;
    assert!(matches!(outcome, Err(SettleError::Fenced { last_seq: 1 })), "{outcome:?}");
}
