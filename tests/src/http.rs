//! A plain HTTP client of the API: one request at a time, every header in sight, cookies by hand.

use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::Value;

use crate::clock;

/// The name of the refresh cookie.
pub const REFRESH_COOKIE: &str = "rialto_refresh";

/// An HTTP client of one node.
#[derive(Debug, Clone)]
pub struct Http {
    base: String,
    client: Client,
}

impl Http {
    /// A client of the node at `base`, which is `http://host:port`.
    ///
    /// # Panics
    /// Never in practice: the client has no TLS to set up.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Self { base: base.to_owned(), client: client.expect("a plain HTTP client can be made") }
    }

    /// The node's address.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Begins a GET.
    #[must_use]
    pub fn get(&self, path: &str) -> Ask {
        self.ask(Method::GET, path)
    }

    /// Begins a POST.
    #[must_use]
    pub fn post(&self, path: &str) -> Ask {
        self.ask(Method::POST, path)
    }

    /// Begins a PATCH.
    #[must_use]
    pub fn patch(&self, path: &str) -> Ask {
        self.ask(Method::PATCH, path)
    }

    /// Begins a DELETE.
    #[must_use]
    pub fn delete(&self, path: &str) -> Ask {
        self.ask(Method::DELETE, path)
    }

    /// Begins a request with any method.
    #[must_use]
    pub fn ask(&self, method: Method, path: &str) -> Ask {
        Ask(self.client.request(method, format!("{}{path}", self.base)))
    }
}

/// A request that is being put together.
#[derive(Debug)]
pub struct Ask(reqwest::RequestBuilder);

impl Ask {
    /// Adds a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// Adds an access token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        Self(self.0.bearer_auth(token))
    }

    /// Adds a refresh token as its cookie.
    #[must_use]
    pub fn refresh_cookie(self, value: &str) -> Self {
        self.header("cookie", &format!("{REFRESH_COOKIE}={value}"))
    }

    /// Adds an `Idempotency-Key`.
    #[must_use]
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        Self(self.0.json(body))
    }

    /// Sets any body, as if it were JSON.
    #[must_use]
    pub fn raw_json(self, body: impl Into<Vec<u8>>) -> Self {
        Self(self.0.header("content-type", "application/json").body(body.into()))
    }

    /// Sends it.
    ///
    /// # Panics
    /// When no answer arrives.
    pub async fn send(self) -> Answer {
        self.try_send().await.unwrap_or_else(|error| panic!("no answer: {error}"))
    }

    /// Sends it, for tests in which the node may be gone.
    ///
    /// # Errors
    /// When no answer arrives.
    pub async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let response = clock::within("an HTTP answer", self.0.send()).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = clock::within("an HTTP body", response.bytes()).await?.to_vec();
        Ok(Answer { status, headers, body })
    }
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header, empty if absent.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
    }

    /// The JSON body, provided that the status is `status`; an empty body is `null`.
    ///
    /// # Panics
    /// When the status is another.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The problem document, provided that status and code are these.
    ///
    /// # Panics
    /// When they are others or a required field is missing.
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert!(self.header("content-type").starts_with("application/problem+json"), "{self:?}");
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        for field in ["type", "title", "detail", "request_id"] {
            assert!(problem[field].is_string(), "a problem has {field:?}: {problem}");
        }
        problem
    }

    /// The new refresh token and its cookie's attributes in lower case.
    #[must_use]
    pub fn refresh_cookie(&self) -> Option<(String, String)> {
        let prefix = format!("{REFRESH_COOKIE}=");
        let cookies = self.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        let cookie = cookies.filter_map(|cookie| cookie.strip_prefix(&prefix)).next_back()?;
        let (value, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        Some((value.to_owned(), attributes.to_ascii_lowercase()))
    }
}
