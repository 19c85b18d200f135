//! The signatures of the vendors' documents, computed once more from what came over the line, by nothing that the uploader
//! uses. Each algorithm is proven by what its vendor publishes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::request::Request;

const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Whether a request is signed as AWS's signature version 4 asks, its body included.
pub(super) fn is_aws(request: &Request, key: &str, secret: &str, region: &str) -> bool {
    let digest = request.header("x-amz-content-sha256");
    let fields = fields(request.header("authorization"), "AWS4-HMAC-SHA256 ");
    let date = &request.header("x-amz-date")[..8];
    let headers: String = fields["SignedHeaders"]
        .split(';')
        .map(|name| format!("{name}:{}\n", request.header(name)))
        .collect();
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{}\n{digest}",
        request.method,
        request.path,
        query(request, "="),
        fields["SignedHeaders"],
    );
    let scope = format!("{date}/{region}/s3/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
        request.header("x-amz-date"),
        hex::encode(Sha256::digest(canonical))
    );
    let signing = [date, region, "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| sha256(&key, part));
    digest == hex::encode(Sha256::digest(&request.body))
        && fields["Credential"] == format!("{key}/{scope}")
        && fields["Signature"] == hex::encode(sha256(&signing, &text))
}

/// Whether a request to a bucket is signed as version 4 of OSS's signatures asks. `path` is without the bucket.
pub(super) fn is_oss(request: &Request, path: &str, bucket: &str, key: &str, secret: &str, region: &str) -> bool {
    let fields = fields(request.header("authorization"), "OSS4-HMAC-SHA256 ");
    let additional = fields.get("AdditionalHeaders").map_or("", String::as_str);
    let is_signed = |name: &str| {
        name.starts_with("x-oss-")
            || name == "content-type"
            || name == "content-md5"
            || additional.split(';').any(|other| other == name)
    };
    let headers: String = request
        .headers
        .iter()
        .filter(|(name, _)| is_signed(name))
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let canonical = format!(
        "{}\n/{bucket}{path}\n{}\n{headers}\n{additional}\nUNSIGNED-PAYLOAD",
        request.method,
        query(request, ""),
    );
    let at = request.header("x-oss-date");
    let scope = format!("{}/{region}/oss/aliyun_v4_request", &at[..8]);
    let text = format!(
        "OSS4-HMAC-SHA256\n{at}\n{scope}\n{}",
        hex::encode(Sha256::digest(canonical))
    );
    let signing = [&at[..8], region, "oss", "aliyun_v4_request"]
        .iter()
        .fold(format!("aliyun_v4{secret}").into_bytes(), |key, part| {
            sha256(&key, part)
        });
    request.header("x-oss-content-sha256") == "UNSIGNED-PAYLOAD"
        && fields["Credential"] == format!("{key}/{scope}")
        && fields["Signature"] == hex::encode(sha256(&signing, &text))
}

/// Whether a request is signed as COS asks, with a time of its own.
pub(super) fn is_cos(request: &Request, key: &str, secret: &str) -> bool {
    let fields: std::collections::BTreeMap<_, _> = request
        .header("authorization")
        .split('&')
        .filter_map(|field| field.split_once('='))
        .collect();
    let times = fields["q-key-time"];
    let mut headers: Vec<_> = fields["q-header-list"]
        .split(';')
        .filter(|name| !name.is_empty())
        .map(|name| format!("{name}={}", encode(request.header(name))))
        .collect();
    headers.sort();
    let mut params: Vec<_> = pairs(request)
        .into_iter()
        .map(|(name, value)| (encode(&name.to_lowercase()), encode(&value)))
        .collect();
    params.sort();
    let names: Vec<_> = params.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<_> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let http = format!(
        "{}\n{}\n{}\n{}\n",
        request.method.to_lowercase(),
        percent_decode_str(&request.path).decode_utf8().unwrap(),
        values.join("&"),
        headers.join("&"),
    );
    let signing = hex::encode(hmac_sha1(secret.as_bytes(), times));
    let text = format!("sha1\n{times}\n{}\n", hex::encode(Sha1::digest(http)));
    fields["q-sign-algorithm"] == "sha1"
        && fields["q-ak"] == key
        && fields["q-sign-time"] == times
        && fields["q-url-param-list"] == names.join(";")
        && fields["q-signature"] == hex::encode(hmac_sha1(signing.as_bytes(), &text))
}

/// Whether a request is signed with an Azure account's key.
pub(super) fn is_azure(request: &Request, account: &str, key: &str) -> bool {
    let signature = azure_signature(key, &azure_text(request, account));
    request.header("authorization") == format!("SharedKey {account}:{signature}")
}

fn azure_text(request: &Request, account: &str) -> String {
    let length = match request.header("content-length") {
        "0" => "",
        length => length,
    };
    let marks: String = request
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("x-ms-"))
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let mut params = pairs(request);
    params.sort();
    let params: String = params
        .iter()
        .map(|(name, value)| format!("\n{}:{value}", name.to_lowercase()))
        .collect();
    let header = |name| request.header(name);
    format!(
        "{}\n{}\n{}\n{length}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{marks}/{account}{}{params}",
        request.method,
        header("content-encoding"),
        header("content-language"),
        header("content-md5"),
        header("content-type"),
        header("date"),
        header("if-modified-since"),
        header("if-match"),
        header("if-none-match"),
        header("if-unmodified-since"),
        header("range"),
        request.path,
    )
}

