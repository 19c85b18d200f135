//! What those who listen to the app are told of a channel.

use super::*;

impl Bench {
    /// What is being told is heard, or not.
    fn hear(&mut self, heard: Heard, now_ms: u64) -> Vec<Vec<String>> {
        let announced = std::mem::take(&mut self.announced);
        let mut uids = Vec::new();
        for (told, of) in announced {
            uids.push(of);
            self.apply(Told::Event(Event::Heard { told, heard }), now_ms);
        }
        uids
    }

    fn forget(&mut self, now_ms: u64) {
        self.channel = Channel::restore(self.rows.values().cloned(), now_ms);
        self.announced.clear();
    }

    fn is_kept(&self) -> bool {
        self.rows.values().any(|row| row.part == Part::Heard)
    }
}

fn heard() -> Bench {
    Bench {
        is_heard: true,
        ..Bench::default()
    }
}

#[test]
fn who_listens_is_told_each_change_and_nothing_twice() {
    let mut bench = heard();
    bench.tell("n", 1, &[user("a", &[1])]);
    assert_eq!(bench.hear(Heard::Listeners, NOW), [["a"]]);
    assert_eq!(bench.ask(Request::Carriers), Reply::Carriers(vec!["n".to_owned()]));
    assert_eq!(bench.announced, []);
    bench.tell("n", 2, &[user("a", &[1]), user("b", &[2])]);
    bench.tell("n", 3, &[user("b", &[2])]);
    assert_eq!(bench.hear(Heard::Listeners, NOW), [["a", "b"]], "one at a time");
    assert_eq!(bench.hear(Heard::Listeners, NOW), [["b"]]);
    bench.tell("n", 4, &[]);
    assert_eq!(bench.hear(Heard::Listeners, NOW), [[""; 0]]);
    assert_eq!((bench.rows.len(), bench.announced.len()), (0, 0));
}

#[test]
fn who_could_not_be_told_is_told_later() {
    let mut bench = heard();
    bench.tell("n", 1, &[user("a", &[1])]);
    assert_eq!(bench.hear(Heard::Failed, NOW), [["a"]]);
    assert_eq!(bench.announced, []);
    let at_ms = bench.channel.next_alarm().expect("another try");
    bench.apply(Told::Alarm, at_ms);
    assert_eq!(bench.hear(Heard::Listeners, at_ms), [["a"]]);
}

#[test]
fn nobody_stays_known_whose_leaving_was_being_told_when_the_object_was_forgotten() {
    let mut bench = heard();
    bench.tell("n", 1, &[user("a", &[1])]);
    bench.hear(Heard::Listeners, NOW);
    assert!(bench.is_kept());
    bench.tell("n", 2, &[]);
    let at_ms = bench.channel.next_alarm().expect("in case that nobody answers");
    bench.forget(at_ms);
    bench.apply(Told::Alarm, at_ms);
    assert_eq!(bench.hear(Heard::Listeners, at_ms), [[""; 0]]);
    assert!(!bench.is_kept());
}

#[test]
fn an_app_without_listeners_is_asked_about_once() {
    let mut bench = heard();
    bench.ask(Request::Carriers);
    assert_eq!(bench.announced, [], "nobody is in the channel");
    bench.tell("n", 1, &[user("a", &[1])]);
    bench.hear(Heard::Nobody, NOW);
    bench.tell("n", 2, &[]);
    assert_eq!((bench.rows.len(), bench.announced.len()), (0, 0));
}
