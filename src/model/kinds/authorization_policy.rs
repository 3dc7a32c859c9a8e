//! Policies of authorization services: who, when, under which conditions.

use super::{Type, body};
use crate::model::field::{Field, Write};
use crate::model::{Kind, Reference, Spi};

/// A condition that permissions name.
pub static AUTHORIZATION_POLICY: Kind = Kind {
    name: "authorization policy",
    collection: "policies",
    key: "name",
    fields: &fields(Reference::AuthorizationPolicy),
    children: &[],
    on_create: &[],
    bears_data: false,
    renamable: true,
    carried_at_creation: false,
};

/// Which conditions a policy has says its type; the server would keep the old one's.
pub(super) const TYPE: Field =
    Field { name: "type", ty: Type::Ref(Reference::Provider(Spi::Policy)), write: Write::CreateOnly };

/// How several decisions become one.
pub(super) const STRATEGY: Type = Type::OneOf(&["UNANIMOUS", "AFFIRMATIVE", "CONSENSUS"]);

/// What each type of policy has beside that which all have. A type that is not listed has a configuration.
const OWN_FIELDS: &[(&str, &[&str])] = &[
    ("role", &["roles", "fetchRoles"]),
    ("group", &["groups", "groupsClaim"]),
    ("user", &["users"]),
    ("client", &["clients"]),
    ("client-scope", &["clientScopes"]),
    (
        "time",
        &[
            "notBefore",
            "notOnOrAfter",
            "dayMonth",
            "dayMonthEnd",
            "month",
            "monthEnd",
            "year",
            "yearEnd",
            "hour",
            "hourEnd",
            "minute",
            "minuteEnd",
        ],
    ),
    ("regex", &["targetClaim", "targetContextAttributes", "pattern"]),
    ("aggregate", &["policies"]),
    ("resource", &["resources", "resourceType", "policies"]),
    ("scope", &["resources", "scopes", "resourceType", "policies"]),
];

/// The fields that only some types have, and among them those of this type; `None` for a type that nobody knows.
pub fn own_fields(ty: &str) -> Option<&'static [&'static str]> {
    OWN_FIELDS.iter().find(|(name, _)| *name == ty).map(|(_, fields)| *fields)
}

/// The types of policy that have a field of their own; none for a field that all have.
pub fn types_with(field: &str) -> impl Iterator<Item = &'static str> {
    OWN_FIELDS.iter().filter(move |(_, fields)| fields.contains(&field)).map(|(name, _)| *name)
}

/// The fields of all types together; `policies` are those that an aggregate is made of.
pub(super) const fn fields(policies: Reference) -> [Field; 28] {
    [
        TYPE,
        body("description", Type::Text),
        body("logic", Type::OneOf(&["POSITIVE", "NEGATIVE"])),
        body("decisionStrategy", STRATEGY),
        body("roles", Type::RefTables(Reference::Role, "name", "required")),
        body("fetchRoles", Type::Bool),
        body("groups", Type::RefTables(Reference::Group, "path", "extendChildren")),
        body("groupsClaim", Type::Text),
        body("users", Type::RefSet(Reference::User)),
        body("clients", Type::RefSet(Reference::Client)),
        body("clientScopes", Type::RefTables(Reference::ClientScope, "name", "required")),
        body("notBefore", Type::Text),
        body("notOnOrAfter", Type::Text),
        body("dayMonth", Type::Text),
        body("dayMonthEnd", Type::Text),
        body("month", Type::Text),
        body("monthEnd", Type::Text),
        body("year", Type::Text),
        body("yearEnd", Type::Text),
        body("hour", Type::Text),
        body("hourEnd", Type::Text),
        body("minute", Type::Text),
        body("minuteEnd", Type::Text),
        body("targetClaim", Type::Text),
        body("targetContextAttributes", Type::Bool),
        body("pattern", Type::Text),
        body("policies", Type::RefSet(policies)),
        body("config", Type::TextMap(&[])),
    ]
}
