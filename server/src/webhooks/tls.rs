//! TLS to targets: the roots that browsers trust, and an operator's own.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// The connector. `ca_file`: more roots, PEM.
///
/// # Errors
/// In words, when the file cannot be used.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca_file {
        let problem = |cause: &dyn std::fmt::Display| format!("{}: {cause}", path.display());
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| problem(&error))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| problem(&error))?;
            roots.add(certificate).map_err(|error| problem(&error))?;
        }
    }
    // Named, because another part of the program may bring another provider.
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}
