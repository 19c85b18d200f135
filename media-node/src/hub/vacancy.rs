use std::time::Duration;

use tokio::time::Instant;

/// A stream that is made for its players, and that nobody has played for so long, is over: who asks for one takes some steps before
/// playing it, and players that come back find it.
const LINGER: Duration = Duration::from_secs(10);

/// Since when nobody has played a stream that lasts for its players.
#[derive(Debug)]
pub struct Vacancy {
    longest: Duration,
    played: Instant,
}

impl Vacancy {
    /// It may last so long.
    pub fn new(longest: Duration) -> Self {
        Self {
            longest,
            played: Instant::now(),
        }
    }

    /// Whether it has lasted too long. `is_played`: whether somebody plays at present.
    pub fn is_over(&mut self, is_played: bool, now: Instant) -> bool {
        if is_played {
            self.played = now;
        }
        now.saturating_duration_since(self.played) >= self.longest
    }
}

impl Default for Vacancy {
    fn default() -> Self {
        Self::new(LINGER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_counts_from_the_last_player() {
        let mut vacancy = Vacancy::default();
        let mut is_over = async |is_played: bool, seconds: u64| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            vacancy.is_over(is_played, Instant::now())
        };
        assert!(!is_over(false, 9).await, "nobody has come yet");
        assert!(!is_over(true, 5).await);
        assert!(!is_over(false, 9).await);
        assert!(is_over(false, 1).await);
    }
}
