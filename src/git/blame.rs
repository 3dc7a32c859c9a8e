//! Which commit last touched a line.
//!
//! The history is walked once for all files, from the commit that was read to older ones. At each
//! commit, what a parent has as well is passed on to that parent, and what no parent has was made
//! here.
//!
//! The answers are those of `git blame`; of lines that are repeated (blank ones, `enabled = true`) it
//! rarely takes another for the same. gix's own blame fails at the end of a shallow clone, leaves
//! lines out of some histories with merges and renames, and walks once for each file.

use super::history::{Author, Changes, History, Node};
use super::lines::{Unchanged, similarity};
use super::revision::Repository;
use super::{Commit, GitError, Tree};
use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The commit that last touched a line. Its texts are as the author wrote them, not made safe for a
/// terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The commit; never a merge that only took the line over.
    pub commit: Commit,
    /// The author's name.
    pub author: String,
    /// When the author made the change, at the author's own clock: `2024-05-06T07:08:09+02:00`.
    pub time: String,
    /// The first line of the message.
    pub subject: String,
    /// Whether the clone ends here, so that it may have been an earlier commit.
    pub is_boundary: bool,
}

/// Who last touched each line (counted from 1) of each file.
pub type Touches = BTreeMap<PathBuf, BTreeMap<u32, Touch>>;

/// Finds who last touched `lines` (counted from 1) of files of `tree`, which was read from the folder
/// `project`. Files are named as in [`Tree::files`]; a link stands for the file it ends at. A line is
/// its text without its line end. Renamed files are followed to their former names when at least half
/// of their content stayed, which is git's measure as well.
///
/// What is not committed is missing from the answer: lines that differ from those of
/// [`Source::commit`](super::Source::commit), and files that it does not have. Without a commit the
/// answer is empty.
///
/// # Errors
/// [`GitError::Repository`] when a commit or a tree is missing or damaged. The end of a shallow clone
/// and the files that a partial one lacks are no errors: see [`Touch::is_boundary`].
pub fn blame(project: &Path, tree: &Tree, lines: &BTreeMap<PathBuf, BTreeSet<u32>>) -> Result<Touches, GitError> {
    let Some(commit) = tree.source.commit().filter(|_| !lines.is_empty()) else {
        return Ok(Touches::new());
    };
    let Some(repository) = Repository::find(project)? else {
        return Ok(Touches::new());
    };
    let repository = repository.with_cache(CACHE);
    let mut walk = Walk { history: History::of(&repository)?, queue: BTreeMap::new(), touches: Touches::new() };
    walk.start(commit, tree, lines)?;
    while let Some((_, (node, pieces))) = walk.queue.pop_last() {
        walk.visit(&node, pieces)?;
    }
    Ok(walk.touches)
}

/// Bytes of objects to keep: the trees of a commit are read again when it is compared with its
/// parents.
const CACHE: usize = 16 << 20;

struct Walk<'r> {
    history: History<'r>,
    /// What is to be traced to the commits of the history, the newest of which is next. The order
    /// does not change the answer; it brings lines together again that came by different ways.
    queue: BTreeMap<(i64, ObjectId), (Node, Vec<Piece>)>,
    touches: Touches,
}

/// Lines of a file that a commit has, made by it or an earlier one.
struct Piece {
    /// The file as the caller named it.
    file: PathBuf,
    /// The file in this commit, from the root of the repository's trees.
    path: BString,
    blob: ObjectId,
    lines: Vec<Line>,
    /// Whether what a parent has of the file is not here.
    is_boundary: bool,
}

/// A line of the caller's file.
struct Line {
    /// Its number for the caller, from 1.
    asked: u32,
    /// Its place in the commit's file, from 0.
    here: u32,
}

