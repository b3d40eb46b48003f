//! User tokens at X: fixed ones, and those that have to be renewed every two hours (OAuth 2.0 with PKCE). A renewal
//! makes the old pair of tokens worthless, so that the new one is written to its file before it is used, under a lock
//! that all processes share which use the file. No token is ever logged, and none is in an outcome.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::options::{Refresh, X};
use crate::sender::{Outcome, http};

/// Renewed so long before their end.
const EARLY_S: u64 = 120;
/// Wait while somebody has to sign in again.
const SIGN_IN_MS: i64 = 600_000;
/// Wait while another process renews the token.
const LOCKED_MS: i64 = 2_000;

/// All tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    client: Client,
    base_url: String,
    fixed: HashMap<String, String>,
    renewed: HashMap<String, Arc<Mutex<Held>>>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").field("file", &self.refresh.file).finish_non_exhaustive()
    }
}

/// A token that has to be renewed.
struct Held {
    refresh: Refresh,
    stored: Option<Stored>,
}

/// What its file holds.
#[derive(Clone)]
struct Stored {
    access: String,
    refresh: String,
    expires_at_s: u64,
}

impl Tokens {
    pub(super) fn new(client: Client, options: &X) -> Self {
        let fixed = options.accounts.iter().map(|(name, token)| (name.clone(), token.reveal().to_owned()));
        let held = |refresh: &Refresh| Arc::new(Mutex::new(Held { refresh: refresh.clone(), stored: None }));
        let renewed = options.renewed.iter().map(|(name, refresh)| (name.clone(), held(refresh)));
        Self {
            client,
            base_url: options.base_url.clone(),
            fixed: fixed.collect(),
            renewed: renewed.collect(),
        }
    }

    /// The token of an account; `dead` is one that X just refused.
    pub(super) async fn get(&self, account: &str, dead: Option<&str>) -> Result<String, Outcome> {
        if let Some(token) = self.fixed.get(account) {
            return match dead {
                Some(_) => {
                    Err(Outcome::retry("X refuses the token of this account: put in a new one", SIGN_IN_MS))
                }
                None => Ok(token.clone()),
            };
        }
        let Some(held) = self.renewed.get(account) else {
            return Err(Outcome::retry(
                "no X token for this account: add it to the configuration",
                SIGN_IN_MS,
            ));
        };
        let mut held = held.lock().await;
        if let Some(stored) = held.stored.as_ref().filter(|stored| stored.serves(dead)) {
            return Ok(stored.access.clone());
        }
        self.renew(&mut held, dead).await
    }

    /// Reads the file, which another process may have renewed, and renews what is at its end.
    async fn renew(&self, held: &mut Held, dead: Option<&str>) -> Result<String, Outcome> {
        let path = held.refresh.file.clone();
        let unusable =
            |what: &str| Outcome::retry(format!("the file of the X token can't be {what}"), SIGN_IN_MS);
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(path.with_extension("lock"));
        let lock = lock.map_err(|_| unusable("locked"))?;
        lock.try_lock().map_err(|_| Outcome::retry("another process renews the X token", LOCKED_MS))?;
        let stored = read(&path).ok_or_else(|| unusable("read: sign in again"))?;
        let stored = match stored.serves(dead) {
            true => stored,
            false => {
                let new = self.ask(&held.refresh, &stored).await?;
                write(&path, &new).map_err(|_| unusable("written"))?;
                new
            }
        };
        held.stored = Some(stored.clone());
        Ok(stored.access)
    }

    async fn ask(&self, refresh: &Refresh, stored: &Stored) -> Result<Stored, Outcome> {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", stored.refresh.as_str()),
            ("client_id", refresh.client_id.as_str()),
        ];
        let body = form.map(|(name, value)| format!("{name}={}", escaped(value))).join("&");
        let request = self.client.post(format!("{}/2/oauth2/token", self.base_url));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        let request = match &refresh.client_secret {
            Some(secret) => request.basic_auth(&refresh.client_id, Some(secret.reveal())),
            None => request,
        };
        // Nothing of the answer goes into an outcome: it may hold a token.
        let again = || Outcome::retry("the X token could not be renewed now", 0);
        let answer = http::ask(request).await.map_err(|_| again())?;
        match answer.status {
            200..=299 => {}
            400 | 401 | 403 => {
                return Err(Outcome::retry(
                    "X does not renew the token: sign in again with the account",
                    SIGN_IN_MS,
                ));
            }
            _ => return Err(again()),
        }
        let life_s =
            serde_json::from_slice::<Value>(&answer.body).ok().and_then(|b| b["expires_in"].as_u64());
        match (answer.text("", "access_token"), answer.text("", "refresh_token")) {
            (Some(access), new) => Ok(Stored {
                access,
                refresh: new.unwrap_or_else(|| stored.refresh.clone()),
                expires_at_s: now_s().saturating_add(life_s.unwrap_or(7_200)),
            }),
            (None, _) => Err(again()),
        }
    }
}

impl Stored {
    fn serves(&self, dead: Option<&str>) -> bool {
        dead != Some(self.access.as_str()) && now_s() + EARLY_S < self.expires_at_s
    }
}

fn read(path: &Path) -> Option<Stored> {
    let value: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Some(Stored {
        // The first file holds a refresh token alone.
        access: text("access_token").unwrap_or_default(),
        refresh: text("refresh_token")?,
        expires_at_s: value["expires_at"].as_u64().unwrap_or(0),
    })
}

/// Writes beside and renames, so that the file is whole whatever happens.
fn write(path: &Path, stored: &Stored) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let text = json!({
        "access_token": stored.access, "refresh_token": stored.refresh, "expires_at": stored.expires_at_s,
    });
    let options = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&beside);
    let mut file: File = options?;
    file.write_all(text.to_string().as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

fn escaped(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    value.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
