//! The picture of a stream in the size in which it is shown, captured beside the stream's own, which is as large as it is
//! published: decoding that would cost more than what is seen of it. Where the size changes, the picture goes on until the next one
//! has begun; where there is none, the stream's own is shown.

use std::time::Duration;

use protocol::SecretUrl;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until};

use crate::selection::Gate;
use crate::stream::{Format, StreamEvent, Track};

/// One that could not be opened, or has ended, is opened again so much later. The stream may have one size after all.
const AGAIN: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Default)]
pub(super) struct SizedPicture {
    current: Option<Opened>,
    /// It takes the place of the current one with its first unit.
    next: Option<Opened>,
    again: Option<Instant>,
    /// Holds the stream's own video back meanwhile.
    own: Gate,
}

struct Opened {
    url: SecretUrl,
    events: Receiver<StreamEvent>,
    format: Option<Format>,
}

impl SizedPicture {
    /// What is wanted from here on.
    pub(super) fn follow(
        &mut self,
        wanted: Option<&SecretUrl>,
        open: impl FnOnce(&SecretUrl) -> Receiver<StreamEvent>,
    ) {
        let Some(wanted) = wanted else {
            (self.current, self.next, self.again) = (None, None, None);
            return;
        };
        let is_wanted = |opened: &Opened| opened.url == *wanted;
        if self.current.as_ref().is_some_and(is_wanted) {
            self.next = None;
        } else if !self.next.as_ref().is_some_and(is_wanted) && self.again.is_none_or(|again| again <= Instant::now()) {
            self.again = None;
            self.next = Some(Opened {
                url: wanted.clone(),
                events: open(wanted),
                format: None,
            });
        }
    }

    /// What the picture brings, perhaps nothing; `None` when [`Self::follow`] is to open it again. Dropping the future loses
    /// nothing.
    pub(super) async fn come(&mut self) -> Option<Vec<StreamEvent>> {
        tokio::select! {
            event = receive(&mut self.next) => Some(self.begin(event)),
            event = receive(&mut self.current) => Some(self.go_on(event).into_iter().collect()),
            () = due(self.again) => None,
        }
    }

    /// What the picture has brought already.
    pub(super) fn rest(&mut self) -> Vec<StreamEvent> {
        let mut rest = Vec::new();
        while let Some(event) = self.current.as_mut().and_then(|current| current.events.try_recv().ok()) {
            rest.extend(self.go_on(Some(event)));
        }
        rest
    }

    /// What is passed on of what the stream itself brings.
    pub(super) fn own(&mut self, event: StreamEvent) -> impl Iterator<Item = StreamEvent> + use<> {
        let is_shown = self.current.is_none();
        let is_video = event.track() == Some(Track::Video);
        let passed = match &event {
            StreamEvent::Format(Track::Video, _) | StreamEvent::Unit(Track::Video, _) => self.own.pass(event, is_shown),
            _ => [Some(event).filter(|_| is_shown || !is_video), None],
        };
        passed.into_iter().flatten()
    }

    /// Whether the stream's own picture is to be shown and waits for a keyframe.
    pub(super) fn lacks_keyframe(&self) -> bool {
        self.current.is_none() && self.own.is_shut()
    }

    fn begin(&mut self, event: Option<StreamEvent>) -> Vec<StreamEvent> {
        match event {
            Some(StreamEvent::Format(Track::Video, format)) => {
                if let Some(next) = &mut self.next {
                    next.format = Some(format);
                }
                Vec::new()
            }
            // The first unit of a stream is a keyframe, and has its format in front of it.
            Some(StreamEvent::Unit(Track::Video, unit)) => {
                self.current = self.next.take();
                let format = self.current.as_mut().and_then(|current| current.format.take());
                let format = format.map(|format| StreamEvent::Format(Track::Video, format));
                let unit = StreamEvent::Unit(Track::Video, unit);
                format.into_iter().chain([unit]).collect()
            }
            Some(StreamEvent::Ended(_)) | None => {
                self.next = None;
                self.again = Some(Instant::now() + AGAIN);
                Vec::new()
            }
            Some(_) => Vec::new(),
        }
    }

    fn go_on(&mut self, event: Option<StreamEvent>) -> Option<StreamEvent> {
        match event {
            Some(StreamEvent::Ended(_)) | None => {
                self.current = None;
                self.again = Some(Instant::now() + AGAIN);
                None
            }
            Some(event) => Some(event).filter(|event| event.track() == Some(Track::Video)),
        }
    }
}

