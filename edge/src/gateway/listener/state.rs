use std::collections::{BTreeSet, VecDeque};

use super::contract::{Answer, Done, Effect, Output, Reply, Request, Said, Session, Told, What, Why, Wish};

/// Who has not signed in by then is nobody's client.
const SIGN_IN_MS: u64 = 30_000;
/// Apps that one listener follows, and that one message names.
const MAX_APPS: usize = 50;
/// Messages that wait for the one before. A client waits for its answers.
const MAX_WAITING: usize = 16;

/// Codes by which sockets are closed, of those that applications may choose.
const NO_SIGN_IN: u16 = 4_001;
const TOO_FAST: u16 = 4_002;
const REPLACED: u16 = 4_003;
const NORMAL: u16 = 1_000;

/// Somebody at a socket.
#[derive(Clone, Debug, Default)]
pub struct Listener {
    is_open: bool,
    session: Option<Session>,
    /// When it is closed, unless it has signed in.
    ends_ms: Option<u64>,
    /// The message that is being answered.
    at_work: Option<Said>,
    waiting: VecDeque<Said>,
}

impl Listener {
    /// The listener of a socket with what was kept with it; `socket`: `None` when there is no socket.
    pub fn restore(socket: Option<Option<Session>>, now_ms: u64) -> Self {
        let is_open = socket.is_some();
        let session = socket.flatten();
        Self {
            is_open,
            ends_ms: (is_open && session.is_none()).then(|| now_ms.saturating_add(SIGN_IN_MS)),
            session,
            ..Self::default()
        }
    }

    pub fn next_alarm(&self) -> Option<u64> {
        self.ends_ms
    }

    pub(super) fn opened(&mut self, now_ms: u64) {
        self.is_open = true;
        self.ends_ms = Some(now_ms.saturating_add(SIGN_IN_MS));
    }

    pub(super) fn expire(&mut self, now_ms: u64, out: &mut Vec<Output>) {
        if self.ends_ms.is_some_and(|ends_ms| ends_ms <= now_ms) {
            self.ends_ms = None;
            self.end(NO_SIGN_IN, "nobody has signed in", out);
        }
    }

    pub(super) fn asked(&mut self, request: Request, out: &mut Vec<Output>) -> Reply {
        match request {
            Request::Push { app_id, events } => {
                let session = self.session.as_ref().filter(|_| self.is_open);
                // An app may be followed already whose answer is still under way.
                let follows = session.is_some_and(|session| session.apps.contains(&app_id));
                if !follows && !self.begins_to_follow(&app_id) {
                    return Reply::Gone;
                }
                out.extend(events.into_iter().map(|happened| {
                    let app_id = app_id.clone();
                    tell(Told::Event { app_id, happened })
                }));
                Reply::Done
            }
            Request::Close => {
                self.end(REPLACED, "the account has too many sockets: the oldest is closed", out);
                Reply::Done
            }
        }
    }

    pub(super) fn said(&mut self, said: Said, out: &mut Vec<Output>) {
        if !self.is_open {
            return;
        }
        if self.waiting.len() >= MAX_WAITING {
            return self.end(TOO_FAST, "too many messages wait for an answer", out);
        }
        self.waiting.push_back(said);
        self.go_on(out);
    }

    pub(super) fn done(&mut self, done: Done, out: &mut Vec<Output>) {
        // What was done for somebody who is gone is found to be nobody's: by the next event, or the account's next socket.
        let Some(said) = self.at_work.take().filter(|_| self.is_open) else {
            return;
        };
        let answer = match (done, &said.what) {
            (Done::Entered(Ok(tenant)), What::SignIn { account, app_id, .. }) => {
                self.ends_ms = None;
                self.keep(
                    Session {
                        account: account.clone(),
                        tenant,
                        app_id: app_id.clone(),
                        apps: BTreeSet::new(),
                    },
                    out,
                );
                Answer::Done
            }
            (Done::Followed(Ok(())), What::Subscribe(wishes)) => {
                let followed: Vec<_> = self.meant(wishes).into_iter().map(|wish| wish.app_id).collect();
                if let Some(mut session) = self.session.take() {
                    session.apps.extend(followed);
                    self.keep(session, out);
                }
                Answer::Done
            }
            (Done::Looked(Ok(states)), _) => Answer::States(states),
            (Done::Entered(Err(why)) | Done::Followed(Err(why)) | Done::Looked(Err(why)), _) => Answer::Refused(why),
            _ => Answer::Refused(Why::Unavailable),
        };
        out.push(answer_to(said, answer));
        self.go_on(out);
    }

    pub(super) fn closed(&mut self, out: &mut Vec<Output>) {
        self.is_open = false;
        self.ends_ms = None;
        self.waiting.clear();
        self.sign_out(out);
    }

