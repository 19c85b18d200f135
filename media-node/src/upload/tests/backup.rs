//! Two stores: the customer's behind a proxy, and the backup.

use super::*;

/// The customer's store has taken nothing for so long when the backup takes over.
const AFTER: Duration = Duration::from_millis(500);
const LIMIT: Duration = Duration::from_secs(20);

fn backup(port: u16) -> BackupStore {
    let storage = Storage {
        bucket: "backup".to_owned(),
        ..storage(port)
    };
    BackupStore {
        bucket: Bucket::new(&storage, &client()).unwrap(),
        after: AFTER,
    }
}

fn uploader_with(spool: &Arc<Spool>, customer: u16, backup: BackupStore) -> Uploader {
    let store = Store::Bucket(Bucket::new(&storage(customer), &client()).unwrap());
    Uploader::new(Arc::clone(spool), store, Some(backup), formats())
}

/// Names of what lies in a bucket of the server.
fn objects(server: &Server, bucket: &str) -> Vec<String> {
    let dir = server.dir.path().join(bucket).join(PREFIX);
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("1 ") || name.ends_with(".mp4"))
        .collect();
    names.sort();
    names
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LIMIT, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_takes_over_and_gives_everything_back() {
    let (server, vault) = (Server::start().await, Server::start().await);
    std::fs::create_dir(vault.dir.path().join("backup")).unwrap();
    let proxy = Proxy::start(server.port, Disturbance::none()).await;
    let watched = Proxy::start(vault.port, Disturbance::none()).await;
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let start = |spool: &Arc<Spool>| {
        let uploader = uploader_with(spool, proxy.port, backup(watched.port));
        let problems = uploader.problems();
        (tokio::spawn(uploader.run()), problems)
    };
    let (upload, mut problems) = start(&spool);
    commit(&spool, "1", 0);
    until("the first slice", || objects(&server, "bucket").len() == 2).await;
    proxy.disturb(Disturbance::answers(Answer::UNAVAILABLE, u32::MAX));
    commit(&spool, "1", 1);
    commit(&spool, "1", 2);
    let long: Vec<u8> = (0..(70 << 20) + 5_u32).map(|at| (at / 1000) as u8).collect();
    tokio::task::block_in_place(|| commit_lone(&spool, LoneKind::Mp4, "0.mp4", &long));
    let held = ["0.mp4", "1 é.m3u8", "1 é_1.ts", "1 é_2.ts"];
    until("the backup to take over", || {
        objects(&vault, "backup") == held && spool.backed_up().is_some_and(|backed_up| backed_up.complete)
    })
    .await;
    let told = problems.wait_for(|told| told.iter().any(|one| one.code == protocol::ProblemCode::UploadBackup));
    drop(told.await.unwrap());
    let playlist = vault.dir.path().join("backup").join(PREFIX).join("1 é.m3u8");
    assert_eq!(std::fs::read_to_string(playlist).unwrap(), "1 é_1.ts\n1 é_2.ts\n");
    // A file leaves the disk after the journal says so.
    until("nothing to be on this node alone", || {
        crate::spool::bytes_on_disk(dir.path()) == 0
    })
    .await;

    // Another process goes on, and the customer's store comes back.
    upload.abort();
    let _ = upload.await;
    until("its last step", || Arc::strong_count(&spool) == 1).await;
    drop(spool);
    let spool = open(dir.path());
    let (upload, _) = start(&spool);
    commit(&spool, "1", 3);
    spool.finish(EndCause::Stopped).unwrap();
    until("the backup's end mark", || {
        spool
            .backed_up()
            .is_some_and(|backed_up| backed_up.complete && backed_up.files == 4)
    })
    .await;
    proxy.disturb(Disturbance::none());
    upload.await.unwrap();
    assert_eq!(proxy.seen().violations, Vec::<String>::new());
    for index in 0..4 {
        assert_eq!(server.read(&format!("1 é_{index}.ts")), content("1", index));
    }
    assert!(server.read("0.mp4") == long);
    let names: String = (0..4).map(|index| format!("1 é_{index}.ts\n")).collect();
    assert_eq!(server.read("1 é.m3u8"), format!("{names}END\n").into_bytes());
    assert_eq!(
        objects(&vault, "backup"),
        Vec::<String>::new(),
        "what was moved is removed"
    );
    for seen in [watched.seen(), proxy.seen()] {
        assert_eq!(seen.headers["1 é_1.ts"], ["test/slice", IMMUTABLE]);
        assert_eq!(seen.headers["0.mp4"], ["test/mp4", IMMUTABLE]);
        assert_eq!(seen.headers["1 é.m3u8"], ["test/playlist", "no-cache"]);
    }
    assert!(spool.is_done() && spool.is_backup_clear());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_fails_is_told_and_costs_nothing() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.port, Disturbance::answers(Answer::UNAVAILABLE, u32::MAX)).await;
    let refusing = Proxy::start(server.port, Disturbance::answers(Answer::MISSING_BUCKET, u32::MAX)).await;
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let uploader = uploader_with(&spool, proxy.port, backup(refusing.port));
    let mut problems = uploader.problems();
    let upload = tokio::spawn(uploader.run());
    commit(&spool, "1", 0);
    let failing = |told: &Vec<protocol::Problem>| {
        told.iter()
            .find(|one| one.code == protocol::ProblemCode::BackupFailing)
            .cloned()
    };
    let told = problems.wait_for(|told| failing(told).is_some()).await.unwrap().clone();
    let problem = failing(&told).unwrap();
    assert_eq!(problem.fault, Fault::Ours);
    assert!(problem.message.contains("\"backup\""), "{problem:?}");
    proxy.disturb(Disturbance::none());
    problems.wait_for(Vec::is_empty).await.unwrap();
    spool.finish(EndCause::Stopped).unwrap();
    upload.await.unwrap();
    assert_eq!(server.read("1 é_0.ts"), content("1", 0));
}
