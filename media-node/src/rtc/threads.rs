//! What the threads that carry media do, by the kernel's clocks of them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};
use nix::unistd::{Pid, gettid};

/// Of a thread, the clock of all the time that it has had (`CPUCLOCK_SCHED` and `CPUCLOCK_PERTHREAD_MASK` of Linux).
const OF_THREAD: i32 = 6;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Threads(Mutex<Vec<Thread>>);

#[derive(Debug)]
struct Thread {
    id: Pid,
    /// The time that it had had, when it was looked at last.
    had: Duration,
    at: Instant,
}

impl Threads {
    /// The present thread is one of them from now on.
    pub(super) fn enter(&self) {
        let thread = Thread {
            id: gettid(),
            had: had(gettid()),
            at: Instant::now(),
        };
        self.lock().push(thread);
    }

    /// What each has done since the last call, from 0 to 1, in an order that stays.
    pub(super) fn loads(&self) -> Vec<f64> {
        let look = |thread: &mut Thread| {
            let (had, now) = (had(thread.id), Instant::now());
            let passed = now.saturating_duration_since(std::mem::replace(&mut thread.at, now));
            let worked = had.saturating_sub(std::mem::replace(&mut thread.had, had));
            (worked.as_secs_f64() / passed.as_secs_f64().max(f64::MIN_POSITIVE)).clamp(0.0, 1.0)
        };
        self.lock().iter_mut().map(look).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Thread>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The processor time that a thread of this process has had.
fn had(id: Pid) -> Duration {
    let clock = ClockId::from_raw((!id.as_raw() << 3) | OF_THREAD);
    clock_gettime(clock).map(Duration::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{TryRecvError, channel};

    use super::*;

    #[test]
    fn a_thread_that_works_is_told_from_one_that_waits() {
        let threads = Threads::default();
        let (entered, both) = channel();
        std::thread::scope(|scope| {
            let (end, ends) = channel::<()>();
            let entered_too = entered.clone();
            let threads = &threads;
            scope.spawn(move || {
                threads.enter();
                entered.send(()).unwrap();
                while ends.try_recv() == Err(TryRecvError::Empty) {
                    std::hint::spin_loop();
                }
            });
            let (stay, wait) = channel::<()>();
            both.recv().unwrap();
            scope.spawn(move || {
                threads.enter();
                entered_too.send(()).unwrap();
                wait.recv()
            });
            both.recv().unwrap();
            threads.loads();
            let worked = || had(threads.lock()[0].id);
            let before = worked();
            while worked() - before < Duration::from_millis(20) {
                std::thread::yield_now();
            }
            let loads = threads.loads();
            drop((end, stay));
            assert!(loads[0] > 10.0 * loads[1] && loads[1] < 0.5, "{loads:?}");
        });
    }
}
