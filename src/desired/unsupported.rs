//! What Keycloak has and this version does not manage yet, and what is written elsewhere.

use super::problem::Problem;
use crate::model::{Kind, kinds};

/// Collections and fields of the design that come later. Taking them for unknown fields would send them as they are.
const REALM: &[&str] = &["permissions"];

/// Whether this is a name that a later version will know.
pub(super) fn is_future(kind: &'static Kind, name: &str) -> bool {
    *kind == kinds::REALM && REALM.contains(&name)
}

/// Names that a later version will know, for suggestions.
pub(super) fn problem(name: &str) -> Problem {
    Problem::error(format!("`{name}` is not supported by this version yet"))
        .help("leave it out; what the files do not say is not touched")
}

/// What to write instead of a field that is the server's own.
pub(super) fn instead(kind: &'static Kind, name: &str) -> Option<&'static str> {
    Some(match name {
        "identityProviderMappers" => "write [identityProviders.<alias>.mappers.<name>]",
        "defaultRole" => "write defaultRoles = [\"<role>\", …]",
        "subGroups" => "write each group by its path: [groups.\"/staff/ops\"]",
        "name" | "parentId" if *kind == kinds::GROUP => {
            "a group's name and parent are its path: [groups.\"/staff/ops\"]"
        }
        "composite" => "write composites = [\"<role>\", …]",
        "clientRole" | "containerId" => "a client's role is written as [clients.<clientId>.roles.<name>]",
        "identityProviderAlias" => "a mapper's provider is the one that it is written below",
        "organizationId" => {
            "an organization names its providers: [organizations.<alias>] identityProviders = [\"<alias>\"]"
        }
        "providerType" => "a component's type is said by its collection, or begins its name",
        "subType" if *kind == kinds::CLIENT_REGISTRATION_POLICY => "whom a policy is for begins its name",
        "authorizationServicesEnabled" | "authorizationSettings" => "write [clients.<clientId>.authorization]",
        "owner" => "resources that users own are theirs, and are left alone",
        "parentId" => "what a mapper belongs to is what it is written below",
        "credentials" => "write password = { env = \"NAME\" }",
        "federatedIdentities" => "links to identity providers are not supported by this version yet",
        "federationLink" | "origin" => "a user of a directory is not written in files",
        "serviceAccountClientId" => "write serviceAccount of the client",
        "id" | "internalId" => "objects are known by their names, so that files fit every server",
        _ => return None,
    })
}
