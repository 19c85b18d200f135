//! What a store answers to the question which objects it has.

/// The keys of the objects that an answer lists, in any of the interfaces.
///
/// # Errors
/// When it is no such answer.
pub(crate) fn keys(answer: &str) -> Result<Vec<String>, &'static str> {
    let (element, is_list) = match answer.contains("<EnumerationResults") {
        true => ("Name", true),
        false => ("Key", answer.contains("<ListBucketResult")),
    };
    if !is_list {
        return Err("it is no list of objects");
    }
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let mut found = Vec::new();
    let mut rest = answer;
    while let Some((_, behind)) = rest.split_once(&open) {
        let (text, behind) = behind.split_once(&close).ok_or("it ends in the middle")?;
        found.push(unescape(text)?);
        rest = behind;
    }
    Ok(found)
}

/// Text of XML with what stands for other characters put back.
fn unescape(text: &str) -> Result<String, &'static str> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        plain.push_str(before);
        let (name, behind) = behind.split_once(';').ok_or("a reference has no end")?;
        plain.push(referenced(name).ok_or("a reference is unknown")?);
        rest = behind;
    }
    plain.push_str(rest);
    Ok(plain)
}

fn referenced(name: &str) -> Option<char> {
    let code = match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        number => number.strip_prefix('#')?,
    };
    let code = match code.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => code.parse(),
    };
    char::from_u32(code.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_all_interfaces_are_read() {
        let s3 = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\"><Name>b</Name><Prefix>p/</Prefix><Contents><Key>p/a.ts</Key>\
                  <Size>1</Size></Contents><Contents><Key>p/&#x7B2C; &amp;&quot;1&quot;.mp4</Key></Contents></ListBucketResult>";
        assert_eq!(keys(s3).unwrap(), ["p/a.ts", "p/第 &\"1\".mp4"]);
        let azure = "<EnumerationResults ContainerName=\"c\"><Prefix>p</Prefix><Blobs><Blob><Name>p/a.ts</Name><Properties/></Blob>\
                     </Blobs><NextMarker/></EnumerationResults>";
        assert_eq!(keys(azure).unwrap(), ["p/a.ts"]);
        assert_eq!(keys("<ListBucketResult/>").unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_no_list_is_told_from_an_empty_one() {
        for answer in [
            "",
            "<Error><Code>AccessDenied</Code></Error>",
            "<ListBucketResult><Key>a",
            "<ListBucketResult><Key>a&b</Key>",
            "<ListBucketResult><Key>&nope;</Key>",
            "<ListBucketResult><Key>&#xD800;</Key>",
        ] {
            assert!(keys(answer).is_err(), "{answer}");
        }
    }
}
