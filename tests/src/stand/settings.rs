//! The files that a Simpang of a test starts from.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::policy::FACEBOOK_PAGE;
use crate::receivers::Receivers;
use crate::senders::webhooks::{FACEBOOK_SECRET, X_SECRET};

/// Principals that have a token.
const PRINCIPALS: [(&str, &[&str]); 7] = [
    ("admin", &["administrator", "auditor", "gateway"]),
    ("gateway", &["gateway"]),
    ("rina", &[]),
    ("budi", &[]),
    ("tari", &[]),
    ("sari", &[]),
    ("dewi", &[]),
];
/// Writes settings, secret and tokens; the secret. `mail_port`: of a mail server that takes the place of the receiver.
pub(super) fn prepare(dir: &Path, receivers: &Receivers, mail_port: Option<u16>, more: &str) -> Vec<u8> {
    let data = dir.join("data");
    std::fs::create_dir_all(&data).expect("a folder");
    let secret = b"the installation's secret in tests".to_vec();
    std::fs::write(data.join("secret.key"), &secret).expect("the secret");
    let mut tokens = String::new();
    for (principal, roles) in PRINCIPALS {
        let token = format!("token-of-{principal}");
        let digest = hex::encode(Sha256::digest(&token));
        let _ = writeln!(
            tokens,
            "[[token]]\nsha256 = \"{digest}\"\nprincipal = \"{principal}\"\nroles = {roles:?}\n"
        );
        std::fs::write(data.join(format!("token-{principal}")), token).expect("a token");
    }
    std::fs::write(data.join("tokens.toml"), tokens).expect("the tokens");
    let settings = settings(receivers, mail_port) + more;
    std::fs::write(dir.join("simpang.toml"), settings).expect("the settings");
    secret
}

fn settings(receivers: &Receivers, mail_port: Option<u16>) -> String {
    let (mail, social) = (receivers.mail.address, receivers.social.address);
    let mail_port = mail_port.unwrap_or(mail.port());
    format!(
        r#"
[data]
snapshot_events = 100

[[ingest.x]]
name = "main"
consumer_secret = "{X_SECRET}"

[[ingest.facebook]]
name = "main"
app_secret = "{FACEBOOK_SECRET}"
verify_token = "verify me"

[deliver]
notices_from = "simpang@telkom.example"

[deliver.smtp]
host = "{}"
port = {}

[deliver.x]
base_url = "http://{social}"
[deliver.x.accounts]
telkomcare = "x-token"

[deliver.facebook]
base_url = "http://{social}"
[deliver.facebook.pages.telkomcare]
id = "{FACEBOOK_PAGE}"
token = "page-token"

[telemetry]
log = "info"
"#,
        mail.ip(),
        mail_port
    )
}
