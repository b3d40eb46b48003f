//! How one field of an event stands on the log: for each type of the domain, the protobuf type it has there and both
//! directions. Everything that [`crate::event`] translates is made of these.

use std::borrow::Cow;

use bytes::Bytes;
use simpang_domain::event::{Candidate, Explanation, OnDuty};
use simpang_domain::facts::Facts;
use simpang_domain::words::{CaseId, Channel, DeliveryId, InputId, Key, Millis, Name, SessionLimit};
use simpang_proto::log::v1;

use crate::common::{Word, facts, input_id, optional_word, word, write_facts, write_input_id};
use crate::names::Names;

/// What is wrong with a field.
pub(crate) type What = Cow<'static, str>;

/// A domain type that stands on the log as `P`. `read(write(x)) == x`, and an absent one is an empty or zero `P`.
pub(crate) trait Field<P>: Sized {
    fn write(&self) -> P;
    fn read(wire: &P, names: &mut Names) -> Result<Self, What>;
}

macro_rules! same {
    ($($plain:ty),+) => {$(
        impl Field<$plain> for $plain {
            fn write(&self) -> $plain {
                *self
            }
            fn read(wire: &$plain, _: &mut Names) -> Result<Self, What> {
                Ok(*wire)
            }
        }
    )+};
}

same!(u32, u64, i64, bool);

impl Field<i64> for Option<Millis> {
    fn write(&self) -> i64 {
        self.unwrap_or_default()
    }

    fn read(wire: &i64, _: &mut Names) -> Result<Self, What> {
        Ok((*wire != 0).then_some(*wire))
    }
}

impl Field<String> for Name {
    fn write(&self) -> String {
        String::from(&**self)
    }

    fn read(wire: &String, names: &mut Names) -> Result<Self, What> {
        Ok(names.name(wire))
    }
}

impl Field<String> for Option<Name> {
    fn write(&self) -> String {
        self.as_deref().unwrap_or_default().to_owned()
    }

    fn read(wire: &String, names: &mut Names) -> Result<Self, What> {
        Ok(names.optional(wire))
    }
}

impl Field<Vec<String>> for Vec<Name> {
    fn write(&self) -> Vec<String> {
        self.iter().map(Field::write).collect()
    }

    fn read(wire: &Vec<String>, names: &mut Names) -> Result<Self, What> {
        Ok(names.all(wire))
    }
}

impl Field<u64> for CaseId {
    fn write(&self) -> u64 {
        self.0
    }

    fn read(wire: &u64, _: &mut Names) -> Result<Self, What> {
        Ok(Self(*wire))
    }
}

impl Field<u64> for Option<CaseId> {
    fn write(&self) -> u64 {
        self.map_or(0, |case| case.0)
    }

    fn read(wire: &u64, _: &mut Names) -> Result<Self, What> {
        Ok((*wire != 0).then_some(CaseId(*wire)))
    }
}

impl<W: Word> Field<i32> for W {
    fn write(&self) -> i32 {
        self.number()
    }

    fn read(wire: &i32, _: &mut Names) -> Result<Self, What> {
        word(*wire)
    }
}

impl<W: Word> Field<i32> for Option<W> {
    fn write(&self) -> i32 {
        self.map_or(0, W::number)
    }

    fn read(wire: &i32, _: &mut Names) -> Result<Self, What> {
        optional_word(*wire)
    }
}

impl Field<Option<v1::InputId>> for InputId {
    fn write(&self) -> Option<v1::InputId> {
        Some(write_input_id(*self))
    }

    fn read(wire: &Option<v1::InputId>, _: &mut Names) -> Result<Self, What> {
        wire.as_ref().map(input_id).ok_or(Cow::Borrowed("is missing"))
    }
}

impl Field<Option<v1::InputId>> for Option<InputId> {
    fn write(&self) -> Option<v1::InputId> {
        self.map(write_input_id)
    }

    fn read(wire: &Option<v1::InputId>, _: &mut Names) -> Result<Self, What> {
        Ok(wire.as_ref().map(input_id))
    }
}

impl Field<Vec<v1::InputId>> for Vec<InputId> {
    fn write(&self) -> Vec<v1::InputId> {
        self.iter().copied().map(write_input_id).collect()
    }

    fn read(wire: &Vec<v1::InputId>, _: &mut Names) -> Result<Self, What> {
        Ok(wire.iter().map(input_id).collect())
    }
}

impl Field<Option<v1::DeliveryId>> for DeliveryId {
    fn write(&self) -> Option<v1::DeliveryId> {
        Some(v1::DeliveryId { input: Some(write_input_id(self.input)), part: self.part })
    }

    fn read(wire: &Option<v1::DeliveryId>, _: &mut Names) -> Result<Self, What> {
        let read =
            |id: &v1::DeliveryId| Some(Self { input: id.input.as_ref().map(input_id)?, part: id.part });
        wire.as_ref().and_then(read).ok_or(Cow::Borrowed("is missing"))
    }
}

impl Field<Bytes> for [u8; 32] {
    fn write(&self) -> Bytes {
        Bytes::copy_from_slice(self)
    }

