use std::time::Duration;

use protocol::Directive;
use tokio::time::Instant;

/// How long capture may take to close its slices after an interruption.
const CLOSE_TIME: Duration = Duration::from_secs(3);

/// Whether this process still does what the edge directs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Course {
    Directed,
    /// The node ends, or the supervisor is gone. Capture ends, the recording does not: another process goes on with it.
    Interrupted(Leave),
}

/// When an interrupted process leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leave {
    /// Uploads may go on until then.
    drained: Instant,
    /// Capture may go on closing its slices until then.
    closed: Instant,
}

/// What this process brings about at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// The recording goes on here, if only later.
    Record,
    /// It ends here, with all of it in the store.
    Stop,
    /// Another node has it.
    Release,
    /// It is left as it is for the next process.
    Interrupt,
}

impl Course {
    /// `drain`: how long uploads may go on.
    pub(super) fn interrupted(now: Instant, drain: Duration) -> Self {
        Self::Interrupted(Leave {
            drained: now + drain,
            closed: now + drain.max(CLOSE_TIME),
        })
    }

    pub(super) fn is_interrupted(self) -> bool {
        matches!(self, Self::Interrupted(_))
    }

    pub(super) fn aim(self, directive: Directive) -> Aim {
        match (self, directive) {
            (Self::Interrupted(_), _) => Aim::Interrupt,
            (Self::Directed, Directive::Record | Directive::Pause) => Aim::Record,
            (Self::Directed, Directive::Stop(_)) => Aim::Stop,
            (Self::Directed, Directive::Release) => Aim::Release,
        }
    }

    /// Resolves when an interrupted process has to leave. `captured`: capture has ended.
    pub(super) async fn over(self, captured: bool) {
        match self {
            Self::Interrupted(leave) if captured => tokio::time::sleep_until(leave.drained).await,
            Self::Interrupted(leave) => tokio::time::sleep_until(leave.closed).await,
            Self::Directed => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::EndCause;

    use super::*;

    const ALL: [Directive; 4] = [
        Directive::Record,
        Directive::Pause,
        Directive::Stop(EndCause::Stopped),
        Directive::Release,
    ];

    #[test]
    fn the_edge_directs_until_something_interrupts() {
        let aims = ALL.map(|directive| Course::Directed.aim(directive));
        assert_eq!(aims, [Aim::Record, Aim::Record, Aim::Stop, Aim::Release]);
        let interrupted = Course::interrupted(Instant::now(), Duration::ZERO);
        assert_eq!(ALL.map(|directive| interrupted.aim(directive)), [Aim::Interrupt; 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn capture_has_time_to_close_its_slices_however_short_the_drain() {
        let begun = Instant::now();
        let course = Course::interrupted(begun, Duration::from_millis(10));
        course.over(true).await;
        assert_eq!(begun.elapsed(), Duration::from_millis(10));
        course.over(false).await;
        assert_eq!(begun.elapsed(), CLOSE_TIME);
    }
}
