//! Who applies what, for the record and the lock.
#![expect(clippy::disallowed_methods, reason = "who applies is taken from the environment, as CI systems set it")]

use crate::apply::Stamp;
use crate::keycloak::Holder;

/// For the record: a run of now.
pub(in crate::cli) fn stamp(commit: Option<String>, dirty: bool, environment: Option<String>) -> Stamp {
    let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Stamp { commit, dirty, environment, actor: actor(), time }
}

/// The CI run where there is one, else the user.
fn actor() -> String {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let github = || Some(format!("GitHub {} run {}", get("GITHUB_REPOSITORY")?, get("GITHUB_RUN_ID")?));
    let gitlab = || Some(format!("GitLab {} job {}", get("CI_PROJECT_PATH")?, get("CI_JOB_ID")?));
    let user = || get("USER").or_else(|| get("USERNAME"));
    github().or_else(gitlab).or_else(user).unwrap_or_else(|| "somebody".to_owned())
}

/// For the lock: this run.
pub(in crate::cli) fn holder(actor: &str) -> Holder {
    // A name of the machine that two containers with the same host name do not share.
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let namespace = std::fs::read_link("/proc/self/ns/pid").map(|it| it.display().to_string()).unwrap_or_default();
    let host = format!("{} {} {namespace}", read("/proc/sys/kernel/hostname"), read("/proc/sys/kernel/random/boot_id"));
    Holder {
        actor: actor.to_owned(),
        host: host.trim().to_owned(),
        process: std::process::id(),
        nonce: format!("{:032x}", rand::random::<u128>()),
    }
}
