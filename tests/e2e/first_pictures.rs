//! Whoever comes in the middle sees somebody at once, although the publisher sends no keyframe for it: by the player library, by a page
//! of a few lines, and by aiortc.

use serde_json::json;
use tapedeck_tests::mixed::Colour;
use tapedeck_tests::publisher::{Media, Publisher, Transport};
use tapedeck_tests::stack::Stack;
use tapedeck_tests::wait;

use crate::clients::{play_by_aiortc, play_by_libraries, publish_by_ffmpeg};
use crate::steps::CAPTURE_LIMIT;

/// One keyframe, at the beginning, and no other one for longer than this test takes.
const ONE_KEYFRAME: &str =
    "-c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -r 5 -g 9999 -pix_fmt yuv420p";

pub(crate) async fn come_before_the_next_keyframe(stack: &Stack) {
    let (cname, logs) = ("firstpictures", stack.logs());
    let media = |colour: &str| Media::plain_and_tone(colour, 440).with_video(ONE_KEYFRAME);
    let rtsp = media("red").in_opus();
    let mut by_rtsp = Publisher::ffmpeg(&stack.publish_url(cname, "1"), &rtsp, Transport::Tcp, logs);
    let mut by_rtmp = Publisher::ffmpeg_by_rtmp(&stack.rtmp_url(cname, "2"), &media("blue"), logs);
    let by_whip = publish_by_ffmpeg(&stack.web_url("whip", cname, "3"), &media("magenta").in_opus(), logs);
    wait::until("three users", CAPTURE_LIMIT, async || {
        (stack.roster(cname).await.users.len() == 3).then_some(())
    })
    .await;
    // The page is the fourth one, and is asked for keyframes.
    let urls = ["1", "2", "3", "4"].map(|uid| stack.web_url("whep", cname, uid));
    let said = play_by_libraries(&stack.web_url("whip", cname, "4"), &urls).await;
    println!("{said}");
    assert_eq!(said["complaints"], json!([]), "{said}");
    let shown = said["played"].as_array().into_iter().flatten();
    assert_eq!(
        shown.filter(|played| played["size"] == json!([320, 180])).count(),
        8,
        "{said}"
    );
    for (played, colour) in play_by_aiortc(&urls[..3])
        .await
        .iter()
        .zip([Colour::Red, Colour::Blue, Colour::Magenta])
    {
        println!("{played}");
        let pixel = [0, 1, 2].map(|part| played["middle"][part].as_u64().unwrap_or_default() as u8);
        assert_eq!(Colour::of(pixel), colour, "{played}");
    }
    by_rtsp.assert_alive();
    by_rtmp.assert_alive();
    drop(by_whip);
}
