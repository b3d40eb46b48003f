//! Commands about one case.

use anyhow::{Result, bail};
use simpang_proto::agent::v1 as api;
use simpang_proto::agent::v1::transfer_request::Target;

use super::ask::{Answered, Ask, ReplyKind, Seen, WaitFor};
use super::{Me, files, form, parse, send, work};

pub(super) async fn run(me: &Me, ask: Ask) -> Result<()> {
    match ask {
        Ask::Accept { .. } | Ask::TakeOver { .. } => take(me, ask).await,
        Ask::Classify { .. }
        | Ask::Identify { .. }
        | Ask::Note { .. }
        | Ask::Link { .. }
        | Ask::Priority { .. } => describe(me, ask).await,
        Ask::Reply { .. } | Ask::Dispose { .. } => answer(me, ask).await,
        Ask::Escalate { .. } | Ask::Transfer { .. } | Ask::Merge { .. } | Ask::Split { .. } => {
            pass_on(me, ask).await
        }
        ask => finish(me, ask).await,
    }
}

fn done(me: &Me, answer: &api::CommandResponse, text: impl std::fmt::Display) {
    me.tell("CommandResponse", answer, || {
        let repeat = if answer.repeat { " (it had been asked before)" } else { "" };
        vec![format!("{text}{repeat}")]
    });
}

async fn take(me: &Me, ask: Ask) -> Result<()> {
    let answer = match ask {
        Ask::Accept { case } => send!(me, accept, AcceptRequest { case: case })?,
        Ask::TakeOver { of: Seen { case, seen } } => {
            send!(me, take_over, TakeOverRequest { case: case, seen_messages: seen })?
        }
        other => bail!("no such command: {other:?}"),
    };
    me.tell("TakenResponse", &answer, || answer.assignment.iter().flat_map(work::taken).collect());
    Ok(())
}

async fn describe(me: &Me, ask: Ask) -> Result<()> {
    match ask {
        Ask::Classify { of: Seen { case, seen }, category, fact } => {
            let (category, facts) = (parse::path(&category)?, parse::facts(&fact)?);
            if category.is_empty() && facts.is_empty() {
                bail!("nothing to set: give --category or --fact");
            }
            let request = send!(
                me,
                classify,
                ClassifyRequest { case: case, seen_messages: seen, category: category, facts: facts }
            );
            let text = format!(
                "case {case} is classified; the rules ran again (`simpang agent show {case}` says where it is)"
            );
            done(me, &request?, text);
        }
        Ask::Identify { of: Seen { case, seen }, customer, segment, profession } => {
            let request = IdentifyArgs { customer, segment, profession };
            identify(me, case, seen, request).await?;
        }
        Ask::Note { case, text, coaching } => {
            let text = parse::text(text)?;
            let answer = send!(me, add_note, AddNoteRequest { case: case, text: text, coaching: coaching })?;
            done(me, &answer, format!("the note stands on case {case}"));
        }
        Ask::Link { case, system, number, status } => {
            let text = format!("{system} ticket {number} is linked to case {case}");
            let request = send!(
                me,
                link_reference,
                LinkReferenceRequest { case: case, system: system, number: number, status: status }
            );
            done(me, &request?, text);
        }
        Ask::Fault { of: Seen { case, seen }, product, field, choice, repeats } => {
            let (fields, choices) = (parse::fields(&field)?, parse::fields(&choice)?);
            let request = send!(
                me,
                report_fault,
                ReportFaultRequest {
                    case: case,
                    seen_messages: seen,
                    product: product,
                    fields: fields,
                    choices: choices,
                    repeats: repeats,
                }
            );
            let text = format!("the fault report is on case {case}; the rules ran again");
            done(me, &request?, text);
        }
        Ask::Priority { case, priority } => {
            let text = format!("case {case} has priority {priority}");
            done(me, &send!(me, set_priority, SetPriorityRequest { case: case, priority: priority })?, text);
        }
        other => bail!("no such command: {other:?}"),
    }
    Ok(())
}

