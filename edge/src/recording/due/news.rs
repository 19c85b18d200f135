//! Compares a recording with what has been told of it, so that no code path can forget to tell.

use protocol::{EndCause, Happening, Phase, ProblemCode, RecordedFile};

use crate::recording::contract::{Event, What, Who};
use crate::recording::limits::{MAX_EVENT_FILES_BYTES, PROGRESS_EVERY_MS, after};
use crate::recording::notice::{Announced, ToldLease};
use crate::recording::state::{Lifecycle, Recording, Wanted};

/// What is news about a recording, in the order in which it is to be told.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) events: Vec<Event>,
    pub(super) incidents: Vec<What>,
}

impl Announced {
    /// `happenings`: what its nodes have told since the last time.
    pub(super) fn news(&mut self, recording: &Recording, happenings: Vec<Happening>, now_ms: u64) -> News {
        let mut news = News::default();
        self.search(recording, &mut news);
        self.lease(recording, now_ms, &mut news);
        self.orders(recording, &mut news);
        self.stores(recording, &mut news);
        self.token(recording, now_ms, &mut news);
        self.problems(recording, &mut news);
        news.events.extend(happenings.into_iter().map(Event::Happened));
        self.progress(recording, now_ms, &mut news);
        self.capture_end(recording, &mut news);
        self.uploads(recording, &mut news);
        self.vod(recording, &mut news);
        self.stands(recording, &mut news);
        self.end(recording, &mut news);
        news
    }

    fn stands(&mut self, recording: &Recording, news: &mut News) {
        let standing = recording.standing();
        if recording.house.is_none() || self.lease.is_none() || self.standing == Some(standing) {
            return;
        }
        self.standing = Some(standing);
        let view = Box::new(recording.short_view());
        news.events.push(Event::Stands { view });
    }

    fn search(&mut self, recording: &Recording, news: &mut News) {
        if !self.requested {
            self.requested = true;
            self.subscription = recording.subscription.version;
            self.scene = scene_version(recording);
            news.incidents.push(What::Requested);
        }
        let tried = recording.nodes.tried();
        for tried in tried.iter().skip(self.refusals) {
            news.incidents.push(What::NodeRefused {
                node: tried.node_id.clone(),
                reason: tried.why.clone(),
            });
        }
        self.refusals = tried.len();
    }

    fn lease(&mut self, recording: &Recording, now_ms: u64, news: &mut News) {
        if self.exited {
            return;
        }
        let Some(lease) = recording.lease() else {
            if let Some(told) = &mut self.lease
                && !told.lost
            {
                told.lost = true;
                news.incidents.push(What::LeaseLost {
                    node: told.node.clone(),
                    epoch: told.epoch,
                });
            }
            return;
        };
        let (node, epoch) = (lease.node.id.clone(), lease.epoch);
        match &self.lease {
            Some(told) if told.epoch == epoch => {
                if told.lost {
                    news.incidents.push(What::NodeHeard { node: node.clone() });
                }
            }
            Some(_) => {
                let uid = recording.key.uid.clone();
                news.events.push(Event::FailedOver { uid });
                news.incidents.push(What::Moved {
                    node: node.clone(),
                    epoch,
                });
            }
            None => {
                self.progress_ms = now_ms;
                news.events.extend([Event::RecorderStarted, Event::UploaderStarted]);
                news.incidents.push(What::Started {
                    node: node.clone(),
                    epoch,
                });
            }
        }
        self.lease = Some(ToldLease {
            epoch,
            node,
            lost: false,
        });
        if let Some(first_media_ms) = recording.seen.first_media_ms.filter(|_| !self.media) {
            self.media = true;
            news.incidents.push(What::MediaBegan { first_media_ms });
        }
    }

    fn orders(&mut self, recording: &Recording, news: &mut News) {
        let version = recording.subscription.version;
        if version != self.subscription {
            self.subscription = version;
            news.incidents.push(What::SubscriptionChanged { version });
        }
        let version = scene_version(recording);
        if version != self.scene {
            self.scene = version;
            news.incidents.push(What::LayoutChanged { version });
        }
        match recording.wanted {
            Wanted::Stop(cause) if !self.ordered => self.stop(recording, cause, news),
            Wanted::Record if self.paused => self.resumed(news),
            Wanted::Pause if !self.paused => self.pause(news),
            Wanted::Record | Wanted::Pause | Wanted::Stop(_) => {}
        }
    }

    fn pause(&mut self, news: &mut News) {
        self.paused = true;
        news.events.push(Event::Paused);
        news.incidents.push(What::Paused);
    }

    fn resumed(&mut self, news: &mut News) {
        self.paused = false;
        news.events.push(Event::Resumed);
        news.incidents.push(What::Resumed);
    }

    fn stop(&mut self, recording: &Recording, cause: EndCause, news: &mut News) {
        self.ordered = true;
        let by = match cause {
            EndCause::Stopped if recording.stopped_by_operator => Who::Operator,
            EndCause::Stopped => Who::Customer,
            _ => Who::Edge,
        };
        news.incidents.push(What::StopOrdered { cause, by });
    }

    fn stores(&mut self, recording: &Recording, news: &mut News) {
        if recording.renewals != self.renewals {
            self.renewals = recording.renewals;
            news.incidents.push(What::KeysRenewed);
        }
        let backup = recording.seen.backed_up.is_some();
        if backup != self.backup {
            self.backup = backup;
            news.incidents.push(match backup {
                true => What::BackupTookOver,
                false => What::BackupEmptied,
            });
        }
    }

