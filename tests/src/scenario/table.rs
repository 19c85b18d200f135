//! What a dialect documents, row by row, and which rows its scenarios have.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Case, Scenario, Step};

/// The rows of the vendor's tables.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub about: String,
    /// Names of rows: fields, defaults, ranges. Each is the row of a case.
    #[serde(default)]
    pub rows: Vec<String>,
    pub answers: Vec<Answer>,
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
    /// elsewhere.
    pub fn gaps(&self, scenarios: &[Scenario], also: &[Value]) -> Vec<String> {
        let cases: Vec<_> = scenarios.iter().flat_map(steps).flat_map(|step| &step.cases).collect();
        let mut replies: Vec<_> = scenarios.iter().flat_map(steps).map(|step| &step.reply).collect();
        replies.extend(cases.iter().filter_map(|case| case.reply.as_ref()));
        replies.extend(also);
        let mut gaps = Vec::new();
        for row in &self.rows {
            if !cases.iter().any(|case| is_of(case, row)) {
                gaps.push(format!("no scenario has the row {row:?}"));
            }
        }
        for case in &cases {
            if !self.rows.iter().any(|row| is_of(case, row)) {
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
        gaps
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
