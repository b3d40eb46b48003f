//! `simpang show`: the ticket table, the SLA table and the forms.

use anyhow::{Context, Result, bail};
use simpang_proto::view::v1 as api;
use simpang_views::sentence::plain;

use super::figures::Cut;
use crate::cli::Show;
use crate::client::{Client, refused};
use crate::commands::agent::parse::place;
use crate::commands::{forms, history};
use crate::config::Config;
use crate::output;

mod attachment;

/// Most cases asked for at a time.
const PAGE: u32 = 500;

pub(crate) async fn run(config: &Config, args: Show) -> Result<()> {
    match args {
        Show::Cases { desk, all, queue, agent, text, reference, product, server, json } => {
            let filter = api::CaseFilter {
                with_closed: all,
                queues: queue,
                assignees: agent,
                text,
                reference,
                product,
                ..Default::default()
            };
            cases(&Client::of(config, &server).await?, &desk, filter, json.json).await
        }
        Show::Customers { desk, name, value, id, server, json } => {
            let request = api::FindCustomersRequest { desk, name, value, id, ..Default::default() };
            history::customers(&Client::of(config, &server).await?, request, json.json).await
        }
        Show::History { desk, case, customer, address, channel, server, json } => {
            let who = who(case, customer, address, channel.as_deref())?;
            history::show(&Client::of(config, &server).await?, &desk, who, json.json).await
        }
        Show::Attachment { desk, case, digest, out, force, server } => {
            let asked = attachment::Asked { desk, case, digest, out, force };
            attachment::save(&Client::of(config, &server).await?, asked).await
        }
        Show::Html { desk, case, message, server } => {
            html(&Client::of(config, &server).await?, desk, case, message).await
        }
        Show::Forms { desk, server, json } => {
            forms::show(&Client::of(config, &server).await?, &desk, json.json).await
        }
        Show::Sla { desk, cut, server, json } => {
            sla(&Client::of(config, &server).await?, &desk, &cut, json.json).await
        }
    }
}

/// Prints a mail as HTML.
async fn html(client: &Client, desk: String, case: u64, message: Option<String>) -> Result<()> {
    let message = message.as_deref().map(place).transpose()?;
    let message = message.map(|at| api::Place { seq: at.seq, index: at.index });
    let request = api::GetHtmlRequest { desk, case, message, ..Default::default() };
    output::line(client.view().get_html(request).await.map_err(refused)?.into_inner().html);
    Ok(())
}

fn who(
    case: Option<u64>,
    customer: Option<String>,
    address: Option<String>,
    channel: Option<&str>,
) -> Result<history::Who> {
    match (case, customer, address) {
        (Some(case), ..) => Ok(history::Who::Case(case)),
        (_, Some(customer), _) => Ok(history::Who::Customer(customer)),
        (.., Some(address)) => {
            let word = channel.unwrap_or_default();
            let channel = api::Channel::from_str_name(&format!("CHANNEL_{}", word.to_uppercase()));
            let channel = channel.filter(|channel| *channel != api::Channel::Unspecified);
            let channel = channel.with_context(|| {
                format!("`{word}` is no channel: write email, x, facebook, call or other")
            })?;
            Ok(history::Who::Address(channel, address))
        }
        _ => bail!("say whose history: --case, --customer, or --address and --channel"),
    }
}

/// Prints the ticket table: open cases, or all.
pub(crate) async fn cases(client: &Client, desk: &str, filter: api::CaseFilter, json: bool) -> Result<()> {
    let narrowed = filter != api::CaseFilter::default();
    let found = list(client, desk, &filter).await?;
    if json {
        found.iter().for_each(|case| output::message("simpang.view.v1.CaseSummary", case));
        return Ok(());
    }
    if found.is_empty() {
        output::line(format!("desk {desk} has no {}cases", if narrowed { "such " } else { "open " }));
        return Ok(());
    }
    let now = output::now_ms();
    let rows: Vec<Vec<String>> = found.iter().map(|case| case_row(case, now)).collect();
    output::table(CASE_COLUMNS, &rows);
    Ok(())
}

/// Every case that a filter lets through.
pub(crate) async fn list(
    client: &Client,
    desk: &str,
    filter: &api::CaseFilter,
) -> Result<Vec<api::CaseSummary>> {
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = api::ListCasesRequest {
            desk: desk.to_owned(),
            filter: Some(filter.clone()),
            page_size: PAGE,
            page_token,
            ..Default::default()
        };
        let page = client.view().list_cases(request).await.map_err(refused)?.into_inner();
        found.extend(page.cases);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(found);
        }
    }
}

const CASE_COLUMNS: &[&str] = &[
    "case", "state", "priority", "queue", "with", "channel", "segment", "customer", "waiting", "due",
    "subject",
];

