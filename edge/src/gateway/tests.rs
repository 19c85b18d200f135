//! Tokens that replace one another.

use super::*;

const NOW: u64 = 1_700_000_000_000;
const HOUR: u64 = 3_600_000;

fn sign_in(gateway: &mut Gateway, account: &str, token: &str, now_ms: u64) -> Reply {
    let request = Request::SignIn {
        account: account.into(),
        token: token.into(),
        lasts_ms: HOUR,
    };
    gateway.answer(request, now_ms)
}

fn check(gateway: &mut Gateway, token: &str, now_ms: u64) -> Pass {
    match gateway.answer(Request::Check { token: token.into() }, now_ms) {
        Reply::Checked(pass) => pass,
        other => panic!("{other:?}"),
    }
}

fn good(account: &str) -> Pass {
    Pass::Good {
        account: account.into(),
    }
}

#[test]
fn a_new_token_ends_the_one_before_and_no_other_accounts() {
    let mut gateway = Gateway::default();
    sign_in(&mut gateway, "a", "a1", NOW);
    sign_in(&mut gateway, "b", "b1", NOW);
    assert_eq!(check(&mut gateway, "a1", NOW), good("a"));
    assert_eq!(sign_in(&mut gateway, "a", "a2", NOW + 1), Reply::SignedIn);
    assert_eq!(check(&mut gateway, "a1", NOW + 1), Pass::Over);
    assert_eq!(check(&mut gateway, "a2", NOW + 1), good("a"));
    assert_eq!(check(&mut gateway, "b1", NOW + 1), good("b"));
    assert_eq!(check(&mut gateway, "", NOW), Pass::Unknown);
    assert_eq!(check(&mut gateway, "c1", NOW), Pass::Unknown);
}

#[test]
fn a_token_ends_with_its_time_and_survives_its_object() {
    let mut gateway = Gateway::default();
    sign_in(&mut gateway, "a", "a1", NOW);
    let kept = serde_json::to_string(&gateway).unwrap();
    assert!(!kept.contains("a1"), "{kept}");
    let mut gateway: Gateway = serde_json::from_str(&kept).unwrap();
    assert_eq!(check(&mut gateway, "a1", NOW + HOUR - 1), good("a"));
    assert_eq!(check(&mut gateway, "a1", NOW + HOUR), Pass::Over);
}

#[test]
fn nobody_signs_in_too_often_and_not_too_much_is_kept() {
    let mut gateway = Gateway::default();
    for number in 0..10 {
        assert_eq!(sign_in(&mut gateway, "a", &number.to_string(), NOW), Reply::SignedIn);
    }
    assert_eq!(sign_in(&mut gateway, "a", "x", NOW), Reply::Busy);
    assert_eq!(sign_in(&mut gateway, "b", "y", NOW), Reply::SignedIn);
    assert_eq!(check(&mut gateway, "9", NOW), good("a"));
    for second in 0..1_000 {
        let account = format!("n{second}");
        sign_in(&mut gateway, &account, &account, NOW + 1_000 * second);
    }
    assert_eq!(gateway.accounts.len(), MAX_ACCOUNTS);
    assert_eq!(check(&mut gateway, "n999", NOW), good("n999"));
}

fn listen(gateway: &mut Gateway, account: &str, token: &str, listener: &str) -> Reply {
    let request = Request::Listen {
        account: account.into(),
        token: token.into(),
        listener: listener.into(),
    };
    gateway.answer(request, NOW)
}

#[test]
fn an_account_listens_by_its_own_token_and_some_sockets_at_a_time() {
    let mut gateway = Gateway::default();
    sign_in(&mut gateway, "a", "a1", NOW);
    sign_in(&mut gateway, "b", "b1", NOW);
    assert_eq!(listen(&mut gateway, "a", "b1", "x"), Reply::Checked(Pass::Unknown));
    assert_eq!(listen(&mut gateway, "a", "none", "x"), Reply::Checked(Pass::Unknown));
    sign_in(&mut gateway, "b", "b2", NOW);
    assert_eq!(listen(&mut gateway, "b", "b1", "x"), Reply::Checked(Pass::Over));
    for number in 0..account::MAX_LISTENERS {
        let listens = listen(&mut gateway, "a", "a1", &number.to_string());
        assert_eq!(listens, Reply::Listens { left: None });
    }
    let leave = Request::Leave {
        account: "a".into(),
        listener: "3".into(),
    };
    assert_eq!(gateway.answer(leave, NOW), Reply::Done);
    assert_eq!(listen(&mut gateway, "a", "a1", "new"), Reply::Listens { left: None });
    let left = Some("0".to_owned());
    assert_eq!(listen(&mut gateway, "a", "a1", "newer"), Reply::Listens { left });
    assert_eq!(listen(&mut gateway, "b", "b2", "b"), Reply::Listens { left: None });
}
