//! Fields that come from elsewhere, into a file that is there: all of its other bytes stay.

use serde_json::Value as Json;
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use super::toml::natural;
use crate::model::{Address, FieldPath};

/// The text of a file that is about `holder` with these fields of an object, which is that or hangs below it.
///
/// # Errors
/// Why there is no place for one of them.
pub fn fill(text: &str, holder: &Address, address: &Address, fields: &[(FieldPath, Json)]) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let mut above: Vec<String> = Vec::new();
    let steps: Vec<Address> = std::iter::successors(Some(address.clone()), Address::parent)
        .take_while(|it| it != holder && it.parent().is_some())
        .collect();
    for step in steps.iter().rev() {
        above.extend([step.kind().collection.to_owned(), step.name().to_owned()]);
    }
    for (path, json) in fields {
        let Some(value) = natural(address.kind().leaf_type(path), json) else { continue };
        let keys: Vec<&str> = above.iter().map(String::as_str).chain(path.parts()).collect();
        put(document.as_item_mut(), &keys, value)?;
    }
    Ok(document.to_string())
}

fn put(item: &mut Item, keys: &[&str], value: Value) -> Result<(), String> {
    let [key, rest @ ..] = keys else { return Ok(()) };
    let is_inline = item.is_inline_table();
    let table =
        item.as_table_like_mut().ok_or_else(|| format!("`{key}` has no place: what is above it is no table"))?;
    if !rest.is_empty() {
        let new = || if is_inline { Item::Value(InlineTable::new().into()) } else { Item::Table(Table::new()) };
        return put(table.entry(key).or_insert_with(new), rest, value);
    }
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(there) => {
            // A remark beside the value stays beside it.
            let decor = there.decor().clone();
            *there = value;
            *there.decor_mut() = decor;
        }
        None => drop(table.insert(key, Item::Value(value))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(file: &str, text: &str) -> String {
        let provider = Address::parse("acme", "identityProviders/okta").unwrap();
        let holder = if file == "realm" { Address::realm("acme") } else { provider.clone() };
        let fields = [("issuer", "https://new"), ("useJwksUrl", "true")];
        let fields = fields.map(|(name, text)| (FieldPath::new(["config", name]), Json::from(text)));
        fill(text, &holder, &provider, &fields).unwrap_or_else(|why| format!("error: {why}"))
    }

    #[test]
    fn every_way_to_write_it_stays() {
        let dotted = "# why\nconfig.issuer = \"https://old\" # ours\nenabled = true\n";
        let expected = "# why\nconfig.issuer = \"https://new\" # ours\nconfig.useJwksUrl = true\nenabled = true\n";
        assert_eq!(filled("provider", dotted), expected);
        let table = "enabled = true\n\n[config]\nissuer = 'https://old'\n\n[mappers.a]\n";
        let expected = "enabled = true\n\n[config]\nissuer = \"https://new\"\nuseJwksUrl = true\n\n[mappers.a]\n";
        assert_eq!(filled("provider", table), expected);
        let inline = "identityProviders.okta = { config = { issuer = \"old\" } } # all of it\n";
        let expected =
            "identityProviders.okta = { config = { issuer = \"https://new\" , useJwksUrl = true } } # all of it\n";
        assert_eq!(filled("realm", inline), expected);
        let bare = "[identityProviders.okta]\nproviderId = \"oidc\"\n";
        let expected = "[identityProviders.okta]\nproviderId = \"oidc\"\n\n[identityProviders.okta.config]\n\
                        issuer = \"https://new\"\nuseJwksUrl = true\n";
        assert_eq!(filled("realm", bare), expected);
        assert_eq!(filled("provider", "config = 3\n"), "error: `issuer` has no place: what is above it is no table");
    }
}
