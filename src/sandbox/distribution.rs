//! An installed Keycloak in the cache, built once with the options of a sandbox. Runs read it and never write to it.

#![expect(clippy::disallowed_methods, reason = "the version is read from a file of the distribution")]

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::cache::{self, Locked};
use super::error::Doing;
use super::java::Java;
use super::process::{self, Job};
use super::{Options, Progress, SandboxError, archive};

/// Changes when the build's options do, so that copies built by other releases of this program are not taken.
const BUILD: &str = "build1";

/// The build runs out of memory below about 300 MB.
const BUILD_HEAP_MB: u32 = 512;

/// A built distribution.
#[derive(Debug)]
pub(super) struct Distribution {
    pub(super) home: PathBuf,
    pub(super) version: String,
}

/// Where a distribution can come from.
#[derive(Debug)]
pub(super) enum Source {
    /// The user's unpacked one, of which only the code, the providers and the themes count.
    Home(PathBuf),
    /// The built copy that is in the cache already.
    Cached,
    /// The user's own Maven repository.
    Archive(PathBuf),
    /// The Maven program, which has to fetch it.
    Maven(PathBuf),
}

impl Source {
    /// The first that is there, if any is.
    pub(super) fn find(options: &Options) -> Result<Option<Self>, SandboxError> {
        let environment = &options.environment;
        if let Some(home) = environment.path("KEYCLOAK_HOME") {
            if !home.join("lib/quarkus-run.jar").is_file() {
                return Err(SandboxError::NoDistribution(home));
            }
            return Ok(Some(Self::Home(home)));
        }
        if cached(options)?.is_dir() {
            return Ok(Some(Self::Cached));
        }
        let archive = archive::of_user(&options.version, environment).map(Self::Archive);
        Ok(archive.or_else(|| environment.program("mvn").map(Self::Maven)))
    }
}

