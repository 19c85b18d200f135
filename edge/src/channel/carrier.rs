use protocol::{CarriedStream, CarriedUser, StreamName};
use serde::{Deserialize, Serialize};

/// A node that carries the channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carrier {
    /// The node's lease under which it told this.
    pub lease: u64,
    /// `rtsp://host:port`.
    pub address: String,
    /// The node's own version of it.
    pub version: u64,
    pub users: Vec<CarriedUser>,
    /// When each publication was heard of first: the version that the channel had then, in the order of the users' streams.
    pub(super) orders: Vec<u64>,
}

impl Carrier {
    /// Each publication with its order.
    pub(super) fn publications(&self) -> impl Iterator<Item = ((&str, StreamName, u64), u64)> {
        let orders = self.orders.iter().copied();
        publications(&self.users)
            .zip(orders)
            .map(|((uid, stream), order)| ((uid, stream.name, stream.publication), order))
    }

    /// The users with those of their streams that are wanted by name and order.
    pub(super) fn users_by(&self, is_wanted: impl Fn((&str, StreamName), u64) -> bool) -> Vec<CarriedUser> {
        let mut orders = self.orders.iter().copied();
        let mut users = Vec::new();
        for user in &self.users {
            let streams = user.streams.iter().zip(orders.by_ref());
            let wanted = streams.filter(|(stream, order)| is_wanted((&user.uid, stream.name), *order));
            let streams: Vec<_> = wanted.map(|(stream, _)| *stream).collect();
            if !streams.is_empty() {
                users.push(CarriedUser {
                    uid: user.uid.clone(),
                    joined_at_ms: user.joined_at_ms,
                    streams,
                });
            }
        }
        users
    }
}

pub(super) fn publications(users: &[CarriedUser]) -> impl Iterator<Item = (&str, &CarriedStream)> {
    users
        .iter()
        .flat_map(|user| user.streams.iter().map(|stream| (user.uid.as_str(), stream)))
}
