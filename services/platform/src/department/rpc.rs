//! The department service on the wire.

use crm_kit_api::id;
use crm_kit_pg::Db;
use crm_kit_rpc::call;
use crm_proto::crm::platform::v1::{
    CreateDepartmentRequest, DeleteDepartmentRequest, Department, GetDepartmentRequest,
    ListDepartmentsRequest, ListDepartmentsResponse, UpdateDepartmentRequest,
    department_service_server::DepartmentService,
};
use tonic::{Request, Response, Status};

use super::ops;

/// Serves departments.
#[derive(Clone, Debug)]
pub struct Departments {
    pub db: Db,
}

#[tonic::async_trait]
impl DepartmentService for Departments {
    async fn get_department(
        &self,
        request: Request<GetDepartmentRequest>,
    ) -> Result<Response<Department>, Status> {
        let call = call(&request)?;
        let id = id::parse("id", &request.get_ref().id)?;
        Ok(Response::new(ops::get(&self.db, &call, id).await?.to_wire()))
    }

    async fn list_departments(
        &self,
        request: Request<ListDepartmentsRequest>,
    ) -> Result<Response<ListDepartmentsResponse>, Status> {
        let call = call(&request)?;
        Ok(Response::new(ops::list(&self.db, &call, request.get_ref()).await?))
    }

    async fn create_department(
        &self,
        request: Request<CreateDepartmentRequest>,
    ) -> Result<Response<Department>, Status> {
        let call = call(&request)?;
        let department = request.into_inner().department.unwrap_or_default();
        Ok(Response::new(ops::create(&self.db, &call, &department).await?))
    }

    async fn update_department(
        &self,
        request: Request<UpdateDepartmentRequest>,
    ) -> Result<Response<Department>, Status> {
        let call = call(&request)?;
        let request = request.into_inner();
        let id =
            id::parse("department.id", request.department.as_ref().map_or("", |department| &department.id))?;
        Ok(Response::new(ops::update(&self.db, &call, id, &request).await?))
    }

    async fn delete_department(
        &self,
        request: Request<DeleteDepartmentRequest>,
    ) -> Result<Response<Department>, Status> {
        let call = call(&request)?;
        let DeleteDepartmentRequest { id, etag } = request.get_ref();
        Ok(Response::new(ops::delete(&self.db, &call, id::parse("id", id)?, etag).await?))
    }
}
