use serde_json::json;

use super::expected::mismatch;
use super::request::Request;
use super::rows::Trial;
use super::*;

/// The rows of the dialects' other table, `agora_rules.json`: those of the vendor itself.
fn rules(dialect: &str) -> Vec<Value> {
    let text = include_str!("../../agora_rules.json");
    let rules: Value = serde_json::from_str(text).expect("the table");
    let rows = rules["rules"].as_array().expect("rows");
    let is_of = |row: &&Value| dialect == "agora" && row.get("dialect").is_none();
    rows.iter().filter(is_of).cloned().collect()
}

/// Their replies, as scenarios have them.
fn reply(rule: &Value) -> Value {
    json!({"status": rule["status"], "code": rule.get("code"), "reason": rule.get("reason")})
}

/// What they try.
fn tried(rule: &Value) -> Vec<Trial> {
    let (call, is_taken) = (rule["call"].as_str().expect("a call"), rule["status"] == 200);
    let set = rule["set"].as_object().into_iter().flatten();
    let set = set.map(|(pointer, value)| (pointer.as_str(), Some(value)));
    let dropped = rule["drop"].as_array().into_iter().flatten();
    let dropped = dropped.map(|pointer| (pointer.as_str().expect("a pointer"), None));
    let fields = set.chain(dropped);
    fields
        .flat_map(|(pointer, value)| Trial::all(call, pointer, value, is_taken))
        .collect()
}

#[test]
fn every_row_of_the_vendors_tables_is_in_a_scenario_or_never_comes() {
    let mut gaps = Vec::new();
    for (dialect, scenarios) in all() {
        let rules = rules(&dialect);
        let replies: Vec<_> = rules.iter().map(reply).collect();
        let tried: Vec<_> = rules.iter().flat_map(tried).collect();
        let found = table(&dialect).gaps(&scenarios, &replies, &tried);
        gaps.extend(found.iter().map(|gap| format!("{dialect}: {gap}")));
    }
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}

#[test]
fn what_is_said_of_a_field_is_tried() {
    let table: Table = serde_json::from_value(json!({
        "about": "", "answers": [], "calls": [{"call": "POST /init", "reply": ["code", "list.id"]}],
        "rows": [{"row": "init.width", "required": true, "default": 640, "range": [1, 1920], "values": [7]}],
    }))
    .expect("a table");
    let scenario = |cases: Value| Scenario {
        about: String::new(),
        name: String::new(),
        steps: serde_json::from_value(json!([
            {"what": "", "call": "POST /init", "reply": {"code": 0, "list": [{"id": "*"}]}, "cases": cases},
        ]))
        .expect("steps"),
    };
    let case =
        |value: Value, code: u32| json!({"row": "init.width", "set": {"/body/width": value}, "reply": {"code": code}});
    let absent = json!({"row": "init.width", "drop": ["/body/width"], "reply": {"code": 3}});
    let mut cases = vec![
        absent,
        case(json!(640), 0),
        case(json!("1"), 0),
        case(json!(1920), 0),
        case(json!(7), 0),
        case(json!(0), 3),
        case(json!(1921), 3),
    ];
    let gaps = |cases: &[Value]| table.gaps(&[scenario(json!(cases))], &[], &[]);
    assert_eq!(gaps(&cases), [""; 0]);
    for place in 0..cases.len() {
        let case = cases.remove(place);
        assert_eq!(gaps(&cases).len(), 1, "{case}");
        cases.insert(place, case);
    }
    let in_a_list = Trial::all("init", "/body/list", Some(&json!([{"width": 7}])), true);
    assert!(in_a_list.iter().any(|trial| trial.row == "init.list.width"));
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
    assert_eq!(table.gaps(&[scenario("init.width 0", 1)], &[], &[]), [""; 0]);
    assert_eq!(table.gaps(&[scenario("init.widths", 1)], &[], &[]).len(), 2);
    assert_eq!(table.gaps(&[scenario("init.width", 2)], &[], &[]).len(), 2);
    assert_eq!(
        table
            .gaps(&[scenario("init.width", 2)], &[json!({"code": 1})], &[])
            .len(),
        1
    );
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
