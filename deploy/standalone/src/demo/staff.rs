//! Makes departments and users through the API, and gives every user the demonstration's password.

use std::collections::HashMap;

use crm_proto::crm::platform::v1::{
    ChangePasswordRequest, CreateDepartmentRequest, CreateSessionRequest, CreateUserRequest, Department,
    ListDepartmentsRequest, ListRolesRequest, ListUsersRequest, UpdateDepartmentRequest, User,
    department_service_client::DepartmentServiceClient, role_service_client::RoleServiceClient,
    session_service_client::SessionServiceClient, user_service_client::UserServiceClient,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tonic::{service::interceptor::InterceptedService, transport::Channel};

use super::{
    Place,
    organisation::{COLLEAGUES, Colleague, DEPARTMENTS, TENANT},
};
use crate::{
    client::{Authorised, Bearer},
    failure::{Failure, Result},
};

/// More than there are of anything here.
const EVERYTHING: i32 = 1000;
/// Sign-ins at once: each costs a core some 30 ms.
const AT_ONCE: usize = 2;

/// Ids of users by user name.
pub type Users = HashMap<String, String>;

/// Makes whoever is missing; ids of all colleagues by user name.
pub async fn ensure(place: &Place, api: Authorised, password: &str) -> Result<Users> {
    let departments = departments(api.clone()).await?;
    let (users, first_passwords) = users(api.clone(), &departments).await?;
    managers(api, &departments, &users).await?;
    stream::iter(first_passwords)
        .map(|(username, first)| async move {
            change_password(place.platform.clone(), &username, &first, password).await
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    Ok(users)
}

async fn departments(api: Authorised) -> Result<HashMap<String, Department>> {
    let mut client = DepartmentServiceClient::new(api);
    let request = ListDepartmentsRequest { page_size: EVERYTHING, ..ListDepartmentsRequest::default() };
    let found = client.list_departments(request).await?.into_inner().departments;
    let mut known: HashMap<String, Department> =
        found.into_iter().map(|department| (department.display_name.clone(), department)).collect();
    for wanted in &DEPARTMENTS {
        if known.contains_key(wanted.name) {
            continue;
        }
        let parent_id =
            wanted.parent.and_then(|name| known.get(name)).map_or(String::new(), |parent| parent.id.clone());
        let department =
            Department { display_name: wanted.name.to_owned(), parent_id, ..Department::default() };
        let request = CreateDepartmentRequest { department: Some(department) };
        let made = client.create_department(request).await?.into_inner();
        known.insert(made.display_name.clone(), made);
    }
    Ok(known)
}

/// Ids by user name, and the first passwords of those made now.
async fn users(
    api: Authorised,
    departments: &HashMap<String, Department>,
) -> Result<(Users, Vec<(String, String)>)> {
    let roles = roles(api.clone()).await?;
    let mut client = UserServiceClient::new(api);
    let request = ListUsersRequest { page_size: EVERYTHING, ..ListUsersRequest::default() };
    let found = client.list_users(request).await?.into_inner().users;
    let mut users: Users = HashMap::new();
    let mut first_passwords = Vec::new();
    for user in &found {
        users.insert(user.username.clone(), user.id.clone());
    }
    for colleague in &COLLEAGUES {
        if let Some(user) = found.iter().find(|user| user.username == colleague.username) {
            if user.password_change_required {
                // Made by a demonstration that was interrupted: its first password is lost, a new one is not.
                let request = crm_proto::crm::platform::v1::ResetPasswordRequest { id: user.id.clone() };
                let first = client.reset_password(request).await?.into_inner().first_password;
                first_passwords.push((user.username.clone(), first));
            }
            continue;
        }
        let user = user(colleague, departments, &roles, &users)?;
        let made = client.create_user(CreateUserRequest { user: Some(user) }).await?.into_inner();
        users.insert(made.username.clone(), made.id);
        first_passwords.push((made.username, made.first_password));
    }
    Ok((users, first_passwords))
}

async fn roles(api: Authorised) -> Result<HashMap<String, String>> {
    let request = ListRolesRequest { page_size: EVERYTHING, ..ListRolesRequest::default() };
    let roles = RoleServiceClient::new(api).list_roles(request).await?.into_inner().roles;
    Ok(roles.into_iter().map(|role| (role.built_in, role.id)).collect())
}

fn user(
    colleague: &Colleague,
    departments: &HashMap<String, Department>,
    roles: &HashMap<String, String>,
    users: &Users,
) -> Result<User> {
    let missing =
        |what: &str| Failure::new(format!("the demonstration needs the {what} of {}", colleague.username));
    let department = departments.get(colleague.department).ok_or_else(|| missing("department"))?.id.clone();
    let role = roles.get(colleague.role).ok_or_else(|| missing("role"))?.clone();
    let superior_id = colleague.superior.and_then(|name| users.get(name)).cloned().unwrap_or_default();
    Ok(User {
        username: colleague.username.to_owned(),
        display_name: colleague.name.to_owned(),
        job_title: colleague.title.to_owned(),
        email: format!("{}@minghe.example", colleague.username),
        department_ids: vec![department.clone()],
        primary_department_id: department,
        superior_id,
        role_ids: vec![role],
        ..User::default()
    })
}

async fn managers(api: Authorised, departments: &HashMap<String, Department>, users: &Users) -> Result<()> {
    let mut client = DepartmentServiceClient::new(api);
    for wanted in &DEPARTMENTS {
        let (Some(department), Some(manager)) = (departments.get(wanted.name), users.get(wanted.manager))
        else {
            continue;
        };
        if department.manager_id.is_empty() {
            let department = Department {
                id: department.id.clone(),
                manager_id: manager.clone(),
                ..Department::default()
            };
            let update_mask = Some(prost_types::FieldMask { paths: vec!["manager_id".to_owned()] });
            client
                .update_department(UpdateDepartmentRequest { department: Some(department), update_mask })
                .await?;
        }
    }
    Ok(())
}

/// Signs in with a first password, which lets do nothing else, and changes it.
pub async fn change_password(channel: Channel, username: &str, old: &str, new: &str) -> Result<()> {
    let request = CreateSessionRequest {
        tenant: TENANT.to_owned(),
        username: username.to_owned(),
        password: old.to_owned(),
    };
    let tokens = SessionServiceClient::new(channel.clone()).create_session(request).await?.into_inner();
    let bearer = Bearer::new(&tokens.access_token)?;
    let mut client = UserServiceClient::new(InterceptedService::new(channel, bearer));
    let request = ChangePasswordRequest { old_password: old.to_owned(), new_password: new.to_owned() };
    client.change_password(request).await?;
    Ok(())
}
