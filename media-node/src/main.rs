//! The channel server alone: `media-node RTSP_ADDRESS ROSTER_ADDRESS`.

mod channel;
mod server;

use std::time::{SystemTime, UNIX_EPOCH};

use channel::{Limits, Registry};
use server::{Keys, RtspServer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut arguments = std::env::args().skip(1);
    let mut address = || arguments.next().ok_or("usage: media-node RTSP_ADDRESS ROSTER_ADDRESS");
    let (rtsp, roster) = (address()?, address()?);
    let now_ms = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let registry = Registry::new(Limits::default(), now_ms);
    let server = RtspServer::bind(rtsp.parse()?, registry.clone(), Keys::default(), None).await?;
    println!("rtsp://{}", server.local_addr());
    let listener = tokio::net::TcpListener::bind(roster).await?;
    println!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, channel::routes(registry)).await });
    server.run(async { drop(tokio::signal::ctrl_c().await) }).await;
    Ok(())
}
