//! The only one of its sort leaves an object: most requests keep a table that they leave out.

use serde_json::json;

use crate::support::project::Project;

#[test]
fn the_last_attribute_goes() {
    let project = Project::new("kinds-emptied");
    let file = |attribute: &str, name: &str| {
        project.write_realm(&format!(
            "[roles.a]\n{attribute}[groups.\"/a\"]\n{attribute}[clients.shop]\n{attribute}\
             serviceAccountsEnabled = true\n[clients.shop.roles.a]\n{attribute}\
             [clients.shop.authorization.resources.a]\n{attribute}[users.ann]\n{name}"
        ));
    };
    file("attributes.only = \"x\"\n", "lastName = \"A\"\n");
    project.apply();
    file("", "");
    project.apply();
    let admin = project.admin();
    let client = format!("clients/{}", admin.client("shop"));
    let lists = [
        ("roles?briefRepresentation=false", "a"),
        ("groups?briefRepresentation=false", "a"),
        ("clients", "shop"),
        (&*format!("{client}/roles?briefRepresentation=false"), "a"),
        (&format!("{client}/authz/resource-server/resource"), "a"),
    ];
    let key = |list: &str| if list == "clients" { "clientId" } else { "name" };
    let still = lists.iter().filter(|(list, name)| !admin.find(list, key(list), name)["attributes"]["only"].is_null());
    assert_eq!(still.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new());
    assert_eq!(admin.find("users", "username", "ann")["lastName"], json!(null));
}
