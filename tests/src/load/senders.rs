//! Senders at every door. Each sends again what was not acknowledged, as channels do.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

use super::{Load, Progress};
use crate::client::Client;
use crate::journal::Sent;
use crate::senders::lists::CallList;
use crate::senders::mail::Letter;
use crate::senders::push::Pusher;
use crate::senders::webhooks::{FacebookComment, Mention};
use crate::stand::Stand;

/// Longest that a sender tries with one message.
const PATIENCE: Duration = Duration::from_secs(90);
/// Pause before sending again.
const AGAIN: Duration = Duration::from_millis(150);
/// Messages in a frame of the pushing program.
pub(super) const FRAME: usize = 10;

/// Starts all senders.
pub(super) fn start(load: &Load, stand: &Stand, progress: &Progress, tasks: &mut JoinSet<()>) {
    let (smtp, http, sent) = (stand.smtp(), stand.http(), stand.sent().clone());
    let pace = |count: usize| Pace { count, span: load.span };
    let note = sent.clone();
    spawn(tasks, progress, pace(load.mails), async move |n| letter(n).send(smtp, &note).await);
    let note = sent.clone();
    spawn(tasks, progress, pace(load.posts), async move |n| mention(n).send(http, &note).await);
    let note = sent.clone();
    spawn(tasks, progress, pace(load.comments), async move |n| comment(n).send(http, &note).await);
    tasks.spawn_local(push(stand.client("gateway"), sent.clone(), pace(load.pushes), progress.clone()));
    tasks.spawn_local(load_lists(stand.client("admin"), sent, pace(load.lists), load.rows, progress.clone()));
}

/// So many, evenly over a time.
#[derive(Debug, Clone, Copy)]
struct Pace {
    count: usize,
    span: Duration,
}

impl Pace {
    fn interval(self, count: usize) -> tokio::time::Interval {
        interval((self.span / u32::try_from(count.max(1)).unwrap_or(1)).max(Duration::from_millis(1)))
    }
}

/// Sends so many, evenly over the span, each until it is acknowledged. A few are on their way at once.
fn spawn(
    tasks: &mut JoinSet<()>,
    progress: &Progress,
    pace: Pace,
    send: impl AsyncFn(usize) -> bool + Clone + 'static,
) {
    /// Connections of one channel.
    const LANES: usize = 3;
    for lane in 0..LANES {
        let (send, progress) = (send.clone(), progress.clone());
        tasks.spawn_local(async move {
            let numbers: Vec<usize> = (lane..pace.count).step_by(LANES).collect();
            let mut pace = pace.interval(numbers.len());
            for number in numbers {
                pace.tick().await;
                until_acknowledged(number, async || send(number).await).await;
                progress.add(1);
            }
        });
    }
}

async fn until_acknowledged(what: usize, mut send: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !send().await {
        assert!(begun.elapsed() < PATIENCE, "message {what} is not taken for {PATIENCE:?}");
        sleep(AGAIN).await;
    }
}

/// Customers of three segments and some whom nobody knows; every seventh mail answers the one before.
fn letter(number: usize) -> Letter {
    let from = match number % 40 {
        0 => "pemilik@tokobahagia.example".to_owned(),
        1..=5 => "admin@koperasi.example".to_owned(),
        6..=9 => format!("orang-{number}@gmail.example"),
        _ => "it@sinarmaju.example".to_owned(),
    };
    let id = |number: usize| format!("chaos-{number}@pelanggan.example");
    let answers = if number % 7 == 6 { id(number - 1) } else { String::new() };
    let subject = format!("Keluhan {number}");
    Letter { from, subject, id: id(number), answers, text: format!("Internet mati, laporan ke-{number}.") }
}

fn mention(number: usize) -> Mention {
    Mention {
        id: (700_000 + number).to_string(),
        author: (8_000 + number % 500).to_string(),
        handle: format!("warga_{}", number % 500),
        text: format!("internet mati, laporan ke-{number}"),
        answers: String::new(),
    }
}

fn comment(number: usize) -> FacebookComment {
    FacebookComment {
        id: format!("901_{}", 100_000 + number),
        author: (60_000 + number % 500).to_string(),
        text: format!("Tagihan saya naik, laporan ke-{number}"),
    }
}

/// Another program's stream; a broken one is opened again and its unacknowledged frame is sent again.
async fn push(client: Client, sent: Sent, pace: Pace, progress: Progress) {
    let frames = pace.count / FRAME;
    let mut pace = pace.interval(frames);
    let mut stream: Option<Pusher> = None;
    for frame in 0..frames {
        pace.tick().await;
        let message = |n: usize| {
            let id = (900_000 + n).to_string();
            Pusher::message(&id, &(5_000 + n % 300).to_string(), &format!("@telkomcare laporan {n}"))
        };
        let messages: Vec<_> = (frame * FRAME..(frame + 1) * FRAME).map(message).collect();
        until_acknowledged(frame, async || {
            if stream.is_none() {
                stream = Pusher::open(&client, &sent).await.ok();
            }
            let Some(open) = &mut stream else { return false };
            let is_taken = open.push(messages.clone()).await.is_ok();
            if !is_taken {
                stream = None;
            }
            is_taken
        })
        .await;
        progress.add(FRAME);
    }
}

/// Lists that are loaded whole again until every row was acknowledged.
async fn load_lists(client: Client, sent: Sent, pace: Pace, rows: usize, progress: Progress) {
    let lists = pace.count;
    let mut pace = pace.interval(lists);
    for list in 0..lists {
        pace.tick().await;
        let mut csv = String::from("nama,no hp,nomor tiket,kriteria\n");
        for row in 0..rows {
            let number = list * rows + row;
            let _ =
                writeln!(csv, "Pelanggan {number},0812{:08},IN{number},special-request", 30_000_000 + number);
        }
        let list = CallList { campaign: "callback".into(), csv };
        until_acknowledged(rows, async || {
            let loaded = list.load(&client, &sent).await;
            loaded.is_ok_and(|loaded| loaded.totals.accepted == rows as u64)
        })
        .await;
        progress.add(rows);
    }
}
