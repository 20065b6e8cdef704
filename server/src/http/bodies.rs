//! Bodies that only HTTP has. Those that it shares with rpc are in `rialto_protocol::rpc`.

use std::collections::BTreeMap;

use rialto_protocol::rpc::{Profile, Role};
use rialto_protocol::{ClientId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `POST /v1/auth/register`.
#[derive(Deserialize, JsonSchema)]
pub struct RegisterBody {
    /// 3 to 32 letters, digits, `_`, `.`, `-`; unique in any case.
    pub username: String,
    /// At least 10 characters.
    pub password: String,
    /// 1 to 64 characters; the user name when absent.
    #[serde(default)]
    pub display_name: Option<String>,
}

/// `POST /v1/auth/login`.
#[derive(Deserialize, JsonSchema)]
pub struct LoginBody {
    /// In any case.
    pub username: String,
    /// The password.
    pub password: String,
}

/// `POST /v1/auth/guest`.
#[derive(Deserialize, JsonSchema)]
pub struct GuestBody {
    /// 1 to 64 characters.
    pub display_name: String,
}

/// `POST /v1/auth/password`.
#[derive(Deserialize, JsonSchema)]
pub struct PasswordBody {
    /// The password until now.
    pub old: String,
    /// The password from now on: at least 10 characters.
    pub new: String,
}

/// Somebody is logged in.
#[derive(Serialize, JsonSchema)]
pub struct SessionBody {
    /// Who.
    pub user: Profile,
    /// The access token.
    pub token: String,
    /// Seconds that it lives.
    pub expires_in: u64,
}

/// One login of the caller, on one device.
#[derive(Serialize, JsonSchema)]
pub struct DeviceBody {
    /// Its id.
    pub id: Uuid,
    /// What the device said of itself (`User-Agent`), cut; empty when it said nothing.
    pub device: String,
    /// When it logged in, milliseconds since 1970.
    pub created: u64,
    /// When it last renewed its token, milliseconds since 1970.
    pub used: u64,
    /// It is the one that asks.
    pub current: bool,
}

/// A fresh access token.
#[derive(Serialize, JsonSchema)]
pub struct TokenBody {
    /// The access token.
    pub token: String,
    /// Seconds that it lives.
    pub expires_in: u64,
}

/// `GET /v1/users`.
#[derive(Deserialize)]
pub struct FindQuery {
    /// The exact name, in any case.
    pub username: String,
}

/// Which page of a list.
#[derive(Default, Deserialize)]
pub struct PageQuery {
    /// Items wanted, at most 100.
    pub limit: Option<usize>,
    /// `next` of the page before.
    pub cursor: Option<String>,
}

/// Which messages.
#[derive(Default, Deserialize)]
pub struct MessagesQuery {
    /// Only offsets below.
    pub before: Option<u64>,
    /// Only offsets above.
    pub after: Option<u64>,
    /// Items wanted, at most 100.
    pub limit: Option<usize>,
}

/// `POST /v1/conversations/{id}/messages`.
#[derive(Deserialize, JsonSchema)]
pub struct MessageBody {
    /// The sender's id of this message; `Idempotency-Key` when absent. One of both is needed.
    #[serde(default)]
    pub client_id: Option<ClientId>,
    /// 1 byte to 32 KiB.
    pub text: String,
    /// Offset of the message that this answers.
    #[serde(default)]
    pub reply_to: Option<u64>,
}

/// `PATCH /v1/conversations/{id}/messages/{offset}`.
#[derive(Deserialize, JsonSchema)]
pub struct EditBody {
    /// The sender's id of this edit; `Idempotency-Key` when absent, else made here.
    #[serde(default)]
    pub client_id: Option<ClientId>,
    /// The new text.
    pub text: String,
}

/// A change that needs nothing more said.
#[derive(Default, Deserialize, JsonSchema)]
pub struct ChangeBody {
    /// The sender's id of this change; `Idempotency-Key` when absent, else made here.
    #[serde(default)]
    pub client_id: Option<ClientId>,
}

/// `POST /v1/conversations/{id}/members`.
#[derive(Deserialize, JsonSchema)]
pub struct InviteBody {
    /// The sender's id of this change; `Idempotency-Key` when absent, else made here.
    #[serde(default)]
    pub client_id: Option<ClientId>,
    /// Whom, at most 256.
    pub users: Vec<UserId>,
}

/// `PUT /v1/conversations/{id}/members/{user}`.
#[derive(Deserialize, JsonSchema)]
pub struct RoleBody {
    /// The sender's id of this change; `Idempotency-Key` when absent, else made here.
    #[serde(default)]
    pub client_id: Option<ClientId>,
    /// The role from now on.
    pub role: Role,
}

/// `PATCH /v1/conversations/{id}`: only what is present changes.
#[derive(Deserialize, JsonSchema)]
pub struct SettingsBody {
    /// The sender's id of this change; `Idempotency-Key` when absent, else made here.
    #[serde(default)]
    pub client_id: Option<ClientId>,
    /// The new title.
    #[serde(default)]
    pub title: Option<String>,
}

/// `POST /v1/conversations/{id}/read`.
#[derive(Deserialize, JsonSchema)]
pub struct ReadBody {
    /// The last offset read.
    pub offset: u64,
}

/// The process runs.
#[derive(Serialize, JsonSchema)]
pub struct LiveBody {
    /// `ok`.
    pub status: &'static str,
}

/// Whether the node takes work.
#[derive(Serialize, JsonSchema)]
pub struct ReadyBody {
    /// `ok`, `failing` or `draining`.
    pub status: &'static str,
    /// Each thing that the node depends on.
    pub dependencies: BTreeMap<&'static str, DependencyBody>,
}

/// One thing that the node depends on.
#[derive(Serialize, JsonSchema)]
pub struct DependencyBody {
    /// `ok`, `failing`, or `degraded`: away, and the node serves without it.
    pub state: &'static str,
    /// Milliseconds that it took to answer.
    pub ms: u64,
}
