//! One user's streams, and the time that passes for them.

use std::time::Duration;

use futures_util::future::join_all;
use protocol::StreamName;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::plan::Order;
use super::ports::Captures;
use super::recorder::{Inlet, Input};
use super::session::{Session, User};
use super::shared::Shared;
use crate::stream::UserClock;

const TICK: Duration = Duration::from_secs(1);
/// Ticks that are this far apart did not come in time.
const STANDSTILL: Duration = Duration::from_secs(3);

/// Captures one user until an order ends it; then all that was captured is in the inlet.
pub(super) async fn capture<I: Inlet>(shared: &Shared, user: &User<impl Captures>, inlet: I) {
    let clock = UserClock::new(I::patience(shared.options.mix.jitter_us));
    let sessions = StreamName::ALL.map(|stream| Session::new(shared, user, stream, clock.clone(), inlet.clone()).run());
    tokio::select! {
        _ = join_all(sessions) => {}
        () = attend(user.orders.clone(), inlet.clone()) => {}
    }
}

/// Tells the inlet which tracks are wanted and that time passes; ends only when the inlet is closed.
async fn attend(mut orders: watch::Receiver<Order>, inlet: impl Inlet) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = orders.borrow().tracks().unwrap_or_default();
    let mut since = Instant::now();
    loop {
        // At the end the sessions still bring what is on its way.
        let wanted = orders.borrow_and_update().tracks().unwrap_or(told);
        // Behind a standstill, of the machine or of the disk, what came meanwhile is still on its way: nobody was silent.
        let stood_still = since.elapsed() > STANDSTILL;
        since = Instant::now();
        let input = match wanted == told {
            true if stood_still => None,
            true => Some(Input::Tick),
            false => Some(Input::Wanted(wanted)),
        };
        told = wanted;
        if let Some(input) = input
            && inlet.take(input).await.is_err()
        {
            return;
        }
        tokio::select! {
            _ = ticks.tick() => {}
            Ok(()) = orders.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::record::follow::Closed;

    #[derive(Clone)]
    struct Ticks(mpsc::Sender<()>);

    impl Inlet for Ticks {
        async fn take(&self, input: Input) -> Result<(), Closed> {
            match input {
                Input::Tick => self.0.send(()).await.map_err(|_| Closed),
                Input::Event(..) | Input::Wanted(_) => Ok(()),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_standstill_is_no_time_in_which_anybody_was_silent() {
        let (_orders, ordered) = watch::channel(Order::End);
        let (sender, mut ticks) = mpsc::channel(64);
        let attending = tokio::spawn(attend(ordered, Ticks(sender)));
        for _ in 0..3 {
            ticks.recv().await.unwrap();
        }
        let stood_still = Instant::now();
        tokio::time::advance(Duration::from_secs(20)).await;
        ticks.recv().await.unwrap();
        assert_eq!(
            stood_still.elapsed(),
            Duration::from_secs(21),
            "the first tick behind it is left out"
        );
        attending.abort();
    }
}
