//! A PostgreSQL server that somebody else runs: what is missing in it is created when the given role may, and otherwise written down as a
//! script for somebody who may.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::credentials::{Credentials, write_private};
use super::database::{self, Leakproof, Names, leakproof_marks, mark_leakproof, quoted, run};
use super::error::ServerError;
use super::init::{Lock, lock, open_folder};

/// Oldest supported version, as `server_version_num` has it.
const OLDEST: i32 = 150_000;
/// Character types by their names on different systems; collation is `C` everywhere.
const CHARACTER_TYPES: [&str; 3] = ["C.UTF-8", "en_US.UTF-8", "UTF-8"];
/// The script that is left in the data folder when rights are missing.
const SCRIPT: &str = "set-up.sql";

/// The names of one service's database and of its two roles.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseNames<'a> {
    /// The database.
    pub name: &'a str,
    /// Owns the tables and migrates.
    pub owner: &'a str,
    /// Does the daily work, behind row-level security.
    pub role: &'a str,
}

/// An existing server. The passwords of the services' roles are kept in a data folder of ours, which one process holds.
#[derive(Debug)]
pub struct ExistingServer {
    admin: PgConnectOptions,
    credentials: Credentials,
    folder: PathBuf,
    #[expect(dead_code, reason = "held, not read")]
    lock: Lock,
}

/// What the role of the URL may do.
struct Rights {
    superuser: bool,
    roles: bool,
    databases: bool,
}

impl ExistingServer {
    /// Reads the URL and takes the folder; the server is first asked by [`ExistingServer::ensure_databases`].
    pub fn open(url: &str, data_dir: &Path) -> Result<Self, ServerError> {
        let admin = admin_options(url)?;
        let folder = open_folder(data_dir)?;
        let lock = lock(&folder)?;
        let credentials = Credentials::open(folder.join("credentials"))?;
        Ok(Self { admin, credentials, folder, lock })
    }

    /// How a role made by [`ExistingServer::ensure_databases`] connects.
    pub fn options(&self, database: &str, role: &str) -> Result<PgConnectOptions, ServerError> {
        let unknown = || ServerError::Setting(format!("no password is known for the role {role}"));
        let password = self.credentials.get(role).ok_or_else(unknown)?;
        let options = self.admin.clone().database(database).username(role).password(&password);
        Ok(options.application_name("crm"))
    }

