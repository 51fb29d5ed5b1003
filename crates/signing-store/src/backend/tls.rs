use std::path::Path;
use std::sync::Arc;

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
                None => from_system()?,
            })
            .with_no_client_auth(),
    };
    Ok(Some(MakeRustlsConnect::new(config)))
}

fn from_file(path: &Path) -> Result<RootCertStore, StoreError> {
    let unusable =
        |source| StoreError::RootCertificates { origin: path.display().to_string(), source };
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

/// The error, but not the line that it quotes: the file may be another than was meant.
fn without_content(error: pem::Error) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        pem::Error::Io(error) => error.into(),
        pem::Error::NoItemsFound => "the file holds no certificate".into(),
        _ => "the file is not PEM".into(),
    }
}

fn from_system() -> Result<RootCertStore, StoreError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some systems carry certificates that nothing can read; the others count.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let source = match found.errors.into_iter().next() {
            Some(error) => error.into(),
            None => "the system has none: give sslrootcert".into(),
        };
        return Err(StoreError::RootCertificates { origin: "the system's".into(), source });
    }
    Ok(roots)
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
