//! The one table of calls: what is registered is what is documented.

use actix_web::http::Method;
use actix_web::{Resource, Route, guard, web};
use rialto_protocol::admin::{Configuration, ConversationDetails, FeedMessage, Kick, Kicked, LogPage, Mute, Muted, NodeFacts, UserDetails};
use rialto_protocol::integrations::{
    Bot, BotWithToken, CreateBot, CreateHook, CreateWebhook, Delivery, Hook, HookMessage, HookWithSecret, Redeliver, RotateToken,
    SetScopes, Webhook, WebhookWithSecret,
};
use rialto_protocol::rpc::{
    Appended, Command, Conversation, CreateConversation, Marked, Member, Message, Page, Profile, PublicConversation, SetCommands, SetUser,
};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::bodies::{
    ChangeBody, DeviceBody, EditBody, GuestBody, InviteBody, LiveBody, LoginBody, MessageBody, PasswordBody, ReadBody, ReadyBody,
    RegisterBody, RoleBody, SessionBody, SettingsBody, TokenBody,
};
use super::problem::Problem;
use super::{admin, assets, auth, bots, conversations, docs, health, hooks, messages, users, webhooks};
use crate::admin::live;

/// Gives a type's schema, its parts put among the shared ones.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What a call asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    /// Nothing.
    Nothing,
    /// An access token.
    Token,
    /// An access token whose role is operator or admin.
    Operator,
    /// The refresh cookie.
    Cookie,
}

/// One parameter of a query.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// JSON Schema's word.
    pub(super) kind: &'static str,
    pub(super) required: bool,
    pub(super) about: &'static str,
}

/// What a call answers when it succeeds.
pub(super) struct Success {
    pub(super) status: u16,
    pub(super) about: &'static str,
    pub(super) body: Option<SchemaOf>,
}

/// One call.
pub(super) struct Endpoint {
    pub(super) method: Method,
    pub(super) path: &'static str,
    /// Its name in generated clients.
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) credentials: Credentials,
    pub(super) query: &'static [Parameter],
    pub(super) body: Option<SchemaOf>,
    pub(super) successes: &'static [Success],
    register: fn(Route) -> Route,
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

const fn ok(about: &'static str, body: SchemaOf) -> Success {
    Success { status: 200, about, body: Some(body) }
}

const fn created(about: &'static str, body: SchemaOf) -> Success {
    Success { status: 201, about, body: Some(body) }
}

const DONE: Success = Success { status: 204, about: "Done.", body: None };
const LIMIT: Parameter = Parameter { name: "limit", kind: "integer", required: false, about: "Items wanted, at most 100." };
const CURSOR: Parameter = Parameter { name: "cursor", kind: "string", required: false, about: "`next` of the page before." };
const BEFORE: Parameter = Parameter { name: "before", kind: "integer", required: false, about: "Only offsets below." };
const AFTER: Parameter = Parameter { name: "after", kind: "integer", required: false, about: "Only offsets above." };
const USERNAME: Parameter = Parameter { name: "username", kind: "string", required: true, about: "The exact name, in any case." };
const USER: Parameter =
    Parameter { name: "user", kind: "string", required: false, about: "Whose: oneself when absent, else a bot of one's own." };
const BOT: Parameter = Parameter { name: "user", kind: "string", required: true, about: "The bot." };
const LEVEL: Parameter =
    Parameter { name: "level", kind: "string", required: false, about: "This level and graver: error, warn, info, debug, trace." };
const TEXT: Parameter = Parameter { name: "text", kind: "string", required: false, about: "Only lines that hold it, in any case." };
const LATER: Parameter = Parameter { name: "after", kind: "integer", required: false, about: "`next` of the call before." };
const TITLE: Parameter =
    Parameter { name: "title", kind: "string", required: false, about: "Only those whose title has this in it, in any case." };
const PAGE: &[Parameter] = &[LIMIT, CURSOR];

