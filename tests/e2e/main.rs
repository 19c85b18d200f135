//! The end-to-end tests. Most share one stack, which this program starts first and ends last; those that take something
//! away have one of their own. They spend their time waiting for media, so many run at once.
//!
//! With `TAPEDECK_SOAK=1` the tests that measure drift, kill and cut off last minutes instead of seconds.

mod alone;
mod browsers;
mod cameras;
mod channel_tokens;
mod channels;
mod clients;
mod codecs;
mod composed;
mod disk;
mod docs_page;
mod documented;
mod encryption;
mod endings;
mod failover;
mod far;
mod faults;
mod faulty;
mod files;
mod first_pictures;
mod fleet;
mod fsp;
mod fsp_automatic;
mod generated;
mod interruptions;
mod kills;
mod layered;
mod limits;
mod line;
mod load;
mod mix_kills;
mod mixed;
mod monitoring;
mod networks;
mod node_tokens;
mod outages;
mod pauses;
mod playing;
mod polyv;
mod publish_page;
mod quiet;
mod rescue;
mod room_churn;
mod room_networks;
mod room_nodes;
mod rooms;
mod rooms_in_browsers;
mod rtmp;
mod rules;
mod scenarios;
mod scenes;
mod serving;
mod snapshots;
mod sound;
mod space;
mod steps;
mod stops;
mod stores;
mod strangers;
mod sync;
mod uploads;
mod versions;
mod vod;
mod webhooks;
mod whole_way;
mod wrong_calls;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use tapedeck_tests::namespace::Namespace;
use tapedeck_tests::stack::{Stack, can_mount};
use tokio::sync::{Mutex, RwLock};

/// Tests that run at a time unless the command line says otherwise: what two cores carry without falling behind. Each of the
/// long forms fills the machine by itself.
const AT_ONCE: usize = 6;
const AT_ONCE_LONG: usize = 1;

/// Held by one at a time of the tests that mix at length, or measure what a busy machine delays.
static TURN: Mutex<()> = Mutex::const_new(());
/// Read by every test, and written by one that needs the machine to itself.
static MACHINE: RwLock<()> = RwLock::const_new(());

