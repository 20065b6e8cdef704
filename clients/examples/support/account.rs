//! Who an example bot is: `RIALTO_TOKEN` of a bot's account, else a user name and a password.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use rialto_client::Client;
use rialto_client::http::Http;

#[derive(clap::Parser)]
struct Arguments {
    /// Where the server listens, may be given several times; otherwise the environment variable RIALTO_URL, or http://127.0.0.1:8080
    #[arg(long)]
    url: Vec<String>,
    /// The bot's user name; not needed with RIALTO_TOKEN
    #[arg(long)]
    user: Option<String>,
    /// A file with its password; otherwise the environment variable RIALTO_PASSWORD
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// Make the account if there is none
    #[arg(long)]
    register: bool,
}

/// A client for what the command line and the environment say.
pub(crate) async fn client(default_user: &str) -> Result<Client> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let mut arguments = Arguments::parse();
    if arguments.url.is_empty() {
        arguments.url.push(std::env::var("RIALTO_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned()));
    }
    if let Ok(token) = std::env::var("RIALTO_TOKEN") {
        return Ok(Client::builder(arguments.url).token(token).start()?.0);
    }
    let password = match &arguments.password_file {
        Some(file) => std::fs::read_to_string(file).context("read the password file")?.trim_end().to_owned(),
        None => std::env::var("RIALTO_PASSWORD").context("set RIALTO_TOKEN, or give --password-file or RIALTO_PASSWORD")?,
    };
    let user = arguments.user.as_deref().unwrap_or(default_user);
    let http = Http::new(arguments.url.first().context("give --url")?)?;
    let session = match arguments.register {
        true => http.register_or_login(user, &password).await?,
        false => http.login(user, &password).await?,
    };
    Ok(Client::builder(arguments.url).token(session.token_source()).start()?.0)
}
