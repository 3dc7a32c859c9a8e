//! For people, on a terminal or in a log: one block an object, `+ ~ -`, old → new.

mod drift;
mod stale;
mod status;
mod story;

use std::fmt::{Display, Write as _};

use anstyle::{AnsiColor, Style};
use serde_json::Value as Json;

use super::escape::safe;
use super::value::{Layout, Row, layout};
use crate::diff::{
    Action, After, Before, Cause, Change, Concern, Counts, Diff, FieldChange, OutputAction, OutputChange, RealmDiff,
    Scope,
};
use crate::fleet::Survey;
use crate::git::Touch;
use crate::model::{Address, HandOff, Origin, SecretRef};
use crate::plan::explain::{Explanations, has_moved, is_edit};
use crate::plan::{Plan, Refusal, Violation};

pub use drift::drift;
pub(super) use drift::{summary as drift_summary, told};
pub use stale::{stale, unexpected};
pub use status::status;
pub(super) use status::{commit, headline, sign as state_sign, word as state_word};
pub use story::story;

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether there is colour.
    pub color: bool,
    /// The columns that there are; what stands at the right ends there, where it fits.
    pub width: usize,
    /// Whether long values are shown in full, and what only enters or leaves the record by name.
    pub verbose: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { color: false, width: 100, verbose: false }
    }
}

/// A plan with who is behind each change, as far as that is known, and its summary as the last line.
pub fn plan(plan: &Plan, explanations: &Explanations, options: Options) -> String {
    let mut page = Page { explanations: Some(explanations), ..Page::new(options, true) };
    page.places(explanations.survey.as_ref());
    for realm in plan.realms.values() {
        page.realm(&realm.diff);
    }
    page.summary(&plan_summary(plan));
    for scope in scopes(plan) {
        page.push(format_args!("{scope}\n"));
    }
    page.text
}

/// What differs between two states of the files: what concerns security first, the summary as the last line.
pub fn difference(diff: &Diff, concerns: &[Concern], options: Options) -> String {
    let mut page = Page::new(options, false);
    page.concerns(concerns);
    for realm in diff.realms.values() {
        page.realm(realm);
    }
    page.summary(&difference_summary(diff));
    page.text
}

/// `3 added, 1 changed, 0 renamed, 2 removed.`
pub(super) fn difference_summary(diff: &Diff) -> String {
    let counts: Counts = diff.realms.values().map(RealmDiff::counts).sum();
    let Counts { create, update, rename, delete, adopt, forget } = counts;
    let mut text = if counts.is_unchanged() {
        "No difference.".to_owned()
    } else {
        format!("{create} added, {update} changed, {rename} renamed, {delete} removed.")
    };
    // Writing to a String cannot fail.
    if adopt > 0 {
        let _ = write!(text, " {adopt} named for the first time, as Keycloak has them by itself.");
    }
    if forget > 0 {
        let _ = write!(text, " {forget} no longer named, and left alone.");
    }
    text
}

/// A plan that is refused, and what speaks against it.
pub fn refusal(refusal: &Refusal, explanations: &Explanations, options: Options) -> String {
    let Refusal { plan: refused, violations } = refusal;
    let mut page = Page { text: plan(refused, explanations, options), ..Page::new(options, true) };
    page.blank();
    page.line(&Line::new(0, '!', "Refused:").painted(Paint::Bad));
    for violation in violations {
        page.violation(violation);
    }
    page.text
}

/// `Plan: 3 to create, 1 to update, 0 to rename, 2 to delete.`
pub fn summary(diff: &Diff) -> String {
    summary_of(&diff.realms.iter().map(|(name, diff)| (name.as_str(), diff)))
}

/// The same of a plan.
pub(super) fn plan_summary(plan: &Plan) -> String {
    summary_of(&plan.realms.iter().map(|(name, realm)| (name.as_str(), &realm.diff)))
}

