//! Calls of Alibaba Cloud's RPC interface, signed by its version 1.0: HMAC-SHA1 over the sorted parameters. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::Secret;
use sha1::Sha1;
use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;
use time::format_description::well_known::iso8601::{Config, EncodedConfig, TimePrecision};

/// RFC 3986.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const VERSION: &str = "2017-03-21";
/// `2017-10-10T12:02:54Z`
const SECONDS: EncodedConfig = Config::DEFAULT
    .set_time_precision(TimePrecision::Second { decimal_digits: None })
    .encode();

/// What makes one call differ from another of the same action.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    /// Unix milliseconds; the service takes what is at most 15 minutes off.
    pub(super) at_ms: u64,
    /// Good for one call.
    pub(super) nonce: &'a str,
}

/// The body of a POST that makes the call, signature included. `parameters` are those of the action.
pub(super) fn form(
    action: &str,
    parameters: &[(&str, &str)],
    access_key: &str,
    secret: &Secret,
    moment: Moment<'_>,
) -> String {
    let timestamp = timestamp(moment.at_ms);
    let mut all = vec![
        ("AccessKeyId", access_key),
        ("Action", action),
        ("Format", "JSON"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", moment.nonce),
        ("SignatureVersion", "1.0"),
        ("Timestamp", &timestamp),
        ("Version", VERSION),
    ];
    all.extend_from_slice(parameters);
    let canonical = canonical(&mut all);
    let signature = signature("POST", &canonical, secret);
    format!("{canonical}&Signature={}", encode(&signature))
}

/// The parameters in the order and form in which they are signed.
fn canonical(parameters: &mut [(&str, &str)]) -> String {
    parameters.sort_unstable();
    let pairs: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

fn signature(method: &str, canonical: &str, secret: &Secret) -> String {
    let text = format!("{method}&%2F&{}", encode(canonical));
    let key = format!("{}&", secret.expose());
    // A key of any length is good.
    Hmac::<Sha1>::new_from_slice(key.as_bytes()).map_or_else(
        |_| String::new(),
        |mut mac| {
            mac.update(text.as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        },
    )
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, &ENCODED).to_string()
}

fn timestamp(at_ms: u64) -> String {
    let seconds = i64::try_from(at_ms / 1000).unwrap_or_default();
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    at.format(&Iso8601::<SECONDS>).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(method: &str, secret: &str, parameters: &[(&str, &str)]) -> String {
        signature(method, &canonical(&mut parameters.to_vec()), &Secret::new(secret))
    }

    /// Published in the service's documents.
    #[test]
    fn get_video_play_auth() {
        let parameters = [
            ("Format", "JSON"),
            ("Version", "2017-03-21"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", "8f8a035d-6496-4268-afd4-67c22837e38d"),
            ("SignatureVersion", "1.0"),
            ("AccessKeyId", "testAccessKeyId"),
            ("Timestamp", "2017-10-10T12:02:54Z"),
            ("Action", "GetVideoPlayAuth"),
            ("VideoId", "5aed81b74ba84920be578cdfe004af4b"),
        ];
        let signature = signed("GET", "testAccessKeySecret", &parameters);
        assert_eq!(signature, "Ibgh7y8Vp47LBuAsf5Xhi1SvDss=");
    }

    /// Published in the documents of another service of the vendor.
    #[test]
    fn describe_regions() {
        for (timestamp, wanted) in [
            ("Timestamp", "OLeaidS1JvxuMvnyHOwuJ+uX5qY="),
            ("TimeStamp", "CT9X0VtwR86fNWSnsc6v8YGOjuE="),
        ] {
            let parameters = [
                (timestamp, "2016-02-23T12:46:24Z"),
                ("Format", "XML"),
                ("AccessKeyId", "testid"),
                ("Action", "DescribeRegions"),
                ("SignatureMethod", "HMAC-SHA1"),
                ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
                ("Version", "2014-05-26"),
                ("SignatureVersion", "1.0"),
            ];
            assert_eq!(signed("GET", "testsecret", &parameters), wanted);
        }
    }

    /// Computed by another implementation that gives the published ones.
    #[test]
    fn a_form_with_every_sort_of_character() {
        let moment = Moment {
            at_ms: 1_704_164_645_000,
            nonce: "11111111-2222-3333-4444-555555555555",
        };
        let parameters = [("Title", "My Video 视频*~"), ("FileName", "a_b.m3u8")];
        let form = form(
            "CreateUploadVideo",
            &parameters,
            "testid",
            &Secret::new("testsecret"),
            moment,
        );
        assert!(
            form.ends_with("&Signature=Mk7PhV0ruNrOMlG%2Bj5CA5Y%2FOrl4%3D"),
            "{form}"
        );
        assert!(form.contains("&Timestamp=2024-01-02T03%3A04%3A05Z&"), "{form}");
        assert!(form.contains("Title=My%20Video%20%E8%A7%86%E9%A2%91%2A~"), "{form}");
    }
}
