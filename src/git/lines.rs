//! What two texts have in common, line by line.
//!
//! A line is its text: how it ends (LF, CRLF, or with the file) is no part of it, so that a checkout
//! with CRLF, or a commit that changed line ends only, touches no line.

use gix::bstr::ByteSlice;
use gix_imara_diff::{Algorithm, Diff, Hunk, InternedInput};
use std::collections::HashMap;

/// What a change left as it was.
pub(super) struct Unchanged {
    /// Where it changed something, in order.
    changes: Vec<Hunk>,
    /// How many lines there are after the change.
    lines: u32,
}

impl Unchanged {
    /// Compares as git does, with its way to choose among several answers: in a list of tables that
    /// begin alike, a new table is new from its header on.
    pub(super) fn between(before: &[u8], after: &[u8]) -> Self {
        let mut input = InternedInput::default();
        input.update_before(before.lines());
        input.update_after(after.lines());
        let mut diff = Diff::compute(Algorithm::Myers, &input);
        diff.postprocess_lines(&input);
        Self { changes: diff.hunks().collect(), lines: u32::try_from(input.after.len()).unwrap_or(u32::MAX) }
    }

    /// Where the line that is number `line` after the change was before it, both counted from 0;
    /// `None` when the change made it, or there is no such line.
    pub(super) fn before(&self, line: u32) -> Option<u32> {
        if line >= self.lines {
            return None;
        }
        match self.changes.iter().rfind(|change| change.after.start <= line) {
            Some(Hunk { before, after }) => (line >= after.end).then(|| before.end + (line - after.end)),
            None => Some(line),
        }
    }
}

/// How much of the larger text both have, in percent of its bytes; the order of the lines does not
/// matter.
pub(super) fn similarity(one: &[u8], other: &[u8]) -> usize {
    let size = |text: &[u8]| text.lines().map(weight).sum::<usize>();
    let mut lines = HashMap::<_, usize>::new();
    for line in one.lines() {
        *lines.entry(line).or_default() += 1;
    }
    let mut common = 0;
    for line in other.lines() {
        if let Some(left) = lines.get_mut(line).filter(|left| **left > 0) {
            *left -= 1;
            common += weight(line);
        }
    }
    common * 100 / size(one).max(size(other)).max(1)
}

fn weight(line: &[u8]) -> usize {
    line.len() + 1
}
