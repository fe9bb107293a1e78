//! TLS for RTMP and HTTP: the certificate, its renewal while the server runs, and the opening of a connection.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use streamcore::driver::tokio::Socket;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::config::Hangups;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// First byte of a TLS connection: a handshake record (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// First byte of an RTMP connection (RTMP 1.0, 5.2.2).
const RTMP_VERSION: u8 = 3;

/// What TLS connections of this server have in common.
pub struct Tls {
    rtmps: TlsAcceptor,
    https: TlsAcceptor,
    certificate: Arc<Certificate>,
}

impl Tls {
    /// Reads certificate chain and private key, both PEM.
    ///
    /// # Errors
    /// A file cannot be read, holds something else, or the key is not that of the certificate.
    pub fn load(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        let certificate = Arc::new(Certificate::load(files, &provider)?);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("TLS cannot be used")?
            .with_no_client_auth()
            .with_cert_resolver(certificate.clone());
        let mut web = config.clone();
        web.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // librtmp on GnuTLS takes a session ticket behind the handshake for the end of the connection, and a stream that lasts for
        // hours gains nothing by a resumed handshake.
        config.send_tls13_tickets = 0;
        let [rtmps, https] = [config, web].map(|config| TlsAcceptor::from(Arc::new(config)));
        Ok(Self { rtmps, https, certificate })
    }

    /// For HTTPS, with HTTP/2 where the client speaks it.
    pub fn https(&self) -> TlsAcceptor {
        self.https.clone()
    }

    /// Opens an RTMPS connection: the TLS handshake, for those that begin one.
    pub fn open(
        &self,
        socket: Socket,
    ) -> impl Future<Output = io::Result<TlsStream<Socket>>> + use<> {
        let acceptor = self.rtmps.clone();
        async move {
            let mut first = [0];
            if socket.peek(&mut first).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match first {
                [TLS_HANDSHAKE] => acceptor.accept(socket).await,
                [RTMP_VERSION] => Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "plain RTMP on the RTMPS port: rtmps:// is the address here",
                )),
                [other] => Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("no TLS: the first byte is {other:#04x}"),
                )),
            }
        }
    }

    /// Reads the files anew at each SIGHUP and when they have changed. New connections get the new certificate; while the files
    /// cannot be used they get the old one.
    pub fn keep_fresh(&self) -> impl Future<Output = ()> + use<> {
        let certificate = self.certificate.clone();
        async move {
            let (mut ticks, mut asked) = (tokio::time::interval(LOOK), Hangups::new());
            loop {
                tokio::select! {
                    _ = ticks.tick() => certificate.look(),
                    () = asked.next() => certificate.renew(),
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What changes with the content of both files.
type Stamps = [Option<(SystemTime, u64)>; 2];

impl Files {
    fn stamps(&self) -> Stamps {
        [&self.certificate, &self.key].map(|file| {
            let metadata = std::fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }

    fn read(&self, provider: &CryptoProvider) -> anyhow::Result<CertifiedKey> {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let chain: Vec<_> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .with_context(|| format!("cannot read the TLS certificate {certificate}"))?;
        if chain.is_empty() {
            bail!("{certificate} holds no certificate in PEM");
        }
        let private = match PrivateKeyDer::from_pem_file(&self.key) {
            Err(pem::Error::NoItemsFound) => {
                bail!("{key} holds no private key in PEM that is not encrypted")
            }
            read => read.with_context(|| format!("cannot read the TLS key {key}"))?,
        };
        CertifiedKey::from_der(chain, private, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                anyhow::anyhow!("the key in {key} is not that of the certificate in {certificate}")
            }
            error => {
                anyhow::Error::new(error).context(format!("cannot use {certificate} with {key}"))
            }
        })
    }
}

/// The certificate that new connections get.
#[derive(Debug)]
struct Certificate {
    files: Files,
    provider: Arc<CryptoProvider>,
    current: RwLock<Current>,
}

#[derive(Debug)]
struct Current {
    key: Arc<CertifiedKey>,
    /// The files as they were when they were last read, whether they could be used or not.
    read: Stamps,
    /// The files at the last look.
    seen: Stamps,
}

impl Certificate {
    fn load(files: Files, provider: &Arc<CryptoProvider>) -> anyhow::Result<Self> {
        let stamps = files.stamps();
        let key = Arc::new(files.read(provider)?);
        let current = RwLock::new(Current { key, read: stamps, seen: stamps });
        Ok(Self { files, provider: provider.clone(), current })
    }

    /// Renews where the files have changed. One is mostly written after the other: they are read once a look finds them as the look
    /// before did.
    fn look(&self) {
        let stamps = self.files.stamps();
        let settled = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            let settled = std::mem::replace(&mut current.seen, stamps) == stamps;
            settled && current.read != stamps
        };
        if settled {
            self.renew();
        }
    }

    fn renew(&self) {
        let stamps = self.files.stamps();
        let read = self.files.read(&self.provider);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.read = stamps;
        match read {
            Ok(key) => {
                current.key = Arc::new(key);
                tracing::info!(certificate = %self.files.certificate.display(), "TLS certificate read anew");
            }
            Err(error) => tracing::warn!("the TLS certificate stays as it was: {error:#}"),
        }
    }
}

impl ResolvesServerCert for Certificate {
    /// There is one certificate, so a client that names no host, or another one, gets it too.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).key.clone())
    }
}
