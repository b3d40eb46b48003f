//! The directory as the doors need it: whose an account is, who a sender is, which campaigns a desk has. A fold of
//! the directory's log in memory; nothing is stored and nothing is written back.

mod accounts;
mod customers;
mod follow;
mod suppressed;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use dashmap::DashMap;
use simpang_channels::x;
use simpang_log::DeskName;
use simpang_proto::log::v1::{Channel, Customer, DirectoryRecord, Role};
use simpang_wire::key::Key;

use accounts::Accounts;
use customers::Customers;
use suppressed::Suppressed;

pub(crate) use follow::follow;

/// One of our accounts: whose it is and what messages call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mailbox {
    /// Desk that has the account.
    pub(crate) desk: DeskName,
    /// The account as the desk's policy names it.
    pub(crate) account: Arc<str>,
}

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    customers: Customers,
    accounts: Accounts,
    /// How far each source was read, by its name.
    cursors: DashMap<String, String>,
    suppressed: Suppressed,
    read_through: AtomicU64,
    ready: AtomicBool,
}

impl Directory {
    /// Folds the record at a sequence.
    pub(crate) fn apply(&self, seq: u64, record: &DirectoryRecord) {
        for customer in &record.customers {
            self.customers.apply(customer);
        }
        self.accounts.apply(&record.desks);
        for cursor in &record.cursors {
            self.cursors.insert(cursor.source.clone(), cursor.position.clone());
        }
        record.suppressed.iter().for_each(|number| self.suppressed.apply(number));
        self.read_through.store(seq, Ordering::Release);
    }

    /// Whether the table holds all that stood in the directory when this process began.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    pub(crate) fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Sequence of the last record folded; 0 for none.
    pub(crate) fn read_through(&self) -> u64 {
        self.read_through.load(Ordering::Acquire)
    }

    /// Whose an account is, by its name or an alias of it; case aside, and a handle's `@`.
    pub(crate) fn account(&self, channel: Channel, name: &str) -> Option<Mailbox> {
        self.accounts.find(channel, name)
    }

    /// Whose a mail address is; one with `+tag` belongs to the account without it, unless it is an account itself.
    pub(crate) fn mail_account(&self, address: &str) -> Option<Mailbox> {
        self.accounts.find_mail(address)
    }

    /// How far a source was read, in its own form; none when it was never read.
    pub(crate) fn cursor(&self, source: &str) -> Option<String> {
        self.cursors.get(source).map(|position| position.clone())
    }

    /// All our mail addresses, lower case, sorted: mail from one of them is a loop.
    pub(crate) fn own_addresses(&self) -> Arc<[String]> {
        self.accounts.own_addresses()
    }

    /// All our accounts at X: what they post themselves opens no case.
    pub(crate) fn x_accounts(&self) -> Arc<[x::Account]> {
        self.accounts.x_accounts()
    }

    /// What is known of the person of the first of these keys that anybody has.
    pub(crate) fn customer(&self, keys: &[Key]) -> Option<Customer> {
        keys.iter().find_map(|key| self.customers.find(key))
    }

    /// Whether a desk has a campaign; `None` when there is no such desk.
    pub(crate) fn has_campaign(&self, desk: &str, campaign: &str) -> Option<bool> {
        self.accounts.has_campaign(desk, campaign)
    }

    /// Whether there is such a desk with a policy in force.
    pub(crate) fn has_desk(&self, desk: &str) -> bool {
        self.accounts.has_campaign(desk, "").is_some()
    }

    /// The desks that have campaigns, sorted.
    pub(crate) fn calling_desks(&self) -> Vec<DeskName> {
        self.accounts.calling()
    }

    /// What somebody is on a desk, as far as doors have to know: a team leader or supervisor, or nobody.
    pub(crate) fn roles(&self, desk: &str, principal: &str) -> Vec<Role> {
        if self.accounts.leads(desk, principal) { vec![Role::TeamLeader] } else { Vec::new() }
    }

    /// Whether a desk may not call a number.
    pub(crate) fn is_suppressed(&self, desk: &str, number: &Key) -> bool {
        self.suppressed.has(desk, number)
    }
}

#[cfg(test)]
mod tests {
    use simpang_proto::log::v1::{Account, CustomerRecord, DeskRecord};

    use super::*;

    fn desk(name: &str, accounts: &[(Channel, &str, &[&str])]) -> DeskRecord {
        let account = |(channel, name, aliases): &(Channel, &str, &[&str])| Account {
            channel: (*channel).into(),
            account: (*name).into(),
            aliases: aliases.iter().map(|a| (*a).into()).collect(),
        };
        DeskRecord {
            desk: name.into(),
            policy_version: 1,
            accounts: accounts.iter().map(account).collect(),
            campaigns: vec!["callback".into()],
            leaders: vec!["tl-1".into()],
        }
    }

    fn customer(id: &str, segment: &str, identities: &[Key], removed: bool) -> CustomerRecord {
        CustomerRecord {
            customer: Some(Customer { id: id.into(), segment: segment.into(), ..Customer::default() }),
            identities: identities.iter().map(|k| k.to_vec().into()).collect(),
            content: None,
            removed,
        }
    }

    fn with(directory: &Directory, customers: Vec<CustomerRecord>, desks: Vec<DeskRecord>) {
        let seq = directory.read_through() + 1;
        directory.apply(seq, &DirectoryRecord { schema: 1, customers, desks, ..Default::default() });
    }

