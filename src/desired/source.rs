//! Files as they were read, and places in them.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::hide;
use crate::model::Origin;

/// One file as text, with an index of its lines so that a place is found without reading the file again.
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    /// Where each line starts, in bytes.
    lines: Arc<[usize]>,
    /// Where the file is used, which is a blueprint's then.
    via: Option<Place>,
    /// Where secrets are written that do not look like it.
    hidden: Arc<Mutex<Vec<Range<usize>>>>,
    /// The text with everything that looks like a secret blanked: made only when a problem is shown.
    shown: OnceLock<String>,
}

impl Source {
    /// A file of the project.
    pub(super) fn new(path: &Path, text: impl Into<Arc<str>>) -> Arc<Self> {
        let text = text.into();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Arc::new(Self {
            name: display_name(path).into(),
            text,
            lines,
            via: None,
            hidden: Arc::default(),
            shown: OnceLock::new(),
        })
    }

    /// The same file, used there.
    pub(super) fn used(&self, via: Place) -> Arc<Self> {
        let Self { name, text, lines, via: _, hidden, shown: _ } = self;
        let (name, text, lines) = (Arc::clone(name), Arc::clone(text), Arc::clone(lines));
        Arc::new(Self { name, text, lines, via: Some(via), hidden: Arc::clone(hidden), shown: OnceLock::new() })
    }

    /// Where the file is used, which is a blueprint's then.
    pub(super) fn via(&self) -> Option<&Place> {
        self.via.as_ref()
    }

    /// The path relative to the project, with `/`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text as it was read. It may hold a secret that somebody wrote by mistake: never print it.
    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }

    fn shown(&self) -> &str {
        let hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        self.shown.get_or_init(|| hide::secrets(&self.text, &hidden))
    }

    /// Blanks what is written there wherever the file is shown.
    pub(super) fn hide(&self, span: Range<usize>) {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }

    /// The line that holds a byte, counted from 0.
    fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset).saturating_sub(1)
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl SourceCode for Source {
    /// Hands only the lines around the span to miette: it would count them from the start of the file, which is
    /// quadratic for a big file with many problems.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let first = self.line(span.offset()).saturating_sub(before);
        let start = self.lines[first];
        let last = self.line(span.offset() + span.len()) + after + 1;
        let end = self.lines.get(last).copied().unwrap_or(self.text.len());
        let window = self.shown().as_bytes().get(start..end).ok_or(MietteError::OutOfBounds)?;
        let local = SourceSpan::from((span.offset().saturating_sub(start), span.len()));
        let (at, line, column, count, length) = {
            let inner = window.read_span(&local, before, after)?;
            let offset = inner.span().offset();
            (offset, inner.line(), inner.column(), inner.line_count(), inner.data().len())
        };
        let data = &window[at..at + length];
        let span = SourceSpan::from((start + at, length));
        Ok(Box::new(MietteSpanContents::new_named(self.name.to_string(), data, span, first + line, column, count)))
    }
}

/// A place in a file that can be shown.
#[derive(Clone, Debug)]
pub struct Place {
    pub(super) source: Arc<Source>,
    pub(super) span: Range<usize>,
}

impl Place {
    /// The span of a file.
    pub(super) fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        Self { source: Arc::clone(source), span }
    }

    /// The start of a file, for what concerns all of it.
    pub(super) fn start(source: &Arc<Source>) -> Self {
        Self::new(source, 0..0)
    }

    /// The place as later rooms keep it.
    pub fn origin(&self) -> Origin {
        let line = self.source.line(self.span.start);
        let before = self.source.text.get(self.source.lines[line]..self.span.start).unwrap_or_default();
        let column = before.trim_start_matches(BYTE_ORDER_MARK).chars().count();
        let number = |n: usize| u32::try_from(n + 1).unwrap_or(u32::MAX);
        Origin {
            file: Arc::clone(&self.source.name),
            line: number(line),
            column: number(column),
            span: self.span.clone(),
            via: self.source.via.as_ref().map(|via| Arc::new(via.origin())),
        }
    }

    /// Files by name, then from top to bottom.
    pub(super) fn order(&self) -> (&str, usize, usize) {
        (&self.source.name, self.span.start, self.span.end)
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Paths are shown alike on every system.
pub(super) fn display_name(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}
