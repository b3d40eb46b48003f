//! Files that go with an answer: brought first, then named by their digest.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use simpang_proto::agent::v1 as api;
use simpang_proto::ingest::v1::upload_attachment_request::Body;
use simpang_proto::ingest::v1::{BeginUpload, UploadAttachmentRequest};

use super::{Me, until_known};

/// Bytes of one piece.
const PIECE_BYTES: usize = 256 << 10;

/// Brings files; what names them in an answer.
pub(super) async fn upload(me: &Me, paths: &[PathBuf]) -> Result<Vec<api::ReplyAttachment>> {
    let mut named = Vec::with_capacity(paths.len());
    for path in paths {
        let bytes = std::fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
        let kept = until_known(pieces(&bytes), |pieces| {
            let mut client = me.client.ingest();
            async move { client.upload_attachment(tokio_stream::iter(pieces)).await }
        });
        let kept = kept.await.with_context(|| format!("{} was not taken", path.display()))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let media_type = media_type(path).to_owned();
        named.push(api::ReplyAttachment { digest: kept.digest, name, media_type, size: kept.size });
    }
    Ok(named)
}

fn pieces(bytes: &[u8]) -> Vec<UploadAttachmentRequest> {
    let begin = Body::Begin(BeginUpload { size: bytes.len() as u64, ..BeginUpload::default() });
    let chunks = bytes.chunks(PIECE_BYTES).map(|chunk| Body::Chunk(chunk.to_vec()));
    std::iter::once(begin).chain(chunks).map(|body| UploadAttachmentRequest { body: Some(body) }).collect()
}

/// By the usual ending of its name; what a desk sends most.
fn media_type(path: &Path) -> &'static str {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "txt" => "text/plain",
        "csv" => "text/csv",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}
