//! LoadContacts: collects the list within its limits, checks desk, campaign and header before anything is written,
//! then answers verdict by verdict.

use std::collections::BTreeSet;

use futures_util::Stream;
use simpang_log::DeskName;
use simpang_proto::ingest::v1 as api;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Status, Streaming};
use tracing::Instrument as _;

use super::IngestService;
use crate::contacts::{self, List, Verdict};
use crate::counters::{self, Reason, Source};
use crate::mapping::Load;
use crate::messages;

/// Most bytes of a list.
const LIST_BYTES_MAX: usize = 32 << 20;
/// Most rows of a list that comes as rows.
const ROWS_MAX: usize = 200_000;
/// Verdicts on their way to the client.
const ANSWERS: usize = 256;

type Answer = Result<api::LoadContactsResponse, Status>;

/// Serves one load.
pub(super) async fn serve(
    service: &IngestService,
    metadata: MetadataMap,
    mut inbound: Streaming<api::LoadContactsRequest>,
) -> Result<impl Stream<Item = Answer> + Send + 'static, Status> {
    let begin = begin(&mut inbound).await?;
    service.authorise(&metadata, "LoadContacts", &begin.desk)?;
    let (desk, load) = check(service, &begin, super::traceparent(&metadata))?;
    let collected = collect(&mut inbound).await.inspect_err(|status| {
        let too_large = status.code() == tonic::Code::ResourceExhausted;
        counters::refused(Source::Contacts, if too_large { Reason::TooLarge } else { Reason::Invalid });
    })?;
    let rows = collected.rows;
    let list = contacts::open(collected.csv).map_err(|error| {
        counters::refused(Source::Contacts, Reason::Invalid);
        Status::invalid_argument(format!("nothing was loaded: {error}"))
    })?;
    let (answers, outbound) = mpsc::channel(ANSWERS);
    let span = tracing::info_span!("ingest.list.load", %desk, load.campaign, load.traceparent);
    service.tasks.spawn(answer(service.clone(), desk, load, list, rows, answers).instrument(span));
    Ok(ReceiverStream::new(outbound))
}

async fn begin(inbound: &mut Streaming<api::LoadContactsRequest>) -> Result<api::BeginLoad, Status> {
    use api::load_contacts_request::Body;
    match inbound.message().await?.and_then(|request| request.body) {
        Some(Body::Begin(begin)) => Ok(begin),
        _ => Err(Status::invalid_argument("the first message has to be `begin`")),
    }
}

fn check(
    service: &IngestService,
    begin: &api::BeginLoad,
    traceparent: String,
) -> Result<(DeskName, Load), Status> {
    let directory = &service.intake.directory;
    service.intake.check_ready().map_err(|away| messages::status(away.into()))?;
    let unknown = |what: String| {
        counters::refused(Source::Contacts, Reason::Invalid);
        Status::not_found(format!("nothing was loaded: {what}"))
    };
    let desk = DeskName::new(&begin.desk).map_err(|error| Status::invalid_argument(error.to_string()))?;
    match directory.has_campaign(&begin.desk, &begin.campaign) {
        None => return Err(unknown(format!("there is no desk {desk} with a policy in force"))),
        Some(false) => return Err(unknown(format!("desk {desk} has no such campaign: see its policy"))),
        Some(true) => {}
    }
    if begin.list.chars().count() > 200 {
        return Err(Status::invalid_argument("`list` has over 200 characters"));
    }
    let zone = if begin.zone.is_empty() { "UTC" } else { &begin.zone };
    let zone = zone
        .parse()
        .map_err(|_| Status::invalid_argument("`zone` is no IANA time zone, such as `Asia/Jakarta`"))?;
    let load = Load { campaign: begin.campaign.clone(), list: begin.list.clone(), zone, traceparent };
    Ok((desk, load))
}

/// A list as CSV; where it came as rows, how many there were.
#[derive(Default)]
struct Collected {
    csv: Vec<u8>,
    rows: Option<u64>,
}

async fn collect(inbound: &mut Streaming<api::LoadContactsRequest>) -> Result<Collected, Status> {
    use api::load_contacts_request::Body;
    let mut csv: Vec<u8> = Vec::new();
    let mut rows: Vec<api::ContactRow> = Vec::new();
    let mut rows_bytes = 0;
    while let Some(request) = inbound.message().await? {
        match request.body {
            Some(Body::Csv(bytes)) => csv.extend(bytes),
            Some(Body::Rows(more)) => {
                rows_bytes += prost::Message::encoded_len(&more);
                rows.extend(more.rows);
            }
            Some(Body::Begin(_)) => return Err(Status::invalid_argument("`begin` comes only once, first")),
            None => {}
        }
        if csv.len().max(rows_bytes) > LIST_BYTES_MAX || rows.len() > ROWS_MAX {
            let detail = format!(
                "nothing was loaded: a list has at most {LIST_BYTES_MAX} bytes and {ROWS_MAX} rows; cut it"
            );
            return Err(Status::resource_exhausted(detail));
        }
    }
    if !csv.is_empty() && !rows.is_empty() {
        return Err(Status::invalid_argument("send either `csv` or `rows`; nothing was loaded"));
    }
    if rows.is_empty() {
        return Ok(Collected { csv, rows: None });
    }
    Ok(Collected { csv: as_csv(&rows), rows: Some(rows.len() as u64) })
}

