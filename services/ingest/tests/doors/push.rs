//! gRPC Push and PushStream.

use simpang_proto::ingest::v1 as api;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Streaming};

use crate::harness::{DEADLINE, Doors, with_token};

pub(crate) fn message(id: &str) -> api::Message {
    api::Message {
        channel: api::Channel::Other.into(),
        account: "whatsapp".into(),
        id: id.into(),
        text: format!("halo {id}"),
        author: Some(api::Author { address: "+62811".into(), ..api::Author::default() }),
        ..api::Message::default()
    }
}

pub(crate) fn push(message: api::Message) -> api::PushRequest {
    api::PushRequest { message: Some(message) }
}

pub(crate) fn frame(frame: u64, ids: &[&str]) -> api::PushStreamRequest {
    api::PushStreamRequest { frame, messages: ids.iter().map(|id| message(id)).collect() }
}

/// An open stream: what is sent, and what is answered after the opening.
pub(crate) struct Stream {
    pub(crate) frames: mpsc::Sender<api::PushStreamRequest>,
    answers: Streaming<api::PushStreamResponse>,
}

impl Stream {
    pub(crate) async fn open(doors: &Doors, token: &str) -> Self {
        let (frames, outbound) = mpsc::channel(4);
        let request = with_token(ReceiverStream::new(outbound), token);
        let answers = doors.client().await.push_stream(request).await.unwrap().into_inner();
        let mut stream = Self { frames, answers };
        let opened = stream.next().await.unwrap();
        assert!(matches!(opened, api::push_stream_response::Body::Opened(o) if o.window_frames > 0));
        stream
    }

    pub(crate) async fn next(&mut self) -> Result<api::push_stream_response::Body, tonic::Status> {
        let next = timeout(DEADLINE, self.answers.message()).await.unwrap();
        next.map(|answer| answer.unwrap().body.unwrap())
    }

    pub(crate) async fn acknowledged(&mut self) -> api::Acknowledged {
        match self.next().await.unwrap() {
            api::push_stream_response::Body::Acknowledged(acknowledged) => acknowledged,
            other => panic!("no acknowledgement: {other:?}"),
        }
    }
}

fn places(acknowledged: &api::Acknowledged) -> Vec<String> {
    let place = |verdict: &api::MessageVerdict| match verdict.outcome.as_ref().unwrap() {
        api::message_verdict::Outcome::Accepted(accepted) => accepted.places[0].desk.clone(),
        api::message_verdict::Outcome::Refused(refused) => format!("{:?}", refused.reason()),
    };
    acknowledged.verdicts.iter().map(place).collect()
}

#[tokio::test]
async fn a_push_is_on_the_log_when_it_is_answered() {
    let doors = Doors::open().await;
    let mut client = doors.client().await;
    let response = client.push(with_token(push(message("1")), "gateway")).await.unwrap().into_inner();
    let place = &response.places[0];
    assert_eq!((place.desk.as_str(), place.seq, place.index), ("telkomcare", 1, 0));
    let (message, content) = &doors.messages("telkomcare")[0];
    assert_eq!((message.account.as_str(), content.text.as_str()), ("whatsapp", "halo 1"));
    assert_eq!(message.author[..], doors.keyer.person("other", "+62811"));
}

#[tokio::test]
async fn a_repeated_push_has_the_same_key_and_the_callers_trace() {
    let doors = Doors::open().await;
    let mut client = doors.client().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for _ in 0..2 {
        let mut request = with_token(push(message("1")), "gateway");
        request.metadata_mut().insert("traceparent", trace.parse().unwrap());
        client.push(request).await.unwrap();
    }
    let inputs = doors.inputs("telkomcare");
    assert_eq!(inputs[0].key, inputs[1].key);
    assert_eq!(inputs[0].traceparent, trace);
}