    fn read(wire: &Bytes, _: &mut Names) -> Result<Self, What> {
        Self::try_from(&wire[..]).map_err(|_| format!("a digest has 32 bytes, not {}", wire.len()).into())
    }
}

impl Field<Bytes> for Key {
    fn write(&self) -> Bytes {
        Bytes::copy_from_slice(self)
    }

    fn read(wire: &Bytes, _: &mut Names) -> Result<Self, What> {
        Self::try_from(&wire[..]).map_err(|_| format!("a key has 16 bytes, not {}", wire.len()).into())
    }
}

impl Field<Vec<v1::Fact>> for Facts {
    fn write(&self) -> Vec<v1::Fact> {
        write_facts(self)
    }

    fn read(wire: &Vec<v1::Fact>, names: &mut Names) -> Result<Self, What> {
        facts(names, wire).map_err(|error| error.to_string().into())
    }
}

/// Queues that an agent may serve, with the widening step from which on.
impl Field<Vec<v1::Admission>> for Vec<(Name, u32)> {
    fn write(&self) -> Vec<v1::Admission> {
        self.iter().map(|(queue, step)| v1::Admission { queue: queue.write(), step: *step }).collect()
    }

    fn read(wire: &Vec<v1::Admission>, names: &mut Names) -> Result<Self, What> {
        Ok(wire.iter().map(|admission| (names.name(&admission.queue), admission.step)).collect())
    }
}

impl Field<Vec<v1::OnDuty>> for Vec<OnDuty> {
    fn write(&self) -> Vec<v1::OnDuty> {
        self.iter().map(|on| v1::OnDuty { agent: on.agent.write(), shift: on.shift.write() }).collect()
    }

    fn read(wire: &Vec<v1::OnDuty>, names: &mut Names) -> Result<Self, What> {
        let mut read =
            |on: &v1::OnDuty| OnDuty { agent: names.name(&on.agent), shift: names.name(&on.shift) };
        Ok(wire.iter().map(&mut read).collect())
    }
}

/// None is written where nothing is limited.
impl Field<Option<v1::SessionLimit>> for SessionLimit {
    fn write(&self) -> Option<v1::SessionLimit> {
        let capacity =
            |(channel, limit): &(Channel, u32)| v1::Capacity { channel: channel.number(), limit: *limit };
        let channels = self.channels.iter().map(capacity).collect();
        (!self.is_none()).then_some(v1::SessionLimit { total: self.total, channels })
    }

    fn read(wire: &Option<v1::SessionLimit>, _: &mut Names) -> Result<Self, What> {
        let Some(wire) = wire else { return Ok(Self::default()) };
        let read = |capacity: &v1::Capacity| Ok((word(capacity.channel)?, capacity.limit));
        let channels = wire.channels.iter().map(read).collect::<Result<_, What>>()?;
        Ok(Self { total: wire.total, channels })
    }
}

impl Field<Option<v1::Explanation>> for Option<Box<Explanation>> {
    fn write(&self) -> Option<v1::Explanation> {
        self.as_deref().map(write_explanation)
    }

    fn read(wire: &Option<v1::Explanation>, names: &mut Names) -> Result<Self, What> {
        Ok(wire.as_ref().map(|wire| Box::new(read_explanation(wire, names))))
    }
}

impl Field<Option<v1::Explanation>> for Box<Explanation> {
    fn write(&self) -> Option<v1::Explanation> {
        Some(write_explanation(self))
    }

    fn read(wire: &Option<v1::Explanation>, names: &mut Names) -> Result<Self, What> {
        let wire = wire.as_ref().ok_or(Cow::Borrowed("is missing"))?;
        Ok(Self::new(read_explanation(wire, names)))
    }
}

fn write_explanation(why: &Explanation) -> v1::Explanation {
    let candidate = |candidate: &Candidate| v1::Candidate {
        agent: candidate.agent.write(),
        proficiency: candidate.proficiency,
        load: candidate.load,
        idle_since_ms: candidate.idle_since,
    };
    v1::Explanation {
        rule: why.rule.write(),
        queue: why.queue.write(),
        key_ms: why.key,
        candidates: why.candidates.iter().map(candidate).collect(),
        other_candidates: why.other_candidates,
        not_asking: why.not_asking,
        at_capacity: why.at_capacity,
        not_ready: why.not_ready,
        sticky: why.sticky,
    }
}

fn read_explanation(wire: &v1::Explanation, names: &mut Names) -> Explanation {
    let mut candidate = |candidate: &v1::Candidate| Candidate {
        agent: names.name(&candidate.agent),
        proficiency: candidate.proficiency,
        load: candidate.load,
        idle_since: candidate.idle_since_ms,
    };
    let candidates = wire.candidates.iter().map(&mut candidate).collect();
    Explanation {
        rule: names.name(&wire.rule),
        queue: names.name(&wire.queue),
        key: wire.key_ms,
        candidates,
        other_candidates: wire.other_candidates,
        not_asking: wire.not_asking,
        at_capacity: wire.at_capacity,
        not_ready: wire.not_ready,
        sticky: wire.sticky,
    }
}
