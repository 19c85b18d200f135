use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Assignment, RecordingSpec};

/// What names a recorder: at most one recording runs for each of these at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecorderKey {
    pub app_id: String,
    /// The channel's name.
    pub channel: String,
    /// The uid that the recorder itself has in the channel.
    pub uid: String,
}

impl fmt::Display for RecorderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.app_id, self.channel, self.uid)
    }
}

/// All that a node needs to carry out one recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// 32 lower-case hexadecimal characters.
    pub sid: String,
    /// The epoch of the lease under which this node may capture. Each placement on a node has a higher one.
    pub epoch: u64,
    pub recorder: RecorderKey,
    /// In the text form, its fields stand beside those of the job.
    #[serde(flatten)]
    pub spec: RecordingSpec,
    #[serde(default, rename = "placement")]
    pub assignment: Assignment,
}

/// A node's request for the job of a recording whose spool it holds, made after a restart because secrets never rest on
/// the node. A node whose lease was lost gets it too, directed to release the recording: it uploads what it holds. The
/// edge refuses with 404 what it does not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobRequest {
    pub node_id: String,
    pub recorder: RecorderKey,
    pub sid: String,
    pub epoch: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::version::{OLDEST, OUTPUTS};
    use crate::{Directive, EndCause, FileFormat, Mode};

    /// A job as edges and spools have it whose version knows no [`RecordingSpec`].
    fn older() -> Value {
        json!({
            "sid": "38f8e3cfdc474cd56fc1ceba380d7e1a",
            "epoch": 7,
            "recorder": {"app_id": "a", "channel": "c", "uid": "1"},
            "mode": "mix",
            "mix": {
                "output": {"width": 360, "height": 640, "fps": 15, "bitrate_kbps": 500, "audio": "mono48"},
                "scene": {
                    "version": 3,
                    "layout": {"type": "custom", "regions": [
                        {"uid": "7", "x": 0.1, "y": 0.0, "width": 0.25, "height": 1.0, "alpha": 0.5, "fill": "crop"},
                    ]},
                    "background": {"r": 0, "g": 1, "b": 255},
                },
                "mp4": true,
            },
            "snapshots": {"interval_ms": 5_000, "alone": false},
            "decryption": {"cipher": "aes128_xts", "secret": "s"},
            "source": {"type": "static", "streams": {"7": "rtsp://camera", "18446744073709551615": "rtsp://other"}},
            "channel_type": "live",
            "subscription": {
                "version": 2, "types": "both", "audio": "all", "video": {"only": ["7"]}, "quality": "low",
            },
            "playlist": {"strict_extinf": true},
            "storage": {
                "kind": "s3", "endpoint": "https://s3", "region": "r", "addressing": "path", "bucket": "b",
                "access_key": "ak", "secret_key": "", "prefix": "a/b",
            },
            "backup": {
                "storage": {
                    "kind": "oss", "endpoint": "https://oss", "region": "r", "addressing": "virtual", "bucket": "b",
                    "access_key": "ak", "secret_key": "", "session_ends_ms": 18_446_744_073_709_551_615_u64, "prefix": "",
                },
                "after_ms": 60_000,
            },
            "placement": {
                "directive": {"stop": "idle"},
                "terms": {"standby": true, "cuts": {"a.m3u8": 1_700_000_000_000_u64}},
                "leased": true,
                "takeover": true,
                "lane": 2,
                "started_ms": 1_700_000_000_000_u64,
            },
        })
    }

    #[test]
    fn an_older_job_is_read_and_its_text_form_has_stayed() {
        let job: Job = serde_json::from_value(older()).unwrap();
        assert_eq!((job.epoch, job.spec.mode, job.assignment.lane), (7, Mode::Mix, 2));
        assert_eq!(job.assignment.directive, Some(Directive::Stop(EndCause::Idle)));
        let mut written = serde_json::to_value(&job).unwrap();
        // The style of files has grown, and an older node passes over what it does not know.
        for grown in ["names", "tags", "vpx_container"] {
            assert!(written["playlist"].as_object_mut().unwrap().remove(grown).is_some());
        }
        assert_eq!(written, older());
        let text = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), job);
    }

    #[test]
    fn what_older_nodes_pass_over_is_not_asked_of_them() {
        let older: Job = serde_json::from_value(older()).unwrap();
        assert_eq!(older.spec.whole_files(), [FileFormat::Mp4]);
        assert_eq!(older.spec.oldest_version(), OLDEST);
        let with = |change: fn(&mut RecordingSpec)| {
            let mut spec = older.spec.clone();
            change(&mut spec);
            (spec.whole_files().len(), spec.oldest_version())
        };
        assert_eq!(with(|spec| spec.outputs.files = vec![FileFormat::Mp4]), (1, OLDEST));
        assert_eq!(
            with(|spec| spec.outputs.files = vec![FileFormat::Mp3, FileFormat::Mp4]),
            (2, OUTPUTS)
        );
        assert_eq!(with(|spec| spec.outputs.hls = false), (1, OUTPUTS));
        assert_eq!(with(|spec| spec.outputs.max_ms = Some(1)), (1, OUTPUTS));
        assert_eq!(with(|spec| spec.mix = None), (0, OLDEST));
        let of_each_user = |spec: &mut RecordingSpec| (spec.mix, spec.outputs.files) = (None, vec![FileFormat::Mp4]);
        assert_eq!(with(of_each_user), (1, OUTPUTS));
    }

    #[test]
    fn what_an_older_job_may_leave_out_has_its_default() {
        let mut older = older();
        let fields = older.as_object_mut().unwrap();
        for name in ["mix", "snapshots", "decryption", "channel_type", "backup", "placement"] {
            fields.remove(name);
        }
        let job: Job = serde_json::from_value(older).unwrap();
        assert_eq!(job.assignment, Assignment::default());
        assert_eq!(
            (job.spec.mix, job.spec.snapshots, job.spec.decryption),
            (None, None, None)
        );
    }
}
