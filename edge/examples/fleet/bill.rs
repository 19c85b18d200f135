//! What was counted, and what it costs.

use std::fmt::Write as _;

/// Prices of the Workers Paid plan in US dollars, as Cloudflare published them in 2026, without what the plan includes.
mod price {
    /// For a million requests to objects; of messages over WebSockets 20 are one.
    pub(super) const OBJECT_REQUESTS: f64 = 0.15;
    pub(super) const MESSAGES_A_REQUEST: f64 = 20.0;
    /// For a million GB-s, of an object that has 128 MB.
    pub(super) const DURATION: f64 = 12.50;
    pub(super) const OBJECT_GB: f64 = 0.128;
    /// For a million rows.
    pub(super) const ROWS_READ: f64 = 0.001;
    pub(super) const ROWS_WRITTEN: f64 = 1.00;
    /// For a million requests to the worker, and for a million milliseconds of its CPU time.
    pub(super) const WORKER_REQUESTS: f64 = 0.30;
    pub(super) const CPU_MS: f64 = 0.02;
    /// For a million keys.
    pub(super) const KEYS_READ: f64 = 0.50;
    pub(super) const KEYS_WRITTEN: f64 = 5.00;
}

/// What a request takes of the worker's CPU on average, in milliseconds: a guess, well above what is seen in workerd.
const CPU_MS_A_REQUEST: f64 = 5.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Recorder,
    Line,
    Node,
    App,
    Fleet,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Recorder, Self::Line, Self::Node, Self::App, Self::Fleet];

    fn name(self) -> &'static str {
        match self {
            Self::Recorder => "RECORDER",
            Self::Line => "LINE",
            Self::Node => "NODE",
            Self::App => "APP",
            Self::Fleet => "FLEET",
        }
    }
}

/// What the objects of one kind have done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    pub(crate) requests: f64,
    pub(crate) messages: f64,
    pub(crate) alarms: f64,
    pub(crate) rows_read: f64,
    pub(crate) rows_written: f64,
    pub(crate) active_ms: f64,
}

impl Sum {
    fn each(&self, other: &Self, join: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            requests: join(self.requests, other.requests),
            messages: join(self.messages, other.messages),
            alarms: join(self.alarms, other.alarms),
            rows_read: join(self.rows_read, other.rows_read),
            rows_written: join(self.rows_written, other.rows_written),
            active_ms: join(self.active_ms, other.active_ms),
        }
    }

    fn billed_requests(&self) -> f64 {
        self.requests + self.alarms + self.messages / price::MESSAGES_A_REQUEST
    }

    fn gb_s(&self) -> f64 {
        self.active_ms / 1_000.0 * price::OBJECT_GB
    }

    fn dollars(&self) -> f64 {
        let millions = self.billed_requests() * price::OBJECT_REQUESTS
            + self.gb_s() * price::DURATION
            + self.rows_read * price::ROWS_READ
            + self.rows_written * price::ROWS_WRITTEN;
        millions / 1e6
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Bill {
    sums: [Sum; 5],
    pub(crate) worker_requests: f64,
    pub(crate) keys_read: f64,
    pub(crate) keys_written: f64,
}

impl Bill {
    pub(crate) fn of(&mut self, kind: Kind) -> &mut Sum {
        &mut self.sums[kind as usize]
    }

    fn each(&self, other: &Self, join: impl Fn(f64, f64) -> f64 + Copy) -> Self {
        Self {
            sums: std::array::from_fn(|kind| self.sums[kind].each(&other.sums[kind], join)),
            worker_requests: join(self.worker_requests, other.worker_requests),
            keys_read: join(self.keys_read, other.keys_read),
            keys_written: join(self.keys_written, other.keys_written),
        }
    }

    pub(crate) fn since(&self, before: &Self) -> Self {
        self.each(before, |now, before| now - before)
    }

    pub(crate) fn times(&self, factor: f64) -> Self {
        self.each(self, |count, _| count * factor)
    }

    /// As a table for the documentation, and what one recorded hour comes to.
    pub(crate) fn table(day: &Self, hour: &Self, recordings: usize) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = writeln!(
            text,
            "\n| a day | requests | messages | alarms | rows read | rows written | GB-s | US$ |\n|---|---|---|---|---|---|---|---|"
        );
        let mut dollars = 0.0;
        for kind in Kind::ALL {
            let sum = day.sums[kind as usize];
            dollars += sum.dollars();
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} | {} | {} | {:.2} |",
                kind.name(),
                millions(sum.requests),
                millions(sum.messages),
                millions(sum.alarms),
                millions(sum.rows_read),
                millions(sum.rows_written),
                millions(sum.gb_s()),
                sum.dollars()
            );
        }
        let worker = (day.worker_requests * price::WORKER_REQUESTS
            + day.worker_requests * CPU_MS_A_REQUEST * price::CPU_MS)
            / 1e6;
        let keys = (day.keys_read * price::KEYS_READ + day.keys_written * price::KEYS_WRITTEN) / 1e6;
        dollars += worker + keys;
        let _ = writeln!(
            text,
            "| the worker | {} | | | | | | {worker:.2} |",
            millions(day.worker_requests)
        );
        let _ = writeln!(
            text,
            "| KV | | | | {} | {} | | {keys:.2} |",
            millions(day.keys_read),
            millions(day.keys_written)
        );
        let _ = writeln!(text, "| together | | | | | | | {dollars:.2} |");
        let each = |kind: Kind, count: fn(&Sum) -> f64| count(&hour.sums[kind as usize]) / recordings as f64;
        let _ = writeln!(
            text,
            "\nA recorded hour, with its start and its stop: {:.0} requests and {:.0} alarms of its recorder, which writes {:.0} rows; \
             {:.0} messages of its node; US$ {:.5} in all.",
            each(Kind::Recorder, |sum| sum.requests),
            each(Kind::Recorder, |sum| sum.alarms),
            each(Kind::Recorder, |sum| sum.rows_written),
            each(Kind::Line, |sum| sum.messages),
            dollars / 24.0 / recordings as f64
        );
        text
    }
}

fn millions(count: f64) -> String {
    format!("{:.2} M", count / 1e6)
}
