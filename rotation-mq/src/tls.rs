//! Which certificate authorities a broker's certificate may come from.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};

/// The bundled web roots, and the private certificate authorities of `BROKER_CA_BUNDLE`.
#[derive(Debug)]
pub struct BrokerRoots(RootCertStore);

/// The bundle holds no certificate that can serve as a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the PEM bundle holds no usable certificate, or a broken one")]
pub struct UnusableBundle;

impl BrokerRoots {
    /// Only the web roots. Amazon MQ's certificates need no others.
    #[must_use]
    pub fn web() -> Self {
        Self(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }

    /// The web roots and those of a PEM bundle.
    ///
    /// # Errors
    /// When the bundle holds no certificate, or a broken one. AMQP clients would ignore it silently.
    pub fn web_and(pem: &str) -> Result<Self, UnusableBundle> {
        let Self(mut roots) = Self::web();
        let web_roots = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            roots.add(certificate.map_err(|_| UnusableBundle)?).map_err(|_| UnusableBundle)?;
        }
        if roots.len() > web_roots { Ok(Self(roots)) } else { Err(UnusableBundle) }
    }

    /// A TLS client configuration that trusts these roots and nothing else. All logins of a process share one, with the TLS
    /// sessions that a broker lets them resume.
    ///
    /// # Errors
    /// When the TLS library offers no common protocol version.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.0.clone())
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_a_usable_certificate_is_refused() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in ["", "no certificate", broken] {
            assert_eq!(BrokerRoots::web_and(pem).err(), Some(UnusableBundle), "{pem}");
        }
    }
}
