use crate::hub::Limits;

#[test]
fn few_open_files_mean_few_connections() {
    let of = |files| {
        let limits = Limits::default().within_open_files(files);
        (limits.connections, limits.kept_connections, limits.waiting_connections)
    };
    assert_eq!(of(1_048_576), (1_024, 256, 128));
    assert_eq!(of(1_024), (115, 28, 38));
    assert_eq!(of(100), (1, 0, 1));
}
