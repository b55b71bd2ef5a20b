//! The commands and their options.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// An open CRM back-end: the whole suite in one process, and its tools.
#[derive(Debug, Parser)]
#[command(name = "crm", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Starts every service and the gateway on a database of its own, until Ctrl-C.
    Up(Up),
    /// Imports a CSV, XLSX or vCard file.
    Import(Import),
    /// Exports to a CSV or XLSX file.
    Export(Export),
    /// Tells what is installed, and what state a data folder is in.
    Doctor(Doctor),
    /// Runs a command with a throw-away database server, whose address is in CRM_TEST_DATABASE_URL.
    Postgres(Postgres),
}

#[derive(Clone, Debug, Args)]
pub struct Up {
    /// Folder of everything that is kept. Made at the first start.
    #[arg(long, env = "CRM_DATA", default_value = "data", value_name = "DIR")]
    pub data: PathBuf,
    /// Address of REST, gRPC-Web and gRPC.
    #[arg(long, env = "CRM_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Also makes the tenant `demo` with a demonstration company in it.
    #[arg(long)]
    pub demo: bool,
    /// An existing PostgreSQL server instead of one of its own. Roles and databases are created when the URL's role may; what it may not
    /// is left as a script. The data folder then holds passwords and secrets only.
    #[arg(long, env = "CRM_DATABASE_URL", hide_env_values = true, value_name = "URL", conflicts_with_all = ["postgres_bin", "postgres_settings"])]
    pub database_url: Option<String>,
    /// Folder with the programs `postgres` and `initdb`. Searched in the usual places when absent.
    #[arg(long, env = "CRM_POSTGRES_BIN", value_name = "DIR")]
    pub postgres_bin: Option<PathBuf>,
    /// A setting of the database server such as `shared_buffers=1GB`. May be repeated.
    #[arg(long = "postgres-set", value_name = "NAME=VALUE", value_parser = pair)]
    pub postgres_settings: Vec<(String, String)>,
}

/// Where the server is and who asks.
#[derive(Clone, Debug, Args)]
pub struct Connection {
    /// Address of the gateway.
    #[arg(long, env = "CRM_SERVER", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub server: String,
    /// An access token or API key, instead of signing in.
    #[arg(long, env = "CRM_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Tenant to sign in to.
    #[arg(long, env = "CRM_TENANT", required_unless_present = "token")]
    pub tenant: Option<String>,
    /// User to sign in as. The password is taken from CRM_PASSWORD, or asked for.
    #[arg(long, env = "CRM_USER", required_unless_present = "token")]
    pub user: Option<String>,
}

/// Collections that files go into and come out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Collection {
    Accounts,
    Contacts,
    Interactions,
    Tasks,
    PaymentPlans,
    Receipts,
    Orders,
    Contracts,
    Leads,
    Opportunities,
    Products,
}

/// What files go into: collections, and the tenant's users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Collection(Collection),
    Users,
}

impl Collection {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Contacts => "contacts",
            Self::Interactions => "interactions",
            Self::Tasks => "tasks",
            Self::PaymentPlans => "paymentPlans",
            Self::Receipts => "receipts",
            Self::Orders => "orders",
            Self::Contracts => "contracts",
            Self::Leads => "leads",
            Self::Opportunities => "opportunities",
            Self::Products => "products",
        }
    }

    /// The service that keeps it.
    pub fn service(self) -> &'static str {
        match self {
            Self::Accounts | Self::Contacts | Self::Leads | Self::Interactions | Self::Tasks => "customer",
            Self::Opportunities
            | Self::Products
            | Self::Orders
            | Self::Contracts
            | Self::PaymentPlans
            | Self::Receipts => "sales",
        }
    }
}

#[derive(Clone, Debug, Args)]
pub struct Import {
    /// What the rows are: a collection, or `users`, whose columns are `display_name`, `username`, `email`, `phone`, `job_title`, `superior` and `department`.
    #[arg(value_parser = target)]
    pub target: Target,
    /// The file.
    pub file: PathBuf,
    #[command(flatten)]
    pub connection: Connection,
    /// What to do with rows of known and unknown records.
    #[arg(long, value_enum, default_value_t = Mode::Upsert)]
    pub mode: Mode,
    /// Puts a column into a field, such as `Telefon=phone`; `COLUMN=` leaves it out. May be repeated.
    #[arg(long = "map", value_name = "COLUMN=FIELD", value_parser = pair)]
    pub columns: Vec<(String, String)>,
    /// Reads a value in place of another one, such as `product:GTXPro=GTX Pro`; `COLUMN:VALUE=` leaves the cell empty. May be repeated.
    #[arg(long = "map-value", value_name = "COLUMN:VALUE=VALUE", value_parser = triple)]
    pub values: Vec<(String, String, String)>,
    /// Makes a field that no column holds, such as `display_name={account}: {product}`. May be repeated.
    #[arg(long = "set", value_name = "FIELD=TEXT", value_parser = setting)]
    pub templates: Vec<(String, String)>,
    /// System that external ids in the file belong to.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub external_system: String,
    #[command(flatten)]
    pub format: Format,
    /// Tries every row and writes none.
    #[arg(long)]
    pub dry_run: bool,
    /// Writes without asking, also when some rows have errors.
    #[arg(long, short)]
    pub yes: bool,
}

