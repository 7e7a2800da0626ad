//! A private certificate authority and a server certificate for loopback, as PEM files in a folder, with TLS
//! configurations for them.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ALL_VERSIONS, ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};

/// The names in the server certificate.
const SERVER_NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// How long the certificate that ends soon is valid.
const ENDS_SOON: Duration = Duration::from_hours(10 * 24);

/// The certificates of one testbed.
#[derive(Debug, Clone)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Writes a new authority, its server certificate, one more that ends soon, and a second authority that signed no
    /// certificate.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let certificates = Self { folder: std::path::absolute(folder)? };
        let authority = authority("testbed")?;
        let key = key_pair()?;
        let server = server_params()?.signed_by(&key, &authority)?.pem();
        let ending = ending_soon(server_params()?).signed_by(&key, &authority)?.pem();
        write_private(&certificates.ca_pem(), &authority.pem())?;
        write_private(&certificates.server_pem(), &server)?;
        write_private(&certificates.server_key(), &key.serialize_pem())?;
        write_private(&certificates.ending_pem(), &ending)?;
        write_private(&certificates.unrelated_ca_pem(), &self::authority("unrelated")?.pem())?;
        Ok(certificates)
    }

    /// The folder with the files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The authority's certificate, which a client must trust.
    #[must_use]
    pub fn ca_pem(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The certificate for `localhost` and `127.0.0.1`.
    #[must_use]
    pub fn server_pem(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    /// The private key of the server certificate, in PKCS #8.
    #[must_use]
    pub fn server_key(&self) -> PathBuf {
        self.folder.join("server.key")
    }

    /// Another certificate for the same key, which is valid for ten days.
    #[must_use]
    pub fn ending_pem(&self) -> PathBuf {
        self.folder.join("ending.pem")
    }

    /// Another authority: a client that trusts only this one must refuse the server.
    #[must_use]
    pub fn unrelated_ca_pem(&self) -> PathBuf {
        self.folder.join("unrelated-ca.pem")
    }

    /// TLS for a server of the testbed.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub fn server_config(&self) -> Result<ServerConfig> {
        self.server_config_of(&self.server_pem())
    }

    /// TLS for a server whose certificate ends in ten days.
    ///
    /// # Errors
    /// As [`Certificates::server_config`].
    pub fn ending_server_config(&self) -> Result<ServerConfig> {
        self.server_config_of(&self.ending_pem())
    }

    fn server_config_of(&self, certificate: &Path) -> Result<ServerConfig> {
        let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_file(self.server_key())?;
        let builder =
            ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
        Ok(builder.with_no_client_auth().with_single_cert(chain, key)?)
    }
}

/// TLS for a client that trusts only the authorities of `ca_pem`.
///
/// # Errors
/// When the file cannot be read or contains no certificate.
pub fn client_config(ca_pem: &Path) -> Result<ClientConfig> {
    client_config_of(ca_pem, ALL_VERSIONS)
}

/// As [`client_config`], for these versions of TLS only.
///
/// # Errors
/// As [`client_config`].
pub fn client_config_of(
    ca_pem: &Path,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_pem).with_context(|| ca_pem.display().to_string())? {
        roots.add(certificate?)?;
    }
    ensure!(!roots.is_empty(), "{} holds no certificate", ca_pem.display());
    trusting(roots, versions)
}

/// TLS for a client that trusts no authority, because it uses only plain HTTP.
///
/// # Errors
/// When the provider does not support the versions of TLS.
pub fn client_without_roots() -> Result<ClientConfig> {
    trusting(RootCertStore::empty(), ALL_VERSIONS)
}

fn trusting(roots: RootCertStore, versions: &[&'static SupportedProtocolVersion]) -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(versions)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The provider is explicit, so that it does not depend on which one a process installed first.
fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, format!("{name} authority"));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(CertifiedIssuer::self_signed(params, key_pair()?)?)
}

/// The kind of key that AWS Certificate Manager uses by default. A handshake has the costs that it has on AWS.
/// <https://docs.aws.amazon.com/acm/latest/userguide/acm-certificate-characteristics.html>
fn key_pair() -> Result<KeyPair> {
    Ok(KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?)
}

fn server_params() -> Result<CertificateParams> {
    let mut params = CertificateParams::new(SERVER_NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Strict verifiers, such as Python 3.13's, require it.
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

#[expect(clippy::disallowed_methods, reason = "what ends soon ends soon after now")]
fn ending_soon(mut params: CertificateParams) -> CertificateParams {
    params.not_after = (SystemTime::now() + ENDS_SOON).into();
    params
}

fn write_private(file: &Path, text: &str) -> Result<()> {
    let mut open = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(file)?;
    open.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", file.display()))
}
