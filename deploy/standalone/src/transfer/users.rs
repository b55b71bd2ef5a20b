//! `crm import users`: people with their departments and superiors, one call of the platform for each, because a user is a credential and not a record.
//!
//! A row names its user by user name, or else by name, of which a user name is made. Departments that are missing are made; superiors must be there, from an
//! earlier row or an earlier import. First passwords stand in a file that only its owner can read.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    process::ExitCode,
};

use crm_kit_table::reader::{Options, Table};
use crm_proto::crm::platform::v1::{
    CreateDepartmentRequest, CreateUserRequest, Department, ListDepartmentsRequest, ListUsersRequest,
    UpdateUserRequest, User, department_service_client::DepartmentServiceClient,
    user_service_client::UserServiceClient,
};
use prost_types::FieldMask;

use crate::{
    cli::Import,
    client::Session,
    failure::{Failure, Result},
    terminal,
    up::private_file,
};

/// Users and departments of one page.
const PAGE: i32 = 1000;
/// What a column can hold.
const FIELDS: [&str; 7] =
    ["display_name", "username", "email", "phone", "job_title", "superior", "department"];

/// A row: what it says, by field, and its line.
struct Row {
    line: u64,
    values: BTreeMap<&'static str, String>,
}

/// What the platform has.
struct Known {
    users: Vec<User>,
    departments: HashMap<String, String>,
}

#[derive(Default)]
struct Tally {
    created: usize,
    updated: usize,
    unchanged: usize,
    failed: usize,
    passwords: BTreeMap<String, String>,
}

/// Imports users. Fails, as an exit code, when rows have errors.
pub async fn import(options: Import) -> Result<ExitCode> {
    if !options.templates.is_empty() {
        return Err(Failure::new("--set is not for users"));
    }
    let rows = read(&options)?;
    let mut session = Session::open(&options.connection).await?;
    let mut known = Known::read(&mut session).await?;
    let wanted: BTreeSet<&String> = rows.iter().filter_map(|row| row.values.get("department")).collect();
    let missing: Vec<String> =
        wanted.into_iter().filter(|name| !known.departments.contains_key(*name)).cloned().collect();
    terminal::line(format!("{} rows read, {} departments to make", rows.len(), missing.len()));
    let may_write = !options.dry_run && (options.yes || terminal::confirm("Write them?"));
    for name in missing {
        let id = if may_write { make_department(&mut session, &name).await? } else { String::new() };
        known.departments.insert(name, id);
    }
    let mut tally = Tally::default();
    for row in &rows {
        if let Err(why) = write(&mut session, &mut known, row, may_write, &mut tally).await {
            tally.failed += 1;
            terminal::line(format!("  line {}: {why}", row.line));
        }
    }
    let Tally { created, updated, unchanged, failed, passwords } = tally;
    let prefix = if may_write { "" } else { "would be: " };
    terminal::line(format!(
        "{prefix}{created} created, {updated} updated, {unchanged} unchanged, {failed} failed"
    ));
    if !passwords.is_empty() {
        let path: PathBuf = std::path::absolute(options.file.with_extension("passwords.json"))
            .map_err(Failure::io("find", &options.file))?;
        private_file::write(&path, &passwords)?;
        terminal::line(format!(
            "first passwords, each to be changed at the first sign-in: {}",
            path.display()
        ));
    }
    Ok(if failed == 0 && (may_write || options.dry_run) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The rows of the file. A column goes where `--map` says, or to the field of its name.
fn read(options: &Import) -> Result<Vec<Row>> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new(format!("{} cannot be read: {error}", options.file.display()))
    };
    let mut table = Table::open(&options.file, &Options::default()).map_err(|error| unreadable(&error))?;
    let header = table.header().to_vec();
    let stated: HashMap<&str, &str> =
        options.columns.iter().map(|(column, field)| (column.as_str(), field.as_str())).collect();
    if let Some(column) = stated.keys().find(|column| !header.iter().any(|name| name == *column)) {
        return Err(Failure::new(format!("the file has no column {column}")));
    }
    let mut places = Vec::with_capacity(header.len());
    for name in &header {
        let wanted = stated.get(name.as_str()).copied();
        let field = FIELDS.into_iter().find(|field| wanted.unwrap_or(name).eq_ignore_ascii_case(field));
        if let Some(wanted) = wanted.filter(|wanted| field.is_none() && !wanted.is_empty()) {
            return Err(Failure::new(format!("{wanted} is not one of {}", FIELDS.join(", "))));
        }
        terminal::line(format!("  {name} -> {}", field.unwrap_or("(left out)")));
        places.push(field);
    }
    let mut rows = Vec::new();
    for row in table.rows().map_err(|error| unreadable(&error))? {
        let row = row.map_err(|error| unreadable(&error))?;
        let cells = row.cells.iter().zip(&places).zip(&header);
        let values = cells.filter_map(|((cell, field), column)| {
            let text = cell.display().trim().to_owned();
            let other = options.values.iter().find(|(of, from, _)| of == column && *from == text);
            let text = other.map_or(text, |(_, _, to)| to.clone());
            field.filter(|_| !text.is_empty()).map(|field| (field, text))
        });
        rows.push(Row { line: row.line, values: values.collect() });
    }
    Ok(rows)
}

