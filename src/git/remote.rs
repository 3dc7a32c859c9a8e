//! A repository elsewhere, of which one commit is needed.

use super::{Commit, program};
use crate::transport::is_loopback_host;
use gix::url::Scheme;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// How long git may take to tell what a repository has, and to bring a commit of it.
const LIMIT: Duration = Duration::from_secs(120);

/// Where a repository is: an address as git takes it, or a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote(String);

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Remote {
    /// Reads an address. What is fetched becomes a plan, so it has to come from where it says, and no credential is
    /// written with it.
    ///
    /// # Errors
    /// What was expected instead.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected https://…, ssh://…, git@HOST:PATH, file://… or a path";
        if text.is_empty() || text.starts_with('-') || text.contains(char::is_control) || text.contains("::") {
            return Err(EXPECTED);
        }
        let url = gix::url::parse(text).map_err(|_| EXPECTED)?;
        match url.scheme {
            Scheme::File => {}
            Scheme::Ssh if url.password().is_none() => {}
            Scheme::Https if url.user().is_none() => {}
            Scheme::Http if url.user().is_none() && url.host().is_some_and(is_loopback_host) => {}
            Scheme::Ssh | Scheme::Https => return Err("expected no credentials: git has them, from its helpers"),
            _ => return Err(EXPECTED),
        }
        Ok(Self(text.to_owned()))
    }

    /// The commit that a branch or a tag is at now, or that the repository is at by itself. A path is relative to
    /// `folder`.
    ///
    /// # Errors
    /// What git says; that the repository has no such branch or tag.
    pub async fn resolve(&self, folder: &Path, reference: Option<&str>) -> Result<Commit, String> {
        // A tag may be an object of its own, and what it is of comes before it.
        let patterns = match reference {
            None => vec!["HEAD".to_owned()],
            Some(name) => {
                vec![format!("refs/tags/{name}^{{}}"), format!("refs/tags/{name}"), format!("refs/heads/{name}")]
            }
        };
        let args = ["ls-remote", "--quiet", "--", &self.0].into_iter().map(OsString::from);
        let told = program::run(folder, args.chain(patterns.iter().map(OsString::from)).collect(), LIMIT).await?;
        let told = String::from_utf8_lossy(&told);
        let lines: Vec<(&str, &str)> = told.lines().filter_map(|line| line.split_once('\t')).collect();
        let found = patterns.iter().find_map(|pattern| lines.iter().find(|(_, name)| name == pattern));
        found.map(|(id, _)| Commit { id: (*id).to_owned() }).ok_or_else(|| match reference {
            None => "it has no commit yet".to_owned(),
            Some(name) => format!("it has no branch or tag `{name}`"),
        })
    }

    /// Fetches a commit into a new bare repository at `into`. A path is relative to `folder`.
    ///
    /// # Errors
    /// What git says, where the commit is not to be had.
    pub async fn fetch(&self, folder: &Path, commit: &Commit, into: &Path) -> Result<(), String> {
        let git = async |args: &[&str]| {
            let at = [OsString::from("--git-dir"), into.as_os_str().to_owned()];
            let args = at.into_iter().chain(args.iter().map(OsString::from)).collect();
            program::run(folder, args, LIMIT).await.map(drop)
        };
        git(&["init", "--bare", "--quiet", "--template="]).await?;
        let fetch = ["fetch", "--quiet", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"];
        let alone = [&fetch[..], &["--no-tags", "--depth=1", "--", &self.0, &commit.id]].concat();
        let Err(why) = git(&alone).await else { return Ok(()) };
        // A server may refuse what no branch or tag is at; those that come before it may have it.
        let all = [&fetch[..], &["--", &self.0, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]].concat();
        git(&all).await.map_err(|_| why.clone())?;
        git(&["cat-file", "-e", &format!("{}^{{commit}}", commit.id)]).await.map_err(|_| why)
    }
}

#[cfg(test)]
mod tests {
    use super::Remote;

    #[test]
    fn an_address_names_where_and_not_who() {
        for sound in [
            "https://git.example/platform/blueprints.git",
            "ssh://git@git.example:2222/blueprints",
            "git@git.example:platform/blueprints.git",
            "file:///srv/git/blueprints.git",
            "../blueprints",
            "http://127.0.0.1:3000/blueprints.git",
        ] {
            assert_eq!(Remote::parse(sound).map(|remote| remote.to_string()), Ok(sound.to_owned()));
        }
        for refused in
            ["https://bot:s3cret@git.example/x", "https://token@git.example/x", "ssh://git:pass@git.example/x"]
        {
            assert!(Remote::parse(refused).unwrap_err().starts_with("expected no credentials"), "{refused}");
        }
        for refused in
            ["", "--upload-pack=reboot", "ext::sh -c reboot", "git://git.example/x", "http://git.example/x", "a\nb"]
        {
            assert!(Remote::parse(refused).unwrap_err().starts_with("expected https://"), "{refused}");
        }
    }
}
