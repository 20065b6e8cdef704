//! What the command line takes. The doc comments are its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

/// A real-time collaboration server: chat, topics and bots over WebSocket and HTTP.
#[derive(Parser)]
#[command(name = "rialto", disable_version_flag = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) shared: Shared,
    /// Without one: serve
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Args)]
pub(super) struct Shared {
    /// Folder of store, keys and control socket
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Configuration file; else config/dev.toml, else built-in development defaults
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Sets one key; repeatable; wins over file and environment
    #[arg(long, global = true, value_name = "section.key=value")]
    pub(super) set: Vec<String>,
    /// Address and port to serve on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", global = true)]
    pub(super) listen: Option<String>,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Run a node
    Serve,
    /// Validate the configuration and warn about development switches
    CheckConfig,
    /// Print the effective configuration, secrets masked
    PrintConfig,
    /// Print an access token
    Token {
        /// The user's id
        #[arg(long)]
        user: Uuid,
        /// Seconds that it lives
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=31_622_400))]
        ttl: Option<u64>,
        /// user, bot, operator or admin
        #[arg(long, default_value = "user")]
        role: String,
    },
    /// Manage users
    #[command(subcommand)]
    User(UserCommand),
    /// Manage bots
    #[command(subcommand)]
    Bot(BotCommand),
    /// Manage our own signing keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Prepare the store's tables
    Migrate,
    /// Write a backup into a new folder, while serving
    Backup {
        /// Must be absent or empty
        folder: PathBuf,
    },
    /// Make a store out of a backup; no node may serve it
    Restore {
        /// The backup
        folder: PathBuf,
    },
    /// Check the store
    Verify,
    /// Look at the cluster
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Print the version
    Version,
}

#[derive(Subcommand)]
pub(super) enum UserCommand {
    /// Add a user; the password comes from standard input
    Add {
        /// 3 to 32 letters, digits, '_', '.', '-'
        name: String,
        /// user, bot, operator or admin
        #[arg(long, default_value = "user")]
        role: String,
        /// Read the password from this file
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Replace a password and end all sessions; the password comes from standard input
    Passwd {
        /// Whose
        name: String,
        /// Read the password from this file
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Change a role and end all sessions
    Role {
        /// Whose
        name: String,
        /// user, bot, operator or admin
        role: String,
    },
}

#[derive(Subcommand)]
pub(super) enum BotCommand {
    /// Make a bot, or another token for one; prints the token once
    Add {
        /// 3 to 32 letters, digits, '_', '.', '-'
        name: String,
        /// Methods that it may call, such as conversation.send or conversation.*
        #[arg(long, value_delimiter = ',', required = true)]
        scopes: Vec<String>,
        /// Seconds that the token lives; for ever when absent
        #[arg(long, value_name = "SECONDS")]
        ttl: Option<u64>,
    },
    /// End a bot token
    Revoke {
        /// The 32 digits behind rlt_bot_
        token_id: Uuid,
    },
}

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Make a new key that signs; tokens of the old ones stay valid
    Rotate,
}

#[derive(Subcommand)]
pub(super) enum ClusterCommand {
    /// Show nodes and shards
    Status,
    /// Move everything off a node
    Drain {
        /// Its name
        node: String,
    },
}
