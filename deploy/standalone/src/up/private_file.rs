//! Small JSON files that only we can read, replaced whole.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};
use tempfile::NamedTempFile;

use crate::failure::{Failure, Result};

/// Reads a file; `None` when there is none.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Failure::io("read", path))?,
    };
    let value = serde_json::from_slice(&text);
    value.map(Some).map_err(|error| Failure::new(format!("{} is damaged: {error}", path.display())))
}

/// Writes a file, mode 0600, which is on the disk when this returns.
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    let text = serde_json::to_vec_pretty(value).map_err(|error| Failure::new(error.to_string()))?;
    let write = || {
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(folder)?.sync_all()
    };
    write().map_err(Failure::io("write", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_comes_back_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.json");
        assert_eq!(read::<Vec<u8>>(&path).unwrap(), None);
        for value in [vec![1, 2], vec![3]] {
            write(&path, &value).unwrap();
            assert_eq!(read::<Vec<u8>>(&path).unwrap(), Some(value));
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "{").unwrap();
        assert!(read::<Vec<u8>>(&path).unwrap_err().to_string().contains("damaged"));
    }
}
