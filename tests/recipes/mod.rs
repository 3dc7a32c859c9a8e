/*!
The pipelines of `examples/ci`, run as their YAML says against the real server: a change is reviewed, merged and applied,
drift is told, and what nobody reviewed stays undone.

The commands of the recipes run in bash, in fresh clones, with the credentials that each job would get. Around them, `github`
and `gitlab` know as much of either as the recipes use: which jobs an event starts, variables, outputs, artifacts. The forge's
own programs are in `fakes/`, which keep comments, issues and artifacts as files; JSON is asked by the recipes' own filters,
with the real `jq`.
*/

mod github;
mod gitlab;
mod world;

use serde_json::json;

use world::{Event, Job, World};

/// Runs what an event starts, of a commit of the repository.
trait Forge {
    fn run(&self, world: &World, event: &Event) -> Vec<Job>;
}

/// The whole story, told by either forge.
fn story(forge: &impl Forge, mut world: World) {
    reviewed_and_applied(forge, &mut world);
    drift_is_told(forge, &world);
    refused_and_applied_by_hand(forge, &mut world);
    what_was_not_reviewed_stays_undone(forge, &mut world);
    forks_get_no_secrets(forge, &mut world);
    world.assert_no_secret_was_an_argument();
}

fn reviewed_and_applied(forge: &impl Forge, world: &mut World) {
    let review = world.propose("displayName = \"Before\"", "displayName = \"After\"");
    assert_eq!(world.run(forge, &review), [("check", 0), ("plan", 0)]);
    let comments = world.comments(&review);
    assert_eq!(comments.len(), 1);
    let marker = format!("<!-- realmform:plan {} {} -->\n", world.realm(), World::url());
    assert!(comments[0].starts_with(&marker) && comments[0].contains("+ displayName: \"After\""), "{comments:?}");
    assert!(comments[0].contains(" by Test: Say displayName"), "who is behind it: {comments:?}");

    // One more commit replaces the comment.
    let review = world.amend(&review, "accessTokenLifespan = 300", "accessTokenLifespan = 600");
    assert_eq!(world.run(forge, &review), [("check", 0), ("plan", 0)]);
    let comments = world.comments(&review);
    assert_eq!(comments.len(), 1);
    assert!(comments[0].contains("+ accessTokenLifespan: 600"), "{comments:?}");
    assert_eq!(world.admin().get("")["displayName"], "Before", "a review changes nothing");

    let merged = world.merge(&review);
    assert_eq!(world.run(forge, &merged), [("apply", 0)]);
    assert_eq!(world.admin().get("")["displayName"], "After");
    world.project.assert_empty_plan();
    // Once more there is nothing to do.
    assert_eq!(world.run(forge, &merged), [("apply", 0)]);
}

fn drift_is_told(forge: &impl Forge, world: &World) {
    let night = world.event("night");
    assert_eq!(world.run(forge, &night), [("drift", 0)]);
    assert_eq!(world.issues(), json!([]));

    let by_hand = |name: &str| world.admin().put("", &json!({"realm": world.realm(), "displayName": name}));
    by_hand("By hand");
    assert_eq!(world.run(forge, &night), [("drift", 0)]);
    by_hand("By another hand");
    assert_eq!(world.run(forge, &night), [("drift", 0)]);
    let issues = world.issues();
    assert_eq!(issues.as_array().unwrap().len(), 1, "{issues:#}");
    assert_eq!((&issues[0]["state"], &issues[0]["title"]), (&json!("open"), &json!("Keycloak drifted from git")));
    let body = issues[0]["body"].as_str().unwrap();
    assert!(body.starts_with("<!-- realmform:drift ") && body.contains("+ displayName: \"By another hand\""), "{body}");

    by_hand("After");
    assert_eq!(world.run(forge, &night), [("drift", 0)]);
    assert_eq!(world.issues()[0]["state"], "closed");

    // What cannot be looked at is not taken for no drift.
    let unseen = Event { secrets: "none", ..night };
    let [(job, status)] = world.run(forge, &unseen)[..] else { panic!() };
    assert!(job == "drift" && status != 0);
}

fn refused_and_applied_by_hand(forge: &impl Forge, world: &mut World) {
    let provider = world.realm_file().split_once("[identityProviders.up]").unwrap().1.to_owned();
    let review = world.propose(&format!("[identityProviders.up]{provider}"), "");
    assert_eq!(world.run(forge, &review), [("check", 0), ("plan", 4)]);
    let told = world.comments(&review).concat();
    assert!(told.contains("Refused, and nothing of it is applied") && told.contains("--allow-destroy"), "{told}");

    // Whoever merges it nevertheless has not applied it.
    let merged = world.merge(&review);
    assert_eq!(world.run(forge, &merged), [("apply", 4)]);
    assert_eq!(world.admin().status("identity-provider/instances/up"), 200);
    let consent = format!("--allow-destroy={}/identityProviders/up", world.realm());
    let by_hand = Event { options: consent, ..world.event("by hand") };
    assert_eq!(world.run(forge, &by_hand), [("plan", 0), ("apply-by-hand", 0)]);
    assert_eq!(world.admin().status("identity-provider/instances/up"), 404);
    world.project.assert_empty_plan();
}

fn what_was_not_reviewed_stays_undone(forge: &impl Forge, world: &mut World) {
    // A push without a review, and a review that did not see it.
    let review = world.propose("description = \"Sells\"", "description = \"Sells books\"");
    assert_eq!(world.run(forge, &review), [("check", 0), ("plan", 0)]);
    let pushed = world.push("[clients.shop]", "[roles.sneaked]\n[clients.shop]");
    assert_eq!(world.run(forge, &pushed), [("apply", 2)]);
    let merged = world.merge(&review);
    assert_eq!(world.run(forge, &merged), [("apply", 5)]);
    assert!(world.log().contains("Planned, and not expected:\n\n+ role sneaked"), "{}", world.log());
    assert_eq!(world.admin().status("roles/sneaked"), 404);
    assert_eq!(world.admin().get("roles/clerk")["description"], "Sells");
    assert_eq!(world.run(forge, &world.event("by hand")), [("plan", 0), ("apply-by-hand", 0)]);
    world.project.assert_empty_plan();

    // A plan that somebody changed after the review, and one that is no longer kept.
    let review = world.propose("description = \"Sells books\"", "description = \"Sells maps\"");
    assert_eq!(world.run(forge, &review), [("check", 0), ("plan", 0)]);
    let merged = world.merge(&review);
    world.tamper("Sells maps", "Sells nothing");
    assert_eq!(world.run(forge, &merged), [("apply", 5)]);
    assert!(world.log().contains("it was changed after it was saved"), "{}", world.log());
    world.expire();
    assert_eq!(world.run(forge, &merged), [("apply", 2)]);
    assert!(world.log().contains("the plan has expired"), "{}", world.log());
    assert_eq!(world.admin().get("roles/clerk")["description"], "Sells books");
}

fn forks_get_no_secrets(forge: &impl Forge, world: &mut World) {
    let review = world.propose("name = \"Shop\"", "name = \"The shop\"");
    let fork = Event { fork: true, secrets: "none", ..review };
    assert_eq!(world.run(forge, &fork), [("check", 0)]);
    assert!(world.log().contains("name: \"Shop\" → \"The shop\""), "{}", world.log());
}
