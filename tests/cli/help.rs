//! Help that helps: every command has examples, and the examples are command lines that the program takes.

use crate::support::program::{Program, stdout};

const COMMANDS: &[&str] = &[
    "init",
    "new",
    "import",
    "refresh",
    "update",
    "check",
    "diff",
    "plan",
    "show",
    "apply",
    "drift",
    "status",
    "output",
    "explain",
    "transfer",
    "unlock",
    "sandbox",
    "schema",
    "completions",
];

#[test]
fn the_program_tells_its_commands() {
    insta::assert_snapshot!(Program::new().run(&["--help"]), @r#"
    status: 0
    --- stdout
    Keycloak realms as TOML in git: diffed against the live server, shown as a plan, applied exactly so

    Usage: realmform [OPTIONS] <COMMAND>

    Commands:
      init         Write a commented project with a first realm
      new          Write the files of something that the project has a pattern for
      import       Write a live realm as files
      refresh      Read again what identity providers publish of themselves, into the files
      update       Take blueprints from git at what their branches and tags are now
      check        Check the files without a server
      diff         Show what differs between two states of the files
      plan         Show what would change on the server
      show         Show a saved plan
      apply        Change the server to what the files say
      drift        Show what moved since it was applied, and whose it is
      status       Show how the servers and their realms are
      output       Show what is handed over of what an apply made
      explain      Tell the whole story of an object, or of a field of it
      transfer     Hand objects or fields of another project over
      unlock       Release locks that runs left behind
      sandbox      Run a command against a throwaway Keycloak
      schema       Print the JSON Schemas of the files, or write them into a folder
      completions  Print a completion script for a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Options of every command:
          --project <DIR>  The project's folder, the one that holds realmform.toml [default: looked for
                           from here upwards, also in realms/]
          --env <NAME>     The environment of the project that is meant; `diff` compares two as A..B
                           [env: REALMFORM_ENV]
          --color <WHEN>   When to use colours; `NO_COLOR` is heeded [default: auto] [possible values:
                           auto, always, never]
          --log <LEVEL>    Write what happens to standard error; never a secret [env: REALMFORM_LOG]
                           [possible values: error, warn, info, debug, trace]

    Examples:
      realmform init realms            write a commented project with a first realm
      realmform check                  check the files, offline
      realmform diff                   show what the work tree changes, offline
      realmform plan                   show what would change on the server
      realmform apply                  show it, ask, and change it
      realmform sandbox apply --yes    the same against a throwaway Keycloak

    Exit codes: 0 fine, 1 error, 2 changes (plan --detailed-exitcode) or drift, 4 refused by a guard, 5
    stale plan, 6 partly applied, 7 locked, 64 usage.
    --- stderr
    "#);
}

#[test]
fn no_command_is_left_out() {
    let help = Program::new().run(&["--help"]);
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    let mut names: Vec<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    names.retain(|name| *name != "help");
    assert_eq!(names, COMMANDS);
}

#[test]
fn every_commands_examples_are_understood() {
    let program = Program::new();
    let pages = COMMANDS.iter().map(|command| program.run(&[command, "--help"])).chain([program.run(&["--help"])]);
    for page in pages {
        assert!(page.starts_with("status: 0\n") && page.ends_with("--- stderr\n"), "{page}");
        let (_, examples) = page.split_once("Examples:\n").unwrap_or_else(|| panic!("no example: {page}"));
        let examples: Vec<&str> = examples.lines().map_while(|line| line.strip_prefix("  realmform ")).collect();
        assert!(!examples.is_empty(), "{page}");
        for example in examples {
            assert_understood(&program, example);
        }
        let long = stdout(&page).lines().find(|line| line.chars().count() > 120);
        assert_eq!(long, None);
    }
}

/// A remark or a redirection ends an example's arguments; with `--help` after them nothing runs, and whatever is
/// unknown before it is an error.
fn assert_understood(program: &Program, example: &str) {
    let line = example.split("   ").next().unwrap().split('>').next().unwrap();
    let arguments: Vec<&str> = line.split_whitespace().chain(["--help"]).collect();
    let outcome = program.run(&arguments);
    assert!(outcome.starts_with("status: 0\n"), "{example}: {outcome}");
}

