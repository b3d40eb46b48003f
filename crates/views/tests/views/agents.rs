//! The floor.

use simpang_proto::log::v1::Role;
use simpang_proto::view::v1 as api;
use simpang_views::Views;

use crate::story::{story, told};

fn floor(views: &Views, request: &api::ListAgentsRequest) -> Vec<api::Agent> {
    views.snapshot().list_agents(request).unwrap().agents
}

#[tokio::test]
async fn an_agent_shows_record_session_load_and_waiting_pull() {
    let script = story().await;
    let entries = script.entries().await;
    let mut views = Views::in_memory(&script.desk).unwrap();
    let mut seen = None;
    for entry in entries {
        views.fold(&[entry]).unwrap();
        let found = floor(&views, &api::ListAgentsRequest::default());
        seen = seen.or_else(|| found.into_iter().find(|agent| agent.held == 1));
    }
    let agent = seen.unwrap();
    assert_eq!(
        (agent.agent.as_str(), agent.name.as_str(), agent.initials.as_str()),
        ("siti", "Siti Aminah", "SA")
    );
    assert_eq!(agent.roles, ["agent", "team-leader"]);
    assert_eq!((agent.session.as_str(), agent.presence()), ("s1", api::Presence::Ready));
    assert_eq!(agent.admissions, [api::Admission { queue: "email".into(), step: 1 }]);
    assert_eq!((agent.held, agent.parked, agent.pulling), (1, 0, 1), "one of two was given");
}

#[tokio::test]
async fn time_in_state_adds_up_to_the_session() {
    let (_, views) = told().await;
    let all = api::ListAgentsRequest { from_ms: 1, ..Default::default() };
    let [agent] = &floor(&views, &all)[..] else { panic!("one agent") };
    assert_eq!(agent.presence(), api::Presence::Unspecified);
    assert_eq!((agent.session.as_str(), agent.held, agent.pulling), ("", 0, 0));
    let lunch = agent.times.iter().find(|time| time.reason == "lunch").unwrap();
    assert_eq!((lunch.presence(), lunch.ms), (api::Presence::NotReady, 600_000));
    let ready = agent.times.iter().find(|time| time.presence() == api::Presence::Ready).unwrap();
    assert!(ready.ms > 86_400_000, "{}", ready.ms);
    assert_eq!((agent.assigned_in_span, agent.finished_in_span), (5, 3));
    let last_minute = api::ListAgentsRequest { from_ms: agent.since_ms - 60_000, ..Default::default() };
    assert_eq!(floor(&views, &last_minute)[0].times.iter().map(|time| time.ms).sum::<i64>(), 60_000);
}

#[tokio::test]
async fn a_limit_of_an_agents_own_shows_until_the_session_ends() {
    let script = story().await;
    let mut views = Views::in_memory(&script.desk).unwrap();
    let mut shown = Vec::new();
    for entry in script.entries().await {
        views.fold(&[entry]).unwrap();
        let agents = floor(&views, &api::ListAgentsRequest::default());
        shown.extend(agents.into_iter().map(|agent| (agent.presence(), agent.limit)));
    }
    shown.dedup();
    let mail = api::ChannelLimit { channel: api::Channel::Email as i32, limit: 1 };
    let limit = Some(api::SessionLimit { total: None, channels: vec![mail] });
    let away = (api::Presence::NotReady, limit);
    assert!(shown.contains(&away), "{shown:?}");
    assert_eq!(shown.last(), Some(&(api::Presence::Unspecified, None)));
}

#[tokio::test]
async fn roles_come_from_the_record() {
    let (_, views) = told().await;
    assert_eq!(views.snapshot().roles("siti").unwrap(), [Role::Agent, Role::TeamLeader]);
    assert!(views.snapshot().roles("nobody").unwrap().is_empty());
}

#[tokio::test]
async fn queues_show_what_waits_and_since_when() {
    let (_, views) = told().await;
    let queues = views.snapshot().list_agents(&api::ListAgentsRequest::default()).unwrap().queues;
    let waiting: Vec<(&str, u32)> =
        queues.iter().map(|queue| (queue.queue.as_str(), queue.waiting)).collect();
    assert_eq!(waiting, [("billing", 1), ("callback", 1)]);
    assert!(queues.iter().all(|queue| queue.oldest_ms > 0));
}
