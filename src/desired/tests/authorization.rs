//! Authorization services: what each type of policy has, and what the client needs.

use super::*;

fn said(client: &str, services: &str) -> String {
    let file = format!("[clients.shop]\n{client}\n[clients.shop.authorization]\nscopes.view = {{}}\n{services}\n");
    report(&[("acme/realm.toml", &file)])
}

#[test]
fn a_client_with_services_has_a_service_account() {
    let none = said("", "");
    assert!(none.contains("the authorization of shop needs a service account"), "{none}");
    assert!(none.contains("serviceAccountsEnabled = true"), "{none}");
    let public = said("publicClient = true", "");
    assert!(public.contains("shop is no confidential client, so it has no authorization"), "{public}");
    assert!(public.contains("no confidential client\n"), "both places are shown: {public}");
    assert_eq!(said("serviceAccountsEnabled = true", ""), "");
    let switched = said("serviceAccountsEnabled = true\nauthorizationServicesEnabled = true", "");
    assert!(switched.contains("write [clients.<clientId>.authorization]"), "{switched}");
}

#[test]
fn a_policy_has_the_fields_of_its_type() {
    let said = |services| said("serviceAccountsEnabled = true", services);
    for (services, error) in [
        ("policies.a = { roles = [] }", "an authorization policy has a type"),
        ("permissions.a = { scopes = [] }", "write type = \"scope\", or type = \"resource\""),
        ("policies.a = { type = \"user\", roles = [] }", "an authorization policy of type `user` has no `roles`"),
        ("policies.a = { type = \"regex\", hour = \"1\" }", "that is of type `time`"),
        ("policies.a = { type = \"role\", config.x = \"y\" }", "has no `config`"),
        ("policies.a = { type = \"scope\" }", "write it below `permissions`"),
        ("permissions.a = { type = \"role\" }", "`role` is no type of an authorization permission"),
        ("permissions.a = { type = \"resource\", scopes = [\"view\"] }", "that is of type `scope`"),
        (
            "policies.a = { type = \"user\" }\npermissions.a = { type = \"resource\" }",
            "a policy and a permission are both called `a`",
        ),
        ("policies.a = { type = \"role\", roles = [\"a\", { name = \"a\" }] }", "`roles` lists `a` twice"),
        ("policies.a = { type = \"role\", roles = [{ path = \"a\" }] }", "{ name = \"<name>\", required = true }"),
        ("policies.a = { type = \"role\", roles = [{ required = true }] }", "expected a name"),
        ("policies.a = { type = \"group\", groups = [\"staff\"] }", "did you mean \"/staff\"?"),
        ("policies.a = { type = \"time\", hour = 9 }", "write \"9\", with quotes"),
        ("resources.a = { owner = \"b\" }", "resources that users own are theirs"),
    ] {
        let report = said(services);
        assert!(report.contains(error), "{error}: {report}");
    }
    assert_eq!(said("policies.a = { type = \"script-mine.js\", config = { x = 1 } }"), "");
}

#[test]
fn a_name_and_a_table_of_it_are_the_same() {
    let loaded = loaded(&[
        (
            "acme/clients/shop/authorization/policies/a.toml",
            "type = \"role\"\nroles = [\"b\", { name = \"a\" }, { required = true, name = \"c\" }]\n",
        ),
        ("acme/clients/shop.toml", "serviceAccountsEnabled = true\n"),
    ]);
    insta::assert_snapshot!(leaves(&loaded, "acme", "clients/shop/authorization/policies/a"), @r#"
    roles = ["a","b",{"name":"c","required":true}]
    type = "role"
    "#);
    let names: Vec<&str> = loaded.references.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

/// Each client has scopes of its own.
#[test]
fn a_name_is_looked_for_in_its_own_client() {
    let client = |name: &str, services: &str| {
        format!("[clients.{name}]\nserviceAccountsEnabled = true\n[clients.{name}.authorization]\n{services}\n")
    };
    let file = client("a", "scopes.view = {}\nresources.r = { scopes = [\"view\"] }")
        + &client("b", "resources.r = { scopes = [\"view\"] }");
    let loaded = loaded(&[("acme/realm.toml", &file)]);
    let [open] = &loaded.references[..] else { panic!("{:?}", loaded.references) };
    assert_eq!(open.targets[0].to_string(), "acme/clients/b/authorization/scopes/view");
    let problem = render(&[unknown_reference(open, ["view2"])], false, 100);
    assert!(problem.contains("there is no authorization scope `view` in the realm acme"), "{problem}");
}
