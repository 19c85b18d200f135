use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Erasures, Notices, Route, Work};

/// Requests and deliveries of one instance, since they were last sent on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// The requests, by route and HTTP status.
    #[serde(with = "pairs")]
    requests: BTreeMap<(Route, u16), u64>,
    /// Acquires and starts that were refused because the app had as many recordings as it may have.
    pub no_room: u64,
    /// Requests that were let through because the app's limits could not be asked.
    pub unlimited: u64,
    pub notices: Notices,
    #[serde(default)]
    pub erasures: Erasures,
    /// Instances of the worker that have begun.
    pub instances: u64,
    /// What objects have done, by the name of their kind.
    #[serde(default)]
    objects: BTreeMap<String, Work>,
}

impl Counts {
    /// What an instance has counted before anything else.
    pub fn of_new_instance() -> Self {
        Self {
            instances: 1,
            ..Self::default()
        }
    }

    pub fn answered(&mut self, route: Route, status: u16) {
        self.add_requests(route, status, 1);
    }

    pub fn worked(&mut self, object: &str, work: Work) {
        match self.objects.get_mut(object) {
            Some(sum) => sum.add(work),
            None => drop(self.objects.insert(object.to_owned(), work)),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn add(&mut self, other: Self) {
        for ((route, status), count) in other.requests {
            self.add_requests(route, status, count);
        }
        self.no_room = self.no_room.saturating_add(other.no_room);
        self.unlimited = self.unlimited.saturating_add(other.unlimited);
        self.notices.add(&other.notices);
        self.erasures.add(&other.erasures);
        self.instances = self.instances.saturating_add(other.instances);
        for (object, work) in other.objects {
            self.worked(&object, work);
        }
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = (Route, u16, u64)> {
        self.requests
            .iter()
            .map(|((route, status), count)| (*route, *status, *count))
    }

    pub(super) fn objects(&self) -> &BTreeMap<String, Work> {
        &self.objects
    }

    /// A status that HTTP does not have is counted as 0, so that no sender can make more series than there are.
    fn add_requests(&mut self, route: Route, status: u16, count: u64) {
        let status = if (100..600).contains(&status) { status } else { 0 };
        let sum = self.requests.entry((route, status)).or_default();
        *sum = sum.saturating_add(count);
    }
}

/// JSON's keys are strings.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Route;

    type Requests = BTreeMap<(Route, u16), u64>;

    pub(super) fn serialize<S: Serializer>(requests: &Requests, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(requests)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Requests, D::Error> {
        let pairs = Vec::<((Route, u16), u64)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Method;
    use crate::recording::Delivery;

    #[test]
    fn counts_add_up_and_travel() {
        let mut counts = Counts::default();
        assert!(counts.is_empty());
        counts.answered(Route::Customer(Method::UpdateLayout), 200);
        counts.answered(Route::Customer(Method::UpdateLayout), 200);
        counts.answered(Route::Admin, 404);
        counts.answered(Route::Admin, 60_000);
        counts.no_room = 3;
        counts.add(Counts::of_new_instance());
        counts.notices.tried(&Delivery::Delivered { status: 200 });
        counts.notices.tried(&Delivery::Unwanted);
        counts.notices.given_up(7);
        let read = Work {
            rows_read: 5,
            ..Work::default()
        };
        counts.worked("app", read);
        let text = serde_json::to_string(&counts).unwrap();
        assert_eq!(serde_json::from_str::<Counts>(&text).unwrap(), counts);
        counts.add(counts.clone());
        let requests: Vec<_> = counts.requests().collect();
        assert_eq!(
            requests,
            [
                (Route::Customer(Method::UpdateLayout), 200, 4),
                (Route::Admin, 0, 2),
                (Route::Admin, 404, 2),
            ]
        );
        assert_eq!((counts.no_room, counts.instances), (6, 2));
        let notices = &counts.notices;
        assert_eq!((notices.delivered, notices.failed, notices.given_up), (2, 0, 14));
        assert_eq!(counts.objects()["app"].rows_read, 10);
    }
}
