//! A real HTTP/1.1 proxy in front of a server, which breaks some of the requests that pass.
//!
//! One request is read at a time from a connection, forwarded whole, and its answer is given back whole.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// What happens to a request instead of being forwarded and answered.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It is answered with this status, and never reaches the server.
    Status(u16),
    /// It is answered with 429 and told to wait so many seconds.
    RetryAfter(u64),
    /// The connection ends before it reaches the server.
    DropBefore,
    /// The server executes it, and the connection ends before the answer.
    DropAfter,
}

/// The proxy; it ends when this is dropped.
pub(crate) struct Proxy {
    server: Server,
    faults: Arc<AtomicU64>,
}

impl Proxy {
    /// Stands in front of `upstream` (a URL without a slash at its end). `choose` sees the number of each request, from 1,
    /// and the request.
    pub(crate) async fn start<F>(upstream: &str, choose: F) -> Self
    where
        F: Fn(u64, &Request) -> Option<Fault> + Send + Sync + 'static,
    {
        let (client, upstream) = (forwarder(), upstream.to_owned());
        let faults = Arc::new(AtomicU64::new(0));
        let (number, broken, choose) = (AtomicU64::new(0), Arc::clone(&faults), Arc::new(choose));
        let server = Server::start(None, move |request| {
            let fault = choose(number.fetch_add(1, Ordering::Relaxed) + 1, &request);
            broken.fetch_add(u64::from(fault.is_some()), Ordering::Relaxed);
            pass(client.clone(), upstream.clone(), request, fault).boxed()
        });
        Self { server: server.await, faults }
    }

    /// Where it listens, for instance `http://127.0.0.1:12345`.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// How many requests came, broken ones included.
    pub(crate) fn requests(&self) -> u64 {
        self.server.requests()
    }

    /// How many requests were broken.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }
}

/// Breaks every n-th request, but none three times: tries that keep step with the faults would meet nothing else.
pub(crate) fn every(n: u64, fault: Fault) -> impl Fn(u64, &Request) -> Option<Fault> + Send + Sync + 'static {
    let broken = Mutex::new(BTreeMap::new());
    move |number, request| {
        if !number.is_multiple_of(n) {
            return None;
        }
        let request = (request.method.clone(), request.path.clone(), request.body.clone());
        let mut broken = broken.lock().unwrap();
        let times: &mut u32 = broken.entry(request).or_default();
        *times += 1;
        (*times < 3).then(|| fault.clone())
    }
}

fn forwarder() -> reqwest::Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    // Idle connections are not reused for long, so that the only faults are the chosen ones.
    let builder = reqwest::Client::builder().no_proxy().no_gzip().http1_only().tls_certs_only([]);
    let builder = builder.redirect(reqwest::redirect::Policy::none());
    builder.pool_idle_timeout(std::time::Duration::from_secs(5)).build().unwrap()
}

async fn pass(client: reqwest::Client, upstream: String, request: Request, fault: Option<Fault>) -> Reply {
    match fault {
        Some(Fault::Status(status)) => return Reply::error(status, &[]),
        Some(Fault::RetryAfter(seconds)) => {
            return Reply::error(429, &[("Retry-After", &seconds.to_string())]);
        }
        Some(Fault::DropBefore) => return Reply::Drop,
        Some(Fault::DropAfter) | None => {}
    }
    match forward(&client, &upstream, request).await {
        Ok(_) if fault.is_some() => Reply::Drop,
        Ok(answer) => answer,
        Err(error) => Reply::text(502, &format!("the proxy cannot reach the server: {error}")),
    }
}

/// A server whose answers to requests of one path are changed.
pub(crate) async fn changing(upstream: &str, path: &str, change: fn(&mut serde_json::Value)) -> Server {
    let (client, upstream, path) = (forwarder(), upstream.to_owned(), path.to_owned());
    Server::start(None, move |mut request| {
        let (client, upstream, is_it) = (client.clone(), upstream.clone(), request.path == path);
        // What is changed has to be readable.
        request.headers.retain(|(name, _)| !is_it || !name.eq_ignore_ascii_case("accept-encoding"));
        async move {
            let answer = forward(&client, &upstream, request).await.unwrap();
            match answer {
                Reply::Answer { status, body, .. } if is_it => {
                    let mut body = serde_json::from_slice(&body).unwrap();
                    change(&mut body);
                    Reply::json(status, &body)
                }
                other => other,
            }
        }
        .boxed()
    })
    .await
}

