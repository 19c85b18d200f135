use std::sync::atomic::AtomicUsize;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::Rights;

use super::*;

/// An edge that lets in by one token, or says what it is told to.
#[derive(Default)]
struct Fake {
    asked: AtomicUsize,
    answer: Mutex<Option<Result<EntryAnswer, String>>>,
    is_silent: AtomicBool,
}

const GOOD: &str = "good";

impl Edge for Fake {
    fn ask<'a>(&'a self, place: &'a Place, token: Option<&'a Secret>, _: Option<&'a str>) -> Asked<'a> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            if self.is_silent.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            if let Some(answer) = lock(&self.answer).clone() {
                return answer;
            }
            let is_good = place.app == "app" && token.is_some_and(|token| token.expose() == GOOD);
            Ok(match is_good {
                true => EntryAnswer::Granted(Rights {
                    play_ms: 600_000,
                    publish_audio_ms: 300_000,
                    publish_video_ms: 0,
                }),
                false => EntryAnswer::Refused { reason: "no".into() },
            })
        })
    }
}

impl Fake {
    fn say(&self, answer: Result<EntryAnswer, String>) {
        *lock(&self.answer) = Some(answer);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

fn gate(keys: Keys, fake: &Arc<Fake>) -> Gate {
    Gate::new(keys, Passes::following_from(Secret::new("s"))).asking(fake.clone())
}

fn keys() -> Keys {
    Keys {
        publish: Some(Secret::new("pub")),
        play: Some(Secret::new("play")),
    }
}

fn by_token(token: &str) -> Shown {
    Shown::new(None, Some(Secret::new(token)), None)
}

fn by_key(key: &str) -> Shown {
    Shown::new(Some(Secret::new(key)), None, None)
}

async fn wish(gate: &Gate, action: Action, shown: &Shown) -> Result<Grant, Denial> {
    wish_from(gate, action, shown, "192.0.2.1").await
}

async fn wish_from(gate: &Gate, action: Action, shown: &Shown, source: &str) -> Result<Grant, Denial> {
    let place = Place {
        app: "app".into(),
        channel: "c".into(),
        uid: "u".into(),
    };
    let source = source.parse().unwrap();
    gate.admit(&Wish {
        action,
        place: &place,
        shown,
        source,
    })
    .await
}

fn is_stranger(result: &Result<Grant, Denial>) -> bool {
    matches!(result, Err(Denial::Stranger(_)))
}

fn is_undecided(result: &Result<Grant, Denial>) -> bool {
    matches!(result, Err(Denial::Undecided(_)))
}

#[tokio::test(start_paused = true)]
async fn a_good_token_is_asked_about_once_a_minute_and_known_until_it_ends_when_the_edge_is_away() {
    let fake = Arc::new(Fake::default());
    let gate = gate(Keys::default(), &fake);
    for _ in 0..5 {
        assert!(wish(&gate, Action::Play, &by_token(GOOD)).await.is_ok());
    }
    assert_eq!(fake.asked(), 1);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(wish(&gate, Action::Play, &by_token(GOOD)).await.is_ok());
    assert_eq!(fake.asked(), 2);

    fake.say(Err("away".into()));
    tokio::time::advance(Duration::from_secs(539)).await;
    assert!(
        wish(&gate, Action::Play, &by_token(GOOD)).await.is_ok(),
        "who is known comes again"
    );
    assert!(
        is_undecided(&wish(&gate, Action::Play, &by_token("other")).await),
        "nobody else enters"
    );
    tokio::time::advance(Duration::from_secs(62)).await;
    assert!(
        is_undecided(&wish(&gate, Action::Play, &by_token(GOOD)).await),
        "it has ended"
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_edge_holds_nobody_up_for_long_and_the_known_hardly_at_all() {
    let fake = Arc::new(Fake::default());
    let gate = gate(Keys::default(), &fake);
    assert!(wish(&gate, Action::Play, &by_token(GOOD)).await.is_ok());
    fake.is_silent.store(true, Ordering::Relaxed);
    tokio::time::advance(Duration::from_secs(60)).await;
    let begin = Instant::now();
    assert!(is_undecided(&wish(&gate, Action::Play, &by_token("new")).await));
    assert_eq!(begin.elapsed(), ASK_TIME);
    assert!(wish(&gate, Action::Play, &by_token(GOOD)).await.is_ok());
    let before = (begin.elapsed(), fake.asked());
    for _ in 0..100 {
        assert!(wish(&gate, Action::Play, &by_token(GOOD)).await.is_ok());
    }
    assert_eq!((begin.elapsed(), fake.asked()), before, "it is relied on for a while");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_the_edge_takes_back_is_refused_within_a_minute() {
    let fake = Arc::new(Fake::default());
    let gate = gate(Keys::default(), &fake);
    assert!(wish(&gate, Action::Play, &by_token(GOOD)).await.is_ok());
    fake.say(Ok(EntryAnswer::Refused {
        reason: "no more".into(),
    }));
    tokio::time::advance(Duration::from_secs(60)).await;
    let refused = wish(&gate, Action::Play, &by_token(GOOD)).await;
    assert_eq!(refused, Err(Denial::Stranger("no more".into())));
    fake.say(Err("away".into()));
    tokio::time::advance(Duration::from_secs(11)).await;
    assert!(
        is_undecided(&wish(&gate, Action::Play, &by_token(GOOD)).await),
        "nor is it known any more"
    );
}

#[tokio::test(start_paused = true)]
async fn the_operators_keys_and_the_recorders_pass_need_no_edge() {
    let fake = Arc::new(Fake::default());
    let gate = gate(keys(), &fake);
    assert_eq!(wish(&gate, Action::Publish, &by_key("pub")).await, Ok(Grant::ALL));
    assert_eq!(wish(&gate, Action::Play, &by_key("play")).await, Ok(Grant::ALL));
    let pass = Passes::following_from(Secret::new("s")).pass("app", "c").unwrap();
    let basic = |password: &str| {
        Shown::new(
            None,
            None,
            Some(&format!("Basic {}", STANDARD.encode(format!("r:{password}")))),
        )
    };
    assert_eq!(wish(&gate, Action::Play, &basic(pass.expose())).await, Ok(Grant::ALL));
    assert_eq!(fake.asked(), 0);
    assert!(
        is_stranger(&wish(&gate, Action::Publish, &basic(pass.expose())).await),
        "it is for playing alone"
    );
    assert!(is_stranger(&wish(&gate, Action::Publish, &by_key("play")).await));
    assert!(
        wish(&gate, Action::Publish, &by_token(GOOD)).await.is_ok(),
        "tokens are good beside keys"
    );
}

#[tokio::test(start_paused = true)]
async fn an_open_app_on_a_node_with_keys_still_asks_for_them() {
    let fake = Arc::new(Fake::default());
    fake.say(Ok(EntryAnswer::Open));
    let with_keys = gate(keys(), &fake);
    assert!(is_stranger(&wish(&with_keys, Action::Play, &Shown::default()).await));
    assert!(is_stranger(&wish(&with_keys, Action::Play, &by_token("any")).await));
    assert_eq!(wish(&with_keys, Action::Play, &by_key("play")).await, Ok(Grant::ALL));
    let without = gate(Keys::default(), &fake);
    assert_eq!(wish(&without, Action::Publish, &Shown::default()).await, Ok(Grant::ALL));
    assert_eq!(wish(&without, Action::Play, &by_token("any")).await, Ok(Grant::ALL));
    assert_eq!(fake.asked(), 2, "once for each gate: it is the app that is open");
}

#[tokio::test(start_paused = true)]
async fn open_channels_are_served_off_loopback_only_where_the_operator_says_so() {
    let fake = Arc::new(Fake::default());
    fake.say(Ok(EntryAnswer::Open));
    for (listen, allowed, serves) in [
        ("127.0.0.1:8554", false, true),
        ("[::1]:8554", false, true),
        ("0.0.0.0:8554", false, false),
        ("[::]:8554", false, false),
        ("192.0.2.1:8554", false, false),
        ("0.0.0.0:8554", true, true),
    ] {
        let gate = gate(Keys::default(), &fake)
            .listening(&[listen.parse().unwrap()], allowed)
            .unwrap();
        let open = wish(&gate, Action::Play, &Shown::default()).await;
        assert_eq!(open.is_ok(), serves, "{listen} {allowed}");
        assert!(serves || matches!(open, Err(Denial::Forbidden(_))), "{open:?}");
    }
    let off_loopback = "0.0.0.0:8554".parse().unwrap();
    let tokens = Arc::new(Fake::default());
    let gate = gate(Keys::default(), &tokens)
        .listening(&[off_loopback], false)
        .unwrap();
    assert!(
        wish(&gate, Action::Play, &by_token(GOOD)).await.is_ok(),
        "tokens are good anywhere"
    );
}

#[tokio::test]
async fn without_an_edge_the_keys_decide_and_a_node_off_loopback_has_both_or_its_operators_word() {
    let alone = |keys: Keys| Gate::new(keys, Passes::default());
    let off_loopback: SocketAddr = "0.0.0.0:8554".parse().unwrap();
    let only_publish = Keys { play: None, ..keys() };
    for half_open in [Keys::default(), only_publish.clone()] {
        let error = alone(half_open.clone())
            .listening(&[off_loopback], false)
            .err()
            .unwrap();
        assert!(
            error.contains("TAPEDECK_OPEN_CHANNELS") && error.contains("TAPEDECK_PLAY_KEY"),
            "{error}"
        );
        assert!(alone(half_open.clone()).listening(&[off_loopback], true).is_ok());
        assert!(
            alone(half_open)
                .listening(&["127.0.0.1:1".parse().unwrap()], false)
                .is_ok()
        );
    }
    let closed = alone(keys()).listening(&[off_loopback], false).unwrap();
    assert!(is_stranger(&wish(&closed, Action::Play, &by_token(GOOD)).await));
    assert!(wish(&closed, Action::Play, &by_key("play")).await.is_ok());
    let half = alone(only_publish);
    assert!(wish(&half, Action::Play, &Shown::default()).await.is_ok());
    assert!(is_stranger(&wish(&half, Action::Publish, &Shown::default()).await));
}

#[tokio::test(start_paused = true)]
async fn bad_tokens_cost_the_edge_little_and_keep_nobody_else_out() {
    let fake = Arc::new(Fake::default());
    let gate = gate(Keys::default(), &fake);
    for _ in 0..1_000 {
        assert!(is_stranger(&wish(&gate, Action::Play, &by_token("same")).await));
        assert!(is_stranger(&wish(&gate, Action::Play, &Shown::default()).await));
    }
    assert_eq!(fake.asked(), 2, "a refusal is remembered");
    let mut flood = Vec::new();
    for number in 0..1_000 {
        flood.push(wish(&gate, Action::Play, &by_token(&number.to_string())).await);
    }
    assert!(fake.asked() <= 128, "{}", fake.asked());
    assert!(flood.iter().skip(200).all(is_undecided));
    assert!(
        wish_from(&gate, Action::Play, &by_token(GOOD), "192.0.2.2")
            .await
            .is_ok()
    );
    assert!(
        wish(&gate, Action::Play, &by_token(GOOD)).await.is_ok(),
        "what is known is not asked"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_too_long_is_not_asked_about() {
    let fake = Arc::new(Fake::default());
    let gate = gate(Keys::default(), &fake);
    let long = "x".repeat(MAX_TOKEN_BYTES + 1);
    assert!(is_stranger(&wish(&gate, Action::Play, &by_token(&long)).await));
    assert_eq!(fake.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_good_for_what_it_allows() {
    let fake = Arc::new(Fake::default());
    fake.say(Ok(EntryAnswer::Granted(Rights {
        play_ms: 1_000,
        ..Rights::default()
    })));
    let gate = gate(Keys::default(), &fake);
    assert!(wish(&gate, Action::Play, &by_token(GOOD)).await.is_ok());
    let publish = wish(&gate, Action::Publish, &by_token(GOOD)).await;
    assert!(matches!(publish, Err(Denial::Forbidden(_))), "{publish:?}");
    assert_eq!(fake.asked(), 1);
}
