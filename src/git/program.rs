//! The `git` program, which has the user's credentials. No hook runs, and nobody is asked for a password.

use crate::program::{Program, ProgramError};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

/// Runs it in a folder, and gives what it printed.
///
/// # Errors
/// What git says, without what an address may hold of credentials; that there is no git; that it took too long.
pub(super) async fn run(folder: &Path, args: Vec<OsString>, limit: Duration) -> Result<Vec<u8>, String> {
    let git = Program {
        program: OsStr::new("git"),
        args: ["-c", "core.hooksPath=/dev/null"].map(OsString::from).into_iter().chain(args).collect(),
        folder,
        variables: vec![
            ("GIT_TERMINAL_PROMPT", Some("0")),
            ("SSH_ASKPASS_REQUIRE", Some("never")),
            ("LC_ALL", Some("C")),
            ("GIT_DIR", None),
            ("GIT_WORK_TREE", None),
        ],
        limit,
    };
    git.run().await.map_err(|error| match error {
        ProgramError::Failed { words, .. } if !words.is_empty() => without_credentials(&words),
        error => error.to_string(),
    })
}

/// What git says in one line, and without the user and the password that an address may hold.
fn without_credentials(words: &str) -> String {
    let line = words.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ");
    let mut parts = line.split("://");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let end = part.find(|it: char| it == '/' || it == '\'' || it.is_whitespace()).unwrap_or(part.len());
        let start = part[..end].rfind('@').map_or(0, |at| at + 1);
        text + "://" + &part[start..]
    })
}

#[cfg(test)]
mod tests {
    use super::without_credentials;

    #[test]
    fn an_address_is_told_without_its_password() {
        let told = |words| without_credentials(words);
        let said = "fatal: unable to access 'https://bot:s3cr@t@git.example:8443/a@b.git/': 403\nfatal: over\n";
        assert_eq!(told(said), "fatal: unable to access 'https://git.example:8443/a@b.git/': 403; fatal: over");
        assert_eq!(told("could not read 'https://token@git.example'"), "could not read 'https://git.example'");
        assert_eq!(told("fatal: bad object"), "fatal: bad object");
    }
}
