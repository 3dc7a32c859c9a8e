//! What of a realm is wanted.

use super::Args;
use crate::cli::Error;
use crate::model::{Address, LiveRealm, kinds};

/// The objects of a realm that `--only` names, as it does; all where it names none.
pub(super) struct Pick<'a>(Vec<(&'a str, Address)>);

impl<'a> Pick<'a> {
    pub(super) fn new(args: &'a Args, realm: &str) -> Result<Self, Error> {
        let named = args.only.iter().map(|text| Ok((text.as_str(), address(realm, text)?)));
        Ok(Self(named.collect::<Result<_, Error>>()?))
    }

    /// The objects that are named.
    pub(super) fn named(&self) -> impl Iterator<Item = &Address> {
        self.0.iter().map(|(_, address)| address)
    }

    /// An error of the first object that the realm does not have.
    pub(super) fn check(&self, realm: &str, live: &LiveRealm) -> Result<(), Error> {
        match self.0.iter().find(|(_, address)| !live.objects.contains_key(address)) {
            Some((text, address)) => {
                let kind = address.kind().name;
                Err(Error::Usage(format!("--only {text}: realm {realm} has no {kind} of that name")))
            }
            None => Ok(()),
        }
    }

    /// Whether an object is wanted: itself or as a part of one.
    pub(super) fn wants(&self, address: &Address) -> bool {
        self.0.is_empty() || self.named().any(|wanted| address.is_within(wanted) || is_inside(address, wanted))
    }
}

/// Whether a group is inside of another.
fn is_inside(address: &Address, of: &Address) -> bool {
    std::iter::successors(Some(address.clone()), Address::container).any(|it| it == *of && it.parent().is_some())
}

/// `clients/shop`, or `acme/clients/shop` as plans show it. A group needs no quotes here: nothing follows its path.
fn address(realm: &str, text: &str) -> Result<Address, Error> {
    let within = |text: &str| {
        let group = text.strip_prefix("groups/").filter(|path| path.starts_with('/'));
        match group {
            Some(path) => Some(Address::realm(realm).child(&kinds::GROUP, path)),
            None => Address::parse(realm, text).filter(|address| address.parent().is_some()),
        }
    };
    let found = within(text).or_else(|| within(text.strip_prefix(realm)?.strip_prefix('/')?));
    found.ok_or_else(|| not_an_address(text))
}

fn not_an_address(text: &str) -> Error {
    Error::Usage(format!(
        "--only {text}: this is no address; expected one such as clients/shop or clients/shop/roles/refund"
    ))
}
