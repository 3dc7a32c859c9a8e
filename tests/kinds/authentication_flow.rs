//! Authentication flows: what is in them changes in place.

use realmform::model::kinds::AUTHENTICATION_FLOW;
use serde_json::{Value, json};

use super::story::{Story, covers};
use crate::support::access;
use crate::support::admin::Admin;
use crate::support::browser::Browser;
use crate::support::is_26_0;
use crate::support::project::Project;

const STORY: Story = Story {
    realm: "kinds-flow",
    kind: &AUTHENTICATION_FLOW,
    table: "authenticationFlows.desk",
    fixed: "providerId = \"basic-flow\"\n",
    samples: &[
        ("description", "\"At the desk\"", "\"In the hall\""),
        (
            "executions",
            "[{ authenticator = \"auth-cookie\", requirement = \"ALTERNATIVE\" }, \
              { flow = \"desk forms\", requirement = \"ALTERNATIVE\", description = \"By hand\", executions = [\
                { authenticator = \"auth-username-password-form\", requirement = \"REQUIRED\" }, \
                { flow = \"desk otp\", requirement = \"CONDITIONAL\", executions = [\
                  { authenticator = \"conditional-user-configured\", requirement = \"REQUIRED\" }, \
                  { authenticator = \"auth-otp-form\", requirement = \"REQUIRED\" }] }] }]",
            "[{ flow = \"desk forms\", requirement = \"REQUIRED\", description = \"By heart\", executions = [\
                { flow = \"desk otp\", requirement = \"REQUIRED\", executions = [\
                  { authenticator = \"auth-otp-form\", requirement = \"ALTERNATIVE\" }, \
                  { authenticator = \"webauthn-authenticator\", requirement = \"ALTERNATIVE\" }] }, \
                { authenticator = \"auth-username-password-form\", requirement = \"REQUIRED\" }] }, \
              { authenticator = \"auth-cookie\", requirement = \"DISABLED\" }]",
        ),
    ],
    at_once: 1,
    others: "",
    by_hand: |_| {},
    raw: |admin| raw(admin, "desk"),
    follows: &[],
};

#[test]
fn life_of_a_flow() {
    covers(&AUTHENTICATION_FLOW, &[&STORY]);
    let told = STORY.tell();
    told.rename("authenticationFlows.hall", "desk", |admin| raw(admin, "hall"));
    told.delete(&[], |admin| flow(admin, "hall").is_none());
}

#[test]
fn a_form_and_a_flow_for_clients() {
    let project = Project::new("kinds-flow-forms");
    project.write_realm(
        r#"
[authenticationFlows.join]
executions = [{ flow = "join form", authenticator = "registration-page-form", requirement = "REQUIRED", executions = [
  { authenticator = "registration-user-creation", requirement = "REQUIRED" },
  { authenticator = "registration-password-action", requirement = "REQUIRED" },
] }]
[authenticationFlows.machines]
providerId = "client-flow"
executions = [{ flow = "machines known", requirement = "ALTERNATIVE", executions = [
  { authenticator = "client-secret", requirement = "ALTERNATIVE" },
  { authenticator = "client-jwt", requirement = "ALTERNATIVE" },
] }]
"#,
    );
    project.apply();
    let admin = project.admin();
    let kind_of_sub_flow = |parent: &str| {
        let id = executions(&admin, parent)[0]["flowId"].as_str().unwrap().to_owned();
        admin.get(&format!("authentication/flows/{id}"))["providerId"].clone()
    };
    assert_eq!((kind_of_sub_flow("join"), kind_of_sub_flow("machines")), (json!("form-flow"), json!("client-flow")));
}

