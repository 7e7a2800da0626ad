//! Until when the certificate of the AMQPS endpoint is valid.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::{AmqpLogin, LoginError};
use crate::amazon_mq::Endpoints;
use lambda_boundary::tls_refusal_in;

impl AmqpLogin {
    /// When the certificate ends that the endpoint presents for its own name. None if it has no readable end. Nothing is sent
    /// after the handshake.
    ///
    /// # Errors
    /// When no trusted TLS connection can be made. A certificate that has ended is not trusted.
    pub async fn certificate_ends(&self, endpoints: &Endpoints) -> Result<Option<Timestamp>, LoginError> {
        let presented = tokio::time::timeout(self.timeout, self.presented(endpoints)).await;
        match presented {
            Ok(Ok(certificate)) => Ok(certificate.as_deref().and_then(end_of)),
            Ok(Err(error)) => Err(match tls_refusal_in(&error) {
                Some(tls) => LoginError::Tls(tls.clone()),
                None => LoginError::Transport(Arc::new(error)),
            }),
            Err(_) => Err(LoginError::NoAnswer(self.timeout)),
        }
    }

    /// The endpoint's own certificate, in DER.
    async fn presented(&self, endpoints: &Endpoints) -> Result<Option<Vec<u8>>, std::io::Error> {
        let name = ServerName::try_from(endpoints.host.clone()).map_err(std::io::Error::other)?;
        let socket = TcpStream::connect((endpoints.host.as_str(), endpoints.port)).await?;
        let stream = TlsConnector::from(Arc::clone(&self.config)).connect(name, socket).await?;
        let (_, session) = stream.get_ref();
        let chain = session.peer_certificates().unwrap_or_default();
        Ok(chain.first().map(|certificate| certificate.to_vec()))
    }
}

fn end_of(der: &[u8]) -> Option<Timestamp> {
    let end = Certificate::from_der(der).ok()?.tbs_certificate.validity.not_after.to_unix_duration();
    Timestamp::from_second(i64::try_from(end.as_secs()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_what_is_no_certificate_is_unknown() {
        for der in [&b""[..], b"no certificate", &[0x30, 0x82, 0xff, 0xff, 0x02]] {
            assert_eq!(end_of(der), None);
        }
    }
}
