//! Where tokens come from.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub(crate) type TokenFuture = Pin<Box<dyn Future<Output = Result<String, TokenError>> + Send>>;

/// Why a token callback brought none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// There will be none: the connection closes for good.
    #[error("unauthorized: {0}")]
    Unauthorized(String),
    /// Not now: it is asked again after a pause.
    #[error("no token for now: {0}")]
    Temporary(String),
}

/// Where the token of a connection or of a subscription comes from.
#[derive(Clone, Default)]
pub struct TokenSource(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    None,
    Fixed(String),
    Callback(Arc<dyn Fn() -> TokenFuture + Send + Sync>),
}

/// What the state machine must know of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    None,
    Fixed,
    Renewable,
}

impl TokenSource {
    /// No token: for servers that let anonymous connections in.
    #[must_use]
    pub fn none() -> Self {
        Self(Source::None)
    }

    /// Always this token. When it expires the connection closes for good.
    #[must_use]
    pub fn fixed(token: impl Into<String>) -> Self {
        Self(Source::Fixed(token.into()))
    }

    /// A callback that brings a fresh token each time: at first, before the old one ends, and after the server called it expired.
    pub fn callback<F, Answer>(fetch: F) -> Self
    where
        F: Fn() -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Result<String, TokenError>> + Send + 'static,
    {
        Self(Source::Callback(Arc::new(move || Box::pin(fetch()))))
    }

    pub(crate) fn kind(&self) -> TokenKind {
        match self.0 {
            Source::None => TokenKind::None,
            Source::Fixed(_) => TokenKind::Fixed,
            Source::Callback(_) => TokenKind::Renewable,
        }
    }

    pub(crate) fn fetch(&self) -> TokenFuture {
        match &self.0 {
            Source::None => Box::pin(std::future::ready(Ok(String::new()))),
            Source::Fixed(token) => Box::pin(std::future::ready(Ok(token.clone()))),
            Source::Callback(fetch) => fetch(),
        }
    }
}

/// Never shows a token.
impl fmt::Debug for TokenSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TokenSource({:?})", self.kind())
    }
}

impl From<&str> for TokenSource {
    fn from(token: &str) -> Self {
        Self::fixed(token)
    }
}

impl From<String> for TokenSource {
    fn from(token: String) -> Self {
        Self::fixed(token)
    }
}
