//! Sessions, presence, pulls, and what an agent has at the moment.

use std::time::Duration;

use anyhow::{Result, bail};
use simpang_proto::agent::v1 as api;
use simpang_proto::agent::v1::watch_response::Change;
use simpang_views::sentence::plain;
use tonic::Streaming;

use super::ask::{Ask, Presence};
use super::{Me, parse, send};
use crate::client::refused;
use crate::output;

/// How much longer than its pull a client waits to hear that it is over.
const PULL_END_GRACE: Duration = Duration::from_secs(5);

pub(super) async fn run(me: &Me, ask: Ask) -> Result<()> {
    match ask {
        Ask::SignIn { ready, auto } => sign_in(me, ready, auto).await,
        Ask::SignOut => {
            let answer = send!(me, sign_out, SignOutRequest {})?;
            me.tell("CommandResponse", &answer, || {
                vec!["signed out; what you held is back in its place".into()]
            });
            Ok(())
        }
        Ask::Presence { presence, reason, auto, capacity } => {
            set_presence(me, presence, reason, auto, parse::capacity(&capacity)?).await
        }
        Ask::Pull { count, wait, queue } => pull(me, count, wait, queue).await,
        Ask::CancelPull => {
            let answer = send!(me, cancel_pull, CancelPullRequest {})?;
            me.tell("CommandResponse", &answer, || vec!["you no longer wait for cases".into()]);
            Ok(())
        }
        Ask::Watch => watch(me).await,
        Ask::Work => work(me).await,
        other => bail!("no such command: {other:?}"),
    }
}

async fn sign_in(me: &Me, ready: bool, auto: bool) -> Result<()> {
    let answer = send!(me, sign_in, SignInRequest { ready: ready, auto: auto })?;
    me.tell("SignInResponse", &answer, || {
        let next = match (ready, auto) {
            (false, _) => "not ready yet: `simpang agent presence ready`, then `simpang agent pull`",
            (true, false) => "ready: `simpang agent pull` brings the next case",
            (true, true) => "ready, and offered cases without asking: `simpang agent watch` shows them",
        };
        vec![format!("{} is signed in on desk {}, {next}", answer.agent, me.desk)]
    });
    Ok(())
}

async fn set_presence(
    me: &Me,
    presence: Presence,
    reason: String,
    auto: bool,
    limit: Option<api::SessionLimit>,
) -> Result<()> {
    let (presence, text) = match presence {
        Presence::Ready => (api::Presence::Ready, "you are ready"),
        Presence::NotReady => (api::Presence::NotReady, "you are not ready and get no cases"),
        Presence::AfterWork => (api::Presence::AfterWork, "you finish what you have and get no new cases"),
    };
    let answer = send!(
        me,
        set_presence,
        SetPresenceRequest { presence: presence.into(), reason: reason, auto: auto, limit: limit.clone() }
    )?;
    me.tell("CommandResponse", &answer, || {
        vec![format!("{text}{}", limit.as_ref().map(at_most).unwrap_or_default())]
    });
    Ok(())
}

/// A limit of one's own.
fn at_most(limit: &api::SessionLimit) -> String {
    let total = limit.total.map(|total| format!("{total} in all"));
    let of =
        |of: &api::ChannelLimit| format!("{} of {}", of.limit, plain(of.channel().as_str_name(), "CHANNEL_"));
    let parts: Vec<String> = total.into_iter().chain(limit.channels.iter().map(of)).collect();
    match parts.is_empty() {
        true => "; you take as many as your record and the policy allow".to_owned(),
        false => format!("; you take at most {}", parts.join(", ")),
    }
}

async fn pull(me: &Me, count: u32, wait_seconds: u32, queues: Vec<String>) -> Result<()> {
    // The stream is opened first: what comes while the pull waits is told there, and as long as it is open the
    // gateway lets the pull wait.
    let stream = if wait_seconds > 0 { Some(open(me).await?) } else { None };
    let wait_ms = i64::from(wait_seconds) * 1_000;
    let answer = send!(me, pull, PullRequest { count: count, wait_ms: wait_ms, queues: queues })?;
    me.tell("PullResponse", &answer, || {
        let mut lines: Vec<String> = answer.assignments.iter().flat_map(taken).collect();
        match &answer.waiting {
            Some(waiting) => lines.push(format!(
                "waiting for {} more until {} UTC; Ctrl-C ends the wait",
                waiting.count,
                output::time(waiting.expires_ms)
            )),
            None if answer.assignments.is_empty() => {
                lines.push("nothing waits for you now; `simpang agent pull --wait 60` waits".into());
            }
            None => {}
        }
        lines
    });
    match (answer.waiting, stream) {
        (Some(waiting), Some(stream)) => wait_for(me, waiting, stream).await,
        _ => Ok(()),
    }
}

