//! Mail by SMTP and LMTP: the protocol as a pure state machine in [`session`] and [`data`], the sockets in
//! [`server`], and what becomes of a received message in [`mod@deliver`].

mod data;
mod deliver;
mod reply;
mod server;
mod session;
mod tls;

pub(crate) use deliver::{Mail, deliver};
pub(crate) use server::Listener;
pub use server::SmtpOptions;
pub use session::SessionLimits;
pub(crate) use session::{Outcome, Recipient};
pub use tls::{SmtpTls, SmtpTlsError};

#[cfg(test)]
mod tests;
