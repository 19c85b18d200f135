//! Where others reach what this node listens on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use url::Url;

/// Where other nodes reach the channel server.
pub(super) fn advertised(chosen: Option<String>, listens: SocketAddr, edge: &str) -> Result<String, String> {
    if let Some(url) = chosen {
        let parsed = Url::parse(&url)
            .ok()
            .filter(|url| url.scheme() == "rtsp" && url.has_host());
        return match parsed {
            Some(_) => Ok(url.trim_end_matches('/').to_owned()),
            None => Err(format!(
                "{url} does not have the form rtsp://host:port: correct TAPEDECK_RTSP_ADVERTISE"
            )),
        };
    }
    let ip = match listens.ip().is_unspecified() {
        true => own_address(edge).unwrap_or_else(|| reachable(listens).ip()),
        false => listens.ip(),
    };
    Ok(format!("rtsp://{}", SocketAddr::new(ip, listens.port())))
}

/// The address that this machine reaches the edge from, as its routes say; nothing is sent.
fn own_address(edge: &str) -> Option<IpAddr> {
    let edge = Url::parse(edge).ok()?.socket_addrs(|| None).ok()?;
    edge.into_iter().find_map(|edge| {
        let any = match edge.is_ipv4() {
            true => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            false => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect(edge).ok()?;
        Some(socket.local_addr().ok()?.ip())
    })
}

/// How this machine itself reaches an address that is listened on.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = if address.ip().is_unspecified() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        address.ip()
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_nodes_are_told_an_address_that_they_can_reach() {
        let listens = |text: &str| text.parse::<SocketAddr>().unwrap();
        let told =
            |chosen: Option<&str>, at: &str| advertised(chosen.map(str::to_owned), listens(at), "http://127.0.0.1:1");
        let chosen = told(Some("rtsp://media-1:8554/"), "0.0.0.0:8554");
        assert_eq!(chosen.unwrap(), "rtsp://media-1:8554");
        assert_eq!(told(None, "192.0.2.7:8554").unwrap(), "rtsp://192.0.2.7:8554");
        assert_eq!(told(None, "0.0.0.0:9000").unwrap(), "rtsp://127.0.0.1:9000");
        for wrong in ["media-1:8554", "http://media-1", ""] {
            let error = told(Some(wrong), "0.0.0.0:8554").unwrap_err();
            assert!(error.contains("TAPEDECK_RTSP_ADVERTISE"), "{error}");
        }
    }
}
