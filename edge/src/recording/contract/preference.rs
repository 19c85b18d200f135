use protocol::RecorderKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Bytes of a tag: enough to tell the recorders of one fleet apart; a coincidence costs a worse place, nothing more.
const TAG_LEN: usize = 6;

/// Where a recording should run if there is a choice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preference {
    /// Nodes of this region come first: those whose region is this word or begins with it and a hyphen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// [Tags](tag) of the recorders whose nodes, and whose nodes' regions, are avoided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub avoid: Vec<String>,
}

/// A short digest that names a recorder: 12 lower-case hexadecimal characters.
pub fn tag(key: &RecorderKey) -> String {
    // Lengths keep the parts of the key apart, whatever is in them.
    let mut hash = Sha256::new();
    for part in [&key.app_id, &key.channel, &key.uid] {
        hash.update(format!("{}:{part}", part.len()));
    }
    let mut tag = hex::encode(hash.finalize());
    tag.truncate(2 * TAG_LEN);
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_one_recorder() {
        let key = |app_id: &str, channel: &str, uid: &str| RecorderKey {
            app_id: app_id.into(),
            channel: channel.into(),
            uid: uid.into(),
        };
        let mut tags = vec![
            tag(&key("a", "b", "c")),
            tag(&key("ab", "", "c")),
            tag(&key("a", "bc", "")),
            tag(&key("a", "b", "d")),
        ];
        assert!(tags.iter().all(|tag| tag.len() == 12), "{tags:?}");
        assert_eq!(tags[0], tag(&key("a", "b", "c")));
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 4);
    }
}
