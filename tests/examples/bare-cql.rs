//! The bare driver as a server that `rialto-load` can load: each message is answered with itself after one conditional batch of one row, on the fence of a partition that
//! is its connection's own. No conversations, no accounts, no rows that gather: what Rialto makes of the same engine is measured against this.
//!
//! ```text
//! bare-cql [HOST:PORT]      of the engine, 127.0.0.1:9042 if none is given; the rows are in keyspace bare_cql, which is emptied at the start
//! ```
#![expect(clippy::print_stdout, reason = "the harness reads the address there")]

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use rialto_tests::note;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::response::query_result::QueryResult;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::Row;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

/// Threads that serve: as many as the CQL backend has for its requests.
const THREADS: usize = 2;
/// Times that one batch is sent: an engine with a thousand at once under way gives some up after 2 s.
const TRIES_MAX: usize = 10;
/// Made where they are absent.
const SCHEMA: [&str; 3] = [
    "CREATE KEYSPACE IF NOT EXISTS bare_cql WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TABLE IF NOT EXISTS bare_cql.log (id uuid, wseq bigint, fence uuid static, data blob, PRIMARY KEY (id, wseq))",
    "TRUNCATE bare_cql.log",
];

struct Engine {
    session: Session,
    claim: PreparedStatement,
    append: Batch,
}

impl Engine {
    async fn connect(host: &str) -> Result<Self> {
        let profile = ExecutionProfile::builder()
            .consistency(Consistency::LocalQuorum)
            .serial_consistency(Some(SerialConsistency::LocalSerial))
            .retry_policy(Arc::new(FallthroughRetryPolicy::new()));
        let builder = SessionBuilder::new().known_node(host).default_execution_profile_handle(profile.build().into_handle());
        let session = builder.build().await.with_context(|| format!("connect to {host}"))?;
        for statement in SCHEMA {
            session.query_unpaged(statement, ()).await.context("make the table")?;
        }
        let claim = session.prepare("UPDATE bare_cql.log SET fence = ? WHERE id = ? IF fence = null").await?;
        let mut append = Batch::new(BatchType::Unlogged);
        append.append_statement(session.prepare("UPDATE bare_cql.log SET fence = ? WHERE id = ? IF fence = ?").await?);
        append.append_statement(session.prepare("INSERT INTO bare_cql.log (id, wseq, data) VALUES (?, ?, ?)").await?);
        Ok(Self { session, claim, append })
    }

    /// A partition of one's own; its name is its fence.
    async fn claim(&self) -> Result<Uuid> {
        let id = Uuid::new_v4();
        is_applied(self.session.execute_unpaged(&self.claim, (id, id)).await?).map(|()| id)
    }

    /// A batch whose outcome the engine does not know is sent again, the same: nobody else has the fence.
    async fn append(&self, id: Uuid, wseq: i64, data: &[u8]) -> Result<()> {
        let mut tries = 1;
        loop {
            match self.session.batch(&self.append, ((id, id, id), (id, wseq, data))).await {
                Ok(result) => return is_applied(result),
                Err(error) if tries == TRIES_MAX => return Err(error.into()),
                Err(_) => tries += 1,
            }
        }
    }
}

fn is_applied(result: QueryResult) -> Result<()> {
    let row: Row = result.into_rows_result()?.first_row()?;
    let applied = row.columns.first().and_then(|column| column.as_ref()?.as_boolean());
    ensure!(applied == Some(true), "the engine refused a batch");
    Ok(())
}

/// Serves one connection, one batch at a time.
async fn serve(engine: Arc<Engine>, stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut socket = accept_async(stream).await?;
    let id = engine.claim().await?;
    let mut wseq = 0;
    while let Some(message) = socket.next().await {
        let message = message?;
        if let Message::Text(_) | Message::Binary(_) = &message {
            wseq += 1;
            engine.append(id, wseq, message.clone().into_data().as_ref()).await?;
            socket.send(message).await?;
        }
    }
    Ok(())
}

async fn listen(host: String) -> Result<()> {
    let engine = Arc::new(Engine::connect(&host).await?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let engine = Arc::clone(&engine);
        tokio::spawn(async move {
            // The harness counts a connection that ends as lost.
            if let Err(error) = serve(engine, stream).await {
                note(&format!("{error:#}"));
            }
        });
    }
}

fn main() -> Result<()> {
    let host = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9042".to_owned());
    tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?.block_on(listen(host))
}
