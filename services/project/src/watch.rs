//! Streams of what is so now and what changes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use simpang_proto::view::v1 as api;
use simpang_views::Changes;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::counters;
use crate::desk::Desk;

/// How long changes are put together before they are shown.
const GATHER: Duration = Duration::from_millis(25);
/// How often the board and the floor are worked out at most.
const TABLES_EVERY: Duration = Duration::from_millis(500);
/// Cases in one answer.
const PAGE: u32 = 500;

type Sender = mpsc::Sender<Result<api::WatchResponse, Status>>;

/// A watch has to watch something.
pub(crate) fn check(asked: &api::WatchRequest) -> Result<(), Status> {
    if asked.cases.is_none() && asked.sla.is_none() && asked.agents.is_none() {
        return Err(Status::invalid_argument("say what to watch: set `cases`, `sla` or `agents`"));
    }
    Ok(())
}

/// Watches until the caller goes, the role stops or the view stands still.
pub(crate) async fn run(desk: Arc<Desk>, asked: api::WatchRequest, sender: Sender, stop: CancellationToken) {
    let gauge = metrics::gauge!(counters::WATCHERS, "desk" => desk.name.to_string());
    gauge.increment(1.0);
    let changes = desk.watch();
    let watch = Watch { desk, asked, sender };
    tokio::select! {
        ended = watch.go_on(changes) => {
            if let Err(Some(status)) = ended {
                let _ = watch.sender.send(Err(status)).await;
            }
        }
        () = watch.sender.closed() => {}
        () = stop.cancelled() => {
            let _ = watch.sender.try_send(Err(Status::unavailable("the view is stopping: watch again")));
        }
    }
    gauge.decrement(1.0);
}

struct Watch {
    desk: Arc<Desk>,
    asked: api::WatchRequest,
    sender: Sender,
}

/// An end without a status: the caller went.
type Went<T> = Result<T, Option<Status>>;

impl Watch {
    /// `changes` were subscribed to before anything is read, so that none falls between.
    async fn go_on(&self, mut changes: Receiver<Arc<Changes>>) -> Went<()> {
        // Cases that the caller was shown and that still match.
        let mut shown = BTreeSet::new();
        self.everything(&mut shown).await?;
        let (mut due_sla, mut due_agents) = (false, false);
        let mut tables_at = tokio::time::Instant::now() + TABLES_EVERY;
        loop {
            let waits = due_sla || due_agents;
            let gathered = tokio::select! {
                gathered = gather(&mut changes) => gathered?,
                () = tokio::time::sleep_until(tables_at), if waits => Some(Changes::default()),
            };
            let Some(gathered) = gathered else {
                // More changed than is remembered: what matches now is shown again.
                self.everything(&mut shown).await?;
                continue;
            };
            self.desk.at_least(0).await.map_err(Some)?;
            due_sla |= gathered.sla && self.asked.sla.is_some();
            due_agents |= gathered.agents && self.asked.agents.is_some();
            let mut answer = self.cases(gathered.cases, &mut shown).await?;
            if (due_sla || due_agents) && tokio::time::Instant::now() >= tables_at {
                self.tables(&mut answer, due_sla, due_agents).await?;
                (due_sla, due_agents) = (false, false);
                tables_at = tokio::time::Instant::now() + TABLES_EVERY;
            }
            self.send(answer).await?;
        }
    }

    /// What is so now: cases page by page, then the tables.
    async fn everything(&self, shown: &mut BTreeSet<u64>) -> Went<()> {
        let before = std::mem::take(shown);
        let mut page_token = String::new();
        if self.asked.cases.is_some() {
            loop {
                let page = self.page(page_token).await?;
                shown.extend(page.cases.iter().map(|case| case.case));
                page_token = page.next_page_token;
                let answer = api::WatchResponse {
                    position: page.position,
                    cases: page.cases,
                    ..api::WatchResponse::default()
                };
                self.send(answer).await?;
                if page_token.is_empty() {
                    break;
                }
            }
        }
        let mut answer = api::WatchResponse {
            position: self.desk.position().unwrap_or_default(),
            gone: before.difference(shown).copied().collect(),
            ..api::WatchResponse::default()
        };
        self.tables(&mut answer, self.asked.sla.is_some(), self.asked.agents.is_some()).await?;
        // Sent even when it is empty: it says that the watch has begun, and from where.
        self.sender.send(Ok(answer)).await.map_err(|_| None)
    }

    async fn page(&self, page_token: String) -> Went<api::ListCasesResponse> {
        let request = api::ListCasesRequest {
            filter: self.asked.cases.clone(),
            sort: api::CaseSort::Oldest as i32,
            page_size: PAGE,
            page_token,
            ..api::ListCasesRequest::default()
        };
        self.desk.read(0, move |snapshot| snapshot.list_cases(&request)).await.map_err(Some)
    }

    async fn cases(&self, changed: BTreeSet<u64>, shown: &mut BTreeSet<u64>) -> Went<api::WatchResponse> {
        let mut answer = api::WatchResponse::default();
        let Some(filter) = self.asked.cases.clone().filter(|_| !changed.is_empty()) else {
            answer.position = self.desk.position().unwrap_or_default();
            return Ok(answer);
        };
        let wanted = changed.clone();
        let read = self
            .desk
            .read(0, move |snapshot| Ok((snapshot.position()?, snapshot.matching(&filter, wanted)?)));
        (answer.position, answer.cases) = read.await.map_err(Some)?;
        let matching: BTreeSet<u64> = answer.cases.iter().map(|case| case.case).collect();
        answer.gone = changed.difference(&matching).filter(|case| shown.remove(case)).copied().collect();
        shown.extend(matching);
        Ok(answer)
    }

    async fn tables(&self, answer: &mut api::WatchResponse, sla: bool, agents: bool) -> Went<()> {
        if let Some(board) = self.asked.sla.clone().filter(|_| sla) {
            let read = self.desk.read(0, move |snapshot| snapshot.sla_now(&board));
            answer.sla = Some(read.await.map_err(Some)?);
        }
        if let Some(floor) = self.asked.agents.clone().filter(|_| agents) {
            let read = self.desk.read(0, move |snapshot| snapshot.list_agents(&floor));
            answer.agents = Some(read.await.map_err(Some)?);
        }
        Ok(())
    }

    async fn send(&self, answer: api::WatchResponse) -> Went<()> {
        let nothing = answer.cases.is_empty()
            && answer.gone.is_empty()
            && answer.sla.is_none()
            && answer.agents.is_none();
        if nothing {
            return Ok(());
        }
        self.sender.send(Ok(answer)).await.map_err(|_| None)
    }
}

/// The next changes, with those that come within a moment; none when some were missed.
async fn gather(changes: &mut Receiver<Arc<Changes>>) -> Went<Option<Changes>> {
    let stopping = || Some(Status::unavailable("the view is stopping: watch again"));
    let mut all = match changes.recv().await {
        Ok(first) => Changes::clone(&first),
        Err(RecvError::Lagged(_)) => return Ok(None),
        Err(RecvError::Closed) => return Err(stopping()),
    };
    tokio::time::sleep(GATHER).await;
    loop {
        match changes.try_recv() {
            Ok(more) => {
                all.cases.extend(&more.cases);
                all.agents |= more.agents;
                all.sla |= more.sla;
            }
            Err(TryRecvError::Lagged(_)) => return Ok(None),
            Err(TryRecvError::Empty) => return Ok(Some(all)),
            Err(TryRecvError::Closed) => return Err(stopping()),
        }
    }
}
