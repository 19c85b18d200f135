use serde::{Deserialize, Serialize};

/// What a customer can call, whatever a dialect names it. Each method has a rate limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Method {
    Acquire,
    Start,
    Query,
    Update,
    UpdateLayout,
    Stop,
}

impl Method {
    pub const ALL: [Self; 6] = [
        Self::Acquire,
        Self::Start,
        Self::Query,
        Self::Update,
        Self::UpdateLayout,
        Self::Stop,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Acquire => "acquire",
            Self::Start => "start",
            Self::Query => "query",
            Self::Update => "update",
            Self::UpdateLayout => "updateLayout",
            Self::Stop => "stop",
        }
    }
}

/// What an app may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    pub requests_per_second: Rates,
    /// Recordings at the same time, 1 to [`Limits::MAX_RECORDINGS`].
    pub recordings: u32,
}

/// Requests a second of each method, 1 to [`Limits::MAX_RATE`] each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rates {
    pub acquire: u32,
    pub start: u32,
    pub query: u32,
    pub update: u32,
    pub update_layout: u32,
    pub stop: u32,
}

impl Limits {
    /// One object counts an app's requests, and answers about so many a second.
    pub const MAX_RATE: u32 = 1_000;
    pub const MAX_RECORDINGS: u32 = 10_000;
}

impl Rates {
    pub fn of(&self, method: Method) -> u32 {
        match method {
            Method::Acquire => self.acquire,
            Method::Start => self.start,
            Method::Query => self.query,
            Method::Update => self.update,
            Method::UpdateLayout => self.update_layout,
            Method::Stop => self.stop,
        }
    }

    pub fn set(&mut self, method: Method, rate: u32) {
        let field = match method {
            Method::Acquire => &mut self.acquire,
            Method::Start => &mut self.start,
            Method::Query => &mut self.query,
            Method::Update => &mut self.update,
            Method::UpdateLayout => &mut self.update_layout,
            Method::Stop => &mut self.stop,
        };
        *field = rate;
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: Rates::default(),
            recordings: 50,
        }
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            acquire: 10,
            start: 10,
            query: 10,
            update: 10,
            update_layout: 10,
            stop: 10,
        }
    }
}
