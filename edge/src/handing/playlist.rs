/// A playlist with another address in the place of each name of a file. Names that are addresses already are left alone.
pub(super) fn with_links(text: &str, link: impl Fn(&str) -> String) -> String {
    let mut linked = String::with_capacity(text.len().saturating_mul(4));
    for line in text.lines() {
        match line {
            "" => {}
            tag if tag.starts_with('#') => linked.push_str(&with_uri(tag, &link)),
            name if is_address(name) => linked.push_str(name),
            name => linked.push_str(&link(name)),
        }
        linked.push('\n');
    }
    linked
}

/// Tags such as `#EXT-X-MAP` and `#EXT-X-MEDIA` name a file by an attribute.
fn with_uri(tag: &str, link: impl Fn(&str) -> String) -> String {
    const ATTRIBUTE: &str = "URI=\"";
    let named = tag
        .split_once(ATTRIBUTE)
        .and_then(|(before, rest)| Some((before, rest.split_once('"')?)));
    match named {
        Some((before, (name, behind))) if !is_address(name) => {
            format!("{before}{ATTRIBUTE}{}\"{behind}", link(name))
        }
        _ => tag.to_owned(),
    }
}

fn is_address(name: &str) -> bool {
    name.contains("://") || name.starts_with('/') || name.starts_with("data:")
}
