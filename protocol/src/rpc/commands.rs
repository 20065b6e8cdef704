//! Slash commands: what a bot says that it understands, so that people's clients can complete it.

use serde::{Deserialize, Serialize};

use crate::code::{ErrorCode, Refusal};
use crate::id::UserId;
use crate::limits::{
    COMMAND_CHOICES_MAX, COMMAND_DESCRIPTION_BYTES_MAX, COMMAND_NAME_BYTES_MAX, COMMAND_OPTIONS_MAX, COMMANDS_BYTES_MAX,
    COMMANDS_PER_BOT_MAX,
};

/// How an option is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum OptionKind {
    /// One word, or several in quotes.
    Text,
    /// Everything that is left.
    Rest,
    /// Everything that is left, word by word.
    List,
    Integer,
    Number,
    /// Yes or no.
    Flag,
    /// One of `choices`.
    Choice,
    /// A user name.
    User,
}

bodies! {
    /// One option of a command, in the order in which it is written.
    CommandOption {
        /// Unique in its command: 1 to 32 letters, digits, `_`, `-`.
        name: String,
        /// For people, at most 200 bytes.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        description: String,
        /// How it is written.
        kind: OptionKind,
        /// Whether it must be given.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        required: bool,
        /// The words of a choice, at most 25.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        choices: Vec<String>,
    }
    /// One command of a bot.
    BotCommand {
        /// What is written behind the `/`, unique in its bot: 1 to 32 lower-case letters, digits, `_`, `-`.
        name: String,
        /// For people, at most 200 bytes.
        #[serde(default)]
        description: String,
        /// Its options, at most 16.
        #[serde(default)]
        options: Vec<CommandOption>,
    }
    /// `bot.set_commands`, `PUT /v1/bots/{id}/commands`: replaces all of the bot's commands, at most 100.
    SetCommands {
        /// All of them; none takes them away.
        commands: Vec<BotCommand>,
    }
    /// A command that works in a conversation.
    Command {
        /// Whose it is.
        bot: UserId,
        /// What is written behind the `/`.
        name: String,
        /// For people.
        description: String,
        /// Its options.
        options: Vec<CommandOption>,
    }
}

pub(super) fn check(set: &SetCommands) -> Result<(), Refusal> {
    if set.commands.len() > COMMANDS_PER_BOT_MAX {
        return Err(Refusal::because(ErrorCode::TooLarge, "a bot has at most 100 commands"));
    }
    let bytes: usize = set.commands.iter().map(BotCommand::bytes).sum();
    if bytes > COMMANDS_BYTES_MAX {
        return Err(Refusal::because(ErrorCode::TooLarge, "the commands of a bot have at most 32 KiB"));
    }
    for (place, command) in set.commands.iter().enumerate() {
        command.check()?;
        if set.commands[..place].iter().any(|other| other.name == command.name) {
            return invalid(format!("the command {} is there twice", command.name));
        }
    }
    Ok(())
}

impl BotCommand {
    fn bytes(&self) -> usize {
        let of_option = |option: &CommandOption| {
            option.name.len() + option.description.len() + option.choices.iter().map(|choice| choice.len() + 4).sum::<usize>() + 64
        };
        self.name.len() + self.description.len() + self.options.iter().map(of_option).sum::<usize>() + 64
    }

    fn check(&self) -> Result<(), Refusal> {
        if !is_name(&self.name) || self.name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return invalid("a command's name has 1 to 32 lower-case letters, digits, _ or -");
        }
        check_description(&self.description)?;
        if self.options.len() > COMMAND_OPTIONS_MAX {
            return invalid(format!("the command {} has more than 16 options", self.name));
        }
        for (place, option) in self.options.iter().enumerate() {
            option.check()?;
            if self.options[..place].iter().any(|other| other.name == option.name) {
                return invalid(format!("the command {} has the option {} twice", self.name, option.name));
            }
        }
        Ok(())
    }
}

impl CommandOption {
    fn check(&self) -> Result<(), Refusal> {
        if !is_name(&self.name) {
            return invalid("an option's name has 1 to 32 letters, digits, _ or -");
        }
        check_description(&self.description)?;
        let is_word = |choice: &String| (1..=COMMAND_NAME_BYTES_MAX * 2).contains(&choice.len()) && !choice.chars().any(char::is_control);
        let fits = match self.kind {
            OptionKind::Choice => !self.choices.is_empty() && self.choices.len() <= COMMAND_CHOICES_MAX && self.choices.iter().all(is_word),
            _ => self.choices.is_empty(),
        };
        if fits { Ok(()) } else { invalid(format!("the option {} is a choice of 1 to 25 words, or has none", self.name)) }
    }
}

fn is_name(name: &str) -> bool {
    (1..=COMMAND_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

fn check_description(description: &str) -> Result<(), Refusal> {
    if description.len() > COMMAND_DESCRIPTION_BYTES_MAX || description.chars().any(char::is_control) {
        return invalid("a description has at most 200 bytes on one line");
    }
    Ok(())
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Result<(), Refusal> {
    Err(Refusal::because(ErrorCode::InvalidArgument, detail))
}
