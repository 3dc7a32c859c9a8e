//! `realmform drift --revert`: what was applied last, applied again.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Args;
use crate::cli::apply::patience::Patience;
use crate::cli::apply::stamp::stamp;
use crate::cli::apply::work::Work;
use crate::cli::plan::PlanView;
use crate::cli::report::Render as _;
use crate::cli::secrets::Uses;
use crate::cli::workspace::Workspace;
use crate::cli::{Context, Error, Exit, prepare};
use crate::diff::{Diff, Report};
use crate::keycloak::Servers;
use crate::model::{Desired, DesiredRealm, Live, RealmName};
use crate::plan::explain::Explanations;
use crate::plan::{self as plans, Plan, Policy};
use crate::secrets::Redactor;

/// What it takes to set back what drifted.
pub(super) struct Revert<'a> {
    pub(super) context: &'a Context,
    pub(super) args: &'a Args,
    pub(super) servers: &'a Servers,
    pub(super) workspace: &'a Workspace,
    /// When the server was read.
    pub(super) looked_at: Instant,
    pub(super) bases: &'a BTreeMap<RealmName, &'a DesiredRealm>,
}

impl Revert<'_> {
    /// Plans it, asks, and carries it out.
    pub(super) async fn run(&self, report: &Report, mut live: Live, policy: &Policy) -> Result<Exit, Error> {
        let drifted = report.realms.iter().filter(|(_, realm)| realm.buckets().drift > 0);
        let drifted: BTreeMap<_, _> = drifted.map(|(name, realm)| (name.clone(), &realm.drift)).collect();
        if let Some((name, _)) = drifted.iter().find(|(_, drift)| !drift.is_explained) {
            return Err(Error::Other(format!(
                "what was applied to {name} cannot be read, so it cannot be applied again"
            )));
        }
        if let Some((name, _)) =
            drifted.iter().find(|(name, _)| live.realms.get(*name).is_some_and(|it| it.renamed_from.is_some()))
        {
            return Err(Error::Other(format!("{name} is to be renamed; apply that first, or take it back")));
        }
        let diff = Diff { realms: drifted.iter().map(|(name, drift)| (name.clone(), drift.moved.clone())).collect() };
        let plan = plans::plan(diff, policy);
        let about = prepare::about(self.workspace, self.servers);
        let view = PlanView { plan: plan.as_ref(), explanations: Explanations::default(), about };
        self.context.output.result(&view.text(self.context.output.text_options(self.args.verbose)))?;
        let plan = plan.map_err(|_| Error::Refused)?;
        if plan.is_empty() {
            return Ok(Exit::Fine);
        }
        let sources = &self.workspace.loaded.project.secrets;
        let secrets = Uses::resolve_written(&plan, self.context, &self.workspace.folder, sources).await?;
        self.args.consent.ask(self.context, "Set this back?", "nothing was set back")?;
        let redactor = Redactor::new(secrets.values());
        for (name, realm) in &plan.realms {
            let record = live.realms.get(name).and_then(|live| live.record.as_ref());
            let stamp = stamp(
                record.and_then(|record| record.commit.clone()),
                false,
                record.and_then(|record| record.environment.clone()),
            );
            let base = self.bases.get(name).map(|base| (name.clone(), (*base).clone()));
            let work = Work {
                servers: self.servers,
                project: &self.workspace.loaded.project.name,
                plan: &Plan { realms: [(name.clone(), realm.clone())].into() },
                desired: &Desired { realms: base.into_iter().collect(), ..Desired::default() },
                secrets: &secrets,
                redactor: &redactor,
                patience: &Patience::new(self.context, self.args.lock_timeout),
                stamp,
                looked_at: self.looked_at,
                handing_over: None,
            };
            let live = live.realms.remove(name).map(|live| (name.clone(), live));
            work.carry_out(self.context, Live { realms: live.into_iter().collect() }).await?;
        }
        Ok(Exit::Fine)
    }
}
