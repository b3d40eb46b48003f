//! Invariant 8: the digest chain is unbroken, commit numbers have no gap, epochs and policy versions follow from what
//! was committed.

use std::collections::VecDeque;

use prost::bytes::Bytes;
use sha2::{Digest, Sha256};
use simpang_proto::log::v1::{self, event::Body};

use crate::arrived::{Arrived, Kind, length};
use crate::ids::Decided;
use crate::report::Findings;
use crate::{Code, InputId};

/// The chain up to the last commit.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    last_seq: u64,
    commit_number: u64,
    commit_seq: u64,
    commit_digest: [u8; 32],
    epoch: u64,
    writer: String,
    policy_version: u64,
    /// Input records that no commit has finished.
    open: VecDeque<(u64, String, Bytes)>,
}

impl Chain {
    /// Sequences have no gap and never go back.
    pub(crate) fn record(&mut self, seq: u64, found: &mut Findings) {
        if seq <= self.last_seq {
            found.broken(Code::SequenceBack, format_args!("sequence {seq} comes after {}", self.last_seq));
        } else if seq != self.last_seq + 1 {
            found.broken(
                Code::SequenceGap,
                format_args!("sequences {} to {} are missing", self.last_seq + 1, seq - 1),
            );
        }
        self.last_seq = self.last_seq.max(seq);
    }

    /// Keeps an input record until the commit that finishes it.
    pub(crate) fn input(&mut self, seq: u64, subject: String, payload: Bytes) {
        self.open.push_back((seq, subject, payload));
    }

    /// Keeps the bytes of a commit for the next one's digest, readable or not.
    pub(crate) fn sealed(&mut self, seq: u64, payload: &Bytes) {
        self.commit_seq = seq;
        self.commit_digest = Sha256::digest(payload).into();
    }

    /// Checks a commit against the one before and against the inputs it finished.
    pub(crate) fn commit(&mut self, commit: &v1::Commit, through: Decided, found: &mut Findings) {
        if commit.number != self.commit_number + 1 {
            let last = self.commit_number;
            found.broken(Code::CommitNumber, format_args!("commit {} comes after {last}", commit.number));
        }
        if commit.previous_seq != self.commit_seq {
            let (named, real) = (commit.previous_seq, self.commit_seq);
            found.broken(
                Code::PreviousSeq,
                format_args!("it names {named}, the commit before stands at {real}"),
            );
        }
        if commit.previous_digest != self.commit_digest[..] {
            let real = self.commit_seq;
            found.broken(
                Code::PreviousDigest,
                format_args!("the bytes of the commit at {real} have another digest"),
            );
        }
        if commit.inputs_digest != self.digest_inputs(through)[..] {
            found
                .broken(Code::InputsDigest, format_args!("the inputs through {through} have another digest"));
        }
        self.commit_number = commit.number;
        self.take_over(commit, found);
        self.policy(commit, found);
    }

    /// As `record.proto` documents it; takes the records that are finished.
    fn digest_inputs(&mut self, through: Decided) -> [u8; 32] {
        let mut hash = Sha256::new();
        while let Some((seq, subject, payload)) =
            self.open.pop_front_if(|(seq, ..)| *seq <= through.input.seq)
        {
            hash.update(seq.to_be_bytes());
            hash.update(length(subject.len()));
            hash.update(subject);
            hash.update(length(payload.len()));
            hash.update(payload);
        }
        hash.finalize().into()
    }

    fn take_over(&mut self, commit: &v1::Commit, found: &mut Findings) {
        let begins = commit.epoch != self.epoch;
        if begins && commit.epoch != self.epoch + 1 {
            found.broken(Code::EpochAmiss, format_args!("epoch {} comes after {}", commit.epoch, self.epoch));
        }
        if !begins && commit.writer != self.writer {
            let (now, before) = (&commit.writer, &self.writer);
            found.broken(Code::WriterChanged, format_args!("{now} wrote in the epoch of {before}"));
        }
        let first = commit.events.first().and_then(|e| e.body.as_ref());
        let taken = first.is_some_and(|body| match body {
            Body::DeskTaken(t) => t.epoch == commit.epoch && t.writer == commit.writer,
            _ => false,
        });
        if begins && !taken {
            let epoch = commit.epoch;
            found
                .broken(Code::TakeOverAmiss, format_args!("epoch {epoch} does not begin with its DeskTaken"));
        }
        let elsewhere = |(at, e): (usize, &v1::Event)| is_take_over(e) && (at > 0 || !begins);
        if commit.events.iter().enumerate().any(elsewhere) {
            found.broken(Code::TakeOverAmiss, format_args!("DeskTaken stands where no epoch begins"));
        }
        self.epoch = commit.epoch.max(self.epoch);
        self.writer.clone_from(&commit.writer);
    }

    /// The commit that applies a policy is still judged by the one before; for what the policy's own input brings
    /// about in that commit the shapes leave open which of the two it names.
    fn policy(&mut self, commit: &v1::Commit, found: &mut Findings) {
        let before = self.policy_version;
        let applied = commit.events.iter().find_map(|e| match &e.body {
            Some(Body::PolicyApplied(p)) => Some((InputId::from(e.caused_by.unwrap_or_default()), p.version)),
            _ => None,
        });
        let version = commit.policy_version;
        if version != before && applied.is_none_or(|(_, applied)| version != applied) {
            found.broken(
                Code::PolicyVersion,
                format_args!("policy {version} judged, but {before} was applied last"),
            );
        }
        let Some((cause, applied)) = applied else { return };
        if applied <= before {
            found.broken(Code::PolicyVersion, format_args!("policy {applied} was applied after {before}"));
        }
        let through = Decided::of(commit.decided_through).input;
        if through != cause {
            found.broken(
                Code::PolicyGroup,
                format_args!("policy {applied} came at {cause}, judging went on to {through}"),
            );
        }
        self.policy_version = applied;
    }

    /// Checks an applied policy against the document it was applied from.
    pub(crate) fn applied(body: &Body, cause: Option<&Arrived>, found: &mut Findings) {
        let Body::PolicyApplied(policy) = body else { return };
        let same = match cause.map(|c| &c.kind) {
            Some(Kind::Policy { version, digest, .. }) => {
                *version == policy.version && policy.digest == digest[..]
            }
            _ => false,
        };
        if !same {
            let version = policy.version;
            found.broken(
                Code::PolicyDigest,
                format_args!("policy {version} is not the document of its input"),
            );
        }
    }
}

/// Whether it is a `DeskTaken`, the one event that needs no input.
pub(crate) fn is_take_over(event: &v1::Event) -> bool {
    matches!(event.body, Some(Body::DeskTaken(_)))
}
