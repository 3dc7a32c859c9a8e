//! What is stored of a text that was handed over, to see whether it is still that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{Context, SHA256};

/// A salted SHA-256 of a text that was handed over, cut to 16 bytes.
///
/// A [`Fingerprint`](super::Fingerprint) would take 20 ms for each of a thousand files. What this stands for holds a client's
/// secret at most, which who may read the record, where it is kept, may read anyway, and what nobody finds by trying: a
/// registration access token, with a signature of 512 bits, and a generated password, of more than 90.
pub fn handed_print(text: &str) -> String {
    print(text, rand::random())
}

/// Whether a text is the one that was handed over.
pub fn is_handed(text: &str, stored: &str) -> bool {
    let decoded = stored.strip_prefix(VERSION).and_then(|it| URL_SAFE_NO_PAD.decode(it).ok());
    let salt = decoded.as_deref().and_then(|bytes| bytes.first_chunk::<SALT>().copied());
    salt.is_some_and(|salt| print(text, salt) == stored)
}

const VERSION: &str = "s1:";
const SALT: usize = 8;

fn print(text: &str, salt: [u8; SALT]) -> String {
    let mut digest = Context::new(&SHA256);
    digest.update(&salt);
    digest.update(text.as_bytes());
    let bytes = [&salt, &digest.finish().as_ref()[..16]].concat();
    format!("{VERSION}{}", URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_print_is_of_its_text_alone() {
        let print = handed_print("secret");
        assert!(is_handed("secret", &print) && !is_handed("secreT", &print));
        assert_ne!(print, handed_print("secret"), "each has its own salt");
        for wrong in ["", "s1:", "s1:AAAA", "s2:x"] {
            assert!(!is_handed("secret", wrong), "{wrong}");
        }
    }
}
