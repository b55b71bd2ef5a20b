//! `crm.sales.v1.ProductService`.

use crm_kit_record::serve::{self, Answer, Answers};
use crm_proto::crm::sales::v1::{
    BatchCreateProductsRequest, BatchCreateProductsResponse, BatchDeleteProductsRequest,
    BatchDeleteProductsResponse, BatchGetProductsRequest, BatchGetProductsResponse,
    BatchUpdateProductsRequest, BatchUpdateProductsResponse, BulkUpsertProductsRequest,
    BulkUpsertProductsResponse, CreateProductRequest, DeleteProductRequest, GetProductRequest,
    ListProductsRequest, ListProductsResponse, Product, UndeleteProductRequest, UpdateProductRequest,
    product_service_server::ProductService,
};
use tonic::{Request, Streaming};

use super::Products;

/// The service's methods over the use cases of products.
#[derive(Clone, Debug)]
pub struct Handlers(pub Products);

#[tonic::async_trait]
impl ProductService for Handlers {
    type BulkUpsertProductsStream = Answers<BulkUpsertProductsResponse>;

    async fn get_product(&self, request: Request<GetProductRequest>) -> Answer<Product> {
        serve::get(&self.0, request).await
    }

    async fn list_products(&self, request: Request<ListProductsRequest>) -> Answer<ListProductsResponse> {
        serve::list(&self.0, request).await
    }

    async fn create_product(&self, request: Request<CreateProductRequest>) -> Answer<Product> {
        serve::create(&self.0, request).await
    }

    async fn update_product(&self, request: Request<UpdateProductRequest>) -> Answer<Product> {
        serve::update(&self.0, request).await
    }

    async fn delete_product(&self, request: Request<DeleteProductRequest>) -> Answer<Product> {
        serve::delete(&self.0, request).await
    }

    async fn undelete_product(&self, request: Request<UndeleteProductRequest>) -> Answer<Product> {
        serve::undelete(&self.0, request).await
    }

    async fn batch_get_products(
        &self,
        request: Request<BatchGetProductsRequest>,
    ) -> Answer<BatchGetProductsResponse> {
        serve::batch_get(&self.0, request).await
    }

    async fn batch_create_products(
        &self,
        request: Request<BatchCreateProductsRequest>,
    ) -> Answer<BatchCreateProductsResponse> {
        serve::batch_create(&self.0, request).await
    }

    async fn batch_update_products(
        &self,
        request: Request<BatchUpdateProductsRequest>,
    ) -> Answer<BatchUpdateProductsResponse> {
        serve::batch_update(&self.0, request).await
    }

    async fn batch_delete_products(
        &self,
        request: Request<BatchDeleteProductsRequest>,
    ) -> Answer<BatchDeleteProductsResponse> {
        serve::batch_delete(&self.0, request).await
    }

    async fn bulk_upsert_products(
        &self,
        request: Request<Streaming<BulkUpsertProductsRequest>>,
    ) -> Answer<Self::BulkUpsertProductsStream> {
        serve::bulk_upsert(&self.0, request)
    }
}