struct IdentifyArgs {
    customer: String,
    segment: String,
    profession: String,
}

async fn identify(me: &Me, case: u64, seen: u32, args: IdentifyArgs) -> Result<()> {
    let IdentifyArgs { customer, segment, profession } = args;
    let who = if customer.is_empty() { format!("of segment {segment}") } else { customer.clone() };
    let answer = send!(
        me,
        identify,
        IdentifyRequest {
            case: case,
            seen_messages: seen,
            customer: customer,
            segment: segment,
            profession: profession
        }
    )?;
    done(me, &answer, format!("the customer of case {case} is {who}; the rules ran again"));
    Ok(())
}

async fn answer(me: &Me, ask: Ask) -> Result<()> {
    match ask {
        Ask::Reply { of, text, template, kind, subject, resolve, category, field, attach } => {
            let (written, text) = written(me, of.case, text, template).await?;
            let subject = if subject.is_empty() { written } else { subject };
            let attachments = files::upload(me, &attach).await?;
            let kind = match kind {
                ReplyKind::Normal => api::ReplyKind::Normal,
                ReplyKind::Thread => api::ReplyKind::Thread,
                ReplyKind::Private => api::ReplyKind::Private,
            };
            let request = send!(
                me,
                reply,
                ReplyRequest {
                    case: of.case,
                    seen_messages: of.seen,
                    kind: kind.into(),
                    text: text,
                    subject: subject,
                    category: parse::path(&category)?,
                    fields: parse::fields(&field)?,
                    resolve: resolve,
                    attachments: attachments,
                }
            );
            let then =
                if resolve { ", which resolves the case once the channel has accepted it" } else { "" };
            let text = format!(
                "your answer on case {} is on its way{then}; `simpang agent show {}` says what became of it",
                of.case, of.case
            );
            done(me, &request?, text);
        }
        Ask::Dispose { of, path, field, again_at, answered, dialled, note } => {
            let answered = match answered {
                None => api::Answered::Unspecified,
                Some(Answered::Reporter) => api::Answered::Reporter,
                Some(Answered::DecisionMaker) => api::Answered::DecisionMaker,
                Some(Answered::Other) => api::Answered::Other,
            };
            let request = send!(
                me,
                dispose,
                DisposeRequest {
                    case: of.case,
                    seen_messages: of.seen,
                    path: parse::path(&path)?,
                    remark: parse::text(note)?,
                    fields: parse::fields(&field)?,
                    again_at_ms: again_at.as_deref().map(parse::time).transpose()?.unwrap_or(0),
                    answered: answered.into(),
                    dialled: dialled,
                }
            );
            done(me, &request?, format!("the outcome of the call is on case {}", of.case));
        }
        other => bail!("no such command: {other:?}"),
    }
    Ok(())
}

/// Subject and text of an answer: as typed, or a template's.
async fn written(
    me: &Me,
    case: u64,
    text: Option<String>,
    template: Option<String>,
) -> Result<(String, String)> {
    match (text, template) {
        (Some(text), _) => Ok((String::new(), parse::text(text)?)),
        (None, Some(template)) => form::filled(me, case, &template).await,
        (None, None) => bail!("nothing to say: give a text or --template"),
    }
}

