//! What a recording costs the edge while nothing happens in it, counted in workerd.
//!
//! `TAPEDECK_QUIET_S` says for how many seconds it is counted, an hour for example; otherwise a minute stands for the hour, in
//! which four slices of each track are completed.

use std::collections::BTreeMap;
use std::time::Duration;

use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

use crate::failover::publish;
use crate::steps::{self, record_for};

/// Requests and alarms of the recorder's object in an hour.
const AN_HOUR: f64 = 100.0;
const HOUR_S: f64 = 3_600.0;
/// From so many seconds on, what was counted tells of an hour with its beginning and its end.
const LONG_S: u64 = 600;
const LIMIT: Duration = Duration::from_secs(60);

/// What each kind of object has done since the edge began to count.
struct Work(BTreeMap<String, f64>);

impl Work {
    async fn of(stack: &Stack) -> Self {
        let figures = stack.metrics().await.into_iter();
        Self(
            figures
                .filter(|(series, _)| series.starts_with("tapedeck_edge_object_"))
                .collect(),
        )
    }

    /// What has been done since.
    fn since(&self, before: &Self) -> Self {
        let since = |(series, count): (&String, &f64)| {
            let before = before.0.get(series).copied().unwrap_or(0.0);
            (series.clone(), count - before)
        };
        Self(self.0.iter().map(since).collect())
    }

    fn and(&self, other: &Self) -> Self {
        let sum = |(series, count): (&String, &f64)| (series.clone(), count + other.0.get(series).unwrap_or(&0.0));
        Self(self.0.iter().map(sum).collect())
    }

    fn times(&self, factor: f64) -> Self {
        Self(
            self.0
                .iter()
                .map(|(series, count)| (series.clone(), count * factor))
                .collect(),
        )
    }

    fn figure(&self, what: &str, object: &str, kind: &str) -> f64 {
        let series = format!(r#"tapedeck_edge_object_{what}_total{{object="{object}",kind="{kind}"}}"#);
        self.0.get(&series).copied().unwrap_or(0.0)
    }

    /// Requests and alarms, which are billed alike.
    fn calls(&self, object: &str) -> f64 {
        self.figure("requests", object, "request") + self.figure("requests", object, "alarm")
    }

    fn show(&self, title: &str) {
        println!(
            "{title:<28} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "requests", "messages", "alarms", "read", "written"
        );
        for object in ["recorder", "line", "node", "app", "fleet"] {
            let [requests, messages, alarms] =
                ["request", "message", "alarm"].map(|kind| self.figure("requests", object, kind));
            let [read, written] = ["read", "written"].map(|kind| self.figure("rows", object, kind));
            println!("  {object:<26} {requests:>9.0} {messages:>9.0} {alarms:>9.0} {read:>9.0} {written:>9.0}");
        }
    }
}

pub(crate) async fn a_quiet_recording_costs_few_requests(stack: &mut Stack) {
    let seconds = match std::env::var("TAPEDECK_QUIET_S") {
        Ok(seconds) => seconds.parse().expect("TAPEDECK_QUIET_S is a number"),
        Err(_) if steps::is_soak() => LONG_S,
        Err(_) => 60,
    };
    let customer = stack.customer();
    let mut publisher = publish(stack, "quiet");
    let before = Work::of(stack).await;
    let task = customer.record("quiet", |_| {}).await;
    let bucket = stack.bucket();
    wait::until("the first slices are in the store", LIMIT, async || {
        let keys = bucket.keys(&task.prefix).await;
        let playlists = keys.iter().filter(|key| key.ends_with(".m3u8"));
        (playlists.count() == 2).then_some(())
    })
    .await;
    let begun = Work::of(stack).await;
    record_for(seconds).await;
    let counted = Work::of(stack).await;
    publisher.assert_alive();
    steps::stop(&customer, &task).await;
    let ended = Work::of(stack).await;

    let quiet = counted.since(&begun);
    let hour = quiet.times(HOUR_S / seconds as f64);
    let ends = begun.since(&before).and(&ended.since(&counted));
    hour.show(&format!("an hour, by {seconds} s of it"));
    ends.show("its beginning and its end");
    let allowed = AN_HOUR * seconds as f64 / HOUR_S + 1.0;
    let calls = quiet.calls("recorder");
    assert!(
        calls <= allowed,
        "{calls} calls of the recorder's object in {seconds} s"
    );
    if seconds >= LONG_S {
        let whole = hour.and(&ends).calls("recorder");
        assert!(whole <= AN_HOUR, "{whole} calls of the recorder's object");
    }
}
