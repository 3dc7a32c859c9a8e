//! What is stored of a secret, to see that it changed.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A salted argon2id hash of a secret's value: it tells whether a value is the same, and costs who
/// wants to guess the value as much as that algorithm can make it cost. It is stored on the server,
/// in the record.
///
/// The text is `a1:` and 43 characters of base64, for 16 bytes of salt and 16 of hash. `a1` stands
/// for the parameters below. The usual PHC text names them one by one and is twice as long, in a
/// record that holds thousands of these and cannot be compressed there; and whoever can write the
/// record could make every plan take gigabytes.
///
/// Two fingerprints of one value differ, so the type has no use for `PartialEq` but to compare
/// records; compare values with [`Fingerprint::matches`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// A new fingerprint of `value`, with a salt of its own. Takes about 20 ms and 19 MiB.
    pub fn of(value: &SecretString) -> Self {
        let salt = rand::random();
        let bytes = [salt, hash(value, &salt)].concat();
        Self(format!("{VERSION}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Whether this is a fingerprint of `value`. One that cannot be read, which a later version may
    /// have written, is of no value: the secret is then applied once more, which is harmless. Costs
    /// what [`Fingerprint::of`] does.
    pub fn matches(&self, value: &SecretString) -> bool {
        self.parts().is_some_and(|(salt, expected)| hash(value, &salt) == expected)
    }

    fn parts(&self) -> Option<(Salt, Hash)> {
        let bytes = URL_SAFE_NO_PAD.decode(self.0.strip_prefix(VERSION)?).ok()?;
        let (salt, hash) = bytes.split_first_chunk()?;
        Some((*salt, hash.try_into().ok()?))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

type Salt = [u8; 16];
type Hash = [u8; 16];

/// Changes with anything below, so that old fingerprints are told from new ones.
const VERSION: &str = "a1:";

/// What OWASP's password storage guide asks for argon2id at least, and just under 20 MB: 19 MiB,
/// two passes, one lane. A plan of a realm with a hundred masked secrets then spends about two
/// seconds of one core on them. Less would make weak secrets guessable by those who may read the
/// record (`view-clients`); strong ones are safe at any cost.
const PARAMS: (u32, u32, u32) = (19 * 1024, 2, 1);

#[expect(
    clippy::expect_used,
    reason = "the parameters and lengths are constants that argon2 takes, and a test runs it"
)]
fn hash(value: &SecretString, salt: &Salt) -> Hash {
    let (memory, passes, lanes) = PARAMS;
    let mut hash = Hash::default();
    let params = Params::new(memory, passes, lanes, Some(hash.len())).expect("constant");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(value.expose_secret().as_bytes(), salt, &mut hash)
        .expect("constant");
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_its_value_and_no_other() {
        let value = SecretString::from("correct horse");
        let fingerprint = Fingerprint::of(&value);
        assert!(fingerprint.matches(&value));
        assert!(!fingerprint.matches(&"correct horsf".into()));
        assert_ne!(fingerprint, Fingerprint::of(&value), "each has its own salt");
    }

    /// Fails when the algorithm, its parameters or the encoding change under a record's feet.
    #[test]
    fn stays_readable() {
        let stored: Fingerprint = serde_json::from_str(r#""a1:tVpGB37GS8poDg8rxSZlyXjP6ZMeEMtSudlSis5pza0""#).unwrap();
        assert!(stored.matches(&"correct horse".into()));
        assert_eq!(stored.to_string().len(), 46);
        assert_eq!(serde_json::to_string(&stored).unwrap(), format!("\"{stored}\""));
    }

    #[test]
    fn what_cannot_be_read_matches_nothing() {
        for text in [
            "",
            "a1:",
            "a1:AAAA",
            "a2:tVpGB37GS8poDg8rxSZlyXjP6ZMeEMtSudlSis5pza0",
            "$argon2id$v=19$m=4194304,t=9,p=1$AAAA$AAAA",
        ] {
            assert!(!Fingerprint(text.to_owned()).matches(&"correct horse".into()), "{text}");
        }
    }

    #[test]
    fn shows_nothing_of_the_value() {
        let fingerprint = Fingerprint::of(&"hunter2hunter2".into());
        assert!(!format!("{fingerprint} {fingerprint:?}").contains("hunter2"));
    }

    /// `cargo test --release -- --ignored --nocapture takes_about` prints the figure that the
    /// parameters aim at.
    #[test]
    #[ignore = "a measurement"]
    fn takes_about_20_ms() {
        let start = std::time::Instant::now();
        for _ in 0..50 {
            Fingerprint::of(&"correct horse".into());
        }
        println!("{:?} each", start.elapsed() / 50);
    }
}