fn main() -> ExitCode {
    let mut args = Arguments::from_args();
    let at_once = if steps::is_soak() { AT_ONCE_LONG } else { AT_ONCE };
    args.test_threads.get_or_insert(at_once);
    if args.list {
        return libtest_mimic::run(&args, trials(None)).exit_code();
    }
    let stack = Arc::new(Stack::start("shared"));
    let failed = libtest_mimic::run(&args, trials(Some(&stack))).has_failed();
    let disturbed = catch_unwind(AssertUnwindSafe(|| stack.assert_undisturbed())).is_err();
    let bad = failed || disturbed;
    if bad {
        eprintln!("the shared stack's logs are in {}", stack.logs().display());
    }
    if let Some(stack) = Arc::into_inner(stack) {
        stack.stop(bad);
    }
    if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn trials(stack: Option<&Arc<Stack>>) -> Vec<Trial> {
    /// A test on the shared stack.
    macro_rules! shared {
        ($($test:path),+ $(,)?) => { [$({
            let stack = stack.cloned();
            trial(stringify!($test), move || {
                let stack = stack.expect("a stack unless tests are only listed");
                block_on($test(&stack));
            })
        }),+] };
    }
    /// A test on the shared stack that mixes at length, or judges by milliseconds. One runs at a time: a mix that falls behind sheds pictures by design, and
    /// two of them beside the other tests are more than two cores carry.
    macro_rules! mixes {
        ($($test:path),+ $(,)?) => { [$({
            let stack = stack.cloned();
            trial(stringify!($test), move || {
                let _turn = TURN.blocking_lock();
                let stack = stack.expect("a stack unless tests are only listed");
                block_on($test(&stack));
            })
        }),+] };
    }
    /// A test with a stack of its own, which is named after it, with settings where they are given.
    macro_rules! run_own {
        ($test:path $([$($setting:expr),+])?) => {{
            let name = stringify!($test).replace([':', ' '], "");
            let mut stack = Stack::start_with(&name, &[$($($setting),+)?]);
            block_on($test(&mut stack));
            stack.stop(false);
        }};
    }
    macro_rules! own {
        ($($test:path $([$($setting:expr),+])?),+ $(,)?) => { [$(
            trial(stringify!($test), || run_own!($test $([$($setting),+])?))
        ),+] };
    }
    /// One of these that takes its turn among those that mix.
    macro_rules! own_in_turn {
        ($test:path $([$($setting:expr),+])?) => {
            trial(stringify!($test), || {
                let _turn = TURN.blocking_lock();
                run_own!($test $([$($setting),+])?);
            })
        };
    }
    /// A test with a stack of its own whose deliveries are quick and whose only node is the test's.
    macro_rules! quick {
        ($($test:path: $give_up_ms:literal),+ $(,)?) => { [$(
            trial(stringify!($test), || {
                let mut stack = Stack::start_with(&stringify!($test).replace([':', ' '], ""), &[
                    ("TAPEDECK_CAPACITY", "0"),
                    ("TAPEDECK_WEBHOOK_TIMEOUT_MS", "500"),
                    ("TAPEDECK_WEBHOOK_RETRY_MS", "20"),
                    ("TAPEDECK_WEBHOOK_GIVE_UP_MS", $give_up_ms),
                ]);
                block_on($test(&mut stack));
                stack.stop(false);
            })
        ),+] };
    }
    let full_disk = trial("disk::a_full_disk_loses_nothing", || {
        let mut stack = Stack::start_on_disk("disk", &disk::SETTINGS, disk::BYTES);
        block_on(disk::a_full_disk_loses_nothing(&mut stack));
        stack.stop(false);
    });
    // A container may not let anybody mount.
    let mut trials = vec![full_disk.with_ignored_flag(!can_mount())];
    // Nor may it let anybody make a network of its own.
    let far = own![
        far::a_link_that_is_cut_costs_nothing[("TAPEDECK_CAPACITY", "0")],
        far::a_node_that_stops_costs_no_more_than_its_lease[("TAPEDECK_CAPACITY", "0")],
        channels::six_recordings_hold_all_users_of_four_nodes[("TAPEDECK_CAPACITY", "0")],
        networks::a_node_is_reached_behind_a_nat_through_losses_and_without_datagrams,
        room_networks::a_room_goes_on_when_its_clients_have_another_network,
    ];
    let is_alone = !Namespace::can_be_made();
    let far = far.map(|trial| trial.with_ignored_flag(is_alone));
    let real = own![
        fleet::real_recordings_of_a_lost_node_go_on_elsewhere[("TAPEDECK_CAPACITY", "0")],
        room_churn::peers_come_and_go_and_nothing_is_left_of_them,
        layered::each_layout_gets_the_size_that_it_shows_from_another_node[("TAPEDECK_CAPACITY", "0")],
    ];
    trials.extend(real.map(|trial| trial.with_ignored_flag(!steps::is_soak())));
    trials.extend(quick![
        webhooks::every_event_arrives_in_order: "86400000",
        webhooks::what_is_given_up_is_replayed: "1500",
    ]);
    trials.extend(own![
        webhooks::a_real_recording_tells_its_course,
        channels::a_user_is_played_at_each_node_and_gone_with_its_own[("TAPEDECK_CAPACITY", "0")],
        channels::an_app_records_its_channels_by_itself[("TAPEDECK_CAPACITY", "0")],
        channels::five_hundred_channels_cost_no_more_than_two[("TAPEDECK_CAPACITY", "0")],
        faults::a_crashed_node_goes_on_in_the_same_playlists,
        faults::a_crashed_edge_forgets_nothing,
        channel_tokens::they_let_in_whom_they_name_and_nobody_else,
        failover::a_lost_node_is_replaced_and_its_slices_follow[("TAPEDECK_CAPACITY", "0")],
        failover::a_node_that_ends_hands_its_recordings_over[("TAPEDECK_CAPACITY", "0")],
        failover::a_node_that_ends_alone_goes_on_when_it_is_back[("TAPEDECK_CAPACITY", "0")],
        failover::a_long_recording_is_told_to_the_next_node[("TAPEDECK_CAPACITY", "0")],
        fsp::a_task_and_its_listeners_survive_kills,
        kills::recorders_come_back,
        line::a_line_that_is_cut_costs_nothing[("TAPEDECK_CAPACITY", "0")],
        node_tokens::a_node_is_let_in_by_its_own_token_until_it_is_revoked[("TAPEDECK_CAPACITY", "0")],
        stores::a_backup_takes_over_and_gives_back,
        stores::ended_keys_are_told_and_renewed,
        stops::no_client_gives_up_before_a_stop_is_answered[("TAPEDECK_STOP_WAIT_S", "")],
        outages::a_refusing_store_costs_nothing,
        outages::a_restart_in_an_outage_costs_nothing,
        polyv::a_channel_is_recorded_told_handed_out_and_deleted[("TAPEDECK_WEBHOOK_RETRY_MS", "200")],
        quiet::a_quiet_recording_costs_few_requests,
        rescue::a_damaged_journal_costs_no_media,
        room_nodes::a_room_spans_three_nodes_and_outlives_one[("TAPEDECK_CAPACITY", "0")],
        rooms::clients_come_back_after_the_edge_has_crashed,
        versions::nodes_of_each_supported_version_record[("TAPEDECK_CAPACITY", "0")],
        versions::a_node_records_by_the_oldest_version[("TAPEDECK_CAPACITY", "0")],
        vod::one_video_whatever_ends_meanwhile,
        vod::a_video_outlives_its_node[("TAPEDECK_CAPACITY", "0")],
        rules::every_documented_rule_and_no_undocumented_answer[("TAPEDECK_CAPACITY", "0")],
        generated::the_worker_survives_whatever_comes[("TAPEDECK_CAPACITY", "0")],
        space::a_full_spool_ends_what_fills_it_and_loses_nothing[space::LIMIT],
    ]);
    trials.extend(shared![
        encryption::encrypted_channels_are_recorded_in_clear,
        whole_way::ffmpeg_by_tcp_and_udp,
        whole_way::gstreamer,
        whole_way::subscriptions_and_agoras_own_extinf,
        whole_way::an_update_changes_whom_is_recorded,
        cameras::each_way_to_a_camera_is_taken,
        fsp_automatic::an_automatic_task_is_alone_in_its_group,
        rooms::clients_meet_by_a_code_and_leave_at_the_end,
        rooms::a_live_room_is_recorded_connected_and_separated,
        rooms::a_room_withstands_strangers,
        uploads::files_that_are_sent_become_recordings,
        fsp_automatic::a_task_that_is_not_begun_ends,
        files::each_user_is_in_files_and_behind_one_link_with_picture_and_sound,
        interruptions::a_killed_publisher_comes_back,
        interruptions::a_user_leaves_and_returns,
        interruptions::a_user_joins_late,
        interruptions::the_resolution_changes,
        interruptions::audio_only_and_video_only,
        alone::streams_are_recorded_into_a_directory,
        endings::idleness_ends_a_recording,
        endings::nothing_was_recorded,
        endings::a_wrong_bucket_is_refused,
        endings::a_store_that_does_not_answer_is_refused,
        endings::wrong_keys_are_refused,
        rtmp::a_token_lets_in_and_whoever_has_none_is_told,
        browsers::a_token_lets_in_and_whoever_has_none_is_told,
        browsers::what_happens_to_media_in_a_call_is_in_the_recordings,
        mixed::agoras_playlist_is_told_by_name,
        mixed::anyrtcs_files_are_listed,
        versions::nodes_of_other_versions_are_refused_with_the_reason,
        vod::a_service_that_refuses_ends_the_recording,
        vod::an_mp4_file_is_a_video_of_its_own,
        limits::exactly_the_allowed_number_pass_in_each_second,
        limits::recordings_have_a_quota,
        monitoring::metrics_show_what_the_edge_does,
        monitoring::figures_and_problems_are_documented_and_no_figure_means_two_things,
        docs_page::a_recording_is_made_on_the_page,
        docs_page::no_reader_is_shut_out,
        docs_page::no_page_can_be_framed,
        publish_page::a_person_publishes_and_watches,
        first_pictures::come_before_the_next_keyframe,
        wrong_calls::credentials,
        wrong_calls::routes,
        wrong_calls::bodies,
        wrong_calls::a_body_without_a_length,
        wrong_calls::resource_ids,
        serving::an_edge_that_lacks_something_says_so_and_ends,
        serving::rtmp_in_tls_is_taken_where_the_settings_say,
    ]);
    /// A test on the shared stack that runs alone.
    macro_rules! alone {
        ($test:path) => {{
            let stack = stack.cloned();
            alone(stringify!($test), move || {
                let stack = stack.expect("a stack unless tests are only listed");
                block_on($test(&stack));
            })
        }};
    }
    let kills = alone!(mix_kills::killed_processes_cost_two_seconds_at_most);
    // One of the clients says at which time it sends what, not at which time that was taken: it is as late as the machine is busy.
    let clients = alone!(clients::others_publish_unchanged_and_watch);
    // A program of Python sees and hears no more than the machine leaves it time for.
    let rooms = alone!(rooms_in_browsers::people_see_and_hear_one_another);
    let mixes = mixes![
        codecs::each_is_recorded_mixed_and_played,
        faulty::each_fault_costs_no_more_than_it_has_to,
        composed::each_user_is_where_and_when_the_calls_say,
        fsp::a_manual_task_becomes_a_file,
        fsp::a_page_listens_and_makes_a_task,
        pauses::nothing_of_a_pause_is_in_any_file,
        composed::flash_and_beep_keep_together_in_a_mix,
        rtmp::users_are_recorded_and_mixed_beside_one_by_rtsp,
        browsers::pages_are_recorded_mixed_and_played,
        sound::each_codec_is_heard_by_itself_and_in_the_mix,
        composed::the_low_stream_is_mixed_where_it_is_asked_for,
        scenes::two_streams_of_one_user_are_at_their_pixels_below_a_clock,
        playing::a_browser_plays_a_mix_from_another_origin,
        sync::audio_and_video_keep_together,
        snapshots::beside_a_recording,
        snapshots::alone_and_only_while_there_is_video,
        files::a_mix_is_in_files_of_the_length_that_is_asked_for,
    ];
    let mut mixes: Vec<_> = mixes.into_iter().collect();
    mixes.push(own_in_turn!(load::twenty_publishers_without_a_lost_packet));
    // It counts what begins within less than a second.
    mixes.push(own_in_turn!(
        fleet::fifty_recordings_of_a_lost_node_go_on_elsewhere[("TAPEDECK_CAPACITY", "0")]
    ));
    let long = shared![
        clients::five_by_webrtc_keep_together,
        fsp_automatic::nine_users_are_in_one_picture,
        fsp_automatic::a_task_is_in_files_of_the_length_that_is_asked_for,
        uploads::a_gigabyte_comes_by_a_socket_that_breaks,
    ];
    trials.extend(long.map(|trial| trial.with_ignored_flag(!steps::is_soak())));
    // Those that take the machine most are apart from one another.
    let most: Vec<_> = far.into_iter().chain(mixes).collect();
    let apart = trials.len() / most.len() + 1;
    for (number, trial) in most.into_iter().enumerate() {
        trials.insert(number * apart, trial);
    }
    // Before others have begun.
    trials.insert(0, kills);
    trials.insert(1, clients);
    trials.insert(2, rooms);
    trials
}

fn trial(name: &str, run: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name.replace(' ', ""), move || {
        let _beside_others = MACHINE.blocking_read();
        run();
        Ok(())
    })
}

/// A test that judges within tenths of a second what processes do that have just begun: nothing else runs meanwhile.
fn alone(name: &str, run: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name.replace(' ', ""), move || {
        let _alone = MACHINE.blocking_write();
        run();
        Ok(())
    })
}

fn block_on(test: impl Future<Output = ()>) {
    // All of a test runs on its own thread: a child process must not outlive it.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test);
}
