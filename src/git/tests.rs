//! The room against repositories that the real `git` made.
#![expect(clippy::disallowed_methods, reason = "tests make files, and repositories with the git program")]

mod blame;

use super::work_tree::with_unix_line_ends;
use super::*;
use std::fs;
use std::io::{BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;
use tempfile::TempDir;

/// A folder with a repository in `repo`, made by `git` without the user's configuration.
struct Fixture(TempDir);

impl Fixture {
    fn new() -> Self {
        let fixture = Self::without_repository();
        fixture.git(&["init", "-q", "-b", "main"]);
        fixture
    }

    fn without_repository() -> Self {
        let fixture = Self(TempDir::new().unwrap());
        fs::create_dir(fixture.root()).unwrap();
        fixture
    }

    fn root(&self) -> PathBuf {
        self.path("repo")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.git_in("repo", arguments)
    }

    fn git_in(&self, folder: &str, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.path(folder))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .args(["-c", "user.name=t", "-c", "user.email=t@example", "-c", "protocol.file.allow=always"])
            .args(["-c", "safe.directory=*"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn commit(&self) -> Commit {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "change"]);
        Commit { id: self.git(&["rev-parse", "HEAD"]) }
    }

    fn is_dirty(&self) -> bool {
        work_tree(&self.root()).unwrap().source.is_dirty()
    }
}

/// Hands out the files of a folder over HTTP on this machine, until the process ends.
fn serve(folder: PathBuf) -> String {
    use std::io::BufRead as _;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines().map(Result::unwrap);
            let request = lines.next().unwrap_or_default();
            lines.find(String::is_empty);
            let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
            let file = fs::read(folder.join(path.trim_start_matches('/')));
            let status = if file.is_ok() { "200 OK" } else { "404 Not Found" };
            let body = file.unwrap_or_default();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            connection.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        }
    });
    address
}

fn content(tree: &Tree) -> Vec<(&str, &[u8])> {
    tree.files.iter().map(|(path, content)| (path.to_str().unwrap(), content.as_slice())).collect()
}

fn names(tree: &Tree) -> Vec<&str> {
    tree.files.keys().map(|path| path.to_str().unwrap()).collect()
}

#[test]
fn work_tree_and_commit_give_the_same_files() {
    let fixture = Fixture::new();
    fixture.write("realmform.toml", "name = 1\n");
    fixture.write("acme/clients/shop.toml", b"not utf-8: \xff\n");
    fixture.write("acme/README.md", "no realm file");
    fixture.write(".taplo.toml", "another tool's");
    fixture.write(".github/x.toml", "another tool's");
    let commit = fixture.commit();

    let disk = work_tree(&fixture.root()).unwrap();
    assert_eq!(
        content(&disk),
        [("acme/clients/shop.toml", b"not utf-8: \xff\n".as_slice()), ("realmform.toml", b"name = 1\n".as_slice())]
    );
    assert_eq!(disk.source, Source::WorkTree { head: Some(commit.clone()), dirty: false });

    let stored = at_revision(&fixture.root(), "HEAD").unwrap();
    assert_eq!(stored.files, disk.files);
    assert_eq!(stored.source, Source::Commit(commit));
}

