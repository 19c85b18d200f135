use serde::{Deserialize, Serialize};

/// What the objects of one kind have done, as the platform bills it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Questions that they were asked, and sockets that they were asked to open.
    pub requests: u64,
    /// Messages that came over their sockets, without those that the platform answers by itself.
    pub messages: u64,
    pub alarms: u64,
    pub rows_read: u64,
    /// With one for each alarm that was set.
    pub rows_written: u64,
}

impl Work {
    pub fn add(&mut self, other: Self) {
        let Self {
            requests,
            messages,
            alarms,
            rows_read,
            rows_written,
        } = other;
        self.requests = self.requests.saturating_add(requests);
        self.messages = self.messages.saturating_add(messages);
        self.alarms = self.alarms.saturating_add(alarms);
        self.rows_read = self.rows_read.saturating_add(rows_read);
        self.rows_written = self.rows_written.saturating_add(rows_written);
    }
}
