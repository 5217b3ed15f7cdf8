//! A file over HTTP/1.1 on the loopback interface, with or without byte ranges.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// What the connections share.
struct Served {
    path: PathBuf,
    ranges: bool,
    ranged_requests: AtomicUsize,
    stop: AtomicBool,
}

/// Serves one file until dropped.
pub struct FileServer {
    address: SocketAddr,
    served: Arc<Served>,
    acceptor: Option<JoinHandle<()>>,
}

impl FileServer {
    /// Serves `path`; with `ranges` false it answers every request with the whole file, as a plain server does.
    pub fn new(path: &Path, ranges: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("the listener has an address");
        let served = Arc::new(Served {
            path: path.to_owned(),
            ranges,
            ranged_requests: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        });
        let shared = served.clone();
        let acceptor = std::thread::spawn(move || accept(&listener, &shared));
        Self {
            address,
            served,
            acceptor: Some(acceptor),
        }
    }

    /// The address of the file, for `souphttpsrc location=`.
    pub fn url(&self) -> String {
        format!("http://{}/file.h4mk", self.address)
    }

    /// How many requests named a range that does not begin at 0, that is, how many seeks there were.
    pub fn seeks(&self) -> usize {
        self.served.ranged_requests.load(Ordering::SeqCst)
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.served.stop.store(true, Ordering::SeqCst);
        // Wakes the acceptor, which then sees `stop`.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().expect("the server ends well");
        }
    }
}

fn accept(listener: &TcpListener, served: &Arc<Served>) {
    for stream in listener.incoming() {
        if served.stop.load(Ordering::SeqCst) {
            return;
        }
        let (Ok(stream), shared) = (stream, served.clone()) else {
            continue;
        };
        // A client may hang up at any time: that ends its connection and nothing else.
        std::thread::spawn(move || drop(answer(&stream, &shared)));
    }
}

/// A range of bytes as asked for: first, and last where it is named.
type Range = (u64, Option<u64>);

/// The method and the range of one request; `None` when the client has gone.
fn request(reader: &mut impl BufRead) -> std::io::Result<Option<(String, Option<Range>)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let method = line.split(' ').next().unwrap_or_default().to_owned();
    let mut range = None;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            return Ok(Some((method, range)));
        }
        let lower = line.to_ascii_lowercase();
        let asked = lower
            .strip_prefix("range: bytes=")
            .and_then(|r| r.trim().split_once('-'));
        if let Some((first, last)) = asked {
            range = first.parse().ok().map(|first| (first, last.parse().ok()));
        }
    }
}

fn answer(stream: &TcpStream, served: &Served) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some((method, range)) = request(&mut reader)? {
        let mut file = File::open(&served.path)?;
        let length = file.metadata()?.len();
        let (first, last) = match range.filter(|_| served.ranges) {
            Some((first, last)) => (
                first,
                last.unwrap_or(u64::MAX).min(length.saturating_sub(1)),
            ),
            None => (0, length.saturating_sub(1)),
        };
        if first > 0 {
            served.ranged_requests.fetch_add(1, Ordering::SeqCst);
        }
        if first >= length {
            write!(
                writer,
                "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{length}\r\nContent-Length: 0\r\n\r\n"
            )?;
            continue;
        }
        let size = last - first + 1;
        let status = if served.ranges && range.is_some() {
            "206 Partial Content"
        } else {
            "200 OK"
        };
        write!(
            writer,
            "HTTP/1.1 {status}\r\nContent-Length: {size}\r\nContent-Type: application/octet-stream\r\n"
        )?;
        if served.ranges {
            write!(
                writer,
                "Accept-Ranges: bytes\r\nContent-Range: bytes {first}-{last}/{length}\r\n"
            )?;
        } else {
            write!(writer, "Accept-Ranges: none\r\n")?;
        }
        write!(writer, "\r\n")?;
        if method != "HEAD" {
            file.seek(SeekFrom::Start(first))?;
            std::io::copy(&mut file.take(size), &mut writer)?;
        }
    }
    Ok(())
}
