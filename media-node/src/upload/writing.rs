use std::time::Duration;

use tokio::sync::watch;

use crate::clock::boot_ms;

/// Whether playlists may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    Always,
    /// Up to this moment, by [`boot_ms`].
    Until(u64),
    Not,
}

impl Writing {
    /// For how long from now on; `None` when nothing ends it.
    fn left(self, now_ms: u64) -> Option<Duration> {
        match self {
            Self::Always => None,
            Self::Until(until_ms) => Some(Duration::from_millis(until_ms.saturating_sub(now_ms))),
            Self::Not => Some(Duration::ZERO),
        }
    }

    /// For how long a lease has been over that may have been given to another node.
    pub(super) fn over_for_ms(self, now_ms: u64) -> Option<u64> {
        match self {
            Self::Until(until_ms) => now_ms.checked_sub(until_ms),
            Self::Always | Self::Not => None,
        }
    }

    pub(super) fn is_allowed(self) -> bool {
        self.left(boot_ms()) != Some(Duration::ZERO)
    }
}

/// Resolves when writing is not allowed any more.
pub(super) async fn ends(mut writing: watch::Receiver<Writing>) {
    loop {
        let left = writing.borrow_and_update().left(boot_ms());
        let over = async {
            match left {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => return,
            // Nobody will change it any more.
            changed = writing.changed() => if changed.is_err() { return ends_of(left).await },
        }
    }
}

async fn ends_of(left: Option<Duration>) {
    match left {
        Some(left) => tokio::time::sleep(left).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lease_that_is_prolonged_goes_on() {
        let now_ms = boot_ms();
        let (sender, receiver) = watch::channel(Writing::Until(now_ms + 50));
        assert!(receiver.borrow().is_allowed() && !Writing::Not.is_allowed() && Writing::Always.is_allowed());
        let ended = tokio::spawn(ends(receiver));
        sender.send_replace(Writing::Until(now_ms + 250));
        ended.await.unwrap();
        assert!(boot_ms() >= now_ms + 250);
        assert!(!Writing::Until(now_ms).is_allowed());
    }
}
