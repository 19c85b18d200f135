mod backup;
mod crash;
mod indexes;
mod inventory;
mod kept;
mod rules;
mod salvage;

use std::io::Write;
use std::path::Path;

use protocol::TrackKind;

use super::*;

const OPENING: Opening = Opening { epoch: 1, at_ms: 1_000 };
/// The test's frame: a slice is whole frames of so many bytes, each of which lasts as many microseconds.
const FRAME: u64 = 10;

fn probe(path: &Path) -> Option<Probed> {
    let whole = std::fs::metadata(path).unwrap().len() / FRAME * FRAME;
    (whole > 0).then_some(Probed::new(whole as i64, whole))
}

/// Files of their own are kept in whole frames as slices are.
const FINISH: Finish<'_> = Finish {
    slice: &|path| probe(path).into(),
    lone: &|_, cut| probe(cut.path).into(),
};

fn open(dir: &Path) -> Spool {
    Spool::open(dir, OPENING, FINISH).unwrap()
}

/// The same, and the journal is made shorter at every opportunity.
fn open_short(dir: &Path) -> Spool {
    Spool::open_compacting(dir, OPENING, FINISH, 0).unwrap()
}

fn key(uid: u8) -> PlaylistKey {
    PlaylistKey {
        uid: uid.to_string(),
        track: TrackKind::Audio,
    }
}

fn slice(uid: u8, index: usize) -> Slice {
    Slice {
        playlist: key(uid),
        name: format!("{uid}_{index}.ts"),
        start_us: index as i64 * 100,
        duration_us: 100,
        start_ms: 1_000 + index as u64,
        bytes: 0,
        discontinuity: false,
        tags: vec![format!("#EXT-X-AGORA-TEST:{index}")],
        form: Some(Form {
            codec: Some("mp4a.40.2".to_owned()),
            size: None,
        }),
    }
}

fn record(spool: &Spool, uid: u8, index: usize, bytes: usize) -> Slice {
    let slice = slice(uid, index);
    let mut file = spool.begin(&format!("{uid}.m3u8"), &slice).unwrap();
    file.write_all(&vec![b'x'; bytes]).unwrap();
    spool.commit(file, slice.clone()).unwrap();
    Slice {
        bytes: bytes as u64,
        ..slice
    }
}

fn lone(kind: LoneKind, index: usize) -> Lone {
    Lone {
        kind,
        uid: "7".to_owned(),
        track: TrackKind::Video,
        name: format!("{index}.{}", Content::Lone(kind).extension()),
        start_us: index as i64 * 100,
        duration_us: 0,
        start_ms: 1_000 + index as u64,
        bytes: 0,
        md5: None,
    }
}

fn write_lone(spool: &Spool, lone: &Lone, bytes: usize) -> LoneFile {
    let mut file = spool.begin_lone(lone).unwrap();
    file.write_all(&vec![b'x'; bytes]).unwrap();
    file
}

fn record_lone(spool: &Spool, lone: Lone, bytes: usize) -> Lone {
    spool
        .commit_lone(write_lone(spool, &lone, bytes), lone.clone())
        .unwrap();
    Lone {
        bytes: bytes as u64,
        ..lone
    }
}

fn confirm(spool: &Spool, number: u64) {
    let due = spool.due_files();
    let file = due.iter().find(|file| file.number == number).unwrap();
    spool.confirm_file(file).unwrap();
}

fn journal_length(dir: &Path) -> u64 {
    std::fs::metadata(dir.join(JOURNAL)).unwrap().len()
}
