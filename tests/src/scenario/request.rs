//! A step's request, before it is signed.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::{Case, Step, Values};

/// What is sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// Parameters in their order. The values are as they are before they are encoded.
    pub(super) query: Vec<(String, String)>,
    /// Whether they are sent as they are.
    pub(super) is_bare: bool,
    pub(super) headers: Vec<(String, String)>,
    pub(super) form: Option<Vec<(String, String)>>,
    pub(super) body: Option<String>,
}

impl Request {
    pub(super) fn of(step: &Step, case: Option<&Case>, values: &Values) -> Self {
        let empty = Case::default();
        let case = case.unwrap_or(&empty);
        let mut parts = serde_json::json!({
            "query": step.query, "headers": step.headers, "form": step.form, "body": step.body,
        });
        for (pointer, value) in &case.set {
            *at(&mut parts, pointer) = value.clone();
        }
        for pointer in &case.drop {
            let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
            if let Value::Object(fields) = at(&mut parts, parent) {
                fields.remove(name);
            }
        }
        let parts = values.fill_in(&parts);
        let call = case.call.as_deref().unwrap_or(&step.call);
        let (method, path) = call.split_once(' ').expect("a method and a path");
        let raw = case.raw.as_deref().or(step.raw.as_deref());
        let body = raw.map(|raw| values.fill(raw));
        Self {
            method: method.to_owned(),
            path: values.fill(path),
            query: pairs(&parts["query"]),
            is_bare: false,
            headers: pairs(&parts["headers"]),
            form: parts["form"].is_object().then(|| pairs(&parts["form"])),
            body: body.or_else(|| (!parts["body"].is_null()).then(|| parts["body"].to_string())),
        }
    }

    /// The path with its query.
    pub(super) fn target(&self) -> String {
        match self.query.is_empty() {
            true => self.path.clone(),
            false => format!("{}?{}", self.path, encoded(&self.query, self.is_bare)),
        }
    }

    /// The body with its type.
    pub(super) fn content(&self) -> Option<(&'static str, String)> {
        match &self.form {
            Some(form) => Some(("application/x-www-form-urlencoded", encoded(form, false))),
            None => Some(("application/json;charset=UTF-8", self.body.clone()?)),
        }
    }
}

fn encoded(pairs: &[(String, String)], is_bare: bool) -> String {
    let encode = |text: &String| match is_bare {
        true => text.clone(),
        false => utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
    };
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    pairs.join("&")
}

/// Fields as parameters; `null` is none.
fn pairs(fields: &Value) -> Vec<(String, String)> {
    let none = Map::new();
    let fields = fields.as_object().unwrap_or(&none).iter();
    let pairs = fields.filter(|(_, value)| !value.is_null()).map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), value)
    });
    pairs.collect()
}

/// What a JSON pointer names; objects are made on the way.
fn at<'a>(value: &'a mut Value, pointer: &str) -> &'a mut Value {
    let names = pointer.split('/').skip(1);
    names.fold(value, |value, name| match name.parse::<usize>() {
        Ok(index) if value.is_array() => &mut value[index],
        _ => &mut value[name],
    })
}
