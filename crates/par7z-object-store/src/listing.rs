//! Listing a store page by page, with names that the `object_store` crate cannot hold.
//!
//! The crate reads each page of a list into its `Path`s, and one name that is none (`a//b`, `/a`, `a/`, `..`, control
//! bytes) fails the page, or becomes another name. So the page is read before the crate sees it: a decorator of the HTTP
//! client takes such entries out of the XML and hands their names over in the response's extensions, which come back
//! with the page. Each such object fails alone, by name.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Uri};
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService, ReqwestConnector,
};
use object_store::path::Path;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::sync::Arc;

/// What was taken out of a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refused(pub(crate) Arc<Vec<RefusedObject>>);

/// An object whose name cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedObject {
    pub(crate) name: String,
    /// Its size in bytes, if the page says so.
    pub(crate) size: Option<u64>,
}

impl RefusedObject {
    pub(crate) fn why(&self) -> String {
        // Other names are taken out because XML had to write them in another way.
        path_of(&self.name).err().unwrap_or_else(|| "the name has characters that the store cannot list".to_owned())
    }
}

/// The path of a key, if it is the same name there and could be a file's name.
pub(crate) fn path_of(key: &str) -> Result<Path, String> {
    let why = if key.starts_with('/') {
        "the name begins with /"
    } else if key.ends_with('/') {
        "the name ends with /"
    } else if key.contains("//") {
        "the name has an empty part (//)"
    } else if key.split('/').any(|part| part == "." || part == "..") {
        "the name has . or .. as a part"
    } else if key.chars().any(char::is_control) {
        "the name has control characters"
    } else if key.is_empty() {
        "the name is empty"
    } else {
        return match Path::parse(key) {
            Ok(path) if path.as_ref() == key => Ok(path),
            _ => Err("the name cannot be used".to_owned()),
        };
    };
    Err(format!("{why}, which no file can have; rename the object"))
}

/// Makes HTTP clients that filter lists.
#[derive(Debug)]
pub(crate) struct FilteringConnector;

impl HttpConnector for FilteringConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Filtering { inner }))
    }
}

#[derive(Debug)]
struct Filtering {
    inner: HttpClient,
}

#[async_trait]
impl HttpService for Filtering {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_list = request.method() == Method::GET && is_list(request.uri());
        let response = self.inner.execute(request).await?;
        if !is_list || !response.status().is_success() {
            return Ok(response);
        }
        let (mut parts, body) = response.into_parts();
        let mut page = body.bytes().await.map_err(|error| {
            // The crate tries requests again, not their bodies; to it the whole request has failed.
            HttpError::new(HttpErrorKind::Interrupted, error)
        })?;
        let (filtered, refused) = filter(&page).map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))?;
        if let Some(filtered) = filtered {
            page = Bytes::from(filtered);
        }
        parts.headers.remove(http::header::CONTENT_LENGTH);
        parts.extensions.insert(Refused(Arc::new(refused)));
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(page)))
    }
}

fn is_list(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "comp=list" || pair == "list-type=2"))
}