/// Takes the built copy from the cache, or makes it.
pub(super) async fn get(
    source: &Source,
    java: &Java,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Distribution, SandboxError> {
    let home = match source {
        Source::Home(original) => copy_of(original, options)?,
        Source::Cached | Source::Archive(_) | Source::Maven(_) => cached(options)?,
    };
    if !home.is_dir() {
        make(source, &home, java, options, progress).await?;
    }
    let version = version_in(&home).unwrap_or_else(|| options.version.clone());
    Ok(Distribution { home, version })
}

/// Makes `home` in a scratch folder and renames it, so that it is either absent or complete.
async fn make(
    source: &Source,
    home: &Path,
    java: &Java,
    options: &Options,
    progress: &dyn Progress,
) -> Result<(), SandboxError> {
    let cache = Locked::take(&cache::folder(&options.environment)?, progress).await?;
    if home.is_dir() {
        return Ok(());
    }
    let scratch = cache.scratch()?;
    let unpacked = scratch.path().join("keycloak");
    match source {
        Source::Home(original) => copy(original, &unpacked, progress).await?,
        _ => fill(source, &unpacked, scratch.path(), options, progress).await?,
    }
    build(&unpacked, scratch.path(), java, options, progress).await?;
    fs::rename(&unpacked, home).doing(|| format!("create {}", home.display()))
}

/// Unpacks the user's archive; if there is none, or it is damaged (which Maven would never notice), a fetched one.
async fn fill(
    source: &Source,
    unpacked: &Path,
    scratch: &Path,
    options: &Options,
    progress: &dyn Progress,
) -> Result<(), SandboxError> {
    let maven = match source {
        Source::Maven(maven) => Some(maven.clone()),
        _ => options.environment.program("mvn"),
    };
    if let Source::Archive(archive) = source {
        match (unpack(archive, unpacked, progress).await, &maven) {
            (Err(SandboxError::Damaged { archive, .. }), Some(_)) => {
                progress.stage(&format!("{} is damaged, fetching another", archive.display()));
                fs::remove_dir_all(unpacked).ok();
            }
            (unpacked, _) => return unpacked,
        }
    }
    let maven = maven.unwrap_or_else(|| "mvn".into());
    let archive = archive::fetch(&maven, scratch, options, progress).await?;
    unpack(&archive, unpacked, progress).await
}

async fn unpack(archive: &Path, folder: &Path, progress: &dyn Progress) -> Result<(), SandboxError> {
    progress.stage("unpacking Keycloak");
    let (archive, folder) = (archive.to_owned(), folder.to_owned());
    blocking(move || archive::unpack(&archive, &folder)).await
}

async fn copy(original: &Path, folder: &Path, progress: &dyn Progress) -> Result<(), SandboxError> {
    progress.stage(&format!("copying {}", original.display()));
    let (original, folder) = (original.to_owned(), folder.to_owned());
    blocking(move || {
        let parts = parts(&original).doing(|| format!("read {}", original.display()))?;
        copy_files(&original, &parts, &folder).doing(|| format!("copy {}", original.display()))
    })
    .await
}

/// What `kc.sh build` does. An unpacked distribution cannot be started quickly before.
async fn build(
    home: &Path,
    scratch: &Path,
    java: &Java,
    options: &Options,
    progress: &dyn Progress,
) -> Result<(), SandboxError> {
    progress.stage("building Keycloak, once");
    let log = scratch.join("build.log");
    fs::create_dir_all(home.join("tmp")).doing(|| format!("create a folder in {}", home.display()))?;
    let mut args = Java::keycloak(home, home, BUILD_HEAP_MB);
    args.extend(["build", "--db=dev-mem", "--health-enabled=true"].map(Into::into));
    args.extend(options.of_build().map(Into::into));
    let job = Job {
        program: &java.program,
        args,
        folder: scratch,
        log: log.clone(),
        variables: Vec::new(),
        supervision: Vec::new(),
    };
    let status = job.start(options)?.finish(|| {}).await?;
    fs::remove_dir_all(home.join("tmp")).ok();
    if !status.success() {
        let (status, tail) = (status.to_string(), process::tail(&log));
        return Err(SandboxError::Build { status, tail });
    }
    Ok(())
}

/// The built copy of the version asked for.
fn cached(options: &Options) -> Result<PathBuf, SandboxError> {
    let name = format!("keycloak-{}", options.version);
    Ok(cache::folder(&options.environment)?.join(variant(&name, options)))
}

/// The built copy of the user's distribution, as it is now.
fn copy_of(original: &Path, options: &Options) -> Result<PathBuf, SandboxError> {
    let state = state(original).doing(|| format!("read {}", original.display()))?;
    let name = format!("keycloak-home-{state:016x}");
    Ok(cache::folder(&options.environment)?.join(variant(&name, options)))
}

/// What else a built copy depends on, as a part of its file name, which would be too long with many features. Keycloak 26.0
/// takes a `+` in its own path for a space when it starts.
fn variant(name: &str, options: &Options) -> String {
    let features: Vec<String> = options.of_build().collect();
    if features.is_empty() {
        return format!("{name}_{BUILD}");
    }
    let mut hasher = DefaultHasher::new();
    features.hash(&mut hasher);
    format!("{name}_{BUILD}_{:016x}", hasher.finish())
}

/// Changes with every path, size and time of the files that are copied, less what `kc.sh build` rewrites.
fn state(original: &Path) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    fs::canonicalize(original)?.hash(&mut hasher);
    for entry in parts(original)? {
        let built = entry.path().parent().is_some_and(|parent| parent.ends_with("lib/quarkus"));
        if !built {
            let metadata = entry.metadata()?;
            (entry.path(), metadata.len(), metadata.modified()?).hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

/// The files of a distribution. Its data and settings are not taken along: they belong to another server.
fn parts(original: &Path) -> io::Result<Vec<DirEntry>> {
    let foreign = [original.join("data"), original.join("conf")];
    let mut all = files(original)?;
    all.retain(|entry| !foreign.iter().any(|folder| entry.path().starts_with(folder)));
    Ok(all)
}

/// The files below a folder, sorted.
pub(super) fn files(folder: &Path) -> io::Result<Vec<DirEntry>> {
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    let mut files = entries.into_iter().collect::<Result<Vec<_>, _>>()?;
    files.retain(|entry| entry.file_type().is_file());
    Ok(files)
}

/// Copies files with their times, by which Keycloak tells whether a provider changed since the build.
pub(super) fn copy_files(from: &Path, files: &[DirEntry], to: &Path) -> io::Result<()> {
    for entry in files {
        let target = to.join(entry.path().strip_prefix(from).map_err(io::Error::other)?);
        fs::create_dir_all(target.parent().unwrap_or(to))?;
        let mut reader = fs::File::open(entry.path())?;
        let mut writer = fs::File::create(&target)?;
        io::copy(&mut reader, &mut writer)?;
        writer.set_modified(entry.metadata()?.modified()?)?;
    }
    Ok(())
}

/// `version.txt` says `Keycloak - Version 26.7.4`.
fn version_in(home: &Path) -> Option<String> {
    let text = fs::read_to_string(home.join("version.txt")).ok()?;
    Some(text.split_whitespace().last()?.to_owned())
}

/// File work off the runtime's threads. It panics only if the work does.
pub(super) async fn blocking(
    work: impl FnOnce() -> Result<(), SandboxError> + Send + 'static,
) -> Result<(), SandboxError> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other).doing(|| "prepare Keycloak".to_owned())?
}
