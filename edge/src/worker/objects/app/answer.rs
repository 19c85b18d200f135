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
            let reply = if news.is_late(known.as_ref()) {
                Reply::Gone
            } else {
                Reply::Done
            };
            (reply, usage.told(*news, known, now_ms))
        }
        app::Request::List(filter) => (index.list(&filter, now_ms)?, Change::default()),
        app::Request::Find { sid } => {
            let row = index.find(&sid)?;
            (Reply::Find(row.map(|row| Box::new(row.listed))), Change::default())
        }
        app::Request::Erase { sid } => {
            let (erasing, change) = app::erase(index.find(&sid)?, now_ms);
            (Reply::Erase(erasing), change)
        }
        app::Request::Empty { sid } => {
            let (erasing, change) = app::empty(index.find(&sid)?, now_ms);
            (Reply::Erase(erasing), change)
        }
        app::Request::Hide { sid } => {
            let (erasing, change) = app::hide(index.find(&sid)?, now_ms);
            (Reply::Erase(erasing), change)
        }
        app::Request::Usage { limits } => (Reply::Usage(usage.view(limits, now_ms)), Change::default()),
    };
    save(usage, index, &change)?;
    Ok(reply)
}

/// Writes what has changed in the index, and looks when it has to be seen to again.
pub(super) fn save(usage: &mut Usage, index: &Index, change: &Change) -> worker::Result<()> {
    index.save(change)?;
    if change.put.as_ref().is_some_and(|row| row.listed.house.is_some()) || !change.delete.is_empty() {
        usage.erases_at(index.next_erasure()?);
    }
    Ok(())
}
