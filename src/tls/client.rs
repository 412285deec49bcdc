//! TLS as a client speaks it: which certificates it believes, and which one it shows.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, StreamOwned,
};

use super::provider;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be used.
    #[error("{}: {why}; name a readable PEM file", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The parts do not fit together.
    #[error("TLS cannot be used: {0}")]
    Unusable(#[from] Error),
    /// A host's name is none.
    #[error("{0:?} is neither the name of a host nor an address")]
    Host(String),
}

/// A connection over TLS.
pub type Stream = StreamOwned<ClientConnection, TcpStream>;

/// Speaks TLS over a connection to a host; the handshake is done with the first byte.
pub fn wrap(config: ClientConfig, host: &str, socket: TcpStream) -> Result<Stream, TlsError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Host(host.to_owned()))?;
    Ok(StreamOwned::new(ClientConnection::new(Arc::new(config), name)?, socket))
}

/// Which servers are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Those that the system's certificate authorities vouch for.
    System,
    /// Those that the authorities of a PEM file, or of the PEM files of a folder, vouch for.
    Bundle(PathBuf),
    /// All of them: nothing is checked.
    Everything,
}

/// The certificate that a client shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// A PEM file with the certificate and those that vouch for it.
    pub certificate: PathBuf,
    /// A PEM file with its key; it may be the same file.
    pub key: PathBuf,
}

/// Makes a TLS configuration; files that cannot be used are an error.
pub fn config(trust: &Trust, identity: Option<&Identity>) -> Result<ClientConfig, TlsError> {
    let provider = provider();
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(TlsError::Unusable)?;
    let builder = match trust {
        Trust::System => builder.with_root_certificates(system_roots()),
        Trust::Bundle(path) => builder.with_root_certificates(bundle(path)?),
        Trust::Everything => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Unchecked(provider)))
        }
    };
    let Some(identity) = identity else { return Ok(builder.with_no_client_auth()) };
    let certificates = certificates(&identity.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&identity.key)
        .map_err(|error| unusable(&identity.key, &format!("no private key: {error}")))?;
    builder.with_client_auth_cert(certificates, key).map_err(|error| unusable(&identity.certificate, &error))
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // Certificates that cannot be read are left out; if none is left, each connection says which issuer is unknown.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn bundle(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(|error| unusable(path, &error))?.flatten() {
            if let Ok(certificates) = certificates(&entry.path()) {
                roots.add_parsable_certificates(certificates);
            }
        }
    } else {
        roots.add_parsable_certificates(certificates(path)?);
    }
    if roots.is_empty() {
        return Err(unusable(path, &"no certificate of an authority"));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| unusable(path, &error))?;
    if certificates.is_empty() {
        return Err(unusable(path, &"no certificate in PEM form"));
    }
    Ok(certificates)
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> TlsError {
    TlsError::File { path: path.to_owned(), why: why.to_string() }
}

/// Believes every server, because the configuration says so.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
