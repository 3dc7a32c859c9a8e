//! Realms that are made of one blueprint: what their expansion costs, and a plan of all of them.

use std::fmt;
use std::time::Duration;

use realmform::sandbox::Sandbox;

use crate::program::{self, Ran};
use crate::project::Project;

/// Rounds of a check; the best counts.
const ROUNDS: usize = 5;
/// What checking a thousand of them may take, on two cores.
const CHECK: Duration = Duration::from_secs(1);
/// So much longer twice as many may take.
const LINEAR: f64 = 2.5;
const MEMORY: u64 = 300_000_000;

const TENANTS: usize = 1000;

const DECLARATION: &str = "\
[parameters.id]
[parameters.roles]
type = \"list\"
default = [\"viewer\", \"editor\", \"admin\"]
";

const BLUEPRINT: &str = "\
displayName = \"Customer {{ id }}\"
accessTokenLifespan = 28800
ssoSessionIdleTimeout = 28800
registrationEmailAsUsername = true
attributes.customer = \"{{ id }}\"
[roles.\"{{ id }}-{{ item }}\"]
forEach = \"{{ roles }}\"
description = \"May {{ item }} at {{ id }}\"
[groups.\"/{{ id }}\"]
[clients.\"{{ id }}-portal\"]
redirectUris = [\"https://{{ id }}.example/*\"]
webOrigins = [\"https://{{ id }}.example\"]
secret = { generate = {} }
[clients.\"{{ id }}-portal\".protocolMappers.tenant]
protocolMapper = \"oidc-hardcoded-claim-mapper\"
config = { \"claim.name\" = \"tenant\", \"claim.value\" = \"{{ id }}\", \"access.token.claim\" = \"true\" }
[clients.\"{{ id }}-vpc\"]
publicClient = true
redirectUris = [\"http://localhost:8000\"]
";

/// What was measured.
pub struct Tenants {
    half: Duration,
    all: Duration,
    /// A plan of all of them, none of which is there.
    plan: Ran,
}

impl Tenants {
    /// Measures all of it, against a server that has none of the realms.
    pub fn measure(server: &Sandbox) -> Self {
        let project = |tenants: usize| Project::of_blueprint("tenants", tenants, DECLARATION, BLUEPRINT);
        let check = |project: &Project, tenants: usize| {
            let round = || {
                let (took, output) = program::offline(project, &["check"]);
                assert!(
                    output.contains(&format!("In order: {} objects in {tenants} realms.", tenants * 8)),
                    "{output}"
                );
                took
            };
            std::iter::repeat_with(round).take(ROUNDS).min().unwrap()
        };
        let (half, all) = (project(TENANTS / 2), project(TENANTS));
        let plan = program::run(server, &all, &["plan", "--allow-many-deletes"]);
        assert!(plan.output.contains(&format!("Plan: {} to create", TENANTS * 8)), "{}", plan.output.len());
        Self { half: check(&half, TENANTS / 2), all: check(&all, TENANTS), plan }
    }

    /// Whether every bound is kept.
    pub fn holds(&self) -> bool {
        self.all < CHECK && self.growth() <= LINEAR && self.plan.memory < MEMORY
    }

    fn growth(&self) -> f64 {
        self.all.as_secs_f64() / self.half.as_secs_f64()
    }
}

impl fmt::Display for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { half: _, all, plan } = self;
        let (check, bound, growth) = (all.as_millis(), CHECK.as_millis(), self.growth());
        writeln!(
            f,
            "{TENANTS} realms of one blueprint: {check} ms to check, bound {bound} ms, best of {ROUNDS}; {growth:.1} times as long \
             as half of them, bound {LINEAR}"
        )?;
        #[expect(clippy::cast_precision_loss, reason = "megabytes")]
        let memory = plan.memory as f64 / 1e6;
        writeln!(
            f,
            "  their plan, none of them there: {:.1} s, {} requests, {memory:.0} MB, bound {} MB",
            plan.took.as_secs_f64(),
            plan.total(),
            MEMORY / 1_000_000
        )
    }
}