fn azure_signature(key: &str, text: &str) -> String {
    STANDARD.encode(sha256(&STANDARD.decode(key).unwrap(), text))
}

/// `name=value` pairs behind the scheme's name, with or without spaces between.
fn fields(header: &str, scheme: &str) -> std::collections::BTreeMap<String, String> {
    let rest = header
        .strip_prefix(scheme)
        .unwrap_or_else(|| panic!("{header:?} is not {scheme}"));
    rest.split(',')
        .filter_map(|field| field.trim().split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Decoded.
fn pairs(request: &Request) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    request
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Sorted and encoded; `bare` follows a name without a value.
fn query(request: &Request, bare: &str) -> String {
    let mut encoded: Vec<_> = pairs(request)
        .into_iter()
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    encoded.sort();
    let pair = |(name, value): &(String, String)| match value.is_empty() {
        true => format!("{name}{bare}"),
        false => format!("{name}={value}"),
    };
    encoded.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

fn sha256(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hmac_sha1(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        head: String::new(),
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.as_bytes().to_vec(),
    }
}

/// "Example: PUT Object" of Amazon's "Signature Calculations for the Authorization Header".
#[test]
fn amazons_example() {
    let mut example = request(
        "PUT",
        "/test%24file.text",
        &[
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("host", "examplebucket.s3.amazonaws.com"),
            (
                "x-amz-content-sha256",
                "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            ),
            ("x-amz-date", "20130524T000000Z"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            ),
        ],
        "Welcome to Amazon S3.",
    );
    let (key, secret) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    assert!(is_aws(&example, key, secret, "us-east-1"));
    assert!(!is_aws(&example, key, "another", "us-east-1"));
    example.body.push(b' ');
    assert!(!is_aws(&example, key, secret, "us-east-1"), "the body is signed");
}

/// The vector of Alibaba's own OSS SDK for Go, version 2.
#[test]
fn alibabas_vector() {
    let example = request(
        "PUT",
        "/1234%2B-/123/1.txt?param1=value1&%2Bparam1=value3&%7Cparam1=value4&%2Bparam2=&%7Cparam2=&param2=",
        &[
            ("content-type", "text/plain"),
            ("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
            ("x-oss-date", "20231216T162057Z"),
            ("x-oss-head1", "value"),
            ("abc", "value"),
            (
                "authorization",
                "OSS4-HMAC-SHA256 Credential=ak/20231216/cn-hangzhou/oss/aliyun_v4_request,Signature=e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe",
            ),
        ],
        "",
    );
    let path = example.path.clone();
    assert!(is_oss(&example, &path, "bucket", "ak", "sk", "cn-hangzhou"));
    assert!(!is_oss(&example, &path, "other", "ak", "sk", "cn-hangzhou"));
}

/// The examples of Tencent's "Request Signature".
#[test]
fn tencents_examples() {
    let host = ("host", "examplebucket-1250000000.cos.ap-beijing.myqcloud.com");
    let (key, secret) = (
        "AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q",
        "BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz",
    );
    let upload = request(
        "PUT",
        "/exampleobject(%E8%85%BE%E8%AE%AF%E4%BA%91)",
        &[
            host,
            ("date", "Thu, 16 May 2019 06:45:51 GMT"),
            ("content-type", "text/plain"),
            ("content-length", "13"),
            ("content-md5", "mQ/fVh815F3k6TAUm8m0eg=="),
            ("x-cos-acl", "private"),
            ("x-cos-grant-read", "uin=\"100000000011\""),
            (
                "authorization",
                "q-sign-algorithm=sha1&q-ak=AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q&q-sign-time=1557989151;1557996351&q-key-time=1557989151;1557996351&q-header-list=content-length;content-md5;content-type;date;host;x-cos-acl;x-cos-grant-read&q-url-param-list=&q-signature=3b8851a11a569213c17ba8fa7dcf2abec6935172",
            ),
        ],
        "",
    );
    let download = request(
        "GET",
        "/exampleobject(%E8%85%BE%E8%AE%AF%E4%BA%91)?response-content-type=application%2Foctet-stream&response-cache-control=max-age%3D600",
        &[
            host,
            ("date", "Thu, 16 May 2019 06:55:53 GMT"),
            (
                "authorization",
                "q-sign-algorithm=sha1&q-ak=AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q&q-sign-time=1557989753;1557996953&q-key-time=1557989753;1557996953&q-header-list=date;host&q-url-param-list=response-cache-control;response-content-type&q-signature=01681b8c9d798a678e43b685a9f1bba0f6c0e012",
            ),
        ],
        "",
    );
    for example in [upload, download] {
        assert!(is_cos(&example, key, secret), "{example:?}");
        assert!(!is_cos(&example, key, "another"));
    }
}

/// The string of Microsoft's "Authorize with Shared Key", and the signature of its SDK for Go's test.
#[test]
fn microsofts_examples() {
    let example = request(
        "GET",
        "/mycontainer?comp=metadata&restype=container&timeout=20",
        &[
            ("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"),
            ("x-ms-version", "2015-02-21"),
        ],
        "",
    );
    assert_eq!(
        azure_text(&example, "myaccount"),
        "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
    );
    assert_eq!(
        azure_signature(&STANDARD.encode("bar"), "foobarzoo"),
        "h5U0ATVX6SpbFX1H6GNuxIMeXXCILLoIvhflPtuQZ30="
    );
}
