use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Targets;

/// Looks names up as the system does and gives out only what may be connected to. The connection is made to just these
/// addresses, so that a name cannot change between the check and its use.
pub(super) struct Resolver(pub(super) Targets);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let targets = self.0;
        Box::pin(async move {
            let host = name.as_str();
            let admitted = targets.admit(host, look_up(host).await?)?;
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

/// Port 0 stands for the URL's.
async fn look_up(host: &str) -> io::Result<Vec<SocketAddr>> {
    if is_localhost(host) {
        let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(loopback.map(|ip| SocketAddr::new(ip, 0)).to_vec());
    }
    Ok(tokio::net::lookup_host((host, 0)).await?.collect())
}

/// RFC 6761 has all names below `localhost` mean this machine; not every C library does.
fn is_localhost(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}
