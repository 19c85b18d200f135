use std::error::Error;
use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};

/// Which addresses a customer's word leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Targets {
    /// Those of the public Internet.
    #[default]
    Public,
    /// Private, loopback and link-local ones too.
    Any,
    #[cfg(test)]
    AllBut(std::net::Ipv4Addr),
}

/// A server that a customer named is at an address where customers have no business.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host} is at the private address {address}: only public ones are connected to, unless the operator sets \
     TAPEDECK_ALLOW_PRIVATE_TARGETS"
)]
pub struct Blocked {
    host: String,
    address: IpAddr,
}

impl Blocked {
    /// The refusal among the causes of an error.
    pub fn among<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(blocked) = error.downcast_ref() {
                return Some(blocked);
            }
            next = error.source();
        }
        None
    }
}

impl Targets {
    /// Checks an address that stands in a URL as such. Names are checked when they are looked up.
    pub(super) fn check(self, url: &Url) -> Result<(), Blocked> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        match self.admits(address) {
            true => Ok(()),
            false => Err(Blocked {
                host: url.host_str().unwrap_or_default().to_owned(),
                address,
            }),
        }
    }

    /// Those addresses of a name that may be connected to.
    pub(super) fn admit(self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Blocked> {
        let (admitted, blocked): (Vec<_>, Vec<_>) = found.into_iter().partition(|found| self.admits(found.ip()));
        match blocked.first() {
            Some(blocked) if admitted.is_empty() => Err(Blocked {
                host: host.to_owned(),
                address: blocked.ip(),
            }),
            _ => Ok(admitted),
        }
    }

    fn admits(self, address: IpAddr) -> bool {
        match self {
            Self::Public => protocol::is_public(address),
            Self::Any => true,
            #[cfg(test)]
            Self::AllBut(blocked) => address != IpAddr::V4(blocked),
        }
    }
}
