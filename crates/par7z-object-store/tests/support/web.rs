//! A plain web server: files by path, with ranges or without, with or without HEAD.

use super::proxy::read_request;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a server can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skills {
    pub ranges: bool,
    pub head: bool,
    /// Whether answers say how long they are; else they are chunked.
    pub length: bool,
    pub e_tag: bool,
}

pub struct WebServer {
    pub port: u16,
    pub files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl WebServer {
    pub fn start(skills: Skills) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let files: Arc<Mutex<BTreeMap<String, Vec<u8>>>> = Arc::default();
        let served = Arc::clone(&files);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&served);
                thread::spawn(move || serve(stream, &served, skills));
            }
        });
        Self { port, files }
    }
}

fn serve(mut stream: TcpStream, files: &Mutex<BTreeMap<String, Vec<u8>>>, skills: Skills) -> io::Result<()> {
    let (head, _) = read_request(&mut stream)?;
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let content = files.lock().unwrap().get(path).cloned();
    let fail = |stream: &mut TcpStream, status: &str| {
        stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes())
    };
    let Some(content) = content else { return fail(&mut stream, "404 Not Found") };
    if method == "HEAD" && !skills.head {
        return fail(&mut stream, "405 Method Not Allowed");
    }
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let tag = format!(
        "\"{:x}\"",
        content.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)))
    );
    if skills.e_tag && header("if-match").is_some_and(|wanted| wanted != tag) {
        return fail(&mut stream, "412 Precondition Failed");
    }
    let range = header("range").filter(|_| skills.ranges).and_then(|range| {
        let (begin, end) = range.strip_prefix("bytes=")?.split_once('-').map(|(b, e)| (b.to_owned(), e.to_owned()))?;
        Some((begin.parse::<usize>().ok()?, end.parse::<usize>().ok()? + 1))
    });
    let mut answer = match range {
        Some((begin, end)) => {
            let total = content.len();
            format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {begin}-{}/{total}\r\n", end.min(total) - 1)
        }
        None => "HTTP/1.1 200 OK\r\n".to_owned(),
    };
    let body = match range {
        Some((begin, end)) => &content[begin..end.min(content.len())],
        None => &content[..],
    };
    if skills.e_tag {
        answer += &format!("ETag: {tag}\r\n");
    }
    answer += "Last-Modified: Wed, 01 May 2024 10:00:00 GMT\r\nConnection: close\r\n";
    answer += &if skills.length {
        format!("Content-Length: {}\r\n\r\n", body.len())
    } else {
        "Transfer-Encoding: chunked\r\n\r\n".into()
    };
    stream.write_all(answer.as_bytes())?;
    if method == "HEAD" {
        return Ok(());
    }
    if skills.length {
        return stream.write_all(body);
    }
    for chunk in body.chunks(10_000) {
        stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
        stream.write_all(chunk)?;
        stream.write_all(b"\r\n")?;
    }
    stream.write_all(b"0\r\n\r\n")
}
