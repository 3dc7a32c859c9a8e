//! What of a realm is wanted.

use super::Args;
use crate::cli::Error;
use crate::model::{Address, LiveRealm, kinds};

/// The objects that `--only` names; all where it names none.
pub(super) struct Pick(Vec<Address>);

impl Pick {
    pub(super) fn new(args: &Args, realm: &str, live: &LiveRealm) -> Result<Self, Error> {
        let wanted = addresses(args, realm)?;
        for (address, text) in wanted.iter().zip(&args.only) {
            if !live.objects.contains_key(address) {
                return Err(Error::Usage(format!(
                    "--only {text}: realm {realm} has no {} of that name",
                    address.kind().name
                )));
            }
        }
        Ok(Self(wanted))
    }

    /// Whether an object is wanted: itself or as a part of one.
    pub(super) fn wants(&self, address: &Address) -> bool {
        self.0.is_empty() || self.0.iter().any(|wanted| address.is_within(wanted) || is_inside(address, wanted))
    }
}

/// What `--only` names.
pub(super) fn addresses(args: &Args, realm: &str) -> Result<Vec<Address>, Error> {
    args.only.iter().map(|text| address(realm, text).ok_or_else(|| not_an_address(text))).collect()
}

/// Whether a group is inside of another.
fn is_inside(address: &Address, of: &Address) -> bool {
    std::iter::successors(Some(address.clone()), Address::container).any(|it| it == *of && it.parent().is_some())
}

/// `clients/shop`, or `acme/clients/shop` as plans show it. A group needs no quotes here: nothing follows its path.
fn address(realm: &str, text: &str) -> Option<Address> {
    let within = |text: &str| {
        let group = text.strip_prefix("groups/").filter(|path| path.starts_with('/'));
        match group {
            Some(path) => Some(Address::realm(realm).child(&kinds::GROUP, path)),
            None => Address::parse(realm, text).filter(|address| address.parent().is_some()),
        }
    };
    within(text).or_else(|| within(text.strip_prefix(realm)?.strip_prefix('/')?))
}

fn not_an_address(text: &str) -> Error {
    Error::Usage(format!(
        "--only {text}: this is no address; expected one such as clients/shop or clients/shop/roles/refund"
    ))
}
