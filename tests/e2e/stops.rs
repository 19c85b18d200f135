//! What a client that gives up after ten seconds hears of a stop whose uploads take longer.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::json;
use tapedeck_tests::customer::{Customer, IDLE_CONNECTION, send};
use tapedeck_tests::outage::Proxy;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::recorded::Recording;
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

use crate::steps::{self, record_for};

const LIMIT: Duration = Duration::from_secs(90);
/// Of Agora's own clients, for the whole of a call.
const CLIENTS_LIMIT: Duration = Duration::from_secs(10);

pub(crate) async fn no_client_gives_up_before_a_stop_is_answered(stack: &mut Stack) {
    let customer = Customer {
        client: Client::builder()
            .no_proxy()
            .timeout(CLIENTS_LIMIT)
            .pool_idle_timeout(IDLE_CONNECTION)
            .build()
            .expect("an HTTP client"),
        ..stack.customer()
    };
    let cname = "slowbucket";
    let media = Media::picture_and_tone(320, 180).without_delay();
    let mut publisher = Publisher::ffmpeg(&stack.publish_url(cname, "1"), &media, Transport::Tcp, stack.logs());
    let proxy = Proxy::before(&stack.info.s3.endpoint).await;
    let endpoint = json!(proxy.endpoint());
    let task = customer
        .record_in("raw", cname, |request| {
            request["storageConfig"]["extensionParams"]["endpoint"] = endpoint;
        })
        .await;
    steps::await_playlists(&customer, &task, 2).await;
    record_for(5).await;
    proxy.stall();
    let stopped = customer.stop(&task).await.expect(206);
    assert_eq!(stopped.code(), Some(50), "{}", stopped.body);
    assert!(stopped.text("reason").contains("uploading goes on"), "{}", stopped.body);
    assert_eq!(stopped.body["serverResponse"]["uploadingStatus"], "unknown");
    publisher.assert_alive();

    // As Agora's clients repeat it, and by the mode's older name.
    let older = task.path("stop").replace("/mode/raw/", "/mode/individual/");
    let repeated = send(customer.request(Method::POST, &older).json(&task.stop_body())).await;
    assert_eq!(repeated.expect(400).code(), Some(49));
    let state = customer.query(&task).await.expect(200);
    assert_eq!(state.body["serverResponse"]["status"], 6, "{}", state.body);

    proxy.restore();
    wait::until("everything is in the bucket", LIMIT, async || {
        (customer.query(&task).await.status == 404).then_some(())
    })
    .await;
    Recording::fetch(&stack.bucket(), &task).await.check().await;
}