macro_rules! endpoints {
    ($( $method:ident $path:literal $name:literal $credentials:ident $about:literal
        $(query $query:expr,)? $(body $body:ty,)? => [$($success:expr),*], $handler:path; )*) => {
        /// Every call.
        pub(super) static ENDPOINTS: &[Endpoint] = &[ $( Endpoint {
            method: Method::$method,
            path: $path,
            name: $name,
            about: $about,
            credentials: Credentials::$credentials,
            query: endpoints!(@query $($query)?),
            body: endpoints!(@body $($body)?),
            successes: &[$($success),*],
            register: |route| route.to($handler),
        }, )* ];
    };
    (@query) => { &[] };
    (@query $query:expr) => { $query };
    (@body) => { None };
    (@body $body:ty) => { Some(schema::<$body>) };
}

endpoints! {
    POST "/v1/auth/register" "register" Nothing "Makes an account and logs in; sets the cookie `rialto_refresh`. Takes `Idempotency-Key`."
        body RegisterBody, => [created("Registered.", schema::<SessionBody>), ok("It stood already.", schema::<SessionBody>)], auth::register;
    POST "/v1/auth/login" "login" Nothing "Logs in; sets the cookie `rialto_refresh`."
        body LoginBody, => [ok("Logged in.", schema::<SessionBody>)], auth::login;
    POST "/v1/auth/guest" "guest" Nothing "Makes an account without a password, where guests are enabled."
        body GuestBody, => [created("Logged in.", schema::<SessionBody>)], auth::guest;
    POST "/v1/auth/refresh" "refresh" Cookie "Trades the refresh cookie for an access token and a new cookie. A cookie used twice ends the session."
        => [ok("A fresh token.", schema::<TokenBody>)], auth::refresh;
    POST "/v1/auth/logout" "logout" Cookie "Ends the session."
        => [DONE], auth::logout;
    POST "/v1/auth/password" "change_password" Token "Replaces the password and ends all other sessions."
        body PasswordBody, => [DONE], auth::password;
    GET "/v1/auth/sessions" "list_sessions" Token "Where the caller is logged in, the most recently used first; at most 100."
        => [ok("All of them.", schema::<Page<DeviceBody>>)], auth::sessions;
    DELETE "/v1/auth/sessions" "end_other_sessions" Token "Ends all sessions of the caller but the one that asks."
        => [DONE], auth::end_others;
    DELETE "/v1/auth/sessions/{id}" "end_session" Token "Ends one session of the caller: its tokens and its connections."
        => [DONE], auth::end_one;
    GET "/v1/users/me" "me" Token "The caller's profile."
        => [ok("The profile.", schema::<Profile>)], users::me;
    PATCH "/v1/users/me" "set_me" Token "Changes what people read of the caller."
        body SetUser, => [ok("The profile that stands.", schema::<Profile>)], users::set;
    GET "/v1/users" "find_user" Token "A user by exact name."
        query &[USERNAME], => [ok("The profile.", schema::<Profile>)], users::find;
    GET "/v1/users/{id}" "get_user" Token "A user by id."
        => [ok("The profile.", schema::<Profile>)], users::get;
    POST "/v1/conversations" "create_conversation" Token "Creates a conversation. `client_id` or `Idempotency-Key` makes a repeat give the first one."
        body CreateConversation,
        => [created("Created.", schema::<Conversation>), ok("It stood already.", schema::<Conversation>)], conversations::begin;
    GET "/v1/conversations" "list_conversations" Token "The caller's conversations, most recently active first."
        query PAGE, => [ok("A page.", schema::<Page<Conversation>>)], conversations::list;
    GET "/v1/conversations/public" "browse_conversations" Token "Public conversations, most recently active first."
        query &[TITLE, LIMIT, CURSOR], => [ok("A page.", schema::<Page<PublicConversation>>)], conversations::browse;
    GET "/v1/conversations/{id}" "get_conversation" Token "One conversation."
        => [ok("The conversation.", schema::<Conversation>)], conversations::get;
    PATCH "/v1/conversations/{id}" "set_conversation" Token "Changes settings."
        body SettingsBody, => [ok("Changed.", schema::<Appended>)], conversations::set;
    GET "/v1/conversations/{id}/members" "list_members" Token "Members."
        query PAGE, => [ok("A page.", schema::<Page<Member>>)], conversations::members;
    POST "/v1/conversations/{id}/members" "invite" Token "Adds members."
        body InviteBody, => [created("Added.", schema::<Appended>), ok("It stood already.", schema::<Appended>)], conversations::invite;
    PUT "/v1/conversations/{id}/members/{user}" "set_role" Token "Changes a member's role."
        body RoleBody, => [ok("Changed.", schema::<Appended>)], conversations::set_role;
    DELETE "/v1/conversations/{id}/members/{user}" "remove_member" Token "Removes a member; leaves, when it is oneself."
        body ChangeBody, => [ok("Removed.", schema::<Appended>)], conversations::remove;
    POST "/v1/conversations/{id}/join" "join" Token "Joins a public conversation."
        body ChangeBody, => [ok("Joined.", schema::<Appended>)], conversations::join;
    POST "/v1/conversations/{id}/read" "mark_read" Token "Moves the caller's read marker forward."
        body ReadBody, => [ok("The marker that stands.", schema::<Marked>)], conversations::read;
    GET "/v1/conversations/{id}/messages" "list_messages" Token
        "Messages with edits folded in, ascending; without `before` and `after` the newest page."
        query &[BEFORE, AFTER, LIMIT], => [ok("A page.", schema::<Page<Message>>)], messages::list;
    POST "/v1/conversations/{id}/messages" "send_message" Token "Sends a message. The same `client_id` again is the same message."
        body MessageBody, => [created("Stored.", schema::<Appended>), ok("It stood already.", schema::<Appended>)], messages::send;
    PATCH "/v1/conversations/{id}/messages/{offset}" "edit_message" Token "Replaces the text of one's own message."
        body EditBody, => [ok("Changed.", schema::<Appended>)], messages::edit;
    DELETE "/v1/conversations/{id}/messages/{offset}" "delete_message" Token "Takes a message back."
        body ChangeBody, => [ok("Deleted.", schema::<Appended>)], messages::delete;
    PUT "/v1/conversations/{id}/messages/{offset}/reactions/{emoji}" "react" Token "Adds a reaction."
        body ChangeBody, => [ok("Added.", schema::<Appended>)], messages::react;
    DELETE "/v1/conversations/{id}/messages/{offset}/reactions/{emoji}" "unreact" Token "Takes a reaction back."
        body ChangeBody, => [ok("Removed.", schema::<Appended>)], messages::unreact;
    GET "/v1/conversations/{id}/commands" "list_commands" Token "Slash commands of the bots that are members."
        => [ok("All of them.", schema::<Page<Command>>)], bots::of_conversation;
    POST "/v1/bots" "create_bot" Token
        "Makes a bot: everybody who has registered may make 20, operators any number. A repeat under the same `Idempotency-Key` gives a fresh token."
        body CreateBot, => [created("Made; the token is shown this once.", schema::<BotWithToken>), ok("It stood already.", schema::<BotWithToken>)],
        bots::create;
    GET "/v1/bots" "list_bots" Token "One's own bots; for operators all."
        query PAGE, => [ok("A page.", schema::<Page<Bot>>)], bots::list;
    GET "/v1/bots/{id}" "get_bot" Token "One bot."
        => [ok("The bot.", schema::<Bot>)], bots::get;
    DELETE "/v1/bots/{id}" "delete_bot" Token "Ends a bot: its tokens, connections, commands and webhooks. Its messages stay."
        => [DONE], bots::delete;
    POST "/v1/bots/{id}/token" "rotate_bot_token" Token "Ends all tokens of a bot, their connections too, and makes another one."
        body RotateToken, => [ok("The token is shown this once.", schema::<BotWithToken>)], bots::rotate;
    PUT "/v1/bots/{id}/scopes" "set_bot_scopes" Token "Changes what a bot's tokens may do; its connections come back with it."
        body SetScopes, => [ok("Changed.", schema::<Bot>)], bots::set_scopes;
    PUT "/v1/bots/{id}/commands" "set_bot_commands" Token "Replaces a bot's slash commands."
        body SetCommands, => [DONE], bots::set_commands;
    POST "/v1/webhooks" "create_webhook" Token
        "Posts a user's conversation events, or one conversation's, to a URL, signed as standardwebhooks.com says; at least once, in order within a conversation."
        body CreateWebhook,
        => [created("Made; the secret is shown this once.", schema::<WebhookWithSecret>), ok("It stood already.", schema::<WebhookWithSecret>)],
        webhooks::create;
    GET "/v1/webhooks" "list_webhooks" Token "A user's outgoing webhooks, at most 20."
        query &[USER], => [ok("All of them.", schema::<Page<Webhook>>)], webhooks::list;
    GET "/v1/webhooks/{id}" "get_webhook" Token "One outgoing webhook."
        => [ok("The webhook.", schema::<Webhook>)], webhooks::get;
    DELETE "/v1/webhooks/{id}" "delete_webhook" Token "Ends an outgoing webhook."
        => [DONE], webhooks::delete;
    POST "/v1/webhooks/{id}/secret" "rotate_webhook_secret" Token
        "Gives an outgoing webhook another secret, and lets it deliver again after a 410. For 24 hours the old secret signs too."
        => [ok("The secret is shown this once.", schema::<WebhookWithSecret>)], webhooks::rotate;
    GET "/v1/webhooks/{id}/deliveries" "list_deliveries" Token "What this node delivered or tried of late, newest first, at most 50."
        => [ok("All of them.", schema::<Page<Delivery>>)], webhooks::deliveries;
    GET "/v1/webhooks/{id}/dead_letters" "list_dead_letters" Token "What was given up, oldest first; the newest 1000 are kept."
        query PAGE, => [ok("A page.", schema::<Page<Delivery>>)], webhooks::dead_letters;
    POST "/v1/webhooks/{id}/redeliver" "redeliver" Token "Posts one event again, once."
        body Redeliver, => [ok("What became of it.", schema::<Delivery>)], webhooks::redeliver;
    POST "/v1/hooks" "create_hook" Token "Makes an incoming webhook: whoever has its secret posts as a bot of one's own into one conversation."
        body CreateHook,
        => [created("Made; the secret is shown this once.", schema::<HookWithSecret>), ok("It stood already.", schema::<HookWithSecret>)],
        hooks::create;
    GET "/v1/hooks" "list_hooks" Token "A bot's incoming webhooks."
        query &[BOT], => [ok("All of them.", schema::<Page<Hook>>)], hooks::list;
    POST "/v1/hooks/{id}" "post_to_hook" Nothing
        "Posts a message. `Authorization: Bearer <secret>`, or `webhook-id`, `webhook-timestamp` and `webhook-signature`; the id or `Idempotency-Key` makes a repeat the same message."
        body HookMessage, => [created("Stored.", schema::<Appended>), ok("It stood already.", schema::<Appended>)], hooks::receive;
    DELETE "/v1/hooks/{id}" "delete_hook" Token "Ends an incoming webhook."
        => [DONE], hooks::delete;
    POST "/v1/hooks/{id}/secret" "rotate_hook_secret" Token "Gives an incoming webhook another secret; the old one ends at once."
        => [ok("The secret is shown this once.", schema::<HookWithSecret>)], hooks::rotate;
    GET "/v1/admin/node" "admin_node" Operator "Who asks, and what answers."
        => [ok("It.", schema::<NodeFacts>)], admin::node;
    GET "/v1/admin/users/{id}" "admin_user" Operator "A user by id or exact name, with connections to this node."
        => [ok("The user.", schema::<UserDetails>)], admin::user;
    POST "/v1/admin/users/{id}/kick" "admin_kick" Operator "Ends a user's connections to this node, or one of them."
        body Kick, => [ok("Ended.", schema::<Kicked>)], admin::kick;
    POST "/v1/admin/users/{id}/revoke" "admin_revoke" Operator "Ends all sessions of a user, their tokens and their connections to this node."
        => [ok("Ended.", schema::<Kicked>)], admin::revoke;
    POST "/v1/admin/users/{id}/mute" "admin_mute" Operator "Lets a user say nothing for a time: what they send is refused as `forbidden`."
        body Mute, => [ok("Muted.", schema::<Muted>)], admin::mute;
    DELETE "/v1/admin/users/{id}/mute" "admin_unmute" Operator "Lets a user speak again."
        => [DONE], admin::unmute;
    GET "/v1/admin/conversations/{id}" "admin_conversation" Operator "A conversation by id, without what is said there."
        => [ok("The conversation.", schema::<ConversationDetails>)], admin::conversation;
    GET "/v1/admin/config" "admin_config" Operator "The effective configuration, secrets masked."
        => [ok("The configuration.", schema::<Configuration>)], admin::config;
    GET "/v1/admin/log" "admin_log" Operator "The newest log lines of this node."
        query &[LEVEL, TEXT, LATER], => [ok("Lines.", schema::<LogPage>)], admin::log;
    GET "/admin" "console" Nothing "The operators' console; its parts lie beside it."
        => [Success { status: 200, about: "A page.", body: None }], assets::console;
    GET "/admin/feed" "admin_feed" Nothing
        "The console's live feed, by WebSocket upgrade: `FeedAuth` first, or the subprotocol `rialto.<token>`, then `FeedHistory` and a `FeedSample` each second."
        => [Success { status: 101, about: "Switched.", body: Some(schema::<FeedMessage>) }], live::open;
    GET "/connection/websocket" "websocket" Nothing "The client protocol, by WebSocket upgrade."
        => [Success { status: 101, about: "Switched.", body: None }], health::upgrade_required;
    GET "/health/live" "live" Nothing "Whether the process runs."
        => [ok("It does.", schema::<LiveBody>)], health::live;
    GET "/health/ready" "ready" Nothing "Whether the node takes work; 503 when not."
        => [ok("It does.", schema::<ReadyBody>)], health::ready;
    GET "/metrics" "metrics" Nothing "Prometheus text."
        => [Success { status: 200, about: "All metrics.", body: None }], health::metrics;
    GET "/openapi.json" "openapi" Nothing "This description."
        => [Success { status: 200, about: "OpenAPI 3.1.", body: None }], docs::openapi;
    GET "/docs" "docs" Nothing "This description, for people."
        => [Success { status: 200, about: "A page.", body: None }], docs::page;
    GET "/docs/docs.js" "docs_script" Nothing "The script of that page."
        => [Success { status: 200, about: "A script.", body: None }], docs::script;
    GET "/docs/docs.css" "docs_style" Nothing "The style of that page."
        => [Success { status: 200, about: "A style sheet.", body: None }], docs::style;
    GET "/" "web_app" Nothing "The web app; its parts lie beside it."
        => [Success { status: 200, about: "A page.", body: None }], assets::index;
}

/// The resources of all calls, each path once, with `method_not_allowed` for the rest.
pub(super) fn resources() -> Vec<Resource> {
    let mut paths: Vec<&'static str> = Vec::new();
    for endpoint in ENDPOINTS {
        if !paths.contains(&endpoint.path) {
            paths.push(endpoint.path);
        }
    }
    paths.into_iter().map(resource).collect()
}

fn resource(path: &'static str) -> Resource {
    let mut resource = web::resource(path);
    let mut methods: Vec<&str> = Vec::new();
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.path == path) {
        let route = if endpoint.method == Method::GET {
            methods.extend(["GET", "HEAD"]);
            web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
        } else {
            methods.push(endpoint.method.as_str());
            web::method(endpoint.method.clone())
        };
        resource = resource.route((endpoint.register)(route));
    }
    let allow = methods.join(", ");
    resource.default_service(web::to(move || std::future::ready(Err::<String, Problem>(Problem::method_not_allowed(allow.clone())))))
}
