//! Finds the installed PostgreSQL programs and the account they run under.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::ServerError;

const OLDEST: u32 = 15;

/// A folder that holds `postgres` and `initdb`, and their major version.
#[derive(Debug, Clone)]
pub(super) struct Binaries {
    pub folder: PathBuf,
    pub major: u32,
}

impl Binaries {
    /// Looks in the explicit folder only, or else in the usual places, newest first, then on the `PATH`.
    /// With `data` (the major version of existing data) that version wins over newer ones.
    pub fn find(explicit: Option<&Path>, data: Option<u32>) -> Result<Self, ServerError> {
        let folders = explicit.map_or_else(usual_folders, |folder| vec![folder.to_owned()]);
        let mut found: Vec<Self> = Vec::new();
        for folder in &folders {
            let Some(major) = version(folder) else { continue };
            found.push(Self { folder: folder.clone(), major });
            if data.is_none_or(|data| data == major) && major >= OLDEST {
                break; // later candidates cannot be better
            }
        }
        Self::choose(found, data, &folders)
    }

    fn choose(found: Vec<Self>, data: Option<u32>, searched: &[PathBuf]) -> Result<Self, ServerError> {
        let installed = found.iter().map(|b| b.major.to_string()).collect::<Vec<_>>().join(", ");
        let best = found.iter().find(|b| data.map_or(b.major >= OLDEST, |data| data == b.major));
        match (best, found.first(), data) {
            (Some(best), ..) => Ok(best.clone()),
            (None, None, _) => Err(ServerError::NotInstalled { searched: list(searched) }),
            (None, Some(first), Some(data)) => {
                Err(ServerError::VersionMismatch { folder: first.folder.clone(), data, installed })
            }
            (None, Some(first), None) => {
                Err(ServerError::TooOld { folder: first.folder.clone(), found: first.major })
            }
        }
    }
}

/// Whom the server runs as. Root must not run PostgreSQL, so as root it is another account.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    /// True when we are root and step down to this account.
    pub step_down: bool,
}

impl Account {
    /// `owner` is the uid that owns existing data; it decides, so that a later installation of the
    /// `postgres` account does not lock the server out of data made as `nobody`.
    pub fn choose(owner: Option<u32>) -> Result<Self, ServerError> {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let path = Path::new("/etc/passwd");
        let passwd = fs::read_to_string(path).map_err(ServerError::io("read", path))?;
        if uid != 0 {
            let name = accounts(&passwd).find(|a| a.uid == uid).map_or_else(|| uid.to_string(), |a| a.name);
            return Ok(Self { name, uid, gid, step_down: false });
        }
        let wanted = |account: &Self| match owner {
            Some(owner) => account.uid == owner,
            None => account.name == "postgres",
        };
        let fallback = |account: &Self| owner.is_none() && account.name == "nobody";
        accounts(&passwd)
            .find(wanted)
            .or_else(|| accounts(&passwd).find(fallback))
            .filter(|account| account.uid != 0)
            .ok_or_else(|| ServerError::folder(path, "no account to run the database server as: PostgreSQL refuses root, and neither `postgres` nor `nobody` (nor the owner of the existing data) is there; run as an ordinary user, or: useradd --system postgres"))
    }

    /// A command which runs as this account, with a clean environment, in a process group of its own so
    /// that Ctrl-C at a terminal reaches only us, and, where the system can, which gets `signal` when the
    /// spawning *thread* ends.
    pub fn command(&self, setpriv: Option<&Path>, signal: &str, program: &Path) -> Command {
        let mut command = Command::new(setpriv.unwrap_or(program));
        if setpriv.is_some() {
            if self.step_down {
                // setpriv asks for the signal after it has changed the uid, which would clear it.
                command.arg(format!("--reuid={}", self.uid)).arg(format!("--regid={}", self.gid));
                command.arg("--clear-groups");
            }
            command.args(["--pdeathsig", signal, "--"]).arg(program);
        } else if self.step_down {
            command.gid(self.gid).uid(self.uid);
        }
        command.env_clear().env("LC_ALL", "C").envs(kept_environment());
        command.current_dir("/").process_group(0).stdin(Stdio::null());
        command
    }
}

