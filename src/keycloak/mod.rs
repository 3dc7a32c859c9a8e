/*!
Keycloak's admin API: signing in, reading realms into [`crate::model::Live`], writing single objects.

All quirks of the wire end here. The room knows nothing of files or plans: it is told which objects matter
([`Interest`]) and what to write.
*/

pub mod auth;
pub mod connection;
mod directory;
pub mod error;
mod events;
mod export;
mod facts;
mod fresh;
mod guarded;
pub mod http;
mod intake;
mod interest;
mod kinds;
mod moves;
pub mod path;
mod reader;
mod record;
pub mod retry;
mod server_error;
mod servers;
mod shape;
mod survey;
mod version;
mod wire;
mod writer;

pub use auth::Credentials;
pub use connection::Connection;
pub use error::HttpError;
pub use events::{Culprit, Culprits, culprits};
pub use export::{Export, ExportError};
pub use facts::{Facts, FactsWanted, facts, issue_registration_token};
pub use fresh::record_defaults;
pub use http::{Http, RequestCounts};
pub use interest::Interest;
pub use kinds::issue_password;
pub use moves::Moves;
pub use reader::{OpenRealm, read_again, read_part, read_realm};
pub use record::{Holder, LOCK_TIME, Ledger, Lock, NewLedger};
pub use retry::RetryPolicy;
pub use server_error::ServerError;
pub use servers::Servers;
pub use survey::{Applied, features, names_of, providers, read_abandoned, read_applied, realm_names};
pub use writer::{Changes, Leaf, Leaves, Links, Writer};
