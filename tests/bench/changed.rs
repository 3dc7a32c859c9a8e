//! `plan --changed` of one edited client in a realm of thousands, with the credential of a pipeline.

use realmform::sandbox::Sandbox;

use crate::program::{Ran, run_with};
use crate::project::{Content, Project};

/// As many clients are declared.
pub const CLIENTS: usize = 5000;

const REALM: &str = "wide";
const SECRET: &str = "of-the-viewer";

/// A realm of its own, applied.
pub struct Wide<'a> {
    server: &'a Sandbox,
    project: Project,
    content: Content,
}

impl<'a> Wide<'a> {
    /// Makes it.
    pub fn start(server: &'a Sandbox) -> Self {
        let content = Content::new(CLIENTS);
        let viewer = "serviceAccountsEnabled = true\nsecret = { env = \"VIEWER_SECRET\" }\n\
                      serviceAccount.clientRoles.realm-management = [\"view-realm\", \"view-clients\", \"view-users\"]\n";
        let project = Project::of_clients(REALM, &content, &[("realm.toml", ""), ("clients/viewer.toml", viewer)]);
        run_with(server, &project, &["apply", "--yes"], &[("VIEWER_SECRET", SECRET)]);
        Self { server, project, content }
    }

    /// Edits a client, and plans that on a server that `forgets`.
    pub fn round(&self, round: usize, forgets: impl FnOnce(&str)) -> Ran {
        self.project.change_one_client(&self.content, round);
        forgets(REALM);
        let viewer = [("KEYCLOAK_REALM", REALM), ("KEYCLOAK_CLIENT_ID", "viewer"), ("KEYCLOAK_CLIENT_SECRET", SECRET)];
        let ran = run_with(self.server, &self.project, &["plan", "--changed"], &viewer);
        assert!(ran.output.contains("1 to update") && ran.output.contains("looked at 1 of "), "{}", ran.output);
        ran
    }
}