    fn begins_to_follow(&self, app_id: &str) -> bool {
        match self.at_work.as_ref().map(|said| &said.what) {
            Some(What::Subscribe(wishes)) => self.meant(wishes).iter().any(|wish| wish.app_id == app_id),
            _ => false,
        }
    }

    fn go_on(&mut self, out: &mut Vec<Output>) {
        while self.at_work.is_none()
            && self.is_open
            && let Some(said) = self.waiting.pop_front()
        {
            match self.begin(&said.what, out) {
                Some(answer) => {
                    let signs_out = said.what == What::SignOut;
                    out.push(answer_to(said, answer));
                    if signs_out {
                        self.end(NORMAL, "signed out", out);
                    }
                }
                None => self.at_work = Some(said),
            }
        }
    }

    /// The answer, unless there is something to be waited for.
    fn begin(&mut self, what: &What, out: &mut Vec<Output>) -> Option<Answer> {
        let refused = |why| Some(Answer::Refused(why));
        match what {
            What::Lacking(field) => return refused(Why::Lacking(field)),
            What::Nonsense(problem) => return refused(Why::Nonsense(problem.clone())),
            What::SignIn { .. } if self.session.is_some() => return refused(Why::SignedInAlready),
            What::SignIn { account, token, .. } => {
                out.push(Output::Effect(Effect::Enter {
                    account: account.clone(),
                    token: token.clone(),
                }));
                return None;
            }
            // A beat shows that the way is open, whoever sends it.
            What::Beat => return Some(Answer::Done),
            What::SignOut | What::Subscribe(_) | What::Unsubscribe(_) | What::Look(_) => {}
        }
        let Some(session) = &self.session else {
            return refused(Why::NotSignedIn);
        };
        let tenant = session.tenant.clone();
        match what {
            What::Subscribe(wishes) => {
                let wishes = self.meant(wishes);
                let added = wishes.iter().filter(|wish| !session.apps.contains(&wish.app_id));
                if session.apps.len().saturating_add(added.count()) > MAX_APPS {
                    return refused(Why::TooMany);
                }
                if wishes.is_empty() {
                    return refused(Why::NoApp);
                }
                out.push(Output::Effect(Effect::Follow { tenant, wishes }));
                None
            }
            What::Look(wishes) => {
                let mut wishes = self.meant(wishes);
                if wishes.is_empty() {
                    wishes.extend(session.apps.iter().map(|app_id| Wish {
                        app_id: app_id.clone(),
                        ..Wish::default()
                    }));
                }
                if wishes.len() > MAX_APPS {
                    return refused(Why::TooMany);
                }
                if wishes.is_empty() {
                    return refused(Why::NoApp);
                }
                out.push(Output::Effect(Effect::Look { tenant, wishes }));
                None
            }
            What::Unsubscribe(wishes) => {
                let mut session = session.clone();
                let gone = match wishes.is_empty() {
                    true => std::mem::take(&mut session.apps),
                    false => wishes
                        .iter()
                        .filter_map(|wish| session.apps.take(&wish.app_id))
                        .collect(),
                };
                self.keep(session, out);
                out.push(Output::Effect(Effect::Unfollow(gone)));
                Some(Answer::Done)
            }
            _ => Some(Answer::Done),
        }
    }

    /// The apps of a message, or that of the sign-in.
    fn meant(&self, wishes: &[Wish]) -> Vec<Wish> {
        if !wishes.is_empty() {
            return wishes.to_vec();
        }
        let own = self.session.as_ref().and_then(|session| session.app_id.clone());
        let own = own.map(|app_id| Wish {
            app_id,
            ..Wish::default()
        });
        own.into_iter().collect()
    }

    fn keep(&mut self, session: Session, out: &mut Vec<Output>) {
        out.push(Output::Effect(Effect::Keep(Some(session.clone()))));
        self.session = Some(session);
    }

    fn end(&mut self, code: u16, reason: &'static str, out: &mut Vec<Output>) {
        if self.is_open {
            out.push(Output::Effect(Effect::Close { code, reason }));
        }
        self.closed(out);
    }

    fn sign_out(&mut self, out: &mut Vec<Output>) {
        let Some(Session {
            tenant, account, apps, ..
        }) = self.session.take()
        else {
            return;
        };
        if !apps.is_empty() {
            out.push(Output::Effect(Effect::Unfollow(apps)));
        }
        out.push(Output::Effect(Effect::Leave { tenant, account }));
    }
}

fn tell(told: Told) -> Output {
    Output::Effect(Effect::Tell(told))
}

fn answer_to(said: Said, answer: Answer) -> Output {
    let Said { what, echo } = said;
    tell(Told::Answer { what, echo, answer })
}
