//! Mails as HTML that can be put into a page.

use std::sync::Arc;

use simpang_log::{DeskLog as _, Door};
use simpang_proto::log::v1 as log;
use simpang_proto::log::v1::event::Body as Happened;
use simpang_proto::log::v1::input::Body as Arrived;
use simpang_proto::view::v1 as api;
use tonic::{Code, Status};

use crate::script::{Script, joined, mail, opened, sealed};
use crate::server::Running;

fn message(html: &str) -> Arrived {
    let content = log::MessageContent { html: html.into(), text: "teks".into(), ..Default::default() };
    Arrived::Message(log::Message { content: sealed(&content), ..mail("budi", "", "") })
}

async fn get(running: &Running, case: u64, at: Option<api::Place>) -> Result<String, Status> {
    let asked = api::GetHtmlRequest { desk: "tenesa".into(), case, message: at, ..Default::default() };
    running.view("auditor").get_html(asked).await.map(|answer| answer.into_inner().html)
}

#[tokio::test]
async fn a_mail_is_shown_without_what_runs_or_loads_and_a_withdrawn_one_not_at_all() {
    let mut s = Script::new("tenesa").await;
    let hostile = "<p onclick=\"f()\">Halo</p><script>f()</script><img src=\"https://x/pixel\" alt=\"logo\">";
    let first = s.input(Door::Ingest, message(hostile)).await;
    s.commit(first, vec![opened(1), joined(1, first, 1)]).await;
    let second = s.input(Door::Ingest, message("<b>kedua</b>")).await;
    s.commit(second, vec![joined(1, second, 2)]).await;
    let plain = s.input(Door::Ingest, message("")).await;
    s.commit(plain, vec![joined(1, plain, 3)]).await;

    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(Arc::new(s.store.clone()), folder.path()).await;
    let last = s.store.desk(&s.desk).last_seq().await.unwrap();
    running.until(|running| running.project.health()[0].position == Some(last)).await;
    let place = |id: log::InputId| Some(api::Place { seq: id.seq, index: id.index });
    assert_eq!(get(&running, 1, place(first)).await.unwrap(), "<p>Halo</p><img alt=\"logo\">");
    assert_eq!(get(&running, 1, None).await.unwrap(), "<b>kedua</b>", "the last that has any");
    for (case, at) in [(1, place(plain)), (2, None), (1, Some(api::Place { seq: 99, index: 0 }))] {
        assert_eq!(get(&running, case, at).await.unwrap_err().code(), Code::NotFound);
    }

    let removal = log::Message { kind: log::MessageKind::Remove.into(), ..mail("budi", "", "") };
    let removal = s.input(Door::Ingest, Arrived::Message(removal)).await;
    let removed = log::MessageRemoved { case: 1, message: Some(second), part: 0 };
    let last = s.commit(removal, vec![Happened::MessageRemoved(removed)]).await;
    running.until(|running| running.project.health()[0].position == Some(last)).await;
    assert_eq!(get(&running, 1, place(second)).await.unwrap_err().code(), Code::NotFound, "it was withdrawn");
    running.stop().await;
}
