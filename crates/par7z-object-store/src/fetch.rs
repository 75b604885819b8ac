//! Getting a range of an object, whole or not at all.
//!
//! What the `object_store` crate does already: it sends a request again when the server refuses it with 429 or 5xx or the
//! connection breaks before the answer, and goes on with an answer's body that breaks, if the store gives ETags. What is
//! added here: a body that breaks or ends early is gone on with at that byte in any case, for as long as bytes come or the
//! retry limit allows; too many bytes, another size, another ETag or, where there is none, another time are errors. So bytes
//! are never short, and of one version of the object as far as the server tells versions apart. With times alone, two
//! versions of one size within a second are taken for one; with neither tag nor time, all of one size are.

use crate::buffer::Buffer;
use crate::error::{explained, io_error};
use crate::options::Retry;
use bytes::Bytes;
use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// One version of an object.
#[derive(Debug)]
pub(crate) struct Version {
    meta: ObjectMeta,
}

impl Version {
    pub(crate) fn new(mut meta: ObjectMeta) -> Self {
        if let Some(tag) = &mut meta.e_tag
            && !tag.ends_with('"')
        {
            // Azure lists tags without the quotes that headers have.
            *tag = format!("\"{tag}\"");
        }
        Self { meta }
    }

    pub(crate) fn size(&self) -> u64 {
        self.meta.size
    }

    pub(crate) fn path(&self) -> &Path {
        &self.meta.location
    }

    /// A request that fails when there is another version.
    fn options(&self, range: Range<u64>) -> GetOptions {
        let mut options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        match &self.meta.e_tag {
            // A weak tag never matches in a condition.
            Some(tag) if !tag.starts_with("W/") => options.if_match = Some(tag.clone()),
            // HTTP's clock ticks once a second; a web server that does not tell the time is said to be of 1970.
            _ if self.meta.last_modified.timestamp() > 0 => options.if_unmodified_since = Some(self.meta.last_modified),
            _ => {}
        }
        options
    }

    /// Some servers pass over conditions.
    fn check(&self, answer: &ObjectMeta) -> io::Result<()> {
        let is_other = match (&self.meta.e_tag, &answer.e_tag) {
            (Some(expected), Some(tag)) => expected != tag,
            _ => {
                // Lists have fractions of a second, headers have none.
                let (expected, time) = (self.meta.last_modified.timestamp(), answer.last_modified.timestamp());
                expected > 0 && time > 0 && expected != time
            }
        };
        if is_other || answer.size != self.meta.size {
            return Err(io::Error::other("it was changed while it was read"));
        }
        Ok(())
    }
}

/// A store and how often to try.
#[derive(Clone)]
pub(crate) struct Fetcher {
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) retry: Retry,
}

/// Why an attempt ended.
enum Broken {
    /// Trying again does not help.
    Final(io::Error),
    /// The body broke.
    Body(String),
}

impl Fetcher {
    /// All bytes of `range`, which has to lie within the object.
    pub(crate) async fn range(&self, version: &Version, range: Range<u64>) -> io::Result<Bytes> {
        let len = usize::try_from(range.end - range.start).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let mut bytes = Buffer::with_capacity(len)?;
        let mut failures = 0;
        let mut since = Instant::now();
        while bytes.len() < len {
            let before = bytes.len();
            let rest = range.start + before as u64..range.end;
            let why = match self.attempt(version, rest, len, &mut bytes).await {
                Ok(()) if bytes.len() == len => break,
                Ok(()) => format!("the answer ended {} bytes early", len - bytes.len()),
                Err(Broken::Final(error)) => return Err(error),
                Err(Broken::Body(why)) => why,
            };
            if bytes.len() > before {
                (failures, since) = (0, Instant::now());
            }
            failures += 1;
            if failures > self.retry.attempts || since.elapsed() > self.retry.total_time {
                let text = format!("the connection broke {failures} times at the same byte: {why}");
                return Err(io::Error::new(io::ErrorKind::ConnectionAborted, text));
            }
            tokio::time::sleep(Retry::wait(failures)).await;
        }
        Ok(bytes.freeze())
    }

    async fn attempt(&self, version: &Version, rest: Range<u64>, len: usize, bytes: &mut Buffer) -> Result<(), Broken> {
        let answer = self.objects.get_opts(version.path(), version.options(rest)).await;
        let answer = answer.map_err(|error| Broken::Final(io_error(&error)))?;
        version.check(&answer.meta).map_err(Broken::Final)?;
        let mut body = answer.into_stream();
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| match error {
                object_store::Error::Generic { .. } => Broken::Body(explained(&error)),
                other => Broken::Final(io_error(&other)),
            })?;
            if piece.len() > len - bytes.len() {
                return Err(Broken::Final(io::Error::other("the server sent more bytes than asked for")));
            }
            bytes.push(&piece);
        }
        Ok(())
    }

    /// What there is now.
    pub(crate) async fn head(&self, path: &Path) -> object_store::Result<ObjectMeta> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        Ok(self.objects.get_opts(path, options).await?.meta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn meta(e_tag: Option<&str>, milliseconds: i64) -> ObjectMeta {
        ObjectMeta {
            location: Path::from("a"),
            last_modified: DateTime::from_timestamp_millis(milliseconds).unwrap(),
            size: 7,
            e_tag: e_tag.map(str::to_owned),
            version: None,
        }
    }

    #[test]
    fn versions_are_told_apart_by_tag_or_time() {
        let (tag, other) = (Some("\"1\""), Some("\"2\""));
        for (listed, answered, is_same) in [
            (meta(tag, 5000), meta(tag, 9000), true),
            (meta(Some("1"), 5000), meta(tag, 5000), true),
            (meta(tag, 5000), meta(other, 5000), false),
            (meta(None, 5000), meta(None, 6000), false),
            (meta(None, 5999), meta(None, 5000), true),
            (meta(tag, 5000), meta(None, 6000), false),
            (meta(None, 5000), meta(tag, 6000), false),
            (meta(None, 0), meta(None, 6000), true),
            (meta(None, 5000), meta(None, 0), true),
            (meta(tag, 5000), ObjectMeta { size: 8, ..meta(tag, 5000) }, false),
        ] {
            let version = Version::new(listed);
            assert_eq!(version.check(&answered).is_ok(), is_same, "{version:?} {answered:?}");
        }
    }
}
