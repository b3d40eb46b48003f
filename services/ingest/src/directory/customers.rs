//! Customers by the keyed hashes of their addresses.

use std::sync::Arc;

use dashmap::DashMap;
use simpang_proto::log::v1::{Customer, CustomerRecord};
use simpang_wire::key::Key;

#[derive(Debug)]
struct Known {
    customer: Customer,
    identities: Vec<Key>,
}

/// The customers there are.
#[derive(Debug, Default)]
pub(super) struct Customers {
    by_id: DashMap<Arc<str>, Known>,
    /// Who has an identity, in the order written; the last one holds.
    by_identity: DashMap<Key, Vec<Arc<str>>>,
}

impl Customers {
    /// Takes a record; the last one of an id holds. One without an id, or with none that is 16 bytes, names nobody.
    pub(super) fn apply(&self, record: &CustomerRecord) {
        let Some(customer) = record.customer.as_ref().filter(|c| !c.id.is_empty()) else { return };
        let id: Arc<str> = customer.id.as_str().into();
        self.forget(&id);
        if record.removed {
            return;
        }
        let identities: Vec<Key> = record.identities.iter().filter_map(|k| k[..].try_into().ok()).collect();
        let known = Known { customer: customer.clone(), identities: identities.clone() };
        self.by_id.insert(id.clone(), known);
        for key in identities {
            self.by_identity.entry(key).or_default().push(id.clone());
        }
    }

    /// Who has this identity.
    pub(super) fn find(&self, key: &Key) -> Option<Customer> {
        let id = self.by_identity.get(key)?.last()?.clone();
        self.by_id.get(&id).map(|known| known.customer.clone())
    }

    fn forget(&self, id: &Arc<str>) {
        let Some((_, known)) = self.by_id.remove(id) else { return };
        for key in known.identities {
            self.by_identity.remove_if_mut(&key, |_, holders| {
                holders.retain(|holder| holder != id);
                holders.is_empty()
            });
        }
    }
}