/// The same authenticator may be there twice; each has its own configuration, and keeps its id wherever it goes.
#[test]
fn twins_keep_their_configuration() {
    let project = Project::new("kinds-flow-twins");
    let loa = |name: &str, level: u32| {
        format!(
            "{{ authenticator = \"conditional-level-of-authentication\", requirement = \"REQUIRED\", \
             authenticatorConfig = \"{name}\", config = {{ loa-condition-level = {level} }} }}"
        )
    };
    let write = |executions: &[String]| {
        project.write_realm(&format!("[authenticationFlows.twins]\nexecutions = [{}]\n", executions.join(", ")));
    };
    write(&[loa("silver", 1), loa("gold", 2)]);
    project.apply();
    let admin = project.admin();
    let ids = |admin: &Admin| -> Vec<(String, String)> {
        let text = |it: &Value, field: &str| it[field].as_str().unwrap().to_owned();
        executions(admin, "twins").iter().map(|it| (text(it, "alias"), text(it, "id"))).collect()
    };
    let before = ids(&admin);
    write(&[loa("bronze", 0), loa("gold", 3), loa("silver", 1)]);
    project.apply();
    let after = ids(&admin);
    assert_eq!(after.iter().map(|(alias, _)| alias.as_str()).collect::<Vec<_>>(), ["bronze", "gold", "silver"]);
    assert_eq!((&after[1], &after[2]), (&before[1], &before[0]));
    assert_eq!(config(&admin, "twins", 1)["loa-condition-level"], "3");
    write(&[loa("gold", 3)]);
    project.apply();
    assert_eq!(ids(&admin), [before[1].clone()]);
}

/// A sub-flow has one name in the realm, so that it leaves its old place before it enters the new one.
#[test]
fn a_sub_flow_moves() {
    let project = Project::new("kinds-flow-moves");
    let inner = "{ flow = \"inner\", requirement = \"REQUIRED\", executions = [\
                 { authenticator = \"auth-otp-form\", requirement = \"REQUIRED\" }, \
                 { authenticator = \"conditional-level-of-authentication\", requirement = \"REQUIRED\", \
                   authenticatorConfig = \"inner loa\", config = { loa-condition-level = 2 } }] }";
    let outer = |first: &str, second: &str| {
        format!(
            "[authenticationFlows.moves]\nexecutions = [\
             {{ flow = \"first\", requirement = \"REQUIRED\", executions = [{first}] }}, \
             {{ flow = \"second\", requirement = \"REQUIRED\", executions = [{second}] }}]\n"
        )
    };
    for (first, second) in [(inner, ""), ("", inner), (inner, "")] {
        project.write_realm(&outer(first, second));
        project.apply();
    }
    assert_eq!(config(&project.admin(), "moves", 3)["loa-condition-level"], "2");
}

#[test]
fn a_secret_of_a_configuration_stays_hidden_and_stays() {
    let mut project = Project::new("kinds-flow-secret");
    project.set("CAPTCHA", "first-captcha-secret");
    let write = |site: &str| {
        project.write_realm(&format!(
            r#"
[authenticationFlows.join]
executions = [{{ flow = "join form", authenticator = "registration-page-form", requirement = "REQUIRED", executions = [
  {{ authenticator = "registration-recaptcha-action", requirement = "REQUIRED", authenticatorConfig = "captcha",
     config = {{ "site.key" = "{site}", "secret.key" = {{ env = "CAPTCHA" }} }} }},
] }}]
"#
        ));
    };
    write("one");
    project.apply();
    let admin = project.admin();
    let hidden = !is_26_0("configurations of authenticators are shown in clear");
    let shown = if hidden { "**********" } else { "first-captcha-secret" };
    assert_eq!(config(&admin, "join", 1)["secret.key"], shown);
    write("two");
    assert_eq!(project.changes(), ["update authenticationFlows/join: executions.captcha.site.key (unexplained)"]);
    project.apply();
    assert_eq!(config(&admin, "join", 1), json!({ "site.key": "two", "secret.key": shown }));
    project.set("CAPTCHA", "second-captcha-secret");
    assert_eq!(project.changes().len(), 1);
    let ran = project.apply();
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("captcha-secret"));
    if !hidden {
        return;
    }
    // Sent back, the mask is what is stored, and nothing where nothing is: it is never stored itself.
    let id = executions(&admin, "join")[1]["authenticationConfig"].as_str().unwrap().to_owned();
    let put = |values: Value| {
        admin.put(&format!("authentication/config/{id}"), &json!({ "id": id, "alias": "captcha", "config": values }));
        config(&admin, "join", 1)["secret.key"].clone()
    };
    assert_eq!(put(json!({ "secret.key": shown })), shown);
    assert_eq!(put(json!({ "site.key": "two" })), Value::Null);
    assert_eq!(put(json!({ "secret.key": shown })), Value::Null);
}