/// Waits until a pull is over, telling what it brings.
async fn wait_for(me: &Me, pull: api::WaitingPull, mut stream: Streaming<api::WatchResponse>) -> Result<()> {
    let left = u64::try_from(pull.expires_ms - output::now_ms()).unwrap_or(0);
    let end = tokio::time::sleep(Duration::from_millis(left) + PULL_END_GRACE);
    tokio::pin!(end);
    loop {
        let change = tokio::select! {
            change = stream.message() => change.map_err(refused)?,
            () = &mut end => bail!("nothing was heard of the pull any more; `simpang agent work` says what you have"),
            _ = tokio::signal::ctrl_c() => {
                send!(me, cancel_pull, CancelPullRequest { pull: pull.pull })?;
                bail!("you no longer wait; what came meanwhile: `simpang agent work`");
            }
        };
        let Some(change) = change else { return Ok(()) };
        let over = match &change.change {
            Some(Change::PullOver(over)) => over.pull == pull.pull,
            Some(Change::Ended(_)) => true,
            Some(Change::Assigned(_)) => false,
            _ => continue,
        };
        tell_change(me, &change);
        keep(me, &change).await?;
        if over {
            return Ok(());
        }
    }
}

/// Accepts a case that a waiting pull brought, now that it was shown: otherwise it would go back to its place when
/// the stream ends, as one that nobody saw.
async fn keep(me: &Me, change: &api::WatchResponse) -> Result<()> {
    match &change.change {
        Some(Change::Assigned(assignment)) if assignment.how() == api::AssignedBy::Pull => {
            send!(me, accept, AcceptRequest { case: assignment.case }).map(drop)
        }
        _ => Ok(()),
    }
}

async fn open(me: &Me) -> Result<Streaming<api::WatchResponse>> {
    let request = api::WatchRequest { desk: me.desk.clone(), ..Default::default() };
    Ok(me.client.agent().watch(request).await.map_err(refused)?.into_inner())
}

async fn watch(me: &Me) -> Result<()> {
    let mut stream = open(me).await?;
    loop {
        let change = tokio::select! {
            change = stream.message() => change.map_err(refused)?,
            _ = tokio::signal::ctrl_c() => return Ok(()),
        };
        match change {
            Some(change) => {
                tell_change(me, &change);
                keep(me, &change).await?;
            }
            None => return Ok(()),
        }
    }
}

async fn work(me: &Me) -> Result<()> {
    let request = api::GetWorkRequest { desk: me.desk.clone(), at_least: 0 };
    let answer = me.client.agent().get_work(request).await.map_err(refused)?.into_inner();
    me.tell("GetWorkResponse", &answer, || answer.work.as_ref().map(all).unwrap_or_default());
    Ok(())
}

fn tell_change(me: &Me, change: &api::WatchResponse) {
    me.tell("WatchResponse", change, || changed(change));
}

/// A case that came, and what to type next.
pub(super) fn taken(assignment: &api::Assignment) -> Vec<String> {
    let case = assignment.case;
    let mut lines = vec![line(case, assignment.summary.as_ref())];
    if let Some(why) = assignment.explanation.as_ref().filter(|why| !why.text.is_empty()) {
        lines.push(format!("  why you   {}", why.text));
    }
    lines.push(format!("  next      simpang agent show {case}"));
    lines
}

/// A case on a line.
fn line(case: u64, summary: Option<&api::CaseSummary>) -> String {
    let Some(summary) = summary else { return format!("case {case}") };
    let mut parts = vec![
        format!("case {case}"),
        plain(summary.channel().as_str_name(), "CHANNEL_"),
        format!("queue {}", summary.queue),
        format!("priority {}", summary.priority),
    ];
    let named = [
        ("segment", &summary.segment),
        ("customer", &summary.customer),
        ("account", &summary.account),
        ("campaign", &summary.campaign),
    ];
    parts.extend(
        named.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name} {value}")),
    );
    if !summary.category.is_empty() {
        parts.push(summary.category.join(" > "));
    }
    if !summary.actions.is_empty() {
        parts.push(format!("to do: {}", summary.actions.join(", ")));
    }
    parts.push(format!(
        "{} message(s), waiting since {} UTC",
        summary.messages,
        output::time(summary.arrived_ms)
    ));
    parts.join(", ")
}

