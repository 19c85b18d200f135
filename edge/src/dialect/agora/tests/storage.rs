//! `storageConfig`: vendors, regions, and where a customer's bucket may be.

use serde_json::json;

use super::*;

const ENDPOINT: &str = "/clientRequest/storageConfig/extensionParams/endpoint";

#[test]
fn a_bucket_at_a_private_address_is_refused_unless_the_operator_allows_it() {
    let mut service = Service::new();
    for (endpoint, public) in [
        ("s3.example.com", true),
        ("http://1.1.1.1:9000", true),
        ("http://127.0.0.1:9000", false),
        ("10.0.0.1", false),
        ("[::1]:9000", false),
        ("http://LOCALHOST:9000", false),
        ("https://169.254.169.254", false),
    ] {
        let resource_id = service.resource_id();
        let body = set(start_body(), ENDPOINT, Some(json!(endpoint)));
        let start = post(&start_path(&resource_id), &body);
        service.targets = Targets::Any;
        service.pending(&start);
        service.targets = Targets::Public;
        match public {
            true => drop(service.pending(&start)),
            false => assert_error(
                &service.answer(&start),
                400,
                2,
                "extensionParams.endpoint must not lead to a private, loopback or link-local address",
            ),
        }
    }
}
