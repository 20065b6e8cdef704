//! What commands do to a store: inside the node that has it open, or in the command's own process.

use std::path::PathBuf;

use rialto_actors::accounts::role_of_word;
use rialto_storage::accounts::AccountRole;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::Foundation;
use crate::app::failure::{Exit, Failure};

/// One operation, as it also travels over the control socket.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub(super) enum Operation {
    UserAdd { name: String, role: String, password: String },
    UserPasswd { name: String, password: String },
    UserRole { name: String, role: String },
    BotAdd { name: String, scopes: Vec<String>, ttl_s: Option<u64> },
    BotRevoke { token_id: Uuid },
    KeysReload,
    Backup { folder: PathBuf },
    Verify,
}

impl Operation {
    /// Whether a store must be there already: looking at one, or copying one, must not make one.
    pub(super) fn needs_store(&self) -> bool {
        matches!(self, Self::Backup { .. } | Self::Verify)
    }

    /// Does it. The answer is a line for people.
    pub(super) async fn perform(self, foundation: &Foundation) -> Result<String, Failure> {
        let accounts = &foundation.accounts;
        match self {
            Self::UserAdd { name, role, password } => {
                let profile = accounts.add_user(&name, password, role_of(&role)?).await?;
                Ok(format!("added {} with id {}", profile.username, profile.id))
            }
            Self::UserPasswd { name, password } => {
                let profile = accounts.reset_password(&name, password).await?;
                Ok(format!("{} has a new password, all sessions ended", profile.username))
            }
            Self::UserRole { name, role } => {
                let profile = accounts.set_role(&name, role_of(&role)?).await?;
                Ok(format!("{} is {role} now, all sessions ended", profile.username))
            }
            Self::BotAdd { name, scopes, ttl_s } => Ok(accounts.create_bot(&name, scopes, ttl_s).await?.token),
            Self::BotRevoke { token_id } => {
                accounts.revoke_bot(token_id).await?;
                Ok(format!("token {} is over", token_id.simple()))
            }
            Self::KeysReload => foundation.reload_keys().await.map(|()| "keys read again".to_owned()),
            Self::Backup { folder } => {
                let backend = foundation.backend.clone();
                let report = blocking(move || backend.backup(&folder)).await??;
                Ok(format!("backed up {} rows, {} entries, {} bytes", report.rows, report.entries, report.bytes))
            }
            Self::Verify => {
                let backend = foundation.backend.clone();
                let report = blocking(move || backend.verify()).await??;
                Ok(format!("the store is sound: {} entities, {} rows, {} accounts", report.entities, report.rows, report.accounts))
            }
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Failure::new(Exit::Storage, format!("the work on the store failed: {error}")))
}

fn role_of(word: &str) -> Result<AccountRole, Failure> {
    role_of_word(word).ok_or_else(|| Failure::new(Exit::Usage, "a role is user, bot, operator or admin"))
}