async fn receive(from: &mut Option<Opened>) -> Option<StreamEvent> {
    match from {
        Some(opened) => opened.events.recv().await,
        None => std::future::pending().await,
    }
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::stream::{AccessUnit, Quarters, StreamEnd, Vp8Format};

    fn format(width: u32) -> StreamEvent {
        StreamEvent::Format(
            Track::Video,
            Format::Vp8(Vp8Format {
                width,
                height: 9,
                quarters: Quarters::default(),
            }),
        )
    }

    fn unit(pts_us: i64, keyframe: bool) -> StreamEvent {
        let unit = AccessUnit {
            pts_us,
            dts_us: pts_us,
            data: Bytes::new(),
            keyframe,
        };
        StreamEvent::Unit(Track::Video, unit)
    }

    fn want(picture: &mut SizedPicture, url: &str) -> Option<Sender<StreamEvent>> {
        let mut opened = None;
        picture.follow(Some(&url.to_owned().into()), |_| {
            let (sender, receiver) = channel(16);
            opened = Some(sender);
            receiver
        });
        opened
    }

    fn own(picture: &mut SizedPicture, events: &[StreamEvent]) -> Vec<StreamEvent> {
        events.iter().flat_map(|event| picture.own(event.clone())).collect()
    }

    async fn brought(
        picture: &mut SizedPicture,
        sender: &Sender<StreamEvent>,
        events: &[StreamEvent],
    ) -> Vec<StreamEvent> {
        let mut all = Vec::new();
        for event in events {
            sender.send(event.clone()).await.unwrap();
            all.extend(picture.come().await.unwrap());
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn a_picture_goes_on_until_the_one_of_another_size_has_begun() {
        let mut picture = SizedPicture::default();
        let whole = [format(640), unit(1, true), unit(2, false)];
        assert_eq!(own(&mut picture, &whole), whole);
        let small = want(&mut picture, "small").unwrap();
        assert!(want(&mut picture, "small").is_none(), "it is being opened");
        assert_eq!(brought(&mut picture, &small, &[format(320)]).await, []);
        assert_eq!(own(&mut picture, &[unit(3, false)]), [unit(3, false)]);
        let begins = brought(&mut picture, &small, &[unit(4, true), unit(5, false)]).await;
        assert_eq!(begins, [format(320), unit(4, true), unit(5, false)]);
        let lost = StreamEvent::Lost(Track::Video, 1);
        let heard = StreamEvent::Lost(Track::Audio, 1);
        assert_eq!(
            own(&mut picture, &[unit(4, true), lost.clone(), heard.clone()]),
            [heard]
        );
        let middle = want(&mut picture, "middle").unwrap();
        assert_eq!(brought(&mut picture, &middle, &[format(480)]).await, []);
        assert_eq!(
            brought(&mut picture, &small, &[lost.clone(), unit(6, true)]).await,
            [lost, unit(6, true)]
        );
        let begins = brought(&mut picture, &middle, &[unit(7, true)]).await;
        assert_eq!(begins, [format(480), unit(7, true)]);
        assert!(small.is_closed(), "the former is not captured any more");
        middle.send(unit(8, false)).await.unwrap();
        assert_eq!(picture.rest(), [unit(8, false)]);
    }

    #[tokio::test(start_paused = true)]
    async fn where_a_picture_of_its_size_ends_the_streams_own_is_shown_and_it_is_opened_again() {
        let mut picture = SizedPicture::default();
        own(&mut picture, &[format(640)]);
        assert!(!picture.lacks_keyframe());
        let small = want(&mut picture, "small").unwrap();
        brought(&mut picture, &small, &[format(320), unit(1, true)]).await;
        assert_eq!(own(&mut picture, &[unit(1, false)]), []);
        let end = StreamEvent::Ended(StreamEnd::Silent);
        assert_eq!(brought(&mut picture, &small, &[end]).await, []);
        assert!(picture.lacks_keyframe());
        let shown = own(&mut picture, &[unit(2, false), unit(3, true), unit(4, false)]);
        assert!(!picture.lacks_keyframe());
        assert_eq!(shown, [format(640), unit(3, true), unit(4, false)]);
        assert!(want(&mut picture, "small").is_none(), "not at once");
        assert_eq!(picture.come().await, None);
        assert!(want(&mut picture, "small").is_some());
        picture.follow(None, |_| unreachable!());
        assert!(picture.next.is_none());
    }
}
