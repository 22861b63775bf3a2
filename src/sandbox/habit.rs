//! Habits that every practice service shares: latency, throttling, the witness, and connections that really break.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request as HttpRequest, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{Fate, Ground, Request, clock};

/// Bytes of the largest request body that is read.
pub const LARGEST_BODY: usize = 16 << 20;

/// What the shared habits must know about one service.
#[derive(Clone, Copy)]
pub struct Service {
    /// Says in stable words what a request is about.
    pub classify: fn(&Ground, &Parts, &[u8]) -> Request,
    /// The service's own way to say *too many requests*.
    pub throttled: fn(&Ground, &Request) -> Response,
}

struct Layer {
    ground: Arc<Ground>,
    service: Service,
    seen: Mutex<BTreeMap<&'static str, u32>>,
}

/// Puts the habits of the world around all routes of `router`. Its connections must come from [`serve`].
pub fn layer(router: Router, ground: Arc<Ground>, service: Service) -> Router {
    let layer = Arc::new(Layer { ground, service, seen: Mutex::default() });
    router.layer(from_fn_with_state(layer, pass))
}

/// Serves `router` until `stop` is cancelled; then every connection breaks at once, also idle ones.
pub fn serve(listener: TcpListener, router: Router, stop: CancellationToken) -> JoinHandle<()> {
    let service = router.into_make_service_with_connect_info::<Cut>();
    let door = Door { listener, stop: stop.clone() };
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            _ = axum::serve(door, service) => {}
        }
    })
}

async fn pass(State(layer): State<Arc<Layer>>, request: HttpRequest, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let cut = parts.extensions.get::<ConnectInfo<Cut>>().map(|info| info.0.clone());
    let Ok(bytes) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let ground = &layer.ground;
    let about = (layer.service.classify)(ground, &parts, &bytes);
    let fate = ground.witness.as_ref().map_or(Fate::Answer, |witness| witness.request(&about));
    if fate == Fate::CutBefore {
        return broken(cut);
    }
    if ground.world.habits.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(ground.world.habits.latency_ms)).await;
    }
    let mut response = if layer.throttles(about.service) {
        (layer.service.throttled)(ground, &about)
    } else {
        next.run(HttpRequest::from_parts(parts, Body::from(bytes))).await
    };
    if fate == Fate::CutAfter {
        return broken(cut);
    }
    if let Ok(date) = HeaderValue::from_str(&clock::http_date(ground.clock.now())) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

/// Breaks the connection; the response returned here never reaches the wire.
fn broken(cut: Option<Cut>) -> Response {
    if let Some(Cut(token)) = cut {
        token.cancel();
    }
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

impl Layer {
    fn throttles(&self, service: &'static str) -> bool {
        let every = self.ground.world.habits.throttle_every;
        if every == 0 {
            return false;
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let count = seen.entry(service).or_default();
        *count = count.wrapping_add(1);
        count.is_multiple_of(every)
    }
}

/// Breaks the connection that a request came over.
#[derive(Clone)]
struct Cut(CancellationToken);

impl Connected<IncomingStream<'_, Door>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Cut(stream.io().broken.clone())
    }
}

/// Accepts connections that can be broken.
struct Door {
    listener: TcpListener,
    stop: CancellationToken,
}

impl Listener for Door {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        // Answers are small and awaited; without this each would wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let broken = self.stop.child_token();
        let awaited = Box::pin(broken.clone().cancelled_owned());
        (Line { stream, broken, awaited }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A TCP connection that fails every read and write once it is broken, so that not a byte of an answer leaves.
struct Line {
    stream: TcpStream,
    broken: CancellationToken,
    awaited: Pin<Box<WaitForCancellationFutureOwned>>,
}

fn reset() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.broken.is_cancelled() || self.awaited.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(reset()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.broken.is_cancelled() {
            return Poll::Ready(Err(reset()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
