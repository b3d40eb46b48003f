//! Settings as the roles take them.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use simpang_deliver::options::{Channels, Facebook, MailServer, MailTls, Page, Refresh, Secret, X};
use simpang_deliver::{Options as DeliverOptions, Timing};
use simpang_ingest::{
    FacebookApp, GraphPage, HttpOptions, ImapMailbox, ImapTls, Options as IngestOptions, SmtpOptions,
    SmtpTls, Token, XApp, XPull, XWay,
};
use simpang_log::DeskName;

use super::Shared;
use crate::config::{Config, Deliver, DeliverFacebook, FacebookPage, Imap, RenewedToken, Tls, XMentions};
use crate::store;

pub(super) fn ingest(config: &Config, shared: &Shared) -> Result<IngestOptions> {
    let smtp = match config.listen.smtp.as_str() {
        "" => None,
        addr => {
            let bind = addr.parse().with_context(|| format!("listen.smtp: `{addr}` is no address"))?;
            let mut smtp = SmtpOptions::new(bind, &config.ingest.smtp_name);
            smtp.trusted_authserv.clone_from(&config.ingest.trusted_authserv);
            smtp.tls = smtp_tls(&config.ingest.smtp_certificate, &config.ingest.smtp_key)?;
            Some(smtp)
        }
    };
    let x_apps = config
        .ingest
        .x
        .iter()
        .map(|app| XApp { name: app.name.clone(), consumer_secret: app.consumer_secret.clone() });
    let facebook_apps = config.ingest.facebook.iter().map(|app| FacebookApp {
        name: app.name.clone(),
        app_secret: app.app_secret.clone(),
        verify_token: app.verify_token.clone(),
    });
    let http = HttpOptions {
        x_apps: x_apps.collect(),
        facebook_apps: facebook_apps.collect(),
        graph_pages: config.ingest.graph.iter().flat_map(graph_pages).collect(),
        ..HttpOptions::default()
    };
    Ok(IngestOptions {
        store: shared.store.clone(),
        keyer: shared.keyer.clone(),
        gatekeeper: shared.gatekeeper.clone(),
        instance: store::instance("ingest", &shared.name),
        smtp,
        http,
        imap: config.ingest.imap.iter().map(|asked| imap(asked, &config.ingest.trusted_authserv)).collect(),
        x_pulls: config.ingest.x_mentions.iter().map(x_pull).collect(),
        attachment_bytes: config.ingest.attachment_mib.saturating_mul(1 << 20),
    })
}

fn smtp_tls(certificate: &str, key: &str) -> Result<Option<SmtpTls>> {
    match (certificate, key) {
        ("", "") => Ok(None),
        ("", _) | (_, "") => bail!("ingest: set both `smtp_certificate` and `smtp_key`, or none"),
        (certificate, key) => Ok(Some(SmtpTls::load(certificate.as_ref(), key.as_ref())?)),
    }
}

fn imap(asked: &Imap, trusted_authserv: &str) -> ImapMailbox {
    ImapMailbox {
        account: asked.account.to_lowercase(),
        host: asked.host.clone(),
        port: asked.port,
        tls: match asked.tls {
            Tls::None => ImapTls::None,
            Tls::StartTls => ImapTls::StartTls,
            Tls::Implicit => ImapTls::Implicit,
        },
        ca_file: Some(&asked.ca_file).filter(|path| !path.is_empty()).map(Into::into),
        user: asked.user.clone(),
        password: Token::new(asked.password.clone()),
        folders: asked.folders.clone(),
        every: Duration::from_secs(asked.every_seconds.max(1)),
        from_start: asked.from_start,
        trusted_authserv: trusted_authserv.to_owned(),
        message_bytes: simpang_ingest::SessionLimits::default().message_bytes,
        unit: Duration::from_secs(1),
    }
}

fn graph_pages(graph: &DeliverFacebook) -> Vec<GraphPage> {
    let page = |page: &FacebookPage| GraphPage {
        base_url: graph.base_url.clone(),
        id: page.id.clone(),
        token: Token::new(page.token.clone()),
        app_secret: Some(&page.app_secret).filter(|secret| !secret.is_empty()).map(|s| Token::new(s.clone())),
    };
    graph.pages.values().map(page).collect()
}

fn x_pull(asked: &XMentions) -> XPull {
    let stream = Some(&asked.stream_token).filter(|token| !token.is_empty());
    XPull {
        base_url: asked.base_url.clone(),
        account: asked.account.trim_start_matches('@').to_lowercase(),
        user_id: asked.user_id.clone(),
        token: Token::new(asked.token.clone()),
        way: stream.map_or(XWay::Timeline, |token| XWay::Stream(Token::new(token.clone()))),
        every: Duration::from_secs(asked.every_seconds.max(1)),
        unit: Duration::from_secs(1),
    }
}

pub(super) fn deliver(config: &Config, shared: &Shared) -> Result<DeliverOptions> {
    let desks = config.router.desks.iter().map(|desk| DeskName::new(desk));
    Ok(DeliverOptions {
        store: shared.store.clone(),
        keyer: shared.keyer.clone(),
        instance: store::instance("deliver", &shared.name),
        desks: desks.collect::<Result<_, _>>().context("router.desks")?,
        channels: channels(&config.deliver),
        timing: Timing { x_attempts_per_quarter: x_attempts(config), ..Timing::default() },
        outside: None,
        snapshots: config.snapshots("deliver", config.data.snapshot_events),
    })
}

/// The limit that somebody set for an account at X.
fn x_attempts(config: &Config) -> Option<usize> {
    config.deliver.x.as_ref().map(|x| x.attempts_per_quarter).filter(|most| *most > 0)
}

fn refresh(token: &RenewedToken) -> Refresh {
    let secret = Some(&token.client_secret).filter(|secret| !secret.is_empty());
    Refresh {
        client_id: token.client_id.clone(),
        client_secret: secret.map(|secret| Secret::new(secret.clone())),
        file: token.file.clone(),
    }
}

fn channels(settings: &Deliver) -> Channels {
    let text = |text: &String| Some(text.clone()).filter(|t| !t.is_empty());
    let mail = settings.smtp.as_ref().map(|smtp| MailServer {
        host: smtp.host.clone(),
        port: smtp.port,
        tls: match smtp.tls {
            Tls::None => MailTls::None,
            Tls::StartTls => MailTls::StartTls,
            Tls::Implicit => MailTls::Implicit,
        },
        ca_file: text(&smtp.ca_file).map(Into::into),
        login: text(&smtp.user).map(|user| (user, Secret::new(smtp.password.clone()))),
    });
    let x = settings.x.as_ref().map(|x| X {
        base_url: x.base_url.clone(),
        accounts: x.accounts.iter().map(|(name, token)| (name.clone(), Secret::new(token.clone()))).collect(),
        renewed: x.renewed.iter().map(|(name, token)| (name.clone(), refresh(token))).collect(),
    });
    let facebook = settings.facebook.as_ref().map(|facebook| Facebook {
        base_url: facebook.base_url.clone(),
        pages: facebook
            .pages
            .iter()
            .map(|(name, page)| {
                let page = Page {
                    id: page.id.clone(),
                    token: Secret::new(page.token.clone()),
                    app_secret: text(&page.app_secret).map(Secret::new),
                };
                (name.clone(), page)
            })
            .collect(),
    });
    Channels {
        mail,
        x,
        facebook,
        notices_from: text(&settings.notices_from),
        other: settings.other.clone(),
        webhook_secret: text(&settings.webhook_secret).map(Secret::new),
        ..Channels::default()
    }
}
