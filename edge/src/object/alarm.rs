/// The longest time that an alarm is set ahead. Whoever wants a later one is looked at once more on the way there.
const LONGEST_MS: u64 = 30 * 24 * 3_600_000;
/// The pause after the first failure; each further one in a row doubles it, up to the longest.
const FIRST_PAUSE_MS: u64 = 1_000;
const LONGEST_PAUSE_MS: u64 = 60_000;
/// An alarm is moved if the time that is left would be twice as long, and by this more.
const MUCH_LATER_MS: u64 = 5_000;

/// The one alarm that the platform keeps for an object. Times are Unix milliseconds.
///
/// When it rings, the alarm for another try is set before anything else, so that neither a failure of the handler nor the
/// end of its process leaves the object without one. A handler that fails is tried again for ever, and so is an alarm that
/// could not be set: the platform itself would give up after six times.
///
/// An alarm that rings too early costs one more look, and moving it costs as much: a wish for a later one moves it only if that is
/// much later.
#[derive(Clone, Debug, Default)]
pub struct Alarm {
    wanted_ms: Option<u64>,
    /// As the platform has it, as far as this process knows.
    set: Option<Set>,
    /// When the handler is tried again, from when the alarm rings until the handler is done.
    retry_ms: Option<u64>,
    /// Handlers that failed in a row.
    failures: u32,
    /// Orders that could not be carried out in a row.
    refusals: u32,
    /// Somebody comes back after a pause to carry out what was refused.
    returning: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Set {
    at_ms: u64,
    /// It rings only should the handler fail.
    for_retry: bool,
}

/// What the platform has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ring at this time, and at no other.
    Set { at_ms: u64 },
    /// Ring no more.
    Delete,
}

impl Alarm {
    /// The state has changed: this is now the earliest time at which something is due.
    pub fn want(&mut self, wanted_ms: Option<u64>) {
        self.wanted_ms = wanted_ms;
    }

    /// The alarm rings. The next [`Alarm::order`] is to be carried out before the alarm is handled.
    pub fn rang(&mut self, now_ms: u64) {
        self.set = None;
        self.retry_ms = Some(now_ms.saturating_add(pause_ms(self.failures)));
    }

    /// The alarm was handled.
    pub fn handled(&mut self) {
        self.failures = 0;
        self.retry_ms = None;
    }

    /// The alarm could not be handled.
    pub fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// What to tell the platform, if anything. It is taken to have been told, unless [`Alarm::refused`] says otherwise.
    pub fn order(&mut self, now_ms: u64) -> Option<Order> {
        // What is due waits for the retry: a handler that fails must not be called without a pause.
        let due_ms = self.retry_ms.or(self.wanted_ms);
        let wish = due_ms.map(|due_ms| Set {
            at_ms: due_ms.min(now_ms.saturating_add(LONGEST_MS)),
            for_retry: self.retry_ms.is_some(),
        });
        match (self.set, wish) {
            (Some(set), None) if set.for_retry => {
                self.set = None;
                Some(Order::Delete)
            }
            (_, None) => None,
            (Some(set), Some(wish))
                if set.at_ms <= wish.at_ms
                    && (wish.for_retry || !(set.for_retry || wish.is_much_later_than(set, now_ms))) =>
            {
                None
            }
            (_, Some(wish)) => {
                self.set = Some(wish);
                Some(Order::Set { at_ms: wish.at_ms })
            }
        }
    }

    /// The platform did not carry out an order. Returns the pause after which somebody has to call [`Alarm::returned`];
    /// `None` when somebody does already.
    pub fn refused(&mut self, order: Order) -> Option<u64> {
        let Order::Set { at_ms } = order else {
            // It rings once too often, and is deleted then.
            return None;
        };
        // Another time may have been ordered meanwhile.
        self.set.take_if(|set| set.at_ms == at_ms)?;
        if std::mem::replace(&mut self.returning, true) {
            return None;
        }
        let pause_ms = pause_ms(self.refusals);
        self.refusals = self.refusals.saturating_add(1);
        Some(pause_ms)
    }

