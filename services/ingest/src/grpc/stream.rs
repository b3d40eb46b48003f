//! PushStream: one task reads frames and queues their messages for the log, another acknowledges frames in the order
//! sent once all their messages stand there. Between them is the window: when it is full nothing more is read, and
//! HTTP/2's flow control holds the client back.

use futures_util::Stream;
use prost::Message as _;
use simpang_access::Principal;
use simpang_log::DeskName;
use simpang_proto::ingest::v1 as api;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use tracing::Instrument as _;

use super::IngestService;
use crate::counters::{self, Later, Source};
use crate::intake::Away;
use crate::mapping::Refusal;
use crate::messages::{self, NotTaken};
use crate::ticket::Ticket;

/// Frames without acknowledgement.
const WINDOW_FRAMES: usize = 64;
/// Most messages in a frame.
const FRAME_MESSAGES_MAX: usize = 1_000;
/// Most bytes in a frame.
const FRAME_BYTES_MAX: usize = 8 << 20;

/// What the reader hands to the acknowledger.
enum Pending {
    Frame(u64, Vec<Queued>),
    /// Nothing more is read, for this reason.
    End(Status),
}

/// A message of a frame.
enum Queued {
    Accepted(DeskName, Ticket),
    Refused(Refusal),
}

type Answer = Result<api::PushStreamResponse, Status>;

/// Serves one stream.
pub(super) fn serve(
    service: &IngestService,
    principal: Principal,
    traceparent: String,
    inbound: Streaming<api::PushStreamRequest>,
) -> impl Stream<Item = Answer> + Send + 'static {
    let (frames, pending) = mpsc::channel(WINDOW_FRAMES);
    let (answers, outbound) = mpsc::channel(WINDOW_FRAMES);
    let span = tracing::info_span!("ingest.stream.push", traceparent);
    let reader = Reader { service: service.clone(), principal, traceparent, last: 0 };
    let serving = async move {
        tokio::join!(reader.read(inbound, frames), acknowledge(pending, answers));
    };
    service.tasks.spawn(serving.instrument(span));
    ReceiverStream::new(outbound)
}

struct Reader {
    service: IngestService,
    principal: Principal,
    traceparent: String,
    last: u64,
}

impl Reader {
    async fn read(mut self, mut inbound: Streaming<api::PushStreamRequest>, frames: mpsc::Sender<Pending>) {
        loop {
            let stop = self.service.stop.clone();
            let next = tokio::select! {
                next = inbound.message() => next.map_err(too_large),
                () = stop.cancelled() => Err(Status::unavailable("the service is stopping: open the stream again")),
                () = frames.closed() => return,
            };
            let pending = match next {
                Ok(None) => return,
                Ok(Some(frame)) => self.frame(frame).await,
                Err(status) => Err(status),
            };
            let pending = pending.unwrap_or_else(Pending::End);
            let is_end = matches!(pending, Pending::End(_));
            if frames.send(pending).await.is_err() || is_end {
                return;
            }
        }
    }

    async fn frame(&mut self, frame: api::PushStreamRequest) -> Result<Pending, Status> {
        check(&frame, self.last)?;
        self.last = frame.frame;
        let mut queued = Vec::with_capacity(frame.messages.len());
        for message in frame.messages {
            match self.queue(message).await {
                Ok(accepted) => queued.push(accepted),
                Err(NotTaken::Refused(refusal)) => queued.push(Queued::Refused(refusal)),
                Err(away) => return Err(messages::status(away)),
            }
        }
        Ok(Pending::Frame(frame.frame, queued))
    }

    async fn queue(&self, message: api::Message) -> Result<Queued, NotTaken> {
        let intake = &self.service.intake;
        let prepared = messages::prepare(intake, &self.principal, message, &self.traceparent).await;
        let prepared = prepared.inspect_err(|not_taken| messages::count(Source::Stream, not_taken))?;
        let ticket = intake.submit(Source::Stream, &prepared.desk, &prepared.input).await;
        let ticket = ticket.inspect_err(|away| counters::deferred(Source::Stream, away.later()))?;
        Ok(Queued::Accepted(prepared.desk, ticket))
    }
}

fn check(frame: &api::PushStreamRequest, last: u64) -> Result<(), Status> {
    if frame.frame <= last {
        let detail =
            format!("frame {} comes after frame {last}: frame numbers have to rise, from 1", frame.frame);
        return Err(Status::invalid_argument(detail));
    }
    if frame.messages.is_empty() {
        return Err(Status::invalid_argument(format!("frame {} has no messages", frame.frame)));
    }
    if frame.messages.len() > FRAME_MESSAGES_MAX || frame.encoded_len() > FRAME_BYTES_MAX {
        let detail = format!(
            "frame {} is too large: send at most {FRAME_MESSAGES_MAX} messages and {FRAME_BYTES_MAX} bytes in one",
            frame.frame
        );
        return Err(Status::resource_exhausted(detail));
    }
    Ok(())
}

/// The library calls a message over its limit out of range.
fn too_large(status: Status) -> Status {
    if status.code() == Code::OutOfRange { Status::resource_exhausted(status.message()) } else { status }
}

async fn acknowledge(mut pending: mpsc::Receiver<Pending>, answers: mpsc::Sender<Answer>) {
    let opened = api::Opened {
        window_frames: WINDOW_FRAMES as u32,
        max_messages: FRAME_MESSAGES_MAX as u32,
        max_bytes: FRAME_BYTES_MAX as u32,
    };
    let mut answer = Ok(api::push_stream_response::Body::Opened(opened));
    loop {
        let is_end = answer.is_err();
        let response = answer.map(|body| api::PushStreamResponse { body: Some(body) });
        if answers.send(response).await.is_err() || is_end {
            return;
        }
        answer = match pending.recv().await {
            None => return,
            Some(Pending::End(status)) => Err(status),
            Some(Pending::Frame(frame, queued)) => acknowledged(frame, queued).await,
        };
    }
}

/// Waits until all messages of a frame stand on the log.
async fn acknowledged(frame: u64, queued: Vec<Queued>) -> Result<api::push_stream_response::Body, Status> {
    let mut verdicts = Vec::with_capacity(queued.len());
    let mut accepted = 0;
    for message in queued {
        use api::message_verdict::Outcome;
        let outcome = match message {
            Queued::Refused(refusal) => {
                Outcome::Refused(api::Refusal { reason: refusal.reason.into(), detail: refusal.detail })
            }
            Queued::Accepted(desk, ticket) => {
                let place = ticket.place().await.map_err(|error| {
                    counters::deferred(Source::Stream, Later::Log);
                    Status::unavailable(format!("frame {frame}: {}", Away::from(error)))
                })?;
                accepted += 1;
                Outcome::Accepted(api::PushResponse { places: vec![messages::place(&desk, place)] })
            }
        };
        verdicts.push(api::MessageVerdict { outcome: Some(outcome) });
    }
    counters::accepted(Source::Stream, accepted);
    Ok(api::push_stream_response::Body::Acknowledged(api::Acknowledged { frame, verdicts }))
}
