//! The automatic recording of a channel.

use super::*;

/// How often a recording was to be begun since this was asked last.
fn begins(bench: &mut Bench) -> usize {
    std::mem::take(&mut bench.begins)
}

fn begun(bench: &mut Bench, begun: Begun, now_ms: u64) {
    bench.apply(Told::Event(Event::Begun(begun)), now_ms);
}

fn runs(bench: &mut Bench, sid: &str) {
    let sid = sid.to_owned();
    begun(bench, Begun::Runs { sid }, NOW);
}

fn ended(bench: &mut Bench, sid: &str, stopped: bool) {
    let sid = sid.to_owned();
    bench.ask(Request::Ended { sid, stopped });
}

/// A channel whose automatic recording `s1` runs.
fn recorded() -> Bench {
    let mut bench = Bench::default();
    bench.tell("n1", 5, &[user("a", &[5])]);
    assert_eq!(begins(&mut bench), 1);
    runs(&mut bench, "s1");
    bench
}

/// The bench as its object finds it when it was forgotten.
fn forget(bench: &mut Bench) {
    bench.channel = Channel::restore(bench.rows.values().cloned(), NOW);
}

#[test]
fn it_begins_with_the_first_user_and_once() {
    let mut bench = recorded();
    bench.tell("n1", 6, &[user("a", &[5]), user("b", &[6])]);
    bench.tell("n2", 7, &[user("c", &[7])]);
    bench.tell("n1", 8, &[]);
    assert_eq!(begins(&mut bench), 0, "the channel was never empty");
    bench.tell("n2", 9, &[]);
    assert!(bench.rows.is_empty(), "{:?}", bench.rows);
    bench.tell("n2", 10, &[user("c", &[10])]);
    assert_eq!(begins(&mut bench), 1);
}

#[test]
fn where_none_is_wanted_nothing_is_kept_or_asked_again() {
    let mut bench = Bench::default();
    bench.tell("n1", 5, &[user("a", &[5])]);
    assert_eq!(begins(&mut bench), 1);
    begun(&mut bench, Begun::Unwanted, NOW);
    bench.tell("n1", 6, &[user("b", &[6])]);
    assert_eq!((begins(&mut bench), bench.channel.next_alarm()), (0, None));
    assert_eq!(bench.rows.len(), 1, "the carrier");
}

#[test]
fn what_could_not_begin_is_tried_again_while_somebody_is_there() {
    let mut bench = Bench::default();
    bench.tell("n1", 5, &[user("a", &[5])]);
    let mut pauses = Vec::new();
    let mut now_ms = NOW;
    for _ in 0..10 {
        assert_eq!(begins(&mut bench), 1);
        begun(&mut bench, Begun::Failed, now_ms);
        let at_ms = bench.channel.next_alarm().unwrap();
        bench.apply(Told::Alarm, at_ms - 1);
        assert_eq!(begins(&mut bench), 0);
        bench.apply(Told::Alarm, at_ms);
        pauses.push((at_ms - now_ms) / 1_000);
        now_ms = at_ms;
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    begins(&mut bench);
    bench.tell("n1", 6, &[]);
    assert_eq!(bench.channel.next_alarm(), None);
}

#[test]
fn a_start_that_is_lost_is_made_again() {
    let mut bench = Bench::default();
    bench.tell("n1", 5, &[user("a", &[5])]);
    let at_ms = bench.channel.next_alarm().unwrap();
    forget(&mut bench);
    bench.apply(Told::Alarm, at_ms);
    assert_eq!(begins(&mut bench), 2, "the first one, and the one after");
}

#[test]
fn one_that_ended_while_somebody_came_is_followed_by_another() {
    let mut bench = recorded();
    ended(&mut bench, "other", false);
    assert_eq!(bench.channel.next_alarm(), None);
    forget(&mut bench);
    ended(&mut bench, "s1", false);
    let at_ms = bench.channel.next_alarm().unwrap();
    bench.apply(Told::Alarm, at_ms);
    assert_eq!(begins(&mut bench), 1);
    runs(&mut bench, "s2");
    // What is told twice is told of the one before.
    ended(&mut bench, "s1", false);
    assert_eq!((begins(&mut bench), bench.channel.next_alarm()), (0, None));
}

#[test]
fn one_that_was_stopped_stays_so_until_the_next_first_user() {
    let mut bench = recorded();
    ended(&mut bench, "s1", true);
    forget(&mut bench);
    bench.tell("n1", 6, &[user("b", &[6])]);
    assert_eq!((begins(&mut bench), bench.channel.next_alarm()), (0, None));
    bench.tell("n1", 7, &[]);
    bench.tell("n1", 8, &[user("b", &[8])]);
    assert_eq!(begins(&mut bench), 1);
}
