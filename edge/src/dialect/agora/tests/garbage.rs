//! Whatever comes in, the caller is told that it is the caller's fault, or a call is made; nothing panics.

use proptest::prelude::*;

use super::*;

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".{0,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// Every member of every object in a value, as JSON pointers.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let pointer = format!("{at}/{name}");
        pointers(member, &pointer, found);
        found.push(pointer);
    }
}

fn assert_callers_fault(handled: Handled) -> Result<(), TestCaseError> {
    match handled {
        Handled::Call(_) => {}
        Handled::Respond(response) if response.status < 300 => {}
        Handled::Respond(response) => {
            prop_assert!((400..500).contains(&response.status), "{}", response.status);
            let body = body(&response);
            let text = body.get("reason").or(body.get("message")).and_then(Value::as_str);
            prop_assert!(text.is_some_and(|text| !text.is_empty()), "{body}");
        }
        Handled::Failed(error, _) => return Err(TestCaseError::fail(error.to_string())),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_start_with_any_value_anywhere(index in any::<prop::sample::Index>(), value in json_value()) {
        let service = Service::new();
        let (start, mut places) = (start_body(), vec![]);
        pointers(&start, "", &mut places);
        let body = set(start, index.get(&places).as_str(), Some(value));
        assert_callers_fault(service.send(&post(&start_path(&service.resource_id()), &body)))?;
    }

    #[test]
    fn any_path_and_any_body(
        app in "(0123456789abcdef0123456789abcdef|.{0,40})",
        tail in "(acquire|resourceid/[A-Za-z0-9_-]{0,300}/(sid/.{0,40}/)?mode/.{0,12}/(start|stop|query)|.{0,60})",
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        method in "(GET|POST|.{0,6})",
    ) {
        let service = Service::new();
        let request = Request { body: bytes, ..request(&method, &path(&app, &tail)) };
        assert_callers_fault(service.send(&request))?;
    }
}
