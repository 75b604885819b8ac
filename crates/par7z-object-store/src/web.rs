//! Plain web servers: one object, at one URL.
//!
//! A server with ranges is read like a store. One without, or one that does not say how long the object is, is read from
//! the start in one answer: [`Stream`]. Such an answer cannot be gone on with when it breaks; the item fails, and may be
//! tried again as a whole.

use crate::error::redacted;
use crate::options::Retry;
use crate::runtime::{Runtime, Task, unless_cancelled};
use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use object_store::client::{ClientOptions, HttpClient, HttpConnector, HttpRequestBody, HttpResponse, ReqwestConnector};
use par7z::{CancelToken, Error, ErrorKind, Result};
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use url::Url;
use zeroize::Zeroizing;

/// Pieces (of 8 to 64 KiB) that may wait for the reader.
const PIECES_AHEAD: usize = 16;

/// A URL and how to ask for it.
pub(crate) struct WebObject {
    client: HttpClient,
    /// Without user and password.
    url: Zeroizing<String>,
    retry: Retry,
}

impl WebObject {
    /// Also gives the options with the password of the URL in them, for other clients of it.
    pub(crate) fn new(url: &str, options: ClientOptions, retry: Retry) -> Result<(Self, ClientOptions)> {
        let invalid = |why: String| Error::new(ErrorKind::InvalidOption, format!("the URL cannot be used: {why}"));
        let mut parsed = Url::parse(url).map_err(|error| invalid(error.to_string()))?;
        let options = match authorization(&parsed) {
            Some(value) => options.with_default_headers(HeaderMap::from_iter([(header::AUTHORIZATION, value)])),
            None => options,
        };
        // It is in the header now.
        let _ = (parsed.set_username(""), parsed.set_password(None));
        parsed.set_fragment(None);
        let client = ReqwestConnector::default().connect(&options).map_err(|error| invalid(redacted(&error)))?;
        Ok((Self { client, url: Zeroizing::new(parsed.into()), retry }, options))
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Asks for the whole object, as often as the retry limits allow.
    async fn get(&self) -> io::Result<HttpResponse> {
        let since = Instant::now();
        let mut failures = 0;
        loop {
            let request = http::Request::builder().method(Method::GET).uri(self.url.as_str());
            let request = request.body(HttpRequestBody::empty()).map_err(io::Error::other)?;
            let why = match self.client.execute(request).await {
                Ok(answer) if answer.status().is_success() => return Ok(answer),
                Ok(answer) => match answer.status() {
                    StatusCode::NOT_FOUND | StatusCode::GONE => {
                        return Err(io::Error::new(io::ErrorKind::NotFound, "it does not exist"));
                    }
                    status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                        format!("the server answers {status}")
                    }
                    status => return Err(io::Error::other(format!("the server answers {status}"))),
                },
                Err(error) => redacted(&error),
            };
            failures += 1;
            if failures > self.retry.attempts || since.elapsed() > self.retry.total_time {
                return Err(io::Error::other(format!("{why}, after {failures} attempts")));
            }
            tokio::time::sleep(Retry::wait(failures)).await;
        }
    }
}

/// Basic authorization for a URL with user and password.
fn authorization(url: &Url) -> Option<HeaderValue> {
    use base64::Engine;
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let password = Zeroizing::new(url.password().map(decoded).unwrap_or_default());
    let pair = Zeroizing::new(format!("{}:{}", decoded(url.username()), *password));
    let text = Zeroizing::new(format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(pair.as_bytes())));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// An object that is read from its start in one answer.
pub(crate) struct Stream {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    ended: bool,
    /// What is still to come, where the size is known.
    left: Option<u64>,
    _task: Task<()>,
}

impl Stream {
    /// `size` in bytes, if it is known: anything else is an error.
    pub(crate) fn open(object: Arc<WebObject>, runtime: &Runtime, size: Option<u64>, cancel: &CancelToken) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        let cancel = cancel.clone();
        let task = runtime.spawn(async move {
            let sent = unless_cancelled(&cancel, send_all(&object, &sender)).await;
            let last = match sent {
                // An end that the reader can tell from a task that is gone.
                Ok(Ok(())) => Ok(Bytes::new()),
                Ok(Err(error)) => Err(error),
                Err(cancelled) => Err(cancelled.into()),
            };
            let _ = sender.send(last).await;
        });
        Self { pieces, current: Bytes::new(), ended: false, left: size, _task: Task(task) }
    }
}

/// Sends an object's pieces as they come, as long as somebody takes them.
async fn send_all(object: &WebObject, pieces: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let mut body = object.get().await?.into_body().bytes_stream();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| {
            let text = format!("the connection broke, and the server has no ranges: {}", redacted(&error));
            io::Error::new(io::ErrorKind::ConnectionAborted, text)
        })?;
        if !piece.is_empty() && pieces.send(Ok(piece)).await.is_err() {
            break;
        }
    }
    Ok(())
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !buf.is_empty() && !self.ended {
            // The engine's threads are of no runtime, so they may wait.
            let piece = self.pieces.blocking_recv().ok_or_else(crate::error::panicked)??;
            if piece.is_empty() {
                self.ended = true;
                let missing = self.left.unwrap_or_default();
                return match missing {
                    0 => Ok(0),
                    _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("it ended {missing} bytes early"))),
                };
            }
            if let Some(left) = &mut self.left {
                let rest = left.checked_sub(piece.len() as u64);
                *left = rest.ok_or_else(|| io::Error::other("the server sent more bytes than the object has"))?;
            }
            self.current = piece;
        }
        let count = buf.len().min(self.current.len());
        self.current.copy_to_slice(&mut buf[..count]);
        Ok(count)
    }
}
