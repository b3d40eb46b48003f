//! How soon a standby goes on when the owner of a desk is killed, frozen or cut off from the broker, and who wrote what.
//! The times are printed, not asserted: a machine under load is late.

use std::time::{SystemTime, UNIX_EPOCH};

use simpang_log::tail::Body;
use simpang_log::{Anchor, DeskName, LogStore, Tail};
use simpang_log_nats::{NatsOptions, NatsStore};
use simpang_proto::log::v1::event;
use simpang_tests::{DEADLINE, Letter, Link, Role, Setup, Stand, eventually};

/// What a router says that finds another in its place.
const REPLACED: &str = "another router has the desk";

/// What happens to an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// SIGKILL.
    Killed,
    /// SIGSTOP, and SIGCONT once the standby has gone on.
    Frozen,
    /// Nothing passes between it and the broker, and nobody is told.
    CutOff,
    /// It hears everything and nothing that it sends arrives: it judges, and its commit stays on its way.
    Unheard,
}

/// A commit, by who wrote it.
#[derive(Debug, Clone)]
struct Commit {
    at_ms: i64,
    writer: String,
    epoch: u64,
    /// The router and epoch of the take-over in it.
    taken: Option<(String, u64)>,
}

/// The commits of a desk, as they come.
struct Commits {
    tail: Tail,
    all: Vec<Commit>,
}

impl Commits {
    async fn of(stand: &Stand, desk: &str) -> Self {
        let store = NatsStore::connect(&stand.nats_url(), NatsOptions::default()).await.unwrap();
        let log = store.open(&DeskName::new(desk).unwrap()).await.unwrap();
        Self { tail: Tail::start(log, Anchor::Start), all: Vec::new() }
    }

    /// Reads what stands on the log now.
    async fn catch_up(&mut self) {
        let last = self.tail.log().last_seq().await.unwrap();
        while let Some(entry) = self.tail.read_until(last).await.unwrap() {
            self.take(entry.at_ms, entry.body);
        }
    }

    fn take(&mut self, at_ms: i64, body: Body) {
        let Body::Commit { commit, .. } = body else { return };
        let taken = commit.events.iter().find_map(|event| match &event.body {
            Some(event::Body::DeskTaken(taken)) => Some((taken.writer.clone(), taken.epoch)),
            _ => None,
        });
        let (writer, epoch) = (commit.writer.clone(), commit.epoch);
        self.all.push(Commit { at_ms, writer, epoch, taken });
    }

    /// The next commit that somebody else wrote.
    async fn next_of_another(&mut self, than: &str) -> Commit {
        let next = async {
            loop {
                let entry = self.tail.next().await.unwrap();
                let known = self.all.len();
                self.take(entry.at_ms, entry.body);
                if let Some(commit) = self.all.get(known).filter(|commit| commit.writer != than) {
                    return commit.clone();
                }
            }
        };
        tokio::time::timeout(DEADLINE, next).await.unwrap_or_else(|_| panic!("nobody goes on after {than}"))
    }

    /// Everything was written by the one who had taken the desk last, in the epoch of that take-over.
    fn each_by_the_owner_of_its_time(&self) {
        let mut owner = None;
        for commit in &self.all {
            if let Some(taken) = &commit.taken {
                assert!(
                    owner.as_ref().is_none_or(|(_, epoch)| *epoch < taken.1),
                    "{taken:?} after {owner:?}"
                );
                owner = Some(taken.clone());
            }
            assert_eq!(Some(&(commit.writer.clone(), commit.epoch)), owner.as_ref(), "{commit:?}");
        }
    }
}

fn role_of(writer: &str) -> Role {
    if writer.contains("standby") { Role::Standby } else { Role::Router }
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

async fn write(stand: &Stand, number: u32) {
    let letter = Letter {
        from: "it@sinarmaju.example".into(),
        subject: format!("Gangguan {number}"),
        id: format!("takeover-{number}@sinarmaju.example"),
        answers: String::new(),
        text: "Jaringan putus.".into(),
    };
    let (smtp, sent) = (stand.smtp(), stand.sent());
    eventually("the mail to be taken", async || letter.send(smtp, sent).await.then_some(())).await;
}

fn strike(stand: &mut Stand, owner: Role, fault: Fault) {
    match fault {
        Fault::Killed => stand.kill(owner),
        Fault::Frozen => stand.program(owner).freeze(),
        Fault::CutOff => stand.links(owner).iter().for_each(Link::hold),
        Fault::Unheard => stand.links(owner).iter().for_each(Link::hold_out),
    }
}

async fn mend(stand: &mut Stand, owner: Role, fault: Fault) {
    match fault {
        Fault::Killed => stand.run(owner),
        Fault::Frozen => stand.program(owner).thaw(),
        Fault::CutOff | Fault::Unheard => stand.links(owner).iter().for_each(Link::mend),
    }
    stand.until_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_goes_on_whatever_happens_to_the_owner_whose_next_commit_is_refused() {
    let setup = Setup { roles: Role::DOUBLED.to_vec(), linked: true, ..Setup::apart() };
    let mut stand = Stand::start_with(setup, |_| {}).await;
    let mut commits = Commits::of(&stand, "tenesa").await;
    for (number, fault) in (1..).zip([Fault::Unheard, Fault::CutOff, Fault::Frozen, Fault::Killed]) {
        commits.catch_up().await;
        let owner = commits.all.last().unwrap().writer.clone();
        let role = role_of(&owner);
        let stepped_down = stand.program(role).printed().matches(REPLACED).count();

        let begun = now_ms();
        strike(&mut stand, role, fault);
        write(&stand, number).await;
        let first = commits.next_of_another(&owner).await;
        eprintln!(
            "{fault:?}: the first commit of {} stands {} ms after {owner} was struck",
            first.writer,
            first.at_ms - begun
        );
        assert_ne!(role_of(&first.writer), role, "the standby goes on");
        mend(&mut stand, role, fault).await;
        if fault != Fault::Killed {
            eventually("the owner of before to step down", async || {
                (stand.program(role).printed().matches(REPLACED).count() > stepped_down).then_some(())
            })
            .await;
        }
    }
    stand.finish().await;
    commits.catch_up().await;
    commits.each_by_the_owner_of_its_time();
    stand.stop_all().await;
}
