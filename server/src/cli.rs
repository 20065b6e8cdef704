//! The command line.

mod arguments;
pub mod control;
mod operation;
mod password;
mod store_commands;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use rialto_actors::accounts::token::{Grant, sign};
use rialto_actors::accounts::{role_of_word, time_of};
use rialto_actors::kernel::Clock;
use rialto_protocol::UserId;
use uuid::Uuid;

use crate::app;
use crate::app::failure::{Exit, Failure};
use crate::config::{self, Config, Origin};
use arguments::{BotCommand, Cli, ClusterCommand, Command, KeysCommand, Shared, UserCommand};
use operation::Operation;

/// Serves a node until it is told to stop.
pub type Serve = fn(Config) -> Result<(), Failure>;

/// Runs the command that the arguments name; `serve` is what `rialto serve` does.
#[must_use]
pub fn run(serve: Serve) -> ExitCode {
    // Bad usage ends here, with exit code 2 and a hint.
    let cli = Cli::parse();
    match perform(cli, serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // When standard error is closed there is nobody to tell.
            let _unheard = writeln!(std::io::stderr(), "rialto: {failure}");
            failure.code()
        }
    }
}

fn perform(cli: Cli, serve: Serve) -> Result<(), Failure> {
    let Cli { shared, command } = cli;
    match command.unwrap_or(Command::Serve) {
        Command::Serve => serve(load(&shared)?),
        Command::CheckConfig => check_config(&load(&shared)?),
        Command::PrintConfig => say(load(&shared)?.effective.to_print().trim_end()),
        Command::Token { user, ttl, role } => token(&load(&shared)?, user, ttl, &role),
        Command::User(command) => user(&load(&shared)?, command),
        Command::Bot(command) => bot(&load(&shared)?, command),
        Command::Keys(KeysCommand::Rotate) => rotate_keys(&load(&shared)?),
        Command::Migrate => store_commands::migrate(&load(&shared)?),
        Command::Backup { folder } => store_commands::backup(&load(&shared)?, &folder),
        Command::Restore { folder } => store_commands::restore(&load(&shared)?, &folder),
        Command::Verify => store_commands::verify(&load(&shared)?),
        Command::Cluster(command) => cluster(&load(&shared)?, &command),
        Command::Version => say(&format!("rialto {}", env!("CARGO_PKG_VERSION"))),
    }
}

fn load(shared: &Shared) -> Result<Config, Failure> {
    let text = |text: std::ffi::OsString| text.into_string().ok();
    let env = std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect();
    let origin =
        Origin { file: shared.config.clone(), env, set: shared.set.clone(), data: shared.data.clone(), listen: shared.listen.clone() };
    Ok(config::load(&origin)?)
}

/// A line for whoever called.
fn say(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| Failure::new(Exit::Failed, format!("write to standard output: {error}")))
}

fn check_config(config: &Config) -> Result<(), Failure> {
    for warning in &config.warnings {
        say(&format!("warning: {warning}"))?;
    }
    say("the configuration is valid")
}

fn token(config: &Config, user: Uuid, ttl_s: Option<u64>, role: &str) -> Result<(), Failure> {
    let role = role_of_word(role).ok_or_else(|| Failure::new(Exit::Usage, "a role is user, bot, operator or admin"))?;
    let now = time_of(Clock::new(Clock::process_start()));
    app::keys::make_folder(&config.data_dir)?;
    let keys = store_commands::runtime()?.block_on(app::key_ring(config, &now))?;
    let grant = Grant {
        user: UserId(user),
        role,
        jti: Uuid::new_v4().to_string(),
        issued_s: now().wall_ms / 1000,
        ttl_s: ttl_s.unwrap_or(config.auth.settings.access_ttl_s),
    };
    say(&sign(&keys, &grant))
}

fn user(config: &Config, command: UserCommand) -> Result<(), Failure> {
    let operation = match command {
        UserCommand::Add { name, role, password_file } => {
            Operation::UserAdd { name, role, password: password::read(password_file.as_deref())? }
        }
        UserCommand::Passwd { name, password_file } => Operation::UserPasswd { name, password: password::read(password_file.as_deref())? },
        UserCommand::Role { name, role } => Operation::UserRole { name, role },
    };
    say(&store_commands::reach(config, operation)?)
}

fn bot(config: &Config, command: BotCommand) -> Result<(), Failure> {
    let operation = match command {
        BotCommand::Add { name, scopes, ttl } => Operation::BotAdd { name, scopes, ttl_s: ttl },
        BotCommand::Revoke { token_id } => Operation::BotRevoke { token_id },
    };
    say(&store_commands::reach(config, operation)?)
}

fn rotate_keys(config: &Config) -> Result<(), Failure> {
    let now = time_of(Clock::new(Clock::process_start()));
    app::keys::make_folder(&config.data_dir)?;
    let kid = store_commands::runtime()?.block_on(app::rotate_keys(config, &now))?;
    if store_commands::tell_node(config, Operation::KeysReload)?.is_some() {
        return say(&format!("key {kid} signs from now on, the node uses it already"));
    }
    say(&format!("key {kid} signs from the next start on"))
}

fn cluster(config: &Config, command: &ClusterCommand) -> Result<(), Failure> {
    let what = match command {
        ClusterCommand::Status => "cluster status",
        ClusterCommand::Drain { .. } => "cluster drain",
    };
    let store = &config.effective.store.kind;
    Err(Failure::new(Exit::Failed, format!("not_configured: {what} needs a cluster, and store.kind = {store:?} is one node")))
}
