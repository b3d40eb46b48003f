//! What an installation keeps in files: its secret, its tokens. `simpang up` makes them; roles only read them.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rand::RngCore;
use serde::{Deserialize, Serialize};
use simpang_access::{Gatekeeper, TokenEntry, Tokens};
use simpang_wire::key::Keyer;

use crate::config::Config;

/// Whom `simpang up` makes tokens for: a principal, and the roles its token gives.
const LOCAL: &[(&str, &[&str])] = &[
    ("admin", &["administrator", "auditor", "gateway"]),
    ("gateway", &["gateway"]),
    ("rina", &[]),
    ("budi", &[]),
    ("tari", &[]),
    ("sari", &[]),
    ("dewi", &[]),
];

#[derive(Debug, Default, Serialize, Deserialize)]
struct TokensFile {
    #[serde(default)]
    token: Vec<TokenEntry>,
}

/// The installation's keyed hashes.
pub(crate) fn keyer(config: &Config) -> Result<Keyer> {
    let path = config.secret_file();
    let secret = std::fs::read(&path).with_context(|| {
        format!(
            "can't read the installation's secret {}: copy it from where `simpang up` made it",
            path.display()
        )
    })?;
    if secret.len() < 16 {
        bail!("the installation's secret {} is too short: at least 16 bytes", path.display());
    }
    Ok(Keyer::new(&secret))
}

/// The tokens there are.
pub(crate) fn gatekeeper(config: &Config) -> Result<Arc<Gatekeeper>> {
    let path = config.tokens_file();
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("can't read the tokens {}", path.display()))?;
    let tokens = Tokens::parse(&text).with_context(|| path.display().to_string())?;
    Ok(Arc::new(Gatekeeper::new(tokens)))
}

/// Makes what is missing: folder, secret, tokens for use on this machine.
pub(crate) fn prepare(config: &Config) -> Result<()> {
    let dir = &config.data.dir;
    std::fs::create_dir_all(dir).with_context(|| format!("can't make the data folder {}", dir.display()))?;
    let secret = config.secret_file();
    if !secret.exists() {
        write_private(&secret, random_hex(32).as_bytes())?;
    }
    let tokens = config.tokens_file();
    if !tokens.exists() {
        let mut file = TokensFile::default();
        for (principal, roles) in LOCAL {
            let token = random_hex(16);
            write_private(&dir.join(token_file(principal)), token.as_bytes())?;
            file.token.push(TokenEntry {
                sha256: Tokens::digest(&token),
                principal: (*principal).to_owned(),
                roles: roles.iter().map(|r| (*r).to_owned()).collect(),
                desks: Vec::new(),
            });
        }
        let text = format!(
            "# Who may call: one entry a token, of which only the SHA-256 stands here. Agents' roles stand in their desk.\n\n{}",
            toml::to_string(&file)?
        );
        write_private(&tokens, text.as_bytes())?;
    }
    Ok(())
}

/// A token that `simpang up` made on this machine.
pub(crate) fn local_token(config: &Config, principal: &str) -> Result<String> {
    let path = config.data.dir.join(token_file(principal));
    let token = std::fs::read_to_string(&path).with_context(|| {
        format!("no token given and {} can't be read: use --token, SIMPANG_TOKEN or --data", path.display())
    })?;
    Ok(token.trim().to_owned())
}

fn token_file(principal: &str) -> String {
    format!("token-{principal}")
}

fn random_hex(bytes: usize) -> String {
    let mut all = vec![0; bytes];
    rand::rng().fill_bytes(&mut all);
    hex::encode(all)
}

/// Writes a file that only its owner reads.
fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path).with_context(|| format!("can't write {}", path.display()))?;
    file.write_all(bytes).with_context(|| format!("can't write {}", path.display()))
}
