//! `simpang demo`: a day in a contact centre, told as it happens. Everything runs in this process with a nats-server of
//! its own and a fresh data folder; messages come through the real doors, agents work over gRPC, and at the end the
//! log is judged again. Nothing stays behind.

mod calls;
mod hand;
mod receivers;
mod senders;
mod story;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use simpang_checker::Journals;
use simpang_log::DeskName;
use simpang_proto::view::v1::CaseFilter;

use crate::cli::{Demo, Pace};
use crate::client::Client;
use crate::commands::figures::Cut;
use crate::commands::{explain, policy, replay, show, verify};
use crate::config::{Config, DeliverFacebook, DeliverX, FacebookApp, FacebookPage, Smtp, Tls, XApp};
use crate::up::Whole;
use crate::{output, store};

use receivers::Receivers;
use senders::{Doors, FACEBOOK_SECRET, X_SECRET};

/// How long to wait for what has to happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tells the demo, with a nats-server of its own unless one is named.
pub(crate) async fn run(args: Demo, nats_url: &str) -> Result<ExitCode> {
    let began = Instant::now();
    let folder = tempfile::tempdir().context("can't make a temporary folder")?;
    let receivers = Receivers::start().await?;
    let mut config = settings(&folder, &receivers);
    config.log.nats_url = nats_url.to_owned();
    refuse_a_broker_in_use(&config).await?;
    output::line("Simpang, the junction: a day in a contact centre, with everything in this one process.");
    output::line("Starting nats-server, router, views, deliverer, gateway and the doors ...");
    let whole = Whole::start(config).await?;
    let outcome = tell(&whole, &receivers, &args).await;
    let stopped = whole.stop().await;
    let holds = outcome?;
    stopped?;
    let seconds = began.elapsed().as_secs();
    output::line("");
    output::line(format!(
        "The end, after {seconds} seconds. Everything is stopped and the data folder is gone."
    ));
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The demo makes desks of the policy's names: never beside somebody's own.
async fn refuse_a_broker_in_use(config: &Config) -> Result<()> {
    if config.log.nats_url.is_empty() {
        return Ok(());
    }
    let desks = store::connect(config, &store::instance("demo", "0")).await?.desks().await?;
    if !desks.is_empty() {
        bail!(
            "the nats-server {} has desks already: the demo wants an empty one, or none",
            config.log.nats_url
        );
    }
    Ok(())
}

/// Settings with free ports, doors for the demo's apps, and ways out to its receivers.
fn settings(folder: &tempfile::TempDir, receivers: &Receivers) -> Config {
    let mut config = Config::default();
    config.data.dir = folder.path().join("data");
    config.telemetry.log = "error".into();
    config.listen.grpc = "127.0.0.1:0".into();
    config.listen.http = "127.0.0.1:0".into();
    config.listen.smtp = "127.0.0.1:0".into();
    config.ingest.x = vec![XApp { name: "demo".into(), consumer_secret: X_SECRET.into() }];
    config.ingest.facebook = vec![FacebookApp {
        name: "demo".into(),
        app_secret: FACEBOOK_SECRET.into(),
        verify_token: "demo".into(),
    }];
    config.deliver.notices_from = "tenesa@telkom.example".into();
    config.deliver.smtp = Some(Smtp {
        host: receivers.mail.ip().to_string(),
        port: receivers.mail.port(),
        tls: Tls::None,
        ca_file: String::new(),
        user: String::new(),
        password: String::new(),
    });
    let base_url = format!("http://{}", receivers.web);
    let tokens = ["telkomcare", "tenesa"].map(|account| (account.to_owned(), "demo-token".to_owned()));
    config.deliver.x = Some(DeliverX {
        base_url: base_url.clone(),
        accounts: tokens.into(),
        renewed: BTreeMap::new(),
        attempts_per_quarter: 0,
    });
    let page =
        |id: &str| FacebookPage { id: id.into(), token: "demo-token".into(), app_secret: String::new() };
    let pages = [("telkomcare".to_owned(), page("444")), ("tenesa".to_owned(), page("445"))];
    config.deliver.facebook = Some(DeliverFacebook { base_url, pages: pages.into() });
    config
}

async fn tell(whole: &Whole, receivers: &Receivers, args: &Demo) -> Result<bool> {
    let mut files = policy::read_folder(&args.policy)?;
    open_call_windows(&mut files);
    whole.set_up_desks(&files, true).await?;
    let doors = Doors { smtp: whole.node.smtp.context("the mail door is open")?, http: whole.node.http };
    let told =
        story::Story::new(whole, doors, receivers.inbox.clone(), args.pace == Pace::Slow).tell().await?;
    let admin = whole.client("admin").await?;
    settle(&admin).await?;
    tables(&admin).await?;
    log_of(whole, &told).await?;
    judge(whole).await
}

/// The shipped policy calls between 08:00 and 20:00; the demo has to be told at any hour.
fn open_call_windows(files: &mut [(String, String)]) {
    for (_, text) in files {
        *text = text.replace("daily = \"08:00-20:00\"", "daily = \"00:00-24:00\"");
    }
}

async fn tables(admin: &Client) -> Result<()> {
    for desk in ["tenesa", "telkomcare", "tier2-outbound"] {
        heading(&format!("Tickets of {desk}"));
        let all = CaseFilter { with_closed: true, ..CaseFilter::default() };
        show::cases(admin, desk, all, false).await?;
    }
    for desk in ["tenesa", "telkomcare"] {
        heading(&format!("SLA clocks of {desk}"));
        show::sla(admin, desk, &Cut::default(), false).await?;
    }
    Ok(())
}

async fn log_of(whole: &Whole, told: &story::Told) -> Result<()> {
    let store = store::connect(&whole.config, &store::instance("demo", "1")).await?;
    heading(&format!("Replay of case {} of tenesa, from the log", told.replayed));
    replay::case(&store, "tenesa", told.replayed, false).await?;
    heading(&format!("Why case {} of telkomcare went where it went", told.explained));
    explain::case(&store, "telkomcare", told.explained, false).await
}

async fn judge(whole: &Whole) -> Result<bool> {
    heading("Verify: every record judged again, every invariant recomputed");
    let store = store::connect(&whole.config, &store::instance("demo", "2")).await?;
    let mut holds = true;
    for desk in ["tenesa", "telkomcare", "tier2-outbound"] {
        let outcome =
            verify::verify(store.as_ref(), &DeskName::new(desk)?, &Journals::default(), true).await?;
        holds &= outcome.holds();
        verify::print(&outcome, false)?;
    }
    Ok(holds)
}

/// Waits until everything that was to be sent was sent.
async fn settle(admin: &Client) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    for desk in ["tenesa", "telkomcare"] {
        while story::open_deliveries(admin, desk).await? > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

fn heading(text: &str) {
    output::line("");
    output::line(format!("── {text} {}", "─".repeat(96_usize.saturating_sub(text.chars().count()))));
}
