//! Senders as they are in the world: a mail client, channels that call webhooks, gateways and lists.

pub(crate) mod http;
pub(crate) mod lists;
pub(crate) mod mail;
pub(crate) mod push;
pub(crate) mod webhooks;
