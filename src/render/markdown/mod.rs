//! For a comment on a pull request: Markdown as GitHub and GitLab show it, short enough for either to take.

mod inline;

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use self::inline::{cell, code, html, longest_run, name_text, prose};
use super::text;
use super::value::{Layout, Row, layout};
use crate::diff::{
    Action, After, Before, Change, Concern, Diff, FieldChange, OutputChange, RealmDiff, RealmReport, Report, Unreadable,
};
use crate::fleet::Survey;
use crate::model::{Address, HandOff, Origin};
use crate::plan::explain::Explanations;
use crate::plan::{Plan, Refusal, Violation};

/// How many bytes a comment has at most. GitHub takes 65,536 characters; the rest is for what a pipeline adds by itself.
const LONGEST: usize = 65_000;

/// What is kept free for saying what was left out.
const NOTE: usize = 200;

/// How many bytes of lines the details of one object have at most, so that one certificate or page hides no other object.
const DETAILS: usize = 8_000;

/// How many bytes the summary has at most, which may name every realm.
const SUMMARY: usize = 20_000;

/// How many bytes any other sentence has at most.
const SENTENCE: usize = 2_000;

/// What stands in no name of a project and in no URL, and might end a marker.
const UNCOMMON: &AsciiSet = &CONTROLS.add(b' ').add(b'<').add(b'>').add(b'"').add(b'\\');

/// What a comment is about. One that is about the same replaces it; others stay beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The project's name.
    pub project: String,
    /// Its environment that is meant.
    pub environment: Option<String>,
    /// The base URL of the server, where one was asked.
    pub server: Option<String>,
}

/// A plan, with who is behind each change as far as that is known.
pub fn plan(plan: &Plan, concerns: &[Concern], explanations: &Explanations, about: &About) -> String {
    comment("realmform: plan", plan, &[], concerns, explanations, about)
}

/// A plan that is refused, and what would allow it.
pub fn refusal(refusal: &Refusal, concerns: &[Concern], explanations: &Explanations, about: &About) -> String {
    let Refusal { plan, violations } = refusal;
    comment("realmform: plan, refused", plan, violations, concerns, explanations, about)
}

fn comment(
    title: &str,
    plan: &Plan,
    violations: &[Violation],
    concerns: &[Concern],
    explanations: &Explanations,
    about: &About,
) -> String {
    let mut page = Page::new("plan", about, title, &text::plan_summary(plan));
    for scope in text::scopes(plan) {
        page.text.push_str(&format!("\n{}\n", prose(&scope, SUMMARY)));
    }
    page.unreadable(explanations.unreadable.iter().map(|(name, why)| (name.as_str(), why)));
    page.survey(explanations.survey.as_ref());
    page.warnings(concerns, violations);
    let realms: Vec<_> = plan.realms.iter().map(|(name, realm)| (name.as_str(), &realm.diff)).collect();
    page.outputs(realms.iter().flat_map(|(_, diff)| &diff.outputs));
    page.objects(&realms, Some(explanations));
    page.text
}

/// What differs between two states of the files.
pub fn difference(diff: &Diff, concerns: &[Concern], about: &About) -> String {
    let mut page = Page::new("diff", about, "realmform: difference", &text::difference_summary(diff));
    page.warnings(concerns, &[]);
    let realms: Vec<_> = diff.realms.iter().map(|(name, diff)| (name.as_str(), diff)).collect();
    page.objects(&realms, None);
    page.text
}

/// What is to be said below a comment.
pub fn footer(text: &str) -> String {
    format!("\n*{}*\n", prose(text, SENTENCE))
}

