//! An agent at the gateway: signs in, asks for work, does something with it, hangs up in the middle, asks again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use simpang_proto::agent::v1 as api;
use simpang_proto::agent::v1::agent_client::AgentClient;
use simpang_wire::key::Purpose;
use tokio::time::sleep;
use tonic::{Code, Request};

use super::Journal;
use crate::fault::Fault;
use crate::policy::{AGENTS, LEAD, MAIN, OTHER};
use crate::processes::{Processes, Served};
use crate::world::World;

/// An agent.
pub(crate) struct Agent {
    name: &'static str,
    processes: Arc<Processes>,
    world: Arc<World>,
    journal: Journal,
    /// Which gateway they use.
    gateway: u32,
    requests: u64,
    session: String,
    cases: Vec<u64>,
    offers: Vec<u64>,
}

/// Calls a method until an answer comes that is one, dropping some calls in the middle and sending others again.
macro_rules! ask {
    ($agent:ident, $method:ident, $kind:ident { $($field:ident $(: $value:expr)?),* $(,)? }) => {{
        let id = $agent.new_request();
        let desk = MAIN.to_owned();
        #[allow(clippy::needless_update)] // some requests have no other fields
        let request =
            api::$kind { desk, request_id: id.clone(), $($field $(: $value)?,)* ..Default::default() };
        ask!(@send $agent, $method, id, request)
    }};
    (@send $agent:ident, $method:ident, $id:ident, $request:expr) => {{
        let request = $request;
        let mut answer = None;
        for attempt in 0..12u32 {
            let Some(served) = $agent.served().await else { break };
            if attempt > 0 {
                $agent.world.fault(Fault::CallRepeated, $agent.name);
            }
            let mut client = AgentClient::new(served.api.clone());
            let call = client.$method($agent.signed(request.clone()));
            let patience = $agent.patience();
            let outcome = tokio::select! {
                biased;
                outcome = call => Some(outcome),
                () = served.link.died() => None,
                () = sleep(patience) => {
                    $agent.world.fault(Fault::CallDropped, $agent.name);
                    None
                }
            };
            match outcome {
                Some(Ok(done)) if served.link.is_alive() => {
                    $agent.accepted(stringify!($method), &$id);
                    answer = Some(done.into_inner());
                    break;
                }
                Some(Err(status)) if !matches!(status.code(), Code::Unavailable | Code::DataLoss) => {
                    let (code, why) = (status.code(), status.message());
                    $agent.world.note($agent.name, format_args!("{} refused: {code:?} {why}", stringify!($method)));
                    break;
                }
                _ => $agent.rest(10, 300).await,
            }
        }
        answer
    }};
}

impl Agent {
    pub(crate) fn new(
        name: &'static str,
        gateway: u32,
        processes: &Arc<Processes>,
        journal: &Journal,
    ) -> Self {
        Self {
            name,
            world: Arc::clone(&processes.broker.world),
            processes: Arc::clone(processes),
            journal: journal.clone(),
            gateway,
            requests: 0,
            session: String::new(),
            cases: Vec::new(),
            offers: Vec::new(),
        }
    }

    /// Works until the storm is over.
    pub(crate) async fn run(mut self) {
        while self.world.is_storm() {
            self.rest(5, 160).await;
            if self.session.is_empty() {
                self.sign_in().await;
                continue;
            }
            match self.world.below(100) {
                0..26 => self.pull().await,
                26..36 => self.look().await,
                36..74 => self.handle().await,
                74..80 => self.answer_offer().await,
                80..86 => self.watch().await,
                86..91 => self.presence().await,
                91..93 => self.sign_out().await,
                _ => self.meddle().await,
            }
        }
    }

    async fn rest(&self, from_ms: u64, to_ms: u64) {
        sleep(self.world.between(from_ms, to_ms)).await;
    }

    fn patience(&self) -> Duration {
        if self.world.is_storm() && self.world.chance(60) {
            self.world.between(0, 12)
        } else {
            Duration::from_secs(30)
        }
    }

    fn new_request(&mut self) -> String {
        self.requests += 1;
        format!("{}-{}", self.name, self.requests)
    }

