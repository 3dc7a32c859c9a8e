//! Blanks secrets in text that is shown to people.
//!
//! A problem shows its line and the lines around it, and one of them may hold a password that somebody typed in by
//! mistake, in a file that is perhaps not even TOML. So this goes by what the text looks like, and rather hides too much.

use std::ops::Range;

use crate::model::SECRET_SOURCES;

/// What the last part of a key contains when its value is a secret; compared without case and punctuation.
const SECRET_WORDS: &[&str] = &["secret", "password", "passwd", "passphrase", "credential", "privatekey", "apikey"];

/// Keys that only sound like it.
const HARMLESS: &[&str] = &["passwordpolicy", "clientauthenticatortype"];

/// The same text, of the same length in bytes and with the same lines, without values that could be secrets and without
/// what is at `known` places.
pub(super) fn secrets(text: &str, known: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for byte in
        known.iter().filter_map(|span| bytes.get(span.clone()).map(|_| span.clone())).flatten().collect::<Vec<_>>()
    {
        if !matches!(bytes[byte], b'\n' | b'\r') {
            bytes[byte] = b'*';
        }
    }
    for (at, _) in text.match_indices(['=', ':']) {
        if is_secret_key(key_before(&text[..at])) {
            blank(&mut bytes, text, at + 1);
        }
    }
    // Who signs in at an address, `https://user:password@host`, is nobody's business either.
    for (at, sign) in text.match_indices("://") {
        let start = at + sign.len();
        let end = text[start..].find(|c: char| c == '/' || c == '"' || c == '\'' || c.is_whitespace());
        let host = &text[start..end.map_or(text.len(), |end| start + end)];
        let Some(length) = host.rfind('@') else { continue };
        bytes[start..start + length].fill(b'*');
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// The last part of the key that ends where `before` ends, without quotes.
fn key_before(before: &str) -> &str {
    let line = before.rsplit('\n').next().unwrap_or_default().trim_end();
    if let Some(quote @ ('"' | '\'')) = line.chars().last() {
        let inner = &line[..line.len() - 1];
        return inner.rsplit(quote).next().unwrap_or_default();
    }
    line.rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).next().unwrap_or_default()
}

pub(super) fn is_secret_key(key: &str) -> bool {
    let plain: String = key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if HARMLESS.contains(&plain.as_str()) {
        return false;
    }
    let typo = |word: &str| plain.len() > 4 && strsim::osa_distance(&plain, word) <= 2;
    // Tokens end with the word: `accessTokenLifespan` is none. An identity is a certificate with its key.
    let token = plain.ends_with("token") || ["identity", "jwt", "roleid"].contains(&plain.as_str());
    token
        || SECRET_WORDS.iter().any(|word| plain.contains(word))
        || ["secret", "password", "clientsecret"].iter().any(|word| typo(word))
}

/// Blanks the value that starts at `from`.
fn blank(bytes: &mut [u8], text: &str, from: usize) {
    let start = from + text[from..].len() - text[from..].trim_start_matches([' ', '\t']).len();
    let value = &text[start..];
    if is_reference(value) {
        return;
    }
    let value = &mut bytes[start..start + value_length(value)];
    let is_quote = |byte: Option<&u8>| matches!(byte, Some(b'"' | b'\''));
    let (first, last) = (usize::from(is_quote(value.first())), value.len() - usize::from(is_quote(value.last())));
    let hidden = value.get_mut(first..last).unwrap_or_default();
    for (i, byte) in hidden.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')).enumerate() {
        // Three stars and then spaces, so that not even the length is told.
        *byte = if i < 3 { b'*' } else { b' ' };
    }
}

fn is_reference(value: &str) -> bool {
    let Some(inside) = value.strip_prefix('{') else { return false };
    let inside = inside.split('}').next().unwrap_or_default();
    let key = inside.split('=').next().unwrap_or_default().trim_matches([' ', '\t', '"', '\'']);
    match key {
        "generate" => !inside.contains(['"', '\'']),
        _ => inside.matches('=').count() == 1 && SECRET_SOURCES.contains(&key),
    }
}

