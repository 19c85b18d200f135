use protocol::{
    ConfirmedSlice, Directive, EndCause, FileKind, Happening, InventoryPage, Job, JobRequest, MAX_OCCURRENCES,
    Occurrence, Occurrences, Phase, RecordedFile, RecorderKey, Report, ReportAnswer, SpoolReport, TrackKind,
};

/// A recording that the node has taken.
pub(super) struct Held {
    pub(super) recorder: RecorderKey,
    files: bool,
    /// What it has is one file, and no playlist.
    is_lone: bool,
    pub(super) epoch: u64,
    seq: u64,
    pub(super) happened: u64,
    confirmed: u64,
    pub(super) ended: bool,
    /// Whether it has captured: one that is paused from its beginning has not.
    captured: bool,
    pub(super) told: bool,
    /// What the edge has heard, and over which line.
    pub(super) said: Option<(u64, Said)>,
    /// Its own slices that the store has confirmed.
    pub(super) slices: Vec<ConfirmedSlice>,
    /// How many of these the edge has noted.
    pub(super) noted: u64,
    /// Other nodes' slices, as the edge has told of them.
    pub(super) learned: Vec<ConfirmedSlice>,
    learned_to: u64,
}

/// What is news to the edge when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    happened: u64,
    confirmed: u64,
    slices: usize,
    noted: u64,
    learned: u64,
    ended: bool,
    captured: bool,
}

impl Held {
    pub(super) fn new(job: Job, files: bool) -> Self {
        Self {
            recorder: job.recorder,
            files,
            is_lone: !job.spec.outputs.hls,
            epoch: job.epoch,
            seq: 0,
            happened: 0,
            confirmed: 0,
            ended: false,
            captured: job.assignment.directive != Some(Directive::Pause),
            told: false,
            said: None,
            slices: Vec::new(),
            noted: 0,
            learned: Vec::new(),
            learned_to: 0,
        }
    }

    /// What a report tells.
    pub(super) fn to_say(&self) -> Said {
        Said {
            happened: self.happened,
            confirmed: self.confirmed,
            slices: self.slices.len(),
            noted: self.noted,
            learned: self.learned_to,
            ended: self.ended,
            captured: self.captured,
        }
    }

    pub(super) fn answered(&mut self, report: &Report, answer: ReportAnswer) {
        if let Some(confirmed) = answer.confirmed {
            self.confirmed = self.confirmed.max(confirmed.through);
        }
        self.told = report.phase == Phase::Ended && self.confirmed == self.happened;
        self.follow(answer.desired.directive);
        self.learn(answer.inventory);
    }

    pub(super) fn follow(&mut self, directive: Directive) {
        match directive {
            Directive::Record => self.captured = true,
            Directive::Pause => {}
            Directive::Stop(_) | Directive::Release => self.ended = true,
        }
    }

    fn learn(&mut self, page: InventoryPage) {
        self.noted = page.noted;
        if page.after == self.learned_to {
            self.learned.extend(page.slices);
            self.learned_to = page.next;
        }
    }

    pub(super) fn report(&mut self, node_id: &str, sid: &str) -> Report {
        self.seq += 1;
        let happening = |number: u64| Happening::StreamChanged {
            uid: "7".to_owned(),
            track: if number.is_multiple_of(3) {
                TrackKind::Audio
            } else {
                TrackKind::Video
            },
            receiving: number % 2 == 1,
            at_ms: number,
        };
        let list: Vec<_> = (self.confirmed + 1..=self.happened)
            .take(MAX_OCCURRENCES)
            .map(|number| Occurrence {
                number,
                what: happening(number),
            })
            .collect();
        // The last report carries all that is not confirmed.
        let rest = (self.happened - self.confirmed) as usize > list.len();
        let ended = self.ended && !rest;
        let untold = self.slices.iter().skip(self.noted as usize);
        let phase = if ended { Phase::Ended } else { Phase::Recording };
        let of = JobRequest {
            node_id: node_id.to_owned(),
            recorder: self.recorder.clone(),
            sid: sid.to_owned(),
            epoch: self.epoch,
        };
        Report {
            cause: ended.then_some(EndCause::Stopped),
            first_media_ms: self.captured.then_some(1),
            files: if self.files && self.captured {
                vec![file(node_id, sid, self.is_lone)]
            } else {
                Vec::new()
            },
            occurrences: Occurrences { log: 1, list },
            spool: SpoolReport {
                spool: self.epoch,
                from: self.noted,
                confirmed: untold.take(SpoolReport::MOST_CONFIRMED).cloned().collect(),
                learned: self.learned_to,
                ..SpoolReport::default()
            },
            ..Report::bare(of, self.seq, 0, phase)
        }
    }
}

/// A lone file, or a playlist with all its slices, in the bucket.
fn file(node_id: &str, sid: &str, is_lone: bool) -> RecordedFile {
    let (kind, extension) = match is_lone {
        true => (FileKind::Mp4, "mp4"),
        false => (FileKind::Playlist, "m3u8"),
    };
    RecordedFile {
        kind,
        name: format!("{sid}_{node_id}.{extension}"),
        track: TrackKind::Both,
        uid: "0".to_owned(),
        start_ms: 1,
        duration_ms: 1,
        slices: 1,
        bytes: 1,
        uploaded_slices: 1,
        md5: None,
    }
}
