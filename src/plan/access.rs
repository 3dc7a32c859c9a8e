//! Who has to keep a way in: what realmform signs in with, and the accounts for emergencies. No consent helps here.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Guard, Violation};
use crate::diff::{Action, After, Before, Change, FieldChange};
use crate::model::{Address, FieldPath, kinds, texts};

/// Fields that hold what somebody may do.
const RIGHTS: &[&str] = &["clientRoles", "composites", "groups", "realmRoles"];

/// The run would lose its rights half-way, or the next one could not begin: `credential` is the client and the user that
/// sign in, as far as they may be in a managed realm.
///
/// Rights that come from groups and from roles that are made of others are not known here.
pub(super) fn credential(change: &Change, credential: &[Address]) -> Option<Violation> {
    let realm = Address::realm(credential.first()?.realm_name());
    let (relation, harm) = if concerns(change, &realm) {
        ("in to", ends(change, &realm).or_else(|| switched(change, &[("enabled", false)])))
    } else {
        let own = credential.iter().find(|it| concerns(change, it))?;
        let is_user = credential.iter().any(|it| it.kind() == &kinds::USER);
        let harm = ends(change, own).or_else(|| switched(change, switches(own, is_user)));
        // The roles of a service account are nobody's where a user signs in.
        let has_roles = own.kind() == &kinds::USER || !is_user;
        ("in with", harm.or_else(|| change.fields.iter().filter(|_| has_roles).find_map(|it| administrates(own, it))))
    };
    Some(Violation {
        address: change.address.clone(),
        guard: Guard::Credential,
        message: format!(
            "{} {} is what realmform signs {relation}, and would {}",
            change.kind.name, change.address, harm?
        ),
        remedy: "sign in with another credential".to_owned(),
        origin: change.origin.clone(),
    })
}

/// What an account for emergencies would lose; `has` are the roles and groups that it is known to have, and what these
/// are inside of.
pub(super) fn break_glass(change: &Change, account: &Address, has: &BTreeSet<Address>) -> Option<Violation> {
    let realm = Address::realm(account.realm_name());
    let harm = if concerns(change, &realm) {
        ends(change, &realm)
    } else if concerns(change, account) {
        ends(change, account).or_else(|| rights_lost(change))
    } else if has.contains(&change.address) {
        // Whoever has a role has it by any name.
        change.is_deletion().then(|| "be deleted".to_owned()).or_else(|| rights_lost(change))
    } else {
        None
    };
    let which = if change.address == *account {
        "is an account for emergencies".to_owned()
    } else {
        format!("is what {account}, an account for emergencies, depends on")
    };
    Some(Violation {
        address: change.address.clone(),
        guard: Guard::BreakGlass,
        message: format!("{} {} {which}, and would {}", change.kind.name, change.address, harm?),
        remedy: format!("take {account} out of the policy's breakGlass"),
        origin: change.origin.clone(),
    })
}

/// Whether it is this object that changes, by the name that it has or that it had.
fn concerns(change: &Change, address: &Address) -> bool {
    change.address == *address || renamed_from(change) == Some(address)
}

fn renamed_from(change: &Change) -> Option<&Address> {
    match &change.action {
        Action::Rename { from } => Some(from),
        Action::Create | Action::Update | Action::Delete { .. } => None,
    }
}

/// Whether an object is no longer there by its name.
fn ends(change: &Change, address: &Address) -> Option<String> {
    match &change.action {
        Action::Delete { .. } => Some("be deleted".to_owned()),
        Action::Rename { from } if from == address => Some(format!("be renamed {}", change.address.name())),
        Action::Create | Action::Update | Action::Rename { .. } => None,
    }
}

/// What switches a way of signing in off.
fn switches(own: &Address, is_user: bool) -> &'static [(&'static str, bool)] {
    match (own.kind() == &kinds::CLIENT, is_user) {
        (false, _) => &[("enabled", false)],
        (true, true) => &[("enabled", false), ("directAccessGrantsEnabled", false), ("bearerOnly", true)],
        (true, false) => {
            &[("enabled", false), ("serviceAccountsEnabled", false), ("publicClient", true), ("bearerOnly", true)]
        }
    }
}

fn switched(change: &Change, switches: &[(&str, bool)]) -> Option<String> {
    let is = |field: &FieldChange, (name, off): (&str, bool)| {
        field.path == FieldPath::new([name]) && after(field) == Some(&Json::Bool(off))
    };
    let (name, off) = switches.iter().find(|it| change.fields.iter().any(|field| is(field, **it)))?;
    Some(format!("get {name} = {off}"))
}

/// The first right to administrate that an account would lose by a change of this field.
fn administrates(own: &Address, field: &FieldChange) -> Option<String> {
    let lost = lost(field);
    let parts: Vec<&str> = field.path.parts().skip_while(|part| *part == "serviceAccount").collect();
    let is_master = own.realm_name() == "master";
    let role = match parts.as_slice() {
        ["realmRoles"] => lost.into_iter().find(|role| is_master && matches!(*role, "admin" | "create-realm")),
        // Whoever keeps this one keeps all of them.
        ["clientRoles", "realm-management"] if names(after(field)).any(|role| role == "realm-admin") => None,
        ["clientRoles", client] if *client == "realm-management" || is_master && client.ends_with("-realm") => {
            lost.into_iter().next()
        }
        _ => None,
    };
    Some(format!("lose {} of its {}", role?, field.path))
}

fn rights_lost(change: &Change) -> Option<String> {
    let rights = change.fields.iter().filter(|field| RIGHTS.contains(&field.path.top()));
    rights.into_iter().find_map(|field| Some(format!("lose {} of its {}", lost(field).first()?, field.path)))
}

/// The names that leave a list.
fn lost(field: &FieldChange) -> Vec<&str> {
    let before = match &field.before {
        Before::Json(value) => Some(value),
        Before::Absent | Before::Secret => None,
    };
    let kept: BTreeSet<&str> = names(after(field)).collect();
    names(before).filter(|name| !kept.contains(name)).collect()
}

fn names(value: Option<&Json>) -> impl Iterator<Item = &str> {
    value.into_iter().flat_map(texts)
}

fn after(field: &FieldChange) -> Option<&Json> {
    match &field.after {
        After::Json(value) | After::Default(value) => Some(value),
        After::Secret(_) | After::Absent => None,
    }
}
