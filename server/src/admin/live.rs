//! The live feed: the one actor of the server, on a socket of actix-web-actors. Operators are few; what waits for one of them is bounded by the pongs that it owes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix::fut::wrap_future;
use actix::{Actor, ActorContext as _, ActorFutureExt as _, AsyncContext as _, StreamHandler};
use actix_web::http::header::{HOST, HeaderMap, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use actix_web::web::{Data, Payload};
use actix_web::{Error, HttpRequest, HttpResponse};
use actix_web_actors::ws::{self, CloseReason, Message, ProtocolError, WebsocketContext, WsResponseBuilder};
use futures_util::stream::unfold;
use rialto_actors::accounts::Verified;
use rialto_protocol::admin::{FeedAuth, FeedRequest};
use rialto_protocol::{CloseCode, ErrorCode, Refusal};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::console::FeedPlace;
use super::limits::{AUTH_WITHIN, REQUEST_BYTES_MAX, SAMPLE_EVERY, UNANSWERED_MAX};
use crate::http::extract::is_operator;
use crate::http::problem::Problem;
use crate::http::state::HttpState;

/// What a subprotocol that carries the token begins with.
const TOKEN_PROTOCOL: &str = "rialto.";

/// Who listens, once that is known.
struct Listener {
    verified: Verified,
    _place: FeedPlace,
}

/// One feed.
pub struct LiveFeed {
    state: Data<HttpState>,
    /// The token that came with the upgrade, until it is looked at.
    offered: Option<String>,
    listener: Option<Listener>,
    /// A token is being looked at.
    is_checking: bool,
    unanswered: u32,
}

/// One sample as text.
struct News(Arc<str>);

/// `GET /admin/feed`.
///
/// # Errors
/// `forbidden` for a foreign origin; what actix says about a handshake that is none.
pub async fn open(request: HttpRequest, body: Payload, state: Data<HttpState>) -> Result<HttpResponse, Error> {
    let header = |name| request.headers().get(name).map(|value: &actix_web::http::header::HeaderValue| value.to_str().unwrap_or_default());
    if !state.origins.origin_allowed(header(ORIGIN), header(HOST)) {
        let refusal = Refusal::because(ErrorCode::Forbidden, "this origin is not in server.allowed_origins");
        return Err(Problem::from(refusal).into());
    }
    let protocol = token_protocol(request.headers());
    let offered = protocol.as_deref().and_then(|protocol| protocol.strip_prefix(TOKEN_PROTOCOL)).map(str::to_owned);
    let feed = LiveFeed { state, offered, listener: None, is_checking: false, unanswered: 0 };
    // A browser wants to hear which of its subprotocols was taken.
    let protocols: Vec<&str> = protocol.as_deref().into_iter().collect();
    WsResponseBuilder::new(feed, &request, body).protocols(&protocols).frame_size(REQUEST_BYTES_MAX).start()
}

/// The first subprotocol that carries a token.
fn token_protocol(headers: &HeaderMap) -> Option<String> {
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok());
    let mut names = offered.flat_map(|value| value.split(',').map(str::trim));
    names.find(|name| name.starts_with(TOKEN_PROTOCOL)).map(str::to_owned)
}

impl Actor for LiveFeed {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(SAMPLE_EVERY, |feed, context| {
            if let Some(code) = feed.over() {
                end(context, code);
            }
        });
        context.run_later(AUTH_WITHIN, |feed, context| {
            if feed.listener.is_none() {
                end(context, CloseCode::Stale);
            }
        });
        if let Some(token) = self.offered.take() {
            self.check(token, context);
        }
    }
}

impl LiveFeed {
    fn check(&mut self, token: String, context: &mut WebsocketContext<Self>) {
        if std::mem::replace(&mut self.is_checking, true) {
            return end(context, CloseCode::BadRequest);
        }
        let accounts = self.state.accounts.clone();
        let checking = async move { accounts.authenticate(&token).await };
        context.spawn(wrap_future::<_, Self>(checking).map(|verdict, feed, context| feed.judge(verdict, context)));
    }

