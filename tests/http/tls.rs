//! What is wrong with a certificate is said in words.

use std::sync::Arc;

use futures_util::FutureExt as _;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use realmform::keycloak::http::Http;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::json;
use tokio_rustls::TlsAcceptor;

use super::connection;
use crate::support::proxy::{Reply, Server};

#[tokio::test]
async fn a_named_authority_is_trusted_and_another_is_not() {
    let ca = Authority::new();
    let server = ca.serve("127.0.0.1", (2020, 2100), false).await;
    ca.connect(&server).await.unwrap();
    let error = Authority::new().connect(&server).await.unwrap_err();
    assert_eq!(error, because(&server, "its certificate is signed by an authority that is not trusted here"));
}

#[tokio::test]
async fn an_expired_certificate_says_when() {
    let ca = Authority::new();
    let server = ca.serve("127.0.0.1", (2020, 2021), false).await;
    assert_eq!(ca.connect(&server).await.unwrap_err(), because(&server, "its certificate expired on 2021-01-01"));
    let server = ca.serve("127.0.0.1", (2099, 2100), false).await;
    assert_eq!(
        ca.connect(&server).await.unwrap_err(),
        because(&server, "its certificate is not valid before 2099-01-01")
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_accepted() {
    let ca = Authority::new();
    let server = ca.serve("sso.example", (2020, 2100), false).await;
    assert_eq!(ca.connect(&server).await.unwrap_err(), because(&server, "its certificate is for another name"));
}

#[tokio::test]
async fn a_port_without_tls_is_named_as_such() {
    let server = Server::start(None, |_| std::future::ready(Reply::Drop).boxed()).await;
    let url = server.url().replace("http:", "https:");
    let error = Http::connect(connection(&url)).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot reach 127.0.0.1:{}: it ended the TLS handshake", server.port()));
    assert!(error.hint().unwrap().starts_with("use http://"));
}

#[tokio::test]
async fn a_client_certificate_opens_mutual_tls() {
    let ca = Authority::new();
    let server = ca.serve("127.0.0.1", (2020, 2100), true).await;
    let error = ca.connect(&server).await.unwrap_err();
    assert!(error.contains("TLS alert CertificateRequired"), "{error}");
    let mut connection = connection(&server.url());
    connection.ca_pem = Some(ca.pem());
    let (certificate, key) = ca.issue("realmform", (2020, 2100));
    connection.identity_pem = Some(format!("{}{}", certificate.pem(), key.serialize_pem()).into_bytes().into());
    Http::connect(connection).await.unwrap();
}

fn because(server: &Server, why: &str) -> String {
    format!("no trusted connection to 127.0.0.1:{}: {why}", server.port())
}

struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn pem(&self) -> Vec<u8> {
        self.certificate.pem().into_bytes()
    }

    fn issue(&self, name: &str, (from, to): (i32, i32)) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    async fn serve(&self, name: &str, years: (i32, i32), mutual: bool) -> Server {
        rustls::crypto::ring::default_provider().install_default().ok();
        let (certificate, key) = self.issue(name, years);
        let builder = ServerConfig::builder();
        let builder = if mutual {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.der().clone()).unwrap();
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let chain = vec![CertificateDer::from(certificate)];
        let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
        let token = json!({"access_token": "access-1", "expires_in": 60});
        Server::start(Some(acceptor), move |_| std::future::ready(Reply::json(200, &token)).boxed()).await
    }

    async fn connect(&self, server: &Server) -> Result<Http, String> {
        let mut connection = connection(&server.url());
        connection.ca_pem = Some(self.pem());
        Http::connect(connection).await.map_err(|error| error.to_string())
    }
}
