//! STARTTLS (RFC 3207): the listener's certificate and key.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

/// A certificate and its key, read and found to belong together.
#[derive(Clone)]
pub struct SmtpTls(TlsAcceptor);

/// A certificate or key can't be used.
#[derive(Debug, Error)]
#[error("{path}: {reason}; the certificate chain and the key of the mail listener have to be PEM files")]
pub struct SmtpTlsError {
    path: String,
    reason: String,
}

impl SmtpTls {
    /// Reads a certificate chain, our own first, and its key.
    ///
    /// # Errors
    /// When a file can't be read or holds nothing of its kind, or the two do not belong together.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, SmtpTlsError> {
        let wrong = |path: &Path, reason: &dyn fmt::Display| SmtpTlsError {
            path: path.display().to_string(),
            reason: reason.to_string(),
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| wrong(certificate, &error))?;
        if chain.is_empty() {
            return Err(wrong(certificate, &"no certificate is in it"));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
        // The process chooses a provider; where it has not, this is the one. An error says that one is there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(|error| wrong(key, &error))?;
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Protects a connection whose client said STARTTLS.
    pub(super) async fn accept(&self, plain: Box<dyn Io>) -> std::io::Result<Box<dyn Io>> {
        Ok(Box::new(self.0.accept(plain).await?))
    }
}

impl fmt::Debug for SmtpTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SmtpTls")
    }
}

/// A connection, protected or not.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}