/// How far a value reaches: to its closing quotes or bracket, or to the end of the line when there are none.
fn value_length(value: &str) -> usize {
    let line = value.find('\n').unwrap_or(value.len());
    let closed = |open: usize, close: &str| {
        value.get(open..).and_then(|rest| rest.find(close)).map(|at| open + at + close.len())
    };
    for quotes in [r#"""""#, "'''"] {
        if value.starts_with(quotes) {
            return closed(3, quotes).unwrap_or(value.len());
        }
    }
    match value.as_bytes().first() {
        Some(b'"') => end_of_string(value).unwrap_or(line),
        Some(b'\'') => closed(1, "'").unwrap_or(line).min(line),
        Some(b'[') => closed(1, "]").unwrap_or(value.len()),
        Some(b'{') => closed(1, "}").unwrap_or(value.len()),
        _ => value.find([',', '}', '\n']).unwrap_or(line),
    }
}

/// The end of a basic string, minding escaped quotes; `None` when the line ends first.
fn end_of_string(value: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in value.char_indices().skip(1) {
        match c {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Kind, Type, builtin_providers, kinds};

    #[test]
    fn whatever_looks_like_a_secret_is_blanked_and_nothing_moves() {
        for text in [
            "secret = \"hunter2\"",
            "secret = 'hunter2' # why",
            "secret=\"hunter2",
            "secert = \"hunter2\"",
            "secret = \"a\\\"hunter2\"",
            "secret: hunter2",
            "secret = hunter2",
            "smtpServer = { password = \"hunter2\", host = \"x\" }",
            "smtpServer.password = \"hunter2\"",
            "accessToken = \"hunter2\"",
            "secrets.vault.auth.jwt = { role = \"a\", jwt = \"hunter2\" }",
            "roleId = \"hunter2\"",
            "\"client.secret\" = \"\"\"\nhunter2\n\"\"\"",
            "clientSecret = [\"hunter2\"]",
            "secret = { value = \"hunter2\" }",
            "secret = { env = \"A\", value = \"hunter2\" }",
            "secret = { generate = \"hunter2\" }",
            "secret = { generate = { value = \"hunter2\" } }",
            "# secret = \"hunter2\"",
            "secret = {\n  plain = \"hunter2\" }",
            "\"saml.signing.private.key\" = \"hunter2\"",
            "git = \"https://bot:hunter2@git.example/x\"",
            "git = \"ssh://hunter2@@git.example/x",
        ] {
            let shown = secrets(text, &[]);
            assert!(!shown.contains("hunter2"), "{shown}");
            assert_eq!(shown.len(), text.len());
            assert_eq!(shown.matches('\n').count(), text.matches('\n').count());
        }
    }

    #[test]
    fn the_rest_stays() {
        for text in [
            "secret = { env = \"SHOP_SECRET\" }",
            "secret = { \"env\" = \"SHOP_SECRET\" }",
            "secret = { vault = \"kv/shop#secret\" }",
            "secret = { generate = { length = 40 } }",
            "passwordPolicy = \"length(12)\"",
            "accessTokenLifespan = \"5m\"",
            "displayName = \"no secrets here\"",
            "description = \"x\"\n[clients.secret-store]\nname = \"y\"",
        ] {
            assert_eq!(secrets(text, &[]), text);
        }
    }

    #[test]
    fn every_secret_field_is_known_by_its_name() {
        fn check(kind: &Kind) {
            for field in kind.fields {
                match field.ty {
                    Type::Secret => assert!(is_secret_key(field.name), "{}", field.name),
                    Type::TextMap(entries) | Type::Config(entries) => {
                        for (name, _) in entries.iter().filter(|(_, ty)| *ty == Type::Secret) {
                            assert!(is_secret_key(name), "{name}");
                        }
                    }
                    _ => {}
                }
            }
            kind.children.iter().for_each(|child| check(child));
        }
        check(&kinds::REALM);
        for provider in builtin_providers().values().flat_map(BTreeMap::values) {
            assert!(provider.secrets.iter().all(|key| is_secret_key(key)), "{:?}", provider.secrets);
        }
    }
}
