//! Who last touched a line, against what the real `git` says.

use super::*;
use gix::bstr::ByteSlice;
use std::collections::BTreeSet;

impl Fixture {
    /// Commits everything, and gives the short id.
    fn commit_as(&self, author: &str, subject: &str) -> String {
        self.git(&["add", "-A"]);
        let author = format!("{author} <{author}@example>");
        self.git(&["commit", "-q", "-m", subject, "--author", &author, "--date", "2024-05-06T07:08:09+0200"]);
        self.head()
    }

    fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])[..7].to_owned()
    }

    /// The commits that `git blame` names, line by line.
    fn blamed_by_git(&self, revision: &str, path: &str) -> Vec<String> {
        let porcelain = self.git(&["blame", "--line-porcelain", revision, "--", path]);
        let ids = porcelain.lines().filter(|line| line.split(' ').next().is_some_and(|word| word.len() == 40));
        ids.map(|line| line[..7].to_owned()).collect()
    }
}

/// Who last touched each line of a file; `None` where nobody did.
fn touches(project: &Path, tree: &Tree, file: &str) -> Vec<Option<Touch>> {
    let count = u32::try_from(tree.files[Path::new(file)].lines().count()).unwrap();
    let lines = BTreeMap::from([(file.into(), (1..=count).collect())]);
    let found = blame(project, tree, &lines).unwrap();
    assert!(found.keys().all(|path| path == Path::new(file)));
    (1..=count).map(|line| found.get(Path::new(file))?.get(&line).cloned()).collect()
}

/// The same as short ids of commits, `-` where there is none and `^` at the end of the clone.
fn ids(project: &Path, tree: &Tree, file: &str) -> Vec<String> {
    let id = |touch: Touch| format!("{}{}", if touch.is_boundary { "^" } else { "" }, touch.commit.short());
    touches(project, tree, file).into_iter().map(|touch| touch.map_or("-".to_owned(), id)).collect()
}

fn head_ids(fixture: &Fixture, file: &str) -> Vec<String> {
    ids(&fixture.root(), &at_revision(&fixture.root(), "HEAD").unwrap(), file)
}

#[test]
fn a_touch_says_who_when_and_what_for() {
    let fixture = Fixture::new();
    fixture.write("realm.toml", "a = 1\nb = 1\n");
    fixture.commit_as("Ada", "Begin\n\nAt last.");
    fixture.write("realm.toml", "a = 1\nb = 2\n");
    let second = fixture.commit_as("Zoë", "Raise b\nand say so");

    let tree = work_tree(&fixture.root()).unwrap();
    let lines = BTreeMap::from([("realm.toml".into(), BTreeSet::from([0, 2, 3, u32::MAX]))]);
    let found = blame(&fixture.root(), &tree, &lines).unwrap();
    let touch = Touch {
        commit: tree.source.commit().unwrap().clone(),
        author: "Zoë".to_owned(),
        time: "2024-05-06T07:08:09+02:00".to_owned(),
        subject: "Raise b".to_owned(),
        is_boundary: false,
    };
    assert_eq!(touch.commit.short(), second);
    assert_eq!(found, Touches::from([("realm.toml".into(), BTreeMap::from([(2, touch)]))]));
    assert_eq!(touches(&fixture.root(), &tree, "realm.toml")[0].as_ref().unwrap().subject, "Begin");
}

#[test]
fn a_merge_hands_its_lines_to_the_branches_they_came_from() {
    let fixture = Fixture::new();
    fixture.write("realm.toml", "a = 1\nb = 1\nc = 1\nd = 1\ne = 1\n");
    let first = fixture.commit_as("Ada", "first");
    fixture.git(&["checkout", "-q", "-b", "side"]);
    fixture.write("realm.toml", "a = 2\nb = 1\nc = 1\nd = 1\ne = 1\n");
    fixture.write("side.toml", "x = 1\n");
    let side = fixture.commit_as("Bob", "side");
    fixture.git(&["checkout", "-q", "main"]);
    fixture.write("realm.toml", "a = 1\nb = 1\nc = 1\nd = 1\ne = 2\n");
    let main = fixture.commit_as("Ada", "main");
    fixture.git(&["merge", "-q", "--no-commit", "side"]);
    fixture.write("realm.toml", "a = 2\nb = 1\nc = 3\nd = 1\ne = 2\n");
    let merge = fixture.commit_as("Ada", "merge");

    let expected = [&side, &first, &merge, &first, &main].map(String::clone);
    assert_eq!(head_ids(&fixture, "realm.toml"), expected);
    assert_eq!(head_ids(&fixture, "side.toml"), [side]);
    assert_eq!(fixture.blamed_by_git("HEAD", "realm.toml"), expected);
}

