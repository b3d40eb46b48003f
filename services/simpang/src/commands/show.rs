//! `simpang show`: the ticket table and the SLA table.

use anyhow::Result;
use simpang_proto::view::v1 as api;
use simpang_views::sentence::plain;

use crate::cli::Show;
use crate::client::{Client, refused};
use crate::config::Config;
use crate::output;

mod attachment;

/// Most cases asked for at a time.
const PAGE: u32 = 500;

pub(crate) async fn run(config: &Config, args: Show) -> Result<()> {
    match args {
        Show::Cases { desk, all, reference, product, server, json } => {
            let filter = api::CaseFilter { with_closed: all, reference, product, ..Default::default() };
            cases(&Client::of(config, &server).await?, &desk, filter, json.json).await
        }
        Show::Attachment { desk, case, digest, out, force, server } => {
            let asked = attachment::Asked { desk, case, digest, out, force };
            attachment::save(&Client::of(config, &server).await?, asked).await
        }
        Show::Sla { desk, server, json } => sla(&Client::of(config, &server).await?, &desk, json.json).await,
    }
}

/// Prints the ticket table: open cases, or all.
pub(crate) async fn cases(client: &Client, desk: &str, filter: api::CaseFilter, json: bool) -> Result<()> {
    let narrowed = filter.with_closed || !filter.reference.is_empty() || !filter.product.is_empty();
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

async fn list(client: &Client, desk: &str, filter: &api::CaseFilter) -> Result<Vec<api::CaseSummary>> {
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

/// Prints the SLA table: clocks now, what is late or next, how targets were kept.
pub(crate) async fn sla(client: &Client, desk: &str, json: bool) -> Result<()> {
    let request = api::SlaBoardRequest { desk: desk.to_owned(), ..Default::default() };
    let board = client.view().sla_board(request).await.map_err(refused)?.into_inner();
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
    table(
        "How targets were kept, by day (UTC)",
        KEPT_COLUMNS,
        &board.attainment.iter().map(kept_row).collect::<Vec<_>>(),
    );
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

const KEPT_COLUMNS: &[&str] = &[
    "day",
    "queue",
    "priority",
    "clock",
    "started",
    "met",
    "breached",
    "met late",
    "cancelled",
    "kept",
    "mean",
];

fn kept_row(day: &api::SlaAttainment) -> Vec<String> {
    let met = u64::from(day.met) + u64::from(day.met_late);
    let mean = match i64::try_from(met) {
        Ok(met) if met > 0 => output::length(day.elapsed_ms / met),
        _ => "-".to_owned(),
    };
    let names = [day.day.clone(), day.queue.clone(), day.priority.clone(), clock(day.clock())];
    let counts = [day.started, day.met, day.breached, day.met_late, day.cancelled];
    let kept = if day.met + day.breached == 0 { "-".to_owned() } else { permille(day.attained_permille) };
    names.into_iter().chain(counts.map(|count| count.to_string())).chain([kept, mean]).collect()
}

fn permille(parts: u32) -> String {
    format!("{}.{} %", parts / 10, parts % 10)
}

fn clock(clock: api::Clock) -> String {
    plain(clock.as_str_name(), "CLOCK_").replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use simpang_proto::view::v1 as api;

    use super::{case_row, kept_row};

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

    #[test]
    fn a_day_without_an_end_of_a_clock_kept_nothing_yet() {
        let day = api::SlaAttainment {
            day: "2026-11-21".into(),
            started: 1,
            attained_permille: 1_000,
            ..Default::default()
        };
        assert_eq!(kept_row(&day)[9..], ["-", "-"]);
        let day = api::SlaAttainment {
            met: 2,
            met_late: 1,
            breached: 1,
            elapsed_ms: 90_000,
            attained_permille: 666,
            ..day
        };
        assert_eq!(kept_row(&day)[9..], ["66.6 %", "30 s"]);
    }
}
