//! Which certificates of sources are trusted: those that the machine trusts, or the one that a fingerprint names.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;
use sha2::{Digest, Sha256};

/// How one connection judges a certificate.
pub(super) struct Trust {
    pub(super) config: Arc<ClientConfig>,
    seen: Arc<Mutex<Option<String>>>,
}

/// What trusts this certificate alone, by its SHA-256, whatever names and dates it has; without one, what the machine trusts.
pub(super) fn of(pinned: Option<[u8; 32]>) -> Result<Trust, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let cannot = |error: Error| format!("TLS cannot be used on this machine: {error}");
    let by = match pinned {
        Some(fingerprint) => By::Fingerprint(fingerprint),
        None => By::Machine(Arc::new(Verifier::new(provider.clone()).map_err(cannot)?)),
    };
    let seen = Arc::default();
    let verifier = Judge {
        by,
        provider: provider.clone(),
        seen: Arc::clone(&seen),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(cannot)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Trust {
        config: Arc::new(config),
        seen,
    })
}

impl Trust {
    /// Why the source at `place` was not connected to, and what helps.
    pub(super) fn reason(&self, place: &str, error: &io::Error) -> String {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let tls = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
        match (tls, seen) {
            (Some(Error::InvalidCertificate(why)), Some(fingerprint)) => format!(
                "the certificate of {place} is not trusted ({why:?}): to trust it, add #sha256={fingerprint} to the source's URL if that is its fingerprint"
            ),
            _ => format!("{place} does not begin TLS: {error}"),
        }
    }
}

#[derive(Debug)]
enum By {
    Machine(Arc<Verifier>),
    Fingerprint([u8; 32]),
}

#[derive(Debug)]
struct Judge {
    by: By,
    provider: Arc<CryptoProvider>,
    /// The fingerprint of the certificate that was shown.
    seen: Arc<Mutex<Option<String>>>,
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint: [u8; 32] = Sha256::digest(end_entity).into();
        let shown = hex::encode(fingerprint);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        match &self.by {
            By::Machine(verifier) => {
                verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            By::Fingerprint(pinned) if *pinned == fingerprint => Ok(ServerCertVerified::assertion()),
            By::Fingerprint(_) => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