    /// The platform carried out an order.
    pub fn accepted(&mut self) {
        self.refusals = 0;
    }

    /// The pause after a refusal is over: the next [`Alarm::order`] is to be carried out.
    pub fn returned(&mut self) {
        self.returning = false;
    }
}

impl Set {
    fn is_much_later_than(self, other: Self, now_ms: u64) -> bool {
        let left_ms = other.at_ms.saturating_sub(now_ms);
        self.at_ms.saturating_sub(now_ms) > left_ms.saturating_mul(2).saturating_add(MUCH_LATER_MS)
    }
}

fn pause_ms(failures: u32) -> u64 {
    let doubled = 1_u64.checked_shl(failures).unwrap_or(u64::MAX);
    FIRST_PAUSE_MS.saturating_mul(doubled).min(LONGEST_PAUSE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn wanting(wanted_ms: u64) -> Alarm {
        let mut alarm = Alarm::default();
        alarm.want(Some(wanted_ms));
        alarm
    }

    fn set(at_ms: u64) -> Option<Order> {
        Some(Order::Set { at_ms })
    }

    /// A time at which the alarm rang and was handled; what is wanted then is wanted from there on.
    fn handle(alarm: &mut Alarm, now_ms: u64, wanted_ms: Option<u64>) {
        alarm.rang(now_ms);
        assert_eq!(alarm.order(now_ms), set(now_ms + FIRST_PAUSE_MS));
        alarm.want(wanted_ms);
        assert_eq!(alarm.order(now_ms), None);
        alarm.handled();
    }

    #[test]
    fn the_earliest_time_is_set_once() {
        let mut alarm = wanting(NOW + 500);
        assert_eq!(alarm.order(NOW), set(NOW + 500));
        assert_eq!(alarm.order(NOW), None);
        alarm.want(Some(NOW + 900));
        assert_eq!(alarm.order(NOW), None);
        alarm.want(None);
        assert_eq!(alarm.order(NOW), None);
        alarm.want(Some(NOW + 100));
        assert_eq!(alarm.order(NOW), set(NOW + 100));
    }

    #[test]
    fn an_alarm_is_moved_only_to_a_much_later_time() {
        let mut alarm = wanting(NOW + 10_000);
        assert_eq!(alarm.order(NOW), set(NOW + 10_000));
        // A lease that each report prolongs.
        for passed in [2_000, 4_000, 6_000] {
            alarm.want(Some(NOW + passed + 10_000));
            assert_eq!(alarm.order(NOW + passed), None);
        }
        // Something short is done before its deadline.
        alarm.want(Some(NOW + 150_000));
        assert_eq!(alarm.order(NOW + 7_000), set(NOW + 150_000));
    }

    #[test]
    fn nothing_wanted_sets_nothing() {
        assert_eq!(Alarm::default().order(NOW), None);
    }

    #[test]
    fn a_handled_alarm_leaves_what_is_wanted_next() {
        let mut alarm = wanting(NOW);
        alarm.order(NOW);
        handle(&mut alarm, NOW, Some(NOW + 60_000));
        assert_eq!(alarm.order(NOW), set(NOW + 60_000));
        handle(&mut alarm, NOW + 60_000, None);
        assert_eq!(alarm.order(NOW + 60_000), Some(Order::Delete));
        assert_eq!(alarm.order(NOW + 60_000), None);
    }

    #[test]
    fn a_time_out_of_reach_is_approached() {
        let mut alarm = wanting(u64::MAX);
        assert_eq!(alarm.order(NOW), set(NOW + LONGEST_MS));
        handle(&mut alarm, NOW + LONGEST_MS, Some(u64::MAX));
        assert_eq!(alarm.order(NOW + LONGEST_MS), set(NOW + 2 * LONGEST_MS));
    }

    #[test]
    fn a_handler_that_fails_is_tried_again_for_ever() {
        let mut alarm = wanting(NOW);
        alarm.order(NOW);
        let (mut now_ms, mut pauses) = (NOW, Vec::new());
        for _ in 0..1_000 {
            alarm.rang(now_ms);
            let Some(Order::Set { at_ms }) = alarm.order(now_ms) else {
                panic!("no alarm is set while the handler runs");
            };
            alarm.failed();
            assert_eq!(alarm.order(now_ms), None);
            pauses.push(at_ms - now_ms);
            now_ms = at_ms;
        }
        assert_eq!(pauses[..8], [1, 2, 4, 8, 16, 32, 60, 60].map(|seconds| seconds * 1_000));
        assert!(pauses[8..].iter().all(|pause_ms| *pause_ms == LONGEST_PAUSE_MS));
        handle_after_failures(&mut alarm, now_ms);
    }

    fn handle_after_failures(alarm: &mut Alarm, now_ms: u64) {
        alarm.rang(now_ms);
        assert_eq!(alarm.order(now_ms), set(now_ms + LONGEST_PAUSE_MS));
        alarm.want(Some(now_ms + 5));
        alarm.handled();
        assert_eq!(alarm.order(now_ms), set(now_ms + 5));
        handle(alarm, now_ms + 5, None);
    }

    #[test]
    fn what_is_overdue_does_not_call_a_failing_handler_without_a_pause() {
        let mut alarm = wanting(NOW);
        alarm.order(NOW);
        alarm.rang(NOW);
        assert_eq!(alarm.order(NOW), set(NOW + FIRST_PAUSE_MS));
        alarm.failed();
        alarm.want(Some(NOW - 1));
        assert_eq!(alarm.order(NOW + 1), None);
    }

    #[test]
    fn an_alarm_that_could_not_be_set_is_set_again() {
        let mut alarm = wanting(NOW + 500);
        let mut pauses = Vec::new();
        for _ in 0..1_000 {
            let order = alarm.order(NOW);
            assert_eq!(order, set(NOW + 500));
            pauses.extend(alarm.refused(order.unwrap()));
            alarm.returned();
        }
        assert_eq!(pauses.len(), 1_000);
        assert_eq!(pauses[..8], [1, 2, 4, 8, 16, 32, 60, 60].map(|seconds| seconds * 1_000));
        alarm.order(NOW);
        alarm.accepted();
        assert_eq!(alarm.order(NOW), None);
        alarm.want(Some(NOW + 100));
        let order = alarm.order(NOW).unwrap();
        assert_eq!(alarm.refused(order), Some(FIRST_PAUSE_MS));
    }

    #[test]
    fn whoever_comes_before_the_pause_is_over_sets_it_too() {
        let mut alarm = wanting(NOW + 500);
        let order = alarm.order(NOW).unwrap();
        assert_eq!(alarm.refused(order), Some(FIRST_PAUSE_MS));
        let order = alarm.order(NOW).unwrap();
        assert_eq!(alarm.refused(order), None, "one comes back already");
        assert_eq!(alarm.order(NOW), set(NOW + 500));
        alarm.accepted();
        alarm.returned();
        assert_eq!(alarm.order(NOW + 1_000), None);
    }

    #[test]
    fn a_refusal_that_comes_late_undoes_no_later_order() {
        let mut alarm = wanting(NOW + 500);
        let first = alarm.order(NOW).unwrap();
        alarm.want(Some(NOW + 100));
        assert_eq!(alarm.order(NOW), set(NOW + 100));
        assert_eq!(alarm.refused(first), None);
        assert_eq!(alarm.order(NOW), None);
    }

    #[test]
    fn a_handler_whose_retry_could_not_be_set_gets_one_all_the_same() {
        let mut alarm = wanting(NOW);
        alarm.order(NOW);
        alarm.rang(NOW);
        let order = alarm.order(NOW).unwrap();
        assert_eq!(alarm.refused(order), Some(FIRST_PAUSE_MS));
        alarm.failed();
        assert_eq!(alarm.order(NOW), set(NOW + FIRST_PAUSE_MS));
    }
}
