use serde_json::json;

use super::expected::mismatch;
use super::request::Request;
use super::*;

/// The replies of the dialects' other table, `agora_rules.json`, as scenarios have them.
fn rules(dialect: &str) -> Vec<Value> {
    let text = include_str!("../../agora_rules.json");
    let rules: Value = serde_json::from_str(text).expect("the table");
    let rows = rules["rules"].as_array().expect("rows");
    let is_of = |row: &&Value| dialect == "agora" && row.get("dialect").is_none();
    rows.iter()
        .filter(is_of)
        .map(|row| json!({"status": row["status"], "code": row.get("code"), "reason": row.get("reason")}))
        .collect()
}

#[test]
fn every_row_of_the_vendors_tables_is_in_a_scenario_or_never_comes() {
    let mut gaps = Vec::new();
    for (dialect, scenarios) in all() {
        let found = table(&dialect).gaps(&scenarios, &rules(&dialect));
        gaps.extend(found.iter().map(|gap| format!("{dialect}: {gap}")));
    }
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}

#[test]
fn a_gap_is_found() {
    let table: Table = serde_json::from_value(json!({
        "about": "", "rows": ["init.width"],
        "answers": [{"reply": {"code": 1}, "text": ""}, {"reply": {"code": 2}, "text": "", "never": "why"}],
    }))
    .expect("a table");
    let scenario = |row: &str, code: u32| Scenario {
        about: String::new(),
        name: String::new(),
        steps: serde_json::from_value(json!([{
            "what": "", "call": "GET /", "reply": {"code": code}, "cases": [{"row": row}],
        }]))
        .expect("steps"),
    };
    assert_eq!(table.gaps(&[scenario("init.width 0", 1)], &[]), [""; 0]);
    assert_eq!(table.gaps(&[scenario("init.widths", 1)], &[]).len(), 2);
    assert_eq!(table.gaps(&[scenario("init.width", 2)], &[]).len(), 2);
    assert_eq!(table.gaps(&[scenario("init.width", 2)], &[json!({"code": 1})]).len(), 1);
}

#[test]
fn replies_are_compared_field_by_field() {
    let reply = json!({"code": 0, "msg": "OK: fine", "list": [{"id": 1, "name": "a"}], "none": null});
    for good in [
        json!({"code": 0, "none": null, "nothing": null}),
        json!({"msg": "OK*", "list": [{"name": "*"}]}),
        json!({"msg": "O*: *ne"}),
        json!({"list": "*"}),
        json!(null),
    ] {
        let is_good = good.is_null() || mismatch(&good, Some(&reply), false).is_none();
        assert!(is_good, "{good}");
    }
    for bad in [
        json!({"code": 1}),
        json!({"code": "0"}),
        json!({"list": []}),
        json!({"list": [{"id": 2}]}),
        json!({"msg": "OK"}),
        json!({"msg": "*fine*fine"}),
        json!({"more": "*"}),
        json!({"code": null}),
    ] {
        assert!(mismatch(&bad, Some(&reply), false).is_some(), "{bad}");
    }
    assert!(mismatch(&json!({"code": 0}), Some(&reply), true).is_some());
}

#[test]
fn a_case_changes_a_request_in_one_thing() {
    let step: Step = serde_json::from_value(json!({
        "what": "", "call": "POST /{app_id}/x",
        "query": {"a": "{app_id}", "n": 1}, "body": {"list": [{"w": 1}], "id": "{id}"},
    }))
    .expect("a step");
    let case = Case {
        set: json!({"/body/list/0/w": 2, "/query/b": "c d"})
            .as_object()
            .expect("fields")
            .clone(),
        drop: vec!["/query/a".to_owned()],
        ..Case::default()
    };
    let mut values = Values::default();
    values.set("app_id", "app");
    values.set("id", 7);
    let request = Request::of(&step, Some(&case), &values);
    assert_eq!(request.target(), "/app/x?b=c%20d&n=1");
    assert_eq!(request.body.as_deref(), Some(r#"{"id":7,"list":[{"w":2}]}"#));
    assert_eq!(Request::of(&step, None, &values).target(), "/app/x?a=app&n=1");
}
