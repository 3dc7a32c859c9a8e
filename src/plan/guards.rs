//! What a plan must not do unless the policy or the command line says so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::ownership::{self, Owners};
use super::{Plan, RealmPlan, access};
use crate::diff::{Action, After, Before, Change};
use crate::model::{Address, Origin, RealmName, Type, Write, is_builtin, kinds, matches};

/// The limits that a plan is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Realms in which nothing changes at all.
    pub protected_realms: BTreeSet<String>,
    /// The share of a realm's managed objects, in percent, above which deletions are refused.
    pub max_delete_percent: usize,
    /// How many managed objects a realm has at least for that share to mean something.
    pub delete_limit_from: usize,
    /// How many objects of a kind there are at least for deleting all of them to be refused.
    pub empty_kind_from: usize,
    /// How many objects of a realm may be deleted, of whatever kind.
    pub max_deletes: Option<usize>,
    /// How many objects of a collection of the realm may be deleted; what hangs below them is not counted.
    pub max_deletes_of: BTreeMap<String, usize>,
    /// Whether the limits above hold.
    pub limit_deletes: bool,
    /// Addresses that are never deleted; `*` stands for any text.
    pub prevent_destroy: Vec<String>,
    /// Addresses, as text, whose deletion was asked for by name.
    pub allow_destroy: BTreeSet<String>,
    /// The client and the user that realmform signs in with, when they are in a managed realm.
    pub credential: Vec<Address>,
    /// The projects that have a part of each realm, where there are others.
    pub owners: BTreeMap<RealmName, Owners>,
    /// The environment of the plan, and of what was applied last to realms where that is another.
    pub environments: Option<(String, BTreeMap<RealmName, String>)>,
    /// The accounts for emergencies, each with the roles and groups that it is known to have, and what these are inside of.
    pub break_glass: BTreeMap<Address, BTreeSet<Address>>,
}

/// A plan that must not run, and why.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the plan is refused: {}", self.violations.iter().map(|it| it.message.as_str()).collect::<Vec<_>>().join("; "))]
pub struct Refusal {
    /// What would be done.
    pub plan: Plan,
    /// Everything that speaks against it, by realm.
    pub violations: Vec<Violation>,
}

/// One thing that speaks against a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The object, or the realm when it is about many.
    pub address: Address,
    /// Which guard spoke.
    pub guard: Guard,
    /// What would happen, as one sentence without a full stop.
    pub message: String,
    /// What would allow it, as one sentence without a full stop.
    pub remedy: String,
    /// Where the object, or the field, is declared.
    pub origin: Option<Origin>,
}

/// The guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// A realm that must not change.
    ProtectedRealm,
    /// Too many deletions at once.
    DeleteLimit,
    /// Every object of a kind would go.
    EmptiedKind,
    /// `preventDestroy`, of the files or of the policy.
    PreventDestroy,
    /// Data that no file holds would go, too.
    DataBearing,
    /// realmform would lock itself out.
    Credential,
    /// An account for emergencies would no longer be one.
    BreakGlass,
    /// A field that is only ever set at creation.
    CreateOnly,
    /// What a built-in flow consists of.
    BuiltIn,
    /// The server does not delete what something is still bound to.
    InUse,
    /// It belongs to another project.
    Ownership,
    /// It was applied in another environment.
    Environment,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            protected_realms: BTreeSet::from(["master".to_owned()]),
            max_delete_percent: 30,
            delete_limit_from: 10,
            // Deleting the only client or both roles is everyday work; deleting every one of many rarely is.
            empty_kind_from: 3,
            max_deletes: None,
            max_deletes_of: BTreeMap::new(),
            limit_deletes: true,
            prevent_destroy: Vec::new(),
            allow_destroy: BTreeSet::new(),
            credential: Vec::new(),
            owners: BTreeMap::new(),
            environments: None,
            break_glass: BTreeMap::new(),
        }
    }
}

impl Policy {
    /// For a plan that was held against the project's policy when it was made: only what depends on who carries it out is
    /// looked at again.
    pub fn reviewed(plan: &Plan) -> Self {
        let changes = plan.realms.values().flat_map(|realm| &realm.diff.changes);
        let deleted = changes.filter(|change| change.is_deletion()).map(|change| change.address.to_string());
        Self {
            protected_realms: BTreeSet::new(),
            limit_deletes: false,
            allow_destroy: deleted.collect(),
            ..Self::default()
        }
    }
}

