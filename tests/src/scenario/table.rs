//! What a dialect documents, row by row, and which rows its scenarios have.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::rows::{Row, Trial};
use super::{Case, Scenario, Step};

/// The rows of the vendor's tables.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub about: String,
    /// Fields, with their defaults and ranges. Each is the row of a case.
    #[serde(default)]
    pub rows: Vec<Row>,
    #[serde(default)]
    pub calls: Vec<Call>,
    pub answers: Vec<Answer>,
}

/// A call, and what its answer has.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// As a step of a scenario has it.
    pub call: String,
    /// Names of fields, those in objects and lists by their paths, with full stops.
    pub reply: Vec<String>,
}

/// An answer that the vendor documents.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Fields that tell it from others.
    pub reply: Map<String, Value>,
    /// What the vendor says of it.
    pub text: String,
    /// Why no request from outside causes it.
    #[serde(default)]
    pub never: Option<String>,
}

impl Table {
    /// What of the table no scenario has, and what a scenario has though it should never come. `also`: replies that are expected
    /// elsewhere, and `tried`: fields that are tried elsewhere.
    pub fn gaps(&self, scenarios: &[Scenario], also: &[Value], tried: &[Trial]) -> Vec<String> {
        let steps: Vec<_> = scenarios.iter().flat_map(steps).collect();
        let cases: Vec<_> = steps.iter().flat_map(|step| &step.cases).collect();
        let mut replies: Vec<_> = steps.iter().map(|step| &step.reply).collect();
        replies.extend(cases.iter().filter_map(|case| case.reply.as_ref()));
        replies.extend(also);
        let trials: Vec<_> = steps
            .iter()
            .flat_map(|step| trials(step))
            .chain(tried.to_vec())
            .collect();
        let mut gaps = Vec::new();
        for row in &self.rows {
            let is_tried = tried.iter().any(|trial| trial.row == row.name());
            if !is_tried && !cases.iter().any(|case| is_of(case, row.name())) {
                gaps.push(format!("no scenario has the row {:?}", row.name()));
            }
            gaps.extend(row.gaps(&trials));
        }
        for case in &cases {
            if !self.rows.iter().any(|row| is_of(case, row.name())) {
                gaps.push(format!("the table has no row for {:?}", case.row));
            }
        }
        for answer in &self.answers {
            let is_expected = replies.iter().any(|reply| has(reply, &answer.reply));
            match (&answer.never, is_expected) {
                (None, false) => gaps.push(format!("no scenario has the answer {:?}", answer.reply)),
                (Some(_), true) => gaps.push(format!("a scenario has {:?}, which never comes", answer.reply)),
                _ => {}
            }
        }
        for Call { call, reply } in &self.calls {
            let of_call: Vec<_> = steps.iter().filter(|step| step.call == *call).collect();
            if of_call.is_empty() {
                gaps.push(format!("no scenario calls {call}"));
            }
            for field in reply {
                if !of_call.iter().any(|step| expects(&step.reply, field)) {
                    gaps.push(format!("no scenario expects {field} of {call}"));
                }
            }
        }
        gaps
    }
}

/// What a step's cases try.
fn trials(step: &Step) -> Vec<Trial> {
    let of_case = |case: &Case| {
        let call = case.row.split('.').next().unwrap_or_default();
        let code = |reply: &Value| reply.get("code").cloned();
        let is_taken = case.reply.as_ref().is_none_or(|reply| code(reply) == code(&step.reply));
        let set = case.set.iter().map(|(pointer, value)| (pointer, Some(value)));
        let dropped = case.drop.iter().map(|pointer| (pointer, None));
        let fields = set.chain(dropped);
        let trials = fields.flat_map(|(pointer, value)| Trial::all(call, pointer, value, is_taken));
        trials.collect::<Vec<_>>()
    };
    step.cases.iter().flat_map(of_case).collect()
}

/// Whether a value is expected at a path.
fn expects(reply: &Value, path: &str) -> bool {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let Some(value) = reply.get(name).filter(|value| !value.is_null()) else {
        return false;
    };
    match (rest, value) {
        (None, _) => true,
        (Some(rest), Value::Array(list)) => list.iter().any(|value| expects(value, rest)),
        (Some(rest), value) => expects(value, rest),
    }
}

fn is_of(case: &Case, row: &str) -> bool {
    case.row == row || case.row.strip_prefix(row).is_some_and(|rest| rest.starts_with(' '))
}

fn has(reply: &Value, fields: &Map<String, Value>) -> bool {
    fields.iter().all(|(name, value)| reply.get(name) == Some(value))
}

fn steps(scenario: &Scenario) -> impl Iterator<Item = &Step> {
    scenario
        .steps
        .iter()
        .flat_map(|step| std::iter::once(step).chain(&step.then))
}