fn case_row(case: &api::CaseSummary, now: i64) -> Vec<String> {
    let customer = if case.customer_name.is_empty() { &case.customer } else { &case.customer_name };
    vec![
        case.case.to_string(),
        state(case),
        case.priority.clone(),
        case.queue.clone(),
        or_dash(&case.assignee),
        plain(case.channel().as_str_name(), "CHANNEL_"),
        or_dash(&case.segment),
        or_dash(&output::short(customer, 24)),
        waiting(case, now),
        due(case, now),
        output::short(&case.subject, 48),
    ]
}

fn state(case: &api::CaseSummary) -> String {
    plain(case.state().as_str_name(), "CASE_STATE_")
}

fn waiting(case: &api::CaseSummary, now: i64) -> String {
    match case.state() {
        api::CaseState::Resolved | api::CaseState::Closed => "-".to_owned(),
        api::CaseState::Scheduled if case.scheduled_ms != 0 => {
            format!("until {}", output::time(case.scheduled_ms))
        }
        _ => output::length((now - case.arrived_ms).max(0)),
    }
}

fn due(case: &api::CaseSummary, now: i64) -> String {
    match (case.deadline_ms, case.breached) {
        (0, false) => "-".to_owned(),
        (0, true) => "BREACHED".to_owned(),
        (at, false) => output::relative(at, now),
        (at, true) => format!("BREACHED {}", output::relative(at, now)),
    }
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

/// Prints the SLA table: clocks now, what is late or next, how targets were kept, what was solved at the first contact.
pub(crate) async fn sla(client: &Client, desk: &str, cut: &Cut, json: bool) -> Result<()> {
    let board = cut.board(client, desk).await?;
    if json {
        output::message("simpang.view.v1.SlaBoardResponse", &board);
        return Ok(());
    }
    let now = output::now_ms();
    if board.now.is_empty() && board.attainment.is_empty() {
        output::line(format!("desk {desk} has no SLA clocks yet"));
        return Ok(());
    }
    table("Clocks now", NOW_COLUMNS, &board.now.iter().map(now_row).collect::<Vec<_>>());
    table("Breached, longest past first", LINE_COLUMNS, &lines(&board.breached, now));
    table("Nearest deadlines", LINE_COLUMNS, &lines(&board.nearest, now));
    let (head, rows) = cut.kept_table(&board.attainment);
    table(&format!("How targets were kept, {}", cut.title()), &head, &rows);
    let (head, rows) = cut.solved_table(&board.first_contact);
    table(&format!("Solved at the first contact, {}", cut.title()), &head, &rows);
    Ok(())
}

fn table(title: &str, columns: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return;
    }
    output::line(title);
    output::table(columns, rows);
    output::line("");
}

const NOW_COLUMNS: &[&str] = &["queue", "priority", "clock", "running", "warned", "breached", "paused"];

fn now_row(now: &api::SlaNow) -> Vec<String> {
    let counts = [now.running, now.warned, now.breached, now.paused];
    let names = [now.queue.clone(), now.priority.clone(), clock(now.clock())];
    names.into_iter().chain(counts.map(|count| count.to_string())).collect()
}

const LINE_COLUMNS: &[&str] = &["case", "clock", "due", "", "target", "queue", "priority", "with", "subject"];

fn lines(lines: &[api::SlaLine], now: i64) -> Vec<Vec<String>> {
    lines.iter().map(|line| line_row(line, now)).collect()
}

fn line_row(line: &api::SlaLine, now: i64) -> Vec<String> {
    let running = line.clock.clone().unwrap_or_default();
    let case = line.case.clone().unwrap_or_default();
    vec![
        case.case.to_string(),
        clock(running.clock()),
        output::time(running.deadline_ms),
        output::relative(running.deadline_ms, now),
        output::length(running.target_ms),
        case.queue,
        case.priority,
        or_dash(&case.assignee),
        output::short(&case.subject, 40),
    ]
}

fn clock(clock: api::Clock) -> String {
    plain(clock.as_str_name(), "CLOCK_").replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use simpang_proto::view::v1 as api;

    use super::case_row;

    #[test]
    fn a_late_case_says_so_in_its_row() {
        let case = api::CaseSummary {
            case: 3,
            state: api::CaseState::WaitingOnThirdParty.into(),
            channel: api::Channel::Facebook.into(),
            priority: "vvip".into(),
            queue: "priority".into(),
            customer: "c-1".into(),
            arrived_ms: 0,
            deadline_ms: 60_000,
            breached: true,
            subject: "Internet\nmati".into(),
            ..Default::default()
        };
        let row = [
            "3",
            "waiting on third party",
            "vvip",
            "priority",
            "-",
            "facebook",
            "-",
            "c-1",
            "2 min",
            "BREACHED 1 min ago",
            "Internet mati",
        ];
        assert_eq!(case_row(&case, 120_000), row);
    }
}
