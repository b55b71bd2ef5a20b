//! The data folder: layout, ownership, the lock, first initialisation.
//!
//! ```text
//! <data_dir>/          0700, or as root 0710 root:<server's group>, so the server cannot alter our files
//!   lock               held while a launcher is alive; its pid
//!   credentials        0600, ours
//!   start.log          what the server says before its own log opens
//!   cluster/           PostgreSQL's data, 0700, the server's account
//!   cluster.new-<pid>/ initdb at work; left over only if it was interrupted
//!   log/  run/         the server's log files; the socket, when its path is short enough
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::Options;
use super::credentials::{Credentials, sync_parent, write_private};
use super::error::ServerError;
use super::find::{Account, Binaries, setpriv};

pub(super) const SUPERUSER: &str = "postgres";

/// `sun_path` holds 104 bytes with the final NUL on macOS and 108 on Linux.
const SOCKET_PATH_MAX: usize = 103;

/// Everything a launch needs. The lock is held as long as this lives.
#[derive(Debug)]
pub(super) struct Prepared {
    pub folder: PathBuf,
    pub socket_folder: PathBuf,
    pub port: u16,
    pub account: Account,
    pub binaries: Binaries,
    pub setpriv: Option<PathBuf>,
    pub credentials: Credentials,
    pub options: Options,
    /// How full pages are compressed in the log.
    pub wal_compression: &'static str,
    #[expect(dead_code, reason = "held, not read")]
    lock: Lock,
}

/// The folder's lock file, locked.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    /// Closing would not do: a child of another thread, forked and not yet executed, holds a copy.
    fn drop(&mut self) {
        let _ = self.0.unlock(); // closing comes next
    }
}

impl Prepared {
    /// Blocks: run it off the async threads.
    pub fn new(options: Options) -> Result<Self, ServerError> {
        let port = port(&options)?;
        let folder = open_folder(&options.data_dir)?;
        let lock = lock(&folder)?;
        let cluster = folder.join("cluster");
        let owner = fs::metadata(&cluster).ok().map(|metadata| metadata.uid());
        let account = Account::choose(owner)?;
        if let Some(owner) = owner.filter(|owner| *owner != account.uid) {
            let problem = format!("its data belongs to uid {owner}, and we are uid {}", account.uid);
            return Err(ServerError::folder(&folder, problem));
        }
        let setpriv = setpriv();
        own_folder(&folder, &account)?;
        check_reachable(&folder, &account, setpriv.as_deref())?;
        for name in ["log", "run"] {
            give_folder(&folder.join(name), &account)?;
        }
        let data = existing_version(&cluster)?;
        let binaries = Binaries::find(options.bin_dir.as_deref(), data)?;
        let credentials = Credentials::open(folder.join("credentials"))?;
        let socket_folder = socket_folder(&folder, port, &account)?;
        let mut prepared = Self {
            folder,
            socket_folder,
            port,
            account,
            binaries,
            setpriv,
            credentials,
            options,
            wal_compression: "on",
            lock,
        };
        if data.is_none() {
            prepared.initialise()?;
        } else if prepared.credentials.get(SUPERUSER).is_none() {
            let problem = "the file with the database passwords is missing; restore it from a backup";
            return Err(ServerError::folder(&prepared.folder.join("credentials"), problem));
        }
        prepared.sweep();
        if prepared.knows("wal_compression=lz4") {
            prepared.wal_compression = "lz4";
        }
        Ok(prepared)
    }

    /// Whether the server takes a setting, which depends on how it was built.
    fn knows(&self, setting: &str) -> bool {
        let program = self.binaries.folder.join("postgres");
        let mut command = self.account.command(self.setpriv.as_deref(), "KILL", &program);
        command.arg("-D").arg(self.cluster()).args(["-c", setting, "-C", "wal_compression"]);
        command.output().is_ok_and(|output| output.status.success())
    }

    pub fn cluster(&self) -> PathBuf {
        self.folder.join("cluster")
    }