#[test]
fn histories_that_began_apart_are_all_walked_to_their_ends() {
    let fixture = Fixture::new();
    fixture.write("a.toml", "a = 1\n");
    fixture.write("both.toml", "a = 1\n");
    let one = fixture.commit_as("Ada", "one");
    fixture.git(&["checkout", "-q", "--orphan", "other"]);
    fixture.git(&["rm", "-rfq", "."]);
    fixture.write("b.toml", "b = 1\n");
    fixture.write("both.toml", "b = 1\n");
    let other = fixture.commit_as("Bob", "other");
    fixture.git(&["merge", "-q", "--no-commit", "--allow-unrelated-histories", "-s", "ours", "main"]);
    fixture.write("a.toml", "a = 1\n");
    fixture.write("both.toml", "a = 1\nb = 1\n");
    fixture.commit_as("Ada", "merge");
    assert_eq!(head_ids(&fixture, "a.toml"), [one.as_str()]);
    assert_eq!(head_ids(&fixture, "b.toml"), [other.as_str()]);
    assert_eq!(head_ids(&fixture, "both.toml"), [one, other]);
}

#[test]
fn what_is_not_committed_is_left_out() {
    let fixture = Fixture::new();
    fixture.write("realm.toml", "a = 1\nb = 1\nc = 1\n");
    let first = fixture.commit_as("Ada", "first");
    fixture.write("realm.toml", "new = 1\na = 1\nb = 2\nc = 1\n");
    fixture.write("new.toml", "a = 1\n");
    let tree = work_tree(&fixture.root()).unwrap();
    assert_eq!(ids(&fixture.root(), &tree, "realm.toml"), ["-", &first, "-", &first]);
    assert_eq!(ids(&fixture.root(), &tree, "new.toml"), ["-"]);
    let lines = BTreeMap::from([("gone.toml".into(), BTreeSet::from([1]))]);
    assert_eq!(blame(&fixture.root(), &tree, &lines).unwrap(), Touches::new());
}

#[test]
fn without_a_commit_nobody_touched_anything() {
    let fixture = Fixture::without_repository();
    fixture.write("realm.toml", "a = 1\n");
    assert_eq!(ids(&fixture.root(), &work_tree(&fixture.root()).unwrap(), "realm.toml"), ["-"]);
    fixture.git(&["init", "-q"]);
    assert_eq!(ids(&fixture.root(), &work_tree(&fixture.root()).unwrap(), "realm.toml"), ["-"]);
}

#[test]
fn line_ends_are_no_part_of_a_line() {
    let fixture = Fixture::new();
    fixture.write("realm.toml", "a = 1\nb = 1\nc = 1");
    let first = fixture.commit_as("Ada", "first");
    fixture.write("realm.toml", "a = 1\r\nb = 2\r\nc = 1\r\n");
    let second = fixture.commit_as("Ada", "second");
    assert_eq!(head_ids(&fixture, "realm.toml"), [&first, &second, &first].map(String::as_str));
    fixture.write("realm.toml", "a = 1\nb = 2\nc = 3\n");
    let disk = work_tree(&fixture.root()).unwrap();
    assert_eq!(ids(&fixture.root(), &disk, "realm.toml"), [&first, &second, "-"]);
}

