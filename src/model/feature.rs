//! Features that a Keycloak can run without, as far as files can need them.

use super::{FieldPath, Kind, kinds};

/// A feature of the server.
#[derive(Debug)]
pub struct Feature {
    /// As the server's options name it: `organization`.
    pub key: &'static str,
    /// The kinds that the server knows nothing of without it.
    kinds: &'static [&'static Kind],
    /// What cannot be switched on without it, as (kind, field): the server says nothing, and leaves it off.
    switches: &'static [(&'static Kind, &'static str)],
}

static FEATURES: &[Feature] = &[
    Feature { key: "admin-fine-grained-authz:v2", kinds: &[], switches: &[(&kinds::REALM, "adminPermissionsEnabled")] },
    Feature {
        key: "authorization",
        kinds: &[&kinds::AUTHORIZATION],
        switches: &[(&kinds::REALM, "userManagedAccessAllowed")],
    },
    Feature { key: "client-policies", kinds: &[&kinds::CLIENT_POLICY, &kinds::CLIENT_PROFILE], switches: &[] },
    Feature { key: "oid4vc-vci", kinds: &[], switches: &[(&kinds::REALM, "verifiableCredentialsEnabled")] },
    Feature {
        key: "organization",
        kinds: &[&kinds::ORGANIZATION],
        switches: &[(&kinds::REALM, "organizationsEnabled")],
    },
    Feature { key: "passkeys", kinds: &[], switches: &[(&kinds::REALM, "webAuthnPolicyPasswordlessPasskeysEnabled")] },
    Feature { key: "scim-api", kinds: &[], switches: &[(&kinds::REALM, "scimApiEnabled")] },
    Feature { key: "workflows", kinds: &[&kinds::WORKFLOW], switches: &[] },
];

impl Feature {
    /// The feature without which the server has no object of this kind.
    pub fn of_kind(kind: &Kind) -> Option<&'static Self> {
        FEATURES.iter().find(|feature| feature.kinds.contains(&kind))
    }

    /// The feature without which a leaf cannot be switched on.
    pub fn of_switch(kind: &Kind, path: &FieldPath) -> Option<&'static Self> {
        FEATURES.iter().find(|feature| feature.switches.iter().any(|(it, field)| **it == *kind && *field == path.top()))
    }

    /// Its name in Keycloak's `serverinfo`: `ADMIN_FINE_GRAINED_AUTHZ_V2`.
    pub fn name(&self) -> String {
        self.key.replace(['-', ':'], "_").to_uppercase()
    }
}
