//! The client over TLS: whom it believes, and what it says when it does not; and certificates for tests of others.

use std::io;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use super::Http;
use crate::bots::Site;
use crate::bots::trial::server::{Answer, Duplex, Server};
use crate::message::Idf;
use crate::pipeline::Params;

/// An authority of its own, and a server's certificate that it signed for 127.0.0.1.
pub(crate) struct Pki {
    folder: tempfile::TempDir,
    server: Arc<ServerConfig>,
}

impl Pki {
    /// Makes both; an expired certificate is one of years ago.
    pub(crate) fn new(expired: bool) -> Pki {
        let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority =
            rcgen::CertifiedIssuer::self_signed(authority, rcgen::KeyPair::generate().unwrap()).unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        if expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let server = ServerConfig::builder_with_provider(crate::tls::provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        Pki { folder, server: Arc::new(server) }
    }

    /// Returns the PEM file of the authority.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Returns what speaks TLS as the server.
    pub(crate) fn wrap(&self) -> impl Fn(TcpStream) -> Box<dyn Duplex> + Send + Sync + 'static {
        let config = Arc::clone(&self.server);
        move |socket| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            Box::new(StreamOwned::new(connection, socket))
        }
    }
}

/// Asks a server with a certificate; returns what came, or why nothing did.
fn ask(pki: &Pki, verify: serde_json::Value) -> Result<Vec<u8>, String> {
    let server = Server::wrapped(pki.wrap(), |_| Answer::new(200, "safe")).unwrap();
    let mut params = Params::default();
    params.set("http_verify_cert", verify);
    params.set("http_timeout_sec", 5);
    let site = Site { bot: "http".into(), state: std::env::temp_dir(), idf: Idf::builtin() };
    let http = Http::of(&params, &site).unwrap();
    let url = format!("https://{}/x?key=secret", server.address());
    http.get(&url).and_then(super::Answer::bytes).map_err(|failure| failure.to_string())
}

#[test]
fn a_certificate_is_believed_as_the_parameter_says() {
    let (good, expired) = (Pki::new(false), Pki::new(true));
    let authority = |pki: &Pki| json!(pki.authority().to_str().unwrap());
    let table = [
        (&good, authority(&good), Ok("safe")),
        (&good, json!(false), Ok("safe")),
        (&good, json!(true), Err("invalid peer certificate: UnknownIssuer")),
        (&good, authority(&expired), Err("invalid peer certificate")),
        (&expired, authority(&expired), Err("certificate expired, it was valid until")),
        (&expired, json!(false), Ok("safe")),
    ];
    for (pki, verify, wanted) in table {
        match (ask(pki, verify.clone()), wanted) {
            (Ok(given), Ok(wanted)) => assert_eq!(given, wanted.as_bytes(), "{verify}"),
            (Err(given), Err(wanted)) => {
                assert!(given.contains(wanted) && !given.contains("secret"), "{verify}: {given}");
            }
            (given, wanted) => panic!("{verify}: {given:?}, wanted {wanted:?}"),
        }
    }
}

#[test]
fn requests_say_what_the_parameters_say() {
    let server = Server::start(|_| Answer::new(200, "")).unwrap();
    let mut params = Params::default();
    params.set("http_user_agent", "me");
    params.set("http_header", json!({"X-Lab": "1"}));
    params.set("http_username", "u");
    params.set("http_password", "p");
    let site = Site { bot: "http".into(), state: std::env::temp_dir(), idf: Idf::builtin() };
    Http::of(&params, &site).unwrap().get(&server.url("/")).unwrap();
    let asked = server.asked().remove(0);
    let lines = ["user-agent", "x-lab", "authorization"].map(|name| asked.header(name));
    assert_eq!(lines, [Some("me"), Some("1"), Some("Basic dTpw")]);
}

#[test]
fn a_connection_is_tried_as_often_as_the_parameter_says() -> io::Result<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    drop(listener);
    let site = Site { bot: "http".into(), state: std::env::temp_dir(), idf: Idf::builtin() };
    let failure = Http::of(&Params::default(), &site).unwrap().get(&url).err().unwrap().to_string();
    assert!(failure.starts_with(&url) && failure.contains("refused"), "{failure}");
    Ok(())
}
