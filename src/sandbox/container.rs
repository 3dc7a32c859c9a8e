//! Running Keycloak's container image, where there is no Java.
//!
//! The machines this is developed on have no container daemon, so unlike the rest of the room this file is tested for
//! the arguments it makes and not by running it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::process::{self, Job, args};
use super::{Environment, Options, Progress, SandboxError};

/// A container engine whose daemon answers.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) program: PathBuf,
}

impl Engine {
    /// Docker or Podman; else one line that says what was found.
    pub(super) async fn find(environment: &Environment) -> Result<Self, String> {
        let mut found = "Container engine: neither docker nor podman on PATH".to_owned();
        for name in ["docker", "podman"] {
            let Some(program) = environment.program(name) else {
                continue;
            };
            if answers(&program, &["info"], environment).await {
                return Ok(Self { program });
            }
            found = format!("Container engine: {name} is there, but its daemon does not answer");
        }
        Err(found)
    }

    /// Fetches the image if it is not there, apart from the start, whose time is limited.
    pub(super) async fn pull(
        &self,
        log: &Path,
        options: &Options,
        progress: &dyn Progress,
    ) -> Result<(), SandboxError> {
        let image = image(&options.version);
        if answers(&self.program, &["image", "inspect", &image], &options.environment).await {
            return Ok(());
        }
        progress.stage(&format!("fetching {image}"));
        let job = Job {
            program: &self.program,
            args: args([&"pull", &image]),
            folder: log.parent().unwrap_or(Path::new(".")),
            log: log.to_owned(),
            variables: Vec::new(),
            supervision: Vec::new(),
        };
        if job.start(options)?.finish(|| {}).await?.success() {
            return Ok(());
        }
        let (engine, tail) = (self.program.display().to_string(), process::tail(log));
        Err(SandboxError::Image { engine, image, tail })
    }
}

/// What a container gets from outside.
#[derive(Debug)]
pub(super) struct Container<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    /// The published ports on this side, and those in the container.
    pub(super) ports: [(u16, u16); 3],
    /// Folders to mount: outside, inside, and whether the server may write there.
    pub(super) mounts: [(&'a Path, &'a str, bool); 2],
    pub(super) heap_mb: u32,
    /// Names of the variables to hand on; the values stay out of the arguments.
    pub(super) variables: Vec<&'static str>,
}

impl Container<'_> {
    /// The engine's arguments, up to Keycloak's own.
    pub(super) fn args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = ["run", "--rm", "--name", self.name].map(Into::into).into();
        for (outside, inside) in self.ports {
            args.extend(["-p".into(), format!("127.0.0.1:{outside}:{inside}").into()]);
        }
        for variable in &self.variables {
            args.extend(["-e".into(), variable.into()]);
        }
        args.extend(["-e".into(), format!("JAVA_OPTS_KC_HEAP=-Xms64m -Xmx{}m", self.heap_mb).into()]);
        // SELinux would forbid the mounts, and relabelling would touch files outside.
        args.extend(["--security-opt", "label=disable"].map(Into::into));
        for (outside, inside, writable) in self.mounts {
            let mut mount = outside.as_os_str().to_owned();
            mount.push(format!(":{inside}{}", if writable { "" } else { ":ro" }));
            args.extend(["-v".into(), mount]);
        }
        args.push(image(self.version).into());
        args
    }
}

fn image(version: &str) -> String {
    format!("quay.io/keycloak/keycloak:{version}")
}

#[expect(clippy::disallowed_methods, reason = "only asks whether it is there; it needs no supervisor")]
async fn answers(program: &Path, args: &[&str], environment: &Environment) -> bool {
    let status = tokio::process::Command::new(program)
        .args(args)
        .env_clear()
        .envs(environment.inherited())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .status()
        .await;
    status.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishes_on_loopback_and_keeps_secrets_out_of_the_arguments() {
        let container = Container {
            name: "sandbox",
            version: "26.7.4",
            ports: [(1, 8080), (2, 8443), (3, 9000)],
            mounts: [(Path::new("/run/tls"), "/tls", false), (Path::new("/run/log"), "/log", true)],
            heap_mb: 768,
            variables: vec!["KC_BOOTSTRAP_ADMIN_PASSWORD"],
        };
        let args: Vec<_> = container.args().iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
        assert_eq!(
            args.join(" "),
            "run --rm --name sandbox -p 127.0.0.1:1:8080 -p 127.0.0.1:2:8443 -p 127.0.0.1:3:9000 \
             -e KC_BOOTSTRAP_ADMIN_PASSWORD -e JAVA_OPTS_KC_HEAP=-Xms64m -Xmx768m --security-opt label=disable \
             -v /run/tls:/tls:ro -v /run/log:/log quay.io/keycloak/keycloak:26.7.4"
        );
    }
}
