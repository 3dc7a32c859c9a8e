//! The last line of defence: texts that others wrote, such as a server's error, without our
//! secrets.

use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::ops::Range;

/// Takes known secret values out of texts, however they are encoded there: as they are,
/// percent-encoded (also as in forms, with `+`), or escaped as in JSON or HTML. Nothing relies on
/// it; our own texts are made without values.
pub struct Redactor {
    values: Vec<SecretString>,
}

impl Redactor {
    /// A redactor of `values`. Of a value of several lines (a key), each longer line is a value of
    /// its own, as messages quote lines.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let mut redactor = Self { values: Vec::new() };
        redactor.extend(values);
        redactor
    }

    /// Takes these values out as well.
    pub fn extend<'a>(&mut self, values: impl IntoIterator<Item = &'a SecretString>) {
        self.values.extend(values.into_iter().flat_map(|value| parts(value.expose_secret())));
    }

    /// `text` with `(secret)` in each place of a value. Places that overlap become one.
    pub fn redact(&self, text: &str) -> String {
        let mut redacted = String::with_capacity(text.len());
        let mut end = 0;
        for place in merged(self.places(text)) {
            redacted.push_str(&text[end..place.start]);
            redacted.push_str("(secret)");
            end = place.end;
        }
        redacted.push_str(&text[end..]);
        redacted
    }

    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        for (start, _) in text.char_indices() {
            let ends = self.values.iter().filter_map(|value| end_of(value.expose_secret(), &text[start..]));
            places.extend(ends.max().map(|length| start..start + length));
        }
        places
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} values)", self.values.len())
    }
}

/// Shorter values are left alone. They would turn every text into a riddle, and tell more than they
/// hide: that each `e` is missing is what gives the value away. Three characters keep no secret
/// anyway.
const SHORTEST_VALUE: usize = 4;

/// Shorter lines of a value are words rather than secrets (`}` or `-----`).
const SHORTEST_LINE: usize = 12;

fn parts(value: &str) -> impl Iterator<Item = SecretString> {
    let whole = Some(value).filter(|value| value.chars().count() >= SHORTEST_VALUE);
    let lines = value.lines().filter(move |line| *line != value && line.chars().count() >= SHORTEST_LINE);
    whole.into_iter().chain(lines).map(SecretString::from)
}

/// Sorted by their start as they are found, places that overlap become one.
fn merged(places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for place in places {
        match merged.last_mut() {
            Some(last) if place.start < last.end => last.end = last.end.max(place.end),
            _ => merged.push(place),
        }
    }
    merged
}

/// Where `value` ends in `text` when `text` begins with it, each character in whichever encoding.
/// Encoders disagree on which characters need one, so forms of the whole value cannot be listed
/// beforehand. Several ends are followed at once, because a `%` may stand for itself or begin
/// `%25`.
fn end_of(value: &str, text: &str) -> Option<usize> {
    // Nearly every text does not begin with the value, and this finds so without an allocation.
    lengths(value.chars().next()?, text).next()?;
    let mut ends = vec![0];
    for character in value.chars() {
        let mut next: Vec<_> =
            ends.iter().flat_map(|end| lengths(character, &text[*end..]).map(move |length| end + length)).collect();
        next.sort_unstable();
        next.dedup();
        if next.is_empty() {
            return None;
        }
        ends = next;
    }
    ends.last().copied()
}

/// The lengths of the encodings of `character` that `text` begins with.
fn lengths(character: char, text: &str) -> impl Iterator<Item = usize> {
    let plain = text.starts_with(character).then(|| character.len_utf8());
    let encoded = match text.as_bytes().first() {
        Some(b'%') => percent_encoded(character, text),
        Some(b'+') => (character == ' ').then_some(1),
        Some(b'\\') => json_escaped(character, text),
        Some(b'&') => html_escaped(character, text),
        _ => None,
    };
    plain.into_iter().chain(encoded)
}

fn percent_encoded(character: char, text: &str) -> Option<usize> {
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).bytes();
    starts_with_each(text, bytes.map(|byte| format!("%{byte:02x}")))
}

