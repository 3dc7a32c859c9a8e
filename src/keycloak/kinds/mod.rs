/*!
How each kind is read and written: one file per kind, each in the same order: read, create, update, link, delete.

All quirks of the wire end here. A new kind is a new file and a line in each table of this one.
*/

pub(super) mod authorization;
mod client;
pub(super) mod client_policy;
mod client_scope;
pub(super) mod component;
mod document;
pub(super) mod flow;
pub(super) mod group;
mod identity_provider;
mod localization;
pub(super) mod mapper;
pub(super) mod organization;
mod realm;
mod required_action;
mod role;
mod user;
pub(super) mod user_profile;
pub(super) mod workflow;

pub use user::issue_password;

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::try_join;

use super::ServerError;
use super::reader::Reader;
use super::shape::Object;
use super::writer::{Changes, Leaves, Links, Writer};
use crate::model::kinds::component::provider_type;
use crate::model::{Address, Shape};

/// Reads everything of interest. What names other objects by id comes last, when most ids are known.
pub(super) async fn read(reader: &Reader<'_>, settings: Object) -> Result<(), ServerError> {
    let organizations_are_hidden = organization::are_hidden(&settings);
    let default_role = realm::read(reader, settings)?;
    let (clients, scopes, roles, organizations, (), (), (), (), (), (), (), (), (), ()) = try_join!(
        client::read(reader),
        client_scope::read(reader),
        role::read(reader),
        organization::read(reader, organizations_are_hidden),
        group::read(reader),
        identity_provider::read(reader),
        flow::read(reader),
        component::read(reader),
        required_action::read(reader),
        localization::read(reader),
        user_profile::read(reader),
        client_policy::read(reader),
        user::read(reader),
        workflow::read(reader),
    )?;
    try_join!(
        realm::read_links(reader, &default_role),
        client::read_links(reader, &clients),
        client_scope::read_links(reader, &scopes),
        role::read_links(reader, &roles),
        organization::read_links(reader, &organizations),
        authorization::read_permissions(reader),
    )?;
    Ok(())
}

/// Makes an object with all leaves that its representation carries, and the mappers below it.
pub(super) async fn create(
    writer: &Writer,
    address: &Address,
    leaves: &Leaves,
    carried: &[(Address, Leaves)],
) -> Result<(), ServerError> {
    match address.kind().name {
        "client" => client::create(writer, address, leaves, carried).await,
        "client scope" => client_scope::create(writer, address, leaves, carried).await,
        "role" | "client role" => role::create(writer, address, leaves).await,
        "group" => group::create(writer, address, leaves).await,
        "identity provider" => identity_provider::create(writer, address, leaves).await,
        "authentication flow" => flow::create(writer, address, leaves).await,
        _ if authorization::is_part(address) => authorization::create(writer, address, leaves).await,
        _ if provider_type(address).is_some() => component::create(writer, address, leaves).await,
        "required action" => required_action::create(writer, address, leaves).await,
        "localization" => localization::create(writer, address, leaves).await,
        "organization" => organization::create(writer, address, leaves).await,
        "workflow" => workflow::create(writer, address, leaves).await,
        "client profile" | "client policy" => client_policy::create(writer, address, leaves).await,
        "user" => user::create(writer, address, leaves).await,
        "user profile" | "user profile attribute" | "user profile group" => {
            user_profile::create(writer, address, leaves).await
        }
        _ => mapper::create(writer, address, leaves).await,
    }
}

/// Makes the realm together with one client. The server adds the clients that every realm has all the same.
pub(super) async fn create_realm(
    writer: &Writer,
    address: &Address,
    leaves: &Leaves,
    client: &Value,
) -> Result<(), ServerError> {
    realm::create(writer, address, leaves, client).await
}