fn summary_of<'a>(realms: &(impl Iterator<Item = (&'a str, &'a RealmDiff)> + Clone)) -> String {
    let counts: Counts = realms.clone().map(|(_, diff)| diff.counts()).sum();
    let Counts { create, update, rename, delete, adopt, forget } = counts;
    let mut text = if counts.is_unchanged() {
        let names: Vec<_> = realms.clone().map(|(name, _)| safe(name)).collect();
        let (their, files) = (if names.len() == 1 { "matches its" } else { "match their" }, names.join(", "));
        match (names.is_empty(), realms.clone().all(|(_, diff)| diff.scope.is_none())) {
            (true, _) => "No changes.".to_owned(),
            (false, true) => format!("No changes. {files} {their} files."),
            (false, false) => "No changes in what was looked at.".to_owned(),
        }
    } else {
        format!("Plan: {create} to create, {update} to update, {rename} to rename, {delete} to delete.")
    };
    let record: Vec<String> = [(adopt, "adopt"), (forget, "forget")]
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, verb)| format!("{count} to {verb}"))
        .collect();
    let outputs = outputs_told(&realms.clone().flat_map(|(_, diff)| &diff.outputs));
    if !record.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, " {}: the record only.", record.join(", "));
    } else if counts.is_unchanged() && realms.clone().any(|(_, diff)| diff.record_changes) {
        text.push_str(if outputs.is_empty() { " Only the record is brought up to date." } else { "" });
    }
    text.push_str(&outputs);
    text
}

/// ` Outputs: 2 to write, 1 to remove.`; nothing where there is nothing to say.
fn outputs_told<'a>(outputs: &(impl Iterator<Item = &'a OutputChange> + Clone)) -> String {
    let count = |wanted: OutputAction| outputs.clone().filter(|output| output.action == wanted).count();
    let counts =
        [(OutputAction::Write, "write"), (OutputAction::Refresh, "write again"), (OutputAction::Remove, "remove")];
    let told = counts.map(|(action, verb)| (count(action), verb));
    let told: Vec<String> =
        told.iter().filter(|(count, _)| *count > 0).map(|(count, verb)| format!("{count} to {verb}")).collect();
    if told.is_empty() { String::new() } else { format!(" Outputs: {}.", told.join(", ")) }
}

/// The sign of what happens at a destination, and what there is to say of it.
pub(super) fn output_words(action: OutputAction) -> (char, &'static str) {
    match action {
        OutputAction::Write => ('+', ""),
        OutputAction::Refresh => ('~', "if it says something else then"),
        OutputAction::Remove => ('-', "taken back"),
        OutputAction::Leave => ('-', "left to another realm"),
    }
}

/// How much of the realms was looked at, a sentence for each of which that was not all: `acme: looked at 2 of 5000 …`.
pub(super) fn scopes(plan: &Plan) -> impl Iterator<Item = String> {
    let scopes = plan.realms.iter().filter_map(|(name, realm)| Some((name, realm.diff.scope.as_ref()?)));
    scopes.map(|(name, scope)| format!("{}: {}", safe(name), scope_told(scope)))
}

/// `looked at 2 of 5000 managed objects, those that …`
fn scope_told(scope: &Scope) -> String {
    let Scope { since, looked_at, managed, server } = scope;
    let since = since.get(..7).unwrap_or(since);
    let text =
        format!("looked at {looked_at} of {managed} managed objects, those that changed in the files since {since}");
    let text = match server {
        None => format!("{text} or, by its admin events, on the server."),
        Some(reason) => format!("{text}. What changed on the server was not looked for: {reason}."),
    };
    format!("{text} Secrets of other objects were not compared.")
}

/// One line before it is laid out.
struct Line {
    indent: usize,
    sign: char,
    text: String,
    /// What follows the text, less loud.
    aside: String,
    /// What stands at the right.
    side: String,
    paint: Paint,
}

#[derive(Clone, Copy, PartialEq)]
enum Paint {
    /// By the sign.
    Sign,
    /// The title of a block.
    Title,
    /// Less loud than the rest.
    Dim,
    /// What needs attention.
    Bad,
    None,
}

impl Line {
    fn new(indent: usize, sign: char, text: impl Into<String>) -> Self {
        let (aside, side) = (String::new(), String::new());
        Self { indent, sign, text: text.into(), aside, side, paint: Paint::Sign }
    }

    fn aside(mut self, text: impl Into<String>) -> Self {
        self.aside = text.into();
        self
    }

    fn side(mut self, origin: Option<&Origin>, word: &str) -> Self {
        let origin = origin.map(ToString::to_string).unwrap_or_default();
        let parts = [safe(&origin), word.into()];
        self.side = parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join("  ");
        self
    }

    fn painted(mut self, paint: Paint) -> Self {
        self.paint = paint;
        self
    }

    fn bare(self) -> Self {
        self.painted(Paint::None)
    }
}

struct Page<'a> {
    text: String,
    options: Options,
    /// Whether it is told why something differs: of files alone, there is one reason.
    has_causes: bool,
    /// Who is behind what differs.
    explanations: Option<&'a Explanations>,
}

