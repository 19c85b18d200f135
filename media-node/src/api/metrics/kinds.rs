//! Values of each kind, registered under their names.

use prometheus::{IntCounter, IntGauge, Registry};

pub(super) fn gauge(metrics: &Registry, name: &str, help: &str, value: u64) -> prometheus::Result<()> {
    let gauge = IntGauge::new(name, help)?;
    gauge.set(whole(value));
    metrics.register(Box::new(gauge))
}

pub(super) fn counter(metrics: &Registry, name: &str, help: &str, value: u64) -> prometheus::Result<()> {
    let counter = IntCounter::new(name, help)?;
    counter.inc_by(value);
    metrics.register(Box::new(counter))
}

pub(super) fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
