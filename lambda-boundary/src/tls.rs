//! Finds the TLS error in an error of the transport.

use std::error::Error;

/// The TLS refusal inside an error of the transport, if there is one. An `io::Error` gives access to the error that it
/// holds only by `get_ref`, and clients wrap one error in another.
#[must_use]
pub fn tls_refusal_in<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    if let Some(tls) = error.downcast_ref() {
        return Some(tls);
    }
    let carried = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let carried = carried.and_then(|inner| tls_refusal_in(inner as &(dyn Error + 'static)));
    carried.or_else(|| error.source().and_then(tls_refusal_in))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tls_refusal_is_found_under_any_number_of_transport_errors() {
        let refusal = rustls::Error::HandshakeNotComplete;
        let wrapped = std::io::Error::other(std::io::Error::other(std::io::Error::other(refusal.clone())));
        assert_eq!(tls_refusal_in(&wrapped), Some(&refusal));
        assert_eq!(tls_refusal_in(&std::io::Error::other("refused")), None);
    }
}
