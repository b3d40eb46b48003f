//! Group append: many callers, one record in flight. While it is, what arrives is packed into the next one, so that
//! the broker's work per record is shared under load and costs no time when there is little. A bounded queue makes
//! callers wait rather than memory grow.
//!
//! It neither retries nor remembers: what became of a record is told to everybody whose input was in it, and inputs
//! carry idempotency keys so that their source may send again.
//!
//! It holds the log to one thing: a place that it was given before, or one below, is never given again. A broker that
//! does so has lost its tail, and what is put on such a log is lost when it is restored; from then on everything is
//! refused.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use simpang_proto::log::v1::{Input, InputRecord};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tracing::error;

use crate::SCHEMA;
use crate::port::{AppendError, DeskLog, DeskName, Door};

/// Field 3 of `InputRecord`, length-delimited.
const INPUTS_FIELD: u8 = 3 << 3 | 2;

/// Bounds of a writer.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most inputs in a record.
    pub inputs_max: usize,
    /// Most bytes of inputs in a record of several.
    pub bytes_max: usize,
    /// Most bytes of one input alone; no more than the broker's `max_payload` with some room for the envelope.
    pub input_bytes_max: usize,
    /// Most bytes that wait or are in flight; more makes callers wait.
    pub queue_bytes_max: usize,
}

impl Default for Limits {
    /// What `record.proto` promises; one input under the 8 MiB of the supervised broker; 16 MiB waiting.
    fn default() -> Self {
        Self {
            inputs_max: 1_000,
            bytes_max: 512 * 1024,
            input_bytes_max: 7 * 1024 * 1024,
            queue_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// Where an input stands on the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Stream sequence of its record.
    pub seq: u64,
    /// Index in the record.
    pub index: u32,
}

/// Writes inputs of one door to one desk's log. Cheap to clone; all clones share one queue.
#[derive(Debug, Clone)]
pub struct Appender {
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    limits: Limits,
}

/// An input that waits for its place.
#[derive(Debug)]
#[must_use = "an input is accepted only once its place is known"]
pub struct Ticket(oneshot::Receiver<Result<Place, AppendError>>);

impl Ticket {
    /// Waits for the log's acknowledgement.
    ///
    /// # Errors
    /// When the input was not appended, or nobody knows.
    pub async fn place(self) -> Result<Place, AppendError> {
        self.0.await.unwrap_or_else(|_| Err(AppendError::Unknown("the writer was stopped".into())))
    }
}

/// Inputs that belong into one record, encoded.
#[derive(Debug)]
struct Job {
    fields: Bytes,
    count: usize,
    done: oneshot::Sender<Result<Place, AppendError>>,
    _room: OwnedSemaphorePermit,
}

impl Appender {
    /// Starts a writer. `writer` is `<role>@<host>/<instance>`, for people. Needs a tokio runtime; ends when all
    /// clones are dropped, after what is queued is written.
    #[must_use]
    pub fn new(log: Arc<dyn DeskLog>, door: Door, writer: &str, limits: Limits) -> Self {
        // Jobs wait for room in bytes first, so the channel needs no tight bound of its own.
        let (jobs, queue) = mpsc::channel(4 * limits.inputs_max.max(1));
        let room = Arc::new(Semaphore::new(limits.queue_bytes_max));
        tokio::spawn(write_all(log, door, envelope(writer), limits, queue));
        Self { jobs, room, limits }
    }

    /// Appends one input and waits until the log has acknowledged it.
    ///
    /// # Errors
    /// When it was not appended, or nobody knows.
    pub async fn append(&self, input: Input) -> Result<Place, AppendError> {
        self.submit(&input).await?.place().await
    }

    /// Queues one input, waiting for room. Inputs stand on the log in the order in which they were queued.
    ///
    /// # Errors
    /// When it is too large, or the writer was stopped.
    pub async fn submit(&self, input: &Input) -> Result<Ticket, AppendError> {
        let fields = self.encode(input)?;
        self.queue(fields, 1).await
    }

    /// Appends inputs in order, in one record if they fit into one, and waits until the log has acknowledged all.
    ///
    /// # Errors
    /// When one is too large, none is appended. When a later record fails after an earlier one stands, the outcome
    /// of the whole is [`AppendError::Unknown`]; all of them may be sent again.
    pub async fn append_all(&self, inputs: Vec<Input>) -> Result<Vec<Place>, AppendError> {
        let fields = inputs.iter().map(|input| self.encode(input)).collect::<Result<Vec<_>, _>>()?;
        let total = fields.len();
        let mut places = Vec::with_capacity(total);
        for part in parts(&fields, &self.limits) {
            let place = match self.queue(part.concat().into(), part.len()).await {
                Ok(ticket) => ticket.place().await,
                Err(error) => Err(error),
            };
            match place {
                Ok(first) => {
                    places.extend((first.index..).take(part.len()).map(|index| Place { index, ..first }))
                }
                Err(error) if places.is_empty() => return Err(error),
                Err(error) => {
                    let reason =
                        format!("{} of {total} inputs stand on the log, then: {error}", places.len());
                    return Err(AppendError::Unknown(reason));
                }
            }
        }
        Ok(places)
    }

    /// One input as a field of the record.
    fn encode(&self, input: &Input) -> Result<Bytes, AppendError> {
        let length = input.encoded_len();
        if length > self.limits.input_bytes_max {
            let most = self.limits.input_bytes_max;
            return Err(AppendError::TooLarge(format!(
                "the input has {length} bytes, at most {most} fit a record"
            )));
        }
        let mut field = BytesMut::with_capacity(length + 8);
        field.put_u8(INPUTS_FIELD);
        input
            .encode_length_delimited(&mut field)
            .map_err(|error| AppendError::Refused(format!("the input can't be encoded: {error}")))?;
        Ok(field.freeze())
    }

    async fn queue(&self, fields: Bytes, count: usize) -> Result<Ticket, AppendError> {
        let stopped = || AppendError::Refused("the writer was stopped".into());
        let bytes = u32::try_from(fields.len().min(self.limits.queue_bytes_max)).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(bytes).await.map_err(|_| stopped())?;
        let (done, ticket) = oneshot::channel();
        self.jobs.send(Job { fields, count, done, _room: room }).await.map_err(|_| stopped())?;
        Ok(Ticket(ticket))
    }
}

/// Cuts encoded inputs into runs that fit a record each.
fn parts<'a>(fields: &'a [Bytes], limits: &Limits) -> Vec<&'a [Bytes]> {
    let mut parts = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (index, field) in fields.iter().enumerate() {
        let full = index - begin == limits.inputs_max || bytes + field.len() > limits.bytes_max;
        if full && index > begin {
            parts.push(&fields[begin..index]);
            (begin, bytes) = (index, 0);
        }
        bytes += field.len();
    }
    if begin < fields.len() {
        parts.push(&fields[begin..]);
    }
    parts
}

