//! Where realms are read: a server, or exports.

use super::pick::Pick;
use super::{Args, There};
use crate::cli::exports::Exports;
use crate::cli::{Context, Error, connect};
use crate::keycloak::{Http, Interest, read_realm, realm_names};
use crate::model::{LiveRealm, RealmName, kinds};

pub(super) enum Source {
    Server(Http),
    Exports(Exports),
}

impl Source {
    pub(super) async fn open(context: &Context, args: &Args, there: &There) -> Result<Self, Error> {
        if !args.from.is_empty() {
            return Ok(Self::Exports(Exports::read(&args.from)?));
        }
        let connection = connect::connection(context, &args.connect, &there.folder, Some(&there.project)).await?;
        Ok(Self::Server(Http::connect(connection).await?))
    }

    /// The realms that are meant: those that were named, else those that the project has where it is to be added to, else
    /// those that it does not have.
    pub(super) async fn realms(&self, args: &Args, there: &There) -> Result<Vec<RealmName>, Error> {
        if !args.realms.is_empty() {
            return Ok(args.realms.clone());
        }
        let adds = args.unmanaged || !args.only.is_empty();
        let all = match self {
            Self::Server(http) => realm_names(http).await?,
            Self::Exports(exports) => exports.realms.keys().cloned().collect(),
        };
        let realms: Vec<RealmName> =
            all.into_iter().filter(|realm| realm != "master" && there.has(realm) == adds).collect();
        if realms.is_empty() {
            let which = if adds { "has realms of the project" } else { "has realms but those of the project" };
            return Err(Error::Usage(format!("nothing to import: nobody {which}; name a realm")));
        }
        Ok(realms)
    }

    /// All that a realm has, users only where they are asked for.
    pub(super) async fn read(
        &self,
        context: &Context,
        args: &Args,
        project: &str,
        realm: &RealmName,
        pick: &Pick<'_>,
    ) -> Result<LiveRealm, Error> {
        let interest = if args.users { Interest::everything().with_users() } else { Interest::everything() };
        let users = pick.named().filter(|address| *address.kind() == kinds::USER);
        let interest = users.fold(interest, Interest::with);
        match self {
            Self::Server(http) => {
                let live = read_realm(http, project, realm, interest).await?;
                live.ok_or_else(|| Error::Usage(format!("there is no realm {realm} on the server")))
            }
            Self::Exports(exports) => {
                let export = exports.realms.get(realm);
                let none = || Error::Usage(format!("there is no realm {realm} in {}", exports.description()));
                exports.live(context, export.ok_or_else(none)?, realm, project, interest)
            }
        }
    }
}
