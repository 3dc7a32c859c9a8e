//! What the files use and a realm has switched off.

use super::Error;
use crate::model::{Address, Desired, DesiredRealm, FieldPath, Live, LiveRealm, LiveValue, Value, kinds};

/// Organizations can only be declared where the realm shows them, whoever switches them on.
pub(super) fn check(desired: &Desired, live: &Live) -> Result<(), Error> {
    let problems = desired.realms.iter().filter_map(|(name, wanted)| {
        let (_, first) = wanted.objects.iter().find(|(_, object)| *object.kind == kinds::ORGANIZATION)?;
        (!has_organizations(&Address::realm(name), wanted, live.realms.get(name))).then(|| {
            format!(
                "{}: organizations are switched off in the realm {name}; write organizationsEnabled = true",
                first.origin
            )
        })
    });
    let problems: Vec<String> = problems.collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::Other(problems.join("\n"))) }
}

fn has_organizations(realm: &Address, wanted: &DesiredRealm, live: Option<&LiveRealm>) -> bool {
    let path = FieldPath::new(["organizationsEnabled"]);
    let wanted = wanted.objects.get(realm).and_then(|settings| settings.fields.get(&path));
    if let Some(declared) = wanted {
        return declared.value == Value::Json(true.into());
    }
    let live = live.and_then(|live| live.objects.get(realm)).and_then(|settings| settings.fields.get(&path));
    live.is_some_and(|value| *value == LiveValue::Json(true.into()))
}
