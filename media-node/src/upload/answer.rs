//! What a store has answered, as it came over the network: OpenDAL's errors keep it only as text.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream;
use http::header::{CONTENT_TYPE, DATE};
use http::{HeaderMap, Request, Response, StatusCode};
use opendal::{Buffer, HttpBody, HttpTransport, HttpTransporter};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Azure names an error here where it sends no document.
const AZURE_CODE: &str = "x-ms-error-code";

/// A store's answer that it has not done what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// What the store's clock said, Unix milliseconds.
    pub(super) at_ms: Option<u64>,
    pub(super) words: Words,
}

/// The error document that S3 has made usual; what is not in it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Words {
    pub(super) code: String,
    pub(super) message: String,
    /// Azure's reason for not accepting a signature.
    pub(super) authentication_error_detail: String,
}

/// The last refusal among the answers to one operation. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Option<Answer>>>);

impl Heard {
    pub(super) fn answer(&self) -> Option<Answer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, answer: Option<Answer>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

/// Passes requests on and listens to the answers.
pub(super) struct Listening {
    pub(super) transport: HttpTransporter,
    pub(super) heard: Heard,
}

impl HttpTransport for Listening {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        self.heard.note(None);
        let (parts, mut body) = self.transport.fetch(request).await?.into_parts();
        if parts.status.is_success() && !is_xml(&parts.headers) {
            return Ok(Response::from_parts(parts, body));
        }
        // OpenDAL reads documents whole, too.
        let document = body.to_buffer().await?;
        self.heard
            .note(Answer::read(parts.status, &parts.headers, &document.to_vec()));
        let bytes = document.len() as u64;
        let again = HttpBody::new(stream::iter([Ok(document)]), Some(bytes));
        Ok(Response::from_parts(parts, again))
    }
}

impl Answer {
    /// `None` when the store has done what it was asked. A store that finds out late says so behind a status of success.
    fn read(status: StatusCode, headers: &HeaderMap, document: &[u8]) -> Option<Self> {
        let mut words: Words = quick_xml::de::from_reader(document).unwrap_or_default();
        if words.code.is_empty() {
            words.code = text(headers, AZURE_CODE).unwrap_or_default().to_owned();
        }
        if status.is_success() && words.code.is_empty() {
            return None;
        }
        if words.code.is_empty() && words.message.is_empty() {
            // Whoever answered is no store, or has words of its own.
            words.message = String::from_utf8_lossy(document).into_owned();
        }
        Some(Self {
            status,
            at_ms: text(headers, DATE.as_str()).and_then(unix_ms),
            words,
        })
    }
}

fn is_xml(headers: &HeaderMap) -> bool {
    text(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.contains("xml"))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn unix_ms(date: &str) -> Option<u64> {
    let at = OffsetDateTime::parse(date, &Rfc2822).ok()?;
    u64::try_from(at.unix_timestamp()).ok()?.checked_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &[u8] = br#"<?xml version="1.0" encoding="UTF-8"?>
        <Error><Code>NoSuchBucket</Code><Message>The bucket &quot;b&quot; does not exist</Message><RequestId>1</RequestId></Error>"#;

    #[test]
    fn an_error_document_is_read_whatever_the_status() {
        for status in [StatusCode::NOT_FOUND, StatusCode::OK] {
            let answer = Answer::read(status, &HeaderMap::new(), DOCUMENT).unwrap();
            assert_eq!((answer.status, answer.at_ms), (status, None));
            assert_eq!(answer.words.code, "NoSuchBucket");
            assert_eq!(answer.words.message, r#"The bucket "b" does not exist"#);
        }
    }

    #[test]
    fn an_answer_without_a_document_has_its_headers() {
        let mut headers = HeaderMap::new();
        headers.insert(AZURE_CODE, "BlobNotFound".parse().unwrap());
        headers.insert(DATE, "Sat, 01 Jan 2000 00:00:00 GMT".parse().unwrap());
        let answer = Answer::read(StatusCode::NOT_FOUND, &headers, b"").unwrap();
        assert_eq!(answer.words.code, "BlobNotFound");
        assert_eq!(answer.at_ms, Some(946_684_800_000));
    }

    #[test]
    fn what_was_done_is_no_refusal() {
        let done: &[u8] = b"<CompleteMultipartUploadResult><ETag>1</ETag></CompleteMultipartUploadResult>";
        for document in [done, b"", b"fine"] {
            assert_eq!(Answer::read(StatusCode::OK, &HeaderMap::new(), document), None);
        }
    }
}