async fn pass_on(me: &Me, ask: Ask) -> Result<()> {
    match ask {
        Ask::Escalate { of: Seen { case, seen }, text, step } => {
            let text = parse::text(text)?;
            let request = send!(
                me,
                escalate,
                EscalateRequest { case: case, seen_messages: seen, step: step, text: text }
            );
            done(me, &request?, format!("help is asked for on case {case}"));
        }
        Ask::Transfer { of: Seen { case, seen }, queue, agent, to_desk, last, note } => {
            let targets = [queue.map(Target::Queue), agent.map(Target::Agent), to_desk.map(Target::ToDesk)];
            let text = parse::text(note)?;
            let target = targets.into_iter().flatten().next();
            let request = send!(
                me,
                transfer,
                TransferRequest { case: case, seen_messages: seen, target: target, text: text, last: last }
            );
            done(me, &request?, format!("case {case} is passed on"));
        }
        Ask::Merge { of: Seen { case, seen }, into } => {
            let answer = send!(me, merge, MergeRequest { case: case, seen_messages: seen, into: into })?;
            done(me, &answer, format!("case {case} is closed and goes on in case {into}"));
        }
        Ask::Split { of: Seen { case, seen }, messages } => {
            let messages = messages.iter().map(|text| parse::place(text)).collect::<Result<Vec<_>>>()?;
            let answer =
                send!(me, split, SplitRequest { case: case, seen_messages: seen, messages: messages })?;
            let new = answer.cases.get(1).map_or("a new one".to_owned(), |new| format!("case {new}"));
            done(me, &answer, format!("the messages left case {case} for {new}"));
        }
        other => bail!("no such command: {other:?}"),
    }
    Ok(())
}

async fn finish(me: &Me, ask: Ask) -> Result<()> {
    let (answer, text) = match ask {
        Ask::Decline { case, reason } => {
            let answer = send!(me, decline, DeclineRequest { case: case, reason: reason })?;
            let ready = "you are not ready now: `simpang agent presence ready`, with --auto to be offered cases again";
            (answer, format!("case {case} goes back to its place; {ready}"))
        }
        Ask::Schedule { of: Seen { case, seen }, at, keep } => {
            let at_ms = parse::time(&at)?;
            let request = send!(
                me,
                schedule,
                ScheduleRequest { case: case, seen_messages: seen, at_ms: at_ms, keep_owner: keep }
            );
            (request?, format!("case {case} is put away until {at}"))
        }
        Ask::Wait { of: Seen { case, seen }, on } => {
            let (on, whom) = match on {
                WaitFor::Customer => (api::WaitingOn::Customer, "the customer"),
                WaitFor::ThirdParty => (api::WaitingOn::ThirdParty, "a third party"),
            };
            let answer = send!(me, wait, WaitRequest { case: case, seen_messages: seen, on: on.into() })?;
            (answer, format!("case {case} waits for {whom}; it stays yours"))
        }
        Ask::Spam { of: Seen { case, seen } } => {
            let answer = send!(me, mark_spam, MarkSpamRequest { case: case, seen_messages: seen })?;
            (answer, format!("case {case} is closed as spam"))
        }
        Ask::Resolve { of: Seen { case, seen }, outcome } => {
            let answer =
                send!(me, resolve, ResolveRequest { case: case, seen_messages: seen, outcome: outcome })?;
            (answer, format!("case {case} is resolved; it closes by itself unless the customer writes"))
        }
        Ask::Reopen { case } => {
            let answer = send!(me, reopen, ReopenRequest { case: case })?;
            (answer, format!("case {case} is open again"))
        }
        Ask::Close { of: Seen { case, seen } } => {
            let answer = send!(me, close, CloseRequest { case: case, seen_messages: seen })?;
            (answer, format!("case {case} is closed"))
        }
        Ask::Follow { case } => {
            let answer = send!(me, follow, FollowRequest { case: case })?;
            (answer, format!("you follow case {case} until it closes"))
        }
        Ask::Unfollow { case } => {
            let answer = send!(me, unfollow, UnfollowRequest { case: case })?;
            (answer, format!("you no longer follow case {case}"))
        }
        Ask::Release { case } => {
            let answer = send!(me, release, ReleaseRequest { case: case })?;
            (answer, format!("case {case} is back in its queue, in its place"))
        }
        other => bail!("no such command: {other:?}"),
    };
    done(me, &answer, text);
    Ok(())
}