    /// Creates the roles, databases and extensions that are missing, and marks the functions that search needs, as far as the role of the
    /// URL may. When something is missing that it may not create, nothing is created: the error names a script that does it.
    pub async fn ensure_databases(
        &self,
        databases: &[DatabaseNames<'_>],
    ) -> Result<Vec<Leakproof>, ServerError> {
        let failed = || ServerError::sql("set up the databases");
        let mut admin = self.admin.connect().await.map_err(ServerError::sql("reach the database server"))?;
        let rights = rights(&mut admin).await?;
        let lock = format!("SELECT pg_advisory_lock({})", database::SETUP_LOCK);
        run(&mut admin, lock).await.map_err(failed())?;
        let mut missing = Missing::default();
        for names in databases {
            Names { database: names.name, owner: names.owner, service: names.role }.check()?;
            missing.look(&mut admin, &self.credentials, *names).await?;
        }
        if !missing.permitted(&rights) {
            return Err(self.refuse(&missing, databases)?);
        }
        if rights.superuser {
            // Statements with passwords stay out of the server's log.
            run(&mut admin, "SET log_min_error_statement = panic; SET log_statement = none".to_owned())
                .await
                .map_err(failed())?;
        }
        self.create(&mut admin, &missing, &rights).await?;
        let mut report = Vec::new();
        for names in databases {
            report = self.finish(*names, &rights).await?;
        }
        admin.close().await.map_err(failed())?;
        let _ = fs::remove_file(self.folder.join(SCRIPT)); // it holds passwords and has served; most often there is none
        Ok(report)
    }

    async fn create(
        &self,
        admin: &mut PgConnection,
        missing: &Missing,
        rights: &Rights,
    ) -> Result<(), ServerError> {
        for (role, statement) in &missing.roles {
            run(admin, statement.clone())
                .await
                .map_err(ServerError::sql(format!("create the role {role}")))?;
        }
        for (database, owner) in &missing.databases {
            let failed = || ServerError::sql(format!("create the database {database}"));
            if !rights.superuser {
                // Only a member may make a database for another role.
                let grant = format!("GRANT {} TO CURRENT_USER", quoted(owner));
                run(admin, grant).await.map_err(failed())?;
            }
            let mut outcome = Ok(());
            for character_type in CHARACTER_TYPES {
                outcome = run(admin, create_database(database, owner, character_type)).await;
                if !matches!(&outcome, Err(error) if error.to_string().contains("invalid LC_CTYPE")) {
                    break;
                }
            }
            outcome.map_err(failed())?;
        }
        Ok(())
    }

    /// What is done inside a database, by its owner, or by a superuser where that is needed.
    async fn finish(&self, names: DatabaseNames<'_>, rights: &Rights) -> Result<Vec<Leakproof>, ServerError> {
        let failed = || ServerError::sql(format!("set up the database {}", names.name));
        let mut owner = self.enter(names, names.owner).await?;
        run(&mut owner, contents(names)).await.map_err(failed())?;
        let report = if rights.superuser {
            let mut inside = self.admin.clone().database(names.name).connect().await.map_err(failed())?;
            let report = mark_leakproof(&mut inside).await?;
            inside.close().await.map_err(failed())?;
            report
        } else {
            leakproof_marks(&mut owner).await?
        };
        owner.close().await.map_err(failed())?;
        self.enter(names, names.role).await?.close().await.map_err(failed())?;
        Ok(report)
    }

    async fn enter(&self, names: DatabaseNames<'_>, role: &str) -> Result<PgConnection, ServerError> {
        let doing = format!(
            "enter the database {} as {role} with the password in {}; when the role was made by another \
             installation, copy `credentials` and `secrets.json` from its data folder, or set its password with ALTER ROLE",
            names.name,
            self.folder.join("credentials").display()
        );
        self.options(names.name, role)?.connect().await.map_err(ServerError::sql(doing))
    }

    fn refuse(&self, missing: &Missing, databases: &[DatabaseNames<'_>]) -> Result<ServerError, ServerError> {
        let path = self.folder.join(SCRIPT);
        let written = write_private(&path, &missing.script(databases));
        written.map_err(ServerError::io("write", &path))?;
        let (user, what) = (self.admin.get_username().to_owned(), missing.told());
        Ok(ServerError::SetUpNotPermitted { user, what, script: path })
    }
}

/// The address of an existing server, as its set-up role connects.
pub fn admin_options(url: &str) -> Result<PgConnectOptions, ServerError> {
    // The error would show the URL, and the password in it.
    let unreadable = || {
        let form = "postgres://user:password@host:5432/postgres";
        ServerError::Setting(format!("the database URL is not like {form}"))
    };
    let known = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
    let options = PgConnectOptions::from_str(url).ok().filter(|_| known).ok_or_else(unreadable)?;
    let database = options.get_database().unwrap_or("postgres").to_owned();
    Ok(options.database(&database).application_name("crm set-up").disable_statement_logging())
}

async fn rights(admin: &mut PgConnection) -> Result<Rights, ServerError> {
    let query = r"
        SELECT current_setting('server_version_num')::int, rolsuper, rolcreaterole, rolcreatedb
        FROM pg_catalog.pg_roles WHERE rolname = current_user";
    let row: (i32, bool, bool, bool) = sqlx::query_as(query)
        .fetch_one(admin)
        .await
        .map_err(ServerError::sql("read the rights of the role"))?;
    let (version, superuser, roles, databases) = row;
    if version < OLDEST {
        let found = version / 10_000;
        return Err(ServerError::Setting(format!(
            "the server is PostgreSQL {found}: version 15 or newer is needed"
        )));
    }
    Ok(Rights { superuser, roles: superuser || roles, databases: superuser || databases })
}

/// What has to be created.
#[derive(Default)]
struct Missing {
    /// Roles, each with its statement.
    roles: Vec<(String, String)>,
    /// Databases, each with its owner.
    databases: Vec<(String, String)>,
}

impl Missing {
    async fn look(
        &mut self,
        admin: &mut PgConnection,
        credentials: &Credentials,
        names: DatabaseNames<'_>,
    ) -> Result<(), ServerError> {
        let failed = || ServerError::sql("look for roles and databases");
        for role in [names.owner, names.role] {
            let query = r"
                SELECT rolsuper OR rolbypassrls OR NOT rolcanlogin
                FROM pg_catalog.pg_roles WHERE rolname = $1";
            let unfit: Option<bool> =
                sqlx::query_scalar(query).bind(role).fetch_optional(&mut *admin).await.map_err(failed())?;
            match unfit {
                Some(true) => {
                    return Err(ServerError::Setting(format!(
                        "the role {role} of the server must be able to log in, be no superuser and not have BYPASSRLS"
                    )));
                }
                Some(false) if credentials.get(role).is_none() => return Err(unknown_role(role)),
                Some(false) => {}
                None => {
                    let (password, _) = credentials.get_or_create(role)?;
                    let statement = format!("CREATE ROLE {} LOGIN PASSWORD '{password}'", quoted(role));
                    self.roles.push((role.to_owned(), statement));
                }
            }
        }
        let query = "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)";
        let exists: bool =
            sqlx::query_scalar(query).bind(names.name).fetch_one(&mut *admin).await.map_err(failed())?;
        if !exists {
            self.databases.push((names.name.to_owned(), names.owner.to_owned()));
        }
        Ok(())
    }

    fn permitted(&self, rights: &Rights) -> bool {
        (self.roles.is_empty() || rights.roles) && (self.databases.is_empty() || rights.databases)
    }

    fn told(&self) -> String {
        let roles = self.roles.iter().map(|(role, _)| format!("role {role}"));
        let databases = self.databases.iter().map(|(database, _)| format!("database {database}"));
        roles.chain(databases).collect::<Vec<_>>().join(", ")
    }

    /// For `psql`, which goes on after a statement that its user may not run.
    fn script(&self, databases: &[DatabaseNames<'_>]) -> String {
        let mut lines: Vec<String> = vec!["-- Made by crm up. It holds passwords.".to_owned()];
        lines.extend(self.roles.iter().map(|(_, statement)| format!("{statement};")));
        for (database, owner) in &self.databases {
            // Needed by an administrator who is no superuser.
            lines.push(format!("GRANT {} TO CURRENT_USER;", quoted(owner)));
            lines.push(format!("{};", create_database(database, owner, CHARACTER_TYPES[0])));
        }
        for names in databases {
            lines.push(format!("\\connect {}", quoted(names.name)));
            lines.push("CREATE EXTENSION IF NOT EXISTS pg_trgm;".to_owned());
            lines.push(
                "-- Only a superuser may; without these marks search reads every record of a tenant."
                    .to_owned(),
            );
            lines.extend(database::leakproof_statements().map(|statement| format!("{statement};")));
        }
        lines.join("\n") + "\n"
    }
}

/// A password nobody here knows: setting another one could lock an installation out that uses it.
fn unknown_role(role: &str) -> ServerError {
    ServerError::Setting(format!(
        "the server has the role {role} already, and its password is not in the data folder: use the data folder that \
         made it (or copy `credentials` and `secrets.json` from it), or drop the role and its database if nobody needs them"
    ))
}

fn create_database(database: &str, owner: &str, character_type: &str) -> String {
    format!(
        "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE '{character_type}'",
        quoted(database),
        quoted(owner)
    )
}

fn contents(names: DatabaseNames<'_>) -> String {
    let (database, role) = (quoted(names.name), quoted(names.role));
    format!(
        "SET client_min_messages = warning; \
         CREATE EXTENSION IF NOT EXISTS pg_trgm; \
         REVOKE ALL ON DATABASE {database} FROM PUBLIC; GRANT CONNECT ON DATABASE {database} TO {role}; \
         GRANT USAGE ON SCHEMA public TO {role}"
    )
}
