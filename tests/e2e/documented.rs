//! Whether the edge answers as its OpenAPI document says, judged by Schemathesis: it makes requests of the whole document,
//! at each of its limits, and compares each answer with it. Requests beyond the limits are in `generated`.

use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use tapedeck_tests::fsp::Fsp;
use tapedeck_tests::stack::Stack;
use tokio::process::Command;

use crate::fleet;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The recorder of the document's examples.
const RECORDER: [&str; 2] = ["demo", "527841"];
/// For each request, in seconds; how many there are is the document's matter.
const ANSWERED_WITHIN: &str = "10";
/// Requests are the same in each run.
const SEED: &str = "41";
/// What this API does otherwise on purpose: a method that a path of the customers' API does not take is answered with 404, as
/// the vendor does; and what is right by its form can be refused for what it names.
const NOT_CHECKED: &str = "unsupported_method,positive_data_acceptance";

/// The dialects whose answers tell by a code alone that nobody is signed in, and have no status for it.
const NO_STATUS: &str = "[[operations]]\ninclude-path-regex = \"^/(v1/record|access|uprtc)/\"\n\
    [operations.checks.ignored_auth]\nenabled = false";
/// What needs a node that serves it.
const NOT_SERVED: &str = "^/(whip|whep)/";

/// Takes what the stack has of tenants, credentials and apps away: it deletes what it finds.
pub(crate) async fn no_answer_is_missing_in_the_document(stack: &Stack) {
    let _node = fleet::node_with_files(stack, "documented").await;
    let all = ["acquire", "start", "query", "update", "updateLayout", "stop"];
    let rates: serde_json::Map<_, _> = all.iter().map(|name| ((*name).to_owned(), json!(1_000))).collect();
    let limits = json!({ "limits": { "requests_per_second": rates, "recordings": 10_000 } });
    let customer = stack.new_app(&limits).await;
    let [cname, uid] = RECORDER;
    let resource_id = customer.resource(cname, uid).await;
    let started = customer
        .start(&resource_id, &customer.start_body(cname, uid, "documented"))
        .await
        .expect(200);
    let fsp = Fsp::new(&stack.info.edge, &stack.info.fsp).await;
    let signs_in = format!(
        "hooks = {:?}\n{NO_STATUS}\n[auth.openapi.customer]\nusername = {:?}\npassword = {:?}\n\
         [auth.openapi.operator]\nbearer = {:?}\n[auth.openapi.accessToken]\napi_key = {:?}\n\
         [auth.openapi.developer]\napi_key = {:?}\n[auth.openapi.appSecret]\napi_key = {:?}\n",
        format!("{ROOT}/tests/schemathesis_hooks.py"),
        customer.id,
        customer.secret,
        stack.info.admin_token,
        fsp.access_token,
        format!("{}.none", fsp.info.dev_id),
        format!("key={}", stack.info.uprtc.app_secret),
    );
    let owns = format!(
        "[parameters]\n\"path.appid\" = {:?}\n\"path.resourceid\" = {resource_id:?}\n\"path.sid\" = {:?}\n\
         \"query.app_id\" = {:?}\n\"query.appId\" = {:?}\n\"path.userId\" = {:?}\n",
        customer.app_id,
        started.text("sid"),
        fsp.info.app_id,
        stack.info.polyv.app_id,
        stack.info.polyv.user_id,
    );
    // A caller who names no app that there is, and one who has a recording.
    run(stack, &signs_in, "examples").await;
    run(stack, &(signs_in + &owns), "examples,coverage").await;
}

async fn run(stack: &Stack, settings: &str, phases: &str) {
    std::fs::write(stack.logs().join("schemathesis.toml"), settings).expect("a file");
    let words = [
        "--seed",
        SEED,
        "--mode",
        "positive",
        "--continue-on-failure",
        "--request-retries",
        "5",
        "--request-timeout",
        ANSWERED_WITHIN,
    ];
    let run = Command::new(Path::new(ROOT).join("target/python/bin/schemathesis"))
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(Path::new(ROOT).join("edge/assets/openapi.json"))
        .args([
            "--url",
            &stack.info.edge,
            "--phases",
            phases,
            "--exclude-checks",
            NOT_CHECKED,
            "--exclude-path-regex",
            NOT_SERVED,
        ])
        .args(words)
        .args(["--warnings", "off", "--no-color"])
        .env("SIGNING_SECRET", &stack.info.polyv.app_secret)
        .current_dir(stack.logs())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = run.await.expect("Schemathesis runs: scripts/setup --tests installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
