//! What is wrong with what a user wrote, and how it is shown.

use std::fmt;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, Severity, SourceCode};

use super::source::Place;

/// One thing that is wrong, or looks wrong, in a file of the project.
#[derive(Clone, Debug)]
pub struct Problem {
    message: String,
    severity: Severity,
    place: Option<(Place, String)>,
    second: Option<Box<Second>>,
    /// Where blueprints are used that the places are in.
    uses: Vec<Second>,
    help: Option<String>,
}

/// Another place of a problem, which may be in another file.
#[derive(Clone, Debug)]
struct Second {
    place: Place,
    label: String,
    title: &'static str,
}

impl Problem {
    /// Something that has to be corrected.
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            severity: Severity::Error,
            place: None,
            second: None,
            uses: Vec::new(),
            help: None,
        }
    }

    /// Something that is probably not meant.
    pub(super) fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// A warning, or an error for those who want to know only what is known.
    pub(super) fn unless(strict: bool, message: impl Into<String>) -> Self {
        if strict { Self::error(message) } else { Self::warning(message) }
    }

    /// The files that it shows.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let second = self.second.iter().map(|second| &second.place);
        let places = self.place.iter().map(|(place, _)| place).chain(second);
        places.chain(self.uses.iter().map(|used| &used.place)).map(|place| place.source.name())
    }

    #[must_use]
    pub(super) fn at(mut self, place: Place, label: impl Into<String>) -> Self {
        self.add_uses(&place);
        self.place = Some((place, label.into()));
        self
    }

    #[must_use]
    pub(super) fn and(mut self, place: Place, label: impl Into<String>) -> Self {
        self.add_uses(&place);
        self.second = Some(Box::new(Second { place, label: label.into(), title: "the other place" }));
        self
    }

    fn add_uses(&mut self, place: &Place) {
        for via in std::iter::successors(place.source.via(), |via| via.source.via()) {
            if !self.uses.iter().any(|known| known.place.order() == via.order()) {
                let label = "the blueprint is used here".to_owned();
                self.uses.push(Second { place: via.clone(), label, title: "used by" });
            }
        }
    }

    /// Notes that the same is wrong wherever a blueprint is used.
    pub(super) fn repeated(&mut self, times: usize) {
        let uses = if times == 1 { "one more use".to_owned() } else { format!("{times} more uses") };
        let more = format!("the same in {uses} of the blueprint");
        self.help = Some(self.help.take().map_or(more.clone(), |help| format!("{help}; {more}")));
    }

    /// Whether it is the same mistake of the same file, whatever uses that.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        !self.uses.is_empty() && self.order() == other.order()
    }

    #[must_use]
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// [`Self::at`], where the place is known.
    #[must_use]
    pub(super) fn maybe_at(self, place: Option<Place>, label: &str) -> Self {
        match place {
            Some(place) => self.at(place, label),
            None => self,
        }
    }

    /// [`Self::and`], where the place is known.
    #[must_use]
    pub(super) fn maybe_and(self, place: Option<Place>, label: &'static str) -> Self {
        match place {
            Some(place) => self.and(place, label),
            None => self,
        }
    }

    #[must_use]
    pub(super) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// Whether it is an error and no warning.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Where it is; `None` for what concerns no file, such as one that is missing.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref().map(|(place, _)| place)
    }

    /// By place, so that the same files give the same report whatever order they came in.
    pub(super) fn order(&self) -> impl Ord + '_ {
        (self.place().map(Place::order), !self.is_error(), &self.message)
    }

    /// The second place when it is in the same file, so that one excerpt shows both.
    fn second_here(&self) -> Option<&Second> {
        let here = self.place()?;
        self.second.as_deref().filter(|second| second.place.source.name() == here.source.name())
    }

    fn second_elsewhere(&self) -> Option<&Second> {
        if self.second_here().is_some() { None } else { self.second.as_deref() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place().map(|place| &*place.source as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (place, label) = self.place.as_ref()?;
        let first = LabeledSpan::new_primary_with_span(Some(label.clone()), place.span.clone());
        let second = self.second_here().map(Second::labelled);
        Some(Box::new(std::iter::once(first).chain(second)))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let others = self.second_elsewhere().into_iter().chain(&self.uses);
        let mut others = others.map(|second| second as &dyn Diagnostic).peekable();
        others.peek()?;
        Some(Box::new(others))
    }
}

impl Second {
    fn labelled(&self) -> LabeledSpan {
        LabeledSpan::new_with_span(Some(self.label.clone()), self.place.span.clone())
    }
}

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title)
    }
}

impl std::error::Error for Second {}

impl Diagnostic for Second {
    fn severity(&self) -> Option<Severity> {
        Some(Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.place.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(self.labelled())))
    }
}

/// Everything that is wrong with the files of a run, by place; at least one error, and the warnings.
#[derive(Clone, Debug)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// How many of them are errors.
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|problem| problem.is_error()).count()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors() {
            1 => f.write_str("1 error in the realm files"),
            n => write!(f, "{n} errors in the realm files"),
        }
    }
}

impl std::error::Error for Problems {}

/// The problems for a terminal `width` columns wide, one after the other.
pub fn render(problems: &[Problem], color: bool, width: usize) -> String {
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler =
        GraphicalReportHandler::new_themed(theme).with_links(false).with_width(width).with_show_related_as_nested(true);
    let mut text = String::new();
    for problem in problems {
        // Writing to a String cannot fail; a place outside its file is shown by miette as such.
        let _ = handler.render_report(&mut text, problem);
        text.push('\n');
    }
    text
}