#[test]
fn files_that_no_commit_has_are_named() {
    let fixture = Fixture::new();
    let uncommitted = |fixture: &Fixture| {
        let tree = work_tree(&fixture.root()).unwrap();
        let found = uncommitted(&fixture.root(), &tree.files).unwrap();
        found.into_iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    fixture.write("realmform.toml", "name = 1\n");
    assert_eq!(uncommitted(&fixture), ["realmform.toml"]);
    fixture.write("acme/realm.toml", "a = 1\n");
    fixture.commit();
    assert_eq!(uncommitted(&fixture), [""; 0]);
    fixture.write("acme/realm.toml", "a = 1\r\n");
    fixture.write("acme/new.toml", "");
    fixture.write("realmform.toml", "name = 2\n");
    // Staged is not committed.
    fixture.git(&["add", "-A"]);
    assert_eq!(uncommitted(&fixture), ["acme/new.toml", "realmform.toml"]);
    let bare_folder = Fixture::without_repository();
    bare_folder.write("realmform.toml", "");
    assert_eq!(uncommitted(&bare_folder), ["realmform.toml"]);
}

#[test]
fn works_without_a_repository_and_before_the_first_commit() {
    let fixture = Fixture::without_repository();
    assert_eq!(work_tree(&fixture.root()).unwrap().source, Source::WorkTree { head: None, dirty: false });
    fixture.write("acme/realm.toml", "");
    let bare_folder = work_tree(&fixture.root()).unwrap();
    assert_eq!(bare_folder.source, Source::WorkTree { head: None, dirty: true });

    fixture.git(&["init", "-q"]);
    let unborn = work_tree(&fixture.root()).unwrap();
    assert_eq!(unborn, bare_folder);
    assert_eq!(unborn.source.commit(), None);
    assert!(matches!(at_revision(&fixture.root(), "HEAD"), Err(GitError::UnknownRevision { .. })));
}

#[test]
fn every_kind_of_change_is_dirty_and_undoing_it_is_not() {
    let fixture = Fixture::new();
    fixture.write(".gitignore", "ignored.toml\n");
    fixture.write("a.toml", "a");
    fixture.write("b.toml", "b");
    fixture.commit();
    assert!(!fixture.is_dirty());

    fixture.write("a.toml", "changed");
    assert!(fixture.is_dirty(), "edited");
    fixture.git(&["add", "-A"]);
    assert!(fixture.is_dirty(), "staged");
    fixture.write("a.toml", "a");
    assert!(!fixture.is_dirty(), "staged, and undone on the disk, which is what is read");
    fixture.git(&["reset", "-q", "--hard"]);

    fs::remove_file(fixture.root().join("b.toml")).unwrap();
    assert!(fixture.is_dirty(), "deleted");
    fixture.git(&["mv", "-f", "a.toml", "c.toml"]);
    fixture.git(&["reset", "-q", "--hard"]);

    fixture.write("new.toml", "");
    assert!(fixture.is_dirty(), "untracked");
    fs::remove_file(fixture.root().join("new.toml")).unwrap();
    fixture.write("ignored.toml", "");
    assert!(fixture.is_dirty(), "ignored by git, and read all the same");
    fs::remove_file(fixture.root().join("ignored.toml")).unwrap();

    fixture.write("notes.md", "not the project's");
    assert!(!fixture.is_dirty());
}

#[test]
fn a_checkout_with_crlf_is_clean() {
    let fixture = Fixture::new();
    fixture.write("unix.toml", "a = 1\nb = 2\n");
    fixture.commit();
    fixture.git(&["config", "core.autocrlf", "true"]);
    fs::remove_file(fixture.root().join("unix.toml")).unwrap();
    fixture.git(&["checkout", "-q", "unix.toml"]);
    assert_eq!(content(&work_tree(&fixture.root()).unwrap()), [("unix.toml", b"a = 1\r\nb = 2\r\n".as_slice())]);
    assert!(!fixture.is_dirty());

    fixture.git(&["config", "core.autocrlf", "false"]);
    fixture.write("dos.toml", "a = 1\r\n");
    fixture.commit();
    assert!(!fixture.is_dirty(), "CRLF that the commit has as well");
    fixture.write("unix.toml", "a = 1\r\nb = 3\r\n");
    assert!(fixture.is_dirty());
}

#[test]
fn unix_line_ends() {
    for (dos, unix) in [("", ""), ("a\r\n\r\nb", "a\n\nb"), ("\r\r\n\r", "\r\n\r"), ("a\n", "a\n"), ("\r\n", "\n")] {
        assert_eq!(with_unix_line_ends(dos.as_bytes()), unix.as_bytes());
    }
}

#[test]
fn the_project_may_be_any_folder_of_the_repository() {
    let fixture = Fixture::new();
    fixture.write("deep/er/realms/acme/realm.toml", "x");
    fixture.write("elsewhere.toml", "not the project's");
    let first = fixture.commit();
    let project = fixture.root().join("deep/er/realms");
    assert_eq!(names(&work_tree(&project).unwrap()), ["acme/realm.toml"]);
    assert!(!work_tree(&project).unwrap().source.is_dirty());
    fixture.write("elsewhere.toml", "changed");
    assert!(!work_tree(&project).unwrap().source.is_dirty());

    fixture.git(&["rm", "-rq", "deep"]);
    let second = fixture.commit();
    assert_eq!(names(&at_revision(&project, &first.id).unwrap()), ["acme/realm.toml"]);
    let error = at_revision(&project, "HEAD").unwrap_err();
    assert_eq!(error.to_string(), format!("commit {} has no folder `deep/er/realms`", second.short()));
    assert!(matches!(work_tree(&project), Err(GitError::Unreadable { .. })));
}

#[test]
fn a_hidden_folder_can_be_the_project() {
    let fixture = Fixture::new();
    fixture.write(".config/realms/acme/realm.toml", "x");
    fixture.commit();
    let project = fixture.root().join(".config/realms");
    assert_eq!(work_tree(&project).unwrap().files, at_revision(&project, "main").unwrap().files);
    assert_eq!(names(&work_tree(&project).unwrap()), ["acme/realm.toml"]);
}

#[test]
fn revisions_are_written_as_for_git() {
    let fixture = Fixture::new();
    fixture.write("a.toml", "1");
    let first = fixture.commit();
    fixture.git(&["tag", "light"]);
    fixture.git(&["tag", "-a", "-m", "m", "annotated"]);
    fixture.git(&["branch", "feature/x"]);
    fixture.git(&["update-ref", "refs/remotes/origin/main", "HEAD"]);
    fixture.write("a.toml", "2");
    fixture.commit();
    for revision in
        ["HEAD~1", "HEAD^", "@~", "light", "annotated", "feature/x", "origin/main", &first.id, first.short()]
    {
        let tree = at_revision(&fixture.root(), revision).unwrap();
        assert_eq!(
            (content(&tree), tree.source.clone()),
            (vec![("a.toml", b"1".as_slice())], Source::Commit(first.clone()))
        );
    }
    let blob = fixture.git(&["rev-parse", "HEAD:a.toml"]);
    for revision in ["", "nope", "HEAD~9", "HEAD~1..HEAD", "HEAD:a.toml", &blob, &"0123456789".repeat(4), "-x"] {
        let error = at_revision(&fixture.root(), revision).unwrap_err();
        assert_eq!(error.to_string(), format!("the repository has no commit `{revision}`"));
        assert!(error.hint().unwrap().contains("origin/main"));
    }
}

#[test]
fn detached_head_packed_refs_and_packed_objects() {
    let fixture = Fixture::new();
    fixture.write("a.toml", "1");
    let first = fixture.commit();
    fixture.write("a.toml", "2");
    fixture.commit();
    fixture.git(&["checkout", "-q", "--detach", "HEAD~1"]);
    fixture.git(&["gc", "-q"]);
    assert!(!fixture.root().join(".git/refs/heads/main").exists());
    let source = work_tree(&fixture.root()).unwrap().source;
    assert_eq!(source, Source::WorkTree { head: Some(first), dirty: false });
    assert_eq!(content(&at_revision(&fixture.root(), "main").unwrap()), [("a.toml", b"2".as_slice())]);
}

#[test]
fn a_shallow_clone_says_so() {
    let fixture = Fixture::new();
    fixture.write("a.toml", "1");
    let first = fixture.commit();
    fixture.write("a.toml", "2");
    fixture.commit();
    let url = format!("file://{}", fixture.root().display());
    fixture.git_in("", &["clone", "-q", "--depth", "1", &url, "shallow"]);
    let project = fixture.path("shallow");
    assert!(!work_tree(&project).unwrap().source.is_dirty());
    assert_eq!(content(&at_revision(&project, "origin/main").unwrap()), [("a.toml", b"2".as_slice())]);
    for revision in ["HEAD~1", &first.id] {
        let error = at_revision(&project, revision).unwrap_err();
        assert!(error.hint().unwrap().contains("fetch-depth: 0"), "{error:?}");
    }
}

#[test]
fn linked_work_trees_bare_repositories_and_alternates() {
    let fixture = Fixture::new();
    fixture.write("realms/a.toml", "1");
    let commit = fixture.commit();
    fixture.git(&["worktree", "add", "-q", "../linked"]);
    fixture.git_in("", &["clone", "-q", "--bare", "repo", "bare.git"]);
    fixture.git_in("", &["clone", "-q", "--shared", "repo", "shared"]);
    for folder in ["linked", "shared"] {
        let source = work_tree(&fixture.path(folder).join("realms")).unwrap().source;
        assert_eq!(source, Source::WorkTree { head: Some(commit.clone()), dirty: false }, "{folder}");
    }
    for folder in ["linked/realms", "shared/realms", "bare.git/realms"] {
        assert_eq!(names(&at_revision(&fixture.path(folder), "main").unwrap()), ["a.toml"], "{folder}");
    }
    assert_eq!(names(&at_revision(&fixture.path("bare.git"), "main").unwrap()), ["realms/a.toml"]);
}

#[test]
fn a_submodule_is_a_project_of_its_own_and_no_part_of_the_one_around() {
    let fixture = Fixture::new();
    fixture.write("a.toml", "1");
    let inner = fixture.commit();
    fixture.git_in("", &["init", "-q", "-b", "main", "outer"]);
    fixture.git_in("outer", &["submodule", "--quiet", "add", "../repo", "sub"]);
    fixture.git_in("outer", &["commit", "-q", "-m", "add"]);

    let outer = work_tree(&fixture.path("outer")).unwrap();
    assert_eq!((names(&outer), outer.skipped.as_slice()), (vec![], [PathBuf::from("sub")].as_slice()));
    assert!(!outer.source.is_dirty());
    assert_eq!(at_revision(&fixture.path("outer"), "HEAD").unwrap().skipped, outer.skipped);

    let submodule = work_tree(&fixture.path("outer/sub")).unwrap();
    assert_eq!(names(&submodule), ["a.toml"]);
    assert_eq!(submodule.source, Source::WorkTree { head: Some(inner.clone()), dirty: false });

    // Its older commits are its own repository's.
    fixture.write("a.toml", "2");
    fixture.commit();
    fixture.git_in("outer/sub", &["pull", "-q"]);
    let sub = fixture.path("outer/sub");
    assert_eq!(content(&at_revision(&sub, &inner.id).unwrap()), [("a.toml", b"1".as_slice())]);
    let changed = changed_since(&sub, &work_tree(&sub).unwrap(), &inner.id).unwrap();
    assert_eq!(changed, BTreeMap::from([("a.toml".into(), Some(b"1".to_vec()))]));
}

#[tokio::test]
async fn a_commit_that_is_not_here_is_fetched_by_name() {
    let fixture = Fixture::new();
    fixture.write("a.toml", "1");
    let first = fixture.commit();
    fixture.write("a.toml", "2");
    let second = fixture.commit();
    let url = format!("file://{}", fixture.root().display());
    let fetch = |folder: &str, commit: &Commit| missing(&fixture.path(folder), commit).unwrap();
    let command = |folder: &str, commit: &Commit| fetch(folder, commit).map(|fetch| fetch.to_string());
    let unknown = Commit { id: "1".repeat(40) };
    // There is no remote.
    assert_eq!(command("repo", &unknown), None);
    fixture.git_in("", &["clone", "-q", "--depth", "1", &url, "shallow"]);
    assert_eq!(command("shallow", &second), None);
    assert_eq!(command("shallow", &first), Some(format!("git fetch --depth=1 origin {}", first.id)));
    let refused = fetch("shallow", &unknown).unwrap().run().await.unwrap_err();
    assert!(refused.starts_with("fatal: ") && refused.contains(&unknown.id), "{refused}");
    fetch("shallow", &first).unwrap().run().await.unwrap();
    assert!(!fixture.path("shallow/.git/FETCH_HEAD").exists());
    assert_eq!(content(&at_revision(&fixture.path("shallow"), &first.id).unwrap()), [("a.toml", b"1".as_slice())]);

    // Not there yet in a whole clone, which stays whole. The branch has a remote of another name.
    fixture.git_in("", &["clone", "-q", "-o", "upstream", &url, "whole"]);
    fixture.git_in("whole", &["remote", "add", "origin", "https://git.example/other"]);
    let third = fixture.commit();
    assert_eq!(command("whole", &third), Some(format!("git fetch upstream {}", third.id)));
    fetch("whole", &third).unwrap().run().await.unwrap();
    assert_eq!(command("whole", &third), None);
    assert_eq!(fixture.git_in("whole", &["rev-parse", "--is-shallow-repository"]), "false");
    // A detached head has no branch, and git takes origin.
    fixture.git_in("whole", &["checkout", "-q", "--detach"]);
    assert_eq!(command("whole", &unknown), Some(format!("git fetch origin {}", unknown.id)));

    // What somebody wrote into the record is no command.
    assert_eq!(command("whole", &Commit { id: "1; reboot".to_owned() }), None);
    let bare_folder = Fixture::without_repository();
    assert_eq!(missing(&bare_folder.root(), &first).unwrap(), None);
}

#[tokio::test]
async fn a_commit_of_another_repository_is_found_and_fetched() {
    let fixture = Fixture::new();
    fixture.write("customer/a.toml", "1");
    let first = fixture.commit();
    fixture.git(&["tag", "-a", "v1", "-m", "one"]);
    fixture.git(&["tag", "plain"]);
    fixture.git(&["branch", "plain"]);
    fixture.write("customer/a.toml", "2");
    let second = fixture.commit();
    fixture.git(&["branch", "plain", "-f"]);
    let here = fixture.path("");
    let remote = Remote::parse("repo").unwrap();
    let resolved = async |reference| remote.resolve(&here, reference).await;
    assert_eq!(resolved(None).await, Ok(second.clone()));
    assert_eq!(resolved(Some("main")).await, Ok(second.clone()));
    // What an annotated tag is of, and as in git a tag rather than a branch.
    assert_eq!(resolved(Some("v1")).await, Ok(first.clone()));
    assert_eq!(resolved(Some("plain")).await, Ok(first.clone()));
    assert_eq!(resolved(Some("v2")).await, Err("it has no branch or tag `v2`".to_owned()));
    let nowhere = Remote::parse("nowhere").unwrap().resolve(&here, None).await.unwrap_err();
    assert!(nowhere.contains("'nowhere' does not appear to be a git repository"), "{nowhere}");

    // Only the commit, whatever is at it.
    let url = Remote::parse(&format!("file://{}", fixture.root().display())).unwrap();
    let cached = fixture.path("cached.git");
    url.fetch(&here, &first, &cached).await.unwrap();
    assert_eq!(content(&at_revision(&cached.join("customer"), &first.id).unwrap()), [("a.toml", b"1".as_slice())]);
    assert_eq!(fixture.git_in("cached.git", &["rev-list", "--count", &first.id]), "1");

    // A server that hands out files and nothing else cannot give one commit alone.
    fixture.git(&["tag", "-d", "v1", "plain"]);
    fixture.git_in("", &["clone", "-q", "--bare", "repo", "plain.git"]);
    fixture.git_in("plain.git", &["update-server-info"]);
    let plain = Remote::parse(&format!("{}/plain.git", serve(fixture.path("")))).unwrap();
    let fetched = fixture.path("fetched.git");
    plain.fetch(&here, &first, &fetched).await.unwrap();
    assert_eq!(content(&at_revision(&fetched.join("customer"), &first.id).unwrap()), [("a.toml", b"1".as_slice())]);
    let unknown = Commit { id: "1".repeat(40) };
    for (at, remote) in [plain, url].iter().enumerate() {
        let refused = remote.fetch(&here, &unknown, &fixture.path(&format!("refused-{at}.git"))).await.unwrap_err();
        assert!(refused.starts_with("fatal: "), "{refused}");
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_the_project_only() {
    use std::os::unix::fs::symlink;
    let fixture = Fixture::new();
    let link = |target: &str, path: &str| symlink(target, fixture.root().join(path)).unwrap();
    fixture.write("outside.toml", "outside");
    fixture.write("realms/shared/base.toml", "base");
    fixture.write("realms/.parts/text", "text");
    link("shared/base.toml", "realms/one.toml");
    link("one.toml", "realms/two.toml");
    link("./shared/../.parts/text", "realms/text.toml");
    link("shared", "realms/folder");
    link("..", "realms/outer");
    link("nobody@host.1", "realms/.#one.toml");
    fixture.commit();

    let project = fixture.root().join("realms");
    let disk = work_tree(&project).unwrap();
    assert_eq!(names(&disk), ["one.toml", "shared/base.toml", "text.toml", "two.toml"]);
    assert_eq!(disk.files[Path::new("two.toml")], b"base");
    assert_eq!(disk.skipped, [PathBuf::from("folder")]);
    assert!(!disk.source.is_dirty());
    let stored = at_revision(&project, "HEAD").unwrap();
    assert_eq!((&stored.files, &stored.skipped), (&disk.files, &disk.skipped));

    for target in ["../outside.toml", "gone.toml", "bad.toml", "/etc/hostname"] {
        link(target, "realms/bad.toml");
        let error = work_tree(&project).unwrap_err();
        let message = format!("bad.toml is a link to {target}, which is no file inside the project folder");
        assert_eq!(error.to_string(), message);
        fixture.commit();
        assert_eq!(at_revision(&project, "HEAD").unwrap_err().to_string(), message);
        fs::remove_file(project.join("bad.toml")).unwrap();
        assert!(fixture.is_dirty(), "the broken link of the commit is gone");
    }
}

#[test]
fn without_a_repository_a_revision_is_an_error() {
    let fixture = Fixture::without_repository();
    let error = at_revision(&fixture.root(), "HEAD").unwrap_err();
    assert!(matches!(error, GitError::NotARepository { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("--rev"));
}

#[test]
fn a_damaged_repository_is_not_taken_for_none() {
    let fixture = Fixture::new();
    fixture.write("a.toml", "1");
    fixture.commit();
    let tree = fixture.git(&["rev-parse", "HEAD^{tree}"]);
    fs::remove_file(fixture.root().join(".git/objects").join(&tree[..2]).join(&tree[2..])).unwrap();
    assert!(matches!(work_tree(&fixture.root()), Err(GitError::Repository { .. })));
    assert!(matches!(at_revision(&fixture.root(), "HEAD"), Err(GitError::Repository { .. })));
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_named() {
    let fixture = Fixture::without_repository();
    fixture.write("acme/realm.toml", "");
    let gone = fixture.root().join("gone");
    let error = work_tree(&gone).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot read {}", gone.display()));
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("No such file"), "{source}");
}