/// The server hides the values of keys that the authenticator does not know, so that they cannot be compared.
#[test]
fn a_key_that_the_server_does_not_know_is_told() {
    if is_26_0("configurations of authenticators are shown in clear") {
        return;
    }
    let project = Project::new("kinds-flow-hidden");
    project.write_realm(
        "[authenticationFlows.a]\nexecutions = [{ authenticator = \"conditional-level-of-authentication\", \
         requirement = \"REQUIRED\", config = { loa-condition-levle = 1 } }]\n",
    );
    let applied = project.run(&["apply", "--yes"]);
    let planned = project.run(&["plan"]);
    assert_eq!((applied.status, planned.status), (6, 1), "{}", applied.stderr);
    for output in [applied, planned] {
        assert!(output.stderr.contains("loa-condition-levle of kinds-flow-hidden/"), "{}", output.stderr);
        assert!(output.stderr.contains("correct its name"), "{}", output.stderr);
    }
}

#[test]
fn a_built_in_flow_keeps_its_structure_and_is_reset() {
    let project = Project::new("kinds-flow-built-in");
    project.apply();
    let admin = project.admin();
    let before = raw(&admin, "direct grant");
    let write = |otp: &str, more: &str| {
        project.write_realm(&format!(
            r#"
[authenticationFlows."direct grant"]
executions = [
  {{ authenticator = "direct-grant-validate-username", requirement = "REQUIRED" }},
  {{ authenticator = "direct-grant-validate-password", requirement = "DISABLED" }},
  {{ flow = "Direct Grant - Conditional OTP", requirement = "CONDITIONAL",
     description = "Flow to determine if the OTP is required for the authentication", executions = [
    {{ authenticator = "conditional-user-configured", requirement = "REQUIRED" }},
    {{ authenticator = "direct-grant-validate-otp", requirement = "{otp}" }},
  ] }},{more}
]
"#
        ));
    };
    write("ALTERNATIVE", "");
    project.apply();
    assert_ne!(raw(&admin, "direct grant"), before);
    write("ALTERNATIVE", "\n  { authenticator = \"deny-access-authenticator\", requirement = \"DISABLED\" },");
    let refused = project.run(&["apply", "--yes"]);
    assert_eq!(refused.status, 4);
    assert!(refused.stdout.contains("is built in"), "{}", refused.stdout);
    project.write_realm("");
    project.apply();
    assert_eq!(raw(&admin, "direct grant"), before);
}

/// A realm has one configuration of a name. It could be shared, and would go with the first flow that is deleted.
#[test]
fn the_configuration_of_another_flow_is_left_alone() {
    if is_26_0("26.0 has several of a name") {
        return;
    }
    let flow = |config: &str| {
        format!(
            r#"
[authenticationFlows.one]
executions = [
  {{ authenticator = "idp-review-profile", requirement = "REQUIRED", authenticatorConfig = "{config}",
     config = {{ "update.profile.on.first.login" = "missing" }} }},
]
"#
        )
    };
    let project = Project::new("kinds-flow-configuration");
    let admin = project.admin();
    project.write_realm(&flow("review profile config"));
    let refused = project.run(&["apply", "--yes"]);
    assert_eq!(refused.status, 6);
    let told = "the flow \"first broker login\" has a configuration `review profile config`, and Keycloak has only one of a name";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
    project.write_realm(&flow("one review profile"));
    project.apply();
    project.assert_empty_plan();
    project.write_realm("");
    project.apply();
    assert_eq!(executions(&admin, "first broker login")[0]["alias"], "review profile config");
}

