//! SuppressNumbers: the do-not-call list. First the directory is told, by which doors know at load; then every desk,
//! which gives nobody a contact with one of the numbers from there on.

use prost::Message as _;
use simpang_channels::calls::numbers_in_cell;
use simpang_log::DeskName;
use simpang_proto::ingest::v1 as api;
use simpang_proto::log::v1 as log;
use simpang_wire::key::Key;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::IngestService;
use crate::counters::{self, Source};
use crate::intake::Away;
use crate::messages;

/// Most numbers in a request, and in an input.
const NUMBERS_MAX: usize = 1_000;

/// Serves one change.
pub(super) async fn serve(
    service: &IngestService,
    metadata: &MetadataMap,
    request: api::SuppressNumbersRequest,
) -> Result<api::SuppressNumbersResponse, Status> {
    let principal = service.authorise(metadata, "SuppressNumbers", &request.desk)?;
    service.intake.check_ready().map_err(|away| messages::status(away.into()))?;
    let desks = desks(service, &request.desk)?;
    if let Some(desk) = desks.iter().find(|desk| !principal.may_enter(desk.as_str())) {
        return Err(Status::permission_denied(format!("this token is not good for desk {desk}")));
    }
    let (numbers, invalid) = read(service, &request)?;
    let keys: Vec<bytes::Bytes> = numbers.iter().map(|number| number.to_vec().into()).collect();
    tell_directory(service, &request, &keys).await?;
    let mut places = Vec::with_capacity(desks.len());
    for desk in desks {
        let suppression = log::Suppression {
            numbers: keys.clone(),
            lifted: request.lift,
            reason: request.reason.clone(),
            principal: principal.name.clone(),
        };
        // Without a key: saying it again does no harm.
        let input = log::Input {
            traceparent: super::traceparent(metadata),
            body: Some(log::input::Body::Suppression(suppression)),
            ..log::Input::default()
        };
        let place = service.intake.append(Source::Suppression, &desk, &input).await;
        let place = place.map_err(|away| {
            counters::deferred(Source::Suppression, away.later());
            unavailable(&away)
        })?;
        counters::accepted(Source::Suppression, 1);
        places.push(messages::place(&desk, place));
    }
    let taken = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
    Ok(api::SuppressNumbersResponse { taken, invalid, places })
}

fn desks(service: &IngestService, desk: &str) -> Result<Vec<DeskName>, Status> {
    let directory = &service.intake.directory;
    if desk.is_empty() {
        return Ok(directory.calling_desks());
    }
    let name = DeskName::new(desk).map_err(|error| Status::invalid_argument(error.to_string()))?;
    if !directory.has_desk(desk) {
        return Err(Status::not_found(format!("there is no desk {desk} with a policy in force")));
    }
    Ok(vec![name])
}

/// The keys of the numbers, and what is none.
fn read(
    service: &IngestService,
    request: &api::SuppressNumbersRequest,
) -> Result<(Vec<Key>, Vec<api::RowVerdict>), Status> {
    if !(1..=NUMBERS_MAX).contains(&request.numbers.len()) {
        return Err(Status::invalid_argument(format!("`numbers` are 1 to {NUMBERS_MAX}")));
    }
    if request.reason.chars().count() > 200 {
        return Err(Status::invalid_argument("`reason` has over 200 characters"));
    }
    let (mut keys, mut invalid) = (Vec::new(), Vec::new());
    for (line, written) in (1..).zip(&request.numbers) {
        match numbers_in_cell(written) {
            Ok(numbers) => keys.extend(numbers.iter().map(|n| service.intake.keyer.person("call", n))),
            Err(error) => {
                let outcome = api::RowOutcome::Invalid.into();
                let reason = error.to_string();
                invalid.push(api::RowVerdict { line, outcome, key: String::new(), reason });
            }
        }
    }
    keys.sort_unstable();
    keys.dedup();
    // A cell may hold several numbers.
    keys.truncate(NUMBERS_MAX);
    match invalid.first() {
        Some(first) if keys.is_empty() => {
            Err(Status::invalid_argument(format!("none of `numbers` is one: {}", first.reason)))
        }
        _ => Ok((keys, invalid)),
    }
}

async fn tell_directory(
    service: &IngestService,
    request: &api::SuppressNumbersRequest,
    keys: &[bytes::Bytes],
) -> Result<(), Status> {
    let suppressed = |number: &bytes::Bytes| log::SuppressedNumber {
        number: number.clone(),
        desk: request.desk.clone(),
        lifted: request.lift,
    };
    let record = log::DirectoryRecord {
        schema: simpang_log::SCHEMA,
        writer: service.intake.writer().to_owned(),
        suppressed: keys.iter().map(suppressed).collect(),
        ..log::DirectoryRecord::default()
    };
    service.intake.tell_directory(record.encode_to_vec().into()).await.map_err(|away| unavailable(&away))
}

fn unavailable(away: &Away) -> Status {
    Status::unavailable(away.to_string())
}
