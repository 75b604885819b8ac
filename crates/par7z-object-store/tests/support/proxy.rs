//! A proxy between client and server that does harm: cuts connections, refuses, waits, swallows bytes.
//!
//! It understands as much of HTTP as it needs to: where a request's head ends and how long its body is. Each request
//! gets a connection of its own to the server, and each answer ends its connection.

use super::servers::S3_SIGNATURE;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// None: pass it on.
    None,
    /// Pass on so many bytes of the answer (its head among them), then break the connection.
    CutAfter(usize),
    /// As `CutAfter`, but declare the answer to be as long as that, so that it looks whole.
    Shorten(usize),
    /// Answer with this status, without asking the server.
    Refuse(u16),
    /// Wait, then pass it on.
    Delay(Duration),
    /// Break the connection before anything is answered.
    Drop,
    /// Pass it on, wait until the server has done it, and break the connection without an answer.
    LoseAnswer,
}

/// Decides by the request's number (from 0) and its first line.
type Decide = dyn Fn(u64, &str) -> Harm + Send + Sync;

pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server_port: u16,
    decide: Box<Decide>,
    requests: AtomicU64,
    in_flight: AtomicU64,
    most_in_flight: AtomicU64,
    is_away: AtomicBool,
    is_from_google: bool,
    ended: AtomicBool,
    lines: Mutex<Vec<String>>,
}

impl Proxy {
    pub fn start(server_port: u16, decide: impl Fn(u64, &str) -> Harm + Send + Sync + 'static) -> Self {
        Self::of(server_port, false, decide)
    }

    /// Does no harm, and makes of a Google client's requests S3's: their XML interfaces are the same but for authorization, as far
    /// as the tests go, so moto can stand in.
    pub fn from_google_to_s3(server_port: u16) -> Self {
        Self::of(server_port, true, |_, _| Harm::None)
    }

    fn of(server_port: u16, is_from_google: bool, decide: impl Fn(u64, &str) -> Harm + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server_port,
            decide: Box::new(decide),
            requests: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            most_in_flight: AtomicU64::new(0),
            is_away: AtomicBool::new(false),
            is_from_google,
            ended: AtomicBool::new(false),
            lines: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let serving = Arc::clone(&serving);
                thread::spawn(move || {
                    let _ = serving.serve(stream);
                });
            }
        });
        Self { port, shared }
    }

    /// While it is away it breaks every connection at once.
    pub fn set_away(&self, away: bool) {
        self.shared.is_away.store(away, Ordering::Relaxed);
    }

    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Most requests that waited for an answer at once.
    pub fn most_in_flight(&self) -> u64 {
        self.shared.most_in_flight.load(Ordering::Relaxed)
    }

    /// First lines of all requests.
    pub fn lines(&self) -> Vec<String> {
        self.shared.lines.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

struct InFlight<'a>(&'a Shared);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        if self.is_away.load(Ordering::Relaxed) {
            return client.shutdown(Shutdown::Both);
        }
        let (head, body) = read_request(&mut client)?;
        let line = head.lines().next().unwrap_or_default().to_owned();
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        self.lines.lock().unwrap().push(line.clone());
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_in_flight.fetch_max(now, Ordering::Relaxed);
        // Until its answer begins: the end of an answer is seen by the client before the proxy sees it.
        let in_flight = InFlight(self);
        let harm = (self.decide)(number, &line);
        match harm {
            Harm::Refuse(status) => {
                let answer = format!("HTTP/1.1 {status} Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                return client.write_all(answer.as_bytes());
            }
            Harm::Drop => return client.shutdown(Shutdown::Both),
            Harm::Delay(time) => thread::sleep(time),
            Harm::None | Harm::CutAfter(_) | Harm::Shorten(_) | Harm::LoseAnswer => {}
        }
        let mut server = TcpStream::connect(("127.0.0.1", self.server_port))?;
        // One request for each connection.
        let mut lines = head.lines();
        let mut sent = format!("{}\r\nConnection: close\r\n", lines.next().unwrap_or_default());
        for line in lines.filter(|line| !line.is_empty() && !line.to_ascii_lowercase().starts_with("connection:")) {
            if !(self.is_from_google && line.to_ascii_lowercase().starts_with("authorization:")) {
                sent += &format!("{line}\r\n");
            }
        }
        if self.is_from_google {
            // What moto does not decode in a bucket's name.
            sent = sent.replacen("%2Dbox", "-box", 1) + &format!("Authorization: {S3_SIGNATURE}\r\n");
        }
        server.write_all(format!("{sent}\r\n").as_bytes())?;
        server.write_all(&body)?;
        drop(in_flight);
        match harm {
            Harm::CutAfter(bytes) => {
                io::copy(&mut server.take(bytes as u64), &mut client)?;
                client.shutdown(Shutdown::Both)
            }
            Harm::LoseAnswer => {
                io::copy(&mut server, &mut io::sink())?;
                client.shutdown(Shutdown::Both)
            }
            Harm::Shorten(bytes) => {
                let mut answer = Vec::new();
                server.read_to_end(&mut answer)?;
                let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_default();
                let mut head = String::new();
                for line in String::from_utf8_lossy(&answer[..end]).lines() {
                    let line = if line.to_ascii_lowercase().starts_with("content-length:") {
                        format!("Content-Length: {}", bytes.min(answer.len() - end - 4))
                    } else {
                        line.to_owned()
                    };
                    head += &format!("{line}\r\n");
                }
                client.write_all(format!("{head}\r\n").as_bytes())?;
                client.write_all(&answer[end + 4..][..bytes.min(answer.len() - end - 4)])?;
                client.shutdown(Shutdown::Both)
            }
            _ => io::copy(&mut server, &mut client).map(drop),
        }
    }
}

pub fn read_request(client: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 64 << 10];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&buffer[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        let mut body = bytes.split_off(end + 4);
        let length: usize = length.unwrap_or_default();
        let begun = body.len();
        body.resize(length.max(begun), 0);
        client.read_exact(&mut body[begun..])?;
        return Ok((head, body));
    }
}
