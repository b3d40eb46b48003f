//! `simpang show attachment`: a file of a case, onto this machine.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use simpang_channels::safe_file_name;
use simpang_proto::view::v1 as api;
use simpang_proto::view::v1::entry::What;
use simpang_proto::view::v1::get_attachment_response::Body;

use crate::client::{Client, refused};
use crate::output;

/// Which file, and where to.
pub(super) struct Asked {
    pub(super) desk: String,
    pub(super) case: u64,
    pub(super) digest: String,
    pub(super) out: Option<PathBuf>,
    pub(super) force: bool,
}

/// Writes the file.
pub(super) async fn save(client: &Client, asked: Asked) -> Result<()> {
    let file = named(client, &asked).await?;
    let request = api::GetAttachmentRequest {
        desk: asked.desk.clone(),
        case: asked.case,
        digest: file.digest.clone(),
        ..Default::default()
    };
    let mut pieces = client.view().get_attachment(request).await.map_err(refused)?.into_inner();
    // What a stranger called it, never more than a name.
    let path = asked.out.unwrap_or_else(|| safe_file_name(&file.name, "attachment").into());
    let mut options = OpenOptions::new();
    options.write(true).create(true).create_new(!asked.force).truncate(true);
    let mut out = options.open(&path).with_context(|| {
        format!("can't write {}: name another with --out, or write over it with --force", path.display())
    })?;
    let mut size = 0;
    while let Some(piece) = pieces.message().await.map_err(refused)? {
        if let Some(Body::Chunk(chunk)) = piece.body {
            size += chunk.len();
            out.write_all(&chunk).with_context(|| format!("can't write {}", path.display()))?;
        }
    }
    output::line(format!("{}: {size} bytes, {}", path.display(), file.media_type));
    Ok(())
}

/// The one file of the case whose digest begins so.
async fn named(client: &Client, asked: &Asked) -> Result<api::Attachment> {
    let request = api::GetCaseRequest { desk: asked.desk.clone(), case: asked.case, ..Default::default() };
    let case = client.view().get_case(request).await.map_err(refused)?.into_inner().case.unwrap_or_default();
    let files = case.conversation.into_iter().filter_map(|entry| entry.what).flat_map(|what| match what {
        What::Message(message) => message.attachments,
        What::Delivery(delivery) => delivery.attachments,
    });
    let wanted = asked.digest.to_lowercase();
    let mut found: Vec<api::Attachment> = files
        .filter(|file| !file.digest.is_empty() && hex::encode(&file.digest).starts_with(&wanted))
        .collect();
    found.dedup_by(|a, b| a.digest == b.digest);
    match (found.pop(), found.is_empty()) {
        (None, _) => bail!("case {} has no file whose digest begins with `{}`", asked.case, asked.digest),
        (Some(_), false) => bail!("several files of case {} begin so: give more of the digest", asked.case),
        (Some(file), true) => Ok(file),
    }
}
