//! How figures are asked for and laid out, on a terminal and as CSV.

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use simpang_proto::view::v1 as api;
use simpang_views::sentence::plain;

use crate::client::{Client, refused};
use crate::output;

/// Which figures, and what they are told apart by.
#[derive(Debug, Args)]
pub(crate) struct Cut {
    /// From this time, RFC 3339; left out: seven days before.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Before this time, RFC 3339; left out: up to now.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// IANA zone of hours, days, weeks and months.
    #[arg(long, default_value = ZONE)]
    pub(crate) zone: String,
    /// How long a period is.
    #[arg(long, value_enum, default_value_t = Period::Day)]
    pub(crate) period: Period,
    /// What figures are told apart by, besides period and clock.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "queue,priority")]
    pub(crate) by: Vec<By>,
    /// Only these queues.
    #[arg(long, value_name = "QUEUE", value_delimiter = ',')]
    pub(crate) queue: Vec<String>,
    /// Only these priorities.
    #[arg(long, value_name = "PRIORITY", value_delimiter = ',')]
    pub(crate) priority: Vec<String>,
    /// Only these segments.
    #[arg(long, value_name = "SEGMENT", value_delimiter = ',')]
    pub(crate) segment: Vec<String>,
    /// Only these agents.
    #[arg(long, value_name = "AGENT", value_delimiter = ',')]
    pub(crate) agent: Vec<String>,
    /// Only these campaigns.
    #[arg(long, value_name = "CAMPAIGN", value_delimiter = ',')]
    pub(crate) campaign: Vec<String>,
}

const ZONE: &str = "Asia/Jakarta";

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Period {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week from Monday.
    Week,
    /// A month.
    Month,
    /// All of the time.
    Whole,
}

/// What figures are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Nothing: figures of the whole desk.
    Desk,
    /// Queue.
    Queue,
    /// Priority.
    Priority,
    /// The customer's segment.
    Segment,
    /// Agent.
    Agent,
    /// Campaign.
    Campaign,
}

impl Default for Cut {
    fn default() -> Self {
        Self {
            from: None,
            to: None,
            zone: ZONE.to_owned(),
            period: Period::Day,
            by: vec![By::Queue, By::Priority],
            queue: Vec::new(),
            priority: Vec::new(),
            segment: Vec::new(),
            agent: Vec::new(),
            campaign: Vec::new(),
        }
    }
}

impl Cut {
    /// The board with these figures.
    pub(crate) async fn board(&self, client: &Client, desk: &str) -> Result<api::SlaBoardResponse> {
        let request = api::SlaBoardRequest {
            desk: desk.to_owned(),
            zone: self.zone.clone(),
            from_ms: time(self.from.as_deref())?,
            to_ms: time(self.to.as_deref())?,
            by: self.by.iter().map(|by| dimension(*by).into()).collect(),
            period: period(self.period).into(),
            queues: self.queue.clone(),
            priorities: self.priority.clone(),
            segments: self.segment.clone(),
            agents: self.agent.clone(),
            campaigns: self.campaign.clone(),
            ..Default::default()
        };
        Ok(client.view().sla_board(request).await.map_err(refused)?.into_inner())
    }

    /// For a heading, such as `by day of Asia/Jakarta, queue, priority`.
    pub(crate) fn title(&self) -> String {
        let period = match self.period {
            Period::Whole => "in all".to_owned(),
            Period::Hour => format!("by hour of {}", self.zone),
            Period::Day => format!("by day of {}", self.zone),
            Period::Week => format!("by week of {}", self.zone),
            Period::Month => format!("by month of {}", self.zone),
        };
        let names = self.columns().into_iter().map(|(name, _)| name);
        std::iter::once(period).chain(names.map(str::to_owned)).collect::<Vec<_>>().join(", ")
    }

    /// Names of the columns that tell rows apart, in the order in which rows are sorted.
    fn columns(&self) -> Vec<(&'static str, usize)> {
        let all = [By::Queue, By::Priority, By::Segment, By::Agent, By::Campaign].into_iter().zip(0..);
        let names = ["queue", "priority", "segment", "agent", "campaign"];
        let asked = all.filter(|(by, _)| self.by.contains(by));
        asked.filter_map(|(_, at)| Some((*names.get(at)?, at))).collect()
    }

