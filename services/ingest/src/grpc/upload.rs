//! UploadAttachment: the opening, then the pieces.

use bytes::Bytes;
use futures_util::stream;
use simpang_proto::ingest::v1 as api;
use simpang_proto::ingest::v1::upload_attachment_request::Body;
use tonic::{Status, Streaming};

use super::IngestService;
use crate::upload::{self, NotKept};

type Inbound = Streaming<api::UploadAttachmentRequest>;

/// Serves one upload.
pub(super) async fn serve(
    service: &IngestService,
    mut inbound: Inbound,
) -> Result<api::UploadAttachmentResponse, Status> {
    let begin = match inbound.message().await?.and_then(|first| first.body) {
        Some(Body::Begin(begin)) => begin,
        _ => return Err(Status::invalid_argument("the first message has to be `begin`")),
    };
    let stop = service.stop.clone();
    let pieces = stream::unfold(inbound, |mut inbound| async move {
        let piece = piece(&mut inbound).await?;
        Some((piece, inbound))
    });
    let taking = upload::take(&service.intake, &begin, Box::pin(pieces));
    let kept = tokio::select! {
        kept = taking => kept.map_err(NotKept::status)?,
        () = stop.cancelled() => return Err(Status::unavailable("the service is stopping: send the same again")),
    };
    Ok(api::UploadAttachmentResponse { digest: kept.digest.to_vec(), size: kept.size })
}

/// The next piece; none after the last.
async fn piece(inbound: &mut Inbound) -> Option<Result<Bytes, NotKept>> {
    match inbound.message().await {
        Ok(None) => None,
        Ok(Some(api::UploadAttachmentRequest { body: Some(Body::Chunk(chunk)) })) => Some(Ok(chunk.into())),
        Ok(Some(_)) => Some(Err(NotKept::Invalid("after `begin` only `chunk` may come".to_owned()))),
        Err(status) => Some(Err(NotKept::Broken(format!("the file broke off: {}", status.message())))),
    }
}
