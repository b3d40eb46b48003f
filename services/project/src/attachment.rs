//! The bytes of a file that a case names. Nobody gets a file by its digest alone: the case has to name it, and who may
//! read the case may read its files.

use futures_util::{Stream, stream};
use simpang_log::LogStore;
use simpang_proto::view::v1 as api;
use simpang_proto::view::v1::get_attachment_response::Body;
use tonic::Status;

use crate::desk::Desk;

/// Most bytes of one piece.
const PIECE_BYTES: usize = 256 << 10;

/// A file in pieces, its name first.
pub(crate) async fn find(
    desk: &Desk,
    asked: api::GetAttachmentRequest,
    store: &dyn LogStore,
) -> Result<impl Stream<Item = Result<api::GetAttachmentResponse, Status>> + Send + use<>, Status> {
    let digest: [u8; 32] = asked
        .digest
        .as_slice()
        .try_into()
        .map_err(|_| Status::invalid_argument("digest: has to be the 32 bytes that the case shows"))?;
    let case = asked.case;
    let found = desk.read(asked.at_least, move |snapshot| snapshot.attachment(case, &digest)).await?;
    let name = hex::encode(digest);
    let mut file = found.ok_or_else(|| {
        Status::not_found(format!("digest: no message or answer of case {case} names a file {name}"))
    })?;
    let kept =
        store.get_raw(digest).await.map_err(|error| Status::unavailable(format!("{error}: try again")))?;
    let bytes = kept.ok_or_else(|| Status::not_found(format!("digest: nothing is kept under {name}")))?;
    file.size = bytes.len() as u64;
    let pieces = bytes.len().div_ceil(PIECE_BYTES);
    let pieces = (0..pieces).map(move |piece| {
        let end = bytes.len().min((piece + 1) * PIECE_BYTES);
        Body::Chunk(bytes[piece * PIECE_BYTES..end].to_vec())
    });
    let all = std::iter::once(Body::File(file)).chain(pieces);
    Ok(stream::iter(all.map(|body| Ok(api::GetAttachmentResponse { body: Some(body) }))))
}
