//! LoadContacts: checks desk, campaign and header before anything is written, then loads row by row while the list is
//! still read, with bounded memory: a client that does not read its verdicts is not read from either.

mod source;
mod teller;

use futures_util::Stream;
use simpang_log::DeskName;
use simpang_proto::ingest::v1 as api;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Status, Streaming};
use tracing::Instrument as _;

use super::IngestService;
use crate::contacts::{self, Rows};
use crate::counters::{self, Reason, Source};
use crate::mapping::Load;
use crate::messages;
use source::{Fed, Feed};
use teller::Teller;

/// Verdicts on their way to the client.
const ANSWERS: usize = 256;

type Answer = Result<api::LoadContactsResponse, Status>;

/// Serves one load.
pub(super) async fn serve(
    service: &IngestService,
    metadata: MetadataMap,
    mut inbound: Streaming<api::LoadContactsRequest>,
) -> Result<impl Stream<Item = Answer> + Send + 'static, Status> {
    service.gatekeeper.authenticate(&metadata)?;
    let begin = begin(&mut inbound).await?;
    service.authorise(&metadata, "LoadContacts", &begin.desk)?;
    let (desk, load) = check(service, &begin, super::traceparent(&metadata))?;
    let (feed, pieces) = Feed::new();
    let fed = feed.fed();
    service.tasks.spawn(feed.run(inbound, service.stop.clone()));
    let rows = contacts::open(pieces).await.map_err(|error| {
        counters::refused(Source::Contacts, Reason::Invalid);
        fed.failure().unwrap_or_else(|| Status::invalid_argument(format!("nothing was loaded: {error}")))
    })?;
    let (answers, outbound) = mpsc::channel(ANSWERS);
    let span = tracing::info_span!("ingest.list.load", %desk, load.campaign, load.traceparent);
    service.tasks.spawn(answer(service.clone(), desk, load, rows, fed, answers).instrument(span));
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
    for (field, text) in [("list", &begin.list), ("criterion", &begin.criterion)] {
        if text.chars().count() > 200 {
            return Err(Status::invalid_argument(format!("`{field}` has over 200 characters")));
        }
    }
    let zone = if begin.zone.is_empty() { "UTC" } else { &begin.zone };
    let zone = zone
        .parse()
        .map_err(|_| Status::invalid_argument("`zone` is no IANA time zone, such as `Asia/Jakarta`"))?;
    let load = Load {
        desk: begin.desk.clone(),
        campaign: begin.campaign.clone(),
        list: begin.list.clone(),
        criterion: begin.criterion.clone(),
        zone,
        traceparent,
    };
    Ok((desk, load))
}

/// Loads, and answers a verdict for each row, then the totals.
async fn answer(
    service: IngestService,
    desk: DeskName,
    load: Load,
    rows: Rows,
    fed: Fed,
    answers: mpsc::Sender<Answer>,
) {
    let (verdicts, mut received) = mpsc::channel(ANSWERS);
    let loading = contacts::load(service.intake.clone(), desk.clone(), load, rows, verdicts);
    let by_row = fed.clone();
    let telling = async {
        let mut teller = Teller::new(desk);
        while let Some(verdict) = received.recv().await {
            for row in teller.tell(verdict, by_row.rows().is_some()) {
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
    match (fed.failure(), loaded) {
        (Some(failure), _) => last.push(Err(failure)),
        (None, Ok(())) => {
            let body = |body| Ok(api::LoadContactsResponse { body: Some(body) });
            let missing = fed.rows().map(|rows| teller.blank_before(rows + 1)).unwrap_or_default();
            last.extend(missing.into_iter().map(|row| body(api::load_contacts_response::Body::Row(row))));
            last.push(body(api::load_contacts_response::Body::Totals(teller.totals())));
        }
        (None, Err(failed)) => {
            let loaded = teller.totals().accepted;
            last.push(Err(failed.status(loaded)));
        }
    }
    for answer in last {
        if answers.send(answer).await.is_err() {
            return;
        }
    }
}
