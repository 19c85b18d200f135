//! The vendor's signatures.

use md5::Md5;
use protocol::Secret;
use sha2::{Digest, Sha256};

use super::params::Params;
use crate::access::{hex, same_secret};

const SIGN: &str = "sign";
const METHOD: &str = "signatureMethod";

/// Whether a request is signed with a secret: the parameters but the signature, sorted by name and joined without anything between,
/// with the secret in front and behind, as upper-case MD5, or SHA-256 when `signatureMethod` says so.
///
/// Clients differ in whether they sign parameters that are empty, and the one that names the method: each way is taken.
pub(super) fn is_signed(params: &Params, secret: &Secret) -> bool {
    let Some(sign) = params.get(SIGN) else {
        return false;
    };
    let is_sha256 = params.get(METHOD) == Some("SHA256");
    let digest = |text: String| match is_sha256 {
        true => hex(&Sha256::digest(text)).to_ascii_uppercase(),
        false => hex(&Md5::digest(text)).to_ascii_uppercase(),
    };
    let mut is_good = false;
    for pairs in params.readings() {
        for with_empty in [false, true] {
            for with_method in [true, false] {
                let signed = |(name, value): &&(String, String)| {
                    name != SIGN && (with_empty || !value.is_empty()) && (with_method || name != METHOD)
                };
                let text = text(pairs.iter().filter(signed), secret);
                is_good |= same_secret(&digest(text), sign);
            }
        }
    }
    is_good
}

fn text<'a>(pairs: impl Iterator<Item = &'a (String, String)>, secret: &Secret) -> String {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    let joined: String = pairs
        .into_iter()
        .flat_map(|(name, value)| [name.as_str(), value.as_str()])
        .collect();
    let secret = secret.expose();
    format!("{secret}{joined}{secret}")
}

/// The signature of a callback: of the secret and the time alone, in lower case.
pub(super) fn of_callback(secret: &Secret, timestamp: u64) -> String {
    hex(&Md5::digest(format!("{}{timestamp}", secret.expose())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Request;

    fn is_good(query: &str, secret: &str) -> bool {
        let request = Request {
            query: query.into(),
            ..Request::default()
        };
        is_signed(&Params::read(&request).unwrap(), &Secret::new(secret))
    }

    const SECRET: &str = "fsq2k5weced1h8vui657xtdva66whf0g";
    const OTHER: &str = "6ef8d34c08f44e91a18e28d42ff0da7e";

    /// The first two are published by the vendor; the others were computed by an independent program that reproduces those.
    #[test]
    fn vectors() {
        for (query, sign, secret) in [
            (
                "appId=g4rqgmmjuo&channelIds=2477096,2272655&endDay=2022-06-18&startDay=2022-05-20&timestamp=1660270926732",
                "0D2BDA2FD04D93A2B8832B91FD973C4D",
                SECRET,
            ),
            (
                "timestamp=1594369061376&channelId=415174&appId=egyszbtsd58",
                "7DEDD50579ECB5E5062954DBA10ADCA1",
                OTHER,
            ),
            (
                "appId=g4rqgmmjuo&timestamp=1660270926732&url=http%3A%2F%2F127.0.0.1%3A9000%2Fcb%3Fa%3D1%26b%3D2",
                "9677FA72BCC6040BF6D6BF6D4734DF9E",
                SECRET,
            ),
            (
                "appId=g4rqgmmjuo&timestamp=1660270926732",
                "0545CB7811874FB16247E9A0635B121F",
                SECRET,
            ),
            (
                "appId=g4rqgmmjuo&timestamp=1660270926732&url=http%3A%2F%2F127.0.0.1%3A9000%2Fcb%3Fa%3D1%26b%3D2&\
                 requestId=0123456789abcdef0123456789abcdef&userId=1b448be323",
                "94001BD569CC4DBE97303D6304DC4C9F",
                SECRET,
            ),
        ] {
            assert!(is_good(&format!("{query}&sign={sign}"), secret), "{query}");
            assert!(!is_good(&format!("{query}&sign={sign}"), "another"), "{query}");
            let lower = sign.to_lowercase();
            assert!(!is_good(&format!("{query}&sign={lower}"), secret), "{query}");
            assert!(!is_good(&format!("{query}&more=1&sign={sign}"), secret), "{query}");
        }
        assert_eq!(
            of_callback(&Secret::new(SECRET), 1_629_334_739_239),
            "196803c506606b24fcca8673b68de7a6"
        );
    }

    #[test]
    fn each_way_of_clients_is_taken() {
        let md5 = |text: &str| hex(&Md5::digest(format!("s{text}s"))).to_uppercase();
        let sha256 = |text: &str| hex(&Sha256::digest(format!("s{text}s"))).to_uppercase();
        for (query, sign) in [
            // What is empty, left out and not.
            ("a=1&url=", md5("a1")),
            ("a=1&url=", md5("a1url")),
            // SHA-256, with and without the parameter that says so.
            ("a=1&signatureMethod=SHA256", sha256("a1signatureMethodSHA256")),
            ("a=1&signatureMethod=SHA256", sha256("a1")),
            ("a=1&signatureMethod=MD5", md5("a1")),
            // Addresses that are not encoded.
            ("a=1&url=http://h/c?d+e", md5("a1urlhttp://h/c?d+e")),
            ("a=1&url=http://h/c?d+e", md5("a1urlhttp://h/c?d e")),
        ] {
            assert!(is_good(&format!("{query}&sign={sign}"), "s"), "{query}");
        }
        for (query, sign) in [
            ("a=1", sha256("a1")),
            ("a=1&signatureMethod=SHA256", md5("a1")),
            ("a=1&signatureMethod=sha256", sha256("a1")),
        ] {
            assert!(!is_good(&format!("{query}&sign={sign}"), "s"), "{query}");
        }
        assert!(!is_good("a=1", "s"));
        assert!(!is_good("a=1&sign=", "s"));
    }
}