/// Everything that speaks against a plan.
pub(super) fn violations(plan: &Plan, policy: &Policy) -> Vec<Violation> {
    let mut found = Vec::new();
    for (name, realm) in &plan.realms {
        let guarded = Guarded { address: Address::realm(name.as_str()), realm, policy };
        found.extend(guarded.protected());
        found.extend(guarded.of_another_environment());
        for change in &realm.diff.changes {
            found.extend(guarded.prevented(change));
            found.extend(guarded.data_bearing(change));
            found.extend(access::credential(change, &policy.credential));
            let accounts = policy.break_glass.iter();
            found.extend(accounts.filter_map(|(account, has)| access::break_glass(change, account, has)));
            found.extend(fixed_fields(change));
            found.extend(built_in(change));
            found.extend(in_use(change));
        }
        found.extend(policy.owners.get(name).into_iter().flat_map(|owners| ownership::violations(realm, owners)));
        found.extend(guarded.delete_limits());
        found.extend(guarded.emptied_kinds());
    }
    found
}

struct Guarded<'a> {
    address: Address,
    realm: &'a RealmPlan,
    policy: &'a Policy,
}

impl Guarded<'_> {
    fn protected(&self) -> Option<Violation> {
        let name = self.address.name();
        let changes = !self.realm.is_empty() && self.policy.protected_realms.contains(name);
        changes.then(|| Violation {
            address: self.address.clone(),
            guard: Guard::ProtectedRealm,
            message: format!("realm {name} is protected, and the plan changes it"),
            remedy: format!("leave {name} out of the policy's protected realms"),
            origin: None,
        })
    }

    /// Mostly a server was mistaken for another.
    fn of_another_environment(&self) -> Option<Violation> {
        let (environment, others) = self.policy.environments.as_ref()?;
        let name = self.address.name();
        let other = others.get(name).filter(|_| !self.realm.is_empty())?;
        Some(Violation {
            address: self.address.clone(),
            guard: Guard::Environment,
            message: format!("realm {name} was applied in the environment {other}, and the plan is of {environment}"),
            remedy: "--allow-environment-change, where the environment has got another name".to_owned(),
            origin: None,
        })
    }

    fn prevented(&self, change: &Change) -> Option<Violation> {
        let text = change.address.to_string();
        let pattern = self.policy.prevent_destroy.iter().find(|pattern| matches(pattern, &text));
        // Consent to delete the realm is none to delete what is guarded in it: that takes its own address.
        let consented = self.policy.allow_destroy.contains(&text);
        if !change.is_deletion() || consented || !(change.prevent_destroy || pattern.is_some()) {
            return None;
        }
        let reason = pattern.map_or_else(
            || "its declaration said preventDestroy when it was applied last".to_owned(),
            |pattern| format!("the policy's preventDestroy names {pattern}"),
        );
        Some(Violation {
            message: format!("{} {text} would be deleted, but {reason}", change.kind.name),
            ..deletion(change, Guard::PreventDestroy)
        })
    }

    fn data_bearing(&self, change: &Change) -> Option<Violation> {
        let refused = change.is_deletion() && change.kind.bears_data && !self.consented(&change.address);
        refused.then(|| Violation {
            message: format!("deleting {} {} deletes data that no file holds", change.kind.name, change.address),
            ..deletion(change, Guard::DataBearing)
        })
    }

    fn delete_limits(&self) -> Vec<Violation> {
        let Policy { max_delete_percent, delete_limit_from, max_deletes, max_deletes_of, .. } = self.policy;
        if !self.policy.limit_deletes {
            return Vec::new();
        }
        let total: usize = self.realm.diff.managed_before.values().sum();
        let deleted = self.counted().count();
        let mut exceeded = Vec::new();
        if total >= *delete_limit_from && deleted * 100 > total * max_delete_percent {
            exceeded.push(format!("{deleted} of {total} objects would be deleted, more than {max_delete_percent} %"));
        }
        if let Some(max) = max_deletes.filter(|max| deleted > *max) {
            exceeded.push(format!("{deleted} objects would be deleted, more than {max}"));
        }
        for (collection, max) in max_deletes_of {
            let is_one = |change: &&Change| {
                let address = &change.address;
                address.collection() == Some(collection) && address.parent().is_some_and(|it| it.parent().is_none())
            };
            let deleted = self.counted().filter(is_one).count();
            if deleted > *max {
                exceeded.push(format!("{deleted} of `{collection}` would be deleted, more than {max}"));
            }
        }
        let violation = |message| Violation {
            address: self.address.clone(),
            guard: Guard::DeleteLimit,
            message,
            remedy: "raise the policy's delete limit, or name what may go with --allow-destroy ADDRESS".to_owned(),
            origin: None,
        };
        exceeded.into_iter().map(violation).collect()
    }

    fn emptied_kinds(&self) -> Vec<Violation> {
        let mut deleted: BTreeMap<&str, usize> = BTreeMap::new();
        // What goes with its parent says nothing about its kind.
        for change in self.counted().filter(|change| !self.goes_with_container(change)) {
            *deleted.entry(change.kind.name).or_default() += 1;
        }
        let all = |kind: &str, count: usize| self.realm.diff.managed_before.get(kind) == Some(&count);
        let limit = |count: usize| self.policy.limit_deletes && count >= self.policy.empty_kind_from;
        let emptied = deleted.into_iter().filter(|(kind, count)| limit(*count) && all(kind, *count));
        let violation = |(kind, count)| Violation {
            address: self.address.clone(),
            guard: Guard::EmptiedKind,
            message: format!("every {kind} would be deleted ({count} of {count})"),
            remedy: "lift the policy's delete limit, or name what may go with --allow-destroy ADDRESS".to_owned(),
            origin: None,
        };
        emptied.map(violation).collect()
    }

    /// The deletions that nobody asked for by name.
    fn counted(&self) -> impl Iterator<Item = &Change> {
        self.realm.diff.changes.iter().filter(|change| change.is_deletion() && !self.consented(&change.address))
    }

    fn goes_with_container(&self, change: &Change) -> bool {
        change.address.container().is_some_and(|above| self.is_deleted(&above))
    }

    fn is_deleted(&self, address: &Address) -> bool {
        self.realm.diff.find(address).is_some_and(|index| self.realm.diff.changes[index].is_deletion())
    }

    /// Whether the deletion was asked for by name, or that of something it goes with.
    fn consented(&self, address: &Address) -> bool {
        if self.policy.allow_destroy.is_empty() {
            return false;
        }
        let mut object = Some(address.clone()).filter(|it| self.is_deleted(it));
        while let Some(address) = object {
            if self.policy.allow_destroy.contains(&address.to_string()) {
                return true;
            }
            object = address.container().filter(|it| self.is_deleted(it));
        }
        false
    }
}

