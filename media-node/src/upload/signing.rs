//! What stands between OpenDAL and the network for the stores whose requests are signed here: Amazon's and Alibaba's
//! interfaces. OpenDAL itself sets no tags, asks for encryption with each part, where Amazon refuses it, does not sign for
//! the body, and signs for OSS only by that store's version 1, which buckets made since 2025 do not take.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{HOST, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response, Uri};
use md5::Md5;
use opendal::raw::ServiceOperation;
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport};
use protocol::{Addressing, Encryption, Storage};
use reqsign_core::{Context, SignRequest};
use sha2::{Digest, Sha256};

use crate::outbound::Client;

/// The operations that make an object; what marks it stands in their headers.
const MAKING: [&str; 3] = ["PutObject", "CreateMultipartUpload", "InitiateMultipartUpload"];
/// The operations whose body is media. Buckets that keep objects for a time take them only with a checksum, and this one is known
/// to all stores.
const CARRYING: [&str; 2] = ["PutObject", "UploadPart"];
const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
/// A longer body is hashed off the runtime's threads.
const LONG_BODY: usize = 256 << 10;

/// Signs and sends.
pub(super) struct Signing {
    client: Client,
    scheme: Scheme,
    marks: Vec<(HeaderName, HeaderValue)>,
}

enum Scheme {
    S3 {
        signer: reqsign_aws_v4::RequestSigner,
        credential: reqsign_aws_v4::Credential,
    },
    Oss {
        signer: reqsign_aliyun_oss::RequestSigner,
        credential: reqsign_aliyun_oss::Credential,
        /// In front of the host when a domain of its own hides it.
        bucket: Option<String>,
    },
}

impl Signing {
    pub(super) fn s3(storage: &Storage, client: Client) -> Result<Self, String> {
        let scheme = Scheme::S3 {
            signer: reqsign_aws_v4::RequestSigner::new("s3", &storage.region).with_standard_session_token(),
            credential: reqsign_aws_v4::Credential {
                access_key_id: storage.access_key.clone(),
                secret_access_key: storage.secret_key.expose().to_owned(),
                session_token: storage.session_token.as_ref().map(|token| token.expose().to_owned()),
                ..Default::default()
            },
        };
        Self::new(storage, client, scheme)
    }

    pub(super) fn oss(storage: &Storage, client: Client) -> Result<Self, String> {
        let scheme = Scheme::Oss {
            signer: reqsign_aliyun_oss::RequestSigner::new(&storage.bucket)
                .with_region(&storage.region)
                .with_signing_version(reqsign_aliyun_oss::SigningVersion::V4),
            credential: reqsign_aliyun_oss::Credential {
                access_key_id: storage.access_key.clone(),
                access_key_secret: storage.secret_key.expose().to_owned(),
                security_token: storage.session_token.as_ref().map(|token| token.expose().to_owned()),
                ..Default::default()
            },
            bucket: (storage.addressing == Addressing::Cname).then(|| storage.bucket.clone()),
        };
        Self::new(storage, client, scheme)
    }

    fn new(storage: &Storage, client: Client, scheme: Scheme) -> Result<Self, String> {
        let [tagging, encrypting] = scheme.marks();
        let mut marks = Vec::new();
        if let Some(tags) = &storage.tags {
            let tags = HeaderValue::from_str(tags).map_err(|_| "its tags are not allowed in a header")?;
            marks.push((tagging, tags));
        }
        if let Some(encryption) = storage.encryption {
            marks.push((encrypting, HeaderValue::from_static(scheme.encryption(encryption))));
        }
        Ok(Self { client, scheme, marks })
    }

    async fn sign(&self, parts: &mut Parts, body: &Buffer) -> opendal::Result<()> {
        let operation = parts.extensions.get::<ServiceOperation>().map(|operation| operation.0);
        if operation.is_some_and(|operation| MAKING.contains(&operation)) {
            parts.headers.extend(self.marks.iter().cloned());
        }
        if operation.is_some_and(|operation| CARRYING.contains(&operation)) {
            let digest = hashed::<Md5>(body).await?;
            parts.headers.insert(CONTENT_MD5, header(STANDARD.encode(digest))?);
        }
        let signed = match &self.scheme {
            Scheme::S3 { signer, credential } => {
                let digest = digest(body).await?;
                parts.headers.insert("x-amz-content-sha256", digest);
                signer
                    .sign_request(&Context::new(), parts, Some(credential), None)
                    .await
            }
            Scheme::Oss {
                signer,
                credential,
                bucket,
            } => {
                let address = parts.uri.clone();
                if let Some(host) = address.authority() {
                    let host = HeaderValue::from_str(host.as_str()).map_err(|error| unsigned(&error))?;
                    parts.headers.insert(HOST, host);
                }
                if let Some(bucket) = bucket {
                    parts.uri = behind(bucket, &address)?;
                }
                let signed = signer
                    .sign_request(&Context::new(), parts, Some(credential), None)
                    .await;
                parts.uri = address;
                signed
            }
        };
        // The HTTP client sets it from the address.
        parts.headers.remove(HOST);
        signed.map_err(|error| unsigned(&error))
    }
}

impl HttpTransport for Signing {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        let (mut parts, body) = request.into_parts();
        self.sign(&mut parts, &body).await?;
        self.client.fetch(Request::from_parts(parts, body)).await
    }
}

impl Scheme {
    /// The headers that set tags and ask for encryption.
    fn marks(&self) -> [HeaderName; 2] {
        match self {
            Self::S3 { .. } => ["x-amz-tagging", "x-amz-server-side-encryption"],
            Self::Oss { .. } => ["x-oss-tagging", "x-oss-server-side-encryption"],
        }
        .map(HeaderName::from_static)
    }

    fn encryption(&self, encryption: Encryption) -> &'static str {
        match (self, encryption) {
            (_, Encryption::Aes256) => "AES256",
            (Self::S3 { .. }, Encryption::Kms) => "aws:kms",
            (Self::Oss { .. }, Encryption::Kms) => "KMS",
        }
    }
}

/// The address as it would be without a domain of the bucket's own: signatures are of the bucket's name.
fn behind(bucket: &str, address: &Uri) -> opendal::Result<Uri> {
    let mut parts = address.clone().into_parts();
    let host = parts.authority.as_ref().map_or("", |authority| authority.as_str());
    parts.authority = Some(format!("{bucket}.{host}").parse().map_err(|error| unsigned(&error))?);
    Uri::from_parts(parts).map_err(|error| unsigned(&error))
}

/// SHA-256 in hexadecimal digits: so the store notices a body that has changed on its way.
async fn digest(body: &Buffer) -> opendal::Result<HeaderValue> {
    let digest = hashed::<Sha256>(body).await?;
    header(hex::encode(digest))
}

async fn hashed<D: Digest>(body: &Buffer) -> opendal::Result<Vec<u8>> {
    let hash = |body: Buffer| {
        let mut hash = D::new();
        body.for_each(|part| hash.update(&part));
        hash.finalize().to_vec()
    };
    let body = body.clone();
    if body.len() < LONG_BODY {
        return Ok(hash(body));
    }
    let hashed = tokio::task::spawn_blocking(move || hash(body)).await;
    hashed.map_err(|error| unsigned(&error))
}

fn header(value: String) -> opendal::Result<HeaderValue> {
    HeaderValue::try_from(value).map_err(|error| unsigned(&error))
}

fn unsigned(error: &impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unexpected, format!("a request cannot be signed: {error}"))
}
