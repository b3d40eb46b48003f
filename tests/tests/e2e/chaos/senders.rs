//! Senders at every door. Each sends again what was not acknowledged, as channels do.

use std::fmt::Write as _;
use std::time::Duration;

use simpang_tests::{CallList, Client, FacebookComment, Letter, Mention, Pusher, Stand};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

use super::Progress;

/// Longest that a sender tries with one message.
const PATIENCE: Duration = Duration::from_secs(90);
/// Pause before sending again.
const AGAIN: Duration = Duration::from_millis(150);
/// For so long messages come, if nothing held them up.
const SPAN: Duration = Duration::from_secs(80);
/// Messages in a frame of the pushing program.
const FRAME: usize = 10;

/// How much comes through each door.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) mails: usize,
    pub(super) posts: usize,
    pub(super) comments: usize,
    pub(super) pushes: usize,
    lists: usize,
    rows: usize,
}

impl Default for Load {
    fn default() -> Self {
        Self { mails: 1_200, posts: 1_200, comments: 1_200, pushes: 1_200, lists: 8, rows: 60 }
    }
}

impl Load {
    pub(super) fn contacts(&self) -> usize {
        self.lists * self.rows
    }

    pub(super) fn messages(&self) -> usize {
        self.mails + self.posts + self.comments + self.pushes + self.contacts()
    }

    /// Starts all senders.
    pub(super) fn start(&self, stand: &Stand, progress: &Progress, tasks: &mut JoinSet<()>) {
        let (smtp, http, sent) = (stand.smtp(), stand.http(), stand.sent().clone());
        let note = sent.clone();
        spawn(tasks, progress, self.mails, async move |n| letter(n).send(smtp, &note).await);
        let note = sent.clone();
        spawn(tasks, progress, self.posts, async move |n| mention(n).send(http, &note).await);
        let note = sent.clone();
        spawn(tasks, progress, self.comments, async move |n| comment(n).send(http, &note).await);
        tasks.spawn_local(push(stand.client("gateway"), sent.clone(), self.pushes, progress.clone()));
        tasks.spawn_local(load_lists(stand.client("admin"), sent, self.lists, self.rows, progress.clone()));
    }
}

/// Sends so many, evenly over the span, each until it is acknowledged. A few are on their way at once.
fn spawn(
    tasks: &mut JoinSet<()>,
    progress: &Progress,
    count: usize,
    send: impl AsyncFn(usize) -> bool + Clone + 'static,
) {
    /// Connections of one channel.
    const LANES: usize = 3;
    for lane in 0..LANES {
        let (send, progress) = (send.clone(), progress.clone());
        tasks.spawn_local(async move {
            let numbers: Vec<usize> = (lane..count).step_by(LANES).collect();
            let mut pace = interval(SPAN / u32::try_from(numbers.len()).unwrap_or(1));
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
async fn push(client: Client, sent: simpang_tests::Sent, count: usize, progress: Progress) {
    let frames = count / FRAME;
    let mut pace = interval(SPAN / u32::try_from(frames).unwrap_or(1));
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
async fn load_lists(
    client: Client,
    sent: simpang_tests::Sent,
    lists: usize,
    rows: usize,
    progress: Progress,
) {
    let mut pace = interval(SPAN / u32::try_from(lists).unwrap_or(1));
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
