//! A machine of its own for a node, as far as the network goes: a network namespace with one link to the outside, which can
//! be cut without either end being told.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, setns};

use crate::stack::free_ports;

/// Addresses for tests of networks (RFC 2544): nobody else uses them.
const ADDRESSES: u32 = u32::from_be_bytes([198, 18, 0, 0]);
/// Addresses behind the NAT of a provider (RFC 6598), for those who change their network.
const OTHER_ADDRESSES: u32 = u32::from_be_bytes([100, 64, 0, 0]);
const LOWEST_PORT: u16 = 20_000;

/// A namespace. It is gone when this is dropped, and what runs in it has no link any more.
pub struct Namespace {
    name: String,
    /// The outer end of the link.
    link: String,
    outside: Ipv4Addr,
}

impl Namespace {
    /// Whether this machine lets a test make one.
    pub fn can_be_made() -> bool {
        let [port] = free_ports();
        let namespace = Self::named(port);
        namespace.make().is_ok()
    }

    /// # Panics
    /// Where [`Self::can_be_made`] says no.
    pub fn new() -> Self {
        let [port] = free_ports();
        let namespace = Self::named(port);
        namespace.make().expect("a namespace");
        namespace
    }

    /// A port that belongs to this process makes names and addresses that do.
    fn named(port: u16) -> Self {
        let subnet = ADDRESSES + u32::from(port - LOWEST_PORT) * 4;
        Self {
            name: format!("tapedeck-{port}"),
            link: format!("tapedeck{port}o"),
            outside: Ipv4Addr::from(subnet + 1),
        }
    }

    fn make(&self) -> Result<(), String> {
        let (name, link, outside) = (&self.name, &self.link, self.outside);
        let inner = self.inner_link();
        let inside = Ipv4Addr::from(u32::from(outside) + 1);
        self.remove();
        ip(&format!("netns add {name}"))?;
        ip(&format!("link add {link} type veth peer name {inner} netns {name}"))?;
        ip(&format!("address add {outside}/30 dev {link}"))?;
        ip(&format!("link set dev {link} up"))?;
        ip(&format!("-n {name} address add {inside}/30 dev {inner}"))?;
        ip(&format!("-n {name} link set dev {inner} up"))?;
        ip(&format!("-n {name} link set dev lo up"))?;
        // The outside passes nothing on, and answers at all of its own addresses.
        ip(&format!("-n {name} route add default via {outside}"))
    }

    /// Of an earlier process that was killed, too.
    fn remove(&self) {
        let _ = ip(&format!("link delete dev {}", self.link));
        let _ = ip(&format!("netns delete {}", self.name));
    }

    /// The address at which it finds the outside.
    pub fn outside(&self) -> IpAddr {
        self.outside.into()
    }

    /// The address at which the outside finds it.
    pub fn inside(&self) -> IpAddr {
        Ipv4Addr::from(u32::from(self.outside) + 1).into()
    }

    /// Lets nothing through any more, either way.
    pub fn cut(&self) {
        ip(&format!("link set dev {} down", self.link)).expect("a link");
    }

    pub fn restore(&self) {
        ip(&format!("link set dev {} up", self.link)).expect("a link");
    }

    /// From now on so many of a hundred datagrams are lost, each way.
    pub fn lose(&self, percent: u32) {
        self.inside_run("nft", "add table ip loss");
        for hook in ["input", "output"] {
            self.inside_run(
                "nft",
                &format!("add chain ip loss {hook} {{ type filter hook {hook} priority 0 ; }}"),
            );
            let lost = format!("meta l4proto udp numgen random mod 100 < {percent} drop");
            self.inside_run("nft", &format!("add rule ip loss {hook} {lost}"));
        }
    }

    /// From now on no more than so many bytes of datagrams leave in a second; what is beyond is lost.
    pub fn narrow(&self, bytes_per_second: u32) {
        self.inside_run("nft", "add table ip narrow");
        self.inside_run(
            "nft",
            "add chain ip narrow output { type filter hook output priority 0 ; }",
        );
        let beyond = format!("meta l4proto udp limit rate over {bytes_per_second} bytes/second burst 4000 bytes drop");
        self.inside_run("nft", &format!("add rule ip narrow output {beyond}"));
    }