    fn judge(&mut self, verdict: Result<Verified, Refusal>, context: &mut WebsocketContext<Self>) {
        self.is_checking = false;
        match verdict {
            Ok(verified) if is_operator(&verified) => self.admit(verified, context),
            Ok(_) => end(context, CloseCode::PermissionDenied),
            Err(refusal) if refusal.code == ErrorCode::TokenExpired => end(context, CloseCode::ConnectionExpired),
            Err(refusal) if refusal.code.temporary() => end(context, CloseCode::InternalError),
            Err(_) => end(context, CloseCode::InvalidToken),
        }
    }

    fn admit(&mut self, verified: Verified, context: &mut WebsocketContext<Self>) {
        match &mut self.listener {
            Some(listener) if listener.verified.user == verified.user => listener.verified = verified,
            Some(_) => end(context, CloseCode::InvalidToken),
            None => {
                let Some(place) = self.state.console.place() else { return end(context, CloseCode::ConnectionLimit) };
                tracing::info!(target: "audit", actor = %verified.user, action = "console_opened");
                self.listener = Some(Listener { verified, _place: place });
                let (frames, news) = self.state.console.listen();
                frames.into_iter().for_each(|frame| context.text(frame));
                context.add_stream(unfold(news, next_news));
            }
        }
    }

    /// Why nobody may listen here any more.
    fn over(&self) -> Option<CloseCode> {
        if self.state.draining.load(Ordering::Relaxed) {
            return Some(CloseCode::Shutdown);
        }
        let listener = self.listener.as_ref()?;
        let revocations = self.state.accounts.verifier().revocations();
        if listener.verified.session.is_some_and(|session| revocations.contains(session)) {
            Some(CloseCode::InvalidToken)
        } else if listener.verified.expires_ms.is_some_and(|expires_ms| expires_ms <= (self.state.now)().wall_ms) {
            Some(CloseCode::ConnectionExpired)
        } else {
            (self.unanswered >= UNANSWERED_MAX).then_some(CloseCode::Slow)
        }
    }
}

/// The next sample. Those that a busy thread has missed are gone.
async fn next_news(mut news: Receiver<Arc<str>>) -> Option<(News, Receiver<Arc<str>>)> {
    loop {
        match news.recv().await {
            Ok(text) => return Some((News(text), news)),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

impl StreamHandler<News> for LiveFeed {
    fn handle(&mut self, News(text): News, context: &mut Self::Context) {
        self.unanswered += 1;
        context.text(&*text);
        context.ping(b"");
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for LiveFeed {
    fn handle(&mut self, message: Result<Message, ProtocolError>, context: &mut Self::Context) {
        match message {
            Ok(Message::Text(text)) => match serde_json::from_str(&text) {
                Ok(FeedRequest::Auth(FeedAuth { token })) => self.check(token, context),
                Err(_) => end(context, CloseCode::BadRequest),
            },
            Ok(Message::Ping(payload)) => context.pong(&payload),
            Ok(Message::Pong(_)) => self.unanswered = 0,
            Ok(Message::Close(reason)) => {
                context.close(reason);
                context.stop();
            }
            Ok(Message::Binary(_)) => end(context, CloseCode::InappropriateProtocol),
            Ok(Message::Continuation(_)) => end(context, CloseCode::BadRequest),
            Ok(Message::Nop) => {}
            Err(ProtocolError::Overflow) => end(context, CloseCode::MessageTooBig),
            Err(_) => end(context, CloseCode::ProtocolError),
        }
    }
}

fn end(context: &mut WebsocketContext<LiveFeed>, code: CloseCode) {
    let reason = CloseReason { code: ws::CloseCode::from(code.number()), description: Some(code.reason().to_owned()) };
    context.close(Some(reason));
    context.stop();
}
