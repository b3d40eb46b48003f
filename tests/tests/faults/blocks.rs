//! Stored blocks with a flipped bit, or cut short. The broker says little about it: after a clean stop it counts
//! records that it can't read, after a crash it ends the stream before the damage and gives the same sequences out
//! again. So readers find it, each by what it knows.

use futures_util::future::join_all;
use simpang_log::port::LogStore;
use simpang_log::{Anchor, LogError, Tail};
use simpang_tests::{Broker, BrokerOptions};

use crate::desk::{STREAM, connect, desk, read, reader, write};

/// Inputs; a commit follows each.
const INPUTS: u32 = 20;
const LAST: u64 = 2 * INPUTS as u64;

/// What is done to the block.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// A bit in the first record.
    FirstRecord,
    /// A bit in the middle.
    Middle,
    /// A bit in the last record.
    LastRecord,
    /// The last record's end is gone.
    Tail,
    /// The second half is gone.
    Half,
}

const ALL: [Damage; 5] =
    [Damage::FirstRecord, Damage::Middle, Damage::LastRecord, Damage::Tail, Damage::Half];

fn damage(broker: &Broker, damage: Damage) {
    let block = broker.blocks(STREAM).pop().unwrap();
    let mut bytes = std::fs::read(&block).unwrap();
    let length = bytes.len();
    match damage {
        Damage::FirstRecord => bytes[30] ^= 1,
        Damage::Middle => bytes[length / 2] ^= 1,
        Damage::LastRecord => bytes[length - 12] ^= 1,
        Damage::Tail => bytes.truncate(length - 5),
        Damage::Half => bytes.truncate(length / 2),
    }
    std::fs::write(block, bytes).unwrap();
}

/// How three readers came out.
struct Outcome {
    name: String,
    /// One that had read everything and stayed connected.
    follower: Option<LogError>,
    /// One that had stored where it stood, as a view does.
    returning: Option<LogError>,
    /// One that knows nothing: what it read, and why it stopped.
    fresh: (Vec<bytes::Bytes>, Option<LogError>),
    /// What stood on the log.
    written: Vec<bytes::Bytes>,
}

async fn try_one(how: Damage, is_crash: bool) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(dir.path(), BrokerOptions::default()).await;
    let store = connect(&broker).await;
    let anchor = write(&store, INPUTS).await;
    let written = read(&mut reader(&store, 0).await, LAST).await.0;
    let mut follower = reader(&store, LAST).await;
    if is_crash {
        broker.kill();
    } else {
        broker.stop().await;
    }
    damage(&broker, how);
    broker.run().await;

    // What comes next shows a reader at the end where it stands; a log that is not fit takes nothing.
    let fresh_store = connect(&broker).await;
    let opened = fresh_store.open(&desk()).await;
    let (returning, fresh) = match opened {
        Err(error) => (Some(error.clone()), (Vec::new(), Some(error))),
        Ok(log) => {
            let stands = log.last_seq().await.unwrap();
            let fresh = read(&mut Tail::start(log.clone(), Anchor::Start), stands).await;
            let returning = read(&mut Tail::start(log, anchor), LAST).await.1;
            (returning, fresh)
        }
    };
    let follower = read(&mut follower, LAST + 1);
    let next = async {
        // Only a log whose end stands as it was takes another record at the place that follows.
        let log = fresh_store.open(&desk()).await.ok()?;
        log.append(simpang_log::Door::Ingest, crate::desk::record(99)).await.ok()
    };
    let (follower, _) = tokio::join!(follower, next);
    Outcome { name: format!("{how:?}, crash: {is_crash}"), follower: follower.1, returning, fresh, written }
}

fn is_found(error: Option<&LogError>) -> bool {
    let of_log = |error: &LogError| {
        matches!(error, LogError::Broken { .. } | LogError::Misconfigured { .. } | LogError::Trimmed { .. })
    };
    error.is_some_and(of_log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_reads_past_a_damaged_block() {
    let cases = ALL.into_iter().flat_map(|how| [(how, false), (how, true)]);
    for outcome in join_all(cases.map(|(how, is_crash)| try_one(how, is_crash))).await {
        let Outcome { name, follower, returning, fresh, written } = outcome;
        eprintln!(
            "{name}:\n  follower  {follower:?}\n  returning {returning:?}\n  fresh     {} then {:?}",
            fresh.0.len(),
            fresh.1
        );
        // Nobody ever gets anything but what was written.
        assert_eq!(fresh.0[..], written[..fresh.0.len()], "{name}: a fresh reader read something else");
        assert!(fresh.0.len() < written.len(), "{name}: nothing was damaged");
        assert!(is_found(returning.as_ref()) || is_found(fresh.1.as_ref()), "{name}: nobody noticed");
    }
}
