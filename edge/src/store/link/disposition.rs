use super::bytes::encode;

/// The header `Content-Disposition` by which a browser keeps what it downloads under this name: in any language (RFC 5987), and in
/// ASCII for those who read no more (RFC 6266).
pub(super) fn disposition(file_name: &str) -> String {
    let name: String = file_name.chars().filter(|c| !c.is_control()).collect();
    let plain: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' | '/' => '_',
            c if c.is_ascii() => c,
            _ => '_',
        })
        .collect();
    match plain == name {
        true => format!("attachment; filename=\"{name}\""),
        false => format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", encode(&name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_language_are_kept() {
        for (name, header) in [
            ("a b.mp4", r#"attachment; filename="a b.mp4""#),
            (
                "第一课.mp4",
                "attachment; filename=\"___.mp4\"; filename*=UTF-8''%E7%AC%AC%E4%B8%80%E8%AF%BE.mp4",
            ),
            (
                "100% \"x\".mp4",
                "attachment; filename=\"100_ _x_.mp4\"; filename*=UTF-8''100%25%20%22x%22.mp4",
            ),
        ] {
            assert_eq!(disposition(name), header);
        }
    }

    #[test]
    fn no_name_adds_a_header() {
        assert_eq!(disposition("a\r\nX: y"), r#"attachment; filename="aX: y""#);
    }
}
