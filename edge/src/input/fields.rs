use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// A JSON object that is read field by field. A `null` or an empty string counts as absent: clients send these for what
/// they leave out.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
}

/// Which field is wrong, and how: `problem` continues the sentence that the field's path begins, without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// Dots lead into objects: `clientRequest.storageConfig.bucket`.
    pub(crate) field: String,
    pub(crate) problem: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.problem)
    }
}

impl<'a> Fields<'a> {
    pub(crate) fn new(map: &'a Map<String, Value>) -> Self {
        Self {
            map,
            path: String::new(),
        }
    }

    /// An error about one field of this object.
    pub(crate) fn error(&self, name: &str, problem: impl Into<String>) -> FieldError {
        FieldError {
            field: self.path_of(name),
            problem: problem.into(),
        }
    }

    /// The field, if it says anything.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        self.map
            .get(name)
            .filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    pub(crate) fn map(&self) -> &'a Map<String, Value> {
        self.map
    }

    /// The names of all fields, absent ones by this type's rule included.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.map.keys().map(String::as_str)
    }

    pub(crate) fn string(&self, name: &str) -> Result<Option<&'a str>, FieldError> {
        self.typed(name, "must be a string", Value::as_str)
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, FieldError> {
        self.typed(name, "must be true or false", Value::as_bool)
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<Fields<'a>>, FieldError> {
        let map = self.typed(name, "must be an object", Value::as_object)?;
        Ok(map.map(|map| Fields {
            map,
            path: self.path_of(name),
        }))
    }

    /// A whole number; `30.0` is one, `"30"` is not.
    pub(crate) fn integer(&self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, FieldError> {
        let problem = format!("must be a whole number from {} to {}", range.start(), range.end());
        self.typed(name, &problem, |value| {
            whole(value).filter(|number| range.contains(number))
        })
    }

    /// A number in a range.
    pub(crate) fn number(&self, name: &str, range: RangeInclusive<f64>) -> Result<Option<f64>, FieldError> {
        let problem = format!("must be a number from {} to {}", range.start(), range.end());
        self.typed(name, &problem, |value| {
            value.as_f64().filter(|number| range.contains(number))
        })
    }

    /// A list of objects.
    pub(crate) fn objects(&self, name: &str, max_len: usize) -> Result<Option<Vec<Fields<'a>>>, FieldError> {
        let problem = format!("must be a list of at most {max_len} objects");
        self.typed(name, &problem, |value| {
            let items = value.as_array().filter(|items| items.len() <= max_len)?;
            let object = |(index, item): (usize, &'a Value)| {
                Some(Fields {
                    map: item.as_object()?,
                    path: format!("{}[{index}]", self.path_of(name)),
                })
            };
            items.iter().enumerate().map(object).collect()
        })
    }

    /// A list of strings, none of them empty.
    pub(crate) fn strings(&self, name: &str, max_len: usize) -> Result<Option<Vec<&'a str>>, FieldError> {
        let problem = format!("must be a list of at most {max_len} strings, none of them empty");
        self.typed(name, &problem, |value| {
            let items = value.as_array().filter(|items| items.len() <= max_len)?;
            items
                .iter()
                .map(|item| item.as_str().filter(|text| !text.is_empty()))
                .collect()
        })
    }

    pub(crate) fn require<T>(&self, name: &str, value: Option<T>) -> Result<T, FieldError> {
        value.ok_or_else(|| self.error(name, "is required"))
    }

    fn typed<T>(
        &self,
        name: &str,
        problem: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, FieldError> {
        self.get(name)
            .map(|value| read(value).ok_or_else(|| self.error(name, problem)))
            .transpose()
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

fn whole(value: &Value) -> Option<u64> {
    // Up to 2^53 every whole number is exact in a float, and casts without loss.
    let exact = 0.0..=9_007_199_254_740_992.0;
    let from_float = || {
        value
            .as_f64()
            .filter(|n| n.fract() == 0.0 && exact.contains(n))
            .map(|n| n as u64)
    };
    value.as_u64().or_else(from_float)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn null_and_empty_strings_are_absent() {
        let value = json!({"a": null, "b": "", "c": 0});
        let fields = Fields::new(value.as_object().unwrap());
        assert_eq!(fields.string("a"), Ok(None));
        assert_eq!(fields.integer("b", 0..=1), Ok(None));
        assert_eq!(fields.integer("c", 0..=1), Ok(Some(0)));
        assert_eq!(fields.string("d"), Ok(None));
    }

    #[test]
    fn whole_numbers() {
        let table = [
            (json!(5), true),
            (json!(5.0), true),
            (json!(4), false),
            (json!(8), false),
            (json!(5.5), false),
            (json!(-5), false),
            (json!("5"), false),
            (json!(true), false),
            (json!(1e300), false),
        ];
        for (number, taken) in table {
            let value = json!({"n": number});
            let read = Fields::new(value.as_object().unwrap()).integer("n", 5..=7);
            assert_eq!(read == Ok(Some(5)), taken, "{number}: {read:?}");
        }
    }

    #[test]
    fn errors_name_the_whole_path() {
        let value = json!({"a": {"b": {"c": [1]}, "d": 1}});
        let a = Fields::new(value.as_object().unwrap()).object("a").unwrap().unwrap();
        let b = a.object("b").unwrap().unwrap();
        assert_eq!(b.strings("c", 3).unwrap_err().field, "a.b.c");
        assert_eq!(a.object("d").unwrap_err().to_string(), "a.d must be an object");
        assert_eq!(a.require::<()>("e", None).unwrap_err().to_string(), "a.e is required");
    }

    #[test]
    fn numbers_and_lists_of_objects() {
        let value = json!({"n": 0.5, "one": 1, "far": 1.1, "list": [{"x": 1}, {"x": "a"}], "mixed": [{}, 1]});
        let fields = Fields::new(value.as_object().unwrap());
        assert_eq!(fields.number("n", 0.0..=1.0), Ok(Some(0.5)));
        assert_eq!(fields.number("one", 0.0..=1.0), Ok(Some(1.0)));
        assert_eq!(
            fields.number("far", 0.0..=1.0).unwrap_err().to_string(),
            "far must be a number from 0 to 1"
        );
        let list = fields.objects("list", 2).unwrap().unwrap();
        assert_eq!(list[0].integer("x", 0..=1), Ok(Some(1)));
        assert_eq!(list[1].integer("x", 0..=1).unwrap_err().field, "list[1].x");
        assert!(fields.objects("list", 1).is_err());
        assert!(fields.objects("mixed", 2).is_err());
    }

    #[test]
    fn lists_have_a_limit() {
        let value = json!({"ok": ["a", "b"], "long": ["a", "b", "c"], "empty": [""], "none": []});
        let fields = Fields::new(value.as_object().unwrap());
        assert_eq!(fields.strings("ok", 2), Ok(Some(vec!["a", "b"])));
        assert_eq!(fields.strings("none", 2), Ok(Some(vec![])));
        assert!(fields.strings("long", 2).is_err());
        assert!(fields.strings("empty", 2).is_err());
    }
}
