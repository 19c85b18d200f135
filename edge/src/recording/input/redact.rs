use protocol::{Report, redact_urls};

use crate::recording::contract::{Input, NodeAnswer, Request};

/// Takes what can be secret out of the addresses in what a node tells for people: nodes of earlier versions name the whole
/// URL of a camera or an image.
pub(super) fn redact(input: &mut Input) {
    match input {
        Input::Asked {
            request: Request::Report(report),
            ..
        } => redact_report(report),
        Input::JobAnswered { answer, .. } | Input::DesiredAnswered { answer, .. } => match answer {
            NodeAnswer::Report(report) => redact_report(report),
            NodeAnswer::Refused(refusal) => refusal.reason = redact_urls(&refusal.reason),
            NodeAnswer::Unreachable => {}
        },
        _ => {}
    }
}

fn redact_report(report: &mut Report) {
    for problem in &mut report.problems {
        problem.message = redact_urls(&problem.message);
    }
}
