//! A part of the realms, for runs that share the work.

use std::str::FromStr;

use ring::digest::{SHA256, digest};

use crate::model::RealmName;

/// One of several parts of equal size. Which realms are in it depends on their names alone; with one part more or less, only
/// those change place that have to (rendezvous hashing).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    number: u32,
    of: u32,
}

impl Shard {
    /// Whether a realm is in it.
    pub fn has(self, realm: &RealmName) -> bool {
        let weight = |number: u32| digest(&SHA256, format!("{number}/{realm}").as_bytes());
        let best = (1..=self.of).max_by(|a, b| weight(*a).as_ref().cmp(weight(*b).as_ref()));
        best == Some(self.number)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if (1..=of).contains(&number) && of <= 1000 => Ok(Self { number, of }),
            _ => Err("expected a part and how many there are, up to 1000: 1/4 is the first of four".to_owned()),
        }
    }
}
