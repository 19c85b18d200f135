use opendal::{HttpTransporter, Operator, services};
use protocol::{Addressing, Storage, StorageKind};

use super::signing::Signing;
use crate::outbound::Client;

/// What speaks to the store, whoever's it is, and what its requests have to be sent by. An error says what is wrong with the description of the storage.
pub(super) fn operator(storage: &Storage, client: &Client) -> Result<(Operator, HttpTransporter), String> {
    if storage.access_key.is_empty() || storage.secret_key.is_empty() {
        // The library would look for others in this machine's environment.
        return Err("its keys are missing".to_owned());
    }
    let client = client.clone();
    let (operator, transport) = match storage.kind {
        StorageKind::S3 => (s3(storage), HttpTransporter::new(Signing::s3(storage, client)?)),
        StorageKind::Oss => (oss(storage), HttpTransporter::new(Signing::oss(storage, client)?)),
        StorageKind::Cos => (cos(storage), HttpTransporter::new(client)),
        StorageKind::Azure => (azure(storage), HttpTransporter::new(client)),
        StorageKind::AliyunVod => return Err("a video-on-demand service is not a bucket".to_owned()),
    };
    let operator = operator.map_err(|error| error.message().to_owned())?;
    Ok((operator, transport))
}

fn s3(storage: &Storage) -> opendal::Result<Operator> {
    let mut builder = services::S3::default()
        .bucket(&storage.bucket)
        .endpoint(&storage.endpoint)
        .region(&storage.region)
        .skip_signature()
        // Only what the customer says counts, not what this machine is configured with.
        .disable_config_load()
        .disable_ec2_metadata();
    if storage.addressing == Addressing::Virtual {
        builder = builder.enable_virtual_host_style();
    }
    Operator::new(builder)
}

fn oss(storage: &Storage) -> opendal::Result<Operator> {
    let builder = services::Oss::default()
        .bucket(&storage.bucket)
        .endpoint(&storage.endpoint)
        .addressing_style(match storage.addressing {
            Addressing::Path => "path",
            Addressing::Virtual => "virtual",
            Addressing::Cname => "cname",
        })
        .skip_signature();
    Operator::new(builder)
}

fn cos(storage: &Storage) -> opendal::Result<Operator> {
    let mut builder = services::Cos::default()
        .bucket(&storage.bucket)
        .endpoint(&storage.endpoint)
        .secret_id(&storage.access_key)
        .secret_key(storage.secret_key.expose())
        .disable_config_load();
    if let Some(token) = &storage.session_token {
        builder = builder.security_token(token.expose());
    }
    Operator::new(builder)
}

fn azure(storage: &Storage) -> opendal::Result<Operator> {
    let builder = services::Azblob::default()
        .container(&storage.bucket)
        .endpoint(&storage.endpoint)
        .account_name(&storage.access_key)
        .account_key(storage.secret_key.expose());
    Operator::new(builder)
}
