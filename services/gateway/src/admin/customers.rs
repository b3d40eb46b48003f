//! Customers, in the directory that all desks share.

use prost::Message;
use simpang_proto::admin::v1 as api;
use simpang_proto::log::v1 as log;
use simpang_wire::key::Keyer;
use tonic::{Request, Status};

use super::AdminApi;
use crate::check::{self, Invalid, LIST_MAX};
use crate::facts::facts;
use crate::refusal;

pub(super) const UPSERT: &str = "simpang.admin.v1.Admin/UpsertCustomers";

/// Customers in one request.
const CUSTOMERS_MAX: usize = 1_000;
/// Numbers in one change of a do-not-call list.
const SUPPRESSED_MAX: usize = 1_000;
/// Bytes of customers in one record, as for inputs.
const RECORD_BYTES_MAX: usize = 512 * 1024;

impl AdminApi {
    pub(super) async fn customers(
        &self,
        request: Request<api::UpsertCustomersRequest>,
    ) -> Result<api::UpsertCustomersResponse, Status> {
        let deadline = self.commands.context.deadline();
        let (metadata, _, request) = request.into_parts();
        self.commands.enter(&metadata, UPSERT, "")?;
        let customers = request.customers;
        check::count("customers", customers.len(), 1, CUSTOMERS_MAX)?;
        check::once("customers", customers.iter().map(|customer| &customer.id))?;
        let keyer = &self.commands.context.options.keyer;
        let records = customers.into_iter().map(|customer| record(keyer, customer));
        let records = records.collect::<Result<Vec<_>, _>>()?;
        let changes = self.opt_outs(&records);
        let mut position = 0;
        for customers in parts(records) {
            let appended = tokio::time::timeout_at(deadline, self.append_customers(customers)).await;
            position = appended
                .map_err(|_| Status::unavailable("the log does not answer; send the same again"))??;
        }
        for (lifted, numbers) in changes {
            self.suppress(position, lifted, numbers, deadline).await?;
        }
        Ok(api::UpsertCustomersResponse { position })
    }

    /// Identities of customers who opt out with these records, and of those who no longer do: with whether the latter.
    fn opt_outs(&self, records: &[log::CustomerRecord]) -> [(bool, Vec<bytes::Bytes>); 2] {
        let mut changes = [(false, Vec::new()), (true, Vec::new())];
        for record in records {
            let Some(customer) = &record.customer else { continue };
            let before = self.commands.directory.known_customer(&customer.id);
            let was_out = before.is_some_and(|customer| has_opted_out(&customer));
            let is_out = !record.removed && has_opted_out(customer);
            if is_out || was_out {
                changes[usize::from(!is_out)].1.extend(record.identities.iter().cloned());
            }
        }
        changes
    }

    /// Carries an opt-out, or its end, to every desk that calls people: what waits there is given to nobody.
    async fn suppress(
        &self,
        position: u64,
        lifted: bool,
        numbers: Vec<bytes::Bytes>,
        deadline: tokio::time::Instant,
    ) -> Result<(), Status> {
        if numbers.is_empty() {
            return Ok(());
        }
        for desk in self.commands.directory.calling_desks() {
            let follower = self.commands.desks.get(&desk, deadline).await?;
            for (part, numbers) in (0_u32..).zip(numbers.chunks(SUPPRESSED_MAX)) {
                let parts = [&desk, "opt-out", &format!("{position}.{part}.{lifted}")];
                let body = log::Suppression {
                    numbers: numbers.to_vec(),
                    lifted,
                    reason: "opt-out in the directory".to_owned(),
                    principal: self.commands.context.options.instance.clone(),
                };
                let input = log::Input {
                    key: self.commands.key(&parts).to_vec().into(),
                    body: Some(log::input::Body::Suppression(body)),
                    ..log::Input::default()
                };
                follower.decide(input, deadline).await?;
            }
        }
        Ok(())
    }

    async fn append_customers(&self, customers: Vec<log::CustomerRecord>) -> Result<u64, Status> {
        let record = log::DirectoryRecord {
            schema: simpang_log::SCHEMA,
            writer: self.commands.context.options.instance.clone(),
            customers,
            ..log::DirectoryRecord::default()
        };
        let store = &self.commands.context.options.store;
        store.append_directory(record.encode_to_vec().into()).await.map_err(|error| refusal::append(&error))
    }
}

/// Whether a customer wants no calls: the fact `opt_out`.
fn has_opted_out(customer: &log::Customer) -> bool {
    use log::fact::Value;
    let opt_out = customer.facts.iter().find(|fact| fact.name == "opt_out");
    match opt_out.and_then(|fact| fact.value.as_ref()) {
        Some(Value::Flag(flag)) => *flag,
        Some(Value::Text(text)) => ["true", "yes", "ya", "1"].contains(&text.trim().to_lowercase().as_str()),
        _ => false,
    }
}

/// Customers in runs that fit a record each.
fn parts(customers: Vec<log::CustomerRecord>) -> Vec<Vec<log::CustomerRecord>> {
    let mut parts: Vec<Vec<_>> = Vec::new();
    let mut bytes = 0;
    for customer in customers {
        let length = customer.encoded_len();
        match parts.last_mut().filter(|_| bytes + length <= RECORD_BYTES_MAX) {
            Some(part) => {
                bytes += length;
                part.push(customer);
            }
            None => {
                bytes = length;
                parts.push(vec![customer]);
            }
        }
    }
    parts
}

