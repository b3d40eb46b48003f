//! `simpang campaign`: a call list and what became of each of its rows; the do-not-call list.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;
use simpang_channels::calls::{CallList, Row};
use simpang_proto::ingest::v1 as api;
use simpang_proto::ingest::v1::load_contacts_request::Body as Ask;
use simpang_proto::ingest::v1::load_contacts_response::Body as Told;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::cli::Campaign;
use crate::client::{Client, refused};
use crate::config::Config;
use crate::output;

/// Bytes of the list sent at a time.
const PIECE: usize = 64 * 1024;

/// Numbers sent at a time.
const NUMBERS: usize = 1_000;

pub(crate) async fn run(config: &Config, args: Campaign) -> Result<()> {
    match args {
        Campaign::Load { desk, campaign, file, criterion, zone, verdicts, server, json } => {
            let criterion = criterion.unwrap_or_default();
            let begin = api::BeginLoad { desk, campaign, list: list_name(&file), zone, criterion };
            let client = Client::of(config, &server).await?;
            let mut teller = Teller::new(verdicts.as_deref(), json.json)?;
            let loaded = load(&client, begin, &file, &mut teller).await;
            // What was told until it broke off is kept too.
            teller.finish()?;
            let totals = loaded?;
            if totals.accepted == 0 {
                bail!("nothing was loaded: none of {} rows is a new contact", totals.rows);
            }
            Ok(())
        }
        Campaign::Suppress { desk, numbers, file, lift, reason, server, json } => {
            let numbers = numbers_of(numbers, file)?;
            let client = Client::of(config, &server).await?;
            let request = api::SuppressNumbersRequest { desk, lift, reason, numbers: Vec::new() };
            suppress(&client, &request, &numbers, json.json).await
        }
    }
}

fn list_name(file: &Path) -> String {
    file.file_name().map_or_else(String::new, |name| name.to_string_lossy().chars().take(200).collect())
}

/// Loads a list, piece by piece, and tells what becomes of its rows meanwhile.
async fn load(
    client: &Client,
    begin: api::BeginLoad,
    file: &Path,
    teller: &mut Teller,
) -> Result<api::LoadTotals> {
    let what = format!("campaign {} of desk {}", begin.campaign, begin.desk);
    let bar = output::progress(lines(file)?.saturating_sub(1), "loading");
    let list = open(file)?;
    let (pieces, asked) = mpsc::channel(8);
    let sending = tokio::task::spawn_blocking(move || send(begin, list, &pieces));
    let answer = client.ingest().load_contacts(ReceiverStream::new(asked)).await.map_err(refused)?;
    let mut verdicts = answer.into_inner();
    let (mut totals, mut told_rows) = (None, 0);
    while let Some(told) = verdicts.message().await.map_err(|status| broke_off(status, told_rows))? {
        match told.body {
            Some(Told::Row(row)) => {
                told_rows += 1;
                bar.inc(1);
                teller.tell(&row, &bar)?;
            }
            Some(Told::Totals(sum)) => totals = Some(sum),
            None => {}
        }
    }
    bar.finish_and_clear();
    sending.await.context("the list was not read to its end")?.with_context(|| read_error(file))?;
    let totals =
        totals.context("the answer ended before its totals: load the same list again, that is harmless")?;
    sum_up(&what, &totals, teller.as_json);
    Ok(totals)
}

/// Why a load ended before its totals. Where it is not the list's fault, the same list can be loaded again as it is.
fn broke_off(status: Status, told_rows: u64) -> anyhow::Error {
    let broken = [
        Code::Unavailable,
        Code::Unknown,
        Code::Internal,
        Code::Cancelled,
        Code::Aborted,
        Code::DeadlineExceeded,
    ];
    match broken.contains(&status.code()) {
        true => refused(status).context(format!(
            "the load broke off after the verdicts of {told_rows} rows: part of the list is loaded; load the same list \
             again, that is harmless"
        )),
        false => refused(status),
    }
}

/// Says what became of rows, on the terminal and in a file.
struct Teller {
    as_json: bool,
    file: Option<(BufWriter<File>, PathBuf)>,
}

impl Teller {
    fn new(path: Option<&Path>, as_json: bool) -> Result<Self> {
        let Some(path) = path else { return Ok(Self { as_json, file: None }) };
        let made = File::create(path).with_context(|| write_error(path))?;
        let mut file = BufWriter::new(made);
        writeln!(file, "line,outcome,key,reason").with_context(|| write_error(path))?;
        Ok(Self { as_json, file: Some((file, path.to_owned())) })
    }

    fn tell(&mut self, row: &api::RowVerdict, bar: &indicatif::ProgressBar) -> Result<()> {
        if self.as_json || remark(row).is_some() {
            bar.suspend(|| tell(row, self.as_json));
        }
        let Some((file, path)) = &mut self.file else { return Ok(()) };
        let cells = [row.line.to_string(), outcome(row), row.key.clone(), row.reason.clone()];
        writeln!(file, "{}", super::report::line(&cells)).with_context(|| write_error(path))
    }

