//! The folder that keeps built distributions between runs, safe for several processes and for killed ones.
//!
//! What is there under its final name is complete: everything is made in a scratch folder beside it and renamed.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy;
use tempfile::TempDir;

use super::error::Doing;
use super::{Environment, Progress, SandboxError};

const SCRATCH: &str = "tmp-";
const LOCK_POLL: Duration = Duration::from_millis(200);

/// Where distributions are kept: `REALMFORM_CACHE_DIR`, else the user's cache folder.
pub fn folder(environment: &Environment) -> Result<PathBuf, SandboxError> {
    if let Some(folder) = environment.path("REALMFORM_CACHE_DIR") {
        return std::path::absolute(&folder).doing(|| format!("find {}", folder.display()));
    }
    let base = etcetera::choose_base_strategy().map_err(|_| SandboxError::NoCache)?;
    Ok(base.cache_dir().join("realmform"))
}

/// The cache while this process alone may add to it. The system unlocks it when the process ends.
#[derive(Debug)]
pub(super) struct Locked {
    folder: PathBuf,
    _lock: File,
}

impl Locked {
    /// Waits for other processes, then clears away what killed ones left.
    pub(super) async fn take(folder: &Path, progress: &dyn Progress) -> Result<Self, SandboxError> {
        fs::create_dir_all(folder).doing(|| format!("create {}", folder.display()))?;
        let path = folder.join("lock");
        let lock = File::create(&path).doing(|| format!("create {}", path.display()))?;
        wait_for(&lock, progress).await.doing(|| format!("lock {}", path.display()))?;
        sweep(folder).doing(|| format!("clear {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// A folder to make things in, on the same file system as the final place.
    pub(super) fn scratch(&self) -> Result<TempDir, SandboxError> {
        tempfile::Builder::new()
            .prefix(SCRATCH)
            .tempdir_in(&self.folder)
            .doing(|| format!("create a folder in {}", self.folder.display()))
    }
}

async fn wait_for(lock: &File, progress: &dyn Progress) -> io::Result<()> {
    let mut told = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if told => {}
            Err(TryLockError::WouldBlock) => {
                progress.stage("waiting for another realmform that prepares Keycloak");
                told = true;
            }
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
}

/// Whoever holds the lock owns every scratch folder, so those that exist belong to the dead.
fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(SCRATCH) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
