//! Certificates for servers of the tests.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// One who signs certificates, and whom clients are told to trust.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// Files of a server's certificate.
#[derive(Clone, Debug)]
pub struct Files {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// Certificate of the authority, PEM.
    pub authority: PathBuf,
}

impl Authority {
    /// Makes a new one.
    ///
    /// # Panics
    /// When there is no randomness to be had.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Authority of the tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate") }
    }

    /// Makes a certificate for this machine and writes it, its key and the authority's own certificate to `folder`.
    ///
    /// # Panics
    /// When they cannot be written.
    pub fn issue(&self, folder: &Path) -> Files {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let chain = certificate.pem() + &self.issuer.pem();
        Files {
            certificate: write(folder, "certificate.pem", &chain),
            key: write(folder, "key.pem", &key.serialize_pem()),
            authority: write(folder, "authority.pem", &self.issuer.pem()),
        }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Files {
    /// Options of the server.
    pub fn options(&self) -> String {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        format!("--rtmps-listen 127.0.0.1:0 --tls-cert {certificate} --tls-key {key}")
    }
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
}
