//! Names of components, which say more than a name where that alone does not tell them apart.

use super::builder::Builder;
use super::problem::Problem;
use super::source::Place;
use crate::model::kinds::component::{USER_PROFILE_TYPE, of_provider_type};
use crate::model::{Kind, kinds};

/// Whether an object of the kind can have that name.
pub(super) fn check_name(builder: &mut Builder, kind: &'static Kind, name: &str, place: &Place) -> bool {
    let parts = name.split_once('/').filter(|(prefix, name)| !prefix.is_empty() && !name.is_empty());
    let problem = match parts {
        None if *kind == kinds::CLIENT_REGISTRATION_POLICY => {
            Problem::error(format!("`{name}` does not say whom the policy is for"))
                .at(place.clone(), "expected \"anonymous/<name>\" or \"authenticated/<name>\"")
        }
        None if *kind == kinds::COMPONENT => Problem::error(format!("`{name}` does not say what the component is"))
            .at(place.clone(), "expected \"<providerType>/<name>\""),
        Some((provider_type, name)) if *kind == kinds::COMPONENT => {
            let Some(instead) = instead(provider_type, name) else { return true };
            Problem::error(format!("a component of the type {provider_type} is written elsewhere"))
                .at(place.clone(), "in the wrong place")
                .help(instead)
        }
        _ => return true,
    };
    builder.report(problem);
    false
}

/// Where a component of that type is written; `None` for what has no place of its own.
fn instead(provider_type: &str, name: &str) -> Option<String> {
    if provider_type == USER_PROFILE_TYPE {
        return Some("the user profile is the table [userProfile] of the realm".to_owned());
    }
    let kind = of_provider_type(provider_type).filter(|kind| **kind != kinds::COMPONENT)?;
    Some(match kind.name {
        "user federation mapper" => format!("write [userFederation.<name>.mappers.\"{name}\"]"),
        "client registration policy" => format!("write [{}.\"<subType>/{name}\"]", kind.collection),
        _ => format!("write [{}.\"{name}\"]", kind.collection),
    })
}
