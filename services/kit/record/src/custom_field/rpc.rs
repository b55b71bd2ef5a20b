//! `crm.record.v1.CustomFieldService`.

use crm_kit_rpc::call;
use crm_proto::crm::record::v1::{
    CreateCustomFieldRequest, CustomField, DescribeFieldsRequest, DescribeFieldsResponse,
    GetCustomFieldRequest, ListCustomFieldsRequest, ListCustomFieldsResponse, UpdateCustomFieldRequest,
    custom_field_service_server::CustomFieldService,
};
use tonic::{Request, Response, Status};

use super::{CustomFields, describe};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl CustomFieldService for CustomFields {
    async fn get_custom_field(&self, request: Request<GetCustomFieldRequest>) -> Answer<CustomField> {
        let call = call(&request)?;
        Ok(Response::new(self.get(&call, &request.get_ref().id).await?))
    }

    async fn list_custom_fields(
        &self,
        request: Request<ListCustomFieldsRequest>,
    ) -> Answer<ListCustomFieldsResponse> {
        let call = call(&request)?;
        let ListCustomFieldsRequest { page_size, page_token, collection, .. } = request.get_ref();
        let (custom_fields, next_page_token) = self.list(&call, collection, *page_size, page_token).await?;
        Ok(Response::new(ListCustomFieldsResponse { custom_fields, next_page_token }))
    }

    async fn create_custom_field(&self, request: Request<CreateCustomFieldRequest>) -> Answer<CustomField> {
        let call = call(&request)?;
        let wire = request.into_inner().custom_field.unwrap_or_default();
        Ok(Response::new(self.create(&call, wire).await?))
    }

    async fn update_custom_field(&self, request: Request<UpdateCustomFieldRequest>) -> Answer<CustomField> {
        let call = call(&request)?;
        let UpdateCustomFieldRequest { custom_field, update_mask, .. } = request.into_inner();
        Ok(Response::new(self.update(&call, custom_field.unwrap_or_default(), update_mask).await?))
    }

    async fn describe_fields(
        &self,
        request: Request<DescribeFieldsRequest>,
    ) -> Answer<DescribeFieldsResponse> {
        let call = call(&request)?;
        let fields = describe::fields(&self.catalog, &call, &request.get_ref().collection).await?;
        Ok(Response::new(DescribeFieldsResponse { fields }))
    }
}