/// Copies that older versions made of flows have the configurations of the original, which it would lose with one of them.
#[test]
fn what_flows_share_stays_with_the_others() {
    let project = Project::new("kinds-flow-shared");
    let admin = project.admin();
    let step = "{ authenticator = \"idp-review-profile\", requirement = \"REQUIRED\" }";
    let configured = |name: &str, value: &str| {
        let config =
            format!("authenticatorConfig = \"{name}\", config.\"update.profile.on.first.login\" = \"{value}\"");
        step.replace(" }", &format!(", {config} }}"))
    };
    let file = |flows: &[(&str, &str)]| {
        let flows = flows.iter().map(|(name, steps)| format!("[authenticationFlows.{name}]\nexecutions = [{steps}]\n"));
        project.write_realm(&flows.collect::<String>());
    };
    // As such a copy has it, in the place of a configuration of its own.
    let share = |flow: &str| {
        let original = &executions(&admin, "first broker login")[0];
        for execution in executions(&admin, flow) {
            admin.delete(&format!("authentication/executions/{}", execution["id"].as_str().unwrap()));
        }
        let copy = json!({ "parentFlow": flow_id(&admin, flow), "authenticator": "idp-review-profile",
                           "requirement": "REQUIRED", "authenticatorConfig": original["alias"] });
        admin.post("authentication/executions", &copy);
        assert_eq!(executions(&admin, flow)[0]["authenticationConfig"], original["authenticationConfig"]);
    };
    let original = || {
        let execution = &executions(&admin, "first broker login")[0];
        (execution["alias"].clone(), config(&admin, "first broker login", 0))
    };
    file(&[("deleted", step), ("changed", step), ("emptied", step), ("cleared", step)]);
    project.apply();
    let before = original();
    for flow in ["deleted", "changed", "emptied", "cleared"] {
        share(flow);
    }
    let changed = configured("mine", "on");
    file(&[("changed", &changed), ("emptied", ""), ("cleared", step)]);
    project.apply();
    assert_eq!(original(), before);
    assert_eq!(config(&admin, "changed", 0)["update.profile.on.first.login"], "on");
    file(&[]);
    project.apply_with(&["--allow-many-deletes"]);
    assert_eq!(original(), before);
}

/// What the server hides nobody can give to another flow.
#[test]
fn a_secret_that_flows_share_is_not_lost() {
    if is_26_0("configurations of authenticators are shown in clear") {
        return;
    }
    let project = Project::new("kinds-flow-shared-secret");
    project.write_realm("[authenticationFlows.one]\nexecutions = []\n[authenticationFlows.two]\nexecutions = []\n");
    project.apply();
    let admin = project.admin();
    let add = |flow: &str, config: Option<&str>| {
        let execution = json!({ "parentFlow": flow_id(&admin, flow), "authenticator": "idp-review-profile",
                                "requirement": "REQUIRED", "authenticatorConfig": config });
        admin.post("authentication/executions", &execution);
        executions(&admin, flow)[0].clone()
    };
    let of_one = format!("authentication/executions/{}/config", add("one", None)["id"].as_str().unwrap());
    // What a provider does not know is hidden.
    admin.post(&of_one, &json!({ "alias": "shared", "config": { "key": "a secret" } }));
    let shared = &add("two", Some("shared"))["authenticationConfig"];
    project.write_realm("[authenticationFlows.one]\n");
    let refused = project.run(&["apply", "--yes"]);
    assert_eq!(refused.status, 6, "{}", refused.stderr);
    let told = "the flow \"one\" has the configuration `shared` in common with \"two\" and would lose it, and the server hides its `key`";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
    assert_eq!(executions(&admin, "one")[0]["authenticationConfig"], *shared);
    assert!(flow(&admin, "two").is_some());
}

#[test]
fn a_flow_that_is_bound_is_not_deleted() {
    let project = Project::new("kinds-flow-bound");
    let mine = "[authenticationFlows.mine]\nexecutions = [{ authenticator = \"auth-cookie\", requirement = \"REQUIRED\" }]\n\
                [clients.shop]\n";
    project
        .write_realm(&format!("browserFlow = \"mine\"\n{mine}authenticationFlowBindingOverrides.browser = \"mine\"\n"));
    project.apply();
    let admin = project.admin();
    let shop = || admin.get(&format!("clients/{}", admin.client("shop")))["authenticationFlowBindingOverrides"].clone();
    assert_eq!(shop()["browser"], json!(flow_id(&admin, "mine")));
    // Both bindings go with the flow: the realm's returns to its default, and the client's is taken away.
    project.write_realm("[clients.shop]\n");
    project.apply();
    assert_eq!(shop(), json!({}));
    assert!(flow(&admin, "mine").is_none());

    project.write_realm(mine);
    project.apply();
    admin.put("", &json!({ "browserFlow": "mine" }));
    project.write_realm("[clients.shop]\n");
    let refused = project.run(&["plan"]);
    assert_eq!(refused.status, 4);
    assert!(refused.stdout.contains("still in use: browserFlow of kinds-flow-bound"), "{}", refused.stdout);
}

