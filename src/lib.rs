/*!
realmform keeps Keycloak realms as TOML in git. It reads what the files want, what Keycloak has and what was applied
last, shows the difference as a plan that a person can review, and applies exactly that plan.

# Layout

Data flows one way. A room imports only from rooms above it in this table; `tests/rooms` enforces it.

| room | what lives there | I/O |
|---|---|---|
| [`model`] | addresses, kinds (one file each), fields, what is desired, what is live, the record: values | none |
| [`program`] | starts other programs, with a time limit | processes |
| [`transport`] | connections to servers: URL, certificates, limits | none by itself |
| [`metadata`] | what identity providers publish of themselves → their configuration | network |
| [`git`] | a work tree or a commit → files as bytes; a line → who last touched it; fetches what was applied last, and blueprints | disk, git |
| [`desired`] | TOML with spans → environments, blueprints → merge → checks → [`model::Desired`] | none |
| [`secrets`] | a reference → a value; fingerprints | environment, files, programs, a vault |
| [`keycloak`] | sign-in, reading into [`model::Live`], writing single objects: all quirks of the wire end here | network |
| [`fleet`] | on which of several servers a realm is, and where a new one goes → [`fleet::Places`]; how all of them are → [`fleet::Status`] | none |
| [`diff`] | the three-way truth table → [`diff::Diff`] | none |
| [`plan`] | order, cycles, guards → [`plan::Plan`], or a refusal; saved plans, and whether they still hold | none |
| [`apply`] | walks a plan through an [`apply::Executor`]; a server, or values in memory | through the executor |
| [`render`] | plans, refusals, differences, a status and schemas → text, JSON, Markdown and HTML, a saved plan back from JSON, a live realm → files, and what drifted → files that are there: one file for each format | none |
| [`outputs`] | templates and the facts of a realm → what is handed over | none |
| [`cli`] | one file for each command; the only room that knows all the others | terminal |

[`sandbox`] stands beside them: it runs a throwaway, real Keycloak, imports no other room, and only `cli` imports it.

# The way of a plan

```text
 files ──git──▶ bytes ──desired──▶ Desired ─┐
 server ──keycloak──▶ Live, Record ─────────┼─diff──▶ Diff ──plan──▶ Plan ──render──▶ text, Markdown, JSON
 files at the record's commit ──▶ base ─────┘                         └──apply──▶ Executor ──keycloak──▶ server
```

Everything is read first. From there on, up to the plan, there are plain functions of values: nothing waits, nothing
prints, nothing asks whether this is a dry run, because a plan *is* the dry run. Only `apply` writes, and it makes no
choices: it starts the steps whose predecessors succeeded, notes what was done, and writes that into the record.

- A tenant without a realm of its own is read like one; then all of it moves into the realm above, under names of its own.
- In an environment, the files of its folder are read as further files of their realms, and count more; everything later knows
  of them by their paths alone.
- Blueprints that are not in the project are put among its files before anything is loaded, at the commits that the lock file
  of the same state says, so that no room but `cli` knows of it.
- A blueprint's file becomes a table without expressions, which is read like any other; where it is used goes along with each
  place, and says which of two places counts more.
- Two states of the files are compared as a server would be to which the older ones were just applied: `diff::between`.
- `plan --changed` looks only at what may be out of step: what the files changed since the record's commit, what a run left
  unfinished, and what the server's events name; the rest is taken to be as the record says.
- What is managed comes from the record alone, which lies on the server; git only explains why a field changes.
- A secret's value exists in `secrets`, in requests, and as a fingerprint; never in Desired, a Plan or a message.
- A registration access token, which a server shows once, and a generated password, which it never shows, is where it was handed
  over to and nowhere else; `apply` alone issues one.
- Whatever was read or resolved once is not checked again in a later room.
- A failure is an error of its room; `cli` alone turns errors into hints and exit codes.

# How to add

- A kind of object: a file in `model/kinds/`, a line in its parent's `children`, and, where the server wants more than
  plain requests, a file in `keycloak/kinds/`. Files, plans and schemas follow from the table.
- A command: a file in `cli/` with `Args` and `run`, and a line in `cli/mod.rs`.
- An output format: a file in `render/`, and a function of the trait `Render` in `cli/report.rs`; one that not every result has, like a page, is a `Show` of its own.

# Deliberately absent

- A state file: git holds what was wanted, the server holds the record.
- A mock of Keycloak: tests and the sandbox run the real one.
- A model of every field: unknown ones are sent as they are, so a new Keycloak needs no new release.
- Templating in realm files: a file says what it means. Blueprints have expressions, in values and keys alone, so that they are
  TOML and are checked as such.
*/

pub mod apply;
pub mod cli;
pub mod desired;
pub mod diff;
pub mod fleet;
pub mod git;
pub mod keycloak;
pub mod metadata;
pub mod model;
pub mod outputs;
pub mod plan;
pub mod program;
pub mod render;
pub mod sandbox;
pub mod secrets;
pub mod transport;
