//! Customers as the directory has them, for names and for finding them.

use std::collections::BTreeSet;

use prost::Message;
use rusqlite::{Connection, params};
use simpang_proto::log::v1 as log;

use super::Done;
use crate::row::CustomerRow;

/// Folds one record of the directory; the last record of a customer holds.
pub(crate) fn directory(conn: &Connection, record: &log::DirectoryRecord) -> Done {
    record.customers.iter().try_for_each(|customer| one(conn, customer))
}

fn one(conn: &Connection, record: &log::CustomerRecord) -> Done {
    let id = record.customer.as_ref().map(|customer| customer.id.clone()).unwrap_or_default();
    if id.is_empty() {
        return Ok(());
    }
    let body = record.content.as_ref().map(|sealed| sealed.body.as_ref()).unwrap_or_default();
    let content = log::CustomerContent::decode(body).unwrap_or_default();
    conn.prepare_cached("DELETE FROM customer_values WHERE customer = ?")?.execute([&id])?;
    if !record.removed {
        for value in values(&content) {
            let statement = "INSERT INTO customer_values (value, customer) VALUES (?, ?)";
            conn.prepare_cached(statement)?.execute(params![value, id])?;
        }
    }
    let (name, folded_name) = (content.name.clone(), content.name.to_lowercase());
    CustomerRow { id, name, folded_name, record: record.encode_to_vec(), removed: record.removed }.write(conn)
}

/// Everything by which a customer is found exactly.
fn values(content: &log::CustomerContent) -> BTreeSet<String> {
    let addresses = content.identities.iter().map(|identity| identity.address.as_str());
    let profile = content.profile.iter().map(|field| field.value.as_str());
    addresses.chain(profile).map(folded).filter(|value| !value.is_empty()).collect()
}

/// A value as it is looked up: case and surrounding space aside.
pub(crate) fn folded(value: &str) -> String {
    value.trim().to_lowercase()
}
