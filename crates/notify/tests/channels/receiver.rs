//! A receiver of webhooks that remembers what it was sent, and may be down.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> String {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.unwrap_or_else(|| panic!("no {name}: {}", self.head)).1.to_owned()
    }
}

/// A receiver on a port of its own.
pub(crate) struct Receiver {
    pub(crate) url: String,
    status: Arc<AtomicU16>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}/hook", listener.local_addr().unwrap().port());
        let (status, received) = (Arc::new(AtomicU16::new(204)), Arc::default());
        let receiver = Self { url, status, received };
        let (status, received) = (Arc::clone(&receiver.status), Arc::clone(&receiver.received));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (status, received) = (Arc::clone(&status), Arc::clone(&received));
                tokio::spawn(async move { serve(stream, &status, &received).await });
            }
        });
        receiver
    }

    /// What it answers from now on; 0: it hangs up.
    pub(crate) fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// What it has taken.
    pub(crate) fn taken(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, status: &AtomicU16, received: &Mutex<Vec<Received>>) {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            });
            break (head.to_owned(), length.unwrap_or(0));
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    };
    while bytes.len() < head.len() + 4 + length {
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let status = status.load(Ordering::SeqCst);
    if status == 0 {
        return;
    }
    if (200..300).contains(&status) {
        let body = String::from_utf8(bytes[head.len() + 4..].to_vec()).unwrap();
        received.lock().unwrap().push(Received { head, body });
    }
    let more = if status == 302 { "location: http://127.0.0.1:1/\r\n" } else { "" };
    let answer =
        format!("HTTP/1.1 {status} x\r\n{more}content-length: 0\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
