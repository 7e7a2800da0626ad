//! Which certificate authorities a broker's certificate may come from.

use rustls::pki_types::{CertificateDer, pem::PemObject as _};

/// The bundled web roots, and the private certificate authorities of `BROKER_CA_BUNDLE`.
#[derive(Debug, Clone, Default)]
pub struct BrokerRoots {
    private_pem: Option<String>,
}

/// The bundle holds no certificate that can serve as a root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the PEM bundle holds no usable certificate, or a broken one")]
pub struct UnusableBundle;

impl BrokerRoots {
    /// Only the web roots. Amazon MQ's certificates need no others.
    #[must_use]
    pub fn web() -> Self {
        Self::default()
    }

    /// The web roots and those of a PEM bundle.
    ///
    /// # Errors
    /// When the bundle holds no certificate, or a broken one. AMQP clients would ignore it silently.
    pub fn web_and(pem: String) -> Result<Self, UnusableBundle> {
        let roots = Self { private_pem: Some(pem) };
        roots.store().map(|_| roots.clone())
    }

    /// The private part in PEM.
    #[must_use]
    pub fn private_pem(&self) -> Option<&str> {
        self.private_pem.as_deref()
    }

    /// A TLS client configuration that trusts these roots and nothing else.
    ///
    /// # Errors
    /// As [`BrokerRoots::web_and`], or when the TLS library offers no common protocol version.
    pub fn client_config(&self) -> Result<rustls::ClientConfig, UnusableBundle> {
        let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        Ok(rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| UnusableBundle)?
            .with_root_certificates(self.store()?)
            .with_no_client_auth())
    }

    fn store(&self) -> Result<rustls::RootCertStore, UnusableBundle> {
        let mut store = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let Some(pem) = &self.private_pem else {
            return Ok(store);
        };
        let web_roots = store.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            store.add(certificate.map_err(|_| UnusableBundle)?).map_err(|_| UnusableBundle)?;
        }
        if store.len() > web_roots { Ok(store) } else { Err(UnusableBundle) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_a_usable_certificate_is_refused() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in ["", "no certificate", broken] {
            assert_eq!(BrokerRoots::web_and(pem.to_owned()).err(), Some(UnusableBundle), "{pem}");
        }
    }
}
