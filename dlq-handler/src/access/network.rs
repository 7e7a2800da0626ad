//! Where a call came from.

use std::net::IpAddr;
use std::str::FromStr;

use super::Lists;

/// The end of the names of AWS services, which are the source address of the calls that they make.
const SERVICES: [&str; 2] = [".amazonaws.com", ".amazonaws.com.cn"];

/// Where a call came from, as CloudTrail reports it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// An IP address, the name of an AWS service, or `AWS Internal`.
    pub address: String,
    /// The VPC endpoint that it came through.
    pub endpoint: Option<String>,
    /// The service that made the call for the principal.
    pub service: Option<String>,
}

impl Origin {
    /// Whether one of the declared places. AWS writes the address, so the caller cannot choose it.
    #[must_use]
    pub fn is_inside(&self, lists: &Lists) -> bool {
        let is_declared = |endpoint: &String| lists.endpoints.contains(endpoint);
        if self.endpoint.as_ref().is_some_and(is_declared) {
            return true;
        }
        match self.address.parse() {
            Ok(address) => lists.networks.iter().any(|network| network.contains(address)),
            // A service of AWS, or AWS itself.
            Err(_) => true,
        }
    }

    /// The place in words.
    #[must_use]
    pub fn words(&self) -> String {
        let is_service = SERVICES.iter().any(|end| self.address.ends_with(end));
        let service = self.service.as_deref().filter(|service| !is_service || *service != self.address);
        let by = service.map(|service| format!(", through {service}")).unwrap_or_default();
        match &self.endpoint {
            Some(endpoint) => format!("from {} at the endpoint {endpoint}{by}", self.address),
            None => format!("from {}{by}", self.address),
        }
    }
}

/// A network in the notation of CIDR. A single address is a network, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

/// A text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoNetwork;

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr = address.parse().map_err(|_| NoNetwork)?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(whole), str::parse).map_err(|_| NoNetwork)?;
        (length <= whole).then_some(Self { address, length }).ok_or(NoNetwork)
    }
}

impl Network {
    fn contains(self, other: IpAddr) -> bool {
        match (self.address, other.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differs = u32::from(own) ^ u32::from(other);
                differs.leading_zeros() >= u32::from(self.length)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differs = u128::from(own) ^ u128::from(other);
                differs.leading_zeros() >= u32::from(self.length)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_a_network_if_the_first_bits_are_equal() {
        for (network, address, expected) in [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
            ("10.0.0.0/9", "10.127.0.1", true),
            ("10.0.0.0/9", "10.128.0.1", false),
            ("0.0.0.0/0", "203.0.113.7", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("0.0.0.0/0", "::ffff:203.0.113.7", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            let found = network.parse::<Network>().ok().zip(address.parse().ok());
            let found = found.map(|(network, address)| network.contains(address));
            assert_eq!(found, Some(expected), "{network} {address}");
        }
    }

    #[test]
    fn a_text_that_is_no_network_is_refused() {
        for text in
            ["", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "2001:db8::/129", "example.com"]
        {
            assert_eq!(text.parse::<Network>(), Err(NoNetwork), "{text}");
        }
    }

    #[test]
    fn a_call_is_inside_if_its_endpoint_or_its_network_is_declared_or_aws_made_it() {
        let lists = Lists {
            endpoints: vec!["vpce-1".to_owned()],
            networks: "203.0.113.0/24".parse().into_iter().collect(),
            ..Lists::default()
        };
        let at = |address: &str, endpoint: Option<&str>| Origin {
            address: address.to_owned(),
            endpoint: endpoint.map(str::to_owned),
            service: None,
        };
        for (origin, expected) in [
            (at("10.0.0.7", Some("vpce-1")), true),
            (at("10.0.0.7", Some("vpce-2")), false),
            (at("203.0.113.7", None), true),
            (at("198.51.100.7", None), false),
            (at("cloudformation.amazonaws.com", None), true),
            (at("AWS Internal", None), true),
        ] {
            assert_eq!(origin.is_inside(&lists), expected, "{origin:?}");
        }
    }

    #[test]
    fn the_words_name_a_service_once() {
        let origin = |address: &str, service: &str| Origin {
            address: address.to_owned(),
            endpoint: None,
            service: Some(service.to_owned()),
        };
        let of = "cloudformation.amazonaws.com";
        assert_eq!(origin(of, of).words(), format!("from {of}"));
        assert_eq!(origin("AWS Internal", of).words(), format!("from AWS Internal, through {of}"));
    }
}