#[test]
fn the_project_may_be_anywhere() {
    let fixture = Fixture::new();
    fixture.write("deep/realms/a.toml", "a = 1\nb = 1\n");
    let first = fixture.commit_as("Ada", "first");
    fixture.write("deep/realms/a.toml", "a = 1\nb = 2\n");
    let second = fixture.commit_as("Ada", "second");
    fixture.write("elsewhere.toml", "not the project's");
    fixture.commit_as("Ada", "third");
    fixture.git(&["worktree", "add", "-q", "../linked"]);
    fixture.git_in("", &["clone", "-q", "--bare", "repo", "bare.git"]);
    fixture.git(&["checkout", "-q", "--detach"]);
    fixture.git(&["gc", "-q"]);

    for project in ["repo/deep/realms", "linked/deep/realms"] {
        let project = fixture.path(project);
        assert_eq!(ids(&project, &work_tree(&project).unwrap(), "a.toml"), [first.as_str(), &second]);
    }
    for (project, file) in [("bare.git/deep/realms", "a.toml"), ("bare.git", "deep/realms/a.toml")] {
        let project = fixture.path(project);
        assert_eq!(ids(&project, &at_revision(&project, "main").unwrap(), file), [first.as_str(), &second]);
        assert_eq!(ids(&project, &at_revision(&project, "main~2").unwrap(), file), [first.as_str(), &first]);
    }
}

#[test]
fn a_shallow_clone_ends_at_its_boundaries() {
    let fixture = Fixture::new();
    fixture.write("realm.toml", "a = 1\nb = 1\nc = 1\nd = 1\n");
    fixture.commit_as("Ada", "before the clone");
    fixture.write("realm.toml", "a = 2\nb = 1\nc = 1\nd = 1\n");
    let main = fixture.commit_as("Ada", "the end on main");
    fixture.git(&["checkout", "-q", "-b", "side", "HEAD~1"]);
    fixture.write("realm.toml", "a = 1\nb = 1\nc = 2\nd = 1\n");
    let side = fixture.commit_as("Bob", "the end on side");
    fixture.git(&["checkout", "-q", "main"]);
    fixture.git(&["merge", "-q", "-m", "merge", "side"]);
    fixture.write("realm.toml", "a = 2\nb = 1\nc = 2\nd = 3\n");
    let last = fixture.commit_as("Ada", "last");
    let url = format!("file://{}", fixture.root().display());
    fixture.git_in("", &["clone", "-q", "--depth", "3", &url, "shallow"]);
    let project = fixture.path("shallow");
    let found = ids(&project, &work_tree(&project).unwrap(), "realm.toml");
    assert_eq!(found, [format!("^{main}"), format!("^{main}"), format!("^{side}"), last]);
}

#[test]
fn a_clone_without_old_files_ends_at_the_first_change_of_the_file() {
    let fixture = Fixture::new();
    fixture.git(&["config", "uploadpack.allowFilter", "true"]);
    fixture.write("realm.toml", "a = 1\n");
    fixture.write("same.toml", "a = 1\nb = 1\n");
    let first = fixture.commit_as("Ada", "first");
    fixture.write("realm.toml", "a = 1\nb = 1\n");
    let second = fixture.commit_as("Ada", "second");
    let url = format!("file://{}", fixture.root().display());
    fixture.git_in("", &["clone", "-q", "--filter=blob:none", &url, "partial"]);
    let project = fixture.path("partial");
    let tree = work_tree(&project).unwrap();
    assert_eq!(ids(&project, &tree, "realm.toml"), [format!("^{second}"), format!("^{second}")]);
    assert_eq!(ids(&project, &tree, "same.toml"), [first.as_str(), &first]);
}

#[test]
fn renamed_files_and_folders_are_followed() {
    let fixture = Fixture::new();
    let text = "a = 1\nb = 1\nc = 1\nd = 1\n";
    fixture.write("realms/acme/clients/shop.toml", text);
    fixture.write("realms/acme/roles/shop.toml", text);
    fixture.write("realms/acme/clients/other.toml", "quite = \"another\"\nfile = true\n");
    let first = fixture.commit_as("Ada", "first");
    fixture.write("realms/acme/roles/shop.toml", text.replace("b = 1", "b = 2"));
    let roles = fixture.commit_as("Ada", "roles");
    fixture.git(&["mv", "realms/acme/clients/shop.toml", "realms/acme/clients/store.toml"]);
    fixture.write("realms/acme/clients/store.toml", text.replace("d = 1", "d = 2"));
    let renamed = fixture.commit_as("Ada", "rename and edit the file");
    fs::create_dir(fixture.root().join("infra")).unwrap();
    fixture.git(&["mv", "realms", "infra/keycloak"]);
    fixture.commit_as("Ada", "move the project");

    let project = fixture.root().join("infra/keycloak/acme");
    let tree = work_tree(&project).unwrap();
    assert_eq!(ids(&project, &tree, "clients/store.toml"), [&first, &first, &first, &renamed].map(String::as_str));
    assert_eq!(ids(&project, &tree, "roles/shop.toml"), [&first, &roles, &first, &first].map(String::as_str));
    assert_eq!(ids(&project, &tree, "clients/other.toml"), [first.as_str(), &first]);
    let by_git = fixture.blamed_by_git("HEAD", "infra/keycloak/acme/clients/store.toml");
    assert_eq!(by_git, ids(&project, &tree, "clients/store.toml"));
}