fn json_escaped(character: char, text: &str) -> Option<usize> {
    let short = match character {
        '"' => "\\\"",
        '\\' => "\\\\",
        '/' => "\\/",
        '\u{8}' => "\\b",
        '\u{c}' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => "",
    };
    if !short.is_empty() && text.starts_with(short) {
        return Some(short.len());
    }
    let mut buffer = [0; 2];
    let units = character.encode_utf16(&mut buffer).iter();
    starts_with_each(text, units.map(|unit| format!("\\u{unit:04x}")))
}

fn html_escaped(character: char, text: &str) -> Option<usize> {
    let names: &[&str] = match character {
        '&' => &["&amp;"],
        '<' => &["&lt;"],
        '>' => &["&gt;"],
        '"' => &["&quot;", "&#34;"],
        '\'' => &["&#39;", "&#x27;", "&apos;"],
        _ => &[],
    };
    names.iter().find_map(|name| starts_with_ignoring_case(text, name))
}

/// The length of `pieces` when `text` begins with them, one after the other.
fn starts_with_each(text: &str, mut pieces: impl Iterator<Item = String>) -> Option<usize> {
    pieces.try_fold(0, |end, piece| Some(end + starts_with_ignoring_case(&text[end..], &piece)?))
}

fn starts_with_ignoring_case(text: &str, start: &str) -> Option<usize> {
    text.get(..start.len()).filter(|found| found.eq_ignore_ascii_case(start)).map(str::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    fn redact(values: &[&str], text: &str) -> String {
        let values: Vec<_> = values.iter().map(|value| SecretString::from(*value)).collect();
        Redactor::new(&values).redact(text)
    }

    #[test]
    fn every_encoding_is_found() {
        let value = "pä \"s/\\s%&<+'\n😀";
        for form in [
            value,
            r#"pä \"s/\\s%&<+'\n😀"#,
            r"p\u00E4\u0020\u0022s\/\\s%\u0026\u003c+\u0027\n\ud83d\ude00",
            "p%C3%A4%20%22s%2F%5Cs%25%26%3C%2B%27%0A%F0%9F%98%80",
            "p%c3%a4+%22s/%5cs%25&%3c%2b'%0a%f0%9f%98%80",
            "pä &quot;s/\\s%&amp;&lt;+&#39;\n😀",
        ] {
            assert_eq!(redact(&[value], &format!("[{form}]")), "[(secret)]", "{form}");
        }
    }

    #[test]
    fn a_percent_sign_may_be_itself_or_an_encoding() {
        assert_eq!(redact(&["100%25"], "100%25 100%2525 100%25%32%35"), "(secret) (secret) (secret)");
    }

    #[test]
    fn overlapping_values_become_one_place() {
        assert_eq!(redact(&["abcdef", "abcd", "efgh"], "-abcdefgh-abcd-"), "-(secret)-(secret)-");
        assert_eq!(redact(&["secret", "(sec"], "my secret"), "my (secret)");
        assert_eq!(redact(&["aaaa"], "aaaaaa"), "(secret)");
    }

    #[test]
    fn short_values_are_left_alone() {
        assert_eq!(redact(&["", "e", "ere"], "here"), "here");
        assert_eq!(redact(&["here"], "here"), "(secret)");
    }

    #[test]
    fn lines_of_a_value_are_found() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nshort\n";
        assert_eq!(redact(&[key], "bad line MIIEvQIBADANBg, short"), "bad line (secret), short");
        assert_eq!(redact(&[key], key), "(secret)");
    }

    #[test]
    fn debug_shows_no_value() {
        let redactor = Redactor::new(&[SecretString::from("hunter2")]);
        assert_eq!(format!("{redactor:?} {redactor:#?}"), "Redactor(1 values) Redactor(1 values)");
    }

    proptest! {
        #[test]
        fn nothing_is_left_of_a_value(
            value in "\\PC{4,12}", before in "\\PC{0,5}", after in "\\PC{0,5}",
        ) {
            let json = serde_json::to_string(&value).unwrap();
            let percent = utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string();
            for form in [value.as_str(), &json[1..json.len() - 1], &percent] {
                let redacted = redact(&[&value], &format!("{before}{form}{after}"));
                prop_assert!(redacted.contains("(secret)"));
                prop_assert!(redacted.len() <= before.len() + "(secret)".len() * 2 + after.len());
            }
        }

        #[test]
        fn a_text_without_the_value_stays(text in "[a-z%+&\\\\ ]{0,40}") {
            prop_assert_eq!(redact(&["VALUE", "0000"], &text), text);
        }
    }
}
