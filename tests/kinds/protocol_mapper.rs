//! Protocol mappers, below clients and below client scopes.

use realmform::model::kinds::PROTOCOL_MAPPER;
use serde_json::Value;

use super::story::{Story, covers};
use crate::support::admin::Admin;

const OF_CLIENT: Story = Story {
    realm: "kinds-mapper",
    kind: &PROTOCOL_MAPPER,
    table: "clients.shop.protocolMappers.tenant",
    fixed: "protocol = \"openid-connect\"\n",
    samples: &[
        ("protocolMapper", "\"oidc-hardcoded-claim-mapper\"", "\"oidc-usermodel-attribute-mapper\""),
        ("config.\"claim.name\"", "\"tenant\"", "\"customer\""),
        ("config.\"access.token.claim\"", "true", "false"),
        ("config.\"claim.value\"", "\"a\\nb\"", "\"c\""),
    ],
    at_once: 1,
    others: "[clients.shop]\n",
    by_hand: |admin| {
        let Some((path, mut mapper)) = find(admin, "shop", "tenant") else { return };
        mapper["config"]["by.hand"] = "x".into();
        admin.put(&path, &mapper);
    },
    raw: |admin| find(admin, "shop", "tenant").unwrap().1,
    follows: &[],
};

const OF_SCOPE: Story = Story {
    realm: "kinds-scope-mapper",
    table: "clientScopes.tenant.protocolMappers.tenant",
    fixed: "protocolMapper = \"oidc-hardcoded-claim-mapper\"\n",
    samples: &[("config.\"claim.name\"", "\"tenant\"", "\"customer\"")],
    others: "[clientScopes.tenant]\n",
    by_hand: |_| {},
    raw: |admin| of_scope(admin, "tenant").unwrap().1,
    ..OF_CLIENT
};

#[test]
fn life_of_a_protocol_mapper() {
    covers(&PROTOCOL_MAPPER, &[&OF_CLIENT, &OF_SCOPE]);
    OF_CLIENT.tell();
    let told = OF_SCOPE.tell();
    let renamed = "[clientScopes.tenant.protocolMappers.customer]\nlifecycle.renamedFrom = \"tenant\"\n";
    told.project.write_realm(&format!("{renamed}{}{}", OF_SCOPE.fixed, OF_SCOPE.others));
    let refused = told.project.run(&["plan"]);
    assert_eq!(refused.status, 1);
    assert!(refused.stderr.contains("the server cannot rename a protocol mapper"), "{}", refused.stderr);
    let (path, mut mapper) = of_scope(&told.admin, "tenant").unwrap();
    mapper["name"] = "customer".into();
    told.admin.put(&path, &mapper);
    assert!(of_scope(&told.admin, "tenant").is_some(), "it can be renamed after all");
    (mapper["name"], mapper["protocol"]) = ("tenant".into(), "saml".into());
    told.admin.put(&path, &mapper);
    let (_, mapper) = of_scope(&told.admin, "tenant").unwrap();
    assert_eq!(mapper["protocol"], "openid-connect", "its protocol can be changed after all");
    told.delete(&[], |admin| of_scope(admin, "tenant").is_none());
}

fn find(admin: &Admin, client: &str, name: &str) -> Option<(String, Value)> {
    let clients = admin.get(&format!("clients?clientId={client}"));
    let list = format!("clients/{}/protocol-mappers/models", clients.get(0)?["id"].as_str().unwrap());
    let mapper = admin.get(&list).as_array().unwrap().iter().find(|mapper| mapper["name"] == name).cloned()?;
    Some((format!("{list}/{}", mapper["id"].as_str().unwrap()), mapper))
}

fn of_scope(admin: &Admin, name: &str) -> Option<(String, Value)> {
    let scope = admin.find("client-scopes", "name", "tenant");
    let mapper = scope["protocolMappers"].as_array()?.iter().find(|mapper| mapper["name"] == name).cloned()?;
    let (scope, id) = (scope["id"].as_str().unwrap(), mapper["id"].as_str().unwrap());
    Some((format!("client-scopes/{scope}/protocol-mappers/models/{id}"), mapper))
}
