//! The distribution as a zip file: fetched through Maven, and unpacked.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::result::ZipError;

use super::error::Doing;
use super::process::{self, Job, args, assign};
use super::{Environment, KEYCLOAK_VERSION, Options, Progress, SandboxError};

/// The bytes of the default version's archive, for the progress bar: Maven does not say.
const KNOWN_BYTES: u64 = 176_717_726;

/// Pinned, so that a run does not depend on which plugin version a Maven release prefers.
const GET_GOAL: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.11.0:get";

/// The archive in the user's own Maven repository, if it happens to be there. It is never written to.
pub(super) fn of_user(version: &str, environment: &Environment) -> Option<PathBuf> {
    let home = environment.path("HOME").or_else(|| environment.path("USERPROFILE"))?;
    let archive = in_repository(&home.join(".m2").join("repository"), version);
    archive.is_file().then_some(archive)
}

/// Fetches the archive with Maven, through the mirrors and proxies of the user's `settings.xml`.
///
/// The repository is a folder of our own in `scratch`: there it is known which file grows, a killed download leaves
/// nothing half, and the 170 MB go when they are unpacked.
pub(super) async fn fetch(
    maven: &Path,
    scratch: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> Result<PathBuf, SandboxError> {
    let version = &options.version;
    progress.stage(&format!("fetching Keycloak {version}"));
    let artifact = format!("org.keycloak:keycloak-quarkus-dist:{version}:zip");
    let repository = scratch.join("maven");
    let archive = in_repository(&repository, version);
    let log = scratch.join("maven.log");
    let job = Job {
        program: maven,
        args: args([
            &"-B",
            &GET_GOAL,
            &format!("-Dartifact={artifact}"),
            &"-Dtransitive=false",
            &assign("-Dmaven.repo.local", &repository),
        ]),
        folder: scratch,
        log: log.clone(),
        variables: Vec::new(),
        supervision: Vec::new(),
    };
    let total = (version == KEYCLOAK_VERSION).then_some(KNOWN_BYTES);
    let mut maven = job.start(options)?;
    let status = maven.finish(|| progress.bytes(fetched(&archive), total)).await?;
    if !status.success() || !archive.is_file() {
        let tail = process::tail(&log);
        return Err(SandboxError::Maven { artifact, tail });
    }
    progress.bytes(fetched(&archive), total);
    Ok(archive)
}

fn in_repository(repository: &Path, version: &str) -> PathBuf {
    repository
        .join("org/keycloak/keycloak-quarkus-dist")
        .join(version)
        .join(format!("keycloak-quarkus-dist-{version}.zip"))
}

/// The size of the archive or of what Maven is writing: `NAME.zip.part`, or with a random part in other releases.
fn fetched(archive: &Path) -> u64 {
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let Some(entries) = archive.parent().and_then(|folder| fs::read_dir(folder).ok()) else {
        return 0;
    };
    entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&*name))
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len())
        .max()
        .unwrap_or(0)
}

/// Unpacks the archive into `folder`, which becomes the distribution's own.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<(), SandboxError> {
    let file = File::open(archive).doing(|| format!("read {}", archive.display()))?;
    ZipArchive::new(file)
        .and_then(|mut zip| zip.extract_unwrapped_root_dir(folder, zip::read::root_dir_common_filter))
        .map_err(|source| match source {
            // The operating system's own errors, such as a full disk, are not the archive's fault.
            ZipError::Io(source) if source.raw_os_error().is_some() => {
                SandboxError::Io { doing: format!("unpack {}", archive.display()), source }
            }
            source => SandboxError::Damaged { archive: archive.to_owned(), source },
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_archive_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("keycloak.zip");
        for bytes in ["", "PK\u{3}\u{4} and then nothing"] {
            #[expect(clippy::disallowed_methods, reason = "the test makes the damage")]
            fs::write(&archive, bytes).unwrap();
            let error = unpack(&archive, &folder.path().join("out")).unwrap_err();
            assert!(matches!(error, SandboxError::Damaged { .. }), "{error:?}");
        }
    }
}
