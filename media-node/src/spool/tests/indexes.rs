//! Indexes: what leads to several playlists.

use super::*;

/// All that is due goes to the store, file by file, then the playlists.
fn upload(spool: &Spool) {
    for file in spool.due_files() {
        spool.confirm_file(&file).unwrap();
    }
    publish(spool);
}

fn publish(spool: &Spool) {
    for playlist in spool.due_playlists(|_| true) {
        spool.confirm_playlist(&playlist).unwrap();
    }
}

fn due(spool: &Spool) -> Vec<(Option<String>, Vec<String>)> {
    let indexes = spool.due_indexes().into_iter();
    let names = |index: &DueIndex| {
        index
            .renditions
            .iter()
            .map(|rendition| rendition.name.clone())
            .collect()
    };
    indexes.map(|index| (index.uid.clone(), names(&index))).collect()
}

fn confirm_all(spool: &Spool) {
    for index in spool.due_indexes() {
        spool.confirm_index(&index).unwrap();
    }
}

#[test]
fn an_index_names_only_what_the_store_has_and_is_due_when_that_changes() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    spool.keep_indexes().unwrap();
    record(&spool, 7, 0, 10);
    assert_eq!(due(&spool), []);
    for file in spool.due_files() {
        spool.confirm_file(&file).unwrap();
    }
    assert_eq!(due(&spool), [], "the slice is up, and its playlist is not");
    publish(&spool);
    let seven = vec!["7.m3u8".to_owned()];
    assert_eq!(due(&spool), [(Some("7".to_owned()), seven.clone()), (None, seven)]);
    confirm_all(&spool);
    assert_eq!(due(&spool), []);

    record(&spool, 7, 1, 10);
    upload(&spool);
    assert_eq!(due(&spool), [], "nothing of it has changed");
    record(&spool, 8, 0, 10);
    upload(&spool);
    let both = vec!["7.m3u8".to_owned(), "8.m3u8".to_owned()];
    assert_eq!(
        due(&spool),
        [(Some("8".to_owned()), vec!["8.m3u8".to_owned()]), (None, both)]
    );
}

#[test]
fn a_recording_is_done_once_its_indexes_are_there_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    spool.keep_indexes().unwrap();
    record(&spool, 7, 0, 10);
    spool.finish(EndCause::Stopped).unwrap();
    upload(&spool);
    assert_eq!((spool.pending(), spool.is_done()), (2, false));
    drop(spool);
    // Whoever opens it next knows that they are wanted.
    let spool = open(dir.path());
    assert_eq!(spool.pending(), 2);
    confirm_all(&spool);
    assert_eq!((spool.pending(), spool.is_done()), (0, true));
    let index = &spool.due_indexes();
    assert!(index.is_empty());
}

#[test]
fn there_are_none_unless_they_are_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    record(&spool, 7, 0, 10);
    upload(&spool);
    assert_eq!((due(&spool), spool.pending()), (Vec::new(), 0));
}

#[test]
fn what_is_told_of_a_playlist_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    spool.keep_indexes().unwrap();
    record(&spool, 7, 0, 10);
    upload(&spool);
    spool.finish(EndCause::Stopped).unwrap();
    let index = spool.due_indexes().remove(0);
    let rendition = &index.renditions[0];
    // 10 bytes in 100 microseconds.
    assert_eq!(rendition.peak_bps, 800_000);
    assert_eq!(rendition.codecs, ["mp4a.40.2".to_owned()].into());
    assert_eq!(rendition.size, None);
}
