//! The digests are those that `record.proto` documents, computed here a second time from its words.

#![allow(clippy::unwrap_used)]

use prost::Message;
use sha2::{Digest, Sha256};
use simpang_log::{Anchor, ChainWriter, DeskName, Door};
use simpang_proto::log::v1::{Commit, Position};

fn through(seq: u64) -> Commit {
    Commit { decided_through: Some(Position { seq, index: 0, step: 0 }), ..Commit::default() }
}

fn as_documented(records: &[(u64, &str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (seq, subject, payload) in records {
        bytes.extend(seq.to_be_bytes());
        bytes.extend((subject.len() as u32).to_be_bytes());
        bytes.extend(subject.as_bytes());
        bytes.extend((payload.len() as u32).to_be_bytes());
        bytes.extend(*payload);
    }
    Sha256::digest(bytes).to_vec()
}

#[test]
fn commits_are_chained_as_documented() {
    let mut chain = ChainWriter::new(&DeskName::new("tenesa").unwrap(), Anchor::Start);
    chain.absorb(1, Door::Ingest, b"first");
    chain.absorb(2, Door::Router, b"");
    let first = chain.seal(through(2)).unwrap();
    let commit = Commit::decode(first.payload.clone()).unwrap();
    assert_eq!((commit.schema, commit.number, commit.previous_seq), (1, 1, 0));
    assert_eq!(commit.previous_digest, vec![0; 32]);
    let expected =
        as_documented(&[(1, "simpang.tenesa.in.ingest", b"first"), (2, "simpang.tenesa.in.router", b"")]);
    assert_eq!(commit.inputs_digest, expected);
    assert_eq!(first.digest[..], Sha256::digest(&first.payload)[..]);

    // Taken in while the first commit was on its way, and once more, which counts once.
    chain.absorb(4, Door::Deliver, b"third");
    chain.absorb(4, Door::Deliver, b"third");
    chain.absorb(2, Door::Router, b"");
    chain.written(&first, 3);
    let second = chain.seal(through(4)).unwrap();
    let commit = Commit::decode(second.payload.clone()).unwrap();
    assert_eq!((commit.number, commit.previous_seq, second.previous_seq), (2, 3, 3));
    assert_eq!(commit.previous_digest, first.digest[..]);
    assert_eq!(commit.inputs_digest, as_documented(&[(4, "simpang.tenesa.in.deliver", b"third")]));

    // A commit over no further record: the digest of nothing.
    chain.written(&second, 5);
    let commit = Commit::decode(chain.seal(through(4)).unwrap().payload).unwrap();
    assert_eq!(commit.inputs_digest, as_documented(&[]));
}

#[test]
fn a_commit_through_anything_but_the_last_judged_record_is_not_sealed() {
    let mut chain = ChainWriter::new(&DeskName::new("tenesa").unwrap(), Anchor::Start);
    assert!(chain.seal(through(1)).is_err(), "nothing was judged");
    chain.absorb(1, Door::Ingest, b"a");
    chain.absorb(2, Door::Ingest, b"b");
    assert!(chain.seal(through(1)).is_err(), "the second was judged as well");
    assert!(chain.seal(through(2)).is_ok());
}
