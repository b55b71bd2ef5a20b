//! `crm.sales.v1.PriceBookService`.

use crm_kit_rpc::call;
use crm_proto::crm::sales::v1::{
    CreatePriceBookRequest, GetPriceBookRequest, ListPriceBooksRequest, ListPriceBooksResponse, PriceBook,
    UpdatePriceBookRequest, price_book_service_server::PriceBookService,
};
use tonic::{Request, Response, Status};

use super::PriceBooks;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl PriceBookService for PriceBooks {
    async fn get_price_book(&self, request: Request<GetPriceBookRequest>) -> Answer<PriceBook> {
        let call = call(&request)?;
        Ok(Response::new(self.get(&call, &request.get_ref().id).await?))
    }

    async fn list_price_books(
        &self,
        request: Request<ListPriceBooksRequest>,
    ) -> Answer<ListPriceBooksResponse> {
        let call = call(&request)?;
        let ListPriceBooksRequest { page_size, page_token, show_retired } = request.get_ref();
        let (price_books, next_page_token) = self.list(&call, *page_size, page_token, *show_retired).await?;
        Ok(Response::new(ListPriceBooksResponse { price_books, next_page_token }))
    }

    async fn create_price_book(&self, request: Request<CreatePriceBookRequest>) -> Answer<PriceBook> {
        let call = call(&request)?;
        let wire = request.into_inner().price_book.unwrap_or_default();
        Ok(Response::new(self.create(&call, wire).await?))
    }

    async fn update_price_book(&self, request: Request<UpdatePriceBookRequest>) -> Answer<PriceBook> {
        let call = call(&request)?;
        let UpdatePriceBookRequest { price_book, update_mask } = request.into_inner();
        Ok(Response::new(self.update(&call, price_book.unwrap_or_default(), update_mask).await?))
    }
}
