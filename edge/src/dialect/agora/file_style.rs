//! What recorded files are called and marked with, as the vendor's own tools read them:
//! `<sid>_<cname>__uid_s_<uid>__uid_e_<audio|video>…` for one user, `<sid>_<cname>…` for a mix.

use protocol::{FileStyle, NamePart, NameScheme, TagStyle, VpxContainer};

pub(super) fn of(strict_extinf: bool, vpx_container: VpxContainer) -> FileStyle {
    FileStyle {
        strict_extinf,
        names: NameScheme {
            stem: vec![NamePart::Sid, NamePart::Text("_".to_owned()), NamePart::Channel],
            before_uid: "__uid_s_".to_owned(),
            before_track: "__uid_e_".to_owned(),
        },
        tags: Some(TagStyle {
            prefix: "#EXT-X-AGORA-".to_owned(),
        }),
        vpx_container,
    }
}