/// Brings an object that is about to be renamed to where the new name says it hangs.
pub(super) async fn relocate(writer: &Writer, from: &Address, to: &Address) -> Result<(), ServerError> {
    match to.kind().name {
        "group" => group::relocate(writer, from, to).await,
        _ if authorization::is_part(to) => authorization::relocate(writer, from, to).await,
        // The name of no other kind says where it hangs.
        _ => Ok(()),
    }
}

/// Writes leaves of the representation that changed, and the name.
pub(super) async fn update(writer: &Writer, address: &Address, changes: &Changes) -> Result<(), ServerError> {
    match address.kind().name {
        "realm" => realm::update(writer, address, changes).await,
        "client" => client::update(writer, address, changes).await,
        "client scope" => client_scope::update(writer, address, changes).await,
        "role" | "client role" => role::update(writer, address, changes).await,
        "group" => group::update(writer, address, changes).await,
        "identity provider" => identity_provider::update(writer, address, changes).await,
        "authentication flow" => flow::update(writer, address, changes).await,
        _ if authorization::is_part(address) => authorization::update(writer, address, changes).await,
        _ if provider_type(address).is_some() => component::update(writer, address, changes).await,
        "required action" => required_action::update(writer, address, changes).await,
        "localization" => localization::update(writer, address, changes).await,
        "organization" => organization::update(writer, address, changes).await,
        "workflow" => workflow::update(writer, address, changes).await,
        "client profile" | "client policy" => client_policy::update(writer, address, changes).await,
        "user" => user::update(writer, address, changes).await,
        "user profile" | "user profile attribute" | "user profile group" => {
            user_profile::update(writer, address, changes).await
        }
        _ => mapper::update(writer, address, changes).await,
    }
}

/// Writes the leaves that have endpoints of their own.
pub(super) async fn link(writer: &Writer, address: &Address, links: &Links) -> Result<(), ServerError> {
    match address.kind().name {
        "realm" => realm::link(writer, links).await,
        "client" => client::link(writer, address, links).await,
        "client scope" => client_scope::link(writer, address, links).await,
        "role" | "client role" => role::link(writer, address, links).await,
        "group" => group::link(writer, address, links).await,
        "user" => user::link(writer, address, links).await,
        "user profile" => user_profile::link(writer, links).await,
        "organization" => organization::link(writer, address, links).await,
        // No other kind has such leaves.
        _ => Ok(()),
    }
}

/// Deletes an object and all below it.
pub(super) async fn delete(writer: &Writer, address: &Address) -> Result<(), ServerError> {
    let path = match address.kind().name {
        "realm" => String::new(),
        "client" => format!("/clients/{}", writer.directory.id(address).await?),
        "client scope" => format!("/client-scopes/{}", writer.directory.id(address).await?),
        "role" | "client role" => format!("/roles-by-id/{}", writer.directory.id(address).await?),
        "group" => format!("/groups/{}", writer.directory.id(address).await?),
        "identity provider" => identity_provider::path(address),
        "authentication flow" => return flow::delete(writer, address).await,
        _ if authorization::is_part(address) => return authorization::delete(writer, address).await,
        _ if provider_type(address).is_some() => component::path(writer, address).await?,
        "required action" => required_action::path(address.name()),
        "localization" => localization::path(address),
        "organization" => organization::path(writer, address).await?,
        "workflow" => return workflow::delete(writer, address).await,
        "client profile" | "client policy" => return client_policy::delete(writer, address).await,
        "user" => format!("/users/{}", writer.directory.id(address).await?),
        "user profile" | "user profile attribute" | "user profile group" => {
            return user_profile::delete(writer, address).await;
        }
        _ => mapper::path(writer, address).await?,
    };
    Ok(writer.http().delete(&writer.path(path)).await?)
}

/// Puts back what the server itself changed elsewhere when it wrote or deleted an object, as far as it is managed.
pub(super) async fn put_back(
    writer: &Writer,
    written: &Address,
    managed: &BTreeMap<Address, Shape>,
) -> Result<(), ServerError> {
    match written.kind().name {
        "user federation provider" => flow::put_back(writer, managed).await,
        _ => Ok(()),
    }
}