#[test]
fn a_file_that_was_written_anew_is_not_a_renamed_one() {
    let fixture = Fixture::new();
    fixture.write("old.toml", "a = 1\nb = 1\nc = 1\n");
    fixture.commit_as("Ada", "first");
    fixture.git(&["rm", "-q", "old.toml"]);
    fixture.write("new.toml", "a = 1\nx = 1\ny = 1\n");
    let second = fixture.commit_as("Ada", "second");
    assert_eq!(head_ids(&fixture, "new.toml"), [second.as_str(), &second, &second]);
}

#[cfg(unix)]
#[test]
fn a_link_stands_for_the_file_it_ends_at() {
    let fixture = Fixture::new();
    fixture.write("realms/.parts/text", "a = 1\nb = 1\n");
    let first = fixture.commit_as("Ada", "first");
    fixture.write("realms/.parts/text", "a = 1\nb = 2\n");
    let second = fixture.commit_as("Ada", "second");
    std::os::unix::fs::symlink(".parts/text", fixture.root().join("realms/one.toml")).unwrap();
    fixture.commit_as("Ada", "link");
    fs::remove_file(fixture.root().join("realms/one.toml")).unwrap();
    std::os::unix::fs::symlink("one.toml", fixture.root().join("realms/two.toml")).unwrap();
    std::os::unix::fs::symlink(".parts/text", fixture.root().join("realms/one.toml")).unwrap();
    fixture.commit_as("Ada", "link to the link");
    let project = fixture.root().join("realms");
    for file in ["one.toml", "two.toml"] {
        assert_eq!(ids(&project, &work_tree(&project).unwrap(), file), [first.as_str(), &second]);
    }
}

#[test]
fn a_file_where_a_folder_was_is_new() {
    let fixture = Fixture::new();
    fixture.write("acme.toml/notes.md", "a = 1\n");
    fixture.commit_as("Ada", "first");
    fixture.git(&["rm", "-rq", "acme.toml"]);
    fixture.write("acme.toml", "b = 1\n");
    let second = fixture.commit_as("Ada", "second");
    assert_eq!(head_ids(&fixture, "acme.toml"), [second]);
}

#[test]
fn damaged_history_is_an_error() {
    let fixture = Fixture::new();
    fixture.write("realm.toml", "a = 1\n");
    let first = fixture.commit();
    fixture.write("realm.toml", "a = 1\nb = 1\n");
    fixture.commit();
    fs::remove_file(fixture.root().join(".git/objects").join(&first.id[..2]).join(&first.id[2..])).unwrap();
    let lines = BTreeMap::from([("realm.toml".into(), BTreeSet::from([1]))]);
    let error = blame(&fixture.root(), &work_tree(&fixture.root()).unwrap(), &lines).unwrap_err();
    assert!(matches!(error, GitError::Repository { .. }), "{error:?}");
}

#[test]
fn a_new_table_among_alike_ones_is_new_from_its_header_on() {
    let table = |name: &str| format!("[[mappers]]\nname = \"{name}\"\nenabled = true\n\n");
    let fixture = Fixture::new();
    fixture.write("realm.toml", table("a") + &table("c"));
    let first = fixture.commit_as("Ada", "first");
    fixture.write("realm.toml", table("a") + &table("b") + &table("c"));
    let second = fixture.commit_as("Ada", "second");
    let expected = [&first, &second, &first].map(|id| vec![id.as_str(); 4]).concat();
    assert_eq!(head_ids(&fixture, "realm.toml"), expected);
    assert_eq!(fixture.blamed_by_git("HEAD", "realm.toml"), expected);
}
