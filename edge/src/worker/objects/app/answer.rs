use super::index::Index;
use crate::app::{self, Change, Reply, Usage};

/// What the app's object replies. What that changes in the index is written.
pub(super) fn answer(usage: &mut Usage, index: &Index, request: app::Request, now_ms: u64) -> worker::Result<Reply> {
    let (reply, change) = match request {
        app::Request::Admit(admit) => {
            let (verdict, change) = usage.admit(admit, now_ms);
            (Reply::Verdict(verdict), change)
        }
        app::Request::Release { sid } => (Reply::Done, usage.release(&sid, now_ms)),
        app::Request::News(news) => {
            let known = index.find(&news.reservation.sid)?;
            (Reply::Done, usage.told(*news, known, now_ms))
        }
        app::Request::List(filter) => (index.list(&filter)?, Change::default()),
        app::Request::Find { sid } => {
            let row = index.find(&sid)?;
            (Reply::Find(row.map(|row| Box::new(row.listed))), Change::default())
        }
        app::Request::Usage { limits } => (Reply::Usage(usage.view(limits, now_ms)), Change::default()),
    };
    index.save(&change)?;
    Ok(reply)
}