    /// Works in a sibling and renames it last, so a folder named `cluster` is always complete.
    fn initialise(&self) -> Result<(), ServerError> {
        self.sweep();
        // The pid keeps it apart from an interrupted initdb which has not noticed yet.
        let fresh = self.folder.join(format!("cluster.new-{}", std::process::id()));
        let password_file = self.folder.join("password.new");
        let (password, _) = self.credentials.get_or_create(SUPERUSER)?;
        let written = write_private(&password_file, &password)
            .and_then(|file| fchown(&file, Some(self.account.uid), Some(self.account.gid)));
        written.map_err(ServerError::io("write", &password_file))?;
        let mut result = Ok(());
        // Collation C: byte order, the same everywhere. But character classes must be Unicode's: with
        // LC_CTYPE C, pg_trgm sees no letters in Chinese text, and ILIKE folds only ASCII.
        for character_type in ["C.UTF-8", "en_US.UTF-8", "UTF-8"] {
            remove_folder(&fresh)?;
            give_folder(&fresh, &self.account)?;
            result = self.initdb(&fresh, &password_file, character_type);
            if !matches!(&result, Err(ServerError::Init { log }) if log.contains("invalid locale")) {
                break;
            }
        }
        fs::remove_file(&password_file).map_err(ServerError::io("remove", &password_file))?;
        result?;
        fs::rename(&fresh, self.cluster()).map_err(ServerError::io("rename", &fresh))?;
        sync_parent(&fresh)
    }

    /// Removes what interrupted initialisations left; what does not go now goes another time.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(b"cluster.new-") {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    fn initdb(&self, fresh: &Path, password_file: &Path, character_type: &str) -> Result<(), ServerError> {
        let program = self.binaries.folder.join("initdb");
        let mut command = self.account.command(self.setpriv.as_deref(), "KILL", &program);
        command.arg("-D").arg(fresh).arg("--pwfile").arg(password_file);
        command.args(["--username", SUPERUSER, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]);
        command.args(["--lc-ctype", character_type, "--data-checksums"]);
        if !self.options.durable {
            command.arg("--no-sync");
        }
        let output = command.output().map_err(ServerError::io("run", &program))?;
        if output.status.success() {
            return Ok(());
        }
        let log = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(ServerError::Init { log: if log.is_empty() { output.status.to_string() } else { log } })
    }
}

/// The port only names the socket file, unless the settings also ask for TCP.
fn port(options: &Options) -> Result<u16, ServerError> {
    let value = options.settings.iter().rev().find(|(name, _)| name == "port");
    value.map_or(Ok(5432), |(_, value)| {
        value.parse().map_err(|_| ServerError::Setting(format!("the setting port is not a port: {value}")))
    })
}

/// Creates the folder, or accepts an empty one, or one of ours (it has a `lock`): never takes over others.
pub(super) fn open_folder(path: &Path) -> Result<PathBuf, ServerError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(ServerError::io("create", parent))?; // open: the server passes through
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(ServerError::io("create", path)(error));
        }
        _ => {}
    }
    let folder = fs::canonicalize(path).map_err(ServerError::io("open", path))?;
    if folder.join("PG_VERSION").exists() {
        let problem = "it is a PostgreSQL data folder made by something else";
        return Err(ServerError::folder(&folder, problem));
    }
    let mut entries = fs::read_dir(&folder).map_err(ServerError::io("open", &folder))?;
    if !folder.join("lock").exists() && entries.next().is_some() {
        // Looked at again, because another starter may have made its lock meanwhile.
        if !folder.join("lock").exists() {
            return Err(ServerError::folder(&folder, "it is not empty and holds other things"));
        }
    }
    Ok(folder)
}

pub(super) fn lock(folder: &Path) -> Result<Lock, ServerError> {
    let path = folder.join("lock");
    let opened =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = opened.map_err(ServerError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(ServerError::AlreadyRunning { folder: folder.to_owned(), pid: holder(&path) });
        }
        Err(TryLockError::Error(source)) => return Err(ServerError::io("lock", &path)(source)),
    }
    let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(ServerError::io("write", &path))?;
    Ok(Lock(file))
}

/// The pid in the lock; its holder may be just about to write it.
pub(super) fn holder(path: &Path) -> String {
    for _ in 0..20 {
        if let Some(pid) = fs::read_to_string(path).ok().filter(|text| text.ends_with('\n')) {
            return pid.trim().to_owned();
        }
        thread::sleep(Duration::from_millis(10));
    }
    "unknown".to_owned()
}