/// What moved since it was applied.
pub fn drift(report: &Report, about: &About) -> String {
    let mut page = Page::new("drift", about, "realmform: drift", &text::drift_summary(report));
    page.unreadable(report.realms.iter().filter_map(|(name, realm)| Some((name.as_str(), realm.unreadable.as_ref()?))));
    let happened: Vec<(&str, RealmDiff)> =
        report.realms.iter().map(|(name, realm)| (name.as_str(), realm.drift.happened())).collect();
    let moved: Vec<_> = happened.iter().map(|(name, diff)| (*name, diff)).collect();
    page.section("Drift: the server is no longer as it was applied", &moved);
    let culprits = report.realms.values().flat_map(|realm| &realm.culprits.by_address);
    page.fill(culprits.map(|(address, culprit)| {
        format!("\n- {} was changed {}\n", object(address), prose(&text::told(culprit), SENTENCE))
    }));
    let pending = |realm: &'_ RealmReport| !realm.drift.pending.changes.is_empty();
    let waiting = report.realms.iter().filter(|(_, realm)| pending(realm));
    let waiting: Vec<_> = waiting.map(|(name, realm)| (name.as_str(), &realm.drift.pending)).collect();
    page.section("Pending: the files are no longer as they were applied", &waiting);
    let unmanaged = report.realms.values().flat_map(|realm| &realm.drift.unmanaged);
    let mut unmanaged = unmanaged.map(|address| format!("- {}\n", object(address))).peekable();
    if unmanaged.peek().is_some() && page.fill(std::iter::once("\n## Unmanaged: no project has it\n\n".to_owned())) == 1
    {
        let all: Vec<String> = unmanaged.collect();
        let shown = page.fill(all.iter().cloned());
        if shown < all.len() {
            page.note(&format!("Not shown here: {}", counted(all.len() - shown, "object")));
        }
    }
    page.text
}

/// A comment in the making: whole blocks are added to it as long as there is room, so that it never ends inside of one.
struct Page {
    text: String,
}

impl Page {
    /// Begins with the marker by which a pipeline finds the comment that it made earlier.
    fn new(sort: &str, about: &About, title: &str, summary: &str) -> Self {
        let within = about.environment.as_ref().map(|it| format!(", {}", prose(it, SUMMARY))).unwrap_or_default();
        Self { text: format!("{}\n## {title}{within}\n\n**{}**\n", marker(sort, about), prose(summary, SUMMARY)) }
    }