    fn names(&self) -> Vec<&'static str> {
        let period = (self.period != Period::Whole).then_some("period");
        period.into_iter().chain(self.columns().into_iter().map(|(name, _)| name)).collect()
    }

    fn cells(&self, period: &str, dims: [&String; 5]) -> Vec<String> {
        let period = (self.period != Period::Whole).then(|| period.to_owned());
        let dims = self.columns().into_iter().filter_map(|(_, at)| dims.get(at).map(|dim| (*dim).clone()));
        period.into_iter().chain(dims).collect()
    }

    fn kept(&self, row: &api::SlaAttainment) -> Vec<String> {
        let dims = [&row.queue, &row.priority, &row.segment, &row.agent, &row.campaign];
        let mut cells = self.cells(&row.period, dims);
        cells.push(plain(row.clock().as_str_name(), "CLOCK_").replace(' ', "-"));
        cells
    }

    fn solved(&self, row: &api::FirstContact) -> Vec<String> {
        self.cells(&row.period, [&row.queue, &row.priority, &row.segment, &row.agent, &row.campaign])
    }

    /// How targets were kept, for people: with its head.
    pub(crate) fn kept_table(&self, rows: &[api::SlaAttainment]) -> (Vec<&'static str>, Vec<Vec<String>>) {
        let figures = [
            "started",
            "met",
            "breached",
            "met late",
            "cancelled",
            "running",
            "kept",
            "mean",
            "p50",
            "p90",
            "p95",
            "p99",
        ];
        let head = [self.names(), vec!["clock"], figures.to_vec()].concat();
        let rows = rows.iter().map(|row| {
            let kept = share(row.attained_permille, row.met + row.breached)
                .map_or_else(|| "-".to_owned(), |percent| format!("{percent} %"));
            let times = times(row).map_or_else(|| ["-"; 5].map(str::to_owned), |t| t.map(output::length));
            [self.kept(row), counts(row), vec![kept], times.to_vec()].concat()
        });
        (head, rows.collect())
    }

    /// The same for programs: percentages without a sign, times in whole seconds, empty where nothing is known.
    pub(crate) fn kept_csv(&self, rows: &[api::SlaAttainment]) -> (Vec<&'static str>, Vec<Vec<String>>) {
        let figures = [
            "started",
            "met",
            "breached",
            "met_late",
            "cancelled",
            "running",
            "attained_percent",
            "average_seconds",
            "p50_seconds",
            "p90_seconds",
            "p95_seconds",
            "p99_seconds",
        ];
        let head = [self.names(), vec!["clock"], figures.to_vec()].concat();
        let rows = rows.iter().map(|row| {
            let kept = share(row.attained_permille, row.met + row.breached).unwrap_or_default();
            let times = times(row).map(|times| times.map(|ms| (ms / 1_000).to_string())).unwrap_or_default();
            [self.kept(row), counts(row), vec![kept], times.to_vec()].concat()
        });
        (head, rows.collect())
    }

    /// What was solved at the first contact, for people.
    pub(crate) fn solved_table(&self, rows: &[api::FirstContact]) -> (Vec<&'static str>, Vec<Vec<String>>) {
        let figures =
            ["solved", "at first contact", "share", "came back", "second agent", "escalated", "fault"];
        let head = [self.names(), figures.to_vec()].concat();
        let rows = rows.iter().map(|row| {
            let part = share(row.at_first_permille, row.solved).unwrap_or_default();
            self.solved_row(row, format!("{part} %"))
        });
        (head, rows.collect())
    }

    /// The same for programs.
    pub(crate) fn solved_csv(&self, rows: &[api::FirstContact]) -> (Vec<&'static str>, Vec<Vec<String>>) {
        let figures = [
            "solved",
            "at_first_contact",
            "at_first_contact_percent",
            "came_back",
            "second_agent",
            "escalated",
            "fault_reported",
        ];
        let head = [self.names(), figures.to_vec()].concat();
        let rows = rows
            .iter()
            .map(|row| self.solved_row(row, share(row.at_first_permille, row.solved).unwrap_or_default()));
        (head, rows.collect())
    }

    fn solved_row(&self, row: &api::FirstContact, share: String) -> Vec<String> {
        let first = [row.solved, row.at_first].map(|count| count.to_string());
        let why = [row.came_back, row.moved, row.escalated, row.faults].map(|count| count.to_string());
        [self.solved(row), first.to_vec(), vec![share], why.to_vec()].concat()
    }
}

