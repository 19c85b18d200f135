//! RTMP in TLS, by the certificate that the operator gives.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A certificate and its key, read again when their files have changed: renewing it takes no restart.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: Mutex<Current>,
}

#[derive(Clone)]
struct Current {
    /// When the files were changed last, as far as that is told.
    changed: [Option<SystemTime>; 2],
    acceptor: TlsAcceptor,
}

impl Certificate {
    /// `chain`: a PEM file with the certificate and those that lead to its root; `key`: one with its private key.
    ///
    /// # Errors
    /// A reason for a person.
    pub fn read(chain: PathBuf, key: PathBuf) -> Result<Self, String> {
        let current = Mutex::new(Current::read(&chain, &key)?);
        Ok(Self { chain, key, current })
    }

    /// For one more connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        // Whatever panicked elsewhere has left it whole.
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = changed(&self.chain, &self.key);
        if changed != current.changed {
            match Current::read(&self.chain, &self.key) {
                Ok(renewed) => *current = renewed,
                Err(reason) => {
                    tracing::warn!(reason, "the certificate has changed and is not used: correct its files");
                    // It is told once; what was read before is good until then.
                    current.changed = changed;
                }
            }
        }
        current.acceptor.clone()
    }
}

impl Current {
    fn read(chain: &Path, key: &Path) -> Result<Self, String> {
        let changed = changed(chain, key);
        let in_chain = |error| format!("the certificate {} cannot be read: {error}", chain.display());
        let certificates = CertificateDer::pem_file_iter(chain).map_err(in_chain)?;
        let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(in_chain)?;
        let in_key = |error| format!("the private key {} cannot be read: {error}", key.display());
        let private = PrivateKeyDer::from_pem_file(key).map_err(in_key)?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, private))
            .map_err(|error| {
                let (chain, key) = (chain.display(), key.display());
                format!("the certificate {chain} and the private key {key} cannot be used together: {error}")
            })?;
        Ok(Self {
            changed,
            acceptor: Arc::new(config).into(),
        })
    }
}

fn changed(chain: &Path, key: &Path) -> [Option<SystemTime>; 2] {
    [chain, key].map(|file| std::fs::metadata(file).and_then(|file| file.modified()).ok())
}