    /// Why edits and drift look alike.
    fn unreadable<'a>(&mut self, realms: impl Iterator<Item = (&'a str, &'a Unreadable)>) {
        for (realm, Unreadable { reason, command }) in realms {
            let command =
                command.as_deref().map(|command| format!("; to get it: {}", code(command))).unwrap_or_default();
            let reason = prose(&format!("In {realm} edits and drift look alike: {reason}"), SUMMARY);
            self.fill(std::iter::once(format!("\n{reason}{command}\n")));
        }
    }

    /// Where new realms go, and what is not as it should be among the servers.
    fn survey(&mut self, survey: Option<&Survey>) {
        let Some(survey) = survey else { return };
        let new = survey.places.new_realms();
        let mut lines: Vec<String> =
            new.map(|(realm, server, chosen)| format!("New: {realm} on {server}: {chosen}")).collect();
        survey.tell(|text| lines.push(text.to_owned()));
        let mut lines: Vec<String> = lines.iter().map(|line| format!("- {}\n", prose(line, SENTENCE))).collect();
        if let Some(first) = lines.first_mut() {
            first.insert(0, '\n');
        }
        self.fill(lines.into_iter());
    }

    /// What has to be read before anything else; these stay when the rest is too long.
    fn warnings(&mut self, concerns: &[Concern], violations: &[Violation]) {
        let concerns: Vec<String> = concerns.iter().map(concern).collect();
        let violations: Vec<String> = violations.iter().map(violation).collect();
        let concerned = |room: usize| alert("WARNING", "Warning: this concerns security.", &concerns, room);
        let refused = |room: usize| alert("CAUTION", "Refused, and nothing of it is applied.", &violations, room);
        let room = self.room();
        self.text.push_str(&concerned(room - refused(room / 2).len()));
        self.text.push_str(&refused(self.room()));
    }

    /// What is handed over and taken back.
    fn outputs<'a>(&mut self, outputs: impl Iterator<Item = &'a OutputChange>) {
        let mut lines: Vec<String> = outputs.map(output).collect();
        if let Some(first) = lines.first_mut() {
            first.insert_str(0, "\n### Outputs\n\n");
        }
        let shown = self.fill(lines.iter().cloned());
        if shown < lines.len() {
            self.note(&format!("Not shown here: {}", counted(lines.len() - shown, "output")));
        }
    }

    /// A heading and what is below it, where there is anything.
    fn section(&mut self, title: &str, realms: &[(&str, &RealmDiff)]) {
        if realms.iter().any(|(_, diff)| !diff.changes.is_empty()) {
            self.fill(std::iter::once(format!("\n## {title}\n")));
            self.objects(realms, None);
        }
    }

    /// A line for each object, then their details. It is told why they change where that may have several reasons.
    fn objects(&mut self, realms: &[(&str, &RealmDiff)], explanations: Option<&Explanations>) {
        let has_causes = explanations.is_some();
        let changes = || realms.iter().flat_map(|(_, diff)| &diff.changes);
        let all = changes().count();
        let rows = realms.iter().flat_map(|(name, diff)| table(name, diff, has_causes));
        let shown = self.fill(rows);
        if shown < all {
            self.note(&format!("Not shown here: {}, and all details", counted(all - shown, "object")));
            return;
        }
        let details = || changes().filter_map(|change| details(change, explanations));
        let shown = self.fill(details());
        let missing = details().count() - shown;
        if missing > 0 {
            self.note(&format!("Not shown here: the details of {}", counted(missing, "object")));
        }
    }

    /// Adds blocks up to the first that does not fit, and says how many.
    fn fill(&mut self, blocks: impl Iterator<Item = String>) -> usize {
        let mut count = 0;
        for block in blocks {
            if block.len() > self.room() {
                break;
            }
            self.text.push_str(&block);
            count += 1;
        }
        count
    }

    fn note(&mut self, missing: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "\n*{missing}. The comment would be too long; the text output has them all.*\n");
    }

    fn room(&self) -> usize {
        LONGEST.saturating_sub(self.text.len() + NOTE)
    }
}

/// `<!-- realmform:plan bookshop staging https://sso.example -->`: which comment it is, of all those of a pull request.
fn marker(sort: &str, about: &About) -> String {
    let About { project, environment, server } = about;
    let parts = std::iter::once(project).chain(environment).chain(server);
    let parts = parts.map(|part| percent_encode(part.as_bytes(), UNCOMMON).to_string());
    format!("<!-- realmform:{} -->", std::iter::once(sort.to_owned()).chain(parts).collect::<Vec<_>>().join(" "))
}

/// A box that the eye cannot miss, with as many items as there is room for.
fn alert(level: &str, title: &str, items: &[String], room: usize) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut text = format!("\n> [!{level}]\n> **{title}**\n>\n");
    for (index, item) in items.iter().enumerate() {
        let more = format!("> - and {} more\n", items.len() - index);
        let is_last = index + 1 == items.len();
        if text.len() + item.len() + if is_last { 0 } else { more.len() } > room {
            text.push_str(&more);
            break;
        }
        text.push_str(item);
    }
    text
}

fn concern(concern: &Concern) -> String {
    let Concern { address, path: _, message, origin } = concern;
    format!("> - {}: {}{}\n", object(address), prose(message, SENTENCE), place(origin.as_ref()))
}

fn violation(violation: &Violation) -> String {
    let Violation { address: _, guard: _, message, remedy, origin } = violation;
    let (message, remedy) = (prose(message, SENTENCE), prose(remedy, SENTENCE));
    format!("> - {message}{}\n>   - to allow it: {remedy}\n", place(origin.as_ref()))
}

fn output(output: &OutputChange) -> String {
    let OutputChange { to, what: HandOff { output, of }, action } = output;
    let (sign, word) = text::output_words(*action);
    let word = if word.is_empty() { String::new() } else { format!(", {word}") };
    format!("- `{sign}` {} → {} ({}{word})\n", code(output), code(&to.to_string()), object(of))
}

