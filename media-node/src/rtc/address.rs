use std::net::{IpAddr, SocketAddr};

use nix::ifaddrs::getifaddrs;

/// Addresses of one machine that clients are told.
const MAX_CANDIDATES: usize = 8;

/// Where clients reach a port of this machine: by the addresses that the operator names, else by the one that is listened on, else
/// by all that this machine has.
pub(super) fn candidates(listens: IpAddr, advertised: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    let addresses = if !advertised.is_empty() {
        advertised.to_vec()
    } else if !listens.is_unspecified() {
        vec![listens]
    } else {
        own(listens.is_ipv4())
    };
    let addresses = addresses.into_iter().take(MAX_CANDIDATES);
    addresses.map(|address| SocketAddr::new(address, port)).collect()
}

/// This machine's addresses: those that others reach, or without any its own loopback.
fn own(only_ipv4: bool) -> Vec<IpAddr> {
    let of_interfaces = getifaddrs().into_iter().flatten();
    let addresses = of_interfaces.filter_map(|interface| {
        let address = interface.address?;
        let ipv4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        ipv4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
    });
    let usable = addresses.filter(|address| match address {
        IpAddr::V4(ip) => !ip.is_link_local(),
        // Addresses of one link need its name, which nobody else knows.
        IpAddr::V6(ip) => !only_ipv4 && !ip.is_unicast_link_local(),
    });
    let (loopback, elsewhere): (Vec<_>, Vec<_>) = usable.partition(IpAddr::is_loopback);
    if elsewhere.is_empty() { loopback } else { elsewhere }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_operator_names_comes_first() {
        let listens: IpAddr = "192.0.2.1".parse().unwrap();
        let named: IpAddr = "203.0.113.7".parse().unwrap();
        assert_eq!(candidates(listens, &[named], 5), [SocketAddr::new(named, 5)]);
        assert_eq!(candidates(listens, &[], 5), [SocketAddr::new(listens, 5)]);
        let all = candidates("0.0.0.0".parse().unwrap(), &[], 5);
        assert!(
            !all.is_empty()
                && all
                    .iter()
                    .all(|address| address.is_ipv4() && !address.ip().is_unspecified())
        );
    }
}