impl Page<'_> {
    fn new(options: Options, has_causes: bool) -> Self {
        Self { text: String::new(), options, has_causes, explanations: None }
    }

    fn realm(&mut self, diff: &RealmDiff) {
        // A plan with secrets in disorder is not shown: it is an error.
        let RealmDiff { changes, adopted, forgotten, outputs, .. } = diff;
        for change in changes {
            self.change(change);
        }
        self.outputs(outputs);
        if self.options.verbose {
            self.names("adopt", adopted);
            self.names("forget", forgotten);
        }
    }

    fn outputs<'a>(&mut self, outputs: impl IntoIterator<Item = &'a OutputChange>) {
        let mut any = false;
        for OutputChange { to, what: HandOff { output, of }, action } in outputs {
            let (sign, word) = output_words(*action);
            let title = format!("output {} → {}", safe(output), safe(&to.to_string()));
            let line = Line::new(0, sign, title).aside(safe(&of.to_string())).side(None, word);
            self.line(&line.painted(Paint::Title));
            any = true;
        }
        if any {
            self.blank();
        }
    }

    /// Where new realms go.
    fn places(&mut self, survey: Option<&Survey>) {
        let mut any = false;
        for (realm, server, chosen) in survey.iter().flat_map(|survey| survey.places.new_realms()) {
            if !any {
                self.line(&Line::new(0, '+', "New realms:").painted(Paint::Title));
                any = true;
            }
            self.line(&Line::new(1, ' ', format!("{} on {}: {chosen}", safe(realm), safe(server))).bare());
        }
        if any {
            self.blank();
        }
    }

    fn concerns(&mut self, concerns: &[Concern]) {
        if concerns.is_empty() {
            return;
        }
        self.line(&Line::new(0, '!', "Concerns security:").painted(Paint::Bad));
        for Concern { address, path: _, message, origin } in concerns {
            let text = format!("{} {}: {}", address.kind().name, safe(address.name()), safe(message));
            self.line(&Line::new(1, ' ', text).side(origin.as_ref(), "").bare());
        }
        self.blank();
    }

    fn change(&mut self, change: &Change) {
        self.block(change, &self.explanations.map(|it| culprit(change, it)).unwrap_or_default());
    }

    /// One object, and at its end a remark.
    fn block(&mut self, change: &Change, remark: &str) {
        let Change { address, kind, action, fields, unchanged, origin, prevent_destroy: _, holds: _, held_by: _ } =
            change;
        let was = match action {
            Action::Rename { from } => format!(", renamed from {}", safe(from.name())),
            Action::Create | Action::Update | Action::Delete { .. } => String::new(),
        };
        let title = format!("{} {}{was}", kind.name, safe(address.name())).trim_end().to_owned();
        // A realm's name is its address.
        let aside = address.parent().map(|_| address.to_string()).unwrap_or_default();
        let word = if self.has_causes { action_word(action) } else { "" };
        let line = Line::new(0, action_sign(action), title).aside(safe(&aside)).side(origin.as_ref(), word);
        self.line(&line.painted(Paint::Title));
        let words = words(change, self.has_causes);
        for field in fields {
            self.field(change, field, words(field.cause));
        }
        if *unchanged > 0 {
            self.line(&Line::new(1, ' ', format!("({unchanged} unchanged)")).painted(Paint::Dim));
        }
        if !remark.is_empty() {
            self.line(&Line::new(1, ' ', remark).painted(Paint::Dim));
        }
        self.blank();
    }

    fn field(&mut self, change: &Change, field: &FieldChange, word: &str) {
        let FieldChange { path, before, after, cause: _, base, origin } = field;
        let name = safe(&path.to_string()).into_owned();
        let (sign, note) = (sign(before, after), note(after));
        match field_layout(change, field, self.options.verbose) {
            Layout::Inline(old, new) => {
                let text = format!("{name}: {}{note}", arrow(old.as_deref(), new.as_deref()));
                self.line(&Line::new(1, sign, text).side(origin.as_ref(), word));
            }
            Layout::Rows(rows) if rows.is_empty() => {
                self.line(&Line::new(1, sign, format!("{name}: (empty){note}")).side(origin.as_ref(), word));
            }
            Layout::Rows(rows) => {
                self.line(&Line::new(1, sign, format!("{name}:{note}")).side(origin.as_ref(), word));
                self.rows(rows);
            }
        }
        if let Some(base) = base {
            self.applied(change.kind.leaf_type(path), base);
        }
        if let Some(touch) = self.explanations.and_then(|it| touch(field, it)) {
            self.line(&Line::new(2, ' ', touch).painted(Paint::Dim));
        }
    }

    /// The third value, where all three differ.
    fn applied(&mut self, ty: crate::model::Type, base: &Json) {
        match layout(ty, Some(base), None, self.options.verbose) {
            Layout::Inline(value, _) => {
                let text = format!("applied last: {}", value.unwrap_or_default());
                self.line(&Line::new(2, ' ', text).painted(Paint::Dim));
            }
            Layout::Rows(rows) => {
                self.line(&Line::new(2, ' ', "applied last:").painted(Paint::Dim));
                for row in rows {
                    if let Row::Removed(text) = row {
                        self.line(&Line::new(3, ' ', text).painted(Paint::Dim));
                    }
                }
            }
        }
    }

    fn rows(&mut self, rows: Vec<Row>) {
        for row in rows {
            self.line(&match row {
                Row::Added(text) => Line::new(2, '+', text),
                Row::Removed(text) => Line::new(2, '-', text),
                Row::Same(text) => Line::new(2, ' ', text),
                Row::Hidden(count) => Line::new(2, ' ', format!("({count} unchanged)")).painted(Paint::Dim),
            });
        }
    }

    fn violation(&mut self, violation: &Violation) {
        let Violation { address: _, guard: _, message, remedy, origin } = violation;
        self.line(&Line::new(1, ' ', safe(message)).side(origin.as_ref(), "").bare());
        self.line(&Line::new(2, ' ', format!("to allow it: {}", safe(remedy))).painted(Paint::Dim));
    }

    fn names<'a>(&mut self, verb: &str, addresses: impl IntoIterator<Item = &'a Address>) {
        let mut any = false;
        for address in addresses {
            self.line(&Line::new(0, ' ', format!("{verb} {}", safe(&address.to_string()))).painted(Paint::Dim));
            any = true;
        }
        if any {
            self.blank();
        }
    }

    fn summary(&mut self, text: &str) {
        let bold = self.style(Style::new().bold());
        self.push(format_args!("{bold}{text}{bold:#}\n"));
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Lays a line out: indent, sign, text, and at the right what fits there.
    fn line(&mut self, line: &Line) {
        let Line { indent, sign, text, aside, side, paint } = line;
        let start = self.text.len();
        let (loud, dim) = (self.style(paint.style(*sign)), self.style(Style::new().dimmed()));
        let indent = " ".repeat(indent * 4);
        self.push(format_args!("{indent}{loud}{sign}{loud:#} "));
        let title = if *paint == Paint::Sign { Style::new() } else { loud };
        self.push(format_args!("{title}{text}{title:#}"));
        let mut used = indent.len() + 2 + text.chars().count();
        if !aside.is_empty() {
            used += 2 + aside.chars().count();
            self.push(format_args!("  {dim}{aside}{dim:#}"));
        }
        if !side.is_empty() {
            let gap = self.options.width.saturating_sub(used + side.chars().count()).max(2);
            self.push(format_args!("{}{dim}{side}{dim:#}", " ".repeat(gap)));
        }
        let end = start + self.text[start..].trim_end_matches(' ').len();
        self.text.truncate(end);
        self.text.push('\n');
    }

    fn push(&mut self, text: impl Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{text}");
    }

    fn style(&self, style: Style) -> Style {
        if self.options.color { style } else { Style::new() }
    }
}