    fn token(&mut self, recording: &Recording, now_ms: u64, news: &mut News) {
        let dies_ms = recording.token_expires_ms;
        if self.lease.is_some() && self.token_is_news() && dies_ms.is_some_and(|dies_ms| now_ms >= dies_ms) {
            self.token = true;
            news.events.push(Event::TokenExpired);
            news.incidents.push(What::TokenExpired);
        }
    }

    fn problems(&mut self, recording: &Recording, news: &mut News) {
        let listed = &recording.seen.problems;
        for problem in listed {
            let is_told = |(code, at_ms): &(ProblemCode, u64)| *code == problem.code && *at_ms == problem.at_ms;
            if !self.problems.iter().any(is_told) {
                news.events.push(Event::Problem(problem.clone()));
                let problem = problem.clone();
                news.incidents.push(What::Problem { problem });
            }
        }
        self.problems = listed
            .iter()
            .map(|problem| (problem.code.clone(), problem.at_ms))
            .collect();
    }

    fn progress(&mut self, recording: &Recording, now_ms: u64, news: &mut News) {
        let (uploaded, recorded) = slices(&recording.seen.files);
        let is_due = now_ms >= after(self.progress_ms, PROGRESS_EVERY_MS);
        if is_due && recorded > 0 && self.lease.is_some() && !self.uploaded && !self.exited {
            self.progress_ms = now_ms;
            news.events.push(Event::Progress { uploaded, recorded });
        }
    }

    fn capture_end(&mut self, recording: &Recording, news: &mut News) {
        let ended = self.lease.is_some() && recording.seen.phase >= Phase::Draining;
        if ended && !self.left && !self.exited {
            self.left = true;
            let cause = recording.seen.cause.or(recording.wanted.end_cause());
            let cause = cause.unwrap_or(EndCause::Failed);
            news.events.push(Event::RecorderLeft { cause });
            news.incidents.push(What::CaptureEnded { cause });
        }
    }

    fn uploads(&mut self, recording: &Recording, news: &mut News) {
        let (uploaded, recorded) = slices(&recording.seen.files);
        let is_backed_up = recording.seen.phase == Phase::Draining
            && recording.seen.backed_up.is_some_and(|backed_up| backed_up.complete);
        if is_backed_up && !self.backed_up {
            self.backed_up = true;
            let files = told_files(&recording.seen.files);
            news.events.push(Event::BackedUp { files });
        }
        if is_uploaded(recording) && recorded > 0 && !self.uploaded {
            self.uploaded = true;
            let files = told_files(&recording.seen.files);
            news.events
                .extend([Event::Progress { uploaded, recorded }, Event::Uploaded { files }]);
            news.events.extend(ready_files(recording));
        }
    }

    fn vod(&mut self, recording: &Recording, news: &mut News) {
        let Some(vod) = &recording.seen.vod else { return };
        for video in vod.videos.iter().skip(self.videos) {
            let video_id = video.video_id.clone();
            news.events.push(Event::VodStarted { video_id });
        }
        self.videos = vod.videos.len();
        if vod.complete && !self.vod_completed {
            self.vod_completed = true;
            news.events.push(Event::VodCompleted);
        }
    }

    fn end(&mut self, recording: &Recording, news: &mut News) {
        let Lifecycle::Over { cause, .. } = recording.lifecycle else {
            return;
        };
        if self.exited {
            return;
        }
        self.exited = true;
        if let Some(problem) = recording.own_problem() {
            news.events.push(Event::Problem(problem.clone()));
            news.incidents.push(What::Problem { problem });
        }
        let complete = is_uploaded(recording);
        news.events.push(Event::Exited { cause, complete });
        news.incidents.push(What::Ended { cause });
    }
}

fn scene_version(recording: &Recording) -> u64 {
    recording.scene_version.unwrap_or_default()
}

/// Nothing that was recorded is missing in the store, and nothing will follow.
fn is_uploaded(recording: &Recording) -> bool {
    recording.seen.phase == Phase::Ended && recording.seen.pending_uploads == 0
}

/// The files that one event lists: those that were made first, as many as fit.
fn told_files(files: &[RecordedFile]) -> Vec<RecordedFile> {
    let mut room = MAX_EVENT_FILES_BYTES;
    let fitting = files.iter().take_while(|file| {
        let length = serde_json::to_string(file).map_or(usize::MAX, |text| text.len());
        let left = room.checked_sub(length.saturating_add(1));
        room = left.unwrap_or(room);
        left.is_some()
    });
    fitting.cloned().collect()
}

/// Of a recording in the app's own store, an event for each file, of those that one event could list.
fn ready_files(recording: &Recording) -> Vec<Event> {
    let Some(house) = &recording.house else {
        return Vec::new();
    };
    let event = |file| Event::FileReady {
        file: Box::new(file),
        house: Box::new(house.clone()),
    };
    told_files(&recording.seen.files).into_iter().map(event).collect()
}

/// Slices in the store, and slices recorded.
fn slices(files: &[RecordedFile]) -> (u64, u64) {
    files.iter().fold((0, 0), |(uploaded, recorded), file| {
        (
            uploaded.saturating_add(file.uploaded_slices),
            recorded.saturating_add(file.slices),
        )
    })
}
