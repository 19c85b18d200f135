use super::Problem;

/// The name of the field that has the file.
const FIELD: &[u8] = b"file";
/// Longer boundaries are none, RFC 2046.
const MAX_BOUNDARY_BYTES: usize = 70;
/// The longest header of a part.
const MAX_HEADER_BYTES: usize = 8 << 10;

/// The file in a body of `multipart/form-data` (RFC 7578), read as it comes. Other fields are passed over.
#[derive(Clone, Debug)]
pub struct Form {
    /// What stands between parts, with the line break in front of it.
    delimiter: Vec<u8>,
    /// What has come and is not read yet.
    waiting: Vec<u8>,
    place: Place,
    has_file: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the content of a part, which is the file or not; also in front of the first part.
    Content {
        file: bool,
    },
    /// Behind a delimiter.
    Delimiter,
    Header,
    /// Behind the last part.
    End,
}

impl Form {
    /// `content_type`: the request's header.
    ///
    /// # Errors
    /// When it announces no form.
    pub fn new(content_type: &str) -> Result<Self, Problem> {
        let boundary = boundary(content_type).ok_or(Problem::Unfit(
            "the body has to be multipart/form-data with a boundary, and the file in the field file",
        ))?;
        Ok(Self {
            delimiter: [b"\r\n--", boundary.as_bytes()].concat(),
            // Also the first delimiter has a line break in front of it then.
            waiting: b"\r\n".to_vec(),
            place: Place::Content { file: false },
            has_file: false,
        })
    }

    /// Takes what has come of the body; returns what of the file is in it.
    ///
    /// # Errors
    /// When it is no form.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
        self.waiting.extend_from_slice(bytes);
        let mut content = Vec::new();
        while self.advance(&mut content)? {}
        Ok(content)
    }

    /// The body is over.
    ///
    /// # Errors
    /// When there was no file, or not all of it.
    pub fn finish(&self) -> Result<(), Problem> {
        match (self.place, self.has_file) {
            (Place::End, true) => Ok(()),
            (Place::End, false) => Err(Problem::Unfit("the field file is required")),
            _ => Err(Problem::Broken),
        }
    }

    /// Reads as far as the next change; false when more has to come first.
    fn advance(&mut self, content: &mut Vec<u8>) -> Result<bool, Problem> {
        match self.place {
            Place::Content { file } => {
                let found = find(&self.waiting, &self.delimiter);
                // What may be the beginning of a delimiter stays.
                let sure = self.waiting.len().saturating_sub(self.delimiter.len() - 1);
                let own = self.waiting.drain(..found.unwrap_or(sure));
                match file {
                    true => content.extend(own),
                    false => drop(own),
                }
                if found.is_some() {
                    self.waiting.drain(..self.delimiter.len());
                    self.place = Place::Delimiter;
                }
                Ok(found.is_some())
            }
            Place::Delimiter => {
                self.place = match self.waiting.get(..2) {
                    None => return Ok(false),
                    Some(b"--") => Place::End,
                    // It stays, since a header may have no lines.
                    Some(b"\r\n") => Place::Header,
                    Some(_) => return Err(Problem::Unfit("the parts of the form cannot be told from one another")),
                };
                Ok(true)
            }
            Place::Header => {
                let Some(end) = find(&self.waiting, b"\r\n\r\n") else {
                    return match self.waiting.len() {
                        0..MAX_HEADER_BYTES => Ok(false),
                        _ => Err(Problem::Unfit("the header of a part of the form is too long")),
                    };
                };
                let header: Vec<u8> = self.waiting.drain(..end + 4).collect();
                let file = !self.has_file && is_file(&header);
                self.has_file |= file;
                self.place = Place::Content { file };
                Ok(true)
            }
            Place::End => {
                self.waiting.clear();
                Ok(false)
            }
        }
    }
}

