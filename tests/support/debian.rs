//! Programs of Debian's that the stories need, unpacked below `target`: nothing is installed, no service starts, and nobody has to
//! be root. What they need and the machine does not have comes along; apt looks at the signatures.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The server of `OpenLDAP`; `None` where it cannot be had.
pub(crate) fn slapd() -> Option<&'static Package> {
    static PACKAGE: OnceLock<Option<Package>> = OnceLock::new();
    PACKAGE.get_or_init(|| Package::of("slapd", "usr/sbin/slapd")).as_ref()
}

/// Chromium without a window; `None` where it cannot be had.
pub(crate) fn chromium() -> Option<&'static Package> {
    static PACKAGE: OnceLock<Option<Package>> = OnceLock::new();
    PACKAGE.get_or_init(|| Package::of("chromium-headless-shell", "usr/lib/chromium/chromium-headless-shell")).as_ref()
}

/// A package whose files have their usual paths below a folder.
pub(crate) struct Package {
    root: PathBuf,
    program: &'static str,
}

impl Package {
    fn of(name: &str, program: &'static str) -> Option<Self> {
        let tools = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let root = tools.join(format!("debian-{name}"));
        if !root.exists() {
            let is_debian = Path::new(STATUS).exists();
            let fetched = if is_debian { fetch(name, tools, &root) } else { Err("this is not Debian".to_owned()) };
            if let Err(words) = fetched {
                println!("skipped: {name} cannot be fetched: {words}");
                return None;
            }
        }
        Some(Self { root, program })
    }

    /// Where a file of the package is.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.path(self.program)
    }

    /// Where the libraries are that came along, for `LD_LIBRARY_PATH`.
    pub(crate) fn libraries(&self) -> String {
        let places = walkdir::WalkDir::new(self.path("usr/lib")).max_depth(2).sort_by_file_name().into_iter().flatten();
        let places = places.filter(|place| place.file_type().is_dir());
        places.map(|place| place.path().display().to_string()).collect::<Vec<_>>().join(":")
    }
}

/// What is installed here.
const STATUS: &str = "/var/lib/dpkg/status";

/// The folder appears with all that is in it. Of several processes that fetch, the first to end wins.
fn fetch(name: &str, tools: &Path, root: &Path) -> Result<(), String> {
    let temporary = tempfile::tempdir_in(tools).unwrap();
    let folder = |path: &str| {
        let folder = temporary.path().join(path);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    };
    folder("state/lists/partial");
    folder("cache/archives/partial");
    let option = |name: &str, path: &Path| format!("{name}={}", path.display());
    let (state, cache) = (option("Dir::State", &folder("state")), option("Dir::Cache", &folder("cache")));
    let status = option("Dir::State::status", Path::new(STATUS));
    let apt = |command: &[&str]| {
        let own = ["-o", &state, "-o", &status, "-o", &cache, "-o", "Debug::NoLocking=1", "-qq"];
        run(Command::new("apt-get").args(own).args(command))
    };
    apt(&["update"])?;
    // Also where it is installed, with whatever is configured and confined there.
    apt(&["install", "--reinstall", "--yes", "--no-install-recommends", "--download-only", name])?;
    let content = folder("content");
    for archive in std::fs::read_dir(folder("cache/archives")).unwrap().map(|entry| entry.unwrap().path()) {
        if archive.extension().is_some_and(|extension| extension == "deb") {
            run(Command::new("dpkg-deb").arg("--extract").arg(archive).arg(&content))?;
        }
    }
    let renamed = std::fs::rename(&content, root);
    assert!(renamed.is_ok() || root.exists(), "{renamed:?}");
    Ok(())
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}