impl Walk<'_> {
    fn start(
        &mut self,
        commit: &Commit,
        tree: &Tree,
        lines: &BTreeMap<PathBuf, BTreeSet<u32>>,
    ) -> Result<(), GitError> {
        let mut pieces = Vec::new();
        for (file, asked) in lines {
            let (Some(content), Some((path, blob))) = (tree.files.get(file), self.history.file(commit, file)?) else {
                continue;
            };
            let Some(committed) = self.history.content(blob)? else {
                continue;
            };
            let unchanged = Unchanged::between(&committed, content);
            let line = |&asked| Some(Line { asked, here: unchanged.before(asked.checked_sub(1)?)? });
            let lines = asked.iter().filter_map(line).collect();
            pieces.push(Piece { file: file.clone(), path, blob, lines, is_boundary: false });
        }
        let node = self.history.node(commit)?;
        self.pass_on(&node, pieces);
        Ok(())
    }

    /// Passes on what a parent of `node` has as well, and settles the rest.
    fn visit(&mut self, node: &Node, mut pieces: Vec<Piece>) -> Result<(), GitError> {
        let folder = common_folder(&pieces);
        let mut compared = Vec::new();
        for parent in self.history.parents(node)? {
            let changes = self.history.changes(&parent, node, folder.as_bstr())?;
            let (touched, same) = pieces.into_iter().partition(|piece| changes.touches(piece.path.as_bstr()));
            self.pass_on(&parent, same);
            pieces = touched;
            if pieces.is_empty() {
                return Ok(());
            }
            compared.push((parent, changes));
        }
        for (parent, changes) in &compared {
            let passed = pieces.iter_mut().map(|piece| self.take_unchanged(piece, changes));
            let passed: Vec<_> = passed.filter_map(Result::transpose).collect::<Result<_, _>>()?;
            self.pass_on(parent, passed);
        }
        self.settle(node, pieces)
    }

    fn pass_on(&mut self, node: &Node, pieces: Vec<Piece>) {
        let pieces = pieces.into_iter().filter(|piece| !piece.lines.is_empty());
        for piece in pieces {
            let (_, known) = self.queue.entry((node.time, node.id)).or_insert_with(|| (node.clone(), Vec::new()));
            match known.iter_mut().find(|known| known.is_of_same(&piece)) {
                Some(known) => known.lines.extend(piece.lines),
                None => known.push(piece),
            }
        }
    }

    /// Takes from `piece` the lines that the parent has as well, as a piece of the parent's file.
    fn take_unchanged(&self, piece: &mut Piece, changes: &Changes) -> Result<Option<Piece>, GitError> {
        let Some((path, blob)) = self.origin(piece, changes)? else {
            return Ok(None);
        };
        let lines = if blob == piece.blob {
            std::mem::take(&mut piece.lines)
        } else {
            let (Some(before), Some(after)) = (self.history.content(blob)?, self.history.content(piece.blob)?) else {
                piece.is_boundary = true;
                return Ok(None);
            };
            piece.take_lines(&Unchanged::between(&before, &after))
        };
        Ok(Some(Piece { file: piece.file.clone(), path, blob, lines, is_boundary: false }))
    }

    /// The parent's file that became the piece's.
    fn origin(&self, piece: &Piece, changes: &Changes) -> Result<Option<(BString, ObjectId)>, GitError> {
        match changes.before(piece.path.as_bstr()) {
            Some(blob) => Ok(Some((piece.path.clone(), blob))),
            None => self.former_name(piece, changes),
        }
    }

    /// The parent's file that was renamed to the piece's: one of the same content, else the most
    /// similar. Among equals the file's name decides, as a folder that was renamed may have many.
    fn former_name(&self, piece: &Piece, changes: &Changes) -> Result<Option<(BString, ObjectId)>, GitError> {
        let named_alike = |path: &BStr| name(path) == name(piece.path.as_bstr());
        let same = changes.removed().filter(|(_, blob)| *blob == piece.blob);
        if let Some((path, blob)) = same.max_by_key(|(path, _)| named_alike(path)) {
            return Ok(Some((path.to_owned(), blob)));
        }
        let Some(content) = self.history.content(piece.blob)? else {
            return Ok(None);
        };
        let mut best = None;
        let of_same_kind = |path: &BStr| extension(path) == extension(piece.path.as_bstr());
        for (path, blob) in changes.removed().filter(|(path, _)| of_same_kind(path)).take(MAX_CANDIDATES) {
            let percent = self.history.content(blob)?.map_or(0, |former| similarity(&former, &content));
            if percent >= SIMILAR {
                best = best.max(Some((percent, named_alike(path), path, blob)));
            }
        }
        Ok(best.map(|(_, _, path, blob)| (path.to_owned(), blob)))
    }

    /// Names `node` as the commit that made the lines of `pieces`.
    fn settle(&mut self, node: &Node, pieces: Vec<Piece>) -> Result<(), GitError> {
        if pieces.iter().all(|piece| piece.lines.is_empty()) {
            return Ok(());
        }
        let Author { name, time, subject } = self.history.author(node)?;
        for Piece { file, lines, is_boundary, .. } in pieces {
            let is_boundary = is_boundary || node.is_boundary;
            let (author, time, subject) = (name.clone(), time.clone(), subject.clone());
            let touch = Touch { commit: node.commit(), author, time, subject, is_boundary };
            let lines = lines.into_iter().map(|line| (line.asked, touch.clone()));
            self.touches.entry(file).or_default().extend(lines);
        }
        Ok(())
    }
}

/// What git asks of a renamed file, in percent.
const SIMILAR: usize = 50;

/// How many files one may have been renamed from are compared with it, as in git: a commit that
/// replaces everything must not take minutes.
const MAX_CANDIDATES: usize = 1000;

impl Piece {
    fn is_of_same(&self, other: &Self) -> bool {
        self.blob == other.blob && self.path == other.path && self.file == other.file
    }

    fn take_lines(&mut self, unchanged: &Unchanged) -> Vec<Line> {
        let mut taken = Vec::new();
        self.lines.retain(|&Line { asked, here }| {
            let before = unchanged.before(here);
            taken.extend(before.map(|here| Line { asked, here }));
            before.is_none()
        });
        taken
    }
}

/// The deepest folder that holds all the pieces; empty for the root of the repository's trees.
fn common_folder(pieces: &[Piece]) -> BString {
    let mut paths = pieces.iter().map(|piece| folder(piece.path.as_bstr()));
    let mut common = paths.next().unwrap_or_default();
    for path in paths {
        while !(common.is_empty()
            || path == common
            || path.strip_prefix(common.as_bytes()).is_some_and(|rest| rest.starts_with(b"/")))
        {
            common = folder(common);
        }
    }
    common.to_owned()
}

fn folder(path: &BStr) -> &BStr {
    path.rfind_byte(b'/').map_or(BStr::new(""), |end| path[..end].as_bstr())
}

fn name(path: &BStr) -> &BStr {
    path.rsplit_once_str("/").map_or(path, |(_, name)| name.as_bstr())
}

fn extension(path: &BStr) -> Option<&[u8]> {
    name(path).rsplit_once_str(".").map(|(_, extension)| extension)
}
