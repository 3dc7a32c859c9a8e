//! Comments on pull requests.

use std::ops::Range;

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::{busy, planned, refused};
use crate::diff::testing::Scene;
use crate::diff::{Concern, Diff, Unreadable, between, concerns};
use crate::git::{Commit, Touch};
use crate::keycloak::{Culprit, Culprits};
use crate::model::{Address, Origin, kinds};
use crate::plan::explain::Explanations;
use crate::plan::{Guard, Plan, Refusal, Violation};
use crate::render::markdown::{self, About};

/// GitHub's.
const LIMIT: usize = 65_536;

fn about() -> About {
    About { project: "bookshop".to_owned(), environment: None, server: Some("https://sso.example/auth".to_owned()) }
}

fn commented(plan: &Plan, concerns: &[Concern]) -> String {
    markdown::plan(plan, concerns, &Explanations::default(), &about())
}

#[test]
fn why_edits_and_drift_look_alike_is_said() {
    let reason = "it was applied from commit 3f2a9c1, which is not in this clone".to_owned();
    let command = Some("git fetch --depth=1 origin 3f2a9c1".to_owned());
    let unreadable = [("acme".to_owned(), Unreadable { reason, command })].into();
    let explanations = Explanations { unreadable, ..Explanations::default() };
    let comment = markdown::plan(&planned(&busy()), &[], &explanations, &about());
    assert_snapshot!(comment.lines().skip(5).take(3).collect::<Vec<_>>().join("\n"), @r#"
    In acme edits and drift look alike: it was applied from commit `3f2a9c1`, which is not in this clone; to get it: `git fetch --depth=1 origin 3f2a9c1`

    ### Realm `acme`
    "#);
}

fn refused_comment(refusal: &Refusal, concerns: &[Concern]) -> String {
    markdown::refusal(refusal, concerns, &Explanations::default(), &about())
}

fn difference_comment(diff: &Diff, concerns: &[Concern]) -> String {
    markdown::difference(diff, concerns, &About { server: None, ..about() })
}

/// Everything of a comment that a reader of Markdown may take for more than text: fenced blocks and code taken away.
fn outside_code(comment: &str) -> String {
    let mut left = String::new();
    let mut fence: Option<String> = None;
    for line in comment.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match &fence {
            Some(open) if line.trim_end() == open => fence = None,
            Some(_) => {}
            None if ticks >= 3 => fence = Some("`".repeat(ticks)),
            None => {
                left.push_str(&outside_spans(line));
                left.push('\n');
            }
        }
    }
    assert_eq!(fence, None, "{comment}");
    left
}

fn outside_spans(line: &str) -> String {
    // In HTML, Markdown is not read.
    if line.starts_with("<details>") {
        let mut parts = line.split("<code>");
        let first = parts.next().unwrap_or_default().to_owned();
        return parts.fold(first, |left, part| left + part.split_once("</code>").unwrap().1);
    }
    let (mut left, mut rest) = (String::new(), line);
    while let Some(Range { start, end }) = ticks(rest) {
        left.push_str(&rest[..start]);
        let (open, inside) = (&rest[start..end], &rest[end..]);
        let mut at = 0;
        loop {
            let found = ticks(&inside[at..]).unwrap_or_else(|| panic!("unclosed: {line}"));
            let close = at + found.start..at + found.end;
            at = close.end;
            if close.len() == open.len() {
                break;
            }
        }
        rest = &inside[at..];
    }
    left + rest
}

/// The first row of backticks.
fn ticks(text: &str) -> Option<Range<usize>> {
    let start = text.find('`')?;
    let count = text[start..].len() - text[start..].trim_start_matches('`').len();
    Some(start..start + count)
}

