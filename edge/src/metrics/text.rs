use std::fmt::{Display, Write as _};

use protocol::EndCause;

use super::{Counts, NodeFigures, Totals};

/// All figures in Prometheus' text form, version 0.0.4. The library for it would make the worker a
/// twentieth larger.
pub fn render(totals: &Totals, nodes: &[NodeFigures], now_ms: u64) -> String {
    let mut page = Page::default();
    page.counter(
        "tapedeck_edge_requests_total",
        "Requests answered, by route and HTTP status",
    );
    for (route, status, count) in totals.counts.requests() {
        page.value(&[("route", route.name()), ("status", &status.to_string())], count);
    }
    page.counter(
        "tapedeck_edge_quota_refusals_total",
        "Acquires and starts refused because the app had as many recordings as it may have",
    );
    page.value(&[], totals.counts.no_room);
    page.counter(
        "tapedeck_edge_unlimited_requests_total",
        "Requests let through because the app's limits could not be read",
    );
    page.value(&[], totals.counts.unlimited);
    page.counter(
        "tapedeck_edge_recordings_ended_total",
        "Recordings that have ended, by cause",
    );
    for (cause, count) in &totals.ended {
        page.value(&[("cause", cause_name(*cause))], count);
    }
    page.counter(
        "tapedeck_edge_notice_deliveries_total",
        "Attempts to deliver an event to a callback, by result",
    );
    let notices = &totals.counts.notices;
    page.value(&[("result", "delivered")], notices.delivered);
    page.value(&[("result", "failed")], notices.failed);
    page.counter(
        "tapedeck_edge_notices_given_up_total",
        "Events that were given up after the last retry, and are kept for a replay",
    );
    page.value(&[], notices.given_up);
    page.gauge(
        "tapedeck_edge_notices_held_up",
        "Events that are waiting because one before them could not be delivered",
    );
    page.value(&[], totals.held_up(now_ms));
    page.counter(
        "tapedeck_edge_recordings_deleted_total",
        "Recordings of which every object has been deleted from the operator's store",
    );
    let erasures = &totals.counts.erasures;
    page.value(&[], erasures.recordings);
    page.counter(
        "tapedeck_edge_objects_deleted_total",
        "Objects of recordings that have been deleted from the operator's store",
    );
    page.value(&[], erasures.objects);
    page.counter(
        "tapedeck_edge_deletion_failures_total",
        "Attempts to delete a recording that failed and are repeated",
    );
    page.value(&[], erasures.failed);
    page.gauge("tapedeck_edge_recordings", "Recordings that are not over, by status");
    for (status, count) in totals.recordings(now_ms) {
        page.value(&[("status", status)], count);
    }
    page.nodes(nodes);
    page.objects(&totals.counts);
    page.counter(
        "tapedeck_edge_instances_total",
        "Instances of the worker that have started; one that crashes is followed by another",
    );
    page.value(&[], totals.counts.instances);
    page.gauge(
        "tapedeck_edge_counting_since_seconds",
        "When the edge began to count, in Unix seconds",
    );
    page.value(&[], totals.since_ms / 1_000);
    page.text
}

fn cause_name(cause: EndCause) -> &'static str {
    match cause {
        EndCause::Stopped => "stopped",
        EndCause::Idle => "idle",
        EndCause::LeaseLost => "lease_lost",
        EndCause::NodeLost => "node_lost",
        EndCause::Failed => "failed",
        EndCause::NoSpace => "no_space",
    }
}

#[derive(Default)]
struct Page {
    text: String,
    /// The name of the figure whose values come next.
    name: &'static str,
}

impl Page {
    fn counter(&mut self, name: &'static str, help: &str) {
        self.begin(name, help, "counter");
    }

    fn gauge(&mut self, name: &'static str, help: &str) {
        self.begin(name, help, "gauge");
    }

    fn begin(&mut self, name: &'static str, help: &str, kind: &str) {
        self.name = name;
        // Writing into a string does not fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        let _ = writeln!(self.text, "{}{labels} {value}", self.name);
    }

    fn objects(&mut self, counts: &Counts) {
        self.counter(
            "tapedeck_edge_object_requests_total",
            "Calls of Durable Objects: requests, WebSocket messages, alarms",
        );
        for (object, work) in counts.objects() {
            self.value(&[("object", object), ("kind", "request")], work.requests);
            self.value(&[("object", object), ("kind", "message")], work.messages);
            self.value(&[("object", object), ("kind", "alarm")], work.alarms);
        }
        self.counter(
            "tapedeck_edge_object_rows_total",
            "Rows that Durable Objects have read and written; an alarm that is set is a row written",
        );
        for (object, work) in counts.objects() {
            self.value(&[("object", object), ("kind", "read")], work.rows_read);
            self.value(&[("object", object), ("kind", "written")], work.rows_written);
        }
    }

