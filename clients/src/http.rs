//! Accounts over HTTP: register, log in, and keep the access token fresh with the refresh cookie, so that a [`Client`](crate::Client) never asks its user again.

use std::sync::Arc;
use std::time::Duration;

use rialto_protocol::rpc::Profile;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::token::{TokenError, TokenSource};

/// Milliseconds for one HTTP call with its answer.
pub const CALL_WITHIN_MS: u64 = 15_000;
/// A token with less than this share of its life left (one part in …) is renewed before it is used.
const FRESH_PART: u64 = 10;

/// Why an HTTP call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The server said no (`application/problem+json`).
    #[error("{code} (HTTP {status}){}", .detail.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable word.
        code: String,
        /// For people.
        detail: Option<String>,
        /// When trying again makes sense, milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// The server could not be reached, or its answer not be read.
    #[error("{0}")]
    Transport(#[from] reqwest::Error),
}

/// Calls of `/v1/auth`, with the refresh cookie in memory. Clones share it.
#[derive(Clone, Debug)]
pub struct Http {
    base: String,
    client: reqwest::Client,
}

/// A logged-in user.
#[derive(Clone)]
pub struct Session {
    http: Http,
    user: Profile,
    token: Arc<Mutex<Token>>,
    clock: Clock,
}

struct Token {
    text: String,
    renew_at_ms: u64,
}

#[derive(Serialize)]
struct Credentials<'a> {
    username: &'a str,
    password: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
}

#[derive(Deserialize)]
struct LoggedIn {
    user: Profile,
    #[serde(flatten)]
    granted: Granted,
}

#[derive(Deserialize)]
struct Granted {
    token: String,
    expires_in: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: String,
    detail: Option<String>,
    retry_after_ms: Option<u64>,
}

impl Http {
    /// For a server at `http://host:port`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(base: impl Into<String>) -> Result<Self, HttpError> {
        let client = reqwest::Client::builder().cookie_store(true).timeout(Duration::from_millis(CALL_WITHIN_MS)).build()?;
        Ok(Self { base: base.into().trim_end_matches('/').to_owned(), client })
    }

    /// Makes an account and logs in.
    ///
    /// # Errors
    /// See [`HttpError`]; `conflict` when the name is taken.
    pub async fn register(&self, username: &str, password: &str, display_name: Option<&str>) -> Result<Session, HttpError> {
        self.log_in("register", &Credentials { username, password, display_name }).await
    }

    /// Logs in.
    ///
    /// # Errors
    /// See [`HttpError`]; `invalid_credentials`, or `rate_limited` after too many failures.
    pub async fn login(&self, username: &str, password: &str) -> Result<Session, HttpError> {
        self.log_in("login", &Credentials { username, password, display_name: None }).await
    }

    /// Registers, or logs in when the name is taken: for bots, which start the same way each time.
    ///
    /// # Errors
    /// See [`HttpError`]; `invalid_credentials` when the name is taken by somebody with another password.
    pub async fn register_or_login(&self, username: &str, password: &str) -> Result<Session, HttpError> {
        match self.register(username, password, None).await {
            Err(HttpError::Refused { status: 409, .. }) => self.login(username, password).await,
            other => other,
        }
    }

    /// Comes in without an account, where the server allows it.
    ///
    /// # Errors
    /// See [`HttpError`]; `not_configured` where it does not.
    pub async fn guest(&self, display_name: &str) -> Result<Session, HttpError> {
        #[derive(Serialize)]
        struct Guest<'a> {
            display_name: &'a str,
        }
        self.log_in("guest", &Guest { display_name }).await
    }

    async fn log_in<B: Serialize>(&self, call: &str, body: &B) -> Result<Session, HttpError> {
        let request = self.client.post(self.url(call)).json(body);
        let LoggedIn { user, granted } = accepted(request.send().await?).await?.json().await?;
        let clock = Clock::start();
        let token = Arc::new(Mutex::new(Token::new(granted, clock)));
        Ok(Session { http: self.clone(), user, token, clock })
    }

    fn url(&self, call: &str) -> String {
        format!("{}/v1/auth/{call}", self.base)
    }
}

impl Session {
    /// Who is logged in.
    #[must_use]
    pub fn user(&self) -> &Profile {
        &self.user
    }

    /// An access token that is still good for a while; fetches a new one with the refresh cookie otherwise.
    ///
    /// # Errors
    /// See [`HttpError`]; `token_expired` or another 401 when the refresh token is no longer good: log in again.
    pub async fn token(&self) -> Result<String, HttpError> {
        // Held during the call: callers at the same time share one renewal.
        let mut token = self.token.lock().await;
        if self.clock.now_ms() >= token.renew_at_ms {
            *token = self.renewed().await?;
        }
        Ok(token.text.clone())
    }

    /// A new access token in any case.
    ///
    /// # Errors
    /// As [`Session::token`].
    pub async fn refresh(&self) -> Result<String, HttpError> {
        let mut token = self.token.lock().await;
        *token = self.renewed().await?;
        Ok(token.text.clone())
    }

    async fn renewed(&self) -> Result<Token, HttpError> {
        let answer = self.http.client.post(self.http.url("refresh")).send().await?;
        Ok(Token::new(accepted(answer).await?.json().await?, self.clock))
    }

    /// Ends the session on the server.
    ///
    /// # Errors
    /// See [`HttpError`].
    pub async fn logout(&self) -> Result<(), HttpError> {
        accepted(self.http.client.post(self.http.url("logout")).send().await?).await.map(drop)
    }

    /// The token source for [`crate::Builder::token`]: the token of the login at first, a new one each time it is asked again.
    #[must_use]
    pub fn token_source(&self) -> TokenSource {
        let session = self.clone();
        let first = Arc::new(std::sync::atomic::AtomicBool::new(true));
        TokenSource::callback(move || {
            let session = session.clone();
            let first = first.swap(false, std::sync::atomic::Ordering::Relaxed);
            async move {
                let result = if first { session.token().await } else { session.refresh().await };
                result.map_err(|error| match error {
                    HttpError::Refused { status: 400 | 401 | 403, .. } => TokenError::Unauthorized(error.to_string()),
                    other => TokenError::Temporary(other.to_string()),
                })
            }
        })
    }
}

impl Token {
    fn new(granted: Granted, clock: Clock) -> Self {
        let life_ms = granted.expires_in.saturating_mul(1000);
        Self { text: granted.token, renew_at_ms: clock.now_ms().saturating_add(life_ms - life_ms / FRESH_PART) }
    }
}

/// Never shows a token.
impl std::fmt::Debug for Session {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Session").field("user", &self.user).finish_non_exhaustive()
    }
}

async fn accepted(answer: reqwest::Response) -> Result<reqwest::Response, HttpError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let Problem { code, detail, retry_after_ms } = answer.json().await.unwrap_or_default();
    let code = if code.is_empty() { status.canonical_reason().unwrap_or("error").to_owned() } else { code };
    Err(HttpError::Refused { status: status.as_u16(), code, detail, retry_after_ms })
}