impl Known {
    async fn read(session: &mut Session) -> Result<Self> {
        let mut users = Vec::new();
        let mut page_token = String::new();
        loop {
            let mut client = UserServiceClient::new(session.channel().await?);
            let request = ListUsersRequest { page_size: PAGE, page_token, ..ListUsersRequest::default() };
            let page = client.list_users(request).await?.into_inner();
            users.extend(page.users);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let mut departments = HashMap::new();
        loop {
            let mut client = DepartmentServiceClient::new(session.channel().await?);
            let request =
                ListDepartmentsRequest { page_size: PAGE, page_token, ..ListDepartmentsRequest::default() };
            let page = client.list_departments(request).await?.into_inner();
            departments.extend(page.departments.into_iter().map(|known| (known.display_name, known.id)));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        Ok(Self { users, departments })
    }

    /// The user whom a file calls so: by user name, e-mail address or name.
    fn called(&self, name: &str) -> std::result::Result<&User, String> {
        let is_called = |user: &&User| {
            user.username.eq_ignore_ascii_case(name)
                || user.display_name == name
                || (!user.email.is_empty() && user.email.eq_ignore_ascii_case(name))
        };
        let mut found = self.users.iter().filter(is_called);
        match (found.next(), found.next()) {
            (Some(user), None) => Ok(user),
            (Some(_), Some(_)) => Err(format!("more than one user is called {name}")),
            (None, _) => Err(format!("no user is called {name}")),
        }
    }
}

async fn make_department(session: &mut Session, name: &str) -> Result<String> {
    let department = Department { display_name: name.to_owned(), ..Department::default() };
    let request = CreateDepartmentRequest { department: Some(department) };
    let mut client = DepartmentServiceClient::new(session.channel().await?);
    Ok(client.create_department(request).await?.into_inner().id)
}

/// Creates or updates the user of a row, or says what would become of it.
async fn write(
    session: &mut Session,
    known: &mut Known,
    row: &Row,
    may_write: bool,
    tally: &mut Tally,
) -> std::result::Result<(), String> {
    let wanted = wanted(known, row)?;
    let failed = |error: Failure| error.to_string();
    let refused = |status: tonic::Status| Failure::from(status).to_string();
    let Some(place) = known.users.iter().position(|user| user.username == wanted.username) else {
        let mut made = wanted.clone();
        if may_write {
            let mut client = UserServiceClient::new(session.channel().await.map_err(failed)?);
            let request = CreateUserRequest { user: Some(wanted) };
            made = client.create_user(request).await.map_err(refused)?.into_inner();
            tally.passwords.insert(made.username.clone(), std::mem::take(&mut made.first_password));
        }
        tally.created += 1;
        known.users.push(made);
        return Ok(());
    };
    let paths = changed(&known.users[place], &wanted, row);
    if paths.is_empty() {
        tally.unchanged += 1;
        return Ok(());
    }
    if may_write {
        let mut client = UserServiceClient::new(session.channel().await.map_err(failed)?);
        let user = User { id: known.users[place].id.clone(), ..wanted };
        let request = UpdateUserRequest { user: Some(user), update_mask: Some(FieldMask { paths }) };
        known.users[place] = client.update_user(request).await.map_err(refused)?.into_inner();
    }
    tally.updated += 1;
    Ok(())
}

/// The user that a row describes.
fn wanted(known: &Known, row: &Row) -> std::result::Result<User, String> {
    let value = |field: &str| row.values.get(field).cloned().unwrap_or_default();
    let username = Some(value("username")).filter(|name| !name.is_empty());
    let username = username.unwrap_or_else(|| username_of(&value("display_name")));
    if username.is_empty() {
        return Err("has neither a name nor a user name".to_owned());
    }
    let department = row.values.get("department").and_then(|name| known.departments.get(name)).cloned();
    let superior_id = match row.values.get("superior") {
        Some(name) => known.called(name)?.id.clone(),
        None => String::new(),
    };
    Ok(User {
        username,
        display_name: value("display_name"),
        email: value("email"),
        phone: value("phone"),
        job_title: value("job_title"),
        department_ids: department.clone().into_iter().collect(),
        primary_department_id: department.unwrap_or_default(),
        superior_id,
        ..User::default()
    })
}

/// The fields that a row states and that the user has otherwise. A user keeps its further departments.
fn changed(is: &User, wanted: &User, row: &Row) -> Vec<String> {
    let states = |field: &str| row.values.contains_key(field);
    let texts = [
        ("display_name", is.display_name != wanted.display_name),
        ("email", is.email != wanted.email),
        ("job_title", is.job_title != wanted.job_title),
    ];
    let texts = texts.into_iter().filter(|(field, differs)| *differs && states(field));
    let mut paths: Vec<String> = texts.map(|(field, _)| field.to_owned()).collect();
    if states("superior") && is.superior_id != wanted.superior_id {
        paths.push("superior_id".to_owned());
    }
    if wanted.department_ids.iter().any(|id| !is.department_ids.contains(id)) {
        paths.extend(["department_ids", "primary_department_id"].map(str::to_owned));
    }
    paths
}

/// `Moses Frase` becomes `moses.frase`.
fn username_of(name: &str) -> String {
    let words = name.split_whitespace().map(|word| {
        let letters = word.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'));
        letters.flat_map(char::to_lowercase).collect::<String>()
    });
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_made_of_a_name() {
        assert_eq!(username_of(" Moses  Frase "), "moses.frase");
        assert_eq!(username_of("J. O'Neil-Smith"), "j.oneil-smith");
        assert_eq!(username_of("--"), "--");
        assert_eq!(username_of("("), "");
    }
}