fn record(keyer: &Keyer, customer: api::Customer) -> Result<log::CustomerRecord, Invalid> {
    let id = customer.id;
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if !(1..=64).contains(&id.len()) || !id.bytes().all(fits) {
        let shown: String = id.chars().take(64).collect();
        return Err(Invalid::new(
            "id",
            format!("`{shown}` is no customer id: 1 to 64 of A-Z, a-z, 0-9 and `._-`"),
        ));
    }
    let of = |field: &str| format!("customers.{id}.{field}");
    check::chars(of("segment"), &customer.segment, 0, 64)?;
    check::chars(of("profession"), &customer.profession, 0, 64)?;
    check::chars(of("name"), &customer.name, 0, 500)?;
    let (keys, identities) = identities(keyer, &of("identities"), customer.identities)?;
    let content = log::CustomerContent {
        name: customer.name,
        identities,
        profile: profile(&of("profile"), customer.profile)?,
    };
    let facts = facts(&of("facts"), customer.facts)?;
    Ok(log::CustomerRecord {
        customer: Some(log::Customer {
            id,
            segment: customer.segment,
            profession: customer.profession,
            facts,
        }),
        identities: keys,
        content: Some(log::Sealed {
            sealing: log::Sealing::None.into(),
            body: content.encode_to_vec().into(),
        }),
        removed: customer.removed,
    })
}

/// Identities as keyed hashes, by which doors find them, and as written, for people.
fn identities(
    keyer: &Keyer,
    field: &str,
    identities: Vec<api::Identity>,
) -> Result<(Vec<bytes::Bytes>, Vec<log::Identity>), Invalid> {
    check::count(field, identities.len(), 0, LIST_MAX)?;
    let mut keys = Vec::with_capacity(identities.len());
    let mut written = Vec::with_capacity(identities.len());
    for api::Identity { channel, address } in identities {
        check::chars(field, &address, 1, 320)?;
        let named = log::Channel::try_from(channel).ok().and_then(channel_name);
        let Some(name) = named else {
            return Err(Invalid::new(field, format!("has the channel {channel}, which names none")));
        };
        keys.push(keyer.person(name, &address).to_vec().into());
        written.push(log::Identity { channel, address });
    }
    Ok((keys, written))
}

fn profile(field: &str, profile: Vec<api::ProfileField>) -> Result<Vec<log::Attribute>, Invalid> {
    check::count(field, profile.len(), 0, LIST_MAX)?;
    check::once(field, profile.iter().map(|field| &field.name))?;
    for api::ProfileField { name, value } in &profile {
        check::chars(field, name, 1, 100)?;
        check::chars(field, value, 0, 1_000)?;
    }
    Ok(profile.into_iter().map(|field| log::Attribute { name: field.name, value: field.value }).collect())
}

/// A channel's name in keys of persons.
fn channel_name(channel: log::Channel) -> Option<&'static str> {
    match channel {
        log::Channel::Unspecified => None,
        log::Channel::Email => Some("email"),
        log::Channel::X => Some("x"),
        log::Channel::Facebook => Some("facebook"),
        log::Channel::Call => Some("call"),
        log::Channel::Other => Some("other"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(id: &str, address: &str) -> api::Customer {
        let identity = api::Identity { channel: api::Channel::Email.into(), address: address.into() };
        api::Customer { id: id.into(), identities: vec![identity], ..api::Customer::default() }
    }

    #[test]
    fn a_customer_is_found_by_the_key_that_doors_make() {
        let keyer = Keyer::new(b"a secret of some length");
        let record = record(&keyer, customer("C-1", "Budi@Example.id")).unwrap();
        assert_eq!(record.identities, [keyer.person("email", "budi@example.id").to_vec()]);
        let content = log::CustomerContent::decode(record.content.unwrap().body).unwrap();
        assert_eq!(content.identities[0].address, "Budi@Example.id", "as written, for people");
    }

    #[test]
    fn a_customer_out_of_bounds_is_refused() {
        let keyer = Keyer::new(b"a secret of some length");
        let mut nameless = customer("c", "a@b");
        nameless.identities[0].channel = 0;
        let field = |name: &str| api::ProfileField { name: name.into(), value: String::new() };
        let table = [
            customer("", "a@b"),
            customer("a b", "a@b"),
            customer(&"c".repeat(65), "a@b"),
            customer("c", ""),
            customer("c", &"a".repeat(321)),
            nameless,
            api::Customer { profile: vec![field("Witel"), field("Witel")], ..customer("c", "a@b") },
        ];
        for row in table {
            assert!(record(&keyer, row.clone()).is_err(), "{row:?}");
        }
    }

    #[test]
    fn many_customers_stand_in_records_of_bounded_size() {
        let big = log::CustomerRecord { identities: vec![vec![0; 200 * 1024].into()], ..Default::default() };
        let sizes: Vec<usize> = parts(vec![big; 5]).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 2, 1]);
    }
}
