//! What dialects have in common whose customers bring no bucket: their recordings go to the app's own store, and are handed out by
//! links.

use protocol::{Backup, FileStyle, NamePart, NameScheme, RecordedFile, Storage};

use crate::access::{App, HouseStorage, backup_of};
use crate::handing;
use crate::recording::House;
use crate::store::link;

/// Where a new recording goes.
pub(super) struct Place {
    /// For [`RecordingSpec::storage`](protocol::RecordingSpec::storage): a place that no other recording has.
    pub(super) storage: Storage,
    /// For [`RecordingSpec::backup`](protocol::RecordingSpec::backup).
    pub(super) backup: Option<Backup>,
    /// For [`Start::house`](crate::recording::Start::house).
    pub(super) house: House,
}

impl Place {
    /// `None` when the app has no store of its own. `label`: what the dialect wants to find again with the recording.
    pub(super) fn new(app: &App, sid: &str, label: String) -> Option<Self> {
        let own = app.house_storage.as_ref()?;
        let storage = HouseStorage::place(&own.storage, &app.app_id, sid);
        Some(Self {
            backup: app.backup.as_ref().map(|backup| backup_of(backup, &storage)),
            house: House {
                store: HouseStorage::id(&own.storage),
                kept_ms: own.kept_ms(),
                label,
            },
            storage,
        })
    }
}

/// What files are called that are all of one recording: by its name, and by numbers where there are several.
pub(super) fn files_called(name: &str) -> FileStyle {
    FileStyle {
        strict_extinf: true,
        names: NameScheme {
            stem: vec![NamePart::Text(name.to_owned())],
            before_uid: "_".to_owned(),
            before_track: "_".to_owned(),
        },
        tags: None,
        ..FileStyle::default()
    }
}

/// What files are handed out with.
pub(super) struct Handing<'a> {
    pub(super) app_id: &'a str,
    pub(super) own: Option<&'a HouseStorage>,
    /// Where customers reach this server.
    pub(super) public_url: Option<&'a str>,
    pub(super) now_ms: u64,
}

impl Handing<'_> {
    /// A link to a file of a recording, by which it is downloaded under the name `file_name`; `None` when its store is not one of
    /// the app's any more. A playlist's leads to this server, which makes links of what it names, where it is known how this server
    /// is reached; else to the store, of which players get the slices only if everybody may read them.
    pub(super) fn link(&self, house: &House, file: &RecordedFile, file_name: &str) -> Option<String> {
        let own = self.own?;
        let storage = own.find(&house.store)?;
        let key = &file.name;
        Some(match self.public_url.filter(|_| handing::is_playlist(key)) {
            Some(public_url) => {
                let until_s = (self.now_ms / 1_000).saturating_add(own.link_s);
                handing::link(public_url, self.app_id, storage, key, until_s)
            }
            None => link::link(storage, key, file_name, own.link_s, self.now_ms),
        })
    }
}

/// [`Handing`] that outlives the request.
pub(super) struct Hands {
    app_id: String,
    own: Option<HouseStorage>,
    public_url: Option<String>,
    now_ms: u64,
}

impl Hands {
    pub(super) fn new(app: &App, public_url: Option<&str>, now_ms: u64) -> Self {
        Self {
            app_id: app.app_id.clone(),
            own: app.house_storage.clone(),
            public_url: public_url.map(str::to_owned),
            now_ms,
        }
    }

    pub(super) fn handing(&self) -> Handing<'_> {
        Handing {
            app_id: &self.app_id,
            own: self.own.as_ref(),
            public_url: self.public_url.as_deref(),
            now_ms: self.now_ms,
        }
    }
}
