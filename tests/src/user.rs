//! Somebody with an account, over HTTP.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Answer, Http, Pick as _};

/// A password that no rule refuses.
pub const PASSWORD: &str = "correct-horse-7-battery";

/// An account and its first session.
#[derive(Debug, Clone)]
pub struct User {
    /// The user id.
    pub id: String,
    /// The name to log in with, unique in the run.
    pub username: String,
    /// The password.
    pub password: String,
    /// The access token.
    pub token: String,
    /// The refresh token, out of its cookie.
    pub refresh: String,
    /// The client that this user asks with.
    pub http: Http,
}

impl User {
    /// Registers `name` with a suffix that makes it unique.
    pub async fn register(http: &Http, name: &str) -> Self {
        let suffix = Uuid::new_v4().simple().to_string();
        let username = format!("{name}-{}", &suffix[..12]);
        let body = json!({"username": username, "password": PASSWORD, "display_name": name});
        let answer = http.post("/v1/auth/register").json(&body).send().await;
        let made = answer.expect(201);
        assert_eq!(made["user"]["username"], username);
        Self::from_session(http, &username, PASSWORD, &answer, &made)
    }

    /// Opens another session of the same account.
    pub async fn log_in(&self) -> Self {
        let body = json!({"username": self.username, "password": self.password});
        let answer = self.http.post("/v1/auth/login").json(&body).send().await;
        let made = answer.expect(200);
        Self::from_session(&self.http, &self.username, &self.password, &answer, &made)
    }

    fn from_session(http: &Http, username: &str, password: &str, answer: &Answer, made: &Value) -> Self {
        Self {
            id: made["user"].text("id"),
            username: username.to_owned(),
            password: password.to_owned(),
            token: made.text("token"),
            refresh: answer.refresh_cookie().expect("a session brings the refresh cookie").0,
            http: http.clone(),
        }
    }

    /// The same person, asking a node that has moved.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self { http: Http::new(base), ..self.clone() }
    }

    /// GET as this user.
    pub async fn get(&self, path: &str) -> Answer {
        self.http.get(path).token(&self.token).send().await
    }

    /// POST as this user.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.http.post(path).token(&self.token).json(body).send().await
    }

    /// PATCH as this user.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.http.patch(path).token(&self.token).json(body).send().await
    }

    /// DELETE as this user, with a body when there is one.
    pub async fn delete(&self, path: &str, body: Option<&Value>) -> Answer {
        let ask = self.http.delete(path).token(&self.token);
        match body {
            Some(body) => ask.json(body).send().await,
            None => ask.send().await,
        }
    }

    /// Creates a conversation and gives the answered object.
    pub async fn creates(&self, kind: &str, title: &str, members: &[&str]) -> Value {
        let body = json!({"kind": kind, "title": title, "members": members, "client_id": client_id()});
        self.post("/v1/conversations", &body).await.expect(201)
    }

    /// Sends a message over HTTP under an id of its own and gives its offset.
    pub async fn sends(&self, conversation: &str, text: &str) -> u64 {
        let body = json!({"client_id": client_id(), "text": text});
        self.post(&format!("/v1/conversations/{conversation}/messages"), &body).await.expect(201).number("offset")
    }

    /// A page of messages.
    pub async fn reads(&self, conversation: &str, query: &str) -> Vec<Value> {
        let path = format!("/v1/conversations/{conversation}/messages?{query}");
        self.get(&path).await.expect(200).list("items")
    }
}

/// A fresh id for something that appends.
#[must_use]
pub fn client_id() -> String {
    Uuid::now_v7().to_string()
}
