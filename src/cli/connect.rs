//! Which server, and signing in: from options, the environment and the project file, in this order.
#![expect(clippy::disallowed_methods, reason = "certificates and secrets are named by path")]

use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::secrets::resolve_one;
use super::{Context, Error};
use crate::desired::{Project, SecretSources, Server};
use crate::keycloak::{Connection, Credentials};
use crate::model::SecretRef;

/// How to reach the server.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ConnectArgs {
    /// The server of the project file that is meant
    #[arg(long, help_heading = "Server", value_name = "NAME")]
    server: Option<String>,
    /// The base URL of Keycloak
    #[arg(long, help_heading = "Server", value_name = "URL", env = "KEYCLOAK_URL", hide_env_values = true)]
    url: Option<String>,
    /// The realm to sign in to [default: master]
    #[arg(long, help_heading = "Server", value_name = "REALM", env = "KEYCLOAK_REALM", hide_env_values = true)]
    login_realm: Option<String>,
    /// The client to sign in with
    #[arg(long, help_heading = "Server", value_name = "ID", env = "KEYCLOAK_CLIENT_ID", hide_env_values = true)]
    client_id: Option<String>,
    /// The user to sign in as; `KEYCLOAK_PASSWORD`, `KEYCLOAK_CLIENT_SECRET` and `KEYCLOAK_ACCESS_TOKEN` are only ever
    /// read from the environment, each also as a file named by `…_FILE`
    #[arg(long, help_heading = "Server", value_name = "NAME", env = "KEYCLOAK_USER", hide_env_values = true)]
    user: Option<String>,
    /// Certificates (PEM) to trust besides the system's
    #[arg(long, help_heading = "Server", value_name = "FILE", env = "KEYCLOAK_CA_FILE", hide_env_values = true)]
    ca_file: Option<std::path::PathBuf>,
    /// How many requests may be under way at once [default: 8]
    #[arg(long, help_heading = "Server", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    parallelism: Option<u16>,
}

impl ConnectArgs {
    /// The server of the project file that was asked for.
    pub(super) fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// The same for one server of the project file.
    pub(super) fn to(&self, server: &str) -> Self {
        Self { server: Some(server.to_owned()), ..self.clone() }
    }

    /// That they make sense where the project is a fleet.
    pub(super) fn check_fleet(&self, fleet: &[String]) -> Result<(), Error> {
        if from_file("KEYCLOAK_URL", self.url.clone())?.is_some() {
            let servers = fleet.join(", ");
            return Err(Error::Usage(format!(
                "--url, or KEYCLOAK_URL: the realms are spread over {servers}; --server names one of them"
            )));
        }
        match self.server().filter(|server| !fleet.iter().any(|name| name == server)) {
            Some(server) => Err(Error::Usage(format!("--server {server}: the fleet has only {}", fleet.join(", ")))),
            None => Ok(()),
        }
    }
}

/// How to reach the server that is meant.
pub(super) async fn connection(
    context: &Context,
    args: &ConnectArgs,
    folder: &Path,
    project: Option<&Project>,
) -> Result<Connection, Error> {
    if let Some(connection) = &context.server {
        return Ok(connection.clone());
    }
    let (name, server) = project.map(|project| named(args, project)).transpose()?.flatten().unzip();
    let url = from_file("KEYCLOAK_URL", args.url.clone())?.or_else(|| server.map(|it| it.url.clone()));
    let url = url.ok_or_else(|| {
        Error::Usage(
            "no server: set KEYCLOAK_URL, say --url, or name one in realmform.toml ([servers.NAME] url = …)".into(),
        )
    })?;
    let sources = project.map(|project| project.secrets.clone()).unwrap_or_default();
    let declared = Declared { folder, sources: &sources, name: name.map_or("", String::as_str), server };
    let credentials = declared.credentials(args).await?;
    let mut connection = Connection::new(url, credentials);
    let realm = from_file("KEYCLOAK_REALM", args.login_realm.clone())?;
    if let Some(realm) = realm.or_else(|| server.and_then(|it| it.realm.clone())) {
        connection.realm = realm;
    }
    declared.settle(&mut connection, args).await?;
    Ok(connection)
}

/// The server of the project file that is meant; `None` when it names none.
fn named<'a>(args: &ConnectArgs, project: &'a Project) -> Result<Option<(&'a String, &'a Server)>, Error> {
    let Some(name) = args.server.as_ref().or(project.default_server.as_ref()) else {
        return match project.servers.len() {
            0 => Ok(None),
            _ if args.url.is_some() => Ok(None),
            _ => Err(Error::Usage(format!("which server? Say --server with one of {}", names(project)))),
        };
    };
    match project.servers.get_key_value(name) {
        Some(server) => Ok(Some(server)),
        None if project.servers.is_empty() => {
            Err(Error::Usage(format!("--server {name}: the project file names no server")))
        }
        None => Err(Error::Usage(format!("--server {name}: the project file has only {}", names(project)))),
    }
}

