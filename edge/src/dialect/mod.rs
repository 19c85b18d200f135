//! The APIs that customers call, one folder a vendor: its bytes become the core's commands, the core's outcomes its bytes. What
//! the rest of the edge knows of them stands in this file. A dialect knows access and the core's words; it never calls another
//! dialect, and never touches storage but through the directory.
//!
//! A new vendor is a folder whose type implements [`Vendor`], and its row in the table below.

mod agora;
mod fsp;
mod house;
mod notification;
mod polyv;
mod samples;
mod step;
mod uprtc;
mod vendor;

use serde_json::json;

use crate::access::{App, Automatic, Callback, Method, Store};
use crate::app::Listed;
use crate::gateway::listener::{Said, Told};
use crate::http::{Request, Response};
use crate::joining::Order;
use crate::recording::{Call, Event, Notice, Subject};

pub use notification::{EventType, Notification, notice_id};
pub use step::{Admission, Entrance, Joining, LookUp, Pending, Receiving, Saving, Sending, Step, Visit};
use vendor::Vendor;
pub use vendor::{Joined, NoticeTerms, Server, StartTerms};

/// Declares the vendors, and hands on to each what concerns it.
macro_rules! vendors {
    ($($vendor:ident($dialect:ty)),+ $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Spoken {
            $($vendor($dialect),)+
        }

        enum VendorRoute<'a> {
            $($vendor(<$dialect as Vendor>::Route<'a>),)+
        }

        impl Dialect {
            /// All dialects, with their names.
            fn all() -> impl Iterator<Item = (&'static str, Self)> {
                std::iter::empty()$(.chain(
                    <$dialect>::DIALECTS.iter().map(|(name, dialect)| (*name, Self(Spoken::$vendor(*dialect)))),
                ))+
            }

            /// The start of an automatic recording of a channel, as the setting of an app asks for it.
            ///
            /// # Errors
            /// What is wrong with the setting or the channel's name, for a person.
            pub fn automatic(
                self,
                automatic: &Automatic,
                channel: &str,
                app: &App,
                terms: StartTerms<'_>,
            ) -> Result<Call, String> {
                match self.0 {
                    $(Spoken::$vendor(dialect) => dialect.automatic(automatic, channel, app, terms),)+
                }
            }

            /// Whether customers can set a callback for a channel of theirs.
            pub fn has_channel_callbacks(self) -> bool {
                match self.0 {
                    $(Spoken::$vendor(_) => <$dialect>::HAS_CHANNEL_CALLBACKS,)+
                }
            }

            /// Whether customers can listen to what happens in their apps.
            pub fn has_listeners(self) -> bool {
                match self.0 {
                    $(Spoken::$vendor(_) => <$dialect>::HAS_LISTENERS,)+
                }
            }

            /// Whether channels whose names are IDs of rooms are rooms.
            pub fn has_rooms(self) -> bool {
                match self.0 {
                    $(Spoken::$vendor(_) => <$dialect>::HAS_ROOMS,)+
                }
            }

            /// What those who listen are told of an event of a recording; `None` for nothing.
            pub fn told(self, subject: &Subject, event: &Event) -> Option<String> {
                match self.0 {
                    $(Spoken::$vendor(dialect) => dialect.told(subject, event),)+
                }
            }

            /// What the dialect calls an event.
            pub fn event_type(self, event: &Event) -> EventType {
                match self.0 {
                    $(Spoken::$vendor(dialect) => dialect.event_type(event),)+
                }
            }

            /// Whether a callback is to be told of an event.
            pub fn wants(self, event: &Event, callback: &Callback) -> bool {
                match self.0 {
                    $(Spoken::$vendor(dialect) => dialect.wants(event, callback),)+
                }
            }

            /// The request that tells a callback of an event, with its signatures.
            pub fn notification(self, subject: &Subject, notice: &Notice, terms: NoticeTerms<'_>) -> Notification {
                match self.0 {
                    $(Spoken::$vendor(dialect) => dialect.notification(subject, notice, terms),)+
                }
            }

            /// The callback, by its name among [`App::further`], that is told of an event in the place of the app's own.
            pub fn callback_name(self, event: &Event) -> Option<&'static str> {
                match self.0 {
                    $(Spoken::$vendor(dialect) => dialect.callback_name(event),)+
                }
            }

            /// The request that tells a callback what came of files that were joined.
            pub fn joined(self, joined: &Joined<'_>, terms: NoticeTerms<'_>) -> Option<Notification> {
                match self.0 {
                    $(Spoken::$vendor(dialect) => dialect.joined(joined, terms),)+
                }
            }

            /// What is to be made of a recording that is over, by the app's index; `None` for most.
            pub fn whole(self, listed: &Listed) -> Option<Order> {
                match self.0 {
                    $(Spoken::$vendor(dialect) => dialect.whole(listed),)+
                }
            }
        }

        /// Finds the vendor whose API has a place for a request; `None` when none has.
        pub fn route(request: &Request) -> Option<Routed<'_>> {
            $(if let Some(route) = <$dialect>::route(request) {
                return Some(Routed { request, route: VendorRoute::$vendor(route) });
            })+
            None
        }

        impl Routed<'_> {
            /// What the request calls, whatever the vendor names it.
            pub fn method(&self) -> Method {
                match &self.route {
                    $(VendorRoute::$vendor(route) => <$dialect>::method(route),)+
                }
            }

            /// Whether the request's body has a file, which is not read before the request has gone as far as it does without.
            pub fn takes_file(&self) -> bool {
                match &self.route {
                    $(VendorRoute::$vendor(route) => <$dialect>::takes_file(route),)+
                }
            }

            /// Takes the request as far as it goes without asking an object.
            pub async fn handle<S: Store>(self, server: &Server<'_, S>) -> Step {
                match self.route {
                    $(VendorRoute::$vendor(route) => <$dialect>::handle(route, self.request, server).await,)+
                }
            }
        }
    };
}

