use protocol::Rights;

use super::*;

fn place(app: &str, uid: &str) -> Place {
    Place {
        app: app.into(),
        channel: "c".into(),
        uid: uid.into(),
    }
}

fn question(app: &str, uid: &str, token: &str) -> Question {
    Question::new(&place(app, uid), Some(&Secret::new(token)), None)
}

fn no_token(app: &str) -> Question {
    Question::new(&place(app, "u"), None, None)
}

fn granted(play_ms: u64) -> EntryAnswer {
    EntryAnswer::Granted(Rights {
        play_ms,
        ..Rights::default()
    })
}

fn refused() -> EntryAnswer {
    EntryAnswer::Refused { reason: "why".into() }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Whether something good is remembered, and whether it is fresh.
fn known(memory: &Memory, question: &Question, now: Instant) -> Option<bool> {
    let recalled = memory.recall(question, now)?;
    (!matches!(recalled.answer, Answer::Refused(_))).then_some(recalled.is_fresh)
}

#[test]
fn a_token_is_fresh_for_a_minute_and_known_until_it_ends() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    let mine = question("a", "u", "t");
    memory.learn(mine.clone(), &granted(300_000), now);
    assert_eq!(known(&memory, &mine, now + secs(59)), Some(true));
    assert_eq!(known(&memory, &mine, now + secs(60)), Some(false));
    assert_eq!(known(&memory, &mine, now + secs(299)), Some(false));
    assert_eq!(known(&memory, &mine, now + secs(300)), None);
    for other in [
        question("a", "u", "T"),
        question("a", "v", "t"),
        question("b", "u", "t"),
        Question::new(&place("a", "u"), Some(&Secret::new("t")), Some("v")),
        no_token("a"),
    ] {
        assert_eq!(memory.recall(&other, now), None, "{other:?}");
    }
}

#[test]
fn while_the_edge_is_away_what_is_known_is_relied_on() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    let (mine, open) = (question("a", "u", "t"), no_token("o"));
    memory.learn(mine.clone(), &granted(300_000), now);
    memory.learn(open.clone(), &EntryAnswer::Open, now);
    for question in [&mine, &open] {
        let later = now + secs(100);
        memory.rely(question, later);
        assert_eq!(known(&memory, question, later + secs(9)), Some(true));
        assert_eq!(known(&memory, question, later + secs(10)), Some(false));
    }
    assert_eq!(known(&memory, &mine, now + secs(300)), None, "it ends all the same");
    memory.rely(&question("x", "u", "t"), now);
    assert_eq!(memory.recall(&question("x", "u", "t"), now), None);
}

#[test]
fn an_open_app_is_open_for_every_token_until_the_edge_says_otherwise() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    memory.learn(question("a", "u", "t"), &EntryAnswer::Open, now);
    for question in [no_token("a"), question("a", "v", "another")] {
        assert_eq!(known(&memory, &question, now), Some(true));
        assert_eq!(known(&memory, &question, now + secs(86_399)), Some(false));
        assert_eq!(known(&memory, &question, now + secs(86_400)), None);
    }
    memory.learn(question("a", "v", "t"), &granted(300_000), now + secs(61));
    assert_eq!(known(&memory, &no_token("a"), now + secs(61)), None);
}

#[test]
fn a_refusal_is_remembered_for_a_moment_and_ends_what_was_known() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    let mine = question("a", "u", "t");
    memory.learn(mine.clone(), &granted(300_000), now);
    memory.learn(mine.clone(), &refused(), now + secs(61));
    let recalled = memory.recall(&mine, now + secs(70)).unwrap();
    assert_eq!(recalled.answer, Answer::Refused("why".into()));
    assert_eq!(memory.recall(&mine, now + secs(71)), None);
    memory.learn(mine.clone(), &granted(300_000), now + secs(72));
    assert_eq!(known(&memory, &mine, now + secs(72)), Some(true));
}

#[test]
fn one_app_with_many_tokens_does_not_push_out_those_of_others() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    let few = question("few", "u", "t");
    memory.learn(few.clone(), &granted(100_000), now);
    for number in 0..MAX_TOKENS as u64 + 100 {
        memory.learn(
            question("many", "u", &number.to_string()),
            &granted(200_000 + number),
            now,
        );
    }
    assert_eq!(known(&memory, &few, now), Some(true));
    assert_eq!(memory.tokens, MAX_TOKENS);
    assert_eq!(memory.granted.values().map(HashMap::len).sum::<usize>(), MAX_TOKENS);
    assert_eq!(memory.recall(&question("many", "u", "0"), now), None, "it ended first");
    memory.learn(question("late", "u", "t"), &granted(1_000), now + secs(10_000));
    assert_eq!(memory.tokens, 1, "what has ended makes room");
}

#[test]
fn refusals_and_open_apps_are_bounded() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    for number in 0..3 * MAX_REFUSALS {
        memory.learn(question("a", "u", &number.to_string()), &refused(), now);
        memory.learn(no_token(&format!("app {number}")), &EntryAnswer::Open, now);
    }
    assert!(memory.refused.len() <= MAX_REFUSALS && memory.refusals.len() <= MAX_REFUSALS);
    assert!(memory.open.len() <= MAX_OPEN_APPS);
    // The same again and again.
    for _ in 0..3 * MAX_REFUSALS {
        memory.learn(question("a", "u", "same"), &refused(), now);
    }
    assert!(memory.refusals.len() <= MAX_REFUSALS);
    assert!(memory.recall(&question("a", "u", "same"), now).is_some());
    memory.learn(question("b", "u", "t"), &refused(), now + secs(10));
    assert_eq!((memory.refused.len(), memory.refusals.len()), (1, 1));
}

#[test]
fn a_grant_of_nothing_is_not_kept() {
    let (mut memory, now) = (Memory::default(), Instant::now());
    memory.learn(question("a", "u", "t"), &granted(0), now);
    assert_eq!(memory.tokens, 0);
}
