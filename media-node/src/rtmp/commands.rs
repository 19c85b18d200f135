//! What a publisher asks for in AMF, and what it is answered.

use super::amf::{self, Value};
use super::chunk::put_message;
use super::session::{COMMAND, Event, PEER_BANDWIDTH, STREAM_BEGIN, Session, USER_CONTROL, WINDOW, WINDOW_SIZE, Wish};

/// The chunk stream of answers.
const COMMAND_CHUNKS: u8 = 3;

impl Session {
    pub(super) fn data(&mut self, values: &[Value]) {
        let values = match values {
            [Value::Text(name), rest @ ..] if name == "@setDataFrame" => rest,
            values => values,
        };
        let [Value::Text(name), metadata, ..] = values else {
            return;
        };
        let tells = |field: &str| metadata.get(field).is_some_and(|value| value.as_number() != Some(0.0));
        let (audio, video) = (tells("audiocodecid"), tells("videocodecid"));
        if name == "onMetaData" && (audio || video) {
            self.waiting.push_back(Event::Metadata { audio, video });
        }
    }

    pub(super) fn command(&mut self, stream: u32, values: &[Value]) {
        let [Value::Text(name), Value::Number(transaction), arguments @ ..] = values else {
            return;
        };
        // The first argument is an object or null; what is meant stands behind it.
        let argument = arguments.get(1);
        match name.as_str() {
            "connect" => self.connect(*transaction, arguments.first()),
            "createStream" => {
                self.streams = self.streams.saturating_add(1);
                self.answer(*transaction, vec![Value::Null, Value::Number(self.streams.into())]);
            }
            "publish" => self.publish(stream, argument.and_then(Value::as_text)),
            "play" | "play2" => {
                let reason = "This server is published to by RTMP; its streams are played by RTSP";
                self.status("error", "NetStream.Play.Failed", reason);
            }
            "releaseStream" | "FCPublish" | "_checkbw" => self.answer(*transaction, vec![Value::Null, Value::Null]),
            "FCUnpublish" | "closeStream" | "deleteStream" => {
                if name == "FCUnpublish" {
                    self.answer(*transaction, vec![Value::Null, Value::Null]);
                }
                if self.published.is_some() {
                    self.waiting.push_back(Event::Unpublish);
                    self.published = None;
                }
            }
            _ => {}
        }
    }

    fn connect(&mut self, transaction: f64, properties: Option<&Value>) {
        let app = properties.and_then(|properties| properties.get("app")?.as_text());
        let Some(app) = app.filter(|app| !app.is_empty()) else {
            let reason = "Publish to rtmp://host/{app}/{channel} with the user's uid as the stream key";
            let information = information("error", "NetConnection.Connect.Rejected", reason);
            self.send("_error", transaction, vec![Value::Null, information]);
            return;
        };
        self.app = Some(app.to_owned());
        self.control(WINDOW_SIZE, &WINDOW.to_be_bytes());
        // 2: the peer is to decide.
        self.control(PEER_BANDWIDTH, &[&WINDOW.to_be_bytes()[..], &[2]].concat());
        let server = Value::Object(vec![
            ("fmsVer".to_owned(), Value::text("FMS/3,0,1,123")),
            ("capabilities".to_owned(), Value::Number(31.0)),
        ]);
        let mut information = information("status", "NetConnection.Connect.Success", "Connected");
        if let Value::Object(fields) = &mut information {
            fields.push(("objectEncoding".to_owned(), Value::Number(0.0)));
            // The enhanced form: what a publisher may send beside what it always might.
            let codecs = super::flv::FOUR_CCS
                .iter()
                .map(|four_cc| Value::text(*four_cc))
                .collect();
            fields.push(("fourCcList".to_owned(), Value::Array(codecs)));
        }
        self.answer(transaction, vec![server, information]);
    }

    fn publish(&mut self, stream: u32, key: Option<&str>) {
        let (Some(app), Some(key)) = (self.app.clone(), key) else {
            let reason = "publish comes after connect, and names a stream key";
            self.status("error", "NetStream.Publish.BadName", reason);
            return;
        };
        if self.published.is_some() {
            self.status(
                "error",
                "NetStream.Publish.BadName",
                "One connection publishes one stream",
            );
            return;
        }
        self.published = Some(stream);
        let begun = [&STREAM_BEGIN.to_be_bytes()[..], &stream.to_be_bytes()].concat();
        self.control(USER_CONTROL, &begun);
        let key = key.to_owned();
        self.waiting.push_back(Event::Publish(Wish { app, key }));
    }

    pub(super) fn status(&mut self, level: &str, code: &str, description: &str) {
        let values = [
            Value::text("onStatus"),
            Value::Number(0.0),
            Value::Null,
            information(level, code, description),
        ];
        let stream = self.published.unwrap_or(self.streams);
        put_message(&mut self.out, COMMAND_CHUNKS, COMMAND, stream, &amf::write(&values));
    }

    fn answer(&mut self, transaction: f64, values: Vec<Value>) {
        self.send("_result", transaction, values);
    }

    fn send(&mut self, name: &str, transaction: f64, values: Vec<Value>) {
        let all = [vec![Value::text(name), Value::Number(transaction)], values].concat();
        put_message(&mut self.out, COMMAND_CHUNKS, COMMAND, 0, &amf::write(&all));
    }
}

fn information(level: &str, code: &str, description: &str) -> Value {
    let fields = [("level", level), ("code", code), ("description", description)];
    Value::Object(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::text(value)))
            .collect(),
    )
}
