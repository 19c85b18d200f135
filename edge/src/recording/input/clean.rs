//! Makes what a node tells fit to be kept. What can be secret in addresses is taken out of texts for people, since nodes of
//! earlier versions name the whole URL of a camera or an image. The rest is cut, so that no node, not even one that is out of
//! order, makes a recording's state or one of its rows grow too large to be written.

use protocol::{
    ConfirmedSlice, Happening, MAX_OCCURRENCES, Occurrence, Problem, ProblemCode, Refusal, Report, SpoolReport,
    redact_urls,
};

use crate::recording::contract::{Input, NodeAnswer, Request};
use crate::recording::limits::{
    MAX_CODE_BYTES, MAX_FILES, MAX_ID_BYTES, MAX_NAME_BYTES, MAX_PROBLEMS, MAX_SLICE_BYTES, MAX_TEXT_BYTES,
};

pub(super) fn clean(input: &mut Input) {
    match input {
        Input::Asked {
            request: Request::Report { report, .. },
            ..
        } => clean_report(report),
        Input::Asked {
            request: Request::Lost(lost),
            ..
        }
        | Input::Looked(lost) => lost.reports.iter_mut().for_each(clean_report),
        Input::Asked {
            request: Request::Missing(missing),
            ..
        } => missing.report.iter_mut().for_each(|report| clean_report(report)),
        Input::JobAnswered { answer, .. } | Input::DesiredAnswered { answer, .. } => match answer {
            NodeAnswer::Report(report) => clean_report(report),
            NodeAnswer::Refused(Refusal { reason, .. }) => clean_text(reason),
            NodeAnswer::Unreachable => {}
        },
        _ => {}
    }
}

fn clean_report(report: &mut Report) {
    report.files.retain(|file| is_name(&file.name) && is_id(&file.uid));
    if let Some(pictures) = &mut report.pictures {
        pictures.last.take_if(|name| !is_name(name));
    }
    let surplus = report.problems.len().saturating_sub(MAX_PROBLEMS);
    report.problems.drain(..surplus);
    report.problems.iter_mut().for_each(clean_problem);
    report.occurrences.list.truncate(MAX_OCCURRENCES);
    report.occurrences.list.retain(is_short);
    if let Some(vod) = &mut report.vod {
        vod.videos
            .retain(|video| is_name(&video.name) && is_id(&video.video_id));
        vod.videos.truncate(MAX_FILES);
    }
    cut_spool(&mut report.spool);
    // No spool is remembered by such a name.
    if !is_name(&report.node_id) {
        report.spool.confirmed.clear();
    }
}

fn clean_problem(problem: &mut Problem) {
    clean_text(&mut problem.message);
    if let ProblemCode::Other(code) = &mut problem.code {
        cut_text(code, MAX_CODE_BYTES);
    }
}

fn is_short(occurrence: &Occurrence) -> bool {
    match &occurrence.what {
        Happening::SliceStarted { uid, .. } | Happening::StreamChanged { uid, .. } => is_id(uid),
        Happening::PlaylistPublished { name } | Happening::PictureUploaded { name } => is_name(name),
    }
}

fn cut_spool(told: &mut SpoolReport) {
    told.spans.retain(|span| is_name(&span.playlist));
    // Slices are counted by their places, so that none can be left out in front of others.
    let kept = told.confirmed.iter().take(SpoolReport::MOST_CONFIRMED);
    let kept = kept.take_while(|slice| is_short_slice(slice)).count();
    told.confirmed.truncate(kept);
}

fn is_short_slice(slice: &ConfirmedSlice) -> bool {
    serde_json::to_string(slice).is_ok_and(|text| text.len() <= MAX_SLICE_BYTES)
}

fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_BYTES
}

fn is_id(text: &str) -> bool {
    text.len() <= MAX_ID_BYTES
}

fn clean_text(text: &mut String) {
    *text = redact_urls(text);
    cut_text(text, MAX_TEXT_BYTES);
}

fn cut_text(text: &mut String, max_bytes: usize) {
    text.truncate(text.floor_char_boundary(max_bytes));
}