/// The page without entries that cannot be had (`None`: all can), and their names.
///
/// Entries are `<Contents>` with a `<Key>` (S3, Google) or `<Blob>` with a `<Name>` (Azure).
fn filter(page: &[u8]) -> Result<(Option<Vec<u8>>, Vec<RefusedObject>), quick_xml::Error> {
    let mut reader = Reader::from_reader(page);
    let mut refused = Vec::new();
    let mut kept: Option<Vec<u8>> = None;
    let mut copied = 0;
    let mut entry: Option<Entry> = None;
    let (mut depth, mut has_root) = (0_usize, false);
    loop {
        let begin = reader.buffer_position() as usize;
        match reader.read_event()? {
            Event::Start(tag) => {
                (depth, has_root) = (depth + 1, true);
                match (&mut entry, tag.local_name().as_ref()) {
                    (None, b"Contents" | b"Blob") => entry = Some(Entry::new(begin, depth)),
                    (Some(entry), b"Key" | b"Name") if depth == entry.depth + 1 => {
                        entry.within = Within::Name;
                        entry.name.encoded = is_encoded(&tag);
                    }
                    (Some(entry), b"Size" | b"Content-Length") => entry.within = Within::Size,
                    _ => {}
                }
            }
            Event::Empty(_) => has_root = true,
            Event::Text(text) => {
                if let Some(entry) = &mut entry {
                    entry.push(&text.decode().map_err(quick_xml::Error::from)?);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some(entry) = &mut entry {
                    entry.push_reference(&reference)?;
                }
            }
            Event::CData(text) => {
                if let Some(entry) = &mut entry {
                    entry.push(&String::from_utf8_lossy(&text));
                }
            }
            Event::End(_) => {
                if let Some(entry) = &mut entry {
                    entry.within = Within::Other;
                }
                if let Some(done) = entry.take_if(|entry| entry.depth == depth) {
                    let end = reader.buffer_position() as usize;
                    let refused_object =
                        RefusedObject { name: done.name.decoded(), size: done.size.trim().parse().ok() };
                    // The crate does not decode names.
                    if done.name.encoded || path_of(&refused_object.name).is_err() {
                        let kept = kept.get_or_insert_default();
                        kept.extend_from_slice(&page[copied..done.begin]);
                        copied = end;
                        refused.push(refused_object);
                    }
                }
                depth = depth.saturating_sub(1);
            }
            // A page that is cut off between two tags: the request is made again.
            Event::Eof if depth > 0 || !has_root => {
                return Err(quick_xml::Error::Io(Arc::new(std::io::ErrorKind::UnexpectedEof.into())));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if let Some(kept) = &mut kept {
        kept.extend_from_slice(&page[copied..]);
    }
    Ok((kept, refused))
}

/// An entry that is being read.
struct Entry {
    begin: usize,
    depth: usize,
    name: Name,
    size: String,
    within: Within,
}

#[derive(PartialEq, Eq)]
enum Within {
    Name,
    Size,
    Other,
}

#[derive(Default)]
struct Name {
    text: String,
    /// Azure writes names that XML cannot hold percent-encoded and says so.
    encoded: bool,
}

impl Entry {
    fn new(begin: usize, depth: usize) -> Self {
        Self { begin, depth, name: Name::default(), size: String::new(), within: Within::Other }
    }

    fn push(&mut self, text: &str) {
        match self.within {
            Within::Name => self.name.text.push_str(text),
            Within::Size => self.size.push_str(text),
            Within::Other => {}
        }
    }

    fn push_reference(&mut self, reference: &quick_xml::events::BytesRef<'_>) -> Result<(), quick_xml::Error> {
        if let Some(character) = reference.resolve_char_ref()? {
            self.push(character.encode_utf8(&mut [0; 4]));
        } else if let Some(text) = quick_xml::escape::resolve_predefined_entity(&String::from_utf8_lossy(reference)) {
            self.push(text);
        }
        Ok(())
    }
}

impl Name {
    fn decoded(&self) -> String {
        if self.encoded {
            return percent_encoding::percent_decode_str(&self.text).decode_utf8_lossy().into_owned();
        }
        self.text.clone()
    }
}

fn is_encoded(tag: &quick_xml::events::BytesStart<'_>) -> bool {
    tag.attributes()
        .flatten()
        .any(|attribute| attribute.key.as_ref() == b"Encoded" && attribute.value.as_ref() == b"true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_names_are_taken_out_and_told() {
        let page = "<?xml version=\"1.0\"?><ListBucketResult><Name>bucket</Name><Contents><Key>a&amp;b</Key><Size>1</Size></Contents>\
                    <Contents><Key>x//y</Key><Size>7</Size><Owner><Name>n</Name></Owner></Contents><Contents><Key>&#x1;/&lt;</Key></Contents>\
                    <Contents><Key>z</Key></Contents></ListBucketResult>";
        let (kept, refused) = filter(page.as_bytes()).unwrap();
        let expected = "<?xml version=\"1.0\"?><ListBucketResult><Name>bucket</Name><Contents><Key>a&amp;b</Key><Size>1</Size></Contents>\
                    <Contents><Key>z</Key></Contents></ListBucketResult>";
        assert_eq!(String::from_utf8(kept.unwrap()).unwrap(), expected);
        assert_eq!(refused.iter().map(|object| object.name.as_str()).collect::<Vec<_>>(), ["x//y", "\u{1}/<"]);
        assert_eq!(refused[0].size, Some(7));
    }

    #[test]
    fn azures_encoded_names_are_decoded() {
        let page = "<EnumerationResults><Blobs><Blob><Name Encoded=\"true\">a%EF%BF%BF%01</Name></Blob>\
                    <Blob><Name>../b</Name></Blob><Blob><Name>c d%20</Name></Blob></Blobs></EnumerationResults>";
        let (kept, refused) = filter(page.as_bytes()).unwrap();
        assert_eq!(refused.iter().map(|object| object.name.as_str()).collect::<Vec<_>>(), ["a\u{ffff}\u{1}", "../b"]);
        assert!(String::from_utf8(kept.unwrap()).unwrap().contains("c d%20"));
    }

    #[test]
    fn pages_without_bad_names_are_left_alone() {
        let (kept, refused) = filter(b"<R><Contents><Key>a/b</Key></Contents><Contents/></R>").unwrap();
        assert!(kept.is_none() && refused.is_empty());
    }

    #[test]
    fn paths_round_trip_or_are_refused() {
        for key in ["a", "a/b c", "ä/%2F", "a*?<>|", "~", " a "] {
            assert_eq!(path_of(key).unwrap().as_ref(), key);
        }
        for key in ["", "/a", "a/", "a//b", "a/../b", "./a", "a\u{7f}", "a\tb"] {
            assert!(path_of(key).is_err(), "{key:?}");
        }
    }
}