/// util-linux `setpriv`, if it is there and knows `--pdeathsig` (BusyBox's does not).
pub(super) fn setpriv() -> Option<PathBuf> {
    let works = |path: &PathBuf| {
        let probe = Command::new(path).args(["--pdeathsig", "KILL", "--", "true"]).output();
        probe.is_ok_and(|output| output.status.success())
    };
    path_folders().into_iter().map(|folder| folder.join("setpriv")).filter(|path| path.is_file()).find(works)
}

fn accounts(passwd: &str) -> impl Iterator<Item = Account> + '_ {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, uid, gid) = (fields.next()?, fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(Account { name: name.to_owned(), uid, gid, step_down: true })
    })
}

/// `LC_ALL=C` keeps messages in English; libraries of a private build stay reachable.
fn kept_environment() -> impl Iterator<Item = (OsString, OsString)> {
    ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"]
        .into_iter()
        .filter_map(|key| env::var_os(key).map(|value| (key.into(), value)))
}

fn usual_folders() -> Vec<PathBuf> {
    let mut folders = versioned("/usr/lib/postgresql", "", "bin");
    folders.extend(versioned("/usr", "pgsql-", "bin"));
    for prefix in ["/opt/homebrew/opt", "/usr/local/opt"] {
        folders.extend(versioned(prefix, "postgresql@", "bin"));
    }
    folders.extend(path_folders());
    folders
}

/// Folders `<parent>/<prefix><number>/<tail>`, highest number first.
fn versioned(parent: &str, prefix: &str, tail: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut numbered: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, entry.path().join(tail)))
        })
        .collect();
    numbered.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    numbered.into_iter().map(|(_, path)| path).collect()
}

fn path_folders() -> Vec<PathBuf> {
    let absolute = |folder: &PathBuf| folder.is_absolute();
    env::var_os("PATH").map(|path| env::split_paths(&path).filter(absolute).collect()).unwrap_or_default()
}

/// The major version of `postgres` in a folder which also holds `initdb`.
fn version(folder: &Path) -> Option<u32> {
    if !folder.join("initdb").is_file() || !folder.join("postgres").is_file() {
        return None;
    }
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `postgres (PostgreSQL) 19devel`.
fn parse_version(text: &str) -> Option<u32> {
    let number = text.split(") ").nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn list(folders: &[PathBuf]) -> String {
    let mut names: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    if names.iter().all(|name| !name.starts_with("/usr/lib/postgresql")) && names.len() > 1 {
        names.insert(0, "/usr/lib/postgresql/*/bin".to_owned());
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_every_form_postgres_prints() {
        for (text, major) in [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some(15)),
            ("postgres (PostgreSQL) 19devel\n", Some(19)),
            ("postgres (PostgreSQL) 17beta1", Some(17)),
            ("busybox", None),
        ] {
            assert_eq!(parse_version(text), major, "{text}");
        }
    }

    #[test]
    fn existing_data_picks_its_own_version_among_several() {
        let found = || [17, 16, 15].map(|major| Binaries { folder: "/x".into(), major }).to_vec();
        assert_eq!(Binaries::choose(found(), Some(16), &[]).unwrap().major, 16);
        assert_eq!(Binaries::choose(found(), None, &[]).unwrap().major, 17);
        let error = Binaries::choose(found(), Some(18), &[]).unwrap_err().to_string();
        assert!(error.contains("made by PostgreSQL 18") && error.contains("postgresql-18"), "{error}");
    }

    #[test]
    fn versions_before_15_and_missing_programs_are_told_with_the_remedy() {
        let old = vec![Binaries { folder: "/x".into(), major: 14 }];
        assert!(Binaries::choose(old, None, &[]).unwrap_err().to_string().contains("too old"));
        let missing = Binaries::choose(vec![], None, &["/nowhere".into()]).unwrap_err().to_string();
        assert!(missing.contains("apt-get install postgresql") && missing.contains("/nowhere"), "{missing}");
    }
}