/// All an agent has.
fn all(work: &api::Work) -> Vec<String> {
    if work.session.is_empty() {
        return vec!["not signed in: `simpang agent sign-in --ready`".into()];
    }
    let auto = if work.auto { ", offered cases without asking" } else { "" };
    let limit = work.limit.as_ref().map(at_most).unwrap_or_default();
    let mut lines =
        vec![format!("you are {}{auto}{limit}", plain(work.presence().as_str_name(), "PRESENCE_"))];
    lines.extend(work.assignments.iter().map(|a| format!("yours    {}", line(a.case, a.summary.as_ref()))));
    lines.extend(work.offers.iter().map(offer));
    if let Some(waiting) = &work.waiting {
        let until = output::time(waiting.expires_ms);
        lines.push(format!("waiting  for {} more case(s) until {until} UTC", waiting.count));
    }
    lines.extend(work.following.iter().map(followed));
    if work.assignments.is_empty() && work.offers.is_empty() {
        lines.push("you hold nothing: `simpang agent pull`".into());
    }
    lines
}

/// A case that somebody follows.
fn followed(case: &api::FollowedCase) -> String {
    let holder = if case.holder.is_empty() { "nobody has it" } else { &case.holder };
    format!("follows  {}; {holder}", line(case.case, case.summary.as_ref()))
}

fn offer(offer: &api::Offer) -> String {
    let (case, until) = (offer.case, output::time(offer.expires_ms));
    let what = line(case, offer.summary.as_ref());
    format!("offered  {what}; `simpang agent accept {case}` or `decline {case}` before {until} UTC")
}

fn changed(change: &api::WatchResponse) -> Vec<String> {
    let at = output::time(change.at_ms);
    let one = |text: String| vec![format!("{at}  {text}")];
    match &change.change {
        Some(Change::Work(work)) => all(work),
        Some(Change::Assigned(assignment)) => {
            let mut lines = taken(assignment);
            lines[0] = format!("{at}  {}", lines[0]);
            lines
        }
        Some(Change::Unassigned(left)) => one(format!(
            "case {} left you: {}",
            left.case,
            plain(left.reason().as_str_name(), "UNASSIGNED_BY_")
        )),
        Some(Change::Offered(offered)) => one(offer(offered)),
        Some(Change::OfferOver(over)) => one(format!(
            "the offer of case {} is over: {}",
            over.case,
            plain(over.reason().as_str_name(), "OFFER_END_")
        )),
        Some(Change::PullWaiting(waiting)) => one(format!("waiting for {} more case(s)", waiting.count)),
        Some(Change::PullOver(over)) => {
            one(format!("the pull is over: {}", plain(over.reason().as_str_name(), "PULL_END_")))
        }
        Some(Change::Presence(presence)) => {
            let reason =
                if presence.reason.is_empty() { String::new() } else { format!(": {}", presence.reason) };
            let limit = presence.limit.as_ref().map(at_most).unwrap_or_default();
            one(format!("you are {}{reason}{limit}", plain(presence.presence().as_str_name(), "PRESENCE_")))
        }
        Some(Change::Update(update)) => {
            one(format!("news on {}", line(update.case, update.summary.as_ref())))
        }
        Some(Change::Notice(notice)) => one(format!(
            "you are on duty for {} ({}): look at {}",
            notice.group,
            notice.shift,
            line(notice.case, notice.summary.as_ref())
        )),
        Some(Change::Followed(case) | Change::FollowedUpdate(case)) => one(followed(case)),
        Some(Change::Unfollowed(over)) if over.closed => {
            one(format!("case {} closed: you followed it", over.case))
        }
        Some(Change::Unfollowed(over)) => one(format!("you no longer follow case {}", over.case)),
        Some(Change::Ended(over)) => {
            one(format!("your session is over: {}", plain(over.reason().as_str_name(), "SIGN_OUT_REASON_")))
        }
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use simpang_proto::agent::v1 as api;

    use super::{all, taken};

    fn assignment() -> api::Assignment {
        let summary = api::CaseSummary {
            queue: "social".into(),
            priority: "high".into(),
            channel: api::Channel::X.into(),
            segment: "DES".into(),
            messages: 2,
            arrived_ms: 1_000,
            ..Default::default()
        };
        api::Assignment { case: 17, summary: Some(summary), ..Default::default() }
    }

    #[test]
    fn a_case_that_comes_says_what_to_type_next() {
        let expected = [
            "case 17, x, queue social, priority high, segment DES, 2 message(s), waiting since 1970-01-01 00:00:01 UTC",
            "  next      simpang agent show 17",
        ];
        assert_eq!(taken(&assignment()), expected);
    }

    #[test]
    fn work_without_a_session_says_how_to_begin() {
        assert_eq!(all(&api::Work::default()), ["not signed in: `simpang agent sign-in --ready`"]);
    }
}
