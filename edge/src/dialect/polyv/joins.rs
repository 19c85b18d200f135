//! Files that are made of recorded ones: `merge`, `merge-mp4` and `convert`. What is made is a recording of its own, which is
//! listed, kept and deleted as others are.

use protocol::{FileKind, Mode, RecordedFile, RecorderKey};
use serde_json::{Value, json};

use super::answer::{Refusal, success};
use super::automatic::Label;
use super::caller::Caller;
use super::channel_setting::{Known, channel_id};
use super::join::{FILE_FORM, Join, PLAYBACK_FORM, Word};
use super::join_request::{JoinRequest, Wanted};
use super::listed::{file_id, sid_of};
use crate::access::{App, Callback, Entropy, Method, hex};
use crate::app::{Admit, Denial, Filter, Listed, Reply, Request, Reservation, Room, Verdict};
use crate::dialect::house::Place;
use crate::dialect::step::{Admission, Joining, LookUp, Step};
use crate::joining::{Order, Part, Told};
use crate::recording::Status;

/// Recordings of a channel that a time may cover.
const MOST: usize = 1_000;

/// A file that is joined, with what its recording says of it.
#[derive(Clone)]
struct Found {
    row: Listed,
    file: RecordedFile,
}

/// Reads the call, looks its files up, takes places in the quota and begins.
pub(super) fn begin(caller: Caller, request: JoinRequest, known: &Known, entropy: &Entropy) -> Result<Step, Refusal> {
    let channel = channel_id(Some(&request.channel))?;
    let files = known.callback(&caller.app);
    let work = Work {
        caller,
        request,
        files,
        id: entropy.id,
        secret: entropy.secret,
    };
    let app = work.caller.app.clone();
    Ok(match work.request.wanted.clone() {
        Wanted::Files(ids) => look_at(work, channel, ids, Vec::new()),
        Wanted::Time { from_ms, until_ms } => {
            let filter = Filter {
                limit: MOST,
                channel: Some(channel),
                statuses: vec![Status::Ended],
                before_ms: Some(until_ms),
                house: true,
                ..Filter::default()
            };
            let listed = move |reply| match reply {
                Some(Reply::List { items, .. }) => work.go_on(within(&items, from_ms, until_ms)),
                _ => Step::Respond(Refusal::NoAnswer.response()),
            };
            Step::Index(Box::new(LookUp::new(app.app_id, Request::List(filter), listed)))
        }
    })
}

/// The files of recordings in a span of time, the oldest first. What has been joined before is not joined once more.
fn within(rows: &[Listed], from_ms: u64, until_ms: u64) -> Vec<Found> {
    let overlaps =
        |file: &RecordedFile| file.start_ms < until_ms && file.start_ms.saturating_add(file.duration_ms) > from_ms;
    let recorded = rows.iter().filter(|row| !Word::is_one(&row.key.uid));
    let files = recorded.flat_map(|row| mp4s(row).map(move |file| (row, file)));
    let mut found: Vec<_> = files
        .filter(|(_, file)| overlaps(file))
        .map(|(row, file)| Found {
            row: row.clone(),
            file: file.clone(),
        })
        .collect();
    found.sort_by_key(|found| found.file.start_ms);
    found
}

fn mp4s(row: &Listed) -> impl Iterator<Item = &RecordedFile> {
    row.files.iter().filter(|file| file.kind == FileKind::Mp4)
}

/// Looks the files up one after the other, in the order in which they are played.
fn look_at(work: Work, channel: String, mut ids: Vec<String>, mut found: Vec<Found>) -> Step {
    if ids.is_empty() {
        return work.go_on(found);
    }
    let id = ids.remove(0);
    let request = Request::Find {
        sid: sid_of(&id).to_owned(),
    };
    let app_id = work.caller.app.app_id.clone();
    let next = move |reply| {
        let row = match super::records::found(reply, &channel) {
            Ok(row) => row,
            Err(refusal) => return Step::Respond(refusal.response()),
        };
        // A recording that has nothing but a playlist has no file that can be joined.
        let file = mp4s(&row).find(|file| file_id(&row.sid, file) == id).cloned();
        match file {
            Some(file) => {
                found.push(Found { row, file });
                look_at(work, channel, ids, found)
            }
            None => Step::Respond(Refusal::NoMp4.response()),
        }
    };
    Step::Index(Box::new(LookUp::new(app_id, request, next)))
}

/// A call, on its way.
struct Work {
    caller: Caller,
    request: JoinRequest,
    /// The callback that is told of files.
    files: Option<Callback>,
    /// For the IDs,
    id: [u8; 16],
    /// and their nonces.
    secret: [u8; 32],
}

