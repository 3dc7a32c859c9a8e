/*!
What Keycloak's objects are, independent of where they come from.

[`Kind`] describes one type of object (its natural key, its fields and how they are written), [`Address`] names one
object of a realm, [`Desired`] is what the files want, [`Live`] what the server has and [`Record`] what was applied
last. The later rooms only move these values around. Nothing here does I/O, and nothing here knows TOML or HTTP.

Adding a kind is one file under `kinds/` and one line in its parent's `children`.
*/

mod address;
mod builtin;
mod desired;
mod duration;
mod feature;
mod field;
mod hand_off;
mod kind;
pub mod kinds;
mod live;
mod moves;
mod pattern;
mod placement;
mod provider;
mod record;
mod reference;
mod secret_ref;

pub use address::{Address, RealmName};
pub use builtin::{
    REALM_PLACEHOLDER, builtin_names, builtin_objects, builtin_paths, builtin_providers, default_of, defaults,
    is_builtin, is_builtin_provider, is_default_roles, is_global_profile, is_locked, is_reserved, is_too_new,
    recognize_version,
};
pub use desired::{
    Declared, Desired, DesiredObject, DesiredRealm, ENVIRONMENTS, Lifecycle, Origin, Prune, PruneRules, Rank, Value,
    lies_over,
};
pub use duration::parse_seconds;
pub use feature::Feature;
pub use field::{ANY, Field, FieldPath, Reference, Spi, Type, Write};
pub use hand_off::{Destination, HandOff, Handed, Intended};
pub use kind::{Kind, PROTECTION_ROLE};
pub use kinds::{ADMIN_PERMISSIONS_CLIENT, RESOURCE_TYPES, own_fields, types_with};
pub use live::{Live, LiveObject, LiveRealm, LiveValue, flatten, unflatten};
pub(crate) use live::{live_value, sorted};
pub use moves::{Moves, replaced};
pub use pattern::matches;
pub use placement::Placement;
pub use provider::{Configured, Provider, Providers, configured};
pub use record::{Record, RecordError, Shape};
pub use reference::{Names, texts, unqualified};
pub use secret_ref::{GENERATED_LENGTH, SECRET_SOURCES, SecretRef, is_vault_expression};
