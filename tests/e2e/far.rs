//! Nodes in network namespaces of their own, into which nothing leads: their link to the edge is cut so that neither end is
//! told, and they are stopped as a paused machine is.
//!
//! Users publish outside, to the stack's own node. What the nodes need besides the edge, namely the users' media, the roster
//! and the store, is brought to them at the same addresses inside as outside, so that the link carries the line alone.

use std::sync::Arc;

use tapedeck_tests::namespace::Namespace;
use tapedeck_tests::node::Node;
use tapedeck_tests::outage::{Proxy, address};
use tapedeck_tests::stack::{Info, Stack};
use tapedeck_tests::wait;
use tapedeck_tests::writers::Watch;
use tokio::net::TcpListener;

use crate::failover::{LIMIT, SWITCH_AT_MOST, await_recording, check_seams, fetch, history, publish, take_from_stack};
use crate::line::assert_no_address;
use crate::steps::{self, record_for};

/// Shorter than a lease, in seconds: nothing moves.
const SHORT: [u64; 2] = [1, 5];
/// Longer than a lease, in seconds: another node goes on.
const LONG: u64 = 15;
const VERY_LONG: u64 = 120;
/// What a node that stops costs, in seconds: what arrives until another one captures, the lease and some seconds more.
const STOPPED_AT_MOST: f64 = 30.0;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// The link lets nothing through.
    Cut,
    /// All processes stand still.
    Stop,
}

/// A node that nothing can reach.
struct Far {
    node: Node,
    namespace: Arc<Namespace>,
    _proxies: Vec<Proxy>,
}

impl Far {
    async fn start(stack: &Stack, id: &str) -> Self {
        take_from_stack(stack).await;
        let namespace = Arc::new(Namespace::new());
        let listener = TcpListener::bind((namespace.outside(), 0)).await.expect("a free port");
        let edge = Proxy::at(listener, address(&stack.info.edge));
        let info = Info {
            edge: edge.endpoint(),
            ..stack.info.clone()
        };
        let mut proxies = vec![edge];
        for endpoint in [&stack.info.rtsp, &stack.info.node, &stack.info.s3.endpoint] {
            let target = address(endpoint);
            let inside = namespace.listen(target);
            inside.set_nonblocking(true).expect("a listener");
            proxies.push(Proxy::at(TcpListener::from_std(inside).expect("a listener"), target));
        }
        Self {
            node: Node::start_in(Some(Arc::clone(&namespace)), &info, stack.logs(), id).await,
            namespace,
            _proxies: proxies,
        }
    }

    /// Out of reach for so long; then it is back, and the edge answers it.
    async fn suffer(&self, fault: Fault, seconds: u64) {
        match fault {
            Fault::Cut => self.namespace.cut(),
            Fault::Stop => self.node.pause(),
        }
        record_for(seconds).await;
        match fault {
            Fault::Cut => self.namespace.restore(),
            Fault::Stop => self.node.resume(),
        }
        wait::until("the line is open again", LIMIT, async || {
            self.node.is_ready().await.then_some(())
        })
        .await;
    }
}

pub(crate) async fn a_link_that_is_cut_costs_nothing(stack: &mut Stack) {
    record_through(stack, "cut", Fault::Cut, SWITCH_AT_MOST).await;
}

pub(crate) async fn a_node_that_stops_costs_no_more_than_its_lease(stack: &mut Stack) {
    record_through(stack, "stopped", Fault::Stop, STOPPED_AT_MOST).await;
}

/// Faults of one kind, short ones and then long ones. Each long one may cost so many seconds.
async fn record_through(stack: &Stack, cname: &str, fault: Fault, cost: f64) {
    let customer = stack.customer();
    let mut holder = Far::start(stack, "one").await;
    let mut publisher = publish(stack, cname);
    let task = customer.record(cname, |_| {}).await;
    let mut next = Far::start(stack, "two").await;
    assert_no_address(stack).await;
    for far in [&holder, &next] {
        assert_eq!(far.namespace.open_ports(), [""; 0], "nothing leads into it");
    }
    steps::await_playlists(&customer, &task, 2).await;
    let watch = Watch::begin(stack.bucket(), &task);
    record_for(5).await;
    for seconds in SHORT {
        holder.suffer(fault, seconds).await;
        record_for(4).await;
    }
    assert_eq!(moves(stack, &task).await, 0, "what is short moves nothing");
    let long: &[u64] = if steps::is_soak() { &[LONG, VERY_LONG] } else { &[LONG] };
    for seconds in long {
        await_slices(&watch).await;
        holder.suffer(fault, *seconds).await;
        await_recording(&next.node, &task.sid).await;
        wait::until("the node that was lost has given everything away", LIMIT, async || {
            holder.node.spools().is_empty().then_some(())
        })
        .await;
        record_for(5).await;
        (holder, next) = (next, holder);
    }
    publisher.assert_alive();
    assert_eq!(moves(stack, &task).await, long.len());
    watch.assert_one_writer();
    let recording = fetch(stack, &customer, &task).await;
    for track in &recording.tracks {
        let (name, gaps) = (track.file_name(), check_seams(track));
        println!("{name}: {gaps:.3?} s between the nodes");
        assert_eq!(gaps.len(), long.len(), "{name}");
        assert!(gaps.iter().all(|gap| *gap < cost), "{name}: {gaps:?} s");
    }
}

/// Waits until each playlist has got another slice, so that none is being written: one whose writer stands still in the middle
/// of it is written later.
async fn await_slices(watch: &Watch) {
    let before = watch.seen();
    wait::until("another slice in each playlist", LIMIT, async || {
        let now = watch.seen();
        let longer = |playlist: &String| {
            before
                .get(playlist)
                .is_none_or(|old| old.slices.len() < now[playlist].slices.len())
        };
        (now.len() == 2 && now.keys().all(longer)).then_some(())
    })
    .await;
    // The time in which its node hears that it is written.
    record_for(2).await;
}

/// How often the recording has gone to another node.
async fn moves(stack: &Stack, task: &tapedeck_tests::customer::Task) -> usize {
    let told = history(stack, task).await;
    told.iter().filter(|what| *what == "moved").count()
}
