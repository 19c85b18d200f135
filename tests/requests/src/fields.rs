use serde_json::{Value, json};

/// A field of a body by its JSON pointer, with values that are documented for it, right ones and wrong ones.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) pointer: String,
    pub(crate) values: Vec<Value>,
}

/// How deep fields are looked for: schemas may lead into themselves.
const MAX_DEPTH: usize = 8;

/// The fields of an operation's body, out of its schema and of the rules about it.
pub(crate) fn fields_of(document: &Value, schema: &Value, rules: &Value, call: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    collect(document, schema, "", MAX_DEPTH, &mut fields);
    let rows = rules["rules"].as_array().into_iter().flatten();
    let rows = rows.filter(|row| row["call"] == call);
    for (pointer, value) in rows.filter_map(|row| row["set"].as_object()).flatten() {
        add(&mut fields, pointer, vec![value.clone()]);
    }
    fields
}

fn add(fields: &mut Vec<Field>, pointer: &str, values: Vec<Value>) {
    match fields.iter_mut().find(|field| field.pointer == pointer) {
        Some(field) => field.values.extend(values),
        None => fields.push(Field {
            pointer: pointer.to_owned(),
            values,
        }),
    }
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
    target.and_then(|target| document.pointer(target)).unwrap_or(schema)
}

fn collect(document: &Value, schema: &Value, at: &str, depth: usize, fields: &mut Vec<Field>) {
    let schema = resolve(document, schema);
    if depth == 0 {
        return;
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect(document, part, at, depth, fields);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let (at, property) = (format!("{at}/{name}"), resolve(document, property));
        add(fields, &at, values_of(property));
        collect(document, property, &at, depth - 1, fields);
    }
}

/// What a schema allows at its limits, what is just beyond them, and what is of another type.
fn values_of(schema: &Value) -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(-1),
        json!(1.5),
        json!("text"),
        json!([]),
        json!({}),
        json!(true),
    ];
    values.extend(schema["enum"].as_array().into_iter().flatten().cloned());
    values.extend(schema.get("default").cloned());
    for (limit, step) in [("minimum", -1), ("maximum", 1)] {
        if let Some(limit) = schema[limit].as_i64() {
            values.extend([json!(limit), json!(limit.saturating_add(step))]);
        }
    }
    let lengths = [schema["minLength"].as_u64(), schema["maxLength"].as_u64()];
    for length in lengths.into_iter().flatten() {
        let length = usize::try_from(length).unwrap_or_default();
        values.extend([json!("x".repeat(length)), json!("x".repeat(length + 1))]);
    }
    if let Some(most) = schema["maxItems"].as_u64() {
        let uids: Vec<_> = (0..=most).map(|number| (number + 1).to_string()).collect();
        values.push(json!(uids));
    }
    values
}

/// Sets a field, or removes it, making objects on the way, unless something that is no object stands in its way.
pub(crate) fn put(mut body: Value, pointer: &str, value: Option<Value>) -> Value {
    let Some((parents, name)) = pointer.rsplit_once('/') else {
        return body;
    };
    let mut at = &mut body;
    for parent in parents.split('/').skip(1) {
        let Value::Object(members) = at else { return body };
        at = members.entry(parent).or_insert_with(|| json!({}));
    }
    if let Value::Object(members) = at {
        match value {
            Some(value) => members.insert(name.to_owned(), value),
            None => members.remove(name),
        };
    }
    body
}
