//! TLS to servers of `rtmps://`: whom to trust.

use std::io;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::{WebPkiServerVerifier, verify_server_name};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use tokio_rustls::rustls::server::ParsedCertificate;

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
    /// Trusts the authorities of the platform, and those of `authorities` (certificates in PEM). A server's own
    /// certificate may stand among them: it is trusted for the names in it.
    ///
    /// # Errors
    /// The authorities cannot be read, or there are none at all.
    pub fn new(authorities: Option<&[u8]>) -> Result<Self, TlsError> {
        let platform = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(platform.certs);
        let mut own = Vec::new();
        for certificate in authorities.map(CertificateDer::pem_slice_iter).into_iter().flatten() {
            let certificate = certificate.map_err(|error| TlsError::Pem(error.to_string()))?;
            roots.add(certificate.clone()).map_err(|error| TlsError::Pem(error.to_string()))?;
            own.push(certificate);
        }
        if authorities.is_some() && own.is_empty() {
            return Err(TlsError::Pem("nothing found".to_owned()));
        }
        if roots.is_empty() {
            let why = platform.errors.first().map(|error| format!(" ({error})"));
            return Err(TlsError::NoAuthority(why.unwrap_or_default()));
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| TlsError::Unusable(error.to_string()))?;
        Self::with(Trust { provider: aws_lc_rs::default_provider(), chains: Some(chains), own })
    }

    /// Trusts anybody: what is sent is encrypted, and whoever stands between may read it. For servers with a certificate
    /// that they signed themselves, on a network that one knows.
    ///
    /// # Errors
    /// The TLS library cannot be used.
    pub fn insecure() -> Result<Self, TlsError> {
        let provider = aws_lc_rs::default_provider();
        Self::with(Trust { provider, chains: None, own: Vec::new() })
    }

    fn with(trust: Trust) -> Result<Self, TlsError> {
        let config = ClientConfig::builder_with_provider(Arc::new(trust.provider.clone()))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Unusable(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(trust))
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config) })
    }
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

/// Who is trusted. Signatures are always checked, so that the connection is with whom the certificate says.
#[derive(Debug)]
struct Trust {
    provider: CryptoProvider,
    /// Checks chains of certificates; none where anybody is trusted.
    chains: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates that the caller named. A server that signed its own is no authority to a checker of chains.
    own: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chains) = &self.chains else { return Ok(ServerCertVerified::assertion()) };
        if self.own.contains(end_entity) {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            return Ok(ServerCertVerified::assertion());
        }
        chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