    /// The gateway, once it lives; none when the storm is over first.
    async fn served(&self) -> Option<Served> {
        for _ in 0..400 {
            if let Some(served) = self.processes.served(self.gateway) {
                return Some(served);
            }
            sleep(Duration::from_millis(50)).await;
        }
        None
    }

    fn signed<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Ok(context) = format!("00-{:032x}-{:016x}-01", 7, self.requests + 1).parse() {
            request.metadata_mut().insert("traceparent", context);
        }
        if let Ok(token) = format!("Bearer {}", self.name).parse() {
            request.metadata_mut().insert("authorization", token);
        }
        request
    }

    fn accepted(&self, method: &str, request_id: &str) {
        self.world.note(self.name, format_args!("{method} {request_id} done"));
        if method == "get_work" {
            return;
        }
        let parts = [MAIN, "command", self.name, request_id].map(str::as_bytes);
        let key = self.processes.keyer.key(Purpose::Idempotency, &parts);
        self.journal.note(MAIN, "gateway", &key);
    }

    async fn sign_in(&mut self) {
        let id = self.new_request();
        let (ready, auto) = (self.world.chance(850), self.world.chance(350));
        let request = api::SignInRequest { desk: MAIN.into(), request_id: id.clone(), ready, auto };
        if let Some(done) = ask!(@send self, sign_in, id, request) {
            self.session = done.session;
            self.cases.clear();
        }
    }

    async fn sign_out(&mut self) {
        let (id, session) = (self.new_request(), std::mem::take(&mut self.session));
        let request = api::SignOutRequest { desk: MAIN.into(), request_id: id.clone(), session };
        ask!(@send self, sign_out, id, request);
    }

    async fn presence(&mut self) {
        let id = self.new_request();
        let all = [api::Presence::Ready, api::Presence::Ready, api::Presence::NotReady];
        let presence = self.world.one_of(&all).unwrap_or(api::Presence::Ready);
        let auto = self.world.chance(400);
        let request = api::SetPresenceRequest {
            desk: MAIN.into(),
            request_id: id.clone(),
            presence: presence.into(),
            auto,
            ..Default::default()
        };
        ask!(@send self, set_presence, id, request);
    }

    async fn pull(&mut self) {
        let id = self.new_request();
        let count = 1 + u32::try_from(self.world.below(3)).unwrap_or(0);
        let wait_ms = self.world.one_of(&[0, 900, 20_000]).unwrap_or(0);
        let queues = if self.world.chance(150) { vec!["general".to_owned()] } else { Vec::new() };
        let request = api::PullRequest { desk: MAIN.into(), request_id: id.clone(), count, wait_ms, queues };
        let Some(done) = ask!(@send self, pull, id, request) else { return };
        self.cases.extend(done.assignments.iter().map(|assignment| assignment.case));
        if done.waiting.is_some() && self.world.chance(200) {
            let id = self.new_request();
            let pull = done.waiting.and_then(|waiting| waiting.pull);
            let request = api::CancelPullRequest { desk: MAIN.into(), request_id: id.clone(), pull };
            ask!(@send self, cancel_pull, id, request);
        }
    }

    /// Asks what they have to do.
    async fn look(&mut self) {
        let id = String::new();
        let request = api::GetWorkRequest { desk: MAIN.into(), at_least: 0 };
        let Some(done) = ask!(@send self, get_work, id, request) else { return };
        let work = done.work.unwrap_or_default();
        self.session = work.session;
        self.cases = work.assignments.iter().map(|assignment| assignment.case).collect();
        self.offers = work.offers.iter().map(|offer| offer.case).collect();
    }

    async fn answer_offer(&mut self) {
        self.look().await;
        let Some(case) = self.world.one_of(&self.offers) else { return };
        let id = self.new_request();
        if self.world.chance(700) {
            let request = api::AcceptRequest { desk: MAIN.into(), request_id: id.clone(), case };
            if ask!(@send self, accept, id, request).is_some() {
                self.cases.push(case);
            }
        } else {
            let request = api::DeclineRequest {
                desk: MAIN.into(),
                request_id: id.clone(),
                case,
                reason: "busy".into(),
            };
            ask!(@send self, decline, id, request);
        }
    }

    /// Opens the stream of their work for a while; hangs up on it.
    async fn watch(&mut self) {
        let Some(served) = self.served().await else { return };
        let mut client = AgentClient::new(served.api.clone());
        let request = api::WatchRequest { desk: MAIN.into(), session: self.session.clone(), at_least: 0 };
        let until = self.world.between(20, 2_500);
        let listening = async {
            let Ok(stream) = client.watch(self.signed(request)).await else { return 0 };
            let mut stream = stream.into_inner();
            let mut heard = 0;
            while let Some(Ok(_)) = stream.next().await {
                heard += 1;
                // One who reads slowly.
                sleep(self.world.between(0, 20)).await;
            }
            heard
        };
        tokio::select! {
            biased;
            heard = listening => self.world.note(self.name, format_args!("heard {heard}")),
            () = served.link.died() => {}
            () = sleep(until) => {}
        }
    }

    /// Does something with one of their cases.
    async fn handle(&mut self) {
        let Some(case) = self.world.one_of(&self.cases) else { return self.look().await };
        let what = self.world.below(100);
        if !(30..45).contains(&what) {
            self.cases.retain(|other| *other != case || what >= 80);
        }
        match what {
            0..30 => self.reply(case, true).await,
            30..45 => self.reply(case, false).await,
            45..58 => {
                ask!(self, resolve, ResolveRequest { case, outcome: "solved".into() });
            }
            _ => self.pass_on(case, what).await,
        }
    }

    async fn reply(&mut self, case: u64, resolve: bool) {
        let text = "Please try again.".into();
        ask!(self, reply, ReplyRequest { case, text, resolve, kind: api::ReplyKind::Normal.into() });
    }

    async fn pass_on(&mut self, case: u64, what: u64) {
        match what {
            58..64 => {
                let on = api::WaitingOn::Customer.into();
                ask!(self, wait, WaitRequest { case, on });
            }
            64..70 => {
                ask!(self, release, ReleaseRequest { case });
            }
            70..78 => self.transfer(case).await,
            78..80 => {
                ask!(self, mark_spam, MarkSpamRequest { case });
            }
            80..85 => {
                let at_ms = self.world.now_ms() + 1_500;
                ask!(self, schedule, ScheduleRequest { case, at_ms });
            }
            85..90 => {
                let segment = self.world.one_of(&["VIP", "DES"]).unwrap_or("DES").to_owned();
                ask!(self, identify, IdentifyRequest { case, segment });
            }
            90..95 => {
                let category = vec!["Question".to_owned()];
                ask!(self, classify, ClassifyRequest { case, category });
            }
            _ => {
                let into = 1 + self.world.below(case);
                ask!(self, merge, MergeRequest { case, into });
            }
        }
    }

    async fn transfer(&mut self, case: u64) {
        use api::transfer_request::Target;
        let target = match self.world.below(3) {
            0 => Target::Queue("general".into()),
            1 => Target::Agent(self.world.one_of(&AGENTS).unwrap_or(LEAD).to_owned()),
            _ => Target::ToDesk(OTHER.into()),
        };
        ask!(self, transfer, TransferRequest { case, target: Some(target) });
    }

    /// Does something with any case, whoever has it.
    async fn meddle(&mut self) {
        let case = 1 + self.world.below(60);
        match self.world.below(5) {
            0 => {
                ask!(self, reopen, ReopenRequest { case });
            }
            1 => {
                ask!(self, close, CloseRequest { case });
            }
            2 => {
                ask!(self, take_over, TakeOverRequest { case });
            }
            3 => {
                let priority = self.world.one_of(&["vip", "normal", "raised"]).unwrap_or("vip").to_owned();
                ask!(self, set_priority, SetPriorityRequest { case, priority });
            }
            _ => {
                let text = "Looked at it.".into();
                ask!(self, add_note, AddNoteRequest { case, text });
            }
        }
    }
}