fn deletion(change: &Change, guard: Guard) -> Violation {
    let (address, origin) = (change.address.clone(), change.origin.clone());
    let remedy = format!("--allow-destroy '{address}'");
    Violation { address, guard, message: String::new(), remedy, origin }
}

fn fixed_fields(change: &Change) -> impl Iterator<Item = Violation> + '_ {
    let exists = matches!(change.action, Action::Update | Action::Rename { .. });
    let fixed = change.fields.iter().filter(move |field| exists && change.kind.write(&field.path) == Write::CreateOnly);
    fixed.map(|field| Violation {
        address: change.address.clone(),
        guard: Guard::CreateOnly,
        message: format!("{} of an existing {} cannot change", field.path, change.kind.name),
        remedy: format!(
            "put the old value back, or delete {} in one run and declare it anew in the next",
            change.address
        ),
        origin: field.origin.clone(),
    })
}

/// The server lets nobody add to a built-in flow, take from it or reorder it.
fn built_in(change: &Change) -> Option<Violation> {
    let is_it = change.kind == &kinds::AUTHENTICATION_FLOW && is_builtin(&change.address);
    let field = change.fields.iter().filter(|_| is_it).find(|field| match (&field.before, &field.after) {
        (Before::Json(before), After::Json(after)) => {
            change.kind.leaf_type(&field.path) == Type::Executions && structure(before) != structure(after)
        }
        _ => false,
    })?;
    Some(Violation {
        address: change.address.clone(),
        guard: Guard::BuiltIn,
        message: format!(
            "{} is built in: only requirements, configurations and its description can change",
            change.address
        ),
        remedy: "declare a flow of another name with these executions, and bind that".to_owned(),
        origin: field.origin.clone(),
    })
}

/// What is where in a flow, whatever is required.
fn structure(executions: &Json) -> Json {
    let part = |it: &Json| {
        let inner = it.get("executions").map(structure);
        [it.get("authenticator").cloned(), it.get("flow").cloned(), inner].into_iter().flatten().collect::<Json>()
    };
    executions.as_array().into_iter().flatten().map(part).collect()
}

fn in_use(change: &Change) -> Option<Violation> {
    let bound: Vec<String> = change.held_by.iter().map(|(address, path)| format!("{path} of {address}")).collect();
    (!bound.is_empty()).then(|| Violation {
        message: format!("{} {} is still in use: {}", change.kind.name, change.address, bound.join(", ")),
        remedy: format!("bind another flow there, or keep {}", change.address),
        ..deletion(change, Guard::InUse)
    })
}
