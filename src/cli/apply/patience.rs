//! `--lock-timeout`: waiting for other runs to end.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::stamp::holder;
use crate::cli::{Context, Error};
use crate::keycloak::{Ledger, Lock, Servers};
use crate::model::{RealmName, parse_seconds};

/// How long a run waits for others in all.
pub(in crate::cli) struct Patience<'a> {
    context: &'a Context,
    end: Instant,
    /// The runs that were spoken of: each is told of once.
    told: RefCell<BTreeSet<String>>,
}

/// How often a lock is looked at that somebody else has.
const LOOK: Duration = Duration::from_secs(2);

/// `--lock-timeout`, as text.
pub(in crate::cli) fn time(text: &str) -> Result<Duration, String> {
    let seconds = parse_seconds(text).filter(|seconds| (0..=7 * 86_400).contains(seconds));
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    seconds.map(Duration::from_secs).ok_or_else(|| "a time of up to a week, such as 90s, 5m or 1h".to_owned())
}

/// While nothing is under way, an interruption ends the process.
pub(super) fn uninterrupted() -> watch::Receiver<bool> {
    watch::channel(false).1
}

impl<'a> Patience<'a> {
    /// The time begins now.
    pub(in crate::cli) fn new(context: &'a Context, timeout: Duration) -> Self {
        Self { context, end: Instant::now() + timeout, told: RefCell::default() }
    }

    /// Whether there is time left to wait.
    pub(super) fn has_time(&self) -> bool {
        Instant::now() < self.end
    }

    /// Waits until nobody works on these realms, so that a plan that is made then is not overtaken by them. Without time
    /// to wait nothing is asked: whoever opens a realm is told.
    pub(super) async fn until_free(
        &self,
        servers: &Servers,
        project: &str,
        realms: impl Iterator<Item = &RealmName>,
        interrupted: &watch::Receiver<bool>,
    ) -> Result<(), Error> {
        if !self.has_time() {
            return Ok(());
        }
        let asking = holder("");
        for realm in realms {
            let Some(ledger) = Ledger::find(servers.of(realm), realm, project).await? else { continue };
            while let Some(lock) = ledger.held().await?.filter(|lock| !lock.has_ended(&asking)) {
                self.wait(realm, Box::new(lock), interrupted.clone()).await?;
            }
        }
        Ok(())
    }

    /// Waits a little for this lock, or says that there is no time left.
    pub(super) async fn wait(
        &self,
        realm: &RealmName,
        lock: Box<Lock>,
        mut interrupted: watch::Receiver<bool>,
    ) -> Result<(), Error> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() || *interrupted.borrow() {
            return Err(Error::Locked { realm: realm.clone(), lock });
        }
        if self.told.borrow_mut().insert(lock.holder.nonce.clone()) {
            self.context.output.message(&format!(
                "waiting for the lock of realm {realm}, which {} holds until {}",
                lock.holder, lock.expires
            ));
        }
        tokio::select! {
            () = tokio::time::sleep(left.min(LOOK)) => {}
            Ok(_) = interrupted.wait_for(|it| *it) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(time("0s"), Ok(Duration::ZERO));
        assert_eq!(time("1m30s"), Ok(Duration::from_secs(90)));
        for bad in ["", "90", "8d", "-1s"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
