//! Lists of records: what is asked for, checked, and answered page by page.

use crm_kit_api::{
    Call, Result,
    filter::Filter,
    order::Order,
    page::{self, Binding, Token},
};
use crm_kit_pg::list::{List, Page, Total};

use crate::{Listed, Record, Slice, Wanted, custom_field::Fields, search};

impl<R: Record> Slice<R> {
    /// A page of records.
    pub async fn list(&self, call: &Call, wanted: Wanted<'_>) -> Result<Listed<R::Wire>> {
        let fields = self.fields(call).await?;
        let query = Query::read::<R>(call, &fields, &wanted)?;
        let Some(search) = search::conditions(wanted.q, &R::KIND.search, &call.access.masks) else {
            let nothing = Vec::new();
            return Ok(Listed {
                wires: nothing,
                next_page_token: String::new(),
                total_size: 0,
                total_size_estimated: false,
            });
        };
        let list = query.list::<R>(call, &wanted, search);
        let (list, tenant, count) = (&list, call.tenant_id(), wanted.include_total_size);
        let (page, total): (Page<R>, Option<Total>) = self
            .db
            .list(call, move |tx| {
                Box::pin(async move {
                    let page = list.fetch(tx.conn(), tenant).await?;
                    let total = if count { Some(list.count(tx.conn(), tenant).await?) } else { None };
                    Ok((page, total))
                })
            })
            .await?;
        Ok(Listed {
            wires: page.rows.iter().map(|record| record.to_wire(&fields)).collect(),
            next_page_token: page.next.map(|token| token.encode(query.binding)).unwrap_or_default(),
            total_size: total.map_or(0, |total| total.rows),
            total_size_estimated: total.is_some_and(|total| total.estimated),
        })
    }
}

/// What a list request asks for, checked.
struct Query {
    filter: Filter,
    order: Order,
    after: Option<Token>,
    binding: Binding,
}

impl Query {
    fn read<R: Record>(call: &Call, fields: &Fields, wanted: &Wanted<'_>) -> Result<Self> {
        let filter = Filter::parse(wanted.filter, &R::filter_schema(fields, call))?;
        let order = Order::parse(wanted.order_by, R::KIND.default_order, &R::order_columns(fields, call))?;
        let deleted = if wanted.show_deleted { "deleted" } else { "" };
        let parts = [R::KIND.collection, wanted.filter, wanted.order_by, wanted.q, deleted];
        let binding = Binding::new(call.tenant_id(), &parts);
        let after = Token::decode(wanted.page_token, binding, order.keys.len())?;
        Ok(Self { filter, order, after, binding })
    }

    fn list<'l, R: Record>(
        &'l self,
        call: &'l Call,
        wanted: &Wanted<'_>,
        search: Vec<(&'static str, String)>,
    ) -> List<'l> {
        List {
            table: R::KIND.table,
            columns: R::KIND.columns,
            owners: R::KIND.owners(call),
            show_deleted: wanted.show_deleted,
            filter: &self.filter,
            moment: call.moment(),
            search,
            order: &self.order,
            after: self.after.clone(),
            limit: page::size(wanted.page_size),
        }
    }
}
