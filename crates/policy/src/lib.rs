//! Policies: the rules of a contact centre as data. TOML files with conditions in CEL come in as text, and what the
//! core asks of [`simpang_domain::rules::Rules`] comes out. Pure: no files are opened, no clock is read, and the same
//! files and facts give the same answers on every machine.
//!
//! [`compile()`] is the way in; it tells every problem at once, with file, line and column. The layout of a policy
//! folder and its tables are described in `policies/README.md`; `policies/telkom/` is the example in full.
//!
//! Conditions read, by rules: `message.channel|account|visibility`, `customer.known|id|segment|profession`,
//! `case.category|occasion`, `contact.campaign|criterion`, `lists.<name>`, and the facts declared in `[facts.<root>]`;
//! by queues: `agent.id|site|roles|groups|skills.<skill>|tenure_days|tenure_months|tenure_extra_days|qa_met_months`,
//! `lists.<name>` and `[facts.agent]`. What is absent reads as `""` (text), `false` (flag) or `[]` (texts); an absent
//! number equals and orders before nothing, and `has(…)` tells whether a fact is there. A condition that fails while
//! it runs counts as false; [`Policy::trace`] shows it with the reason.
//!
//! [`diff`] says what changed between two versions.
//!
//! Read in this order: `compile`, `folder`, `draft`, `condition`, `calendar`, `policy`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod calendar;
mod compile;
mod condition;
pub mod diff;
mod draft;
mod folder;
mod memo;
mod parts;
mod policy;
mod problem;
mod quantity;
mod read;
mod roster;
mod stranded;

pub use compile::{Compiled, compile, compile_inline};
pub use folder::{Cite, digest};
pub use parts::{
    AccountRule, CampaignForm, Destination, FIELDS, Group, LINK_FIELDS, Link, Retention, Template,
};
pub use policy::{Outcome, Policy, Step};
pub use problem::{Problem, Severity};