/// The record without its inputs. Protobuf fields may be put one after another, so inputs encoded once are appended
/// to it as they are.
fn envelope(writer: &str) -> Bytes {
    InputRecord { schema: SCHEMA, writer: writer.to_owned(), inputs: Vec::new() }.encode_to_vec().into()
}

/// Writes record after record until all senders are gone.
async fn write_all(
    log: Arc<dyn DeskLog>,
    door: Door,
    envelope: Bytes,
    limits: Limits,
    mut queue: mpsc::Receiver<Job>,
) {
    let mut left_over = None;
    let mut ground = Ground::default();
    loop {
        let first = match left_over.take() {
            Some(job) => job,
            None => match queue.recv().await {
                Some(job) => job,
                None => return,
            },
        };
        let group;
        (group, left_over) = gather(first, &mut queue, &limits);
        write(log.as_ref(), door, &envelope, group, &mut ground).await;
    }
}

/// What the log has acknowledged so far.
#[derive(Debug, Default)]
struct Ground {
    /// The last record's sequence.
    seq: u64,
    /// Why nothing is written any more.
    lost: Option<String>,
}

impl Ground {
    /// Takes note of an acknowledgement; one that can't be is unknown to who asked, and ends the writing.
    fn check(&mut self, desk: &DeskName, seq: u64) -> Result<u64, AppendError> {
        if seq > self.seq {
            self.seq = seq;
            return Ok(seq);
        }
        let reason = format!(
            "the log of desk {desk} gave sequence {seq} out, but had given out {} before: the broker lost its tail; \
             stop the roles, restore the log, start them again",
            self.seq
        );
        error!(%desk, seq, before = self.seq, "the broker lost its tail: nothing more is written for this desk");
        self.lost = Some(reason.clone());
        Err(AppendError::Unknown(reason))
    }
}

/// The first job and those that wait behind it, as far as they fit into one record; and the one that did not.
fn gather(first: Job, queue: &mut mpsc::Receiver<Job>, limits: &Limits) -> (Vec<Job>, Option<Job>) {
    let (mut count, mut bytes) = (first.count, first.fields.len());
    let mut group = vec![first];
    while let Ok(job) = queue.try_recv() {
        count += job.count;
        bytes += job.fields.len();
        if count > limits.inputs_max || bytes > limits.bytes_max {
            return (group, Some(job));
        }
        group.push(job);
    }
    (group, None)
}

async fn write(log: &dyn DeskLog, door: Door, envelope: &Bytes, group: Vec<Job>, ground: &mut Ground) {
    let bytes = group.iter().map(|job| job.fields.len()).sum::<usize>();
    let mut payload = BytesMut::with_capacity(envelope.len() + bytes);
    payload.extend_from_slice(envelope);
    for job in &group {
        payload.extend_from_slice(&job.fields);
    }
    let outcome = match ground.lost.clone() {
        Some(reason) => Err(AppendError::Refused(reason)),
        None => {
            let appended = log.append(door, payload.freeze()).await;
            appended.and_then(|seq| ground.check(log.desk(), seq))
        }
    };
    let mut index = 0;
    for job in group {
        let place = outcome.clone().map(|seq| Place { seq, index });
        index += u32::try_from(job.count).unwrap_or(u32::MAX);
        // Whoever asked may have gone; the input stands all the same.
        let _ = job.done.send(place);
    }
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Limits, parts};

    /// How many of inputs with these sizes go into each record.
    fn cut(sizes: &[usize], inputs_max: usize, bytes_max: usize) -> Vec<usize> {
        let fields: Vec<Bytes> = sizes.iter().map(|size| vec![0; *size].into()).collect();
        let limits = Limits { inputs_max, bytes_max, ..Limits::default() };
        parts(&fields, &limits).iter().map(|part| part.len()).collect()
    }

    #[test]
    fn a_record_takes_as_much_as_fits_and_no_more() {
        assert_eq!(cut(&[10; 7], 100, 30), [3, 3, 1], "by size");
        assert_eq!(cut(&[10; 7], 2, 1_000), [2, 2, 2, 1], "by number");
        assert_eq!(cut(&[10, 31, 10, 20, 1], 100, 30), [1, 1, 2, 1], "what is too long for any stands alone");
        assert_eq!(cut(&[], 100, 30), Vec::<usize>::new());
    }
}
