//! Bodies of the HTTP calls about bots and webhooks.

use serde::{Deserialize, Serialize};

use crate::id::{ClientId, ConversationId, UserId};
use crate::rpc::Profile;

macro_rules! bodies {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$field_doc:meta])* $field:ident : $type:ty ),* $(,)? } )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, PartialEq, Serialize, Deserialize)]
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
            pub struct $name { $( $(#[$field_doc])* pub $field: $type, )* }
        )*
    };
}

bodies! {
    /// `POST /v1/bots`.
    CreateBot {
        /// 3 to 32 letters, digits, `_`, `.`, `-`; unique in any case among bots and people.
        username: String,
        /// 1 to 64 characters; the user name when absent.
        #[serde(default)]
        display_name: Option<String>,
        /// What its token may do: method names such as `conversation.send`, or `conversation.*`; at most 64.
        scopes: Vec<String>,
        /// Seconds that the token lives; for ever when absent.
        #[serde(default)]
        expires_in: Option<u64>,
    }
    /// `POST /v1/bots/{id}/token`.
    #[derive(Default)]
    RotateToken {
        /// Seconds that the token lives; for ever when absent.
        #[serde(default)]
        expires_in: Option<u64>,
    }
    /// `PUT /v1/bots/{id}/scopes`.
    SetScopes {
        /// What its tokens may do from now on; its open connections come back with them.
        scopes: Vec<String>,
    }
    /// A bot.
    Bot {
        /// Its account.
        user: Profile,
        /// Whose it is; absent for a bot of the operators.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<UserId>,
        /// What its tokens may do.
        scopes: Vec<String>,
        /// When it was made, milliseconds since 1970.
        created: u64,
    }
    /// A bot with a fresh token.
    BotWithToken {
        /// The bot.
        bot: Bot,
        /// Its token, shown this once.
        token: String,
    }
    /// `POST /v1/webhooks`.
    CreateWebhook {
        /// Where events are posted: `https://…`.
        url: String,
        /// Whose conversations: oneself when absent, else a bot of one's own.
        #[serde(default)]
        user: Option<UserId>,
        /// Only this conversation; all of the user's when absent.
        #[serde(default)]
        conversation: Option<ConversationId>,
        /// Only events of these types; all when absent or empty.
        #[serde(default)]
        events: Vec<String>,
    }
    /// An outgoing webhook.
    Webhook {
        /// Its id.
        id: uuid::Uuid,
        /// Where events are posted.
        url: String,
        /// Whose conversations.
        user: UserId,
        /// Only this conversation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conversation: Option<ConversationId>,
        /// Only events of these types.
        #[serde(default)]
        events: Vec<String>,
        /// When it was made, milliseconds since 1970: events from then on are delivered.
        created: u64,
        /// Why nothing is delivered any more: the target answered 410.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disabled: Option<String>,
    }
    /// An outgoing webhook with its secret.
    WebhookWithSecret {
        /// The webhook.
        webhook: Webhook,
        /// The key of its signatures, `whsec_…`, shown this once.
        secret: String,
    }
    /// One delivery, tried or given up.
    Delivery {
        /// `webhook-id` of its posts: the same at every try.
        id: String,
        /// The conversation.
        conversation: ConversationId,
        /// The event's offset there.
        offset: u64,
        /// `delivered`, `retrying` or `dead`.
        state: DeliveryState,
        /// Tries so far.
        attempts: u32,
        /// The last try, milliseconds since 1970.
        time: u64,
        /// What the target answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// What went wrong.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    }
    /// `POST /v1/webhooks/{id}/redeliver`.
    Redeliver {
        /// The conversation.
        conversation: ConversationId,
        /// The event's offset there.
        offset: u64,
    }
    /// `POST /v1/hooks`.
    CreateHook {
        /// The conversation that is posted into.
        conversation: ConversationId,
        /// Who posts: a bot of one's own, a member there.
        bot: UserId,
    }
    /// An incoming webhook.
    Hook {
        /// Its id.
        id: uuid::Uuid,
        /// Who posts.
        bot: UserId,
        /// Where to.
        conversation: ConversationId,
        /// When it was made, milliseconds since 1970.
        created: u64,
    }
    /// An incoming webhook with its secret.
    HookWithSecret {
        /// The webhook.
        hook: Hook,
        /// `whsec_…`, shown this once: the bearer token of its posts, or the key of their signatures.
        secret: String,
    }
    /// `POST /v1/hooks/{id}`.
    HookMessage {
        /// 1 byte to 32 KiB.
        text: String,
        /// The sender's id of this message; `Idempotency-Key` or `webhook-id` when absent.
        #[serde(default)]
        client_id: Option<ClientId>,
    }
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum DeliveryState {
    Delivered,
    Retrying,
    Dead,
}
