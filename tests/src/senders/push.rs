//! Another program that pushes messages over gRPC.

use simpang_proto::ingest::v1::message_verdict::Outcome;
use simpang_proto::ingest::v1::push_stream_response::Body;
use simpang_proto::ingest::v1::{
    Author, Channel, Message, PushStreamRequest, PushStreamResponse, Visibility,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::client::Client;
use crate::journal::Sent;

/// A stream that pushes.
#[derive(Debug)]
pub struct Pusher {
    frames: mpsc::Sender<PushStreamRequest>,
    answers: Streaming<PushStreamResponse>,
    sent: Sent,
    next: u64,
}

impl Pusher {
    /// Opens a stream.
    ///
    /// # Errors
    /// When it can't be opened.
    pub async fn open(client: &Client, sent: &Sent) -> Result<Self, Status> {
        let (frames, requests) = mpsc::channel(4);
        let answers = client.ingest().push_stream(ReceiverStream::new(requests)).await?.into_inner();
        Ok(Self { frames, answers, sent: sent.clone(), next: 1 })
    }

    /// A message to our account at X, as another gateway has it.
    #[must_use]
    pub fn message(id: &str, author: &str, text: &str) -> Message {
        Message {
            channel: Channel::X.into(),
            account: "telkomcare".to_owned(),
            id: id.to_owned(),
            visibility: Visibility::Public.into(),
            author: Some(Author { address: author.to_owned(), ..Author::default() }),
            text: text.to_owned(),
            reply_to: id.to_owned(),
            ..Message::default()
        }
    }

    /// Sends a frame and waits for its acknowledgement, which is noted.
    ///
    /// # Errors
    /// When the stream ends before.
    ///
    /// # Panics
    /// When a message is refused.
    pub async fn push(&mut self, messages: Vec<Message>) -> Result<(), Status> {
        let frame = self.next;
        self.next += 1;
        let request = PushStreamRequest { frame, messages };
        self.frames.send(request).await.map_err(|_| Status::unavailable("the stream has ended"))?;
        loop {
            let answer = self.answers.message().await?;
            match answer.ok_or_else(|| Status::unavailable("the stream has ended"))?.body {
                Some(Body::Acknowledged(acknowledged)) if acknowledged.frame == frame => {
                    for verdict in acknowledged.verdicts {
                        self.note(verdict.outcome);
                    }
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    fn note(&self, outcome: Option<Outcome>) {
        match outcome {
            Some(Outcome::Accepted(accepted)) => {
                for place in accepted.places {
                    self.sent.pushed(&place.desk, place.seq, place.index);
                }
            }
            other => panic!("a pushed message was refused: {other:?}"),
        }
    }
}
