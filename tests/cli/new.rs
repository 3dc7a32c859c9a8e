//! New tenants: what is written, what is asked for, and that nothing is left behind that is not in order.

use crate::support::program::Program;
use crate::support::terminal;

fn project() -> Program {
    let program = Program::new();
    program.write("realmform.toml", "name = 'new'\n");
    program.write(
        "blueprints/customer/blueprint.toml",
        "[parameters.id]\ndescription = \"Short name\"\n[parameters.plan]\nallowed = [\"basic\", \"gold\"]\n[parameters.size]\ntype = \"integer\"\ndefault = 3\n\
         [parameters.roles]\ntype = \"list\"\ndefault = []\n[parameters.mail]\ntype = \"secret\"\nrequired = false\n",
    );
    program.write(
        "blueprints/customer/realm.toml",
        "displayName = \"{{ id }} {{ plan }} {{ size }}\"\n[roles.\"{{ item }}\"]\nforEach = \"{{ roles }}\"\n",
    );
    program
}

#[test]
fn a_tenant_is_a_realm_of_a_blueprint() {
    let program = project();
    let with =
        ["--with", "id=acme \"1\"", "--with", "plan=gold", "--with", "roles=a, b", "--with", "mail={ env = \"MAIL\" }"];
    let command = [&["new", "tenant", "acme", "--blueprint", "customer", "--no-input"], &with[..]].concat();
    insta::assert_snapshot!(program.run(&command), @r#"
status: 0
--- stdout
Written:
  acme/realm.toml

`realmform plan --realm acme` shows what it makes.
--- stderr
"#);
    let file = std::fs::read_to_string(program.folder().join("acme/realm.toml")).unwrap();
    insta::assert_snapshot!(file, @r#"
use = [
  { blueprint = "customer", with = { id = 'acme "1"', mail = { env = "MAIL" }, plan = "gold", roles = ["a", "b"] } },
]
"#);
    insta::assert_snapshot!(program.run(&["check", "--strict"]), @r#"
status: 0
--- stdout
In order: 3 objects in 1 realm.
--- stderr
"#);
    insta::assert_snapshot!(program.run(&command), @r#"
status: 64
--- stdout
--- stderr
error: FOLDER/acme is there already
"#);
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_written() {
    let program = project();
    let run = |arguments: &[&str]| program.run(&[&["new", "tenant", "acme", "--blueprint"], arguments].concat());
    let told = [
        run(&["customr"]),
        run(&["customer"]),
        run(&["customer", "--with", "id=a", "--with", "plan=silver"]),
        run(&["customer", "--with", "id=a", "--with", "plan=gold", "--with", "size=big"]),
        run(&["customer", "--with", "id=a", "--with", "plan=gold", "--with", "nothing=1"]),
        run(&["customer", "--with", "id=a", "--with", "plan=gold", "--with", "mail=hunter2"]),
        run(&["customer", "--with", "id=a", "--with", "plan=gold", "--with", "roles=a,a"]),
        program.run(&["new", "tenant", "blueprints", "--blueprint", "customer"]),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
status: 64
--- stdout
--- stderr
error: --blueprint customr: the project has only customer

status: 64
--- stdout
--- stderr
error: the blueprint customer needs
  --with id=…  Short name (text)
  --with plan=…  `basic` or `gold`

status: 64
--- stdout
--- stderr
error: --with plan: expected `basic` or `gold`

status: 64
--- stdout
--- stderr
error: --with size: expected a whole number

status: 64
--- stdout
--- stderr
error: --with nothing: the blueprint customer has only id, mail, plan, roles, size

status: 64
--- stdout
--- stderr
error: --with mail: expected where the secret is, such as { env = "NAME" }

status: 1
--- stdout
--- stderr
  × `a` is made twice
   ╭─[blueprints/customer/realm.toml:2:8]
 1 │ displayName = "{{ id }} {{ plan }} {{ size }}"
 2 │ [roles."{{ item }}"]
   ·        ──────┬─────
   ·              ╰── the second one
 3 │ forEach = "{{ roles }}"
   ╰────
  help: a key with an expression has to be another one each time
  ╰─▶   ☞ used by
         ╭─[acme/realm.toml:2:3]
       1 │ use = [
       2 │   { blueprint = "customer", with = { id = "a", plan = "gold", roles = ["a", "a"] } },
         ·   ─────────────────────────────────────────┬────────────────────────────────────────
         ·                                            ╰── the blueprint is used here
       3 │ ]
         ╰────
error: 1 error in the realm files

status: 64
--- stdout
--- stderr
error: invalid value 'blueprints' for '<NAME>': this folder has another meaning in a project

For more information, try '--help'.
"#);
    assert!(!program.folder().join("acme").exists());
}

#[test]
fn what_is_needed_and_not_given_is_asked_for() {
    let program = project();
    let command = || program.command(&["new", "tenant", "acme", "--blueprint", "customer"]);
    let answers = [
        ("id: Short name (text)\n", "acme"),
        ("plan: `basic` or `gold`\n", "silver"),
        ("expected `basic` or `gold`\n", "gold"),
    ];
    let ran = terminal::answer(command(), &answers, || ());
    assert_eq!(ran.status, 0, "{ran:?}");
    let file = std::fs::read_to_string(program.folder().join("acme/realm.toml")).unwrap();
    assert!(file.contains("with = { id = \"acme\", plan = \"gold\" }"), "{file}");
}
