//! Stopping: once between writes, twice at once.

use tokio_util::sync::CancellationToken;

use super::output::Output;

/// Listens for ctrl-c (and on Unix for SIGTERM and SIGHUP).
pub struct Stop {
    token: CancellationToken,
}

impl Stop {
    /// Not stopped.
    pub fn new() -> Self {
        Self { token: CancellationToken::new() }
    }

    /// Set after the first signal.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Returns after the second signal.
    pub async fn twice(&self, output: &Output) {
        signal().await;
        self.token.cancel();
        output.stopping();
        signal().await;
    }
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut hangup)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
