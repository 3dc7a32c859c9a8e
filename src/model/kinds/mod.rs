//! One file per kind. A new kind is a new file, and a line in the `children` of the kind that it hangs below.

mod authentication_flow;
mod authorization;
mod authorization_permission;
mod authorization_policy;
mod authorization_resource;
mod authorization_scope;
mod client;
mod client_policy;
mod client_profile;
mod client_registration_policy;
mod client_role;
mod client_scope;
pub mod component;
mod group;
mod identity_provider;
mod identity_provider_mapper;
mod key_provider;
mod localization;
mod organization;
mod permission;
mod permission_policy;
mod profile_attribute;
mod profile_group;
mod protocol_mapper;
mod realm;
mod required_action;
mod role;
mod user;
mod user_federation;
mod user_federation_mapper;
mod user_profile;
mod workflow;

pub use authentication_flow::{AUTHENTICATION_FLOW, implied_config_alias};
pub use authorization::AUTHORIZATION;
pub use authorization_permission::AUTHORIZATION_PERMISSION;
pub use authorization_policy::{AUTHORIZATION_POLICY, own_fields, types_with};
pub use authorization_resource::AUTHORIZATION_RESOURCE;
pub use authorization_scope::AUTHORIZATION_SCOPE;
pub use client::{CLIENT, SECRET_EXPIRATION, SERVER_ATTRIBUTES};
pub use client_policy::CLIENT_POLICY;
pub use client_profile::CLIENT_PROFILE;
pub use client_registration_policy::CLIENT_REGISTRATION_POLICY;
pub use client_role::CLIENT_ROLE;
pub use client_scope::CLIENT_SCOPE;
pub use component::COMPONENT;
pub use group::GROUP;
pub use identity_provider::IDENTITY_PROVIDER;
pub use identity_provider_mapper::IDENTITY_PROVIDER_MAPPER;
pub use key_provider::KEY_PROVIDER;
pub use localization::LOCALIZATION;
pub use organization::ORGANIZATION;
pub use permission::{ADMIN_PERMISSIONS_CLIENT, PERMISSION, RESOURCE_TYPES};
pub use permission_policy::PERMISSION_POLICY;
pub use profile_attribute::PROFILE_ATTRIBUTE;
pub use profile_group::PROFILE_GROUP;
pub use protocol_mapper::PROTOCOL_MAPPER;
pub use realm::{REALM, mirrored};
pub use required_action::REQUIRED_ACTION;
pub use role::ROLE;
pub use user::USER;
pub use user_federation::USER_FEDERATION;
pub use user_federation_mapper::USER_FEDERATION_MAPPER;
pub use user_profile::USER_PROFILE;
pub use workflow::WORKFLOW;

use super::field::{ANY, Field, Type, Write};

/// A field of the object's own representation.
const fn body(name: &'static str, ty: Type) -> Field {
    Field { name, ty, write: Write::Body }
}

/// A field with endpoints of its own.
const fn link(name: &'static str, ty: Type) -> Field {
    Field { name, ty, write: Write::Link }
}

/// A field that the server fills and files leave alone.
const fn server(name: &'static str) -> Field {
    Field { name, ty: Type::Json, write: Write::Server }
}