    fn nodes(&mut self, nodes: &[NodeFigures]) {
        self.gauge(
            "tapedeck_nodes",
            "Media nodes, by state; silent ones are forgotten after ten minutes",
        );
        let count = |state: fn(&NodeFigures) -> bool| nodes.iter().filter(|node| state(node)).count();
        self.value(&[("state", "ready")], count(|node| node.alive && !node.draining));
        self.value(&[("state", "draining")], count(|node| node.alive && node.draining));
        self.value(&[("state", "silent")], count(|node| !node.alive));
        self.gauge("tapedeck_node_capacity", "Most recordings that the node accepts");
        self.each(nodes, |node| node.capacity.into());
        self.gauge(
            "tapedeck_node_recordings",
            "Recordings on the node, with ended ones that are still being uploaded",
        );
        self.each(nodes, |node| node.recordings.into());
        self.gauge("tapedeck_node_load", "Load that the node has measured, from 0 to 1");
        self.each(nodes, |node| node.load);
    }

    /// A silent node has no figures.
    fn each(&mut self, nodes: &[NodeFigures], figure: fn(&NodeFigures) -> f64) {
        for node in nodes.iter().filter(|node| node.alive) {
            let labels = [("node", &*node.node_id), ("region", &*node.region)];
            self.value(&labels, figure(node));
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Method;
    use crate::metrics::{Route, Tally, Work};

    const NOW: u64 = 1_700_000_000_000;

    fn node(node_id: &str, alive: bool, draining: bool) -> NodeFigures {
        NodeFigures {
            node_id: node_id.into(),
            region: "default".into(),
            capacity: 50,
            recordings: 3,
            load: 0.25,
            draining,
            alive,
        }
    }

    #[test]
    fn every_figure_has_its_line() {
        let mut totals = Totals::new(NOW);
        let mut counts = Counts::default();
        counts.answered(Route::Customer(Method::Acquire), 200);
        counts.answered(Route::Customer(Method::Acquire), 429);
        counts.no_room = 2;
        counts.add(Counts::of_new_instance());
        counts.notices.given_up(5);
        let work = Work {
            requests: 6,
            messages: 7,
            alarms: 8,
            rows_read: 9,
            rows_written: 10,
        };
        counts.worked("recorder", work);
        totals.counted(counts);
        let tally = Tally {
            recording: 4,
            held_up: 9,
            ended: [(EndCause::Idle, 1)].into(),
            ..Tally::default()
        };
        totals.tallied("a".into(), tally, NOW);
        let nodes = [
            node("n1", true, false),
            node("n\"\\\n2", true, true),
            node("n3", false, false),
        ];
        let text = render(&totals, &nodes, NOW);
        for line in [
            r#"tapedeck_edge_requests_total{route="acquire",status="200"} 1"#,
            r#"tapedeck_edge_requests_total{route="acquire",status="429"} 1"#,
            "# TYPE tapedeck_edge_requests_total counter",
            "tapedeck_edge_quota_refusals_total 2",
            r#"tapedeck_edge_notice_deliveries_total{result="delivered"} 0"#,
            r#"tapedeck_edge_notice_deliveries_total{result="failed"} 0"#,
            "tapedeck_edge_notices_given_up_total 5",
            "tapedeck_edge_notices_held_up 9",
            "tapedeck_edge_instances_total 1",
            r#"tapedeck_edge_object_requests_total{object="recorder",kind="request"} 6"#,
            r#"tapedeck_edge_object_requests_total{object="recorder",kind="message"} 7"#,
            r#"tapedeck_edge_object_requests_total{object="recorder",kind="alarm"} 8"#,
            r#"tapedeck_edge_object_rows_total{object="recorder",kind="read"} 9"#,
            r#"tapedeck_edge_object_rows_total{object="recorder",kind="written"} 10"#,
            "tapedeck_edge_unlimited_requests_total 0",
            r#"tapedeck_edge_recordings{status="recording"} 4"#,
            r#"tapedeck_edge_recordings{status="placing"} 0"#,
            r#"tapedeck_edge_recordings_ended_total{cause="idle"} 1"#,
            r#"tapedeck_nodes{state="ready"} 1"#,
            r#"tapedeck_nodes{state="draining"} 1"#,
            r#"tapedeck_nodes{state="silent"} 1"#,
            r#"tapedeck_node_capacity{node="n1",region="default"} 50"#,
            r#"tapedeck_node_load{node="n\"\\\n2",region="default"} 0.25"#,
            r#"tapedeck_node_recordings{node="n1",region="default"} 3"#,
            "tapedeck_edge_counting_since_seconds 1700000000",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("n3"), "a silent node has no figures");
    }
}
