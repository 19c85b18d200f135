//! What a store has answered, as it came over the network: OpenDAL's errors keep it only as text.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt, stream};
use http::header::{CONTENT_TYPE, DATE, RANGE};
use http::{HeaderMap, Request, Response, StatusCode};
use opendal::{Buffer, ErrorKind, HttpBody, HttpTransport, HttpTransporter};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Azure names an error here where it sends no document.
const AZURE_CODE: &str = "x-ms-error-code";

/// The longest document, in bytes: those of stores have some hundred.
const MOST_BYTES: u64 = 1 << 20;

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
        let most = range_bytes(request.headers()).unwrap_or(0).max(MOST_BYTES);
        let (parts, body) = self.transport.fetch(request).await?.into_parts();
        let mut body = bounded(body, most);
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

/// Ends with an error behind so many bytes, whatever its head said of its length.
fn bounded(body: HttpBody, most: u64) -> HttpBody {
    body.map_inner(|inner| {
        let mut left = most;
        Box::new(inner.map(move |part| {
            let part = part?;
            left = left.checked_sub(part.len() as u64).ok_or_else(|| {
                opendal::Error::new(ErrorKind::Unexpected, format!("its answer is longer than {most} bytes"))
            })?;
            Ok(part)
        }))
    })
}

/// How much of an object is asked for: `bytes=100-199`.
fn range_bytes(headers: &HeaderMap) -> Option<u64> {
    let (first, last) = text(headers, RANGE.as_str())?.strip_prefix("bytes=")?.split_once('-')?;
    let [first, last]: [u64; 2] = [first.parse().ok()?, last.parse().ok()?];
    last.checked_sub(first)?.checked_add(1)
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
    fn a_body_ends_behind_its_most_bytes() {
        let parts = std::iter::repeat_n((), 1000).map(|()| Ok(Buffer::from(vec![b'x'; 1000])));
        let mut body = bounded(HttpBody::new(stream::iter(parts), None), 10_500);
        let read = futures_util::FutureExt::now_or_never(body.to_buffer()).unwrap();
        assert!(read.unwrap_err().to_string().contains("longer than 10500 bytes"));
    }

    #[test]
    fn the_part_of_an_object_that_is_asked_for_is_read_whole() {
        let range = |text: &str| range_bytes(&HeaderMap::from_iter([(RANGE, text.parse().unwrap())]));
        assert_eq!(range("bytes=100-199"), Some(100));
        assert_eq!([range("bytes=100-"), range("bytes=9-1"), range("rows=1-2")], [None; 3]);
    }

    #[test]
    fn what_was_done_is_no_refusal() {
        let done: &[u8] = b"<CompleteMultipartUploadResult><ETag>1</ETag></CompleteMultipartUploadResult>";
        for document in [done, b"", b"fine"] {
            assert_eq!(Answer::read(StatusCode::OK, &HeaderMap::new(), document), None);
        }
    }
}