fn names(project: &Project) -> String {
    project.servers.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// What the project file says of the server.
struct Declared<'a> {
    folder: &'a Path,
    sources: &'a SecretSources,
    name: &'a str,
    server: Option<&'a Server>,
}

impl Declared<'_> {
    async fn credentials(&self, args: &ConnectArgs) -> Result<Credentials, Error> {
        let server = self.server;
        let token = server.and_then(|it| it.access_token.as_ref());
        if let Some(token) = self.secret("KEYCLOAK_ACCESS_TOKEN", "accessToken", token).await? {
            return Ok(Credentials::Token(token));
        }
        let client_id = from_file("KEYCLOAK_CLIENT_ID", args.client_id.clone())?.or_else(|| server?.client_id.clone());
        let client_secret = server.and_then(|it| it.client_secret.as_ref());
        let client_secret = self.secret("KEYCLOAK_CLIENT_SECRET", "clientSecret", client_secret).await?;
        let user = from_file("KEYCLOAK_USER", args.user.clone())?.or_else(|| server?.username.clone());
        if let Some(user) = user {
            let password = server.and_then(|it| it.password.as_ref());
            let password = self.secret("KEYCLOAK_PASSWORD", "password", password).await?;
            let password =
                password.ok_or_else(|| Error::Usage(format!("no password for {user}: set KEYCLOAK_PASSWORD")))?;
            let client_id = client_id.unwrap_or_else(|| "admin-cli".to_owned());
            return Ok(Credentials::Password { client_id, client_secret, user, password });
        }
        match (client_id, client_secret) {
            (Some(id), Some(secret)) => Ok(Credentials::Client { id, secret }),
            (Some(id), None) => Err(Error::Usage(format!("no secret for client {id}: set KEYCLOAK_CLIENT_SECRET"))),
            _ => Err(Error::Usage(
                "no credential: set KEYCLOAK_CLIENT_ID and KEYCLOAK_CLIENT_SECRET, KEYCLOAK_USER and KEYCLOAK_PASSWORD, \
                 or KEYCLOAK_ACCESS_TOKEN"
                    .into(),
            )),
        }
    }

    /// A variable, else what the project file names.
    async fn secret(
        &self,
        variable: &str,
        field: &str,
        reference: Option<&SecretRef>,
    ) -> Result<Option<SecretString>, Error> {
        match (secret_from_environment(variable)?, reference) {
            (Some(secret), _) => Ok(Some(secret)),
            (None, Some(reference)) => Ok(Some(self.resolve(field, reference).await?)),
            (None, None) => Ok(None),
        }
    }

    async fn resolve(&self, field: &str, reference: &SecretRef) -> Result<SecretString, Error> {
        resolve_one(self.folder, self.sources, &format!("servers.{}.{field}", self.name), reference).await
    }

    async fn settle(&self, connection: &mut Connection, args: &ConnectArgs) -> Result<(), Error> {
        let Self { folder, server, .. } = self;
        let ca_file = args.ca_file.clone().or_else(|| (*server)?.ca_file.as_ref().map(|path| folder.join(path)));
        if let Some(path) = ca_file {
            connection.ca_pem = Some(std::fs::read(&path).map_err(|source| Error::File { path, source })?);
        }
        if let Some(reference) = server.and_then(|it| it.identity.as_ref()) {
            let identity = self.resolve("identity", reference).await?;
            connection.identity_pem = Some(identity.expose_secret().as_bytes().to_vec().into());
        }
        if let Some(timeout) = server.and_then(|it| it.timeout) {
            connection.timeout = Duration::max(timeout, Duration::from_secs(1));
        }
        if let Some(parallelism) = args.parallelism.map(usize::from).or_else(|| (*server)?.parallelism) {
            connection.parallelism = parallelism;
        }
        Ok(())
    }
}

/// A variable, or the content of the file that `…_FILE` names. Empty counts as not set.
pub(super) fn secret_from_environment(variable: &str) -> Result<Option<SecretString>, Error> {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    Ok(from_file(variable, value)?.map(SecretString::from))
}

fn from_file(variable: &str, value: Option<String>) -> Result<Option<String>, Error> {
    let value = value.filter(|value| !value.is_empty());
    let Some(path) = std::env::var_os(format!("{variable}_FILE")).filter(|path| value.is_none() && !path.is_empty())
    else {
        return Ok(value);
    };
    let text = std::fs::read_to_string(&path).map_err(|source| Error::File { path: path.into(), source })?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}
