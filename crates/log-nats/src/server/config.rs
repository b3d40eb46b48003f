//! What a supervised server is told.

use std::path::PathBuf;

use serde_json::json;

/// Most bytes in one message: the broker's own recommended limit.
const MAX_PAYLOAD: usize = 8 * 1024 * 1024;

/// How to run a server.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// Where everything is kept: store, configuration, log, lock.
    pub dir: PathBuf,
    /// Port on 127.0.0.1; none: a free one.
    pub port: Option<u16>,
    /// When records reach the disk.
    pub sync: SyncInterval,
    /// Who may connect; empty: everybody on this machine.
    pub users: Vec<ServerUser>,
    /// Port of the HTTP monitoring on 127.0.0.1; none: no monitoring.
    pub monitor_port: Option<u16>,
    /// The binary; none: searched, see [`find`](super::find()).
    pub binary: Option<PathBuf>,
    /// A folder in or under which the workspace is, for the search; none: the current folder.
    pub workspace: Option<PathBuf>,
}

/// When records reach the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SyncInterval {
    /// Before they are acknowledged: survives loss of power.
    Always,
    /// Every two minutes: survives a crash of the server, not of the machine.
    #[default]
    Periodic,
}

/// A user of the server.
#[derive(Debug, Clone)]
pub struct ServerUser {
    /// Name.
    pub name: String,
    /// Password, plain or as a bcrypt hash.
    pub password: String,
}

/// The configuration file.
pub(super) fn text(options: &ServerOptions, port: u16) -> String {
    // The server reads JSON's quoting of strings.
    let quoted = |path: PathBuf| json!(path.to_string_lossy()).to_string();
    let mut lines = vec![
        "# Written at every start; changes are lost.".to_owned(),
        "server_name: \"simpang\"".to_owned(),
        format!("listen: \"127.0.0.1:{port}\""),
        format!("max_payload: {MAX_PAYLOAD}"),
        "jetstream {".to_owned(),
        format!("  store_dir: {}", quoted(options.dir.join("jetstream"))),
    ];
    if options.sync == SyncInterval::Always {
        lines.push("  sync_interval: always".to_owned());
    }
    lines.push("}".to_owned());
    if let Some(port) = options.monitor_port {
        lines.push(format!("http: \"127.0.0.1:{port}\""));
    }
    if !options.users.is_empty() {
        let users = options
            .users
            .iter()
            .map(|user| format!("    {{ user: {}, password: {} }}", json!(user.name), json!(user.password)));
        lines.push("authorization {\n  users: [".to_owned());
        lines.extend(users);
        lines.push("  ]\n}".to_owned());
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_says_what_was_asked() {
        let options = ServerOptions {
            dir: "/data/with \"quotes\"".into(),
            sync: SyncInterval::Always,
            users: vec![ServerUser { name: "router".into(), password: "p\"w".into() }],
            monitor_port: Some(8222),
            ..ServerOptions::default()
        };
        let text = text(&options, 4222);
        for line in [
            r#"listen: "127.0.0.1:4222""#,
            r#"  store_dir: "/data/with \"quotes\"/jetstream""#,
            "  sync_interval: always",
            r#"http: "127.0.0.1:8222""#,
            r#"    { user: "router", password: "p\"w" }"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
