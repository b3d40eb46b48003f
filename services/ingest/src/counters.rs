//! Every metric of this service. Labels are bounded: doors and reasons, never an account or a person.

use std::time::Duration;

/// Messages and contacts that stand on a desk's log; label `door`.
pub const ACCEPTED: &str = "simpang_ingest_accepted_inputs_total";
/// Arrivals that were refused, or had no desk to go to; labels `door`, `reason`.
pub const REFUSED: &str = "simpang_ingest_refused_inputs_total";
/// Arrivals that the sender has to bring again; labels `door`, `reason`.
pub const DEFERRED: &str = "simpang_ingest_deferred_inputs_total";
/// Entries of webhooks that were understood and are not for a case; label `door`.
pub const IGNORED: &str = "simpang_ingest_ignored_entries_total";
/// Inputs among the accepted that this process brought before, by whichever door; the desk judges them as repeats.
/// Label `door`.
pub const REPEATED: &str = "simpang_ingest_repeated_inputs_total";
/// Raw bytes brought to the object store.
pub const RAW: &str = "simpang_ingest_raw_bytes_total";
/// From an input being ready to the log's acknowledgement.
pub const APPEND: &str = "simpang_ingest_append_seconds";
/// Open SMTP and LMTP connections.
pub const CONNECTIONS: &str = "simpang_ingest_smtp_connections";
/// Answers of sources that are asked for messages; labels `source`, `answer` (ok, limited, refused, failed).
pub const ASKED: &str = "simpang_ingest_source_answers_total";
/// Posts and looked-up messages that a source gave; label `source`. Beside the accepted ones it shows a gap.
pub const GIVEN: &str = "simpang_ingest_source_given_total";
/// Posts that a source gave again and that were not brought a second time; label `source`.
pub const GIVEN_AGAIN: &str = "simpang_ingest_source_given_again_total";
/// Sequence of the directory's last record that the doors know.
pub const DIRECTORY: &str = "simpang_ingest_directory_seq";

/// By which door something came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// SMTP or LMTP.
    Smtp,
    /// A mailbox asked by IMAP.
    Imap,
    /// X's webhook.
    X,
    /// X's timeline of mentions.
    XTimeline,
    /// X's filtered stream.
    XStream,
    /// Facebook's webhook.
    Facebook,
    /// JSON over HTTP.
    Http,
    /// gRPC Push.
    Push,
    /// gRPC PushStream.
    Stream,
    /// Campaign lists.
    Contacts,
    /// Files, by gRPC or HTTP.
    Attachment,
    /// What other systems say of their tickets.
    Reference,
    /// Numbers for or off the do-not-call list.
    Suppression,
    /// Raw bytes that are read again.
    Replay,
}

impl Source {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::X => "x",
            Self::XTimeline => "x_timeline",
            Self::XStream => "x_stream",
            Self::Facebook => "facebook",
            Self::Http => "http",
            Self::Push => "push",
            Self::Stream => "stream",
            Self::Contacts => "contacts",
            Self::Attachment => "attachment",
            Self::Reference => "reference",
            Self::Suppression => "suppression",
            Self::Replay => "replay",
        }
    }
}

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Not signed, or wrongly.
    Signature,
    /// No or an unknown token, or one that is not good for it.
    Forbidden,
    /// Over a limit.
    TooLarge,
    /// Not in the form it has to be in.
    Invalid,
    /// No desk has the account.
    UnknownAccount,
    /// An entry that could not be understood among others that could.
    Poison,
    /// Too many connections.
    Busy,
    /// On the do-not-call list.
    Suppressed,
    /// Names a file that is not kept.
    UnknownAttachment,
    /// A file that broke off before its end.
    Broken,
}

impl Reason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Forbidden => "forbidden",
            Self::TooLarge => "too_large",
            Self::Invalid => "invalid",
            Self::UnknownAccount => "unknown_account",
            Self::Poison => "poison",
            Self::Busy => "busy",
            Self::Suppressed => "suppressed",
            Self::UnknownAttachment => "unknown_attachment",
            Self::Broken => "broken",
        }
    }
}

/// Why something has to be brought again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Later {
    /// The log or the object store takes nothing now.
    Log,
    /// The table of accounts is not read yet.
    Directory,
    /// Too much is on its way already.
    Busy,
    /// The reader of a message broke off.
    Reader,
    /// One mail has too many recipients: those beyond the limit come in another.
    Recipients,
    /// It arrived too slowly, or the session ended before its end.
    Slow,
}

impl Later {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Directory => "directory",
            Self::Busy => "busy",
            Self::Reader => "reader",
            Self::Recipients => "recipients",
            Self::Slow => "slow",
        }
    }
}

/// Tells the metrics recorder what the names mean.
pub(crate) fn describe() {
    metrics::describe_counter!(ACCEPTED, "messages and contacts that stand on a desk's log");
    metrics::describe_counter!(REFUSED, "arrivals refused, or without a desk to go to, by reason");
    metrics::describe_counter!(DEFERRED, "arrivals to be brought again, by reason");
    metrics::describe_counter!(IGNORED, "webhook entries that are not for a case");
    metrics::describe_counter!(REPEATED, "inputs brought again, as far as this process remembers");
    metrics::describe_counter!(RAW, metrics::Unit::Bytes, "raw bytes brought to the object store");
    metrics::describe_histogram!(APPEND, metrics::Unit::Seconds, "from ready to acknowledged by the log");
    metrics::describe_gauge!(CONNECTIONS, "open SMTP and LMTP connections");
    metrics::describe_counter!(ASKED, "answers of sources that are asked for messages, by how they went");
    metrics::describe_counter!(GIVEN, "entries that an asked source gave");
    metrics::describe_gauge!(DIRECTORY, "sequence of the directory's last record known");
}

pub(crate) fn accepted(source: Source, count: u64) {
    metrics::counter!(ACCEPTED, "door" => source.as_str()).increment(count);
}

pub(crate) fn refused(source: Source, reason: Reason) {
    metrics::counter!(REFUSED, "door" => source.as_str(), "reason" => reason.as_str()).increment(1);
}

pub(crate) fn deferred(source: Source, why: Later) {
    metrics::counter!(DEFERRED, "door" => source.as_str(), "reason" => why.as_str()).increment(1);
}

pub(crate) fn ignored(source: Source) {
    metrics::counter!(IGNORED, "door" => source.as_str()).increment(1);
}

pub(crate) fn repeated(source: Source) {
    metrics::counter!(REPEATED, "door" => source.as_str()).increment(1);
}

pub(crate) fn asked(source: &'static str, answer: &'static str) {
    metrics::counter!(ASKED, "source" => source, "answer" => answer).increment(1);
}

pub(crate) fn given_again(source: &'static str) {
    metrics::counter!(GIVEN_AGAIN, "source" => source).increment(1);
}

pub(crate) fn given(source: &'static str, count: u64) {
    metrics::counter!(GIVEN, "source" => source).increment(count);
}

pub(crate) fn raw_kept(bytes: usize) {
    metrics::counter!(RAW).increment(bytes as u64);
}

pub(crate) fn appended(took: Duration) {
    metrics::histogram!(APPEND).record(took);
}

pub(crate) fn connections(open: usize) {
    metrics::gauge!(CONNECTIONS).set(u32::try_from(open).unwrap_or(u32::MAX));
}

pub(crate) fn directory_read(seq: u64) {
    // Sequences above 2^53 are out of reach.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    metrics::gauge!(DIRECTORY).set(seq as f64);
}
