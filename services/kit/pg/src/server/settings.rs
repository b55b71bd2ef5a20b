//! How the server is set up: small enough for a laptop, and the caller's own settings win.

use std::ffi::OsString;

use super::error::ServerError;
use super::init::Prepared;

/// The launcher's own business.
const RESERVED: [&str; 6] = [
    "unix_socket_directories",
    "data_directory",
    "external_pid_file",
    "hba_file",
    "config_file",
    "log_directory",
];

const ALWAYS: [(&str, &str); 22] = [
    ("listen_addresses", ""), // the Unix socket only
    ("cluster_name", "crm"),
    ("max_connections", "200"),
    ("shared_buffers", "256MB"),
    ("effective_cache_size", "1GB"),
    ("work_mem", "16MB"),
    ("maintenance_work_mem", "128MB"),
    ("random_page_cost", "1.1"), // solid-state disks
    ("jit", "off"),              // costs more than it gains on short statements
    ("max_wal_size", "1GB"),
    ("min_wal_size", "128MB"),
    ("checkpoint_timeout", "15min"),
    ("idle_in_transaction_session_timeout", "60s"), // one stuck transaction holds back every event feed
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("logging_collector", "on"),
    ("log_directory", "../log"),
    ("log_filename", "server-%Y%m%d-%H%M%S.log"),
    ("log_rotation_size", "10MB"),
    ("log_rotation_age", "0"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
    ("log_checkpoints", "off"),
];

/// An answered commit survives the loss of power.
const DURABLE: [(&str, &str); 3] =
    [("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on")];

/// For tests only: a crash of the machine loses the cluster.
const FAST: [(&str, &str); 6] = [
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("shared_buffers", "128MB"),
];

/// Settings PostgreSQL would reject as names, or which would cut us off from the server.
pub(super) fn check(settings: &[(String, String)]) -> Result<(), ServerError> {
    for (name, value) in settings {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if name.is_empty() || !name.chars().all(word) || value.contains('\0') {
            return Err(ServerError::Setting(format!("not a PostgreSQL setting: {name}")));
        }
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(ServerError::Setting(format!("{name} is set by the launcher and cannot be changed")));
        }
    }
    Ok(())
}

/// `-c name=value ..`; later ones win, so the caller's come last.
pub(super) fn arguments(prepared: &Prepared) -> Vec<OsString> {
    let mode: &[(&str, &str)] = if prepared.options.durable { &DURABLE } else { &FAST };
    let compression = [("wal_compression", prepared.wal_compression)];
    let own =
        ALWAYS.iter().chain(mode).chain(&compression).map(|(name, value)| format!("{name}={value}").into());
    let theirs = prepared.options.settings.iter().map(|(name, value)| format!("{name}={value}").into());
    let mut socket = OsString::from("unix_socket_directories=");
    socket.push(&prepared.socket_folder);
    own.chain(theirs).chain([socket]).flat_map(|setting| [OsString::from("-c"), setting]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_would_cut_us_off_or_are_no_names_are_refused() {
        let check_one = |name: &str| check(&[(name.to_owned(), "x".to_owned())]);
        for name in ["Unix_Socket_Directories", "hba_file", "", "a b", "x=y"] {
            assert!(check_one(name).is_err(), "{name}");
        }
        for name in ["shared_buffers", "auto_explain.log_min_duration"] {
            assert!(check_one(name).is_ok(), "{name}");
        }
    }
}
