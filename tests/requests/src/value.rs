use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// Any JSON, not deep.
pub(crate) fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-3..70_i32).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".{0,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// JSON that ends too soon.
pub(crate) fn cut_json() -> impl Strategy<Value = Vec<u8>> {
    (json(), any::<Index>()).prop_map(|(value, end)| {
        let mut text = value.to_string().into_bytes();
        text.truncate(end.index(text.len()));
        text
    })
}
