//! The passwords of the roles, one `role password` a line in a file only we can read.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::ServerError;

pub(super) struct Credentials {
    path: PathBuf,
    passwords: Mutex<BTreeMap<String, String>>,
}

impl Credentials {
    /// Reads the file; a missing one is empty.
    pub fn open(path: PathBuf) -> Result<Self, ServerError> {
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            other => other.map_err(ServerError::io("read", &path))?,
        };
        let mut passwords = BTreeMap::new();
        for line in text.lines() {
            let (role, password) = line
                .split_once(' ')
                .ok_or_else(|| ServerError::folder(&path, "a line without a password"))?;
            passwords.insert(role.to_owned(), password.to_owned());
        }
        Ok(Self { path, passwords: Mutex::new(passwords) })
    }

    pub fn get(&self, role: &str) -> Option<String> {
        self.lock().get(role).cloned()
    }

    /// The password of a role; a new one is on the disk before it is returned, so that no role ever has a
    /// password nobody knows. The flag tells whether it is new.
    pub fn get_or_create(&self, role: &str) -> Result<(String, bool), ServerError> {
        let mut passwords = self.lock();
        if let Some(password) = passwords.get(role) {
            return Ok((password.clone(), false));
        }
        let password = random_password();
        let mut next = passwords.clone();
        next.insert(role.to_owned(), password.clone());
        self.save(&next)?;
        *passwords = next;
        Ok((password, true))
    }

    fn save(&self, passwords: &BTreeMap<String, String>) -> Result<(), ServerError> {
        let text = passwords.iter().fold(String::new(), |mut text, (role, password)| {
            let _ = writeln!(text, "{role} {password}"); // writing to a String cannot fail
            text
        });
        let next = self.path.with_extension("new");
        write_private(&next, &text).map_err(ServerError::io("write", &next))?;
        fs::rename(&next, &self.path).map_err(ServerError::io("replace", &self.path))?;
        sync_parent(&self.path)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Writes a new file, mode 0600, and waits for the disk. Replaces what an interrupted run left.
pub(super) fn write_private(path: &Path, text: &str) -> std::io::Result<File> {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(file)
}

/// Makes a rename in a folder durable.
pub(super) fn sync_parent(path: &Path) -> Result<(), ServerError> {
    let parent = path.parent().unwrap_or(path);
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(ServerError::io("sync", parent))
}

/// 192 bits in hex: needs no quoting anywhere.
fn random_password() -> String {
    rand::random::<[u8; 24]>().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String cannot fail
        text
    })
}
