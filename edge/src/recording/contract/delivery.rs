/// What became of one try to deliver an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver took it, with this HTTP status.
    Delivered { status: u16 },
    /// The app wants no events of this kind.
    Unwanted,
    /// The app has no callback.
    NoReceiver,
    /// The text holds no secrets.
    Failed { status: Option<u16>, error: String },
}

/// One try to deliver an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub at_ms: u64,
    pub result: Delivery,
}
