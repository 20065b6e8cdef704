//! TLS to the engine.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::open::CqlError;
use super::options::CqlTls;

fn invalid(what: &str, cause: impl std::fmt::Display) -> CqlError {
    CqlError::Tls(format!("{what}: {cause}"))
}

fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, CqlError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|error| invalid(what, error))?;
    if found.is_empty() { Err(invalid(what, "it holds no certificate")) } else { Ok(found) }
}

/// What connections are made with.
pub(super) fn config(tls: &CqlTls) -> Result<Arc<ClientConfig>, CqlError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in certificates("ca_file", &tls.ca_pem)? {
        roots.add(certificate).map_err(|error| invalid("ca_file", error))?;
    }
    let verifier = verifier(Arc::new(roots), Arc::clone(&provider), tls.server_name.as_deref())?;
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| invalid("TLS", error))?.dangerous().with_custom_certificate_verifier(verifier);
    let config = match &tls.identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = certificates("cert_file", chain)?;
            // Its text stays out of the error.
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| invalid("key_file", "it holds no private key in PEM"))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| invalid("cert_file and key_file", error))?
        }
    };
    Ok(Arc::new(config))
}

fn verifier(roots: Arc<RootCertStore>, provider: Arc<CryptoProvider>, name: Option<&str>) -> Result<Arc<dyn ServerCertVerifier>, CqlError> {
    let usual = WebPkiServerVerifier::builder_with_provider(roots, provider).build().map_err(|error| invalid("ca_file", error))?;
    match name {
        None => Ok(usual),
        Some(name) => {
            let name = ServerName::try_from(name.to_owned()).map_err(|error| invalid("server_name", error))?;
            Ok(Arc::new(Named { usual, name }))
        }
    }
}

/// The driver knows nodes by their addresses, which few certificates name: here they are all of one name that the operator gives.
#[derive(Debug)]
struct Named {
    usual: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _address: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.usual.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_named_and_no_key_is_shown() {
        let tls = |ca: &str| CqlTls { ca_pem: ca.as_bytes().to_vec(), identity: None, server_name: None };
        for ca in ["", "no PEM at all", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let refused = config(&tls(ca)).map(drop).unwrap_err().to_string();
            assert!(refused.contains("ca_file"), "{refused}");
        }
        let shown = format!("{:?}", CqlTls { identity: Some((b"chain".to_vec(), b"secret".to_vec())), ..tls("ca") });
        assert!(!shown.contains("secret") && !shown.contains("115, 101"), "{shown}");
    }
}