fn place(origin: Option<&Origin>) -> String {
    origin.map(|origin| format!(" ({})", code(&origin.to_string()))).unwrap_or_default()
}

/// ``protocol mapper `tenant` of `shop` ``
fn object(address: &Address) -> String {
    format!("{} {}", address.kind().name, name(address, code)).trim_end().to_owned()
}

/// An object's name, and that of the object it hangs below, where that is not the realm.
fn name(address: &Address, code: impl Fn(&str) -> String) -> String {
    let parent = address.parent().filter(|parent| parent.parent().is_some() && !parent.name().is_empty());
    let of = parent.map(|parent| format!(" of {}", code(parent.name()))).unwrap_or_default();
    // What there is only one of has no name.
    if address.name().is_empty() { String::new() } else { format!("{}{of}", code(address.name())) }
}

/// The rows of a realm, the first with what stands above them.
fn table(realm: &str, diff: &RealmDiff, has_causes: bool) -> impl Iterator<Item = String> {
    let head =
        format!("\n### Realm {}\n\n| | Kind | Name | Change | Declared in |\n|---|---|---|---|---|\n", code(realm));
    diff.changes.iter().enumerate().map(move |(index, change)| {
        let row = row(change, has_causes);
        if index == 0 { format!("{head}{row}") } else { row }
    })
}

fn row(change: &Change, has_causes: bool) -> String {
    let Change { address, kind, action, fields: _, unchanged: _, origin, prevent_destroy: _, holds: _, held_by: _ } =
        change;
    let (sign, name) = (text::action_sign(action), name(address, cell));
    let origin = origin.as_ref().map(|origin| cell(&origin.to_string())).unwrap_or_default();
    format!("| `{sign}` | {} | {name} | {} | {origin} |\n", kind.name, what(change, has_causes))
}

/// What changes, and why, in a few words.
fn what(change: &Change, has_causes: bool) -> String {
    let word = text::words(change, has_causes);
    let mut words: Vec<&str> = Vec::new();
    for cause in change.fields.iter().map(|field| word(field.cause)) {
        if !cause.is_empty() && !words.contains(&cause) {
            words.push(cause);
        }
    }
    let fields = format!("{}{}", counted(change.fields.len(), "field"), because(&words.join(", ")));
    match &change.action {
        Action::Create => "new".to_owned(),
        Action::Update => fields,
        Action::Rename { from } if change.fields.is_empty() => format!("renamed from {}", cell(from.name())),
        Action::Rename { from } => format!("renamed from {}, {fields}", cell(from.name())),
        Action::Delete { .. } if has_causes => format!("removed{}", because(text::action_word(&change.action))),
        Action::Delete { .. } => "removed".to_owned(),
    }
}

/// `1 field`, `2 fields`
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn because(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(" ({words})") }
}

/// The leaves of an object, folded; nothing where its row says everything.
fn details(change: &Change, explanations: Option<&Explanations>) -> Option<String> {
    let Change { address, kind, action, fields, unchanged, origin: _, prevent_destroy: _, holds: _, held_by: _ } =
        change;
    if fields.is_empty() {
        return None;
    }
    let was = match action {
        Action::Rename { from } => format!(", renamed from {}", html(from.name())),
        Action::Create | Action::Update | Action::Delete { .. } => String::new(),
    };
    let title = format!("<code>{}</code> {} {}{was}", text::action_sign(action), kind.name, html(&address.to_string()));
    let word = text::words(change, explanations.is_some());
    let mut lines = Lines::default();
    for field in fields {
        lines.field(change, field, word(field.cause));
        if let Some(touch) = explanations.and_then(|it| text::touch(field, it)) {
            lines.push(' ', 1, &touch);
        }
    }
    if *unchanged > 0 {
        lines.push(' ', 0, &format!("({unchanged} unchanged)"));
    }
    if let Some(culprit) = explanations.map(|it| text::culprit(change, it)).filter(|it| !it.is_empty()) {
        lines.push(' ', 0, &culprit);
    }
    Some(format!("\n<details><summary>{title}</summary>\n\n{}\n</details>\n", lines.fenced()))
}

