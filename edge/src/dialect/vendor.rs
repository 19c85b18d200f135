use protocol::{RecordedFile, Refusal};

use super::notification::{EventType, Notification};
use super::step::Step;
use crate::access::{App, Automatic, Callback, Directory, Entropy, HouseStorage, Method, Store};
use crate::app::Listed;
use crate::http::Request;
use crate::input::Targets;
use crate::joining::Order;
use crate::recording::{Call, Event, Notice, Subject};

/// The API of a vendor, which each folder beside this file has. A value is one of the dialects in which the API is spoken, where
/// vendors share it and differ in little.
pub(super) trait Vendor: Copy + PartialEq + 'static {
    /// The dialects, each with the name by which apps choose it.
    const DIALECTS: &'static [(&'static str, Self)];

    /// Whether customers can set a callback for a channel of theirs.
    const HAS_CHANNEL_CALLBACKS: bool = false;

    /// Whether customers can listen to what happens in their apps.
    const HAS_LISTENERS: bool = false;

    /// Whether channels whose names are IDs of rooms are rooms.
    const HAS_ROOMS: bool = false;

    /// A request's place in the API.
    type Route<'a>;

    /// Finds a request's place by its method and path; `None` when the API has none for it. The paths of two vendors never meet.
    fn route(request: &Request) -> Option<Self::Route<'_>>;

    /// What a request calls, whatever the vendor names it.
    fn method(route: &Self::Route<'_>) -> Method;

    /// Whether a request's body has a file. It is read by [`Step::Receive`], and missing until then.
    fn takes_file(_route: &Self::Route<'_>) -> bool {
        false
    }

    /// Takes a request as far as it goes without asking an object. Who calls, and whether they may, the dialect finds out by its
    /// own rules.
    fn handle<S: Store>(
        route: Self::Route<'_>,
        request: &Request,
        server: &Server<'_, S>,
    ) -> impl Future<Output = Step>;

    /// The start of an automatic recording of a channel, as the setting of an app asks for it.
    ///
    /// # Errors
    /// What is wrong with the setting or the channel's name, for a person.
    fn automatic(self, automatic: &Automatic, channel: &str, app: &App, terms: StartTerms<'_>) -> Result<Call, String>;

    /// What those who listen are told of an event of a recording, in words that only the vendor's own folder reads; `None` for
    /// nothing.
    fn told(self, _subject: &Subject, _event: &Event) -> Option<String> {
        None
    }

    /// What the vendor calls an event.
    fn event_type(self, event: &Event) -> EventType;

    /// Whether a callback is to be told of an event.
    fn wants(self, event: &Event, callback: &Callback) -> bool;

    /// The request that tells a callback of an event, with its signatures.
    fn notification(self, subject: &Subject, notice: &Notice, terms: NoticeTerms<'_>) -> Notification;

    /// The callback, by its name among [`App::further`], that is told of an event in the place of the app's own; `None` for most.
    fn callback_name(self, _event: &Event) -> Option<&'static str> {
        None
    }

    /// The request that tells a callback what came of files that were joined; `None` where the vendor has none.
    fn joined(self, _joined: &Joined<'_>, _terms: NoticeTerms<'_>) -> Option<Notification> {
        None
    }

    /// What is to be made of a recording that is over, by the app's index; `None` where its files are handed out as they are.
    fn whole(self, _listed: &Listed) -> Option<Order> {
        None
    }

    /// The dialect that an app names; `None` for one of another vendor.
    fn named(name: &str) -> Option<Self> {
        let mut dialects = Self::DIALECTS.iter();
        dialects.find_map(|(known, dialect)| (*known == name).then_some(*dialect))
    }
}

/// What a dialect handles a request with.
pub struct Server<'a, S> {
    pub directory: &'a Directory<'a, S>,
    /// Where customers reach this server: `http(s)://host[:port]`, where the deployment says it.
    pub public_url: Option<&'a str>,
    /// The servers that a customer may name.
    pub targets: Targets,
    /// Unix milliseconds.
    pub now_ms: u64,
    /// Fresh for each request.
    pub entropy: &'a Entropy,
}

/// What a start without a caller is read with.
#[derive(Clone, Copy)]
pub struct StartTerms<'a> {
    /// The servers that the setting may name.
    pub targets: Targets,
    /// Unix milliseconds.
    pub now_ms: u64,
    /// Fresh for each start.
    pub entropy: &'a Entropy,
}

/// What came of files that were joined.
#[derive(Clone, Copy, Debug)]
pub struct Joined<'a> {
    pub order: &'a Order,
    /// As [`Told::form`](crate::joining::Told::form).
    pub form: &'a str,
    pub result: &'a Result<RecordedFile, Refusal>,
}

/// What a notification is made with.
#[derive(Clone, Copy)]
pub struct NoticeTerms<'a> {
    pub callback: &'a Callback,
    /// The app's own store, to whose files the notification may have links.
    pub house_storage: Option<&'a HouseStorage>,
    /// Where customers reach this server: `http(s)://host[:port]`, where the deployment says it.
    pub public_url: Option<&'a str>,
    /// When it is sent, Unix milliseconds.
    pub now_ms: u64,
}
