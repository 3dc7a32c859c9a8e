//! Text inside of Markdown that forms no Markdown and no HTML, mentions nobody and links to nothing.

use crate::render::escape::safe;
use crate::render::value::shortened;

/// How many characters a name has at most: more, no column of Keycloak's database takes.
const NAME: usize = 255;

/// A sentence in which whatever is no plain word is code: there, nothing is a link, a mention or Markdown.
pub(super) fn prose(text: &str, longest: usize) -> String {
    let text = safe(text);
    let mut parts: Vec<Part> = Vec::new();
    for token in tokens(&text) {
        let part = Part::new(token);
        match parts.last_mut() {
            Some(last) if last.takes(&part) => last.append(&part),
            _ => parts.push(part),
        }
    }
    let mut sentence = String::new();
    for part in parts.iter().map(Part::shown) {
        if sentence.len() + part.len() > longest {
            return sentence + "…";
        }
        sentence.push_str(&part);
        sentence.push(' ');
    }
    sentence.trim_end().to_owned()
}

/// One or more words of a sentence, with the punctuation around them.
struct Part {
    open: &'static str,
    text: String,
    close: String,
    is_plain: bool,
}

impl Part {
    fn new(token: &str) -> Self {
        let (open, rest) = token.strip_prefix('(').map_or(("", token), |rest| ("(", rest));
        let is_close = |c: char| matches!(c, ',' | ';' | ':' | '.') || c == ')' && !open.is_empty();
        let text = rest.trim_end_matches(is_close);
        // A long number, or a letter and a digit (`GH-1`), may name a commit or an issue; a full stop may make it a list.
        let digits = text.trim_end_matches(')');
        let is_number = digits.len() < 7 && digits.bytes().all(|byte| byte.is_ascii_digit()) && !rest.ends_with('.');
        let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'\''));
        let is_plain = !text.is_empty() && (is_number || is_word || text == "%");
        Self { open, text: text.to_owned(), close: rest[text.len()..].to_owned(), is_plain }
    }

    /// Whether what follows belongs to the same code: `--allow-destroy 'acme/clients/shop'`.
    fn takes(&self, next: &Self) -> bool {
        !self.is_plain && self.close.is_empty() && !next.is_plain
    }

    fn append(&mut self, next: &Self) {
        let Self { open, text, close, is_plain: _ } = next;
        for part in [" ", open, text] {
            self.text.push_str(part);
        }
        self.close.clone_from(close);
    }

    fn shown(&self) -> String {
        let Self { open, text, close, is_plain } = self;
        let all = format!("{open}{text}{close}");
        if *is_plain {
            all
        } else if text.is_empty() {
            span(&all)
        } else {
            format!("{open}{}{close}", span(text))
        }
    }
}

/// The words of a text; what is in double quotes, as addresses have it, is not taken apart.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let is_gap = move |c: char| {
        is_quoted ^= c == '"' && !is_escaped;
        is_escaped = c == '\\' && is_quoted && !is_escaped;
        c == ' ' && !is_quoted
    };
    text.split(is_gap).filter(|token| !token.is_empty())
}

/// A name as code.
pub(super) fn code(text: &str) -> String {
    span(&name_text(text))
}

/// A name as code inside of a table, where a bar ends the cell even in code, unless an odd number of backslashes stands
/// before it.
pub(super) fn cell(text: &str) -> String {
    let name = name_text(text);
    span(&if name.contains('|') { name.replace('\\', "\\\\").replace('|', "\\|") } else { name })
}

/// A name as code inside of HTML, where Markdown is not read.
pub(super) fn html(text: &str) -> String {
    let name = name_text(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    format!("<code>{name}</code>")
}

/// Text without line ends as code, between more backticks than it has itself.
fn span(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(text) + 1);
    // One blank at either end is taken off again.
    let needs_gap = |c: char| c == '`' || c == ' ';
    let gap = if text.starts_with(needs_gap) || text.ends_with(needs_gap) { " " } else { "" };
    format!("{fence}{gap}{text}{gap}{fence}")
}

/// A name that is safe to print, and short enough for a line.
pub(super) fn name_text(text: &str) -> String {
    let text = safe(text);
    if text.chars().count() > NAME { shortened(&text, 0) } else { text.into_owned() }
}

/// The length of the longest row of backticks.
pub(super) fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}
