//! ReportReference: what another system tells of a ticket of its own (M10).

use simpang_log::DeskName;
use simpang_proto::ingest::v1 as api;
use simpang_proto::log::v1 as log;
use simpang_wire::key::Purpose;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::IngestService;
use crate::counters::{self, Source};
use crate::messages;

/// Serves one status.
pub(super) async fn serve(
    service: &IngestService,
    metadata: &MetadataMap,
    request: api::ReportReferenceRequest,
) -> Result<api::ReportReferenceResponse, Status> {
    let principal = service.authorise(metadata, "ReportReference", &request.desk)?;
    service.intake.check_ready().map_err(|away| messages::status(away.into()))?;
    let bounds = [
        ("system", &request.system, 64),
        ("number", &request.number, 200),
        ("status", &request.status, 200),
        ("request_id", &request.request_id, 128),
    ];
    for (field, text, most) in bounds {
        if text.is_empty() || text.chars().count() > most {
            return Err(Status::invalid_argument(format!("`{field}` has to have 1 to {most} characters")));
        }
    }
    let desk = DeskName::new(&request.desk).map_err(|error| Status::invalid_argument(error.to_string()))?;
    if !service.intake.directory.has_desk(&request.desk) {
        return Err(Status::not_found(format!("there is no desk {desk} with a policy in force")));
    }
    let parts = [request.desk.as_str(), "reference", &principal.name, &request.request_id];
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    let report = log::ReferenceReport {
        system: request.system,
        number: request.number,
        status: request.status,
        principal: principal.name.clone(),
    };
    let input = log::Input {
        key: service.intake.keyer.key(Purpose::Idempotency, &parts).to_vec().into(),
        traceparent: super::traceparent(metadata),
        body: Some(log::input::Body::ReferenceReport(report)),
    };
    let place = service.intake.append(Source::Reference, &desk, &input).await;
    let place = place.map_err(|away| {
        counters::deferred(Source::Reference, away.later());
        Status::unavailable(away.to_string())
    })?;
    counters::accepted(Source::Reference, 1);
    Ok(api::ReportReferenceResponse { place: Some(messages::place(&desk, place)) })
}
