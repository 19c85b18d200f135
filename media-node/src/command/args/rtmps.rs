use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::rtmp::Certificate;

/// What publishing by RTMP in TLS takes.
#[derive(Args, Debug)]
pub(crate) struct RtmpsArgs {
    /// Address that the channel server listens on for RTMP in TLS, usually at port 443. Without it, there is none.
    #[arg(
        long,
        env = "TAPEDECK_RTMPS_LISTEN",
        requires = "rtmps_certificate",
        requires = "rtmps_key"
    )]
    pub(crate) rtmps_listen: Option<SocketAddr>,
    /// PEM file with the certificate for it and those that lead to its root; read again when it has changed.
    #[arg(long, env = "TAPEDECK_RTMPS_CERTIFICATE", value_name = "FILE")]
    rtmps_certificate: Option<PathBuf>,
    /// PEM file with the certificate's private key.
    #[arg(long, env = "TAPEDECK_RTMPS_KEY", value_name = "FILE")]
    rtmps_key: Option<PathBuf>,
}

impl RtmpsArgs {
    /// Where to listen, and with what; `None` where nothing is published so.
    pub(crate) fn certificate(&self) -> Result<Option<(SocketAddr, Certificate)>, String> {
        let (Some(listen), Some(chain), Some(key)) = (self.rtmps_listen, &self.rtmps_certificate, &self.rtmps_key)
        else {
            return Ok(None);
        };
        let certificate = Certificate::read(chain.clone(), key.clone())?;
        Ok(Some((listen, certificate)))
    }
}
