//! The scenarios of all dialects, sent to a worker whose node takes every job.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tapedeck_tests::customer::Customer;
use tapedeck_tests::fsp::Fsp;
use tapedeck_tests::scenario::{self, Runner, Values};
use tapedeck_tests::stack::Stack;

use crate::{fleet, steps};

/// Many conversations at once use more than an app may as a rule.
const RATES: u32 = 1_000;

pub(crate) async fn every_scenario_goes_as_it_says(stack: &Stack) {
    let _nodes = [
        fleet::node_with_files(stack, "scenarios").await,
        fleet::node_with_files(stack, "mirror").await,
    ];
    let dialects = scenario::all().into_iter().map(|(dialect, scenarios)| async move {
        let values = values(&dialect, stack).await;
        let runner = Runner::new(stack.customer().client, &stack.info.edge, values);
        let mut failures = Vec::new();
        // One after the other: those of one account share its access token.
        for scenario in &scenarios {
            let found = runner.failures(scenario).await;
            failures.extend(found.iter().map(|failure| format!("{dialect}/{failure}")));
        }
        failures
    });
    let failures = join_all(dialects).await.concat();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What the scenarios of a dialect know.
async fn values(dialect: &str, stack: &Stack) -> Values {
    let mut values = Values::default();
    let info = &stack.info;
    let customer = stack.customer();
    for (name, value) in [
        ("customer_id", &customer.id),
        ("customer_secret", &customer.secret),
        ("s3", &info.s3.endpoint),
        ("bucket", &info.s3.bucket),
        ("access_key", &info.s3.access_key),
        ("secret_key", &info.s3.secret_key),
        ("foreign_app", &info.app_id),
    ] {
        values.set(name, value.as_str());
    }
    match dialect {
        "fsp" => {
            let fsp = Fsp::new(&info.edge, &info.fsp).await;
            values.set("app_id", info.fsp.app_id.as_str());
            values.set("dev_id", info.fsp.dev_id.as_str());
            values.set("dev_secret", info.fsp.dev_secret.as_str());
            values.set("access_token", fsp.access_token);
            raise_rates(&info.fsp.app_id, stack).await;
            let own = app(&info.fsp.app_id, stack).await;
            for (name, settings) in [
                ("disabled_app", json!({ "disabled": true })),
                ("bare_app", json!({})),
                (
                    "full_app",
                    json!({ "limits": { "recordings": 1 }, "house_storage": house_storage(stack) }),
                ),
            ] {
                values.set(name, sister(&own, &settings, stack).await.as_str());
            }
        }
        "polyv" => {
            let account = &info.polyv;
            values.set("app_id", account.app_id.as_str());
            values.set("app_secret", account.app_secret.as_str());
            values.set("user_id", account.user_id.as_str());
            values.set("channel_id", account.channel_id.as_str());
            raise_rates(&account.app_id, stack).await;
        }
        "uprtc" => {
            let account = &info.uprtc;
            let (_, secret) = account.app_secret.split_once('.').expect("an id and a secret");
            values.set("app_id", account.app_id.as_str());
            values.set("app_secret", account.app_secret.as_str());
            values.set("secret", secret);
            values.set("server", "scenarios:default");
            values.set("mirror", "mirror:default");
            values.set("own", account.server_alias.as_str());
            values.set("later", values.number("now_ms+3600000"));
            raise_rates(&account.app_id, stack).await;
            let own = app(&account.app_id, stack).await;
            for (name, settings) in [
                ("disabled_app", json!({ "disabled": true })),
                ("bare_app", json!({})),
                ("other_app", json!({ "house_storage": house_storage(stack) })),
            ] {
                values.set(name, sister(&own, &settings, stack).await.as_str());
            }
        }
        _ => {
            let Customer { app_id, .. } = steps::other_app(stack, dialect).await;
            raise_rates(&app_id, stack).await;
            let own = app(&app_id, stack).await;
            let disabled = sister(&own, &json!({ "disabled": true }), stack).await;
            values.set("disabled_app", disabled.as_str());
            values.set("app_id", app_id.as_str());
        }
    }
    values
}

async fn app(app_id: &str, stack: &Stack) -> Value {
    let path = format!("apps/{app_id}");
    stack.admin(Method::GET, &path, &Value::Null).await.expect(200).body
}

/// Another app of the same tenant and dialect, without a store.
async fn sister(own: &Value, settings: &Value, stack: &Stack) -> String {
    let mut settings = settings.clone();
    settings["tenant"] = own["tenant"].clone();
    settings["dialect"] = own["dialect"].clone();
    let app = stack.admin(Method::POST, "apps", &settings).await.expect(201);
    app.text("app_id").to_owned()
}

/// The stack's own bucket, as the app's store.
fn house_storage(stack: &Stack) -> Value {
    let s3 = &stack.info.s3;
    json!({ "storageConfig": {
        "vendor": 11, "region": 0, "bucket": s3.bucket, "accessKey": s3.access_key, "secretKey": s3.secret_key,
        "extensionParams": { "endpoint": s3.endpoint },
    } })
}

async fn raise_rates(app_id: &str, stack: &Stack) {
    let all = ["acquire", "start", "query", "update", "updateLayout", "stop"];
    let rates: serde_json::Map<_, _> = all.iter().map(|name| ((*name).to_owned(), RATES.into())).collect();
    let limits = json!({ "limits": { "requests_per_second": rates, "recordings": 10_000 } });
    stack
        .admin(Method::PATCH, &format!("apps/{app_id}"), &limits)
        .await
        .expect(200);
}
