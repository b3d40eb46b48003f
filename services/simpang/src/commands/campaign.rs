//! `simpang campaign load`: a call list, and what became of each of its rows.

mod list;

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::json;
use simpang_proto::ingest::v1 as api;
use simpang_proto::ingest::v1::load_contacts_request::Body as Ask;
use simpang_proto::ingest::v1::load_contacts_response::Body as Told;

use crate::cli::Campaign;
use crate::client::{Client, refused};
use crate::config::Config;
use crate::output;

/// Bytes of the list sent at a time.
const PIECE: usize = 64 * 1024;

/// Rows sent at a time.
const ROWS: usize = 500;

pub(crate) async fn run(config: &Config, args: Campaign) -> Result<()> {
    let Campaign::Load { desk, campaign, file, criterion, zone, server, json } = args;
    let bytes = std::fs::read(&file).with_context(|| format!("can't read the list {}", file.display()))?;
    let rows = match criterion {
        Some(criterion) => list::with_criterion(&bytes, &criterion)
            .with_context(|| format!("nothing was loaded: {}", file.display()))?,
        None => None,
    };
    let source = rows.map_or(Source::Csv(bytes), Source::Rows);
    let begin = api::BeginLoad { desk, campaign, list: list_name(&file), zone };
    let client = Client::of(config, &server).await?;
    let totals = load(&client, begin, source, json.json).await?;
    if totals.accepted == 0 {
        bail!("nothing was loaded: none of {} rows is a new contact", totals.rows);
    }
    Ok(())
}

/// What is sent of a list.
enum Source {
    /// The file as it is.
    Csv(Vec<u8>),
    /// Its rows, with a criterion each.
    Rows(list::Rows),
}

fn list_name(file: &Path) -> String {
    file.file_name().map_or_else(String::new, |name| name.to_string_lossy().chars().take(200).collect())
}

/// Loads a list and tells what became of it.
async fn load(
    client: &Client,
    begin: api::BeginLoad,
    source: Source,
    as_json: bool,
) -> Result<api::LoadTotals> {
    let what = format!("campaign {} of desk {}", begin.campaign, begin.desk);
    let (pieces, rows, lines, left_out) = match source {
        Source::Csv(bytes) => {
            let rows = bytes.iter().filter(|byte| **byte == b'\n').count();
            let pieces: Vec<Ask> = bytes.chunks(PIECE).map(|piece| Ask::Csv(piece.to_vec())).collect();
            (pieces, rows, None, Vec::new())
        }
        Source::Rows(list::Rows { rows, lines, left_out }) => {
            let pieces = rows.chunks(ROWS).map(|rows| Ask::Rows(api::ContactRows { rows: rows.to_vec() }));
            (pieces.collect(), lines.len(), Some(lines), left_out)
        }
    };
    let bar = output::progress(rows as u64, "loading");
    left_out.iter().for_each(|row| tell(row, as_json));
    let asked = std::iter::once(Ask::Begin(begin)).chain(pieces);
    let asked: Vec<_> = asked.map(|body| api::LoadContactsRequest { body: Some(body) }).collect();
    let answer = client.ingest().load_contacts(tokio_stream::iter(asked)).await.map_err(refused)?;
    let mut verdicts = answer.into_inner();
    let mut totals = None;
    while let Some(told) = verdicts.message().await.map_err(refused)? {
        match told.body {
            Some(Told::Row(mut row)) => {
                row.line = line_of(lines.as_deref(), row.line);
                bar.inc(1);
                bar.suspend(|| tell(&row, as_json));
            }
            Some(Told::Totals(sum)) => totals = Some(sum),
            None => {}
        }
    }
    bar.finish_and_clear();
    let totals =
        totals.context("the answer ended before its totals: load the same list again, that is harmless")?;
    let totals = with_left_out(totals, &left_out);
    sum_up(&what, &totals, as_json);
    Ok(totals)
}

/// The line in the file of a row that the server counted by number.
fn line_of(lines: Option<&[u64]>, number: u64) -> u64 {
    let Some(lines) = lines else { return number };
    let at = usize::try_from(number).unwrap_or(usize::MAX).checked_sub(1);
    at.and_then(|at| lines.get(at)).copied().unwrap_or(number)
}

fn with_left_out(mut totals: api::LoadTotals, left_out: &[api::RowVerdict]) -> api::LoadTotals {
    for row in left_out {
        totals.rows += 1;
        match row.outcome() {
            api::RowOutcome::Duplicate => totals.duplicate += 1,
            _ => totals.invalid += 1,
        }
    }
    totals
}

/// A row that was not simply accepted; as JSON every row.
fn tell(row: &api::RowVerdict, as_json: bool) {
    if as_json {
        output::json(&json!({
            "line": row.line, "outcome": outcome(row), "key": row.key, "reason": row.reason,
        }));
    } else if let Some(line) = remark(row) {
        output::line(line);
    }
}

fn outcome(row: &api::RowVerdict) -> String {
    simpang_views::sentence::plain(row.outcome().as_str_name(), "ROW_OUTCOME_")
}

fn remark(row: &api::RowVerdict) -> Option<String> {
    let quiet = row.outcome() == api::RowOutcome::Accepted && row.reason.is_empty();
    (!quiet).then(|| format!("line {:>6}  {:<9}  {}", row.line, outcome(row), row.reason))
}

fn sum_up(what: &str, totals: &api::LoadTotals, as_json: bool) {
    if as_json {
        output::json(&json!({
            "rows": totals.rows, "accepted": totals.accepted, "duplicate": totals.duplicate, "invalid": totals.invalid,
        }));
        return;
    }
    output::line(format!(
        "{what}: {} rows, {} loaded, {} repeats within the list, {} not usable",
        totals.rows, totals.accepted, totals.duplicate, totals.invalid
    ));
}

#[cfg(test)]
mod tests {
    use simpang_proto::ingest::v1::{RowOutcome, RowVerdict};

    use super::remark;

    #[test]
    fn only_rows_with_something_to_say_are_told() {
        let row = RowVerdict {
            line: 3,
            outcome: RowOutcome::Accepted.into(),
            key: "1".into(),
            reason: String::new(),
        };
        assert_eq!(remark(&row), None);
        let row = RowVerdict { outcome: RowOutcome::Invalid.into(), reason: "no number".into(), ..row };
        assert_eq!(remark(&row).unwrap(), "line      3  invalid    no number");
    }
}