/// How to read the file; what is not stated is found out from it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Format of the file")]
pub struct Format {
    /// `utf-8`, `utf-16`, `gb18030` or `windows-1252`.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub encoding: String,
    /// Delimiter of columns.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "CHARACTER")]
    pub delimiter: String,
    /// Sheet of a workbook.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub sheet: String,
    /// How dates are written in text.
    #[arg(long, value_enum)]
    pub dates: Option<Dates>,
    /// Decimal separator: `.` or `,`.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "CHARACTER")]
    pub decimal: String,
    /// Currency (ISO 4217) of amounts without one; that of the tenant when absent.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "CODE")]
    pub currency: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Dates {
    /// Year, month, day.
    Ymd,
    /// Day, month, year.
    Dmy,
    /// Month, day, year.
    Mdy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Every row makes a new record.
    Create,
    /// Every row changes a known record.
    Update,
    /// A row changes a known record or makes a new one.
    Upsert,
}

#[derive(Clone, Debug, Args)]
pub struct Export {
    /// What to export.
    pub collection: Collection,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    #[command(flatten)]
    pub connection: Connection,
    /// Kind of file; told from its name when absent.
    #[arg(long, value_enum)]
    pub format: Option<Kind>,
    /// Only records for which this holds, such as `level == "LEVEL_A"`.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "CEL")]
    pub filter: String,
    /// Fields to export, separated by commas. All when absent.
    #[arg(long, value_delimiter = ',', value_name = "FIELD,..")]
    pub fields: Vec<String>,
    /// Language of the header: `en`, `zh` or `path`.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "LANGUAGE")]
    pub header: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Csv,
    Xlsx,
}

#[derive(Clone, Debug, Args)]
pub struct Doctor {
    /// Folder to look at.
    #[arg(long, env = "CRM_DATA", default_value = "data", value_name = "DIR")]
    pub data: PathBuf,
    /// The existing server that `crm up` would use.
    #[arg(
        long,
        env = "CRM_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        conflicts_with = "postgres_bin"
    )]
    pub database_url: Option<String>,
    /// Address that `crm up` would use.
    #[arg(long, env = "CRM_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Folder with the programs `postgres` and `initdb`.
    #[arg(long, env = "CRM_POSTGRES_BIN", value_name = "DIR")]
    pub postgres_bin: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct Postgres {
    /// Waits for the disk at every commit, as production does: for measurements.
    #[arg(long)]
    pub durable: bool,
    /// Folder with the programs `postgres` and `initdb`.
    #[arg(long, env = "CRM_POSTGRES_BIN", value_name = "DIR")]
    pub postgres_bin: Option<PathBuf>,
    /// The command and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.rsplit_once('=').ok_or("has no `=`")?;
    if name.is_empty() {
        Err("has nothing before the `=`".to_owned())
    } else {
        Ok((name.to_owned(), value.to_owned()))
    }
}

fn target(text: &str) -> Result<Target, String> {
    if text == "users" {
        return Ok(Target::Users);
    }
    Collection::from_str(text, false).map(Target::Collection).map_err(|_| {
        let known = Collection::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = known.map(|value| value.get_name().to_owned()).collect();
        format!("is none of {}, users", names.join(", "))
    })
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or("has no `=`")?;
    if field.is_empty() || value.is_empty() {
        Err("has nothing before or behind the `=`".to_owned())
    } else {
        Ok((field.to_owned(), value.to_owned()))
    }
}

fn triple(text: &str) -> Result<(String, String, String), String> {
    let (place, to) = pair(text)?;
    let (column, from) = place.split_once(':').ok_or("has no `:` between column and value")?;
    if column.is_empty() || from.is_empty() {
        Err("has nothing before or behind the `:`".to_owned())
    } else {
        Ok((column.to_owned(), from.to_owned(), to.clone()))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_column_may_hold_an_equals_sign_and_a_field_may_be_empty() {
        assert_eq!(pair("a=b=phone"), Ok(("a=b".to_owned(), "phone".to_owned())));
        assert_eq!(pair("Notes="), Ok(("Notes".to_owned(), String::new())));
        assert!(pair("=x").is_err() && pair("x").is_err());
        let whole = |one: &str, two: &str, three: &str| (one.to_owned(), two.to_owned(), three.to_owned());
        assert_eq!(triple("product:GTXPro=GTX Pro"), Ok(whole("product", "GTXPro", "GTX Pro")));
        assert_eq!(triple("a:b:c="), Ok(whole("a", "b:c", "")));
        assert!(triple("a=b").is_err() && triple(":a=b").is_err());
        assert_eq!(setting("name={a}={b}"), Ok(("name".to_owned(), "{a}={b}".to_owned())));
    }
}