impl Work {
    fn go_on(self, found: Vec<Found>) -> Step {
        if found.is_empty() {
            return Step::Respond(Refusal::NoRecord.response());
        }
        let bytes = found.iter().map(|found| found.file.bytes).fold(0, u64::saturating_add);
        if found.len() > protocol::Joining::MOST_PARTS || bytes > protocol::Joining::MOST_BYTES {
            return Step::Respond(Refusal::TooLarge.response());
        }
        // Merged files become one, converted ones stay as many.
        let groups: Vec<_> = match self.request.join {
            Join::Convert => found.into_iter().map(|found| vec![found]).collect(),
            Join::Merge { .. } | Join::MergeMp4 => vec![found],
        };
        let orders = groups
            .into_iter()
            .enumerate()
            .map(|(number, group)| self.order(number, &group));
        match orders.collect::<Option<Vec<_>>>() {
            Some(orders) => {
                let answer = self.answer(&orders);
                reserve(self.caller.app, orders.clone(), orders, answer)
            }
            None => Step::Respond(Refusal::NoStore.response()),
        }
    }

    fn order(&self, number: usize, group: &[Found]) -> Option<Order> {
        let first = group.first()?;
        let Self { caller, request, .. } = self;
        let (id, nonce) = (numbered(self.id, number), numbered(self.secret, number));
        let label = Label::read(&first.row.house.as_ref()?.label);
        let label = Label {
            name: request.file_name.clone(),
            user_id: Some(caller.app.tenant.clone()),
            ..label
        };
        let place = Place::new(&caller.app, &id, serde_json::to_string(&label).unwrap_or_default())?;
        let mut house = place.house;
        if request.join.is_lasting() {
            house.kept_ms = None;
        }
        let parts = group.iter().map(|found| {
            Some(Part {
                store: found.row.house.as_ref()?.store.clone(),
                key: found.file.name.clone(),
                bytes: found.file.bytes,
            })
        });
        Some(Order {
            key: RecorderKey {
                app_id: caller.app.app_id.clone(),
                channel: first.row.key.channel.clone(),
                uid: request.join.word().name().to_owned(),
            },
            sid: id,
            nonce,
            parts: parts.collect::<Option<_>>()?,
            start_ms: first.file.start_ms,
            place: place.storage.prefix,
            house,
            told: self.told(),
            imports: false,
            recording: None,
        })
    }

    /// Who is told: the callback of the call, and those of the account.
    fn told(&self) -> Vec<Told> {
        let Self { caller, request, .. } = self;
        let of_call = request.callback.clone().map(|url| Callback {
            url,
            secret: caller.secret.clone(),
            events: None,
        });
        let own = of_call.map(|callback| (callback, request.join.form()));
        let files = self.files.clone().filter(super::notification::wants_mp4);
        let files = files.filter(|_| request.join.word() == Word::Merge);
        let playback = caller.app.further.get(super::PLAYBACK).cloned();
        let playback = playback.filter(|_| request.join.is_lasting());
        let all = own
            .into_iter()
            .chain(files.map(|callback| (callback, FILE_FORM)))
            .chain(playback.map(|callback| (callback, PLAYBACK_FORM)));
        all.map(|(callback, form)| Told {
            callback,
            form: form.to_owned(),
        })
        .collect()
    }

    fn answer(&self, orders: &[Order]) -> Value {
        let ids: Vec<_> = orders.iter().map(|order| order.sid.as_str()).collect();
        match self.request.join {
            Join::MergeMp4 => json!({ "fileId": ids.join(","), "fileUrl": "" }),
            Join::Merge { .. } | Join::Convert => Value::from(ids.join(",")),
        }
    }
}

/// An ID of its own for each order of a call.
fn numbered<const N: usize>(mut bytes: [u8; N], number: usize) -> String {
    if let (Some(last), Ok(number)) = (bytes.last_mut(), u8::try_from(number)) {
        *last = last.wrapping_add(number);
    }
    hex(&bytes)
}

/// Takes a place in the app's quota for each order, one after the other, and then begins them all.
fn reserve(app: App, mut left: Vec<Order>, orders: Vec<Order>, answer: Value) -> Step {
    let Some(order) = left.pop() else {
        let begun = |begun| match begun {
            true => Step::Respond(success(answer)),
            false => Step::Respond(Refusal::NoAnswer.response()),
        };
        return Step::Join(Box::new(Joining::new(orders, begun)));
    };
    let admit = Admit {
        method: Method::Start,
        limits: app.limits,
        room: Room::Taken(Box::new(Reservation {
            sid: order.sid,
            nonce: order.nonce,
            key: order.key,
            mode: Mode::Mix,
        })),
    };
    let app_id = app.app_id.clone();
    let decide = move |verdict: Option<&Verdict>| match verdict.and_then(|verdict| verdict.denial) {
        Some(Denial::TooManyRequests) => Step::Respond(Refusal::TooManyRequests.response()),
        Some(Denial::NoRoom { .. }) => Step::Respond(Refusal::NoRoom.response()),
        None => reserve(app, left, orders, answer),
    };
    Step::Admit(Box::new(Admission::new(app_id, admit, decide)))
}