impl Paint {
    fn style(self, sign: char) -> Style {
        let color = match sign {
            '+' => Some(AnsiColor::Green),
            '~' => Some(AnsiColor::Yellow),
            '-' => Some(AnsiColor::Red),
            _ => None,
        };
        let of_sign = Style::new().fg_color(color.map(Into::into));
        match self {
            Self::Sign => of_sign,
            Self::Title => of_sign.bold(),
            Self::Dim => Style::new().dimmed(),
            Self::Bad => Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
            Self::None => Style::new(),
        }
    }
}

/// What happens to an object, as a sign.
pub(super) fn action_sign(action: &Action) -> char {
    match action {
        Action::Create => '+',
        Action::Update | Action::Rename { .. } => '~',
        Action::Delete { .. } => '-',
    }
}

/// Why it happens, where the action says so.
pub(super) fn action_word(action: &Action) -> &'static str {
    match action {
        Action::Create | Action::Update | Action::Rename { .. } => "",
        Action::Delete { unmanaged: false } => "prune",
        Action::Delete { unmanaged: true } => "unmanaged",
    }
}

/// Why leaves of an object differ, in a word; empty where there is nothing to tell.
pub(super) fn words(change: &Change, has_causes: bool) -> impl Fn(Cause) -> &'static str + use<> {
    // In a new object everything is new; a word is only worth it where something else happened.
    let all_new = change.fields.iter().all(|field| matches!(field.cause, Cause::Edit | Cause::Creation));
    let hides_edits = change.action == Action::Create && all_new;
    move |cause| if !has_causes || hides_edits && cause == Cause::Edit { "" } else { cause_word(cause) }
}