/// Nothing but what this format itself writes stands outside of code.
fn assert_harmless(comment: &str) {
    assert!(comment.len() < LIMIT, "{}", comment.len());
    let mut left = outside_code(comment);
    for ours in [
        "<!-- realmform:plan bookshop https://sso.example/auth -->",
        "<!-- realmform:diff bookshop -->",
        "<details><summary>",
        "</summary>",
        "</details>",
    ] {
        left = left.replace(ours, "");
    }
    for line in left.lines() {
        // Headings, boxes, bold text, and rows of five cells.
        let line = line.trim_start_matches(['#', '>']).replace("**", "");
        let line = line.replace("[!WARNING]", "").replace("[!CAUTION]", "");
        let cells = if line.starts_with('|') { line.matches('|').count() } else { 0 };
        assert!(cells == 0 || cells == 6, "{line}\n{comment}");
        let line = if cells > 0 { line.replace('|', "") } else { line };
        let harmful = line.find(['<', '>', '&', '@', '#', '[', ']', '\\', '|', '_', '~', '!', '/', '`', '\u{1b}']);
        assert!(harmful.is_none(), "{line}\n{comment}");
    }
    assert_eq!(comment.matches("\n<details><summary>").count(), comment.matches("\n</details>\n").count());
}

#[test]
fn a_plan() {
    let scene = busy();
    let comment = commented(&planned(&scene), &concerns(scene.diff().realms.values()));
    assert_harmless(&comment);
    assert_snapshot!(comment, @r#"
    <!-- realmform:plan bookshop https://sso.example/auth -->
    ## realmform: plan

    **Plan: 2 to create, 3 to update, 1 to rename, 2 to delete. 1 to adopt, 1 to forget: the record only.**

    > [!WARNING]
    > **Warning: this concerns security.**
    >
    > - realm `acme`: lets sessions or tokens live longer (accessTokenLifespan) (`acme/realm.toml:2`)
    > - client `shop`: may send users to `https://shop.example/*` (`acme/clients.toml:2`)
    > - client `shop`: may send users to `http://localhost:3000/*` (`acme/clients.toml:2`)

    ### Realm `acme`

    | | Kind | Name | Change | Declared in |
    |---|---|---|---|---|
    | `~` | realm | `acme` | 2 fields (both, drift) | `acme/realm.toml:1` |
    | `-` | client | `legacy` | removed (prune) |  |
    | `-` | client role | `by-hand` of `legacy` | removed (unmanaged) |  |
    | `~` | client | `portal` | 2 fields (prune, edit) | `acme/clients.toml:1` |
    | `+` | client | `shop` | new | `acme/clients.toml:1` |
    | `+` | protocol mapper | `tenant` of `shop` | new | `acme/clients.toml:1` |
    | `~` | identity provider | `entra` | 1 field (edit) | `acme/identityProviders.toml:1` |
    | `~` | role | `chief` | renamed from `admin` | `acme/roles.toml:1` |

    <details><summary><code>~</code> realm <code>acme</code></summary>

    ```diff
    - accessTokenLifespan: 600
    + accessTokenLifespan: 900  # both, acme/realm.toml:2
          applied last: 300
    - displayName: "Acme Inc."
    + displayName: "ACME"  # drift, acme/realm.toml:3
    ```

    </details>

    <details><summary><code>~</code> client <code>acme/clients/portal</code></summary>

    ```diff
    - baseUrl: "/old"  # prune
      redirectUris:  # edit, acme/clients.toml:4
    +     "a"
    -     "d"
          (2 unchanged)
      (2 unchanged)
    ```

    </details>

    <details><summary><code>+</code> client <code>acme/clients/shop</code></summary>

    ```diff
    + redirectUris:  # acme/clients.toml:2
    +     "http://localhost:3000/*"
    +     "https://shop.example/*"
    + secret: (secret, env SHOP_SECRET)  # acme/clients.toml:3
    + standardFlowEnabled: true  # acme/clients.toml:4
    ```

    </details>

    <details><summary><code>+</code> protocol mapper <code>acme/clients/shop/protocolMappers/tenant</code></summary>

    ```diff
    + config."claim.name": "tenant"  # acme/clients.toml:2
    ```

    </details>

    <details><summary><code>~</code> identity provider <code>acme/identityProviders/entra</code></summary>

    ```diff
    ! config.clientSecret: secret changed (env ENTRA_SECRET)  # edit, acme/identityProviders.toml:2
      (1 unchanged)
    ```

    </details>
    "#);
}

#[test]
fn a_refusal() {
    let scene = Scene::new()
        .applied("identityProviders/\"my entra\"", &json!({}))
        .has("identityProviders/\"my entra\"", &json!({}))
        .wants("identityProviders/okta", &json!({"providerId": "saml", "trustEmail": true}))
        .has("identityProviders/okta", &json!({"providerId": "oidc"}));
    let comment = refused_comment(&refused(&scene), &concerns(scene.diff().realms.values()));
    assert_harmless(&comment);
    assert_snapshot!(comment, @r#"
    <!-- realmform:plan bookshop https://sso.example/auth -->
    ## realmform: plan, refused

    **Plan: 0 to create, 1 to update, 0 to rename, 1 to delete. 1 to adopt: the record only.**

    > [!WARNING]
    > **Warning: this concerns security.**
    >
    > - identity provider `okta`: is believed the e-mail addresses of its users (`acme/identityProviders.toml:3`)

    > [!CAUTION]
    > **Refused, and nothing of it is applied.**
    >
    > - deleting identity provider `acme/identityProviders/"my entra"` deletes data that no file holds
    >   - to allow it: `--allow-destroy 'acme/identityProviders/"my entra"'`
    > - providerId of an existing identity provider cannot change (`acme/identityProviders.toml:2`)
    >   - to allow it: put the old value back, or delete `acme/identityProviders/okta` in one run and declare it anew in the next

    ### Realm `acme`

    | | Kind | Name | Change | Declared in |
    |---|---|---|---|---|
    | `-` | identity provider | `my entra` | removed (prune) |  |
    | `~` | identity provider | `okta` | 2 fields (edit) | `acme/identityProviders.toml:1` |

    <details><summary><code>~</code> identity provider <code>acme/identityProviders/okta</code></summary>

    ```diff
    - providerId: "oidc"
    + providerId: "saml"  # edit, acme/identityProviders.toml:2
    + trustEmail: true  # edit, acme/identityProviders.toml:3
    ```

    </details>
    "#);
}

#[test]
fn a_difference() {
    let old = Scene::new()
        .wants("", &json!({"displayNameHtml": "<b>\n  Acme\n</b>\n", "accessTokenLifespan": 60}))
        .wants("clients/shop", &json!({"redirectUris": ["https://shop.example/cart"], "secret": {"env": "OLD"}}))
        .wants("roles/gone", &json!({}));
    let new = Scene::new()
        .wants("", &json!({"displayNameHtml": "<b>\n  ACME\n</b>\n", "accessTokenLifespan": 600}))
        .wants("clients/shop", &json!({"redirectUris": ["https://shop.example/*"], "secret": {"env": "NEW"}}))
        .wants("clients/shop/roles/clerk", &json!({}))
        .wants("groups/\"/staff\"", &json!({"realmRoles": ["offline_access"]}));
    let diff = between(&old.desired, &new.desired);
    let comment = difference_comment(&diff, &concerns(diff.realms.values()));
    assert_harmless(&comment);
    assert_snapshot!(comment, @r#"
    <!-- realmform:diff bookshop -->
    ## realmform: difference

    **2 added, 2 changed, 0 renamed, 1 removed.**

    > [!WARNING]
    > **Warning: this concerns security.**
    >
    > - realm `acme`: lets sessions or tokens live longer (accessTokenLifespan) (`acme/realm.toml:2`)
    > - client `shop`: may send users to `https://shop.example/*` (`acme/clients.toml:2`)
    > - group `/staff`: gains the role `offline_access` (`acme/groups.toml:2`)

    ### Realm `acme`

    | | Kind | Name | Change | Declared in |
    |---|---|---|---|---|
    | `~` | realm | `acme` | 2 fields | `acme/realm.toml:1` |
    | `~` | client | `shop` | 2 fields | `acme/clients.toml:1` |
    | `+` | client role | `clerk` of `shop` | new | `acme/clients.toml:1` |
    | `+` | group | `/staff` | new | `acme/groups.toml:1` |
    | `-` | role | `gone` | removed |  |

    <details><summary><code>~</code> realm <code>acme</code></summary>

    ```diff
    - accessTokenLifespan: 60
    + accessTokenLifespan: 600  # acme/realm.toml:2
      displayNameHtml:  # acme/realm.toml:3
          <b>
    -       Acme
    +       ACME
          </b>
    ```

    </details>

    <details><summary><code>~</code> client <code>acme/clients/shop</code></summary>

    ```diff
      redirectUris:  # acme/clients.toml:2
    +     "https://shop.example/*"
    -     "https://shop.example/cart"
    ! secret: secret changed (env NEW)  # acme/clients.toml:3
    ```

    </details>

    <details><summary><code>+</code> group <code>acme/groups/&quot;/staff&quot;</code></summary>

    ```diff
    + realmRoles:  # acme/groups.toml:2
    +     "offline_access"
    ```

    </details>
    "#);
}

#[test]
fn nothing_to_do() {
    assert_snapshot!(commented(&planned(&Scene::new().settle()), &[]), @r#"
    <!-- realmform:plan bookshop https://sso.example/auth -->
    ## realmform: plan

    **No changes. acme matches its files.**
    "#);
    assert_snapshot!(difference_comment(&Diff::default(), &[]), @r#"
    <!-- realmform:diff bookshop -->
    ## realmform: difference

    **No difference.**
    "#);
}

/// A pipeline looks for it in all comments, and whoever edits a plan by hand must not end it.
#[test]
fn a_marker_says_what_a_comment_is_about() {
    let first = |project: &str, server: Option<&str>| {
        let about = About { project: project.to_owned(), environment: None, server: server.map(str::to_owned) };
        let comment = markdown::plan(&Plan::default(), &[], &Explanations::default(), &about);
        comment.lines().next().unwrap().to_owned()
    };
    assert_eq!(first("shop", Some("https://sso.example")), "<!-- realmform:plan shop https://sso.example -->");
    assert_eq!(first("shop", None), "<!-- realmform:plan shop -->");
    assert_eq!(first("a --> <b>\n\u{202e}", None), "<!-- realmform:plan a%20--%3E%20%3Cb%3E%0A%E2%80%AE -->");
}

/// Who is behind it is folded away with the values.
#[test]
fn who_is_behind_it() {
    let touch = Touch {
        commit: Commit { id: "3f2a9c1d".repeat(5) },
        author: "Ana <ana@acme.example>".to_owned(),
        time: "2026-11-20T08:00:00Z".to_owned(),
        subject: "Sell ```more``` @team".to_owned(),
        is_boundary: false,
    };
    let culprit = Culprit {
        user: "eve".to_owned(),
        client: "security-admin-console".to_owned(),
        address: "192.0.2.1".to_owned(),
        time: "2026-11-21T09:30:00Z".parse().unwrap(),
    };
    let scene = Scene::new()
        .settled("", &json!({"displayName": "ACME"}))
        .has("", &json!({"displayName": "By hand"}))
        .applied("roles/r", &json!({"description": "a"}))
        .has("roles/r", &json!({"description": "a"}))
        .wants("roles/r", &json!({"description": "b"}));
    let realm = Address::realm("acme");
    let explanations = Explanations {
        touches: [("acme/roles.toml".into(), [(2, touch)].into())].into(),
        culprits: [("acme".to_owned(), Culprits { by_address: [(realm, culprit)].into(), ..Culprits::default() })]
            .into(),
        ..Explanations::default()
    };
    let comment = markdown::plan(&planned(&scene), &[], &explanations, &about());
    assert_harmless(&comment);
    let (_, details) = comment.split_once("\n\n<details>").unwrap();
    assert_snapshot!(details, @r#"
        <summary><code>~</code> realm <code>acme</code></summary>

        ```diff
        - displayName: "By hand"
        + displayName: "ACME"  # drift, acme/realm.toml:2
          changed on the server by eve with security-admin-console from 192.0.2.1 at 2026-11-21T09:30:00Z
        ```

        </details>

        <details><summary><code>~</code> role <code>acme/roles/r</code></summary>

        ````diff
        - description: "a"
        + description: "b"  # edit, acme/roles.toml:2
              3f2a9c1 of 2026-11-20 by Ana <ana@acme.example>: Sell ```more``` @team
        ````

        </details>
        "#);
    let refusal = Refusal { plan: planned(&scene), violations: Vec::new() };
    assert!(markdown::refusal(&refusal, &[], &explanations, &about()).ends_with(details));
}

#[test]
fn long_values_are_shortened() {
    let page = "<p>one more line of it</p>\n".repeat(2_000);
    let scene = Scene::new()
        .wants("", &json!({"displayNameHtml": page, "attributes": {"certificate": "QUJD".repeat(300)}}))
        .wants("roles/r", &json!({"description": "x"}));
    let comment = commented(&planned(&scene), &[]);
    assert_harmless(&comment);
    assert!(comment.contains("QUJD\" (1202 characters)"), "{comment}");
    assert!(comment.contains(" lines more, which the text output has)\n```\n\n</details>"), "{comment}");
    // What comes after it is still there.
    assert!(comment.ends_with("```diff\n+ description: \"x\"  # acme/roles.toml:2\n```\n\n</details>\n"), "{comment}");
}

#[test]
fn five_thousand_objects() {
    let scene = (0..5_000).fold(Scene::new().settle(), |scene, index| {
        scene.wants(&format!("roles/role-{index:04}"), &json!({"description": "x"}))
    });
    let comment = commented(&planned(&scene), &[]);
    assert_harmless(&comment);
    let rows = comment.matches("\n| `+` | role |").count();
    assert!(rows > 500 && comment.len() > 64_000, "{rows}");
    let missing = format!(
        "\n\n*Not shown here: {} objects, and all details. The comment would be too long; the text output has them all.*\n",
        5_000 - rows
    );
    assert!(comment.ends_with(&missing), "{comment}");
    assert!(comment.contains("**Plan: 5000 to create, 0 to update, 0 to rename, 0 to delete.**"));
    assert!(!comment.contains("<details>"));
}

#[test]
fn a_thousand_realms_without_changes() {
    let mut plan = planned(&Scene::new().settle());
    let acme = plan.realms["acme"].clone();
    plan.realms.extend((0..1_000).map(|index| (format!("customer-{index:0100}"), acme.clone())));
    let comment = commented(&plan, &[]);
    assert_harmless(&comment);
    assert!(comment.contains("**No changes. acme, `customer-0") && comment.ends_with(" …**\n"), "{comment}");
}

#[test]
fn details_go_before_rows() {
    let scene = (0..300).fold(Scene::new().settle(), |scene, index| {
        scene.wants(&format!("roles/role-{index:04}"), &json!({"description": "x".repeat(400)}))
    });
    let comment = commented(&planned(&scene), &[]);
    assert_harmless(&comment);
    assert_eq!(comment.matches("\n| `+` | role |").count(), 300);
    let shown = comment.matches("\n<details>").count();
    let missing = format!(
        "</details>\n\n*Not shown here: the details of {} objects. The comment would be too long; the text output has them \
         all.*\n",
        300 - shown
    );
    assert!(shown > 50 && comment.ends_with(&missing), "{comment}");
}

#[test]
fn warnings_stay() {
    let (realm, origin) =
        (Address::realm("acme"), Origin { file: "f".into(), line: 1, column: 1, span: 0..1, via: None });
    let violation = |index: usize| Violation {
        address: realm.clone(),
        guard: Guard::DataBearing,
        message: format!("message {index}"),
        remedy: "remedy".to_owned(),
        origin: Some(origin.clone()),
    };
    let concern = |index: usize| Concern {
        address: realm.child(&kinds::ROLE, format!("role-{index}")),
        path: None,
        message: "concern".to_owned(),
        origin: None,
    };
    let scene = Scene::new().settle().wants("roles/r", &json!({}));
    for (refused, concerned, shows_all, rows) in
        [(600, 10, true, 1), (10, 600, true, 1), (3_000, 10, false, 0), (10, 3_000, false, 0), (3_000, 3_000, false, 0)]
    {
        let refusal = Refusal { plan: planned(&scene), violations: (0..refused).map(violation).collect() };
        let concerns: Vec<Concern> = (0..concerned).map(concern).collect();
        let comment = refused_comment(&refusal, &concerns);
        assert_harmless(&comment);
        let (told, warned) = (comment.matches("> - message").count(), comment.matches("> - role").count());
        let more: usize = comment
            .lines()
            .filter_map(|line| line.strip_prefix("> - and ")?.split(' ').next()?.parse::<usize>().ok())
            .sum();
        assert_eq!(told + warned + more, refused + concerned, "{comment}");
        assert_eq!(more == 0, shows_all, "{comment}");
        assert_eq!(comment.matches("\n| `+` | role |").count(), rows);
        // Neither takes the room of the other.
        assert!(told >= refused.min(300) && warned >= concerned.min(300), "{told} {warned}");
    }
}

#[test]
fn sentences_are_plain_where_they_can_be() {
    let said = |message: &str| {
        let concern =
            Concern { address: Address::realm("acme"), path: None, message: message.to_owned(), origin: None };
        let comment = difference_comment(&Diff::default(), &[concern]);
        assert_harmless(&comment);
        let (_, said) = comment.split_once("> - realm `acme`: ").unwrap();
        said.trim_end().to_owned()
    };
    for (message, expected) in [
        ("no longer verifies e-mail addresses", "no longer verifies e-mail addresses"),
        ("gives every user the role a:b", "gives every user the role `a:b`"),
        ("is in use: a.b of acme/c, d of e", "is in use: `a.b` of `acme/c`, d of e"),
        ("--allow-destroy 'acme/roles/\"a b \\\"c\"'", "`--allow-destroy 'acme/roles/\"a b \\\"c\"'`"),
        ("every role (3 of 3), more than 30 %", "every role (3 of 3), more than 30 %"),
        ("lives longer (access.token)", "lives longer (`access.token`)"),
        ("see GH-1, #2, @team, 1. and 12345678", "see `GH-1`, `#2`, `@team`, `1`. and `12345678`"),
        ("a `b` ``", "a ``` `b` `` ```"),
        ("[x](http://a) <b> ![y] *z* _z_ ~~z~~", "`[x](http://a) <b> ![y] *z* _z_ ~~z~~`"),
        ("a\nb\u{1b}[2J", "`a\\nb\\u{1b}[2J`"),
    ] {
        assert_eq!(said(message), expected);
    }
}

#[test]
fn a_name_takes_no_room_from_others() {
    let long = "@".repeat(100_000);
    let old = Scene::new().wants("", &json!({"displayName": "a"}));
    let new = Scene::new()
        .wants("", &json!({"displayName": long, "attributes": {&long: long}}))
        .wants(&format!("roles/{long}"), &json!({"description": "x"}))
        .wants("roles/z", &json!({"composites": [long]}));
    let mut diff = between(&old.desired, &new.desired);
    for change in &mut diff.realms.get_mut("acme").unwrap().changes {
        change.origin = Some(Origin { file: long.as_str().into(), line: 1, column: 1, span: 0..1, via: None });
    }
    let comment = difference_comment(&diff, &concerns(diff.realms.values()));
    assert_harmless(&comment);
    assert!(comment.len() < 5_000, "{comment}");
    assert!(comment.contains("> - role `z`: gains the role … (`acme/roles.toml:2`)"), "{comment}");
    assert_eq!((comment.matches("\n| `").count(), comment.matches("\n<details>").count()), (3, 3), "{comment}");
}

#[test]
fn no_secret_is_shown() {
    let mut scene = busy().has("clients/shop", &json!({"secret": "hunter2"}));
    scene.env.insert("SHOP_SECRET", "swordfish");
    let comment = commented(&planned(&scene), &concerns(scene.diff().realms.values()));
    assert!(comment.contains("SHOP_SECRET") && !comment.contains("hunter2") && !comment.contains("swordfish"));
}

/// Text that tries to be more than text.
fn hostile() -> impl Strategy<Value = String> {
    let parts = [
        "`",
        "```",
        "\n```\n",
        "~~~",
        "|",
        "\\",
        "\"",
        "'",
        "<",
        ">",
        "&lt;",
        "</details>",
        "<img src=x>",
        "<!--",
        "-->",
        "@team",
        "#1",
        "GH-1",
        "[x](y)",
        "![x](y)",
        "https://evil.example",
        "*",
        "_",
        "\n",
        "\n\n",
        "\r",
        "\t",
        " ",
        "# ",
        "- ",
        "1. ",
        "\u{1b}[2J",
        "\u{202e}",
        "é",
        "plain",
        "$",
        "~",
        ":tada:",
        "</summary>",
        "</code>",
    ];
    prop::collection::vec(prop::sample::select(parts.to_vec()), 1..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_forms_markdown(name in hostile(), other in hostile(), value in hostile()) {
        let realm = Address::realm("acme");
        let origin = Origin { file: other.as_str().into(), line: 1, column: 1, span: 0..1, via: None };
        let address = |kind: &str, name: &str| format!("{kind}/{}", json!(name));
        let old = Scene::new()
            .wants("", &json!({"displayName": name, "displayNameHtml": format!("a\n{value}\nb"), "attributes": {&name: "x"}}))
            .wants(&address("clients", &format!("x{other}")), &json!({"redirectUris": [other]}));
        let new = Scene::new()
            .wants("", &json!({"displayName": value, "displayNameHtml": format!("a\n{name}\nb"), "attributes": {&other: value}}))
            .wants(&address("clients", &name), &json!({"redirectUris": [format!("{value}*")], "description": value}))
            .wants(&format!("{}/roles/{}", address("clients", &name), json!(other)), &json!({"description": name}))
            .wants(&address("roles", &other), &json!({"description": "b"}))
            .renamed(&address("roles", &other), &name);
        let new = new.has(&address("roles", &name), &json!({"description": "a"}));
        let mut diff = between(&old.desired, &new.desired);
        for change in diff.realms.values_mut().flat_map(|realm| &mut realm.changes) {
            change.origin = Some(origin.clone());
        }
        assert_harmless(&difference_comment(&diff, &concerns(diff.realms.values())));
        let mut plan = planned(&new);
        let acme = plan.realms["acme"].clone();
        plan.realms.insert(name.clone(), acme);
        assert_harmless(&commented(&plan, &concerns(diff.realms.values())));
        let violation =
            Violation { address: realm, guard: Guard::InUse, message: name, remedy: value, origin: Some(origin) };
        assert_harmless(&refused_comment(&Refusal { plan, violations: vec![violation] }, &[]));
    }
}