fn counts(row: &api::SlaAttainment) -> Vec<String> {
    let counts = [row.started, row.met, row.breached, row.met_late, row.cancelled, row.running];
    counts.map(|count| count.to_string()).to_vec()
}

/// Average and percentiles; none when nothing was met.
fn times(row: &api::SlaAttainment) -> Option<[i64; 5]> {
    let met = row.met + row.met_late > 0;
    met.then_some([row.average_ms, row.p50_ms, row.p90_ms, row.p95_ms, row.p99_ms])
}

/// Thousandths as a percentage; of nothing, nothing is known.
fn share(permille: u32, of: u32) -> Option<String> {
    (of > 0).then(|| format!("{}.{}", permille / 10, permille % 10))
}

/// A time as a person writes it; 0 when left out.
pub(crate) fn time(text: Option<&str>) -> Result<i64> {
    let Some(text) = text else { return Ok(0) };
    let parsed = chrono::DateTime::parse_from_rfc3339(text).with_context(|| {
        format!("`{text}` is no time: write such as 2026-11-21T00:00:00+07:00, with the zone")
    })?;
    Ok(parsed.timestamp_millis())
}

fn dimension(by: By) -> api::SlaDimension {
    match by {
        By::Desk => api::SlaDimension::Desk,
        By::Queue => api::SlaDimension::Queue,
        By::Priority => api::SlaDimension::Priority,
        By::Segment => api::SlaDimension::Segment,
        By::Agent => api::SlaDimension::Agent,
        By::Campaign => api::SlaDimension::Campaign,
    }
}

fn period(period: Period) -> api::SlaPeriod {
    match period {
        Period::Hour => api::SlaPeriod::Hour,
        Period::Day => api::SlaPeriod::Unspecified,
        Period::Week => api::SlaPeriod::Week,
        Period::Month => api::SlaPeriod::Month,
        Period::Whole => api::SlaPeriod::Whole,
    }
}

#[cfg(test)]
mod tests {
    use simpang_proto::view::v1 as api;

    use super::{By, Cut, Period, time};

    #[test]
    fn a_row_has_the_columns_that_were_asked_for_and_nothing_where_nothing_is_known() {
        let cut = Cut { by: vec![By::Agent, By::Queue], period: Period::Week, ..Cut::default() };
        let row = api::SlaAttainment {
            period: "2026-W47".into(),
            queue: "email".into(),
            agent: "siti".into(),
            clock: api::Clock::FirstResponse.into(),
            started: 1,
            running: 1,
            attained_permille: 1_000,
            ..Default::default()
        };
        let (head, rows) = cut.kept_csv(std::slice::from_ref(&row));
        assert_eq!(head[..5], ["period", "queue", "agent", "clock", "started"]);
        let open = ["2026-W47", "email", "siti", "first-response", "1", "0", "0", "0", "0", "1", "", "", ""];
        assert_eq!(rows[0][..13], open);
        let (head, rows) = cut.kept_table(std::slice::from_ref(&row));
        assert_eq!((head.len(), rows[0].len(), rows[0][10].as_str()), (16, 16, "-"));
        let met =
            api::SlaAttainment { met: 2, breached: 1, attained_permille: 666, average_ms: 90_000, ..row };
        let (_, rows) = cut.kept_table(&[met]);
        assert_eq!(rows[0][10..12], ["66.6 %", "1 min 30 s"]);
        assert_eq!(cut.title(), "by week of Asia/Jakarta, queue, agent");
    }

    #[test]
    fn figures_of_the_whole_desk_over_all_the_time_have_no_column_but_the_clock() {
        let cut = Cut { by: vec![By::Desk], period: Period::Whole, ..Cut::default() };
        assert_eq!(cut.kept_csv(&[]).0[..2], ["clock", "started"]);
        assert_eq!(cut.solved_csv(&[]).0[0], "solved");
        let row = api::FirstContact {
            solved: 8,
            at_first: 7,
            at_first_permille: 875,
            moved: 1,
            ..Default::default()
        };
        assert_eq!(cut.solved_csv(std::slice::from_ref(&row)).1[0], ["8", "7", "87.5", "0", "1", "0", "0"]);
    }

    #[test]
    fn a_time_has_its_zone() {
        assert_eq!(time(Some("1970-01-01T07:00:01+07:00")).unwrap(), 1_000);
        assert_eq!(time(None).unwrap(), 0);
        assert!(time(Some("2026-11-21")).is_err());
    }
}
