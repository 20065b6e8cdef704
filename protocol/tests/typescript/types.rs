//! Bodies, events and frames.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rialto_protocol::ErrorCode;
use rialto_protocol::event::{ConversationEvent, InboxEvent};
use rialto_protocol::reply::{ConnectResult, HistoryResult, RefreshResult, SubscribeResult};
use rialto_protocol::rpc::{
    Appended, BrowseConversations, Command, Conversation, CreateConversation, DeleteMessage, EditMessage, FindUser, GetUser, Invite,
    JoinOrLeave, ListConversations, ListMembers, ListMessages, MarkRead, Marked, Member, Message, OneConversation, Profile,
    PublicConversation, React, RemoveMember, Request, SendMessage, SetCommands, SetRole, SetSettings, SetUser,
};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::writer;

const HEAD: &str = "// Made from the protocol crate's schemas by its test `typescript`; do not edit.

/** One page of a list. */
export interface Page<T> {
  /** The items. */
  readonly items: readonly T[];
  /** Cursor of the page after this one; null at the end. */
  readonly next: string | null;
}
";

/// Each rpc method with its body and its answer.
pub(crate) const METHODS: [(&str, &str, &str); 25] = [
    ("conversation.create", "CreateConversation", "Conversation"),
    ("conversation.list", "ListConversations", "Page<Conversation>"),
    ("conversation.browse", "BrowseConversations", "Page<PublicConversation>"),
    ("conversation.get", "OneConversation", "Conversation"),
    ("conversation.members", "ListMembers", "Page<Member>"),
    ("conversation.messages", "ListMessages", "Page<Message>"),
    ("conversation.join", "JoinOrLeave", "Appended"),
    ("conversation.leave", "JoinOrLeave", "Appended"),
    ("conversation.invite", "Invite", "Appended"),
    ("conversation.remove", "RemoveMember", "Appended"),
    ("conversation.set_role", "SetRole", "Appended"),
    ("conversation.set", "SetSettings", "Appended"),
    ("conversation.send", "SendMessage", "Appended"),
    ("conversation.edit", "EditMessage", "Appended"),
    ("conversation.delete", "DeleteMessage", "Appended"),
    ("conversation.react", "React", "Appended"),
    ("conversation.unreact", "React", "Appended"),
    ("conversation.mark_read", "MarkRead", "Marked"),
    ("conversation.typing", "OneConversation", "Record<string, never>"),
    ("conversation.commands", "OneConversation", "Page<Command>"),
    ("bot.set_commands", "SetCommands", "Record<string, never>"),
    ("user.me", "Record<string, never>", "Profile"),
    ("user.get", "GetUser", "Profile"),
    ("user.find", "FindUser", "Profile"),
    ("user.set", "SetUser", "Profile"),
];

macro_rules! definitions {
    ($settings:expr, $($type:ty),* $(,)?) => {{
        let mut generator: SchemaGenerator = $settings.into_generator();
        $( generator.subschema_for::<$type>(); )*
        generator.take_definitions(true)
    }};
}

/// `types.ts`.
pub(crate) fn text() -> String {
    let mut out = HEAD.to_owned();
    for (name, schema) in schemas() {
        writer::definition(&mut out, &name, &schema);
    }
    out.push_str("\n/** Every rpc method with its body and its answer. */\nexport interface Methods {\n");
    for (method, body, answer) in METHODS {
        let is_unknown = Request::parse(method, "{}").is_err_and(|refusal| refusal.code == ErrorCode::MethodNotFound);
        assert!(!is_unknown, "{method} is no method");
        writeln!(out, "  readonly '{method}': {{ readonly body: {body}; readonly answer: {answer} }};").expect("a string takes everything");
    }
    out.push_str("}\n");
    out
}

/// What a caller may leave out of a request, and what a server leaves out of an answer, are two things: each side has a contract of its own.
pub(crate) fn schemas() -> BTreeMap<String, Value> {
    let requests = definitions!(
        SchemaSettings::draft2020_12().for_deserialize(),
        CreateConversation,
        ListConversations,
        BrowseConversations,
        OneConversation,
        ListMembers,
        ListMessages,
        SendMessage,
        EditMessage,
        DeleteMessage,
        React,
        MarkRead,
        JoinOrLeave,
        Invite,
        RemoveMember,
        SetRole,
        SetSettings,
        SetCommands,
        GetUser,
        FindUser,
        SetUser,
    );
    let answers = definitions!(
        SchemaSettings::draft2020_12().for_serialize(),
        Appended,
        Conversation,
        PublicConversation,
        Member,
        Marked,
        Message,
        Profile,
        Command,
        ConversationEvent,
        InboxEvent,
        ConnectResult,
        SubscribeResult,
        HistoryResult,
        RefreshResult,
    );
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    for (name, schema) in requests.into_iter().chain(answers) {
        if let Some(other) = all.insert(name.clone(), schema.clone()) {
            assert_eq!(other, schema, "{name} is the same in requests and answers");
        }
    }
    all
}

/// The `type` words of a union of events.
pub(crate) fn tags(union: &str) -> Vec<String> {
    let variants = schemas()[union]["oneOf"].as_array().cloned().expect("a union has variants");
    variants.iter().map(|variant| variant["properties"]["type"]["const"].as_str().expect("a variant has a tag").to_owned()).collect()
}
