//! What is said over one socket, and what comes of it.

use std::collections::BTreeSet;

use protocol::Secret;

use super::*;
use crate::gateway::feed::{Happened, Happening};

const NOW: u64 = 1_700_000_000_000;

fn open() -> Listener {
    let mut listener = Listener::default();
    assert_eq!(step(&mut listener, Input::Event(Event::Opened), NOW), []);
    listener
}

fn sign_in() -> What {
    What::SignIn {
        account: "d".into(),
        token: Secret::new("t"),
        app_id: None,
    }
}

fn wish(app_id: &str) -> Wish {
    Wish {
        app_id: app_id.into(),
        ..Wish::default()
    }
}

fn say(listener: &mut Listener, what: What) -> Vec<Effect> {
    let said = Said { what, echo: "e".into() };
    effects(step(listener, Input::Event(Event::Said(said)), NOW))
}

fn done(listener: &mut Listener, done: Done) -> Vec<Effect> {
    effects(step(listener, Input::Event(Event::Done(done)), NOW))
}

fn effects(out: Vec<Output>) -> Vec<Effect> {
    out.into_iter()
        .map(|output| match output {
            Output::Effect(effect) => effect,
            Output::Reply { reply, .. } => panic!("{reply:?}"),
        })
        .collect()
}

fn answer(what: What, answer: Answer) -> Effect {
    Effect::Tell(Told::Answer {
        what,
        echo: "e".into(),
        answer,
    })
}

fn signed_in() -> Listener {
    let mut listener = open();
    say(&mut listener, sign_in());
    done(&mut listener, Done::Entered(Ok("tenant".into())));
    listener
}

fn following(app_id: &str) -> Listener {
    let mut listener = signed_in();
    say(&mut listener, What::Subscribe(vec![wish(app_id)]));
    done(&mut listener, Done::Followed(Ok(())));
    listener
}

fn push(listener: &mut Listener, app_id: &str) -> (Reply, usize) {
    let events = vec![Happened {
        version: 1,
        channel: "g".into(),
        what: Happening::Joined { uid: "u".into() },
    }];
    let request = Request::Push {
        app_id: app_id.into(),
        events,
    };
    let out = step(listener, Input::Asked { by: 1, request }, NOW);
    let reply = out.iter().find_map(|output| match output {
        Output::Reply { reply, .. } => Some(*reply),
        Output::Effect(_) => None,
    });
    (reply.unwrap(), out.len() - 1)
}

#[test]
fn nothing_is_told_to_who_has_not_signed_in() {
    let mut listener = open();
    for what in [
        What::Subscribe(vec![wish("a")]),
        What::Unsubscribe(Vec::new()),
        What::Look(vec![wish("a")]),
        What::SignOut,
    ] {
        let refused = Answer::Refused(Why::NotSignedIn);
        let told = say(&mut listener, what.clone());
        assert_eq!(told[0], answer(what, refused));
    }
    assert_eq!(push(&mut open(), "a"), (Reply::Gone, 0));
}

#[test]
fn whoever_does_not_sign_in_is_sent_away() {
    let mut listener = open();
    let at_ms = listener.next_alarm().unwrap();
    assert_eq!(step(&mut listener, Input::Alarm, at_ms - 1), []);
    let out = effects(step(&mut listener, Input::Alarm, at_ms));
    assert!(matches!(out[..], [Effect::Close { code: 4_001, .. }]), "{out:?}");
    assert_eq!(signed_in().next_alarm(), None);
    assert_eq!(Listener::restore(None, NOW).next_alarm(), None);
    assert!(Listener::restore(Some(None), NOW).next_alarm().is_some());
}

#[test]
fn a_token_that_is_refused_may_be_followed_by_another() {
    let mut listener = open();
    say(&mut listener, sign_in());
    let told = done(&mut listener, Done::Entered(Err(Why::TokenOver)));
    assert_eq!(told, [answer(sign_in(), Answer::Refused(Why::TokenOver))]);
    say(&mut listener, sign_in());
    let told = done(&mut listener, Done::Entered(Ok("tenant".into())));
    assert_eq!(told[1], answer(sign_in(), Answer::Done));
    let told = say(&mut listener, sign_in());
    assert_eq!(told, [answer(sign_in(), Answer::Refused(Why::SignedInAlready))]);
}

#[test]
fn events_of_the_apps_that_are_followed_are_told_and_no_others() {
    let mut listener = following("a");
    assert_eq!(push(&mut listener, "a"), (Reply::Done, 1));
    assert_eq!(push(&mut listener, "b"), (Reply::Gone, 0));
    let told = say(&mut listener, What::Unsubscribe(vec![wish("a"), wish("b")]));
    assert_eq!(told[1], Effect::Unfollow(["a".to_owned()].into()));
    assert_eq!(push(&mut listener, "a"), (Reply::Gone, 0));
}