/// Rows as the CSV that they stand for: row n on line n + 1.
fn as_csv(rows: &[api::ContactRow]) -> Vec<u8> {
    let columns: BTreeSet<&str> = rows.iter().flat_map(|row| row.cells.keys().map(String::as_str)).collect();
    let mut csv = String::new();
    push_line(&mut csv, columns.iter().copied());
    for row in rows {
        push_line(&mut csv, columns.iter().map(|column| row.cells.get(*column).map_or("", String::as_str)));
    }
    csv.into_bytes()
}

fn push_line<'a>(csv: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (n, cell) in cells.enumerate() {
        csv.push_str(if n == 0 { "\"" } else { ",\"" });
        csv.push_str(&cell.replace('"', "\"\"").replace(['\r', '\n'], " "));
        csv.push('"');
    }
    csv.push('\n');
}

/// Loads, and answers a verdict for each row, then the totals.
async fn answer(
    service: IngestService,
    desk: DeskName,
    load: Load,
    list: List,
    rows: Option<u64>,
    answers: mpsc::Sender<Answer>,
) {
    let (verdicts, mut received) = mpsc::channel(ANSWERS);
    let loading = contacts::load(service.intake.clone(), desk.clone(), load, list, verdicts);
    let telling = async {
        let mut teller = Teller { desk, by_row: rows.is_some(), told: 0, totals: api::LoadTotals::default() };
        while let Some(verdict) = received.recv().await {
            for row in teller.tell(verdict) {
                let body = Some(api::load_contacts_response::Body::Row(row));
                if answers.send(Ok(api::LoadContactsResponse { body })).await.is_err() {
                    return teller;
                }
            }
        }
        teller
    };
    let (loaded, mut teller) = tokio::join!(loading, telling);
    let mut last: Vec<Answer> = Vec::new();
    match loaded {
        Ok(()) => {
            let body = |body| Ok(api::LoadContactsResponse { body: Some(body) });
            let missing = teller.blank_before(rows.unwrap_or(0) + 1);
            last.extend(missing.into_iter().map(|row| body(api::load_contacts_response::Body::Row(row))));
            last.push(body(api::load_contacts_response::Body::Totals(teller.totals)));
        }
        Err(away) => last.push(Err(Status::unavailable(format!("the list was loaded in part: {away}")))),
    }
    for answer in last {
        if answers.send(answer).await.is_err() {
            return;
        }
    }
}

/// Puts verdicts into the API's words and counts them.
struct Teller {
    desk: DeskName,
    /// The list came as rows: their number counts, not the line, and each gets a verdict.
    by_row: bool,
    told: u64,
    totals: api::LoadTotals,
}

impl Teller {
    fn tell(&mut self, verdict: Verdict) -> Vec<api::RowVerdict> {
        let line = match &verdict {
            Verdict::Accepted { line, .. }
            | Verdict::Duplicate { line, .. }
            | Verdict::Invalid { line, .. } => *line,
        };
        let number = self.number(line);
        let mut rows = self.blank_before(number);
        let row = match verdict {
            Verdict::Accepted { key, remark, place, .. } => {
                self.totals.accepted += 1;
                self.totals.last = Some(messages::place(&self.desk, place));
                self.verdict(number, api::RowOutcome::Accepted, key, remark)
            }
            Verdict::Duplicate { of_line, .. } => {
                self.totals.duplicate += 1;
                let what = if self.by_row { "row" } else { "line" };
                let reason = format!("the same contact as on {what} {}", self.number(of_line));
                self.verdict(number, api::RowOutcome::Duplicate, String::new(), reason)
            }
            Verdict::Invalid { reason, .. } => self.invalid(number, reason),
        };
        rows.push(row);
        rows
    }

    fn number(&self, line: u64) -> u64 {
        if self.by_row { line.saturating_sub(1) } else { line }
    }

    /// Verdicts for rows without any cell, which stand as blank lines in the list.
    fn blank_before(&mut self, number: u64) -> Vec<api::RowVerdict> {
        if !self.by_row {
            return Vec::new();
        }
        (self.told + 1..number).map(|blank| self.invalid(blank, "the row has no cells".to_owned())).collect()
    }

    fn invalid(&mut self, number: u64, reason: String) -> api::RowVerdict {
        self.totals.invalid += 1;
        self.verdict(number, api::RowOutcome::Invalid, String::new(), reason)
    }

    fn verdict(
        &mut self,
        number: u64,
        outcome: api::RowOutcome,
        key: String,
        reason: String,
    ) -> api::RowVerdict {
        self.told = number;
        self.totals.rows += 1;
        api::RowVerdict { line: number, outcome: outcome.into(), key, reason }
    }
}
