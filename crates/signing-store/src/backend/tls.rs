use std::path::Path;
use std::sync::Arc;
use std::{env, fmt};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::backend::root_file;
use crate::error::StoreError;
use crate::url::postgres::Tls;

/// What connects with TLS; `None` if connections do without.
pub(crate) fn connector(tls: &Tls) -> Result<Option<MakeRustlsConnect>, StoreError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(StoreError::unavailable)?;
    let config = match tls {
        Tls::Off => return Ok(None),
        Tls::Unverified => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AcceptAnyServerCert(provider)))
            .with_no_client_auth(),
        Tls::Verified { root_certificates } => builder
            .with_root_certificates(match root_certificates {
                Some(path) => from_file(path)?,
                None => from_environment()?,
            })
            .with_no_client_auth(),
    };
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn from_file(path: &Path) -> Result<RootCertStore, StoreError> {
    let unusable = |source| unusable(path.display(), source);
    let mut roots = RootCertStore::empty();
    let file = root_file::read(path).map_err(|error| unusable(error.into()))?;
    for certificate in CertificateDer::pem_slice_iter(&file) {
        let certificate = certificate.map_err(|error| unusable(without_content(error)))?;
        roots.add(certificate).map_err(|error| unusable(error.into()))?;
    }
    match roots.is_empty() {
        true => Err(unusable("the file holds no certificate".into())),
        false => Ok(roots),
    }
}

fn unusable(
    origin: impl fmt::Display,
    source: Box<dyn std::error::Error + Send + Sync>,
) -> StoreError {
    StoreError::RootCertificates { origin: origin.to_string(), source }
}

/// The error, but not the line that it quotes: the file may be another than was meant.
fn without_content(error: pem::Error) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        pem::Error::Io(error) => error.into(),
        pem::Error::NoItemsFound => "the file holds no certificate".into(),
        _ => "the file is not PEM".into(),
    }
}

/// The system's, or those in the file that OpenSSL's variable names in their place: others must not
/// have been able to choose it. What is in a directory may be anybody's.
fn from_environment() -> Result<RootCertStore, StoreError> {
    let named = |variable| env::var_os(variable).filter(|value| !value.is_empty());
    let (origin, found, fault) = match (named("SSL_CERT_FILE"), named("SSL_CERT_DIR")) {
        (Some(path), _) => {
            let origin = Path::new(&path).display().to_string();
            let file = root_file::read(path.as_ref());
            let file = file.map_err(|error| unusable(&origin, error.into()))?;
            let found = CertificateDer::pem_slice_iter(&file).filter_map(Result::ok).collect();
            (origin, found, None)
        }
        (None, Some(_)) => {
            let reason =
                "a directory is not read: unset it, give sslrootcert, or set SSL_CERT_FILE";
            return Err(unusable("SSL_CERT_DIR", reason.into()));
        }
        (None, None) => {
            let found = rustls_native_certs::load_native_certs();
            ("the system's".to_owned(), found.certs, found.errors.into_iter().next())
        }
    };
    let mut roots = RootCertStore::empty();
    // Some systems carry certificates that nothing can read; the others count.
    roots.add_parsable_certificates(found);
    match (roots.is_empty(), fault) {
        (false, _) => Ok(roots),
        (true, Some(error)) => Err(unusable(origin, error.into())),
        (true, None) => Err(unusable(origin, "there is no certificate: give sslrootcert".into())),
    }
}

/// For `sslmode=require`: any certificate is accepted. The server must still have its
/// private key.
#[derive(Debug)]
struct AcceptAnyServerCert(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnyServerCert {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
