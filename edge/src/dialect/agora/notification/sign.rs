use hmac::{Hmac, Mac as _};
use protocol::Secret;
use sha1::Sha1;
use sha2::Sha256;

use crate::access::hex;
use crate::dialect::agora::flavour::Flavour;
use crate::http::Headers;

/// Adds the signatures of a body, lower-case hexadecimal: HMAC-SHA1, and Agora's second one, HMAC-SHA256.
pub(super) fn sign(headers: &mut Headers, flavour: Flavour, secret: &Secret, body: &[u8]) {
    let key = secret.expose().as_bytes();
    match flavour {
        Flavour::Agora => {
            headers.push("Agora-Signature", hmac_sha1(key, body));
            headers.push("Agora-Signature-V2", hmac_sha256(key, body));
        }
        Flavour::Anyrtc => headers.push("Ar-Signature", hmac_sha1(key, body)),
    }
}

// HMAC takes keys of any length; should it ever not, an empty signature fits no body.
fn hmac_sha1(key: &[u8], body: &[u8]) -> String {
    Hmac::<Sha1>::new_from_slice(key).map_or_else(
        |_| String::new(),
        |mac| hex(&mac.chain_update(body).finalize().into_bytes()),
    )
}

fn hmac_sha256(key: &[u8], body: &[u8]) -> String {
    Hmac::<Sha256>::new_from_slice(key).map_or_else(
        |_| String::new(),
        |mac| hex(&mac.chain_update(body).finalize().into_bytes()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agoras_vectors() {
        let body = br#"{"eventType":10,"noticeId":"4eb720f0-8da7-11e9-a43e-53f411c2761f","notifyMs":1560408533119,"payload":{"a":"1","b":2},"productId":1}"#;
        let mut headers = Headers::default();
        sign(&mut headers, Flavour::Agora, &Secret::new("secret"), body);
        assert_eq!(
            headers.get("Agora-Signature"),
            Some("5a3bb6a6d9fad2ea9ae3fb707a14c9d7f3136df1")
        );
        assert_eq!(
            headers.get("Agora-Signature-V2"),
            Some("de96da5acf03b0021ac3b4fa2225e7ae6f3533a30d50bb02c08ea4fa748bda24")
        );
        assert_eq!(headers.get("Ar-Signature"), None);
    }

    #[test]
    fn anyrtcs_vector() {
        let mut headers = Headers::default();
        sign(
            &mut headers,
            Flavour::Anyrtc,
            &Secret::new("secret"),
            br#"{"noticeId":"1"}"#,
        );
        let fields: Vec<_> = headers.iter().collect();
        assert_eq!(fields, [("Ar-Signature", "020fd2f6af46f0e7a66be443fabe80cdf90d7635")]);
    }
}