    fn owner(directory: &Directory, address: &str) -> Option<(String, String)> {
        let found = directory.mail_account(address)?;
        Some((found.desk.to_string(), found.account.to_string()))
    }

    #[test]
    fn finds_a_mail_account_by_address_alias_and_tag_whatever_the_case() {
        let directory = Directory::default();
        let accounts: &[(Channel, &str, &[&str])] = &[
            (Channel::Email, "care@tenesa.example", &["help@tenesa.example"]),
            (Channel::Email, "care+vip@tenesa.example", &[]),
            (Channel::X, "telkomcare", &["1114"]),
        ];
        with(&directory, vec![], vec![desk("tenesa", accounts)]);
        let found = |account: &str| Some(("tenesa".into(), account.into()));
        let care = "care@tenesa.example";
        for (address, expected) in [
            ("care@tenesa.example", found(care)),
            ("CARE@Tenesa.Example", found(care)),
            ("help@tenesa.example", found(care)),
            ("Care+c.7.aB@tenesa.example", found(care)),
            ("help+x+y@tenesa.example", found(care)),
            ("care+vip@tenesa.example", found("care+vip@tenesa.example")),
            ("care@other.example", None),
            ("telkomcare", None),
            ("@", None),
            ("", None),
            ("+@tenesa.example", None),
        ] {
            assert_eq!(owner(&directory, address), expected, "{address}");
        }
        assert_eq!(*directory.own_addresses(), ["care+vip@tenesa.example", care, "help@tenesa.example"]);
        assert_eq!(&*directory.account(Channel::X, "@TelkomCare").unwrap().account, "telkomcare");
        assert_eq!(&*directory.account(Channel::X, "1114").unwrap().account, "telkomcare");
        assert_eq!(directory.account(Channel::Facebook, "1114"), None);
    }

    #[test]
    fn the_desk_written_last_has_a_contested_account_until_it_lets_go() {
        let directory = Directory::default();
        let care: &[(Channel, &str, &[&str])] = &[(Channel::Email, "care@a.example", &[])];
        with(&directory, vec![], vec![desk("one", care)]);
        with(&directory, vec![], vec![desk("two", care)]);
        assert_eq!(owner(&directory, "care@a.example").unwrap().0, "two");
        with(&directory, vec![], vec![desk("two", &[])]);
        assert_eq!(owner(&directory, "care@a.example").unwrap().0, "one");
        with(&directory, vec![], vec![desk("one", &[])]);
        assert_eq!(owner(&directory, "care@a.example"), None);
    }

    #[test]
    fn a_customer_is_found_by_each_identity_until_changed_or_removed() {
        let directory = Directory::default();
        let (a, b, c) = ([1; 16], [2; 16], [3; 16]);
        with(&directory, vec![customer("k1", "DES", &[a, b], false)], vec![]);
        assert_eq!(directory.customer(&[c, b]).unwrap().segment, "DES");
        with(&directory, vec![customer("k1", "DGS", &[b, c], false)], vec![]);
        assert_eq!(directory.customer(&[a]), None);
        assert_eq!(directory.customer(&[c]).unwrap().segment, "DGS");
        with(&directory, vec![customer("k2", "DCS", &[c], false)], vec![]);
        assert_eq!(directory.customer(&[c]).unwrap().id, "k2");
        with(&directory, vec![customer("k2", "", &[], true)], vec![]);
        assert_eq!(directory.customer(&[c]).unwrap().id, "k1");
        with(&directory, vec![customer("k1", "", &[], true)], vec![]);
        assert_eq!(directory.customer(&[a, b, c]), None);
    }

    #[test]
    fn knows_a_desks_campaigns_and_that_a_desk_is_unknown() {
        let directory = Directory::default();
        with(&directory, vec![], vec![desk("tier2", &[]), desk("not a desk!", &[])]);
        assert_eq!(directory.has_campaign("tier2", "callback"), Some(true));
        assert_eq!(directory.has_campaign("tier2", "ideas"), Some(false));
        assert_eq!(directory.has_campaign("tier3", "callback"), None);
        assert_eq!(directory.has_campaign("not a desk!", "callback"), None);
    }

    #[test]
    fn a_number_is_suppressed_for_its_desk_or_for_all_until_it_is_lifted() {
        use simpang_proto::log::v1::SuppressedNumber;
        let directory = Directory::default();
        let change = |number: Key, desk: &str, lifted| {
            let suppressed =
                vec![SuppressedNumber { number: number.to_vec().into(), desk: desk.into(), lifted }];
            directory.apply(1, &DirectoryRecord { schema: 1, suppressed, ..Default::default() });
        };
        change([1; 16], "tier2", false);
        change([2; 16], "", false);
        let seen = |desk| [[1; 16], [2; 16], [3; 16]].map(|number| directory.is_suppressed(desk, &number));
        assert_eq!(seen("tier2"), [true, true, false]);
        assert_eq!(seen("tenesa"), [false, true, false]);
        change([1; 16], "", true);
        change([2; 16], "tier2", true);
        assert_eq!(seen("tier2"), [false, true, false], "one that holds for all is lifted for all");
    }

    #[test]
    fn a_desks_leaders_are_known_by_name() {
        let directory = Directory::default();
        with(&directory, vec![], vec![desk("tier2", &[])]);
        assert_eq!(directory.roles("tier2", "tl-1"), [Role::TeamLeader]);
        assert!(directory.roles("tier2", "t2o").is_empty() && directory.roles("tenesa", "tl-1").is_empty());
    }
}