/// What a leaf was and becomes; of a secret, only that it is one, and where it comes from.
pub(super) fn field_layout(change: &Change, field: &FieldChange, verbose: bool) -> Layout {
    let FieldChange { path, before, after, cause: _, base: _, origin: _ } = field;
    secret_text(before, after).map_or_else(
        || layout(change.kind.leaf_type(path), json_before(before), json_after(after), verbose),
        |text| Layout::Inline(None, Some(text)),
    )
}

/// What happens to a leaf, as a sign.
pub(super) fn sign(before: &Before, after: &After) -> char {
    match (before, after) {
        (Before::Absent, _) => '+',
        (_, After::Absent) => '-',
        _ => '~',
    }
}

fn arrow(old: Option<&str>, new: Option<&str>) -> String {
    match (old, new) {
        (Some(old), Some(new)) => format!("{old} → {new}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => String::new(),
    }
}

fn cause_word(cause: Cause) -> &'static str {
    match cause {
        Cause::Unexplained => "edit or drift",
        Cause::Edit => "edit",
        Cause::Drift => "drift",
        Cause::Both => "both",
        Cause::Prune => "prune",
        Cause::Creation => "by default",
    }
}

/// What is to be said behind a value.
pub(super) fn note(after: &After) -> &'static str {
    match after {
        After::Default(_) => " (Keycloak's default)",
        After::Json(_) | After::Secret(_) | After::Absent => "",
    }
}

/// What is said of a leaf that is, was or becomes a secret.
fn secret_text(before: &Before, after: &After) -> Option<String> {
    match (before, after) {
        (Before::Secret, After::Secret(reference)) => Some(format!("secret changed ({})", reference_text(reference))),
        (_, After::Secret(reference)) => Some(format!("(secret, {})", reference_text(reference))),
        (Before::Secret, After::Json(value) | After::Default(value)) => {
            Some(format!("(secret) → {}", safe(&value.to_string())))
        }
        (Before::Secret, After::Absent) => Some("(secret)".to_owned()),
        (Before::Absent | Before::Json(_), After::Json(_) | After::Default(_) | After::Absent) => None,
    }
}

/// Who changed an object on the server, in a sentence; empty where nobody did, or nobody can tell.
pub(super) fn culprit(change: &Change, explanations: &Explanations) -> String {
    let culprit = explanations.culprit(&change.address).filter(|_| has_moved(change));
    culprit.map(|culprit| format!("changed on the server {}", told(culprit))).unwrap_or_default()
}

/// The commit behind a leaf, where the files are.
pub(super) fn touch(field: &FieldChange, explanations: &Explanations) -> Option<String> {
    let touch = explanations.touch(field.origin.as_ref()).filter(|_| is_edit(field.cause));
    touch.map(touched)
}

/// `3f2a9c1 of 2026-11-20 by Ana: Sell in the browser`
fn touched(touch: &Touch) -> String {
    let Touch { commit, author, time, subject, is_boundary } = touch;
    let earlier = if *is_boundary { " or an earlier commit" } else { "" };
    let day = time.split('T').next().unwrap_or_default();
    format!("{}{earlier} of {} by {}: {}", commit.short(), safe(day), safe(author), safe(subject))
}

/// A commit by its first digits.
fn reference_of(commit: &str) -> String {
    safe(commit.get(..7).unwrap_or(commit)).into_owned()
}

fn reference_text(reference: &SecretRef) -> String {
    match (reference, reference.entry()) {
        (_, Some((name, text))) => format!("{} {}", safe(name), safe(&text)),
        (SecretRef::Generate { length, of: _ }, _) => format!("generated, {length} characters"),
        (_, None) => "kept".to_owned(),
    }
}

fn json_before(before: &Before) -> Option<&Json> {
    match before {
        Before::Json(value) => Some(value),
        Before::Absent | Before::Secret => None,
    }
}

fn json_after(after: &After) -> Option<&Json> {
    match after {
        After::Json(value) | After::Default(value) => Some(value),
        After::Secret(_) | After::Absent => None,
    }
}