/// Somebody is at the log-in page while the flow behind it changes, and somebody else is signed in.
#[test]
fn a_log_in_under_way_survives_a_change_of_the_bound_flow() {
    let project = Project::new("kinds-flow-log-in");
    let write = |more: &str| {
        project.write_realm(&format!(
            r#"
browserFlow = "mine"
[authenticationFlows.mine]
executions = [
  {{ authenticator = "auth-cookie", requirement = "ALTERNATIVE" }},{more}
  {{ flow = "mine forms", requirement = "ALTERNATIVE", executions = [
    {{ authenticator = "auth-username-password-form", requirement = "REQUIRED" }},
  ] }},
]
[clients.shop]
publicClient = true
redirectUris = ["https://shop.example/*"]
"#
        ));
    };
    write("");
    project.apply();
    let admin = project.admin();
    admin.post(
        "users",
        &json!({ "username": "alice", "enabled": true, "email": "a@a.example", "firstName": "A", "lastName": "B",
                 "credentials": [{ "type": "password", "value": "pass word", "temporary": false }] }),
    );
    let realm = format!("{}/realms/{}", access().http_url, project.realm);
    let start = format!(
        "{realm}/protocol/openid-connect/auth?client_id=shop&response_type=code&scope=openid\
         &redirect_uri=https%3A%2F%2Fshop.example%2Fback"
    );
    let signed_in = Browser::new();
    let page = signed_in.get(&start);
    assert!(signed_in.post(&page.form(), &[("username", "alice"), ("password", "pass word")]).next.contains("code="));
    let under_way = Browser::new();
    let form = under_way.get(&start).form();

    write(
        "\n  { authenticator = \"auth-spnego\", requirement = \"DISABLED\" },\n  { flow = \"mine otp\", requirement = \"DISABLED\", executions = [\
         { authenticator = \"auth-otp-form\", requirement = \"REQUIRED\" }] },",
    );
    project.apply();
    let next = under_way.post(&form, &[("username", "alice"), ("password", "pass word")]).next;
    assert!(next.starts_with("https://shop.example/back") && next.contains("code="), "{next}");
    let next = signed_in.get(&start).next;
    assert!(next.starts_with("https://shop.example/back") && next.contains("code="), "{next}");
}

/// What is in a flow, as the server lists it.
fn executions(admin: &Admin, flow: &str) -> Vec<Value> {
    let list = admin.get(&format!("authentication/flows/{}/executions", flow.replace(' ', "%20")));
    list.as_array().unwrap().clone()
}

/// The configuration of the execution at that place of the list.
fn config(admin: &Admin, flow: &str, index: usize) -> Value {
    let id = executions(admin, flow)[index]["authenticationConfig"].as_str().unwrap().to_owned();
    admin.get(&format!("authentication/config/{id}"))["config"].clone()
}

fn flow(admin: &Admin, alias: &str) -> Option<Value> {
    let flows = admin.get("authentication/flows");
    flows.as_array().unwrap().iter().find(|flow| flow["alias"] == alias).cloned()
}

fn flow_id(admin: &Admin, alias: &str) -> String {
    flow(admin, alias).unwrap()["id"].as_str().unwrap().to_owned()
}

/// The flow without what only its order on the server says.
fn raw(admin: &Admin, alias: &str) -> Value {
    let mut flow = flow(admin, alias).unwrap();
    let fields = ["displayName", "providerId", "requirement", "level", "index", "description"];
    let part = |it: &Value| -> Value { fields.iter().map(|field| (*field, it[*field].clone())).collect() };
    flow["executions"] = executions(admin, alias).iter().map(part).collect();
    flow.as_object_mut().unwrap().remove("authenticationExecutions");
    flow
}
