use std::fmt;

use crate::access::{App, DirectoryError, Setting};
use crate::app::{self, Admit, Verdict};
use crate::gateway;
use crate::http::Response;
use crate::joining::Order;
use crate::recording::{Call, Command, Outcome};
use crate::room;
use crate::upload;

/// What a dialect makes of a request, as far as it can tell: the response, or what has to be asked before. Who asks hands the
/// answer in and gets the next step, until there is a response. A request may ask as often as it needs.
#[derive(Debug)]
pub enum Step {
    /// The response to the customer.
    Respond(Response),
    /// The directory could not be read: ours. The error is for the log, the response for the customer.
    Failed(DirectoryError, Response),
    /// The `App` object is asked whether the app's limits let the request through.
    Admit(Box<Admission>),
    /// A `Recorder` is asked.
    Call(Box<Pending>),
    /// The `App` object is asked about the app's recordings: a list, one of them, or to delete one.
    Index(Box<LookUp>),
    /// The directory is written.
    Save(Box<Saving>),
    /// A `Gateway` object is asked who is signed in.
    Gateway(Box<Entrance>),
    /// A `Joiner` object is asked for each order.
    Join(Box<Joining>),
    /// A room, or what rooms have in common, is asked.
    Room(Box<Visit>),
    /// An object that takes an upload is asked.
    Upload(Box<Sending>),
    /// The file in the request's body is put into the app's own store.
    Receive(Box<Receiving>),
}

/// What becomes of a request once an upload's object has answered.
type AfterSending = Box<dyn FnOnce(Option<upload::Reply>) -> Step>;

/// A valid, authorized request about a file that a client sends.
pub struct Sending {
    pub question: upload::Question,
    next: AfterSending,
}

impl Sending {
    pub(super) fn new(question: upload::Question, next: impl FnOnce(Option<upload::Reply>) -> Step + 'static) -> Self {
        Self {
            question,
            next: Box::new(next),
        }
    }

    /// What becomes of the request; `reply` is `None` when the object could not be asked: ours, and worth another try.
    pub fn answered(self, reply: Option<upload::Reply>) -> Step {
        (self.next)(reply)
    }
}

/// What becomes of a request once its file is in the store, in pieces of these sizes.
type AfterReceipt = Box<dyn FnOnce(Result<Vec<u64>, upload::Problem>) -> Step>;

/// A valid, authorized request whose body has a file.
pub struct Receiving {
    pub app: App,
    /// What is to be made of the file, without parts.
    pub order: Order,
    /// That reads the body.
    pub form: upload::Form,
    next: AfterReceipt,
}

impl Receiving {
    pub(super) fn new(
        app: App,
        order: Order,
        form: upload::Form,
        next: impl FnOnce(Result<Vec<u64>, upload::Problem>) -> Step + 'static,
    ) -> Self {
        Self {
            app,
            order,
            form,
            next: Box::new(next),
        }
    }

    pub fn received(self, sizes: Result<Vec<u64>, upload::Problem>) -> Step {
        (self.next)(sizes)
    }
}

/// What becomes of a request once a room has answered.
type AfterVisit = Box<dyn FnOnce(Option<room::Told>) -> Step>;

/// A valid, authorized request that waits for a room.
pub struct Visit {
    pub ask: room::Ask,
    next: AfterVisit,
}

impl Visit {
    pub(super) fn new(ask: room::Ask, next: impl FnOnce(Option<room::Told>) -> Step + 'static) -> Self {
        Self {
            ask,
            next: Box::new(next),
        }
    }

    /// What becomes of the request; `told` is `None` when nobody answered: ours, and worth another try.
    pub fn answered(self, told: Option<room::Told>) -> Step {
        (self.next)(told)
    }
}

/// What becomes of a request once it is known who is signed in.
type AfterEntry = Box<dyn FnOnce(Option<gateway::Reply>) -> Step>;

/// A request whose caller signs in, or says to be signed in.
pub struct Entrance {
    pub tenant: String,
    /// For the `Gateway` object of the tenant.
    pub request: gateway::Request,
    next: AfterEntry,
}

impl Entrance {
    pub(super) fn new(
        tenant: String,
        request: gateway::Request,
        next: impl FnOnce(Option<gateway::Reply>) -> Step + 'static,
    ) -> Self {
        Self {
            tenant,
            request,
            next: Box::new(next),
        }
    }

    /// What becomes of the request; `reply` is `None` when the object could not be asked: ours.
    pub fn answered(self, reply: Option<gateway::Reply>) -> Step {
        (self.next)(reply)
    }
}

