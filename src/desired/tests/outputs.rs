//! `[outputs]`: read, and for each client or realm that is meant.

use super::{PROJECT_FILE, loaded, report};
use crate::desired::{Loaded, OutputContent, Subject};

#[test]
fn outputs_are_read() {
    let project = loaded(&[
        (
            PROJECT_FILE,
            "name = \"x\"\n[outputs.web]\nof = \"acme/clients/web\"\nenv = {}\nfile = \"../web.env\"\n\
         [outputs.config]\nof = \"acme\"\nconfigMap = { name = \"oidc\", values = { ISSUER = \"{{ issuer }}\" } }\n",
        ),
        ("acme/realm.toml", "[clients.web]\n"),
    ])
    .project;
    let web = &project.outputs["web"];
    assert_eq!(web.of, Subject::One("acme/clients/web".parse().unwrap()));
    let OutputContent::Env(values) = &web.content else { panic!("{web:?}") };
    assert_eq!(values.keys().collect::<Vec<_>>(), ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_ISSUER"]);
    let OutputContent::Manifest(map) = &project.outputs["config"].content else { panic!() };
    assert!(!map.is_secret && map.namespace.is_none() && map.values.len() == 1, "{map:?}");
}

#[test]
fn mistakes_in_outputs() {
    insta::assert_snapshot!(
        report(&[(
            PROJECT_FILE,
            r#"name = "x"
[outputs.a]
of = "acme/roles/a"
env = {}
[outputs.b]
of = "acme"
env = { "A B" = "{{ isuer }}", C = "{{ client.id }}" }
json = {}
[outputs.c]
of = "acme/clients/c"
template = "{% if %}"
[outputs.d]
of = "acme/clients/d"
secret = { name = "Not_DNS" }
[outputs.e]
env = { ISSUER = "{{ isuer }}" }
file = "same"
[outputs.f]
of = "acme"
json = { C = "{{ client.id }}" }
file = "same"
[outputs.g]
of = "acme"
env = { "A B" = "x" }
file = "same"
"#,
        ), ("acme/realm.toml", "[clients.c]\n[clients.d]\n")]),
        @r#"
 × `acme/roles/a` is no client, user or realm
  ╭─[realmform.toml:3:1]
2 │ [outputs.a]
3 │ of = "acme/roles/a"
  · ─┬
  ·  ╰── expected an address such as "acme/clients/shop", "acme/clients/*" or "acme"
4 │ env = {}
  ╰────

 × the output `b` is of one sort
  ╭─[realmform.toml:5:10]
4 │ env = {}
5 │ [outputs.b]
  ·          ┬
  ·          ╰── expected one of `env`, `json`, `template`, `secret`, `configMap` or `kubeconfig`, found 2
6 │ of = "acme"
  ╰────

 × the template is not valid: syntax error: unexpected end of block
   ╭─[realmform.toml:11:1]
10 │ of = "acme/clients/c"
11 │ template = "{% if %}"
   · ────┬───
   ·     ╰── a template of minijinja, like Jinja's
12 │ [outputs.d]
   ╰────

 × `name` has the wrong value
   ╭─[realmform.toml:14:12]
13 │ of = "acme/clients/d"
14 │ secret = ***
   ·            ──┬─
   ·              ╰── expected lower-case letters, digits, `-` and `.`, found text
15 │ [outputs.e]
   ╰────

 × the output `e` is of nothing
   ╭─[realmform.toml:15:10]
14 │ secret = ***
15 │ [outputs.e]
   ·          ┬
   ·          ╰── expected `of = "acme/clients/shop"`, or a realm
16 │ env = { ISSUER = "{{ isuer }}" }
   ╰────

 × the template uses `client`, and there is nothing of that name
   ╭─[realmform.toml:20:10]
19 │ of = "acme"
20 │ json = { C = "{{ client.id }}" }
   ·          ┬
   ·          ╰── expected `server`, `realm`, `issuer`, `endpoints`, `certificates`, `groups` or `clients`
21 │ file = "same"
   ╰────
 help: did you mean `clients`?

 × `f` of acme and `g` of acme both go to same
   ╭─[realmform.toml:22:10]
21 │ file = "same"
22 │ [outputs.g]
   ·          ┬
   ·          ╰── this output
23 │ of = "acme"
   ╰────

 × `A B` is no name that this sort of output takes
   ╭─[realmform.toml:24:9]
23 │ of = "acme"
24 │ env = { "A B" = "x" }
   ·         ──┬──
   ·           ╰── expected the name of a variable
25 │ file = "same"
   ╰────
"#
    );
}

/// What is handed over of a realm, as `name of: destinations`.
fn told(loaded: &Loaded, realm: &str) -> Vec<String> {
    let outputs = loaded.outputs[realm].iter();
    let told = outputs.map(|output| {
        let to: Vec<String> = output.destinations.keys().map(ToString::to_string).collect();
        format!("{} {}: {}", output.name, output.of, to.join(" "))
    });
    told.collect()
}

const CLIENTS: &str = "[clients.web-a]\n[clients.web-b]\n[clients.\"https://sp/../x\"]\n[clients.\"..\"]\n";

#[test]
fn an_output_of_several_is_one_of_each() {
    let loaded = loaded(&[
        (
            PROJECT_FILE,
            r#"name = "x"
[outputs.web]
of = "*/clients/web-*"
env = {}
file = "../{{ realm }}/{{ client.id }}.env"
vault = "kv/{{ realm }}/{{ client.id }}"
[outputs.all]
of = "acme/clients/*"
secret = { name = "s-{{ client.id|length }}" }
vault = "kv/all/{{ client.id }}#manifest"
[outputs.realm]
of = "*"
json = { issuer = "{{ issuer }}" }
directory = "/run/{{ realm }}/"
"#,
        ),
        ("acme/realm.toml", CLIENTS),
        ("beta/realm.toml", "[clients.web-a]\n"),
    ]);
    assert_eq!(
        told(&loaded, "acme"),
        [
            "all acme/clients/..: vault:kv/all/%2E%2E#manifest",
            "all acme/clients/\"https://sp/../x\": vault:kv/all/https%3A%2F%2Fsp%2F..%2Fx#manifest",
            "all acme/clients/web-a: vault:kv/all/web-a#manifest",
            "all acme/clients/web-b: vault:kv/all/web-b#manifest",
            "realm acme: /run/acme/issuer",
            "web acme/clients/web-a: ../acme/web-a.env vault:kv/acme/web-a#OIDC_CLIENT_ID \
             vault:kv/acme/web-a#OIDC_CLIENT_SECRET vault:kv/acme/web-a#OIDC_ISSUER",
            "web acme/clients/web-b: ../acme/web-b.env vault:kv/acme/web-b#OIDC_CLIENT_ID \
             vault:kv/acme/web-b#OIDC_CLIENT_SECRET vault:kv/acme/web-b#OIDC_ISSUER",
        ]
    );
    assert_eq!(told(&loaded, "beta").len(), 2);
    let OutputContent::Manifest(manifest) = &loaded.outputs["acme"][2].content else { panic!() };
    assert_eq!(manifest.name, "s-5");
    assert_eq!(loaded.desired.realms["beta"].outputs.as_ref().unwrap().len(), 5);
}

#[test]
fn an_output_of_a_realm_may_tell_of_its_clients() {
    let loaded = loaded(&[
        (
            PROJECT_FILE,
            r#"name = "x"
[outputs.clients]
of = "acme"
template = "{% for client in clients %}{{ client.id }} {{ client.registrationAccessToken }}{% endfor %}"
file = ".handed/clients"
[outputs.issuer]
of = "acme"
env = {}
file = ".handed/issuer"
[outputs.token]
of = "acme/clients/web-a"
template = "{% if true %}{{ client.registrationAccessToken }}{% endif %}"
file = ".handed/token"
"#,
        ),
        ("acme/realm.toml", CLIENTS),
    ]);
    let [clients, issuer, token] = loaded.outputs["acme"].as_slice() else { panic!() };
    let names: Vec<&str> = clients.clients.iter().flat_map(|names| names.iter().map(String::as_str)).collect();
    assert_eq!(names, ["..", "https://sp/../x", "web-a", "web-b"]);
    assert!(issuer.clients.is_none() && token.clients.is_none());
    let has_issued = [clients, issuer, token].map(|output| output.has_issued);
    assert_eq!(has_issued, [false, false, true], "only a client's own");
    let listing: Vec<bool> = loaded.desired.realms["acme"]
        .outputs
        .iter()
        .flat_map(|them| them.values().map(|it| it.lists_clients))
        .collect();
    assert_eq!(listing, [true, false, false]);
}

#[test]
fn mistakes_that_show_when_it_is_known_what_is_declared() {
    insta::assert_snapshot!(
        report(&[
            (
                PROJECT_FILE,
                r#"name = "x"
[outputs.a]
of = "acme/clients/*"
env = {}
file = "all.env"
[outputs.b]
of = "acem"
env = {}
[outputs.c]
of = "*"
env = { ISSUER = "{{ issuer }}" }
vault = "kv/x"
[outputs.d]
of = "acme/clients/web"
template = "{{ client.id }}"
directory = "d"
vault = "kv/d"
[outputs.e]
of = "acme/clients/web"
env = {}
vault = "kv"
file = 'a\b'
[outputs.f]
of = "acme/clients/web"
env = {}
file = "deploy/web.env"
directory = "deploy"
[outputs.g]
of = "acme"
env = {}
file = "web.toml"
"#
            ),
            ("acme/realm.toml", "[clients.web]\n[clients.app]\n"),
            ("beta/realm.toml", ""),
        ]),
        @r#"
 × `a` of acme/clients/app and `a` of acme/clients/web both go to all.env; {{ client.id }} tells
 │ clients apart
  ╭─[realmform.toml:2:10]
1 │ name = "x"
2 │ [outputs.a]
  ·          ┬
  ·          ╰── this output
3 │ of = "acme/clients/*"
  ╰────

 × the output `b` is of acem, and the project has no such realm
  ╭─[realmform.toml:6:10]
5 │ file = "all.env"
6 │ [outputs.b]
  ·          ┬
  ·          ╰── this output
7 │ of = "acem"
  ╰────
 help: did you mean `acme`?

 × `d` would be taken for a realm's
   ╭─[realmform.toml:16:1]
15 │ template = "{{ client.id }}"
16 │ directory = "d"
   · ────┬────
   ·     ╰── expected a path such as "../handed/…" or ".handed/…"
17 │ vault = "kv/d"
   ╰────
 help: every folder beside realmform.toml is a realm, and every *.toml file in it one of its
       files

 × `template` makes one text, and `vault` takes values by their names
   ╭─[realmform.toml:17:1]
16 │ directory = "d"
17 │ vault = "kv/d"
   · ──┬──
   ·   ╰── expected `vault = "mount/path#key"`
18 │ [outputs.e]
   ╰────

 × `vault` has the wrong value
   ╭─[realmform.toml:21:1]
20 │ env = {}
21 │ vault = "kv"
   · ──┬──
   ·   ╰── expected "mount/path" or "mount/path#key", found text
22 │ file = 'a\b'
   ╰────

 × `file` has the wrong value
   ╭─[realmform.toml:22:1]
21 │ vault = "kv"
22 │ file = 'a\b'
   · ──┬─
   ·   ╰── expected a path with `/` between its parts, found text
23 │ [outputs.f]
   ╰────

 × `deploy/web.env` would be taken for a realm's
   ╭─[realmform.toml:26:1]
25 │ env = {}
26 │ file = "deploy/web.env"
   · ──┬─
   ·   ╰── expected a path such as "../handed/…" or ".handed/…"
27 │ directory = "deploy"
   ╰────
 help: every folder beside realmform.toml is a realm, and every *.toml file in it one of its
       files

 × `deploy` would be taken for a realm's
   ╭─[realmform.toml:27:1]
26 │ file = "deploy/web.env"
27 │ directory = "deploy"
   · ────┬────
   ·     ╰── expected a path such as "../handed/…" or ".handed/…"
28 │ [outputs.g]
   ╰────
 help: every folder beside realmform.toml is a realm, and every *.toml file in it one of its
       files

 × `web.toml` would be taken for a realm's
   ╭─[realmform.toml:31:1]
30 │ env = {}
31 │ file = "web.toml"
   · ──┬─
   ·   ╰── expected a path such as "../handed/…" or ".handed/…"
   ╰────
 help: every folder beside realmform.toml is a realm, and every *.toml file in it one of its
       files
"#
    );
    insta::assert_snapshot!(
        report(&[
            (
                PROJECT_FILE,
                "name = \"x\"\n[outputs.a]\nof = \"acme/clients/*\"\nsecret = { name = \"{{ client.id }}\" }\n\
                 [outputs.b]\nof = \"acme\"\nenv = {}\nfile = \"{{ client.secret }}\"\n"
            ),
            ("acme/realm.toml", "[clients.Web]\n"),
        ]),
        @r#"
 × the output `a` cannot be made of acme/clients/Web: `Web` is no name for Kubernetes: lower-case
 │ letters, digits, `-` and `.`
  ╭─[realmform.toml:2:10]
1 │ name = "x"
2 │ [outputs.a]
  ·          ┬
  ·          ╰── this output
3 │ of = "acme/clients/*"
  ╰────

 × the output `b` cannot be made of acme: `{{ client.secret }}`: undefined value; before an apply
 │ there is `realm`
  ╭─[realmform.toml:5:10]
4 │ secret = ***                     }" }
5 │ [outputs.b]
  ·          ┬
  ·          ╰── this output
6 │ of = "acme"
  ╰────
"#
    );
}