async fn forward(client: &reqwest::Client, upstream: &str, request: Request) -> reqwest::Result<Reply> {
    let method: reqwest::Method = request.method.parse().unwrap();
    let mut forwarded = client.request(method, format!("{upstream}{}", request.path)).body(request.body);
    for (name, value) in request.headers.iter().filter(|(name, _)| !is_hop_by_hop(name)) {
        forwarded = forwarded.header(name, value);
    }
    let answer = forwarded.send().await?;
    let status = answer.status().as_u16();
    let headers = answer.headers().iter().filter(|(name, _)| !is_hop_by_hop(name.as_str()));
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let headers = headers.collect();
    Ok(Reply::Answer { status, headers, body: answer.bytes().await?.into() })
}

/// Headers about one connection; and `host`, so that the server makes the same URLs with and without the proxy.
fn is_hop_by_hop(name: &str) -> bool {
    ["connection", "keep-alive", "transfer-encoding", "content-length", "expect", "te", "upgrade", "host"]
        .iter()
        .any(|hop| name.eq_ignore_ascii_case(hop))
}

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked"))
    }
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// The connection ends.
    Drop,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("Content-Type".into(), "application/json".into())];
        Self::Answer { status, headers, body: body.to_string().into() }
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self::Answer { status, headers: vec![("Content-Type".into(), "text/plain".into())], body: text.into() }
    }

    pub(crate) fn error(status: u16, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Self::Answer { status, headers, body: Vec::new() }
    }
}

/// A small HTTP/1.1 server; it ends, with its connections, when this is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    requests: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

type Handler = Arc<dyn Fn(Request) -> BoxFuture<'static, Reply> + Send + Sync>;

impl Server {
    pub(crate) async fn start<F>(tls: Option<TlsAcceptor>, handler: F) -> Self
    where
        F: Fn(Request) -> BoxFuture<'static, Reply> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let requests = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&requests);
        let handler: Handler = Arc::new(move |request| {
            counter.fetch_add(1, Ordering::Relaxed);
            handler(request)
        });
        Self { address, scheme, requests, task: tokio::spawn(accept(listener, tls, handler)) }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The task owns its connections, which end with it.
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, handler: Handler) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        stream.set_nodelay(true).ok();
        while connections.try_join_next().is_some() {}
        let (tls, handler) = (tls.clone(), Arc::clone(&handler));
        connections.spawn(async move {
            match tls {
                None => serve(BufReader::new(stream), &handler).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => serve(BufReader::new(stream), &handler).await,
                    Err(_) => None,
                },
            }
        });
    }
}

/// Serves one connection until either side ends it.
async fn serve<S: AsyncBufRead + AsyncWrite + Unpin>(mut stream: S, handler: &Handler) -> Option<()> {
    loop {
        let request = read_request(&mut stream).await?;
        let close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let Reply::Answer { status, headers, body } = handler(request).await else {
            return None;
        };
        stream.write_all(&answer_bytes(status, &headers, &body)).await.ok()?;
        stream.flush().await.ok()?;
        if close {
            stream.shutdown().await.ok()?;
            return None;
        }
    }
}

fn answer_bytes(status: u16, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Status\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    // These two never have a body, and say no length.
    if !matches!(status, 204 | 304) {
        write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

async fn read_request<S: AsyncBufRead + AsyncWrite + Unpin>(stream: &mut S) -> Option<Request> {
    let line = read_line(stream).await?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut request = Request { method, path, ..Request::default() };
    loop {
        let line = read_line(stream).await?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        request.headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    if request.header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
        stream.flush().await.ok()?;
    }
    request.body = read_body(stream, &request).await?;
    Some(request)
}

async fn read_body<S: AsyncBufRead + Unpin>(stream: &mut S, request: &Request) -> Option<Vec<u8>> {
    if request.is_chunked() {
        return read_chunks(stream).await;
    }
    let length = request.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(body)
}

async fn read_chunks<S: AsyncBufRead + Unpin>(stream: &mut S) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream).await?;
        let length = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        if length == 0 {
            // Trailers, up to the empty line.
            while !read_line(stream).await?.is_empty() {}
            return Some(body);
        }
        let start = body.len();
        body.resize(start + length, 0);
        stream.read_exact(&mut body[start..]).await.ok()?;
        read_line(stream).await?;
    }
}

/// A line without its end; `None` when the connection ended.
async fn read_line<S: AsyncBufRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}
