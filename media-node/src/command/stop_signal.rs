use tokio::signal::unix::{Signal, SignalKind, signal};

/// Resolves at SIGTERM or SIGINT.
pub(super) async fn stop_signal() -> Result<(), String> {
    let (mut terminate, mut interrupt) = hear()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Leaves SIGTERM and SIGINT to `serve`, by which this process was started and whose pipes end it. A service manager sends them to
/// every process of the service, and a recording that ended by them would not be handed over.
pub(super) fn leave_to_parent() -> Result<(), String> {
    // What has once been listened for ends the process no more.
    hear().map(drop)
}

fn hear() -> Result<(Signal, Signal), String> {
    let listen = |kind| signal(kind).map_err(|error| format!("signals cannot be heard: {error}"));
    Ok((listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?))
}