    /// As much as before [`Self::narrow`].
    pub fn widen(&self) {
        self.inside_run("nft", "delete table ip narrow");
    }

    /// The outside finds it at this address, too, which is none of its own: whatever goes there is sent on to its own one, and answers
    /// come back as from there. A NAT of one address to one.
    pub fn translate(&self, address: Ipv4Addr) {
        let inside = self.inside();
        run("ip", &format!("route replace {address}/32 via {inside}")).expect("a route");
        self.inside_run("nft", "add table ip nat");
        self.inside_run(
            "nft",
            "add chain ip nat in { type nat hook prerouting priority -100 ; }",
        );
        self.inside_run(
            "nft",
            &format!("add rule ip nat in ip daddr {address} dnat to {inside}"),
        );
    }

    /// Whoever comes from the outside to this address has another one from now on, and from the first one nothing gets to this port any
    /// more: they have gone to another network.
    pub fn change_networks(&self, to: Ipv4Addr, port: u16) {
        let (first, inside, link) = (self.outside, self.inside(), &self.link);
        let second = Ipv4Addr::from(OTHER_ADDRESSES + (u32::from(first) - ADDRESSES));
        ip(&format!("address add {second}/32 dev {link}")).expect("an address");
        ip(&format!("route replace {to}/32 via {inside} src {second}")).expect("a route");
        self.inside_run("nft", "add table ip former");
        self.inside_run("nft", "add chain ip former in { type filter hook input priority 0 ; }");
        for protocol in ["udp", "tcp"] {
            let rule = format!("ip saddr {first} {protocol} dport {port} drop");
            self.inside_run("nft", &format!("add rule ip former in {rule}"));
        }
    }

    /// Lets no datagrams in any more.
    pub fn block_datagrams(&self) {
        self.inside_run("nft", "add table ip wall");
        self.inside_run("nft", "add chain ip wall in { type filter hook input priority 0 ; }");
        let link = self.inner_link();
        self.inside_run(
            "nft",
            &format!("add rule ip wall in iifname {link} meta l4proto udp drop"),
        );
    }

    fn inner_link(&self) -> String {
        format!("{}i", self.link.trim_end_matches('o'))
    }

    fn inside_run(&self, program: &str, words: &str) {
        let name = &self.name;
        ip(&format!("netns exec {name} {program} {words}")).unwrap_or_else(|error| panic!("{error}"));
    }

    /// What runs a program inside: the words that go before its own.
    pub fn words(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    /// A listener inside.
    pub fn listen(&self, address: SocketAddr) -> TcpListener {
        self.enter(move || TcpListener::bind(address).expect("a free port"))
            .join()
            .expect("a listener")
    }

    /// What listens inside where the outside could reach it, as `address:port`.
    pub fn open_ports(&self) -> Vec<String> {
        let [ip, rest @ ..] = self.words();
        let output = Command::new(ip).args(rest).args(["ss", "-Hltun"]).output();
        let output = output.expect("ss runs");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let locals = text.lines().filter_map(|line| line.split_whitespace().nth(4));
        locals
            .filter(|local| !local.starts_with("127."))
            .map(str::to_owned)
            .collect()
    }

    /// Runs a task inside: the sockets that it opens are those of the namespace.
    pub async fn run<T: Send + 'static, F: Future<Output = T>>(&self, task: impl FnOnce() -> F + Send + 'static) -> T {
        let (done, result) = tokio::sync::oneshot::channel();
        self.enter(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            // Whoever waited may be gone.
            let _ = done.send(runtime.expect("a runtime").block_on(task()));
        });
        result.await.expect("a result")
    }

    /// A thread inside.
    fn enter<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> std::thread::JoinHandle<T> {
        let path = PathBuf::from("/run/netns").join(&self.name);
        std::thread::spawn(move || {
            let namespace = std::fs::File::open(path).expect("the namespace");
            setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET).expect("the namespace is entered");
            work()
        })
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.remove();
    }
}

fn ip(words: &str) -> Result<(), String> {
    run("ip", words)
}

fn run(program: &str, words: &str) -> Result<(), String> {
    let mut command = Command::new(program);
    let output = command.args(words.split(' ')).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "{program} {words}: {}",
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => Err(format!("{program} {words}: {error}")),
    }
}
