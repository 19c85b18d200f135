//! The requests of clients in their exact wire forms: where each puts its parameters, and how it encodes and signs them.

use super::*;

/// The vendor's sample in PHP: everything in the query, the address not encoded, no body.
#[test]
fn the_sample_in_php() {
    let bench = Bench::new();
    let url = "http://demo.polyv.net/wfy/postDemo.php";
    let now = NOW.to_string();
    let sign = sign(&[("appId", APP), ("url", url), ("timestamp", &now)]);
    let request = Request {
        method: "POST".into(),
        path: set_callback(),
        query: format!("appId={APP}&timestamp={now}&sign={sign}&url={url}"),
        headers: [("Accept".to_owned(), "*/*".to_owned())].into_iter().collect(),
        ..Request::default()
    };
    data(&bench.answer(&request));
    assert_eq!(bench.app().callback.unwrap().url.expose(), url);
}

/// As the vendor's server does: what stands behind `&` in an address that is not encoded is another parameter, and the signature is
/// of something else.
#[test]
fn the_sample_in_php_cannot_send_an_address_with_two_parameters() {
    let bench = Bench::new();
    let url = "http://h/cb?a=1&b=2";
    let now = NOW.to_string();
    let sign = sign(&[("appId", APP), ("url", url), ("timestamp", &now)]);
    let request = Request {
        query: format!("appId={APP}&timestamp={now}&sign={sign}&url={url}"),
        ..signed("POST", &set_callback(), &[])
    };
    assert_refused(&bench.answer(&request), 403, "invalid signature.");
}

/// The vendor's library for Java: a form, with the account and an ID of the request among the parameters, and headers of its own.
#[test]
fn the_library_for_java() {
    let bench = Bench::new();
    let url = "http://127.0.0.1:9000/cb?a=1&b=2";
    let now = NOW.to_string();
    let params = [
        ("appId", APP),
        ("timestamp", now.as_str()),
        ("requestId", "0123456789abcdef0123456789abcdef"),
        ("userId", USER),
        ("url", url),
    ];
    let sign = sign(&params);
    let form: Vec<_> = params
        .iter()
        .chain(&[("sign", sign.as_str())])
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    let headers = [
        ("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"),
        ("source", "java-sdk"),
        ("version", "1.1.4"),
        ("User-Agent", "polyv-java-live-sdk"),
        ("java-sdk-app-id", APP),
        ("java-sdk-user-id", USER),
    ];
    let request = Request {
        method: "POST".into(),
        path: set_callback(),
        headers: headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: form.join("&").into_bytes(),
        ..Request::default()
    };
    data(&bench.answer(&request));
    assert_eq!(bench.app().callback.unwrap().url.expose(), url);
}

/// The library for Node: POST without a body, everything in the query, encoded as `URLSearchParams` does.
#[test]
fn the_library_for_node() {
    let bench = Bench::new();
    let url = "https://h/cb?a=1 2&b=第";
    let now = NOW.to_string();
    let sign = sign(&[("appId", APP), ("url", url), ("timestamp", &now)]);
    let request = Request {
        query: format!("url=https%3A%2F%2Fh%2Fcb%3Fa%3D1+2%26b%3D%E7%AC%AC&appId={APP}&timestamp={now}&sign={sign}"),
        headers: [("Content-Length".to_owned(), "0".to_owned())].into_iter().collect(),
        ..signed("POST", &set_callback(), &[])
    };
    // Its signature is good; an address with a space is none.
    assert_refused(&bench.answer(&request), 400, "url format error.");
    data(&bench.answer(&signed("POST", &set_callback(), &[("url", "https://h/cb?a=1&b=2")])));
}

/// Some put the parameters into both places, and of two of a name the first counts.
#[test]
fn parameters_are_read_wherever_they_are() {
    let bench = Bench::new();
    let url = "https://h/cb";
    let now = NOW.to_string();
    let sign = sign(&[("appId", APP), ("url", url), ("timestamp", &now)]);
    let request = Request {
        query: format!("appId={APP}&timestamp={now}"),
        headers: [(
            "content-type".to_owned(),
            "application/x-www-form-urlencoded".to_owned(),
        )]
        .into_iter()
        .collect(),
        body: format!("url={}&sign={sign}&timestamp=1", encode(url)).into_bytes(),
        ..signed("POST", &set_callback(), &[])
    };
    data(&bench.answer(&request));
}

#[test]
fn requests_that_are_too_long_are_not_read() {
    let bench = Bench::new();
    let long = Request {
        query: "a".repeat(70_000),
        ..signed("POST", &set_callback(), &[])
    };
    assert_refused(&bench.answer(&long), 413, "request is too long.");
    let many = Request {
        query: (0..200).map(|i| format!("a{i}=1&")).collect(),
        ..signed("POST", &set_callback(), &[])
    };
    assert_refused(&bench.answer(&many), 413, "request is too long.");
}