vendors! {
    Agora(agora::Flavour),
    Polyv(polyv::Polyv),
    Fsp(fsp::Flavour),
    Uprtc(uprtc::Uprtc),
}

/// A dialect that apps can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect(Spoken);

/// A request with its place in a vendor's API.
pub struct Routed<'a> {
    request: &'a Request,
    route: VendorRoute<'a>,
}

impl Dialect {
    /// The dialect of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find_map(|(known, dialect)| (known == name).then_some(dialect))
    }

    /// The name by which apps choose the dialect.
    pub fn name(self) -> &'static str {
        let mut all = Self::all();
        all.find_map(|(name, dialect)| (dialect == self).then_some(name))
            .unwrap_or_default()
    }

    /// The names of all dialects.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::all().map(|(name, _)| name)
    }

    /// One event of each type that a callback wants, as a test of it.
    pub fn samples(self, app_id: &str, callback: &Callback, now_ms: u64) -> Vec<(Subject, Notice)> {
        samples::samples(app_id, |event| self.wants(event, callback), now_ms)
    }
}

/// The dialect of an app that names none.
impl Default for Dialect {
    fn default() -> Self {
        Self(Spoken::Agora(agora::Flavour::default()))
    }
}

/// The words that are spoken over a socket by which somebody listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire(());

impl Wire {
    /// Those of the sockets that are opened at a path; `None` when none are.
    pub fn of(path: &str) -> Option<Self> {
        (path == fsp::wire::PATH).then_some(Self(()))
    }

    pub fn read(self, message: &str) -> Said {
        fsp::wire::read(message)
    }

    /// The messages, in order.
    pub fn write(self, told: &Told) -> Vec<String> {
        fsp::wire::write(told)
    }
}

/// The response to a request that no vendor's API has a place for.
pub fn no_route() -> Response {
    Response::json(404, &json!({ "message": "no Route matched with those values" }))
}

#[cfg(test)]
mod tests;