#[test]
fn plan_tells_its_options() {
    insta::assert_snapshot!(Program::new().run(&["plan", "--help"]), @r#"
    status: 0
    --- stdout
    Show what would change on the server

    Usage: realmform plan [OPTIONS]

    Options:
          --rev <REV>
              Read the files of a commit, branch or tag instead of the work tree

          --realm <REALM>
              Only this realm (repeatable)

          --strict
              Unknown fields and values are errors, not warnings

          --no-fetch
              Do not fetch the commit that was applied last where it is not in this clone

          --shard <K/N>
              Only the realms of this part, such as 1/4 for the first of four: runs that share the work

          --allow-destroy <ADDRESS>
              Allow this object to be deleted with the data that hangs on it (repeatable)

          --allow-many-deletes
              Delete more than the delete limit allows

          --allow-environment-change
              Change realms that were applied in another environment

          --rotate <ADDRESS[.FIELD]>
              Generate a new value for what `{ generate = … }` made here (repeatable)

          --detailed-exitcode
              Exit with 2 when there are changes

          --live <EXPORT>
              Compare with a realm export instead of a server: a file of `kc.sh export` or of the
              console, or a folder of them (repeatable). Such a plan cannot be applied

          --changed
              Look only at what changed since it was applied: in the files, by git, and on the server
              where the realm keeps admin events. What cannot be told that way is planned in full

          --out <FILE>
              Also save the plan to this file, for `show` and `apply`; a refused plan is not saved

          --expires <TIME>
              How long the saved plan may be applied, as in `90m`, `12h`, `7d`
              
              [default: 7d]

          --explain
              Also say who is behind each change: the commit, its author and subject; on the server the
              user, client and address, where the realm keeps admin events

          --format <FORMAT>
              How the plan is printed

              Possible values:
              - text
              - json
              - markdown: A comment for a pull request
              
              [default: text]

          --report <FORMAT=FILE>
              Also write what it shows to a file, as text, json or markdown: `markdown=comment.md`
              (repeatable)

      -v, --verbose
              Show long values and deleted objects in full

          --requests
              Also print how many requests of each sort it cost, to standard error

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Server:
          --server <NAME>
              The server of the project file that is meant

          --url <URL>
              The base URL of Keycloak
              
              [env: KEYCLOAK_URL]

          --login-realm <REALM>
              The realm to sign in to [default: master]
              
              [env: KEYCLOAK_REALM]

          --client-id <ID>
              The client to sign in with
              
              [env: KEYCLOAK_CLIENT_ID]

          --user <NAME>
              The user to sign in as; `KEYCLOAK_PASSWORD`, `KEYCLOAK_CLIENT_SECRET` and
              `KEYCLOAK_ACCESS_TOKEN` are only ever read from the environment, each also as a file named
              by `…_FILE`
              
              [env: KEYCLOAK_USER]

          --ca-file <FILE>
              Certificates (PEM) to trust besides the system's
              
              [env: KEYCLOAK_CA_FILE]

          --parallelism <N>
              How many requests may be under way at once [default: 8]

    Options of every command:
          --project <DIR>
              The project's folder, the one that holds realmform.toml [default: looked for from here
              upwards, also in realms/]

          --env <NAME>
              The environment of the project that is meant; `diff` compares two as A..B
              
              [env: REALMFORM_ENV]

          --color <WHEN>
              When to use colours; `NO_COLOR` is heeded
              
              [default: auto]
              [possible values: auto, always, never]

          --log <LEVEL>
              Write what happens to standard error; never a secret
              
              [env: REALMFORM_LOG]
              [possible values: error, warn, info, debug, trace]

    Examples:
      realmform plan
      realmform plan --realm customer-acme --rev origin/main
      realmform plan --format json --detailed-exitcode
      realmform plan --format markdown > comment.md
      realmform plan --out shop.plan --report markdown=comment.md --report json=plan.json
      realmform plan --explain
      realmform plan --changed
      realmform plan --out shop.plan
      realmform plan --live customer-acme.json

    A credential with view-* roles is enough; with --live no server is needed. With --detailed-exitcode,
    2 means that there are changes.
    --- stderr
    "#);
}
