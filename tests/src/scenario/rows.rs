//! The fields of a vendor's tables, and what is tried of each.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A row: its name alone, or with what the vendor says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Row {
    Name(String),
    Said(Box<Said>),
}

/// What the vendor's table says of a field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// The call, a full stop, and the field's path.
    pub row: String,
    /// It has to be there.
    #[serde(default)]
    pub required: bool,
    /// What counts when it is not there.
    #[serde(default)]
    pub default: Option<Value>,
    /// Each of these is taken.
    #[serde(default)]
    pub values: Vec<Value>,
    /// These and what is between them are taken, and nothing else.
    #[serde(default)]
    pub range: Option<[f64; 2]>,
    /// Why something is taken here that the vendor's table rules out.
    #[serde(default)]
    pub lenient: Option<String>,
}

/// A request in which a field has this value, or is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    pub row: String,
    pub value: Option<Value>,
    pub is_taken: bool,
}

impl Trial {
    /// Of a field that is set at a JSON pointer of a request, and of all that is in what it is set to. `call` names the call.
    pub fn all(call: &str, pointer: &str, value: Option<&Value>, is_taken: bool) -> Vec<Self> {
        let mut trials = Vec::new();
        let path: Vec<_> = pointer.split('/').filter(|part| is_name(part)).collect();
        collect(&[&[call], &path[..]].concat().join("."), value, is_taken, &mut trials);
        trials
    }

    fn number(&self) -> Option<f64> {
        match self.value.as_ref()? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn is_absent(&self) -> bool {
        self.value.as_ref().is_none_or(Value::is_null)
    }
}

/// Places in lists have no rows of their own, and neither has what only holds the fields.
fn is_name(part: &str) -> bool {
    let holders = ["query", "body", "form", "headers", "clientRequest"];
    !part.is_empty() && !holders.contains(&part) && !part.bytes().all(|byte| byte.is_ascii_digit())
}

fn collect(row: &str, value: Option<&Value>, is_taken: bool, trials: &mut Vec<Trial>) {
    trials.push(Trial {
        row: row.to_owned(),
        value: value.cloned(),
        is_taken,
    });
    let mut fields = |fields: &Map<String, Value>| {
        for (name, value) in fields {
            let row = if is_name(name) {
                format!("{row}.{name}")
            } else {
                row.to_owned()
            };
            collect(&row, Some(value), is_taken, trials);
        }
    };
    match value {
        Some(Value::Object(object)) => fields(object),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_object).for_each(fields),
        _ => {}
    }
}

impl Row {
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Said(said) => &said.row,
        }
    }

    /// What of it no request tries.
    pub fn gaps(&self, trials: &[Trial]) -> Vec<String> {
        let Self::Said(said) = self else {
            return Vec::new();
        };
        let own: Vec<_> = trials.iter().filter(|trial| trial.row == said.row).collect();
        let taken = |fits: &dyn Fn(&Trial) -> bool| own.iter().any(|trial| trial.is_taken && fits(trial));
        let refused = |fits: &dyn Fn(&Trial) -> bool| own.iter().any(|trial| !trial.is_taken && fits(trial));
        let mut gaps = Vec::new();
        let mut needs = |is_there: bool, what: String| {
            if !is_there {
                gaps.push(format!("{}: {what}", said.row));
            }
        };
        let is_strict = said.lenient.is_none();
        needs(!own.is_empty(), "no request has it".to_owned());
        if said.required && is_strict {
            needs(
                refused(&Trial::is_absent),
                "no request without it is refused".to_owned(),
            );
        }
        if let Some(default) = &said.default {
            let is_default = |trial: &Trial| trial.is_absent() || trial.value.as_ref() == Some(default);
            needs(
                taken(&is_default),
                format!("no request is taken with its default {default}"),
            );
        }
        for value in &said.values {
            let is_value = |trial: &Trial| trial.value.as_ref() == Some(value);
            needs(taken(&is_value), format!("no request is taken with {value}"));
        }
        if let Some([least, most]) = said.range {
            for end in [least, most] {
                let is_end = |trial: &Trial| trial.number() == Some(end);
                needs(taken(&is_end), format!("no request is taken with {end}"));
            }
            if is_strict {
                let is_below = |trial: &Trial| trial.number().is_some_and(|number| number < least);
                needs(refused(&is_below), format!("no request below {least} is refused"));
                let is_above = |trial: &Trial| trial.number().is_some_and(|number| number > most);
                needs(refused(&is_above), format!("no request above {most} is refused"));
            }
        }
        gaps
    }
}