fn boundary(content_type: &str) -> Option<&str> {
    let mut parts = content_type.split(';');
    let kind = parts.next()?.trim();
    if !kind.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let value = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim())
    })?;
    let value = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value);
    (1..=MAX_BOUNDARY_BYTES).contains(&value.len()).then_some(value)
}

/// Whether a part's header names the field of the file.
fn is_file(header: &[u8]) -> bool {
    let lines = header.split(|byte| *byte == b'\n');
    let disposition = lines.filter(|line| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        name.eq_ignore_ascii_case(b"content-disposition")
    });
    let mut parameters = disposition.flat_map(|line| line.split(|byte| *byte == b';'));
    parameters.any(|parameter| {
        let parameter = parameter.trim_ascii();
        let value = parameter.strip_prefix(b"name=").map(<[u8]>::trim_ascii);
        value.is_some_and(|value| value == FIELD || value == b"\"file\"")
    })
}

/// Where `needle`, which is not empty, is in `text`.
fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    let first = needle.first()?;
    let mut from = 0;
    loop {
        let place = from + text.get(from..)?.iter().position(|byte| byte == first)?;
        if text.get(place..)?.starts_with(needle) {
            return Some(place);
        }
        from = place + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"x-y\"";
    const FILE: &[u8] = b"\r\n--x-\0binary\r\n--x-";

    fn body() -> Vec<u8> {
        [
            b"preamble\r\n--x-y\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n--x-z\r\n--x-y\r\n\r\nbare\r\n".as_slice(),
            b"--x-y\r\ncontent-disposition:form-data; filename=\"a;name=b.mp4\"; name=\"file\"\r\nContent-Type: video/mp4\r\n\r\n",
            FILE,
            b"\r\n--x-y--\r\nepilogue",
        ]
        .concat()
    }

    fn read(body: &[u8], at_a_time: usize) -> Result<Vec<u8>, Problem> {
        let mut form = Form::new(TYPE)?;
        let mut file = Vec::new();
        for bytes in body.chunks(at_a_time) {
            file.extend(form.push(bytes)?);
        }
        form.finish().map(|()| file)
    }

    #[test]
    fn the_file_is_found_however_the_body_is_cut() {
        for at_a_time in 1..body().len() + 1 {
            assert_eq!(read(&body(), at_a_time).as_deref(), Ok(FILE), "{at_a_time}");
        }
    }

    #[test]
    fn a_body_that_ends_early_has_broken_off_and_one_without_the_field_is_refused() {
        let body = body();
        let end = find(&body, b"--\r\nepilogue").unwrap();
        for length in 0..end + 2 {
            assert_eq!(read(&body[..length], 7), Err(Problem::Broken), "{length}");
        }
        let other = b"--x-y\r\nContent-Disposition: form-data; name=\"fill\"\r\n\r\nx\r\n--x-y--";
        assert!(matches!(read(other, 5), Err(Problem::Unfit(_))));
        assert!(matches!(read(b"--x-y--", 5), Err(Problem::Unfit(_))));
    }

    #[test]
    fn what_is_no_form_is_refused_and_never_kept() {
        for content_type in [
            "",
            "application/json",
            "multipart/mixed; boundary=x",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            &format!("multipart/form-data; boundary={}", "x".repeat(71)),
        ] {
            assert!(Form::new(content_type).is_err(), "{content_type}");
        }
        assert!(matches!(read(b"--x-yzz", 1), Err(Problem::Unfit(_))));
        let mut form = Form::new(TYPE).unwrap();
        form.push(b"--x-y\r\n").unwrap();
        let endless = (0..10).map(|_| form.push(&[b'a'; 1024])).find(Result::is_err);
        assert!(endless.is_some(), "a header has an end");
        let mut form = Form::new(TYPE).unwrap();
        for _ in 0..100 {
            form.push(&[b'a'; 1024]).unwrap();
        }
        assert!(form.waiting.len() < 100);
    }
}
