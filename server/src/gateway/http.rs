//! The way from a connection whose head we have read to actix-http and the actix-web application.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_rt::net::{ActixStream, Ready};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, map_config};
use actix_web::dev::AppConfig;
use bytes::{Buf as _, Bytes};
use futures_util::future::LocalBoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::limits::GatewayLimits;

/// Serves one HTTP connection until it ends. One per thread; built from the application by [`http_entry`].
pub(crate) type HttpEntry = Rc<dyn Fn(HttpIo, SocketAddr) -> LocalBoxFuture<'static, ()>>;

/// The application could not be built; actix has logged why.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the http application does not start")]
pub struct AppInitError;

/// A socket with the bytes that were read from it before.
#[derive(Debug)]
pub(crate) struct HttpIo {
    stream: TcpStream,
    /// Read first; empty afterwards.
    already_read: Bytes,
}

impl HttpIo {
    pub(crate) fn new(stream: TcpStream, already_read: Bytes) -> Self {
        Self { stream, already_read }
    }
}

/// Builds the application's service for this thread. `draining` turning true ends idle connections at once and busy
/// ones after their response.
pub(crate) async fn http_entry<F, I, S, B>(
    app_factory: F,
    limits: &GatewayLimits,
    draining: watch::Receiver<bool>,
) -> Result<HttpEntry, AppInitError>
where
    F: FnOnce() -> I,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let app = app_factory().into_factory().map_err(|error| -> actix_web::Error { error.into() }).map_err(|error| error.error_response());
    let service = HttpService::<HttpIo, _, _>::build()
        .keep_alive(Duration::from_millis(limits.http_keep_alive_ms))
        .client_request_timeout(Duration::from_millis(limits.http_head_deadline_ms))
        .client_disconnect_timeout(Duration::from_millis(limits.http_disconnect_ms))
        .graceful_shutdown_signal(move || {
            let mut draining = draining.clone();
            async move {
                if draining.wait_for(|draining| *draining).await.is_err() {
                    tracing::debug!("the gateway thread ended before its drain");
                }
            }
        })
        .finish(map_config(app, |()| AppConfig::default()))
        .new_service(())
        .await
        .map_err(|()| AppInitError)?;
    let service = Rc::new(service);
    Ok(Rc::new(move |io, peer| {
        let service = Rc::clone(&service);
        Box::pin(async move {
            // An error here is one of the client's: it is answered or hung up on by actix-http.
            if let Err(error) = service.call((io, Protocol::Http1, Some(peer))).await {
                tracing::debug!(%error, %peer, "serve http connection");
            }
        })
    }))
}

impl AsyncRead for HttpIo {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.already_read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = self.already_read.len().min(buffer.remaining());
        buffer.put_slice(&self.already_read[..length]);
        self.already_read.advance(length);
        if self.already_read.is_empty() {
            // Gives the copy of the head back to the allocator.
            self.already_read = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for HttpIo {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl ActixStream for HttpIo {
    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        if self.already_read.is_empty() {
            return ActixStream::poll_read_ready(&self.stream, context);
        }
        Poll::Ready(Ok(Ready::READABLE))
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(&self.stream, context)
    }
}