    fn finish(&mut self) -> Result<()> {
        let Some((file, path)) = &mut self.file else { return Ok(()) };
        file.flush().with_context(|| write_error(path))
    }
}

fn write_error(path: &Path) -> String {
    format!("can't write the verdicts to {}", path.display())
}

/// Reads the file and hands its pieces on, as fast as they are taken.
fn send(
    begin: api::BeginLoad,
    mut list: File,
    pieces: &mpsc::Sender<api::LoadContactsRequest>,
) -> std::io::Result<()> {
    let request = |body| api::LoadContactsRequest { body: Some(body) };
    let mut next = Ask::Begin(begin);
    // Nobody takes them any more: the server has said why, and that is told.
    while pieces.blocking_send(request(next)).is_ok() {
        let mut piece = vec![0; PIECE];
        let count = list.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        piece.truncate(count);
        next = Ask::Csv(piece);
    }
    Ok(())
}

fn open(file: &Path) -> Result<File> {
    File::open(file).with_context(|| read_error(file))
}

fn read_error(file: &Path) -> String {
    format!("can't read the list {}", file.display())
}

/// Lines of a file, for the bar.
fn lines(file: &Path) -> Result<u64> {
    let (mut list, mut buffer, mut lines) = (open(file)?, vec![0; PIECE], 0);
    loop {
        match list.read(&mut buffer).with_context(|| read_error(file))? {
            0 => return Ok(lines),
            count => lines += buffer[..count].iter().filter(|byte| **byte == b'\n').count() as u64,
        }
    }
}

/// Numbers of the command line and of a file.
fn numbers_of(mut numbers: Vec<String>, file: Option<PathBuf>) -> Result<Vec<String>> {
    if let Some(file) = file {
        let list = CallList::new(BufReader::new(open(&file)?)).with_context(|| read_error(&file))?;
        for row in list {
            match row.with_context(|| read_error(&file))? {
                Row::Accepted(contact) => numbers.extend(contact.phones),
                Row::Duplicate { .. } => {}
                Row::Invalid { line, reason } => output::line(format!("line {line:>6}  invalid    {reason}")),
            }
        }
    }
    if numbers.is_empty() {
        bail!("no number: name the desk and then numbers, or give --file");
    }
    Ok(numbers)
}

async fn suppress(
    client: &Client,
    request: &api::SuppressNumbersRequest,
    numbers: &[String],
    as_json: bool,
) -> Result<()> {
    let bar = output::progress(numbers.len() as u64, "numbers");
    let (mut taken, mut invalid) = (0, 0);
    for (at, numbers) in (0_u64..).zip(numbers.chunks(NUMBERS)) {
        let request = api::SuppressNumbersRequest { numbers: numbers.to_vec(), ..request.clone() };
        let answer = client.ingest().suppress_numbers(request).await.map_err(refused)?.into_inner();
        taken += u64::from(answer.taken);
        for mut row in answer.invalid {
            row.line += at * NUMBERS as u64;
            invalid += 1;
            bar.suspend(|| tell(&row, as_json));
        }
        bar.inc(numbers.len() as u64);
    }
    bar.finish_and_clear();
    if as_json {
        output::json(&json!({ "taken": taken, "invalid": invalid }));
        return Ok(());
    }
    let whose = if request.desk.is_empty() { "every desk" } else { &request.desk };
    let what = if request.lift { "off" } else { "on" };
    output::line(format!("{taken} numbers are {what} the do-not-call list of {whose}; {invalid} are none"));
    Ok(())
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
            "rows": totals.rows, "accepted": totals.accepted, "duplicate": totals.duplicate,
            "suppressed": totals.suppressed, "invalid": totals.invalid,
        }));
        return;
    }
    output::line(format!(
        "{what}: {} rows, {} loaded, {} repeats within the list, {} not to be called, {} not usable",
        totals.rows, totals.accepted, totals.duplicate, totals.suppressed, totals.invalid
    ));
}

#[cfg(test)]
mod tests {
    use simpang_proto::ingest::v1::{RowOutcome, RowVerdict};
    use tonic::Status;

    use super::{broke_off, remark};

    #[test]
    fn a_load_that_broke_off_says_that_loading_again_is_harmless_and_a_refused_one_does_not() {
        for status in [Status::unavailable("gone"), Status::unknown("h2 error"), Status::cancelled("stopped")]
        {
            let told = format!("{:#}", broke_off(status, 120));
            assert!(
                told.contains("of 120 rows: part of the list is loaded; load the same list again"),
                "{told}"
            );
        }
        let told = format!("{:#}", broke_off(Status::not_found("no campaign `calback`"), 0));
        assert_eq!(told, "no campaign `calback` (NotFound)");
    }

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