#[tokio::test]
async fn a_push_that_is_wrong_not_allowed_or_untimely_gets_the_fitting_code() {
    let doors = Doors::open().await;
    let mut client = doors.client().await;
    let elsewhere = api::Message { account: "signal".into(), ..message("1") };
    let large = api::Message { text: "x".repeat((256 << 10) + 1), ..message("1") };
    let cases = [
        ("nobody", message("1"), Code::Unauthenticated),
        ("agent-7", message("1"), Code::PermissionDenied),
        ("tenesa-only", message("1"), Code::PermissionDenied),
        ("gateway", message(""), Code::InvalidArgument),
        ("gateway", elsewhere, Code::NotFound),
        ("gateway", large, Code::ResourceExhausted),
    ];
    for (token, message, expected) in cases {
        let status = client.push(with_token(push(message), token)).await.unwrap_err();
        assert_eq!(status.code(), expected, "{status:?}");
    }
    doors.desk("telkomcare").set_reachable(false);
    let status = client.push(with_token(push(message("1")), "gateway")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(doors.inputs("telkomcare").is_empty());
}

#[tokio::test]
async fn frames_are_acknowledged_in_order_with_a_verdict_for_each_message() {
    let doors = Doors::open().await;
    let mut stream = Stream::open(&doors, "gateway").await;
    let mut second = frame(7, &["3", "", "4"]);
    second.messages[2].account = "signal".into();
    for frame in [frame(1, &["1", "2"]), second, frame(8, &["5"])] {
        stream.frames.send(frame).await.unwrap();
    }
    let first = stream.acknowledged().await;
    assert_eq!((first.frame, places(&first)), (1, vec!["telkomcare".into(), "telkomcare".into()]));
    let second = stream.acknowledged().await;
    let expected = vec!["telkomcare".into(), "Invalid".into(), "UnknownAccount".to_owned()];
    assert_eq!((second.frame, places(&second)), (7, expected));
    assert_eq!(stream.acknowledged().await.frame, 8);
    let texts: Vec<String> = doors.messages("telkomcare").into_iter().map(|(_, c)| c.text).collect();
    assert_eq!(texts, ["halo 1", "halo 2", "halo 3", "halo 5"]);
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_on_a_new_stream() {
    let doors = Doors::open().await;
    let mut stream = Stream::open(&doors, "gateway").await;
    stream.frames.send(frame(1, &["1"])).await.unwrap();
    assert_eq!(stream.acknowledged().await.frame, 1);
    doors.desk("telkomcare").lose_next_ack();
    stream.frames.send(frame(2, &["2"])).await.unwrap();
    let status = stream.next().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("frame 2"), "{}", status.message());

    let mut stream = Stream::open(&doors, "gateway").await;
    stream.frames.send(frame(1, &["2"])).await.unwrap();
    stream.frames.send(frame(2, &["3"])).await.unwrap();
    assert_eq!(stream.acknowledged().await.frame, 1);
    assert_eq!(stream.acknowledged().await.frame, 2);
    let keys: Vec<_> = doors.inputs("telkomcare").into_iter().map(|input| input.key).collect();
    assert_eq!(keys.len(), 4, "1, 2 without acknowledgement, 2 again, 3");
    assert_eq!(keys[1], keys[2]);
    assert_ne!(keys[2], keys[3]);
}

#[tokio::test]
async fn a_frame_that_breaks_the_contract_ends_the_stream_after_the_frames_before_it() {
    let doors = Doors::open().await;
    let many: Vec<String> = (0..1_001).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let cases = [
        (frame(1, &["2"]), Code::InvalidArgument),
        (frame(0, &["2"]), Code::InvalidArgument),
        (frame(2, &[]), Code::InvalidArgument),
        (frame(2, &many), Code::ResourceExhausted),
    ];
    for (bad, expected) in cases {
        let mut stream = Stream::open(&doors, "gateway").await;
        stream.frames.send(frame(1, &["1"])).await.unwrap();
        stream.frames.send(bad).await.unwrap();
        assert_eq!(stream.acknowledged().await.frame, 1);
        assert_eq!(stream.next().await.unwrap_err().code(), expected);
    }
    assert_eq!(doors.inputs("telkomcare").len(), 4);
}

#[tokio::test]
async fn stopping_ends_a_stream_after_what_was_taken() {
    let doors = Doors::open().await;
    let mut stream = Stream::open(&doors, "gateway").await;
    stream.frames.send(frame(1, &["1"])).await.unwrap();
    assert_eq!(stream.acknowledged().await.frame, 1);
    timeout(DEADLINE, doors.ingest.stop()).await.unwrap();
    assert_eq!(stream.next().await.unwrap_err().code(), Code::Unavailable);
}