/// What becomes of a request once its app's limits are known.
type AfterVerdict = Box<dyn FnOnce(Option<&Verdict>) -> Step>;

/// What becomes of a request once its recorder has answered.
type AfterOutcome = Box<dyn Fn(Option<&Outcome>) -> Step>;

/// What becomes of a request once the app's index has answered.
type AfterReply = Box<dyn FnOnce(Option<app::Reply>) -> Step>;

/// What becomes of a request once the directory has been written.
type AfterSave = Box<dyn FnOnce(Result<(), DirectoryError>) -> Step>;

/// A request of an app by a caller who may use it. It counts, whatever is to become of it.
pub struct Admission {
    pub app_id: String,
    /// For the `App` object.
    pub admit: Admit,
    next: AfterVerdict,
}

impl Admission {
    pub(super) fn new(app_id: String, admit: Admit, next: impl FnOnce(Option<&Verdict>) -> Step + 'static) -> Self {
        Self {
            app_id,
            admit,
            next: Box::new(next),
        }
    }

    /// What becomes of the request; `verdict` is `None` when the `App` object could not be asked: then it is let through,
    /// since a customer must be able to stop what runs, and nodes take no more than they can.
    pub fn decide(self, verdict: Option<&Verdict>) -> Step {
        (self.next)(verdict)
    }
}

/// A valid, authorized request that waits for a recorder.
pub struct Pending {
    /// For the `Recorder` object of `call.key`.
    pub call: Call,
    next: AfterOutcome,
}

impl Pending {
    pub(super) fn new(call: Call, next: impl Fn(Option<&Outcome>) -> Step + 'static) -> Self {
        Self {
            call,
            next: Box::new(next),
        }
    }

    /// What becomes of the request; `outcome` is `None` when the recorder could not be asked: ours, and worth another try.
    pub fn answered(&self, outcome: Option<&Outcome>) -> Step {
        (self.next)(outcome)
    }

    /// The sid whose place among the app's recordings is not needed, since the start did not start it.
    pub fn unused_place(&self, outcome: &Outcome) -> Option<&str> {
        let Command::Start(start) = &self.call.command else {
            return None;
        };
        let started = matches!(outcome, Outcome::Started { sid } if *sid == start.sid);
        (!started).then_some(&start.sid)
    }
}

/// A valid, authorized request that waits for the app's index of recordings.
pub struct LookUp {
    pub app_id: String,
    /// For the `App` object.
    pub request: app::Request,
    next: AfterReply,
}

impl LookUp {
    pub(super) fn new(
        app_id: String,
        request: app::Request,
        next: impl FnOnce(Option<app::Reply>) -> Step + 'static,
    ) -> Self {
        Self {
            app_id,
            request,
            next: Box::new(next),
        }
    }

    /// What becomes of the request; `reply` is `None` when the `App` object could not be asked: ours, and worth another try.
    pub fn answered(self, reply: Option<app::Reply>) -> Step {
        (self.next)(reply)
    }
}

/// A valid, authorized request that changes what the directory has.
pub struct Saving {
    pub setting: Setting,
    next: AfterSave,
}

impl Saving {
    pub(super) fn new(setting: Setting, next: impl FnOnce(Result<(), DirectoryError>) -> Step + 'static) -> Self {
        Self {
            setting,
            next: Box::new(next),
        }
    }

    pub fn saved(self, saved: Result<(), DirectoryError>) -> Step {
        (self.next)(saved)
    }
}

/// What becomes of a request once its files are being joined, or one of the objects has not answered.
type AfterBeginning = Box<dyn FnOnce(bool) -> Step>;

/// A valid, authorized request to join files, with a place in the app's quota for each order.
pub struct Joining {
    pub orders: Vec<Order>,
    next: AfterBeginning,
}

impl Joining {
    pub(super) fn new(orders: Vec<Order>, next: impl FnOnce(bool) -> Step + 'static) -> Self {
        Self {
            orders,
            next: Box::new(next),
        }
    }

    /// What becomes of the request; `begun`: all objects have taken their orders.
    pub fn answered(self, begun: bool) -> Step {
        (self.next)(begun)
    }
}

impl fmt::Debug for Joining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joining")
            .field("orders", &self.orders)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Saving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saving")
            .field("setting", &self.setting)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookUp")
            .field("app_id", &self.app_id)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("app_id", &self.app_id)
            .field("admit", &self.admit)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance")
            .field("tenant", &self.tenant)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit").field("ask", &self.ask).finish_non_exhaustive()
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending")
            .field("question", &self.question)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Receiving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving")
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}
