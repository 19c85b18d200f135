use super::*;
use crate::channel::tests::NOW;
use crate::object::{Input as Told, Output as Out};

fn keys(names: &[&str]) -> Vec<ChannelKey> {
    let key = |name: &&str| ChannelKey {
        app_id: "a".to_owned(),
        channel: (*name).to_owned(),
    };
    names.iter().map(key).collect()
}

fn carry(carried: &mut Carried, lease: Option<u64>, names: &[&str], now_ms: u64) -> (u64, Vec<Effect>) {
    let channels = keys(names);
    ask(carried, Request::Carry { lease, channels }, now_ms)
}

fn ask(carried: &mut Carried, request: Request, now_ms: u64) -> (u64, Vec<Effect>) {
    let (mut lease, mut effects) = (0, Vec::new());
    let node_id = "n1".to_owned();
    let request = Question { node_id, request };
    for output in step(carried, Told::Asked { by: 1, request }, now_ms) {
        match output {
            Out::Reply {
                reply: Reply::Lease(held),
                ..
            } => lease = held,
            Out::Reply { reply, .. } => panic!("{reply:?}"),
            Out::Effect(effect) => effects.push(effect),
        }
    }
    (lease, effects)
}

fn lost(effects: &[Effect]) -> Vec<(u64, Vec<ChannelKey>)> {
    let lost = effects.iter().filter_map(|effect| match effect {
        Effect::Lose { lease, channels, .. } => Some((*lease, channels.clone())),
        _ => None,
    });
    lost.collect()
}

#[test]
fn a_renewal_costs_one_small_write_now_and_then_however_many_channels_there_are() {
    let mut carried = Carried::default();
    let names: Vec<_> = (0..5_000).map(|number| number.to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (lease, _) = carry(&mut carried, None, &names, NOW);
    let mut writes = 0;
    for minute in 1..=6 {
        let (same, effects) = carry(&mut carried, Some(lease), &[], NOW + minute * RENEW_MS);
        assert_eq!(same, lease);
        writes += effects.len();
    }
    assert_eq!(writes, 6);
}

#[test]
fn when_the_lease_ends_each_channel_is_told_some_at_a_time() {
    let mut carried = Carried::default();
    let names: Vec<_> = (100..220).map(|number| number.to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (lease, _) = carry(&mut carried, None, &names, NOW);
    let at_ms = carried.next_alarm().unwrap();
    assert_eq!(at_ms, NOW + LEASE_MS);
    let mut told = Vec::new();
    let mut outputs = step(&mut carried, Told::Alarm, at_ms);
    while let Some(Out::Effect(Effect::Lose {
        lease: of, channels, ..
    })) = outputs.pop()
    {
        assert_eq!(of, lease);
        assert!(channels.len() <= 50);
        told.extend(channels.clone());
        outputs = step(&mut carried, Told::Event(Event::Lost { lease, told: channels }), at_ms);
        let done = outputs.pop_if(|last| *last == Out::Effect(Effect::Clear));
        assert_eq!(done.is_some(), told.len() == 120);
    }
    assert_eq!(told, keys(&names));
    assert_eq!(carried.next_alarm(), None);
}

#[test]
fn a_channel_that_could_not_be_told_is_told_after_a_pause() {
    let mut carried = Carried::default();
    let (lease, _) = carry(&mut carried, None, &["x", "y"], NOW);
    let at_ms = NOW + LEASE_MS;
    step(&mut carried, Told::Alarm, at_ms);
    assert_eq!(step(&mut carried, Told::Alarm, at_ms + 10), [], "one at a time");
    step(
        &mut carried,
        Told::Event(Event::Lost {
            lease,
            told: Vec::new(),
        }),
        at_ms + 20,
    );
    let again_ms = carried.next_alarm().unwrap();
    assert!(again_ms > at_ms + 20);
    let outputs = step(&mut carried, Told::Alarm, again_ms);
    let (node_id, channels) = ("n1".to_owned(), keys(&["x", "y"]));
    assert_eq!(
        outputs,
        [Out::Effect(Effect::Lose {
            node_id,
            lease,
            channels,
            ended_ms: None,
        })]
    );
}

#[test]
fn a_restarted_node_has_lost_what_it_carried_at_once() {
    let mut carried = Carried::default();
    let (first, _) = carry(&mut carried, None, &["x", "y"], NOW);
    let (second, effects) = carry(&mut carried, None, &["y"], NOW + 1_000);
    assert!(second > first);
    assert_eq!(lost(&effects), [(first, keys(&["x", "y"]))]);
    // One that was forgotten knows no lease, and gives none that it has given before.
    let mut forgotten = Carried::default();
    let (third, _) = carry(&mut forgotten, Some(second), &[], NOW + 2_000);
    assert!(third > second);
}

#[test]
fn a_lease_holds_what_is_followed_as_well() {
    let mut carried = Carried::default();
    let (lease, _) = carry(&mut carried, None, &[], NOW);
    let channel = keys(&["x"]).remove(0);
    let (same, _) = ask(&mut carried, Request::Follow { channel }, NOW);
    assert_eq!(same, lease);
    assert_eq!(carried.next_alarm(), Some(NOW + LEASE_MS));
    let role = Role::Follows;
    let (_, effects) = ask(
        &mut carried,
        Request::Drop {
            lease: Some(lease),
            role,
            channels: keys(&["x"]),
        },
        NOW,
    );
    assert_eq!(effects, [Effect::Clear]);
    assert_eq!(carried.next_alarm(), None);
}

#[test]
fn what_an_earlier_process_carried_and_followed_is_lost_with_the_time_of_its_end() {
    let mut carried = Carried::default();
    let (first, _) = carry(&mut carried, None, &["x"], NOW);
    let channel = keys(&["y"]).remove(0);
    ask(&mut carried, Request::Follow { channel }, NOW);
    let at_ms = NOW + 1_000;
    let (second, effects) = ask(&mut carried, Request::Restarted { at_ms }, at_ms + 5);
    assert!(second > first);
    let lost = effects.iter().find_map(|effect| match effect {
        Effect::Lose {
            lease,
            channels,
            ended_ms,
            ..
        } => Some((*lease, channels.clone(), *ended_ms)),
        _ => None,
    });
    assert_eq!(lost, Some((first, keys(&["x", "y"]), Some(at_ms + 5))));
    let told = keys(&["x", "y"]);
    step(&mut carried, Told::Event(Event::Lost { lease: first, told }), at_ms + 5);
    // What the new process has told before is its own, and what its lease loses later is not lost by a restart.
    let (third, _) = carry(&mut carried, None, &["x"], at_ms + 10);
    let (same, effects) = ask(&mut carried, Request::Restarted { at_ms }, at_ms + 20);
    assert_eq!(same, third);
    assert!(
        !effects.iter().any(|effect| matches!(effect, Effect::Lose { .. })),
        "{effects:?}"
    );
    let outputs = step(&mut carried, Told::Alarm, at_ms + 10 + LEASE_MS);
    let is_lost = |output: &Output| matches!(output, Out::Effect(Effect::Lose { ended_ms: None, .. }));
    assert!(outputs.iter().any(is_lost), "{outputs:?}");
    // Nobody has to hear of the restart of a node that has carried nothing.
    let mut idle = Carried::default();
    let (_, effects) = ask(&mut idle, Request::Restarted { at_ms }, at_ms);
    assert_eq!(effects, []);
}