/// Lines of a difference: `+`, `-`, `!` for what changes without two values to show, or a blank, and then the text.
#[derive(Default)]
struct Lines {
    lines: Vec<String>,
}

impl Lines {
    fn field(&mut self, change: &Change, field: &FieldChange, word: &str) {
        let FieldChange { path, before, after, cause: _, base, origin } = field;
        let (name, note, remark) = (name_text(&path.to_string()), text::note(after), remark(word, origin.as_ref()));
        let only = sign(before, after);
        match text::field_layout(change, field, false) {
            Layout::Inline(Some(old), Some(new)) => {
                self.push('-', 0, &format!("{name}: {old}"));
                self.push('+', 0, &format!("{name}: {new}{note}{remark}"));
            }
            Layout::Inline(old, new) => {
                let value = old.or(new).unwrap_or_default();
                self.push(only, 0, &format!("{name}: {value}{note}{remark}"));
            }
            Layout::Rows(rows) if rows.is_empty() => {
                self.push(only, 0, &format!("{name}: (empty){note}{remark}"));
            }
            Layout::Rows(rows) => {
                // The rows below say what of it changes.
                let sign = if only == '!' { ' ' } else { only };
                self.push(sign, 0, &format!("{name}:{note}{remark}"));
                self.rows(&rows);
            }
        }
        if let Some(base) = base {
            self.applied(layout(change.kind.leaf_type(path), Some(base), None, false));
        }
    }

    fn rows(&mut self, rows: &[Row]) {
        for row in rows {
            match row {
                Row::Added(text) => self.push('+', 1, text),
                Row::Removed(text) => self.push('-', 1, text),
                Row::Same(text) => self.push(' ', 1, text),
                Row::Hidden(count) => self.push(' ', 1, &format!("({count} unchanged)")),
            }
        }
    }

    /// The third value, where all three differ.
    fn applied(&mut self, value: Layout) {
        match value {
            Layout::Inline(value, _) => {
                self.push(' ', 1, &format!("applied last: {}", value.unwrap_or_default()));
            }
            Layout::Rows(rows) => {
                self.push(' ', 1, "applied last:");
                for row in rows {
                    if let Row::Removed(text) = row {
                        self.push(' ', 2, &text);
                    }
                }
            }
        }
    }

    fn push(&mut self, sign: char, indent: usize, text: &str) {
        let line = format!("{sign} {}{text}", "    ".repeat(indent));
        self.lines.push(line.trim_end().to_owned());
    }

    /// The lines as a block of code that no line can end; too many of them are cut.
    fn fenced(&self) -> String {
        let (mut body, mut shown) = (String::new(), 0);
        for line in &self.lines {
            if body.len() + line.len() > DETAILS {
                break;
            }
            body.push_str(line);
            body.push('\n');
            shown += 1;
        }
        if shown < self.lines.len() {
            // Writing to a String cannot fail.
            let _ = writeln!(body, "  ({} more, which the text output has)", counted(self.lines.len() - shown, "line"));
        }
        let fence = "`".repeat(longest_run(&body).max(2) + 1);
        format!("{fence}diff\n{body}{fence}\n")
    }
}

/// What happens to a leaf, as a sign that a difference is coloured by.
fn sign(before: &Before, after: &After) -> char {
    match text::sign(before, after) {
        '~' => '!',
        sign => sign,
    }
}

/// `  # drift, acme/realm.toml:3`
fn remark(word: &str, origin: Option<&Origin>) -> String {
    let origin = origin.map(|origin| name_text(&origin.to_string())).unwrap_or_default();
    let parts: Vec<&str> = [word, &origin].into_iter().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { String::new() } else { format!("  # {}", parts.join(", ")) }
}
