//! Desks' accounts and campaigns. Written seldom and read by every message: a new table takes the old one's place.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use simpang_channels::x;
use simpang_log::DeskName;
use simpang_proto::log::v1::{Channel, DeskRecord};

use super::Mailbox;

type Owner = (DeskName, Arc<str>);

#[derive(Debug, Default)]
struct Table {
    /// The desks' records with the order in which they were written.
    desks: BTreeMap<String, (u64, DeskRecord)>,
    owners: HashMap<(i32, String), Owner>,
    own_addresses: Arc<[String]>,
    x_accounts: Arc<[x::Account]>,
    written: u64,
}

/// The accounts there are.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    table: RwLock<Arc<Table>>,
}

impl Accounts {
    /// Takes desks' records; the last one of a desk holds.
    pub(super) fn apply(&self, records: &[DeskRecord]) {
        if records.is_empty() {
            return;
        }
        let old = self.table();
        let mut desks = old.desks.clone();
        let mut written = old.written;
        for record in records {
            written += 1;
            desks.insert(record.desk.clone(), (written, record.clone()));
        }
        let owners = owners(&desks);
        let own_addresses = own_addresses(&owners);
        let x_accounts = x_accounts(&owners);
        let table = Arc::new(Table { desks, owners, own_addresses, x_accounts, written });
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = table;
    }

    /// Whose an account is.
    pub(super) fn find(&self, channel: Channel, name: &str) -> Option<Mailbox> {
        let name = normal(channel, name);
        let table = self.table();
        let (desk, account) = table.owners.get(&(channel.into(), name))?;
        Some(Mailbox { desk: desk.clone(), account: account.clone() })
    }

    /// Whose a mail address is, with or without a tag (RFC 5233).
    pub(super) fn find_mail(&self, address: &str) -> Option<Mailbox> {
        if let Some(found) = self.find(Channel::Email, address) {
            return Some(found);
        }
        let (local, domain) = address.trim().rsplit_once('@')?;
        let (base, _tag) = local.split_once('+')?;
        self.find(Channel::Email, &format!("{base}@{domain}"))
    }

    /// Whether a desk has a campaign; `None` when there is no such desk.
    pub(super) fn has_campaign(&self, desk: &str, campaign: &str) -> Option<bool> {
        DeskName::new(desk).ok()?;
        let table = self.table();
        let (_, record) = table.desks.get(desk)?;
        Some(record.campaigns.iter().any(|c| c == campaign))
    }

    /// The desks that have campaigns, sorted.
    pub(super) fn calling(&self) -> Vec<DeskName> {
        let table = self.table();
        let calling = table.desks.values().filter(|(_, record)| !record.campaigns.is_empty());
        calling.filter_map(|(_, record)| DeskName::new(&record.desk).ok()).collect()
    }

    /// Whether somebody leads a desk.
    pub(super) fn leads(&self, desk: &str, principal: &str) -> bool {
        let table = self.table();
        table.desks.get(desk).is_some_and(|(_, record)| record.leaders.iter().any(|name| name == principal))
    }

    /// All mail addresses, sorted.
    pub(super) fn own_addresses(&self) -> Arc<[String]> {
        self.table().own_addresses.clone()
    }

    /// All accounts at X, sorted.
    pub(super) fn x_accounts(&self) -> Arc<[x::Account]> {
        self.table().x_accounts.clone()
    }

    fn table(&self) -> Arc<Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Who has each name; of desks that claim the same, the one written last.
fn owners(desks: &BTreeMap<String, (u64, DeskRecord)>) -> HashMap<(i32, String), Owner> {
    let mut in_order: Vec<&(u64, DeskRecord)> = desks.values().collect();
    in_order.sort_by_key(|(written, _)| *written);
    let mut owners = HashMap::new();
    for (_, record) in in_order {
        let Ok(desk) = DeskName::new(&record.desk) else { continue };
        for account in &record.accounts {
            let channel = account.channel();
            let name: Arc<str> = account.account.as_str().into();
            for known_as in std::iter::once(&account.account).chain(&account.aliases) {
                let place = (channel.into(), normal(channel, known_as));
                owners.insert(place, (desk.clone(), name.clone()));
            }
        }
    }
    owners
}

fn own_addresses(owners: &HashMap<(i32, String), Owner>) -> Arc<[String]> {
    let email = i32::from(Channel::Email);
    let mut all: Vec<String> = owners.keys().filter(|(c, _)| *c == email).map(|(_, a)| a.clone()).collect();
    all.sort();
    all.into()
}

/// Our accounts at X: a name in digits is a user id, any other a handle.
fn x_accounts(owners: &HashMap<(i32, String), Owner>) -> Arc<[x::Account]> {
    let of_x = owners.iter().filter(|((channel, _), _)| *channel == i32::from(Channel::X));
    let account = |((_, name), (_, account)): (&(i32, String), &Owner)| {
        let is_id = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
        let handle = if is_id { normal(Channel::X, account) } else { name.clone() };
        x::Account { id: if is_id { name.clone() } else { String::new() }, handle }
    };
    let mut all: Vec<x::Account> = of_x.map(account).collect();
    all.sort_by(|a, b| (&a.handle, &a.id).cmp(&(&b.handle, &b.id)));
    all.into()
}

/// An account's name as it is looked up.
fn normal(channel: Channel, name: &str) -> String {
    let name = name.trim();
    let name = if channel == Channel::Email { name } else { name.trim_start_matches('@') };
    name.to_lowercase()
}
