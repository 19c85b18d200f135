//! A damaged spool on its way to a bucket.

use super::*;
use crate::spool::{Salvage, salvage};

/// A spool of two users whose first two slices the store has, with a line of the journal that cannot be read.
async fn damaged(server: &Server) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let uids = ["1", "2"];
    uids.iter().for_each(|uid| commit(&spool, uid, 0));
    let mut changes = spool.changes();
    let upload = tokio::spawn(uploader(&spool, server.port).run());
    while spool.pending() > 0 {
        changes.changed().await.unwrap();
    }
    upload.abort();
    let _ = upload.await;
    for index in 1..3 {
        uids.iter().for_each(|uid| commit(&spool, uid, index));
    }
    drop(spool);
    let journal = dir.path().join("journal");
    let text = std::fs::read_to_string(&journal).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    let middle = lines.len() / 2;
    lines[middle] = "?";
    std::fs::write(&journal, lines.join("\n") + "\n").unwrap();
    dir
}

fn rescue(port: u16) -> Rescue {
    Rescue {
        bucket: Bucket::new(&storage(port), &client()).unwrap(),
        formats: formats(),
    }
}

fn read(dir: &Path) -> Salvage {
    let probe = |path: &Path| {
        let bytes = std::fs::metadata(path).unwrap().len();
        crate::spool::Remains::Whole(crate::spool::Probed::new(1, bytes))
    };
    let how = Finish {
        slice: &probe,
        lone: &|_, cut| probe(cut.path),
    };
    let mut salvage = salvage(dir).unwrap();
    let work = dir.join("work");
    std::fs::create_dir_all(&work).unwrap();
    salvage.finish(&work, how).unwrap();
    salvage
}

fn playlist(server: &Server, name: &str) -> String {
    String::from_utf8(server.read(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_spool_goes_to_its_bucket_whole_and_a_second_rescue_sends_nothing() {
    let server = Server::start().await;
    let dir = damaged(&server).await;
    let first = rescue(server.port).run(&read(dir.path())).await.unwrap();
    assert_eq!((first.sent, first.found, first.missing.len()), (4, 2, 0), "{first:?}");
    for uid in ["1", "2"] {
        for index in 0..3 {
            assert_eq!(server.read(&format!("{uid} é_{index}.ts")), content(uid, index));
        }
        let names: String = (0..3).map(|index| format!("{uid} é_{index}.ts\n")).collect();
        assert_eq!(playlist(&server, &format!("{uid} é.m3u8")), names + "END\n");
    }
    let second = rescue(server.port).run(&read(dir.path())).await.unwrap();
    assert_eq!((second.sent, second.found), (0, 6));
    assert_eq!(second.playlists, first.playlists);
    read(dir.path()).remove().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rescue_that_is_stopped_midway_goes_on_where_it_stopped() {
    let server = Server::start().await;
    let dir = damaged(&server).await;
    let refusal = Disturbance::answers(Answer::new("403 Forbidden", "AccessDenied"), 1);
    let proxy = Proxy::start(server.port, refusal).await;
    let failed = rescue(proxy.port).run(&read(dir.path())).await.unwrap_err();
    assert!(
        failed.contains("bucket \"bucket\"") && failed.contains("read and list"),
        "{failed}"
    );
    let proxy = Proxy::start(server.port, Disturbance::random(5)).await;
    let rescued = loop {
        match rescue(proxy.port).run(&read(dir.path())).await {
            Ok(rescued) => break rescued,
            Err(error) => assert!(error.contains("bucket"), "{error}"),
        }
    };
    assert_eq!((rescued.sent + rescued.found, rescued.missing.len()), (6, 0));
    assert!(playlist(&server, "1 é.m3u8").ends_with("END\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_playlist_that_another_node_went_on_with_is_left_as_it_is() {
    let server = Server::start().await;
    let dir = damaged(&server).await;
    let names = "1 é_0.ts\n1 é_9-n1.ts\n";
    let bucket = Bucket::new(&storage(server.port), &client()).unwrap();
    bucket
        .put("1 é.m3u8", super::super::headers::Headers::changing("x"), names)
        .await
        .unwrap();
    let rescued = rescue(server.port).run(&read(dir.path())).await.unwrap();
    assert_eq!(playlist(&server, "1 é.m3u8"), names);
    assert_eq!(
        playlist(&server, "1 é-rescued.m3u8"),
        "1 é_0.ts\n1 é_1.ts\n1 é_2.ts\nEND\n"
    );
    let beside: Vec<_> = rescued.playlists.iter().map(|playlist| playlist.beside).collect();
    assert_eq!(beside, [true, false]);
}

/// Of a recording of days, and one that is empty.
#[tokio::test(flavor = "multi_thread")]
async fn a_playlist_of_any_length_is_compared() {
    let server = Server::start().await;
    let dir = damaged(&server).await;
    let others: String = (0..200_000).map(|index| format!("1 é_{index}-n1.ts\n")).collect();
    let bucket = Bucket::new(&storage(server.port), &client()).unwrap();
    for (name, text) in [("1 é.m3u8", others.clone()), ("2 é.m3u8", String::new())] {
        let headers = super::super::headers::Headers::changing("x");
        bucket.put(name, headers, text).await.unwrap();
    }
    let rescued = rescue(server.port).run(&read(dir.path())).await.unwrap();
    assert_eq!(playlist(&server, "1 é.m3u8"), others);
    let names = |uid: &str| (0..3).map(|index| format!("{uid} é_{index}.ts\n")).collect::<String>() + "END\n";
    assert_eq!(playlist(&server, "1 é-rescued.m3u8"), names("1"));
    assert_eq!(playlist(&server, "2 é.m3u8"), names("2"));
    let beside: Vec<_> = rescued.playlists.iter().map(|playlist| playlist.beside).collect();
    assert_eq!(beside, [true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_another_bucket_playlists_name_what_is_there_only() {
    let (first, other) = (Server::start().await, Server::start().await);
    let dir = damaged(&first).await;
    let rescued = rescue(other.port).run(&read(dir.path())).await.unwrap();
    assert_eq!(rescued.missing, ["1 é_0.ts", "2 é_0.ts"]);
    assert_eq!(playlist(&other, "1 é.m3u8"), "1 é_1.ts\n1 é_2.ts\nEND\n");
}
