//! `simpang backup`: snapshots of all streams from the running broker into a folder, and back.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use simpang_log_nats::Saved;

use crate::cli::Backup;
use crate::config::Config;
use crate::{output, store};

pub(crate) async fn run(config: &Config, args: Backup) -> Result<()> {
    let store = store::connect_nats(config, &store::instance("backup", "1")).await?;
    match args {
        Backup::Take { dir, stream } => {
            let streams = if stream.is_empty() { store.stream_names().await? } else { stream };
            if streams.is_empty() {
                bail!("the broker has no stream of Simpang");
            }
            for stream in streams {
                tell(&stream, store.back_up(&stream, &dir.join(&stream)).await?, "taken");
            }
        }
        Backup::Restore { dir, stream } => {
            for folder in folders(&dir, &stream)? {
                let (stream, saved) = store.restore(&folder).await.with_context(|| {
                    format!(
                        "{} is not restored: a stream that is there is never overwritten; move the damaged one away \
                         first (docs/repair.md)",
                        folder.display()
                    )
                })?;
                tell(&stream, saved, "restored");
            }
            output::line("now `simpang verify` has to say `holds` for every desk; then start the roles");
        }
    }
    Ok(())
}

fn tell(stream: &str, saved: Saved, what: &str) {
    let Saved { records, last_seq, bytes } = saved;
    output::line(format!(
        "{stream}: {what}, {records} records up to sequence {last_seq}, {} KiB",
        bytes / 1024
    ));
}

/// The folders of a backup, one a stream.
fn folders(dir: &Path, streams: &[String]) -> Result<Vec<PathBuf>> {
    if !streams.is_empty() {
        return Ok(streams.iter().map(|stream| dir.join(stream)).collect());
    }
    if dir.join("backup.json").is_file() {
        return Ok(vec![dir.to_owned()]);
    }
    let entries = std::fs::read_dir(dir).with_context(|| format!("can't read {}", dir.display()))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("backup.json").is_file())
        .collect();
    folders.sort();
    if folders.is_empty() {
        bail!("{} holds no backup: no folder in it has a backup.json", dir.display());
    }
    Ok(folders)
}
