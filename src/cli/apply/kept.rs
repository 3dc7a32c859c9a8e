//! `realmform apply PLAN`: what was saved, and nothing else.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::patience::{Patience, uninterrupted};
use super::work::Work;
use super::{Args, finish, stamp};
use crate::cli::connect::ConnectArgs;
use crate::cli::outputs::HandingOver;
use crate::cli::plan::PlanView;
use crate::cli::report::{Format, show};
use crate::cli::secrets::Uses;
use crate::cli::workspace::{self, FileArgs, Found, Workspace};
use crate::cli::{Context, Error, Exit, connect, plan, prepare, saved};
use crate::desired::Project;
use crate::keycloak::{Http, Servers};
use crate::model::{Address, Live};
use crate::plan::explain::Explanations;
use crate::plan::saved::{Saved, Stale};
use crate::plan::{Policy, RealmPlan, check};
use crate::secrets::Redactor;

pub(super) async fn run(context: &Context, args: &Args, file: &Path, patience: &Patience<'_>) -> Result<Exit, Error> {
    let saved = saved::read(file)?;
    let around = around(context, &saved)?;
    let mut stale = around.stale(&saved);
    let connect = around.connect(&args.prepare.connect, &saved);
    let connection = connect::connection(context, &connect, &around.folder, around.project()).await?;
    let policy = Policy {
        credential: prepare::credential(&connection),
        break_glass: prepare::break_glass(around.break_glass(), &Live::default()),
        ..Policy::reviewed(&saved.plan)
    };
    let plan = check(saved.plan.clone(), &policy);
    let view = PlanView { plan: plan.as_ref(), explanations: Explanations::default(), about: saved::about(&saved) };
    show(context, &view, Format::Text, args.verbose, &args.reports)?;
    plan.map_err(|_| Error::Refused)?;
    around.check_taken_back(&saved)?;
    let sources = around.project().map(|project| project.secrets.clone()).unwrap_or_default();
    let secrets = Uses::resolve_written(&saved.plan, context, &around.folder, &sources).await?;
    let servers = Servers::one(Http::connect(connection).await?);
    servers.hide(secrets.values());
    stale.extend(saved::moved_around(&saved, &saved.project, &servers).await?);
    stale.extend(saved::moved_secrets(&saved, &secrets));
    let desired = saved.desired();
    // What another server has would only confuse.
    if !stale.iter().any(|it| matches!(it, Stale::Server { .. })) {
        patience.until_free(&servers, &saved.project, saved.plan.realms.keys(), &uninterrupted()).await?;
        let looked_at = Instant::now();
        let live = saved::look(&servers, &saved.project, &saved.plan, &desired).await?;
        stale.extend(saved::moved(&saved, &live));
        saved::refuse(context, &stale)?;
        let handing_over = around.workspace.as_ref().map(|workspace| HandingOver::new(&servers, workspace));
        let work = Work {
            servers: &servers,
            project: &saved.project,
            plan: &saved.plan,
            desired: &desired,
            redactor: &Redactor::new(secrets.values()),
            secrets: &secrets,
            patience,
            stamp: stamp::stamp(saved.files.commit.clone(), saved.files.dirty, saved.environment.clone()),
            looked_at,
            handing_over: handing_over.as_ref(),
        };
        let result = work.carry_out(context, live).await;
        if args.requests {
            plan::print_requests(context, &servers);
        }
        let Some(workspace) = &around.workspace else {
            if saved.plan.realms.values().any(|realm| realm.diff.hands_over()) {
                context.output.message(
                    "note: nothing is handed over or taken back here, since the project is elsewhere; there \
                     `realmform apply` does it",
                );
            }
            return result.map(|()| Exit::Fine);
        };
        return finish(context, result, handing_over, workspace, &saved.plan).await.map(|()| Exit::Fine);
    }
    saved::refuse(context, &stale).map(|()| Exit::Fine)
}

/// What is around the place where a plan is applied.
struct Around {
    /// Where relative paths start.
    folder: PathBuf,
    /// The plan's own project, where it is here.
    workspace: Option<Workspace>,
}

/// The plan's project, if the command is given in it: then the plan has to be of its files.
fn around(context: &Context, saved: &Saved) -> Result<Around, Error> {
    let asked = context.global.env.as_ref();
    if let Some(asked) = asked.filter(|asked| saved.environment.as_ref() != Some(asked)) {
        let environment = saved.environment.as_deref().unwrap_or("none");
        return Err(Error::Usage(format!("--env {asked}: the plan is of another environment, {environment}")));
    }
    let is_here = context.global.project.is_some() || workspace::found()?.is_some();
    if is_here {
        let found = Found::new(context, &FileArgs::default())?;
        let workspace = found.within(saved.environment.clone()).load()?;
        let is_its_own = workspace.loaded.project.name == saved.project;
        if is_its_own || context.global.project.is_some() {
            return Ok(Around { folder: workspace.folder.clone(), workspace: Some(workspace) });
        }
    }
    Ok(Around { folder: std::env::current_dir().map_err(Error::runtime)?, workspace: None })
}

impl Around {
    /// A realm that goes takes with it what remembers what was handed over of it: that has to be taken back first.
    fn check_taken_back(&self, saved: &Saved) -> Result<(), Error> {
        let is_lost = |plan: &RealmPlan| plan.deletes_realm() && plan.diff.taken_back().next().is_some();
        match saved.plan.realms.iter().find(|(_, plan)| is_lost(plan)) {
            Some((name, _)) if self.project().is_none() => Err(Error::Other(format!(
                "the plan deletes the realm {name}, and what was handed over of it can only be taken back where the project \
                 is: apply it there"
            ))),
            _ => Ok(()),
        }
    }

    /// How the server is reached that the plan is of, which in a fleet its address tells.
    fn connect(&self, args: &ConnectArgs, saved: &Saved) -> ConnectArgs {
        let fleet = self.project().filter(|project| project.fleet.is_some() && args.server().is_none());
        let mut servers = fleet.into_iter().flat_map(|project| &project.servers);
        let server = servers.find(|(_, server)| server.url.trim_end_matches('/') == saved.server);
        server.map_or_else(|| args.clone(), |(name, _)| args.to(name))
    }

    fn project(&self) -> Option<&Project> {
        self.workspace.as_ref().map(|workspace| &workspace.loaded.project)
    }

    /// Where the plan's project is not here, whoever made the plan has seen to them.
    fn break_glass(&self) -> &[Address] {
        self.project().map(|project| project.policy.break_glass.as_slice()).unwrap_or_default()
    }

    fn stale(&self, saved: &Saved) -> Vec<Stale> {
        let Some(workspace) = &self.workspace else { return Vec::new() };
        let project = &workspace.loaded.project.name;
        if *project != saved.project {
            return vec![Stale::Project { then: saved.project.clone(), now: project.clone() }];
        }
        let now = saved::files(workspace);
        let text = |commit: &Option<String>| commit.clone().unwrap_or_else(|| "no commit".to_owned());
        if now.commit != saved.files.commit {
            return vec![Stale::Commit { then: text(&saved.files.commit), now: text(&now.commit) }];
        }
        if now.digest == saved.files.digest { Vec::new() } else { vec![Stale::Files] }
    }
}
