//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};

use tonic::{Request, metadata::MetadataMap};

/// Set by the gateway, which drops what callers send under this name.
const CLIENT_IP: &str = "x-crm-client-ip";
const MAX_USER_AGENT: usize = 200;

/// The device and program a user signs in with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Network address, when it is known.
    pub source: Option<IpAddr>,
    /// How the program named itself.
    pub user_agent: String,
}

impl Client {
    /// The client of a request. The address that the gateway states counts when `trust_client_ip`, otherwise that of the connection.
    pub fn of<T>(request: &Request<T>, trust_client_ip: bool) -> Self {
        let stated = text(request.metadata(), CLIENT_IP).parse().ok().filter(|_| trust_client_ip);
        let source = stated.or_else(|| request.remote_addr().map(|address: SocketAddr| address.ip()));
        let user_agent = text(request.metadata(), "user-agent");
        let user_agent =
            user_agent.chars().filter(|character| !character.is_control()).take(MAX_USER_AGENT).collect();
        Self { source, user_agent }
    }

    /// What sign-ins of the same origin are counted by: an IPv4 address, or an IPv6 network of 64 bits, which one customer of a provider
    /// has to itself.
    pub fn network(&self) -> Option<String> {
        Some(match self.source?.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        })
    }
}

fn text<'m>(metadata: &'m MetadataMap, name: &str) -> &'m str {
    metadata.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateways_word_counts_only_where_it_is_trusted() {
        let mut request = Request::new(());
        request.metadata_mut().insert(CLIENT_IP, "203.0.113.7".parse().unwrap());
        assert_eq!(Client::of(&request, true).network().as_deref(), Some("203.0.113.7"));
        assert_eq!(Client::of(&request, false).network(), None);
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let network = |address: &str| Client { source: address.parse().ok(), ..Client::default() }.network();
        assert_eq!(network("2001:db8:1:2:3::4"), network("2001:db8:1:2:ffff::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
