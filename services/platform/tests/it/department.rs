//! Departments: the tree, its moves and its limits.

use crm_proto::crm::platform::v1::{
    CreateDepartmentRequest, DeleteDepartmentRequest, Department, ListDepartmentsRequest,
    UpdateDepartmentRequest, User,
};
use crm_testkit::status::{assert_error, metadata};
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::harness::{World, named};

async fn create(world: &World, name: &str, parent_id: &str) -> Result<Department, Status> {
    let department =
        Department { display_name: name.into(), parent_id: parent_id.into(), ..Department::default() };
    let request = CreateDepartmentRequest { department: Some(department) };
    Ok(world.departments(&world.admin).create_department(request).await?.into_inner())
}

async fn place(world: &World, id: &str, parent_id: &str) -> Result<Department, Status> {
    let department = Department { id: id.into(), parent_id: parent_id.into(), ..Department::default() };
    let update_mask = Some(FieldMask { paths: vec!["parent_id".into()] });
    let request = UpdateDepartmentRequest { department: Some(department), update_mask };
    Ok(world.departments(&world.admin).update_department(request).await?.into_inner())
}

#[tokio::test]
async fn departments_form_a_tree_that_can_be_moved() {
    let world = World::new().await;
    let top = create(&world, "总部", "").await.unwrap();
    let sales = create(&world, "销售部", &top.id).await.unwrap();
    let team = create(&world, "一组", &sales.id).await.unwrap();
    assert_error(create(&world, "销售部", &top.id).await, Code::AlreadyExists, "NAME_TAKEN");
    assert_error(create(&world, "总部", "").await, Code::AlreadyExists, "NAME_TAKEN");
    assert_error(place(&world, &top.id, &team.id).await, Code::FailedPrecondition, "TREE_CIRCLE");
    assert_eq!(place(&world, &team.id, &top.id).await.unwrap().parent_id, top.id);
    assert_eq!(place(&world, &team.id, "").await.unwrap().parent_id, "");
    let unknown = uuid::Uuid::new_v4().to_string();
    assert_error(place(&world, &team.id, &unknown).await, Code::NotFound, "NOT_FOUND");
    let request = ListDepartmentsRequest { parent_id: top.id, ..Default::default() };
    let below =
        world.departments(&world.admin).list_departments(request).await.unwrap().into_inner().departments;
    assert_eq!(
        below.iter().map(|department| department.display_name.as_str()).collect::<Vec<_>>(),
        ["销售部"]
    );
}

#[tokio::test]
async fn the_tree_is_at_most_32_deep() {
    let world = World::new().await;
    let mut parent = String::new();
    for level in 0..32 {
        parent = create(&world, &format!("level {level}"), &parent).await.unwrap().id;
    }
    assert_error(create(&world, "too deep", &parent).await, Code::FailedPrecondition, "TREE_TOO_DEEP");
}

#[tokio::test]
async fn only_an_empty_department_can_be_deleted() {
    let world = World::new().await;
    let top = create(&world, "top", "").await.unwrap();
    let below = create(&world, "below", &top.id).await.unwrap();
    let user = world.create_user(User { department_ids: vec![below.id.clone()], ..named("anna", &[]) }).await;
    assert_eq!(user.primary_department_id, below.id);
    let mut client = world.departments(&world.admin);
    let delete = |id: &str| DeleteDepartmentRequest { id: id.into(), ..Default::default() };
    for id in [&top.id, &below.id] {
        let status = assert_error(
            client.delete_department(delete(id)).await,
            Code::FailedPrecondition,
            "DEPARTMENT_NOT_EMPTY",
        );
        assert_eq!(metadata(&status, "id"), *id);
    }
    let gone = crm_proto::crm::platform::v1::DeleteUserRequest { id: user.id, ..Default::default() };
    world.users(&world.admin).delete_user(gone).await.unwrap();
    client.delete_department(delete(&below.id)).await.unwrap();
    client.delete_department(delete(&top.id)).await.unwrap();
}
