//! TLS to servers of `rtmps://`: whom to trust.

use std::io;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::driver::tokio::Socket;
use crate::rtmp::session::RtmpUrl;

/// How servers of `rtmps://` are trusted. Cloning counts a reference.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    config: Arc<ClientConfig>,
}

/// What keeps a client from trusting anybody.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The authorities that were given are no certificates in PEM.
    #[error("no certificate in PEM: {0}")]
    Pem(String),
    /// Neither the platform nor the caller names an authority to trust.
    #[error("this machine trusts no authority{0}: name one")]
    NoAuthority(String),
    /// The TLS library cannot be used.
    #[error("TLS cannot be used: {0}")]
    Unusable(String),
}

impl TlsConfig {
    /// Trusts the authorities of the platform, and those of `authorities` (certificates in PEM).
    ///
    /// # Errors
    /// The authorities cannot be read, or there are none at all.
    pub fn new(authorities: Option<&[u8]>) -> Result<Self, TlsError> {
        let platform = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(platform.certs);
        let mut own = 0;
        for certificate in authorities.map(CertificateDer::pem_slice_iter).into_iter().flatten() {
            let added = certificate.map_err(|error| TlsError::Pem(error.to_string())).and_then(
                |certificate| {
                    roots.add(certificate).map_err(|error| TlsError::Pem(error.to_string()))
                },
            );
            added?;
            own += 1;
        }
        if authorities.is_some() && own == 0 {
            return Err(TlsError::Pem("nothing found".to_owned()));
        }
        if roots.is_empty() {
            let why = platform.errors.first().map(|error| format!(" ({error})"));
            return Err(TlsError::NoAuthority(why.unwrap_or_default()));
        }
        let config = builder()?.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { config: Arc::new(config) })
    }

    /// Trusts anybody: what is sent is encrypted, and whoever stands between may read it. For servers with a certificate
    /// that they signed themselves, on a network that one knows.
    ///
    /// # Errors
    /// The TLS library cannot be used.
    pub fn insecure() -> Result<Self, TlsError> {
        let config = builder()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider())))
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config) })
    }
}

fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

type Builder =
    tokio_rustls::rustls::ConfigBuilder<ClientConfig, tokio_rustls::rustls::WantsVerifier>;

fn builder() -> Result<Builder, TlsError> {
    ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Unusable(error.to_string()))
}

/// Opens TLS on a socket. The host's name goes out as SNI, an address does not (A5-40).
pub(super) async fn open(
    url: &RtmpUrl,
    config: Option<&TlsConfig>,
    socket: Socket,
) -> io::Result<TlsStream<Socket>> {
    let config = match config {
        Some(config) => config.clone(),
        None => TlsConfig::new(None).map_err(io::Error::other)?,
    };
    let name = ServerName::try_from(url.host.clone()).map_err(io::Error::other)?;
    TlsConnector::from(config.config).connect(name, socket).await
}

/// Takes every certificate. Signatures are checked all the same, so that the connection is with whom the certificate says.
#[derive(Debug)]
struct Anybody(CryptoProvider);

impl ServerCertVerifier for Anybody {
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
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
