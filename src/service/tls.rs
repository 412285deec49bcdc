//! The authority that vouches for a lab's services, and the certificates that it gives them: made anew at each start.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use super::ServiceError;
use crate::tls;

/// What serves TLS in a lab.
pub(super) struct Authority {
    /// The authority's certificate, PEM.
    pub(super) pem: String,
    /// With a certificate that is good.
    pub(super) good: TlsAcceptor,
    /// With a certificate that has expired.
    pub(super) expired: TlsAcceptor,
}

impl Authority {
    /// Makes an authority and certificates for `localhost`, `127.0.0.1`, `::1` and the host's name. Their keys exist in this
    /// process only.
    pub(super) fn new(host: Option<&str>) -> Result<Self, ServiceError> {
        let fail = |error: rcgen::Error| ServiceError::Certificate(error.to_string());
        let key = KeyPair::generate().map_err(fail)?;
        let mut params = params("intelmq-lab: a lab's own authority", host)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(fail)?;
        let pem = certificate.pem();
        let issuer = Issuer::new(params, key);
        let good = acceptor(&issuer, &certificate.der().clone(), host, 2049)?;
        let expired = acceptor(&issuer, &certificate.der().clone(), host, 2021)?;
        Ok(Authority { pem, good, expired })
    }
}

/// Makes the description of a certificate that began in 2020.
fn params(name: &str, host: Option<&str>) -> Result<CertificateParams, ServiceError> {
    let names = ["localhost", "127.0.0.1", "::1"].into_iter().chain(host).map(str::to_owned);
    let mut params = CertificateParams::new(names.collect::<Vec<_>>())
        .map_err(|error| ServiceError::Certificate(error.to_string()))?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 1, 1);
    Ok(params)
}

fn acceptor(
    issuer: &Issuer<'_, KeyPair>,
    authority: &CertificateDer<'static>,
    host: Option<&str>,
    until: i32,
) -> Result<TlsAcceptor, ServiceError> {
    let fail = |error: rcgen::Error| ServiceError::Certificate(error.to_string());
    let key = KeyPair::generate().map_err(fail)?;
    let mut params = params("localhost", host)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_after = date_time_ymd(until, 1, 1);
    let certificate = params.signed_by(&key, issuer).map_err(fail)?;
    let chain = vec![certificate.der().clone(), authority.clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| ServiceError::Certificate(error.to_string()))?;
    // A client of Python's that reads and writes from two threads, as stomp.py does, breaks its connection when a ticket
    // arrives while it writes.
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
