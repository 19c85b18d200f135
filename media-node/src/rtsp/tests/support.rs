//! A server for one test, and real publishers and players as child processes.

use std::net::SocketAddr;
use std::process::{ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use protocol::{Roster, Secret};
use retina::client::{
    Credentials, InitialTimestampPolicy, PacketItem, PlayOptions, Session, SessionOptions, SetupOptions,
    TcpTransportOptions, Transport,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{OnceCell, oneshot};
use tokio::task::JoinHandle;

use crate::access::{Gate, Keys, Passes};
use crate::channel::{Limits as RegistryLimits, Registry};
use crate::hub::{Hub, Limits};
use crate::rtsp::{Figures, RtspServer, Streams};

/// No step takes so long, however busy the machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

pub(super) struct Server {
    pub(super) registry: Registry,
    pub(super) addr: SocketAddr,
    pub(super) hub: Arc<Hub>,
    pub(super) streams: Streams,
    pub(super) figures: Figures,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::start_with(Keys::default(), Limits::default()).await
    }

    pub(super) async fn start_with(keys: Keys, limits: Limits) -> Self {
        Self::start_at(Gate::new(keys, Passes::default()), limits).await
    }

    pub(super) async fn start_at(gate: Gate, limits: Limits) -> Self {
        let registry = Registry::new(RegistryLimits::default(), 1_700_000_000_000);
        let any = "127.0.0.1:0".parse().unwrap();
        let server = RtspServer::bind(any, registry.clone(), Arc::new(gate), None, limits)
            .await
            .unwrap();
        let (figures, hub, streams) = (server.figures(), server.hub(), server.streams());
        let addr = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(server.run(async { drop(stopped.await) }));
        Self {
            registry,
            addr,
            hub,
            streams,
            figures,
            stop: Some(stop),
            task: Some(task),
        }
    }

    /// `rtsp://host:port/app/room/{tail}`
    pub(super) fn url(&self, tail: &str) -> String {
        format!("rtsp://{}/app/room/{tail}", self.addr)
    }

    /// The same with a login.
    pub(super) fn url_with_login(&self, login: &str, tail: &str) -> String {
        format!("rtsp://{login}@{}/app/room/{tail}", self.addr)
    }

    /// Waits until the roster of the channel is as `wanted` says.
    pub(super) async fn roster(&self, wanted: impl Fn(&Roster) -> bool) -> Roster {
        let wait = async {
            let mut roster = self.registry.snapshot("app", "room");
            while !wanted(&roster) {
                roster = self.registry.wait("app", "room", roster.version, PATIENCE).await;
            }
            roster
        };
        within("the roster", wait).await
    }

    pub(super) async fn joined(&self, users: usize) -> Roster {
        self.roster(|roster| roster.users.len() == users).await
    }

    /// Ends the server and waits until its connections are closed.
    pub(super) async fn stop(mut self) {
        drop(self.stop.take());
        within("the server's end", self.task.take().unwrap()).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

pub(super) fn keys(publish: &str, play: &str) -> Keys {
    Keys {
        publish: Some(Secret::new(publish)),
        play: Some(Secret::new(play)),
    }
}

pub(super) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

/// A child process that does not outlive its test.
pub(super) struct Process {
    child: Child,
    /// For messages.
    command: String,
}

impl Process {
    /// `arguments` are parted at white space.
    pub(super) fn spawn(program: &str, arguments: &str) -> Self {
        Self::spawn_with(program, &arguments.split_whitespace().collect::<Vec<_>>())
    }

    pub(super) fn spawn_with(program: &str, arguments: &[&str]) -> Self {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let child = child.unwrap_or_else(|error| panic!("{program}: {error}; scripts/setup installs it"));
        Self {
            child,
            command: format!("{program} {}", arguments.join(" ")),
        }
    }

    /// SIGKILL: nothing is said any more.
    pub(super) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(super) async fn ended(mut self) -> ExitStatus {
        within(&self.command, self.child.wait()).await.unwrap()
    }

    pub(super) async fn output(self) -> Output {
        within(&self.command, self.child.wait_with_output()).await.unwrap()
    }

    /// Waits until each of these words has been in so many lines of its standard output.
    pub(super) async fn says(&mut self, words: &[(&str, usize)]) {
        let mut missing: Vec<(&str, usize)> = words.to_vec();
        let mut lines = BufReader::new(self.child.stdout.as_mut().unwrap()).lines();
        while missing.iter().any(|(_, times)| *times > 0) {
            let what = format!("{missing:?} of {}", self.command);
            let Some(line) = within(&what, lines.next_line()).await.unwrap() else {
                let mut complaint = String::new();
                let stderr = self.child.stderr.as_mut().unwrap();
                stderr.read_to_string(&mut complaint).await.unwrap();
                panic!("{what} did not come: {complaint}");
            };
            for (word, times) in &mut missing {
                *times = times.saturating_sub(usize::from(line.contains(*word)));
            }
        }
    }
}

/// 320x180 H.264 as libx264 makes it by default, with B-frames, and AAC.
pub(super) fn ffmpeg_publish(url: &str, transport: &str) -> Process {
    let arguments = format!(
        "-nostdin -v error -re -f lavfi -i testsrc2=size=320x180:rate=15 -f lavfi -i sine=sample_rate=48000 \
         -c:v libx264 -preset veryfast -threads 1 -g 15 -pix_fmt yuv420p -c:a aac -f rtsp -rtsp_transport {transport} {url}"
    );
    Process::spawn("ffmpeg", &arguments)
}

/// Publishes a file that was encoded before: costs little.
pub(super) fn ffmpeg_publish_file(file: &str, url: &str) -> Process {
    let arguments =
        format!("-nostdin -v error -re -stream_loop -1 -i {file} -c copy -f rtsp -rtsp_transport tcp {url}");
    Process::spawn("ffmpeg", &arguments)
}

/// Ten seconds of H.264 and AAC, encoded once for all tests.
pub(super) async fn sample() -> &'static str {
    static SAMPLE: OnceCell<(tempfile::TempDir, String)> = OnceCell::const_new();
    let make = || async {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sample.mp4").to_str().unwrap().to_owned();
        let arguments = format!(
            "-nostdin -v error -f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=sample_rate=48000 -t 10 \
             -c:v libx264 -preset ultrafast -g 25 -pix_fmt yuv420p -c:a aac {file}"
        );
        assert!(Process::spawn("ffmpeg", &arguments).ended().await.success());
        (directory, file)
    };
    &SAMPLE.get_or_init(make).await.1
}

/// H.264 and AAC from GStreamer, the latter as MPEG4-GENERIC like FFmpeg's. `extra` are properties of the sink.
pub(super) fn gst_publish(url: &str, transport: &str, extra: &str) -> Process {
    let pipeline = format!(
        "-q rtspclientsink name=sink location={url} protocols={transport} sink_1::payloader=rtpmp4gpay {extra} \
         videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=15/1 \
         ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 threads=1 ! h264parse ! sink.sink_0 \
         audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=1 ! voaacenc ! aacparse ! sink.sink_1"
    );
    Process::spawn("gst-launch-1.0", &pipeline)
}

/// Decodes both tracks until the end of the stream, and tells of each picture and each piece of sound on its standard output.
/// `url` may carry a login.
///
/// No pipeline with an `rtspsrc` of its own: that adds its pads in two threads at once, of which `gst-launch` sometimes links
/// only one, and then plays nothing for ever.
pub(super) fn gst_play(url: &str, transport: &str) -> Process {
    let scheme = match transport {
        "tcp" => "rtspt",
        "udp" => "rtspu",
        _ => panic!("{transport} is no transport"),
    };
    let sink = |kind: &str| format!("{kind}-sink=fakesink name={kind} silent=false sync=false");
    let uri = format!("uri={}", url.replacen("rtsp", scheme, 1));
    Process::spawn_with(
        "gst-launch-1.0",
        &["-v", "playbin", &uri, &sink("video"), &sink("audio")],
    )
}

/// GStreamer plays both tracks for a while.
pub(super) async fn gst_plays(url: &str, transport: &str) {
    let mut player = gst_play(url, transport);
    player.says(&[("(video:sink)", 30), ("(audio:sink)", 60)]).await;
    player.kill().await;
}

/// The codecs that ffprobe finds, in the order of the description, or what it complains of.
pub(super) async fn ffprobe(url: &str, transport: &str) -> Result<Vec<String>, String> {
    let arguments = format!("-v error -show_entries stream=codec_name -of csv=p=0 -rtsp_transport {transport} {url}");
    let output = Process::spawn("ffprobe", &arguments).output().await;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A retina session that plays all tracks.
pub(super) async fn retina(url: &str, transport: Transport, key: Option<&str>) -> Session<retina::client::Playing> {
    let credentials = key.map(|key| Credentials {
        username: "recorder".to_owned(),
        password: key.to_owned(),
    });
    let options = SessionOptions::default().creds(credentials);
    let session = async {
        let mut session = Session::describe(url::Url::parse(url).unwrap(), options).await?;
        for track in 0..session.streams().len() {
            session
                .setup(track, SetupOptions::default().transport(transport.clone()))
                .await?;
        }
        session
            .play(PlayOptions::default().initial_timestamp(InitialTimestampPolicy::Permissive))
            .await
    };
    within("a retina session", session).await.unwrap()
}

pub(super) fn tcp() -> Transport {
    Transport::Tcp(TcpTransportOptions::default())
}

/// Takes this many RTP packets and counts the gaps in the sequence numbers of each track.
pub(super) async fn take_packets(session: &mut Session<retina::client::Playing>, count: usize) -> u64 {
    let mut last: Vec<Option<u16>> = vec![None; session.streams().len()];
    let mut lost = 0;
    let mut taken = 0;
    while taken < count {
        match within("a packet", session.next())
            .await
            .expect("the stream goes on")
            .unwrap()
        {
            PacketItem::Rtp(packet) => {
                let place = &mut last[packet.stream_id()];
                let sequence = packet.sequence_number();
                lost += place.map_or(0, |last| u64::from(sequence.wrapping_sub(last).wrapping_sub(1)));
                *place = Some(sequence);
                taken += 1;
            }
            _ => continue,
        }
    }
    lost
}
