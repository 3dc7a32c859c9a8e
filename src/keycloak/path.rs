//! Paths of the admin API: how names get into them, and how they are shown without what they may hide.

use std::fmt::Display;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name or an id as one segment of a path.
pub fn segment(name: &str) -> impl Display + '_ {
    utf8_percent_encode(name, RESERVED)
}

/// A text as the value of a query parameter.
pub fn query(value: &str) -> impl Display + '_ {
    utf8_percent_encode(value, RESERVED)
}

/// The path as logs and errors show it: numbers and truth values of a query stay, every other value is left out.
pub(super) fn shown(path: &str) -> String {
    with_query(path, str::to_owned, |key, value| {
        let harmless = value.parse::<u64>().is_ok() || matches!(value, "true" | "false");
        format!("{key}={}", if harmless { value } else { "…" })
    })
}

/// The path with every name and id replaced, so that requests of one sort are counted together.
pub(super) fn template(path: &str) -> String {
    if path.is_empty() {
        return "/".into();
    }
    with_query(path, template_of_path, |key, _| key.to_owned())
}

fn with_query(path: &str, path_part: impl Fn(&str) -> String, pair: impl Fn(&str, &str) -> String) -> String {
    let Some((path, query)) = path.split_once('?') else {
        return path_part(path);
    };
    let pairs = query.split('&').map(|text| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        pair(key, value)
    });
    format!("{}?{}", path_part(path), pairs.collect::<Vec<_>>().join("&"))
}

fn template_of_path(path: &str) -> String {
    let segments = path.split('/').enumerate().map(|(position, segment)| match position {
        0 => segment,
        1 => "{realm}",
        _ if WORDS.contains(&segment) => segment,
        _ => "{id}",
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Whether the path says what it means to the server too: a role named `..` would make `DELETE …/roles/..` delete the realm,
/// because URLs drop such segments even when they are percent-encoded, and an empty name means the collection.
pub(super) fn is_faithful(path: &str) -> bool {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let segments = path.split('/').skip(1);
    (path.is_empty() || path.starts_with('/'))
        && !path.contains(['#', '\\'])
        && segments.into_iter().all(|segment| {
            !segment.is_empty() && !matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
        })
}

/// The fixed words of the admin API's paths. A new one that is missing here is only counted as `{id}`.
const WORDS: &[&str] = &[
    "admin-events",
    "associatedPolicies",
    "authentication",
    "authenticator-providers",
    "authz",
    "children",
    "clear-keys-cache",
    "clear-realm-cache",
    "clear-user-cache",
    "client-policies",
    "client-scopes",
    "client-secret",
    "clients",
    "components",
    "composites",
    "config",
    "copy",
    "credential-registrators",
    "credentials",
    "default-client-scopes",
    "default-default-client-scopes",
    "default-groups",
    "default-optional-client-scopes",
    "evaluate-scopes",
    "events",
    "execution",
    "executions",
    "export",
    "flow",
    "flows",
    "generate-example-access-token",
    "group-by-path",
    "groups",
    "identity-provider",
    "identity-providers",
    "instances",
    "keys",
    "localization",
    "lower-priority",
    "management",
    "mappers",
    "members",
    "models",
    "optional-client-scopes",
    "organizations",
    "partial-export",
    "partialImport",
    "permission",
    "policies",
    "policy",
    "profile",
    "profiles",
    "protocol-mappers",
    "raise-priority",
    "realm",
    "register-required-action",
    "registration-access-token",
    "required-actions",
    "reset-password",
    "resource",
    "resource-server",
    "role-mappings",
    "roles",
    "roles-by-id",
    "scope",
    "scope-mappings",
    "search",
    "service-account-user",
    "settings",
    "unregistered-required-actions",
    "users",
    "users-management-permissions",
    "workflows",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_every_reserved_character() {
        assert_eq!(segment("a b/ü?#%&=+.-_~").to_string(), "a%20b%2F%C3%BC%3F%23%25%26%3D%2B.-_~");
    }

    #[test]
    fn shows_no_text_of_a_query() {
        assert_eq!(shown("/acme/clients?first=0&max=20"), "/acme/clients?first=0&max=20");
        assert_eq!(shown("/acme/x?token=abc&exact=true&flag"), "/acme/x?token=…&exact=true&flag=…");
    }

    #[test]
    fn counts_requests_of_one_sort_together() {
        assert_eq!(template(""), "/");
        assert_eq!(template("/acme"), "/{realm}");
        assert_eq!(template("/acme/clients?first=0&max=20"), "/{realm}/clients?first&max");
        assert_eq!(template("/acme/clients/1-2/roles/shop"), "/{realm}/clients/{id}/roles/{id}");
    }

    #[test]
    fn knows_paths_that_would_mean_something_else() {
        for path in
            ["/acme/roles/..", "/acme/roles/%2E%2e/x", "/acme/roles/.", "/acme/roles/", "//x", "acme", "/a#b", "/a\\b"]
        {
            assert!(!is_faithful(path), "{path}");
        }
        for path in ["", "/acme", "/acme/roles/a..b", "/acme/roles/...?x=../.."] {
            assert!(is_faithful(path), "{path}");
        }
    }

    #[test]
    fn words_are_sorted() {
        assert!(WORDS.is_sorted_by(|a, b| a.to_lowercase() < b.to_lowercase()));
    }
}
