//! Loss of power, and a disk that is full: nats-server's store on a disk of our own, which forgets what was not
//! flushed. Needs FUSE; where there is none, these tests say so and try nothing, and with `SIMPANG_FUSE=required` they
//! fail instead.

use std::path::Path;

use bytes::Bytes;
use futures_util::StreamExt as _;
use simpang_log::port::{AppendError, DeskLog, Door, LogStore as _, Record};
use simpang_tests::{Broker, BrokerOptions, Disk, Layout, Setup, Stand, eventually};

use crate::away::letter;
use crate::desk::{STREAM, connect, desk, record};

/// Room on a disk that has enough.
const ROOM: u64 = 1 << 30;
/// What streams may take of it: nats-server would else take three quarters of what is free when it starts.
const STORE: u64 = 512 << 20;
/// Records that are acknowledged before the power goes.
const RECORDS: u32 = 300;

/// A disk, where this machine can mount one.
fn disk(path: &Path, room: u64) -> Option<Disk> {
    match Disk::mount(path, room) {
        Ok(disk) => Some(disk),
        Err(error) if std::env::var_os("SIMPANG_FUSE").is_none() => {
            eprintln!("NOT TRIED: this machine has no FUSE that we may use ({error})");
            None
        }
        Err(error) => panic!("FUSE is required and can't be used: {error}"),
    }
}

fn on(disk: &Path, sync_always: bool) -> BrokerOptions {
    BrokerOptions { sync_always, max_file_store: Some(STORE), store: Some(disk.join("store")) }
}

/// What stands on the desk's log now, if the desk is there.
async fn standing(broker: &Broker) -> Vec<Record> {
    let log = match connect(broker).await.open(&desk()).await {
        Ok(log) => log,
        Err(error) => {
            eprintln!("the desk can't be opened: {error}");
            return Vec::new();
        }
    };
    let last = usize::try_from(log.last_seq().await.unwrap()).unwrap();
    log.read(1).await.unwrap().take(last).map(Result::unwrap).collect().await
}

/// How many of the acknowledged records are gone after the power was.
async fn lost_with_the_power(sync_always: bool) -> Option<usize> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    let mut disk = disk(&path, ROOM)?;
    let mut broker = Broker::start(dir.path(), on(&path, sync_always)).await;
    let log = connect(&broker).await.create(&desk()).await.unwrap();
    let mut acknowledged = Vec::new();
    for key in 0..RECORDS {
        let payload = record(key);
        acknowledged.push((log.append(Door::Ingest, payload.clone()).await.unwrap(), payload));
    }
    broker.kill();
    let flushes = disk.flushes();
    disk.lose_power();
    broker.run().await;
    let standing = standing(&broker).await;
    drop(broker);
    let is_there = |(seq, payload): &&(u64, Bytes)| {
        standing.iter().any(|record| record.seq == *seq && record.payload == payload)
    };
    let kept = acknowledged.iter().filter(is_there).count();
    eprintln!("sync_interval always: {sync_always}: {flushes} flushes, {kept} of {RECORDS} kept");
    Some(acknowledged.len() - kept)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_survives_loss_of_power_with_sync_always_and_not_by_default() {
    let Some(lost) = lost_with_the_power(true).await else { return };
    assert_eq!(lost, 0, "acknowledged and lost, though flushed before");
    // The control: a disk on which the default loses nothing would prove nothing.
    let lost = lost_with_the_power(false).await.unwrap();
    assert!(lost > 0, "the default flushes every two minutes, and lost nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_installation_survives_loss_of_the_brokers_power() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    let Some(mut disk) = disk(&path, ROOM) else { return };
    let setup = Setup { layout: Layout::Apart, broker: on(&path, true), ..Setup::apart() };
    let mut stand = Stand::start_with(setup, |_| {}).await;
    for outage in 0..3 {
        let (smtp, sent) = (stand.smtp(), stand.sent().clone());
        let begun = sent.count();
        let sending = tokio::spawn(async move {
            let mut taken = 0;
            for number in outage * 100..outage * 100 + 60 {
                taken += u32::from(letter(number, "Listrik mati.").send(smtp, &sent).await);
            }
            taken
        });
        let sent = stand.sent().clone();
        eventually("letters on their way", async || (sent.count() > begun + 15).then_some(())).await;
        stand.brokers().server(0).kill();
        disk.lose_power();
        stand.brokers().server(0).run().await;
        assert!(sending.await.unwrap() > 15);
    }
    let rina = stand.signed_in("rina", "tenesa").await;
    let case = rina.pull_one().await.case;
    rina.reply(case, 1, "Listrik sudah menyala.", true).await.unwrap();
    let finished = stand.finish().await;
    assert_eq!(finished.received.len(), 1);
}

/// Appends until the log refuses; what it acknowledged before.
async fn fill(log: &dyn DeskLog) -> (Vec<u64>, AppendError) {
    let mut acknowledged = Vec::new();
    loop {
        match log.append(Door::Ingest, vec![7; 100_000].into()).await {
            Ok(seq) => acknowledged.push(seq),
            Err(error) => return (acknowledged, error),
        }
        assert!(acknowledged.len() < 1_000, "100 MB fit on a disk of 8 MiB");
    }
}

/// What docs/repair.md says under "A full disk": nats-server counts again what stands in its blocks. The record that did
/// not fit was written in part; a server that is just restarted counts it, though it was never acknowledged.
async fn count_again(broker: &mut Broker) {
    broker.stop().await;
    let index = broker.blocks(STREAM)[0].with_file_name("index.db");
    std::fs::remove_file(index).unwrap();
    broker.run().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_what_it_can_not_keep_and_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    let Some(disk) = disk(&path, 8 << 20) else { return };
    let mut broker = Broker::start(dir.path(), on(&path, true)).await;
    let log = connect(&broker).await.create(&desk()).await.unwrap();
    let (acknowledged, error) = fill(log.as_ref()).await;
    eprintln!("{} records, {} bytes on the disk, then: {error}", acknowledged.len(), disk.used());
    assert!(acknowledged.len() > 10);
    assert!(log.append(Door::Ingest, record(1)).await.is_err() || disk.used() <= 8 << 20);

    disk.set_room(ROOM);
    count_again(&mut broker).await;
    let stands = standing(&broker).await;
    let missing: Vec<&u64> =
        acknowledged.iter().filter(|seq| !stands.iter().any(|record| record.seq == **seq)).collect();
    assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
    let log = connect(&broker).await.open(&desk()).await.unwrap();
    let next = log.append(Door::Ingest, record(2)).await.unwrap();
    assert!(next > *acknowledged.last().unwrap());
    broker.kill();
}
