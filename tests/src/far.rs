//! A node in a network namespace of its own, as on another machine: what it needs of the outside is brought to it at the same
//! addresses inside, and of it the outside reaches what it opens.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::namespace::Namespace;
use crate::node::Node;
use crate::outage::{Proxy, address};
use crate::stack::{Info, free_ports};

pub struct Far {
    pub node: Node,
    pub namespace: Arc<Namespace>,
    _proxies: Vec<Proxy>,
}

impl Far {
    /// A node that nothing can reach.
    pub async fn start(info: &Info, logs: &Path, id: &str) -> Self {
        let namespace = Arc::new(Namespace::new());
        let (info, proxies) = outfit(&namespace, info).await;
        Self {
            node: Node::start_in(Some(Arc::clone(&namespace)), &info, logs, id, Vec::new()).await,
            namespace,
            _proxies: proxies,
        }
    }

    /// A node whose channel server can be reached by users and by other nodes, and nothing else of it; the server's address,
    /// `rtsp://host:port`.
    pub async fn start_open(info: &Info, logs: &Path, id: &str) -> (Self, String) {
        let namespace = Arc::new(Namespace::new());
        let (info, mut proxies) = outfit(&namespace, info).await;
        let [port] = free_ports();
        let listens = SocketAddr::from((namespace.inside(), port));
        let listener = TcpListener::bind((namespace.outside(), 0)).await.expect("a free port");
        let way_in = Proxy::at(listener, listens);
        let rtsp = format!("rtsp://{}", way_in.address);
        proxies.push(way_in);
        let settings = [
            ("TAPEDECK_RTSP_LISTEN", listens.to_string()),
            ("TAPEDECK_RTSP_ADVERTISE", rtsp.clone()),
            ("TAPEDECK_OPEN_CHANNELS", "true".to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        let far = Self {
            node: Node::start_in(Some(Arc::clone(&namespace)), &info, logs, id, settings.into()).await,
            namespace,
            _proxies: proxies,
        };
        (far, rtsp)
    }

    /// A node that clients of WebRTC reach behind a NAT, at `address` and the port that is returned.
    pub async fn start_translated(info: &Info, logs: &Path, id: &str, address: Ipv4Addr) -> (Self, u16) {
        let namespace = Arc::new(Namespace::new());
        namespace.translate(address);
        let (info, proxies) = outfit(&namespace, info).await;
        let [port] = free_ports();
        let settings = [
            (
                "TAPEDECK_RTC_LISTEN",
                SocketAddr::from((namespace.inside(), port)).to_string(),
            ),
            ("TAPEDECK_RTC_ADDRESS", address.to_string()),
            ("TAPEDECK_REGION", id.to_owned()),
            ("TAPEDECK_OPEN_CHANNELS", "true".to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        let far = Self {
            node: Node::start_in(Some(Arc::clone(&namespace)), &info, logs, id, settings.into()).await,
            namespace,
            _proxies: proxies,
        };
        (far, port)
    }
}

/// Brings what a node needs to it.
async fn outfit(namespace: &Namespace, info: &Info) -> (Info, Vec<Proxy>) {
    let listener = TcpListener::bind((namespace.outside(), 0)).await.expect("a free port");
    let edge = Proxy::at(listener, address(&info.edge));
    let inner = Info {
        edge: edge.endpoint(),
        ..info.clone()
    };
    let mut proxies = vec![edge];
    for endpoint in [&info.rtsp, &info.node, &info.s3.endpoint] {
        let target = address(endpoint);
        let inside = namespace.listen(target);
        inside.set_nonblocking(true).expect("a listener");
        proxies.push(Proxy::at(TcpListener::from_std(inside).expect("a listener"), target));
    }
    (inner, proxies)
}
