//! `crm.sales.v1.ProductService`.

use std::pin::Pin;

use crm_kit_rpc::{call, rows::row_checks};
use crm_proto::crm::sales::v1::{
    BatchCreateProductsRequest, BatchCreateProductsResponse, BatchDeleteProductsRequest,
    BatchDeleteProductsResponse, BatchGetProductsRequest, BatchGetProductsResponse,
    BatchUpdateProductsRequest, BatchUpdateProductsResponse, BulkUpsertProductsRequest,
    BulkUpsertProductsResponse, CreateProductRequest, DeleteProductRequest, GetProductRequest,
    ListProductsRequest, ListProductsResponse, Product, UndeleteProductRequest, UpdateProductRequest,
    product_service_server::ProductService,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

use super::Products;
use crm_kit_record::{Delete, Update, Wanted, bulk, item, only, single};

type Answer<T> = Result<Response<T>, Status>;

/// The service's methods over the use cases of products.
#[derive(Clone, Debug)]
pub struct Handlers(pub Products);

#[tonic::async_trait]
impl ProductService for Handlers {
    type BulkUpsertProductsStream =
        Pin<Box<dyn Stream<Item = Result<BulkUpsertProductsResponse, Status>> + Send>>;

    async fn get_product(&self, request: Request<GetProductRequest>) -> Answer<Product> {
        let call = call(&request)?;
        Ok(Response::new(self.0.get(&call, &[request.into_inner().id]).await.map(only)?))
    }

    async fn list_products(&self, request: Request<ListProductsRequest>) -> Answer<ListProductsResponse> {
        let call = call(&request)?;
        let page = self.0.list(&call, wanted(request.get_ref())).await?;
        Ok(Response::new(ListProductsResponse {
            products: page.wires,
            next_page_token: page.next_page_token,
            total_size: page.total_size,
            total_size_estimated: page.total_size_estimated,
        }))
    }

    async fn create_product(&self, request: Request<CreateProductRequest>) -> Answer<Product> {
        let call = call(&request)?;
        let product = request.into_inner().product.unwrap_or_default();
        Ok(Response::new(self.0.create(&call, vec![product], single, only).await?))
    }

    async fn update_product(&self, request: Request<UpdateProductRequest>) -> Answer<Product> {
        let call = call(&request)?;
        let update = update(request.into_inner());
        Ok(Response::new(self.0.update(&call, vec![update], single, only).await?))
    }

    async fn delete_product(&self, request: Request<DeleteProductRequest>) -> Answer<Product> {
        let call = call(&request)?;
        let delete = delete(request.into_inner());
        Ok(Response::new(self.0.delete(&call, vec![delete], single, only).await?))
    }

    async fn undelete_product(&self, request: Request<UndeleteProductRequest>) -> Answer<Product> {
        let call = call(&request)?;
        let UndeleteProductRequest { id, etag } = request.into_inner();
        Ok(Response::new(self.0.undelete(&call, Delete { id, etag }).await?))
    }

    async fn batch_get_products(
        &self,
        request: Request<BatchGetProductsRequest>,
    ) -> Answer<BatchGetProductsResponse> {
        let call = call(&request)?;
        let products = self.0.get(&call, &request.into_inner().ids).await?;
        Ok(Response::new(BatchGetProductsResponse { products }))
    }

    async fn batch_create_products(
        &self,
        request: Request<BatchCreateProductsRequest>,
    ) -> Answer<BatchCreateProductsResponse> {
        let call = call(&request)?;
        let products = request.into_inner().requests.into_iter();
        let products = products.map(|request| request.product.unwrap_or_default()).collect();
        let answer = |products| BatchCreateProductsResponse { products };
        Ok(Response::new(self.0.create(&call, products, item, answer).await?))
    }

    async fn batch_update_products(
        &self,
        request: Request<BatchUpdateProductsRequest>,
    ) -> Answer<BatchUpdateProductsResponse> {
        let call = call(&request)?;
        let updates = request.into_inner().requests.into_iter().map(update).collect();
        let answer = |products| BatchUpdateProductsResponse { products };
        Ok(Response::new(self.0.update(&call, updates, item, answer).await?))
    }

    async fn batch_delete_products(
        &self,
        request: Request<BatchDeleteProductsRequest>,
    ) -> Answer<BatchDeleteProductsResponse> {
        let call = call(&request)?;
        let deletes = request.into_inner().requests.into_iter().map(delete).collect();
        let answer = |products| BatchDeleteProductsResponse { products };
        Ok(Response::new(self.0.delete(&call, deletes, item, answer).await?))
    }

    async fn bulk_upsert_products(
        &self,
        request: Request<Streaming<BulkUpsertProductsRequest>>,
    ) -> Answer<Self::BulkUpsertProductsStream> {
        let (call, checks) = (call(&request)?, row_checks(&request));
        let rows = request
            .into_inner()
            .map(|row| row.map(|row| bulk::row(row.key, row.product.unwrap_or_default(), row.update_mask)));
        let results = bulk::run(self.0.clone(), call, checks, rows);
        Ok(Response::new(Box::pin(
            results.map(|results| Ok(BulkUpsertProductsResponse { results: results? })),
        )))
    }
}

fn wanted(request: &ListProductsRequest) -> Wanted<'_> {
    Wanted {
        page_size: request.page_size,
        page_token: &request.page_token,
        filter: &request.filter,
        order_by: &request.order_by,
        q: &request.q,
        show_deleted: request.show_deleted,
        include_total_size: request.include_total_size,
    }
}

fn update(request: UpdateProductRequest) -> Update<Product> {
    Update { wire: request.product.unwrap_or_default(), mask: request.update_mask }
}

fn delete(DeleteProductRequest { id, etag }: DeleteProductRequest) -> Delete {
    Delete { id, etag }
}