#[test]
fn events_that_come_before_the_answer_are_told() {
    let mut listener = signed_in();
    say(&mut listener, What::Subscribe(vec![wish("a")]));
    assert_eq!(push(&mut listener, "a"), (Reply::Done, 1));
    done(
        &mut listener,
        Done::Followed(Err(Why::NotAllowed { app_id: "a".into() })),
    );
    assert_eq!(push(&mut listener, "a"), (Reply::Gone, 0));
}

#[test]
fn a_socket_that_slept_goes_on() {
    let mut listener = signed_in();
    let effects = say(&mut listener, What::Subscribe(vec![wish("a")]));
    let tenant = "tenant".to_owned();
    let wishes = vec![wish("a")];
    assert_eq!(effects, [Effect::Follow { tenant, wishes }]);
    let told = done(&mut listener, Done::Followed(Ok(())));
    let [Effect::Keep(session), _] = &told[..] else {
        panic!("{told:?}");
    };
    let kept = serde_json::to_string(session).unwrap();
    let session: Option<Session> = serde_json::from_str(&kept).unwrap();
    let mut listener = Listener::restore(Some(session), NOW);
    assert_eq!(push(&mut listener, "a"), (Reply::Done, 1));
}

#[test]
fn an_app_that_is_not_named_is_that_of_the_sign_in() {
    let mut listener = open();
    let what = What::SignIn {
        account: "d".into(),
        token: Secret::new("t"),
        app_id: Some("a".into()),
    };
    say(&mut listener, what);
    done(&mut listener, Done::Entered(Ok("tenant".into())));
    let looked = say(&mut listener, What::Look(Vec::new()));
    assert!(matches!(&looked[..], [Effect::Look { wishes, .. }] if *wishes == [wish("a")]));
    let mut listener = signed_in();
    let told = say(&mut listener, What::Look(Vec::new()));
    assert_eq!(told, [answer(What::Look(Vec::new()), Answer::Refused(Why::NoApp))]);
}

#[test]
fn one_message_is_answered_after_the_other_and_not_too_many_wait() {
    let mut listener = signed_in();
    say(&mut listener, What::Subscribe(vec![wish("a")]));
    for _ in 0..16 {
        assert_eq!(say(&mut listener, What::Beat), []);
    }
    let mut patient = listener.clone();
    let told = done(&mut patient, Done::Followed(Ok(())));
    assert_eq!(told.len(), 2 + 16);
    let told = say(&mut listener, What::Beat);
    assert!(matches!(told[0], Effect::Close { code: 4_002, .. }), "{told:?}");
}

#[test]
fn nothing_is_left_behind_by_who_goes() {
    let tenant = || "tenant".to_owned();
    let gone = [
        Effect::Unfollow(["a".to_owned()].into()),
        Effect::Leave {
            tenant: tenant(),
            account: "d".into(),
        },
    ];
    let mut listener = following("a");
    let out = effects(step(&mut listener, Input::Event(Event::Closed), NOW));
    assert_eq!(out, gone);
    assert_eq!(push(&mut listener, "a"), (Reply::Gone, 0));
    assert_eq!(done(&mut listener, Done::Looked(Ok(Vec::new()))), []);

    let mut listener = following("a");
    let out = say(&mut listener, What::SignOut);
    assert_eq!(out[0], answer(What::SignOut, Answer::Done));
    assert!(matches!(out[1], Effect::Close { code: 1_000, .. }));
    assert_eq!(out[2..], gone);

    let mut listener = following("a");
    let request = Request::Close;
    let out = step(&mut listener, Input::Asked { by: 1, request }, NOW);
    assert!(
        matches!(out[0], Output::Effect(Effect::Close { code: 4_003, .. })),
        "{out:?}"
    );
}

#[test]
fn nobody_follows_too_many_apps() {
    let mut listener = signed_in();
    let apps: BTreeSet<_> = (0..51).map(|number| number.to_string()).collect();
    let wishes: Vec<_> = apps.iter().map(|app_id| wish(app_id)).collect();
    for what in [What::Subscribe(wishes.clone()), What::Look(wishes)] {
        let told = say(&mut listener, what.clone());
        assert_eq!(told, [answer(what, Answer::Refused(Why::TooMany))]);
    }
}

#[test]
fn what_makes_no_sense_is_answered() {
    let mut listener = open();
    let what = What::Nonsense("no JSON".into());
    let told = say(&mut listener, what.clone());
    assert_eq!(told, [answer(what, Answer::Refused(Why::Nonsense("no JSON".into())))]);
}
