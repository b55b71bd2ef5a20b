//! `crm up`: start, life and end of the whole suite in one process.
//!
//! Start: the database, the services, the gateway. End: the gateway first, so that what it still serves finds its services; then the
//! services; then the database. A database that is killed is started again; when it will not stay up, the suite ends.

mod database;
pub mod private_file;
mod secrets;
mod suite;
mod welcome;

use std::{io, net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use crm_kit_pg::server::{DatabaseNames, FolderState, ServerError, folder_state};
use crm_kit_rpc::{
    lifecycle,
    telemetry::{LogFormat, PrometheusHandle, install_filtered},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    database::Database,
    suite::{Ground, Suite},
};
use crate::{
    cli::Up,
    failure::{Failure, Result},
    terminal,
};

/// What is logged unless `RUST_LOG` says otherwise: a terminal is no place for a line per request.
const LOG: &str = "warn,sqlx=error";

const PLATFORM: DatabaseNames<'_> =
    DatabaseNames { name: "crm_platform", owner: "crm_platform_owner", role: "crm_platform" };
const CUSTOMER: DatabaseNames<'_> =
    DatabaseNames { name: "crm_customer", owner: "crm_customer_owner", role: "crm_customer" };
const SALES: DatabaseNames<'_> =
    DatabaseNames { name: "crm_sales", owner: "crm_sales_owner", role: "crm_sales" };

/// Databases of all services.
pub const DATABASES: [DatabaseNames<'_>; 3] = [PLATFORM, CUSTOMER, SALES];

/// Runs the suite until a signal.
pub async fn run(options: Up) -> Result<ExitCode> {
    let metrics = install_filtered(LogFormat::Text, LOG)?;
    if let FolderState::InUse { pid } = folder_state(&options.data)? {
        let folder = options.data.canonicalize().unwrap_or_else(|_| options.data.clone());
        return Err(ServerError::AlreadyRunning { folder, pid }.into());
    }
    let listener = bind(options.listen).await?;
    let database = Arc::new(Database::open(&options).await?);
    let outcome = tokio::select! {
        outcome = Box::pin(live(&options, &database, listener, metrics)) => outcome,
        outcome = second_signal() => outcome,
    };
    let stopped = database.stop().await;
    outcome?;
    stopped?;
    Ok(ExitCode::SUCCESS)
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            Failure::new(format!("{address} is in use: choose another with --listen"))
        }
        _ => Failure::new(format!("cannot listen on {address}: {error}")),
    })
}

/// Builds the suite, serves, and ends the services once the gateway needs them no more.
async fn live(
    options: &Up,
    database: &Arc<Database>,
    listener: TcpListener,
    metrics: PrometheusHandle,
) -> Result<()> {
    let (tasks, end) = (TaskTracker::new(), CancellationToken::new());
    let stop = lifecycle::shutdown_on_signal(&tasks)?;
    let ground = Ground {
        database: Arc::clone(database),
        folder: options.data.clone(),
        metrics,
        tasks: tasks.clone(),
        end: end.clone(),
    };
    let outcome = match Suite::build(&ground).await {
        Ok(suite) => {
            let outcome = Box::pin(serve(options, database, &suite, listener, stop.clone())).await;
            end.cancel();
            stop.cancel();
            if !lifecycle::drain(&tasks).await {
                terminal::note("some work did not end in time and was cut short");
            }
            suite.close().await;
            outcome
        }
        Err(failure) => Err(failure),
    };
    end.cancel();
    outcome
}

/// Serves until a signal, or until the database is lost for good.
async fn serve(
    options: &Up,
    database: &Database,
    suite: &Suite,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<()> {
    let address = listener.local_addr().map_err(|error| Failure::new(error.to_string()))?;
    let serving = async {
        let served = suite.gateway.serve(listener, stop.clone()).await;
        served.map_err(|error| Failure::new(format!("the gateway ended: {error}")))
    };
    let greeting = async {
        let greeted = tokio::select! {
            greeted = welcome::welcome(options, suite, address) => greeted,
            () = stop.cancelled() => Ok(()),
        };
        if greeted.is_err() {
            stop.cancel();
        }
        stop.cancelled().await;
        if greeted.is_ok() {
            terminal::note("stopping");
        }
        greeted
    };
    tokio::select! {
        (served, greeted) = async { tokio::join!(serving, greeting) } => greeted.and(served),
        outcome = database.supervise() => outcome,
    }
}

/// Ends when whoever waits for the end asks a second time.
async fn second_signal() -> Result<()> {
    lifecycle::Signals::new()?.second().await;
    Err(Failure::new("stopped at once; requests in work were cut short"))
}

/// Whether a gateway answers at an address.
pub async fn is_live(address: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET /healthz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await?;
        Ok::<_, io::Error>(&answer == b"HTTP/1.1 200")
    };
    matches!(tokio::time::timeout(Duration::from_secs(2), ask).await, Ok(Ok(true)))
}
