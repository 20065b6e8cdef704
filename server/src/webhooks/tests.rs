//! Posts over TLS, to a target with a certificate of an authority that nobody knows but who is told. The key in `testdata` is of no use for anything else.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rialto_actors::webhooks::{Outgoing, Post as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use super::{Client, ClientOptions};

const BODY: &[u8] = br#"{"type":"message"}"#;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/webhooks/testdata").join(name)
}

/// A target on a free port that answers 204 to whoever trusts it; what the first of them posts.
async fn target() -> (u16, JoinHandle<String>) {
    let chain = CertificateDer::pem_file_iter(testdata("localhost.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(testdata("localhost.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider())).with_safe_default_protocol_versions();
    let config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Who does not trust it ends the handshake.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut posted = Vec::new();
            while !posted.ends_with(BODY) {
                assert_ne!(stream.read_buf(&mut posted).await.unwrap(), 0, "it ended in the middle");
            }
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            return String::from_utf8(posted).unwrap();
        }
    });
    (port, serving)
}

async fn post(url: String, ca_file: Option<PathBuf>) -> Result<u16, String> {
    let client = Client::new(ClientOptions { allow_private: true, timeout: Duration::from_secs(60), ca_file }).unwrap();
    client.post(Outgoing { url, headers: vec![("webhook-id", "msg_1".to_owned())], body: Bytes::from_static(BODY) }).await
}

#[tokio::test]
async fn a_post_over_tls_goes_to_who_proves_the_name_and_to_nobody_else() {
    let (port, serving) = target().await;
    let trusted = || Some(testdata("ca.pem"));
    let stranger = post(format!("https://localhost:{port}/hook"), None).await.unwrap_err();
    assert!(stranger.starts_with("TLS: "), "an authority that nobody knows: {stranger}");
    let misnamed = post(format!("https://127.0.0.1:{port}/hook"), trusted()).await.unwrap_err();
    assert!(misnamed.starts_with("TLS: "), "the certificate is of another name: {misnamed}");
    assert_eq!(post(format!("https://localhost:{port}/hook?a=b"), trusted()).await, Ok(204));
    let posted = serving.await.unwrap();
    assert!(posted.starts_with("POST /hook?a=b HTTP/1.1\r\n") && posted.contains("\r\nwebhook-id: msg_1\r\n"), "{posted}");
}

#[test]
fn roots_that_cannot_be_read_are_named() {
    let options = ClientOptions { allow_private: false, timeout: Duration::from_secs(1), ca_file: Some(testdata("none.pem")) };
    assert!(Client::new(options).err().unwrap().contains("none.pem"));
}
