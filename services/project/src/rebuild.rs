//! Tables built anew when somebody asks, and how far that is.

use std::sync::Arc;

use simpang_proto::view::v1 as api;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::LOOK_EVERY;
use crate::desk::{Building, Desk};

type Sender = mpsc::Sender<Result<api::RebuildResponse, Status>>;

/// Has the tables built and tells how far that is, until it is done or the caller goes.
pub(crate) async fn run(desk: Arc<Desk>, sender: Sender, stop: CancellationToken) {
    // What was before is looked at before it is asked for.
    let building = desk.building();
    let before = building.borrow().clone();
    desk.ask_rebuild();
    tokio::select! {
        told = tell(building, &before, &sender) => {
            let _ = sender.send(told).await;
        }
        () = sender.closed() => {}
        () = stop.cancelled() => {
            let _ = sender.try_send(Err(Status::unavailable("the view is stopping: ask again when it is back")));
        }
    }
}

/// Tells how far it is; gives the last answer.
async fn tell(
    mut building: watch::Receiver<Building>,
    before: &Building,
    sender: &Sender,
) -> Result<api::RebuildResponse, Status> {
    let mut told = before.clone();
    loop {
        let now = building.borrow_and_update().clone();
        if now.failed > before.failed {
            let reason = &now.reason;
            return Err(Status::unavailable(format!(
                "the tables in use stay, new ones were not built: {reason}"
            )));
        }
        let answer = api::RebuildResponse { position: now.position, until: now.until, done: false };
        if now.done > before.done {
            return Ok(api::RebuildResponse { position: now.until, done: true, ..answer });
        }
        if now != told {
            let _ = sender.send(Ok(answer)).await;
            told = now;
        }
        // The sender lives as long as the desk.
        let _ = tokio::time::timeout(LOOK_EVERY, building.changed()).await;
    }
}