/// Ours and closed to others; as root the server's group may pass through, not write.
pub(super) fn own_folder(folder: &Path, account: &Account) -> Result<(), ServerError> {
    let mode = if account.step_down { 0o710 } else { 0o700 };
    let done = if account.step_down { lchown(folder, Some(0), Some(account.gid)) } else { Ok(()) };
    done.and_then(|()| fs::set_permissions(folder, Permissions::from_mode(mode)))
        .map_err(ServerError::io("set the permissions of", folder))
}

/// A folder of the server's account, 0700; accepts an existing one only if it is exactly that.
fn give_folder(path: &Path, account: &Account) -> Result<(), ServerError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) if account.step_down => lchown(path, Some(account.uid), Some(account.gid))
            .map_err(ServerError::io("set the owner of", path)),
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let found = fs::symlink_metadata(path).map_err(ServerError::io("inspect", path))?;
            let right = found.is_dir() && found.uid() == account.uid && found.mode() & 0o777 == 0o700;
            // Root may have been killed between creating a folder and giving it away.
            if found.is_dir() && found.uid() == 0 && account.step_down {
                return lchown(path, Some(account.uid), Some(account.gid))
                    .map_err(ServerError::io("set the owner of", path));
            }
            let problem = || format!("it is not a private folder of the account {}", account.name);
            right.then_some(()).ok_or_else(|| ServerError::folder(path, problem()))
        }
        Err(error) => Err(ServerError::io("create", path)(error)),
    }
}

/// Asks the system itself, as the server's account, and on refusal names the first closed folder.
fn check_reachable(folder: &Path, account: &Account, setpriv: Option<&Path>) -> Result<(), ServerError> {
    if !account.step_down {
        return Ok(());
    }
    let mut command = account.command(setpriv, "KILL", Path::new("test"));
    let status = command.arg("-x").arg(folder).status().map_err(ServerError::io("enter", folder))?;
    if status.success() {
        return Ok(());
    }
    let mut ancestors: Vec<&Path> = folder.ancestors().collect();
    ancestors.reverse();
    let closed = ancestors.into_iter().find(|path| !may_pass(path, account)).unwrap_or(folder);
    let problem = format!(
        "the database server runs as `{}`, who may not enter {}; choose a data folder elsewhere, such as \
         /var/lib/crm, or run as an ordinary user",
        account.name,
        closed.display()
    );
    Err(ServerError::folder(folder, problem))
}

fn may_pass(path: &Path, account: &Account) -> bool {
    fs::metadata(path).is_ok_and(|found| match (found.uid() == account.uid, found.gid() == account.gid) {
        (true, _) => found.mode() & 0o100 != 0,
        (false, true) => found.mode() & 0o010 != 0,
        (false, false) => found.mode() & 0o001 != 0,
    })
}

pub(super) fn existing_version(cluster: &Path) -> Result<Option<u32>, ServerError> {
    let path = cluster.join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse() {
            Ok(version) => Ok(Some(version)),
            Err(_) => Err(ServerError::folder(&path, format!("not a PostgreSQL version: {}", text.trim()))),
        },
        Err(error) if error.kind() == ErrorKind::NotFound && !cluster.exists() => Ok(None),
        Err(error) => Err(ServerError::io("read", &path)(error)),
    }
}

/// `run` in the data folder, or a private folder under /tmp when that path is too long for a socket or
/// holds characters with a meaning in `unix_socket_directories`.
fn socket_folder(folder: &Path, port: u16, account: &Account) -> Result<PathBuf, ServerError> {
    let near = folder.join("run");
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let length = near.join(format!(".s.PGSQL.{port}.lock")).as_os_str().len();
    if length <= SOCKET_PATH_MAX && near.to_str().is_some_and(plain) {
        return Ok(near);
    }
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    let far = PathBuf::from(format!("/tmp/crm-pg-{}-{:016x}", account.uid, hasher.finish()));
    give_folder(&far, account)?;
    Ok(far)
}

fn remove_folder(path: &Path) -> Result<(), ServerError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(ServerError::io("remove", path)(error)),
        _ => Ok(()),
    }
}
