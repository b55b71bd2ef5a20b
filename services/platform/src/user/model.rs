//! What a user is.

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Result, error::Violations};
use uuid::Uuid;

use crate::text;

/// A person who signs in, or a service account.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct User {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub display_name: String,
    pub username: String,
    pub email: String,
    pub phone: String,
    pub job_title: String,
    pub department_ids: Vec<Uuid>,
    pub primary_department_id: Option<Uuid>,
    pub superior_id: Option<Uuid>,
    pub role_ids: Vec<Uuid>,
    pub state: State,
    pub service_account: bool,
    pub password_change_required: bool,
    pub last_sign_in_time: Option<DateTime<Utc>>,
    /// Written only; reading a user leaves it empty.
    pub password_hash: Option<PasswordHash>,
}

/// A hash that does not print.
#[derive(Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PasswordHash")
    }
}

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub enum State {
    Active = 1,
    Disabled = 2,
}

impl User {
    /// An active user without name, roles and password.
    pub fn new(call: &Call) -> Self {
        Self {
            id: call.new_id(),
            create_time: call.now,
            update_time: call.now,
            delete_time: None,
            revision: 1,
            display_name: String::new(),
            username: String::new(),
            email: String::new(),
            phone: String::new(),
            job_title: String::new(),
            department_ids: Vec::new(),
            primary_department_id: None,
            superior_id: None,
            role_ids: Vec::new(),
            state: State::Active,
            service_account: false,
            password_change_required: false,
            last_sign_in_time: None,
            password_hash: None,
        }
    }

    /// The first user of a tenant, who has to change the password at the first sign-in. Empty names get defaults.
    pub fn administrator(call: &Call, name: &str, display_name: &str, password_hash: String) -> Result<Self> {
        let mut violations = Violations::default();
        let name = if name.is_empty() { "admin" } else { name };
        let username = username("administrator_username", name, &mut violations);
        let display_name = text::line("administrator_display_name", display_name, 100, &mut violations);
        let display_name = if display_name.is_empty() { username.clone() } else { display_name };
        let password_hash = Some(PasswordHash(password_hash));
        let user =
            Self { username, display_name, password_hash, password_change_required: true, ..Self::new(call) };
        violations.into_result(user)
    }

    /// Whether the user can work at all.
    pub fn is_live(&self) -> bool {
        self.delete_time.is_none() && self.state == State::Active
    }
}

/// A name to sign in with: letters and digits of any script and, after the first character, some signs.
pub fn username(field: &str, name: &str, violations: &mut Violations) -> String {
    let name = text::required_line(field, name, 64, violations);
    let begins_well = name.chars().next().is_none_or(char::is_alphanumeric);
    let allowed = |character: char| character.is_alphanumeric() || "._@+-".contains(character);
    if !begins_well || !name.chars().all(allowed) {
        violations.add(field, "USERNAME_INVALID", "has characters other than letters, digits and . _ @ + -");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_letters_and_digits_of_any_script() {
        for (name, good) in [
            ("li.lei", true),
            ("李雷", true),
            ("li.lei+crm@example.com", true),
            ("7of9", true),
            ("", false),
            ("-li", false),
            ("li lei", false),
            ("li\u{200b}lei", false),
            (&"a".repeat(65), false),
        ] {
            let mut violations = Violations::default();
            username("user.username", name, &mut violations);
            assert_eq!(violations.is_empty(), good, "{name}");
        }
    }
}
