syntax = "proto3";

package crm.sales.v1;

import "buf/validate/validate.proto";
import "crm/options/v1/options.proto";
import "crm/record/v1/common.proto";
import "crm/sales/v1/order.proto";
import "google/api/annotations.proto";
import "google/api/field_behavior.proto";
import "google/protobuf/field_mask.proto";
import "google/type/date.proto";

// Keeps what customers have ordered (订单), how much of it is fulfilled, and what the ERP system says of it.
//
// Every call sees only the orders within the caller's record scope; one outside it does not exist for the caller. Orders go out by the event stream; what the
// ERP system answers comes in by AcknowledgeOrder and RecordOrderFulfilment, or by BulkUpsertOrders.
service OrderService {
  // Returns one order, also while it is in the recycle bin.
  //
  // Fails with:
  // - NOT_FOUND / NOT_FOUND: no such order in the caller's scope.
  rpc GetOrder(GetOrderRequest) returns (Order) {
    option (google.api.http) = {get: "/v1/orders/{id}"};
    option (crm.options.v1.permission) = "sales.orders.read";
    option idempotency_level = NO_SIDE_EFFECTS;
  }

  // Returns a page of orders, newest first unless ordered otherwise.
  //
  // Fails with:
  // - INVALID_ARGUMENT / FILTER_INVALID: the filter cannot be read or does not type-check.
  // - INVALID_ARGUMENT / FIELD_INVALID: an unknown field in `order_by`, or a bound is broken.
  // - INVALID_ARGUMENT / PAGE_TOKEN_INVALID: the token is damaged or belongs to another request.
  // - PERMISSION_DENIED / FIELD_MASKED: the filter or the order uses a field the caller sees masked.
  rpc ListOrders(ListOrdersRequest) returns (ListOrdersResponse) {
    option (google.api.http) = {get: "/v1/orders"};
    option (crm.options.v1.permission) = "sales.orders.read";
    option idempotency_level = NO_SIDE_EFFECTS;
  }

  // Creates an order.
  //
  // Fails with:
  // - INVALID_ARGUMENT / FIELD_INVALID: a field breaks a rule; all violations are listed.
  // - ALREADY_EXISTS / EXTERNAL_ID_TAKEN: another record holds one of the external ids.
  // - ALREADY_EXISTS / NUMBER_TAKEN: another order holds the number.
  // - NOT_FOUND / NOT_FOUND: the price book, the opportunity or the contract does not exist.
@PRICEFAILS@  // - PERMISSION_DENIED / PERMISSION_MISSING: the order is to be no draft or to have something fulfilled, and the caller may not import; its `erp_state` is
  //   stated, and the caller may not acknowledge; or the owner lies outside the caller's scope.
  rpc CreateOrder(CreateOrderRequest) returns (Order) {
    option (google.api.http) = {
      post: "/v1/orders"
      body: "order"
    };
    option (crm.options.v1.permission) = "sales.orders.create";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Changes the fields named in `update_mask`, and no others. The content of an order that is no draft is locked but for what names and groups it (`display_name`, `customer_reference`,
  // `contact_id`, `contact_name`, `contract_id`, `description`, `owner_id`, `tags`, `external_ids`, `custom`). A value that is still masked as the caller sees it leaves the real
  // value in place. An update that changes nothing writes nothing and returns the order as it is.
  //
  // Fails with: as CreateOrder, and
  // - NOT_FOUND / NOT_FOUND: no such live order in the caller's scope.
  // - ABORTED / ETAG_MISMATCH: the order changed since the given etag; the metadata holds the current one.
  // - FAILED_PRECONDITION / ORDER_LOCKED: it is confirmed, and the field is locked; the metadata name it.
  // - FAILED_PRECONDITION / ORDER_STATE: the state that it stands in does not lead to the other one.
  // - FAILED_PRECONDITION / ERP_STATE, ERP_ID_MISMATCH: as AcknowledgeOrder.
  rpc UpdateOrder(UpdateOrderRequest) returns (Order) {
    option (google.api.http) = {
      patch: "/v1/orders/{order.id}"
      body: "order"
    };
    option (crm.options.v1.permission) = "sales.orders.update";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Moves an order to the recycle bin, where it stays for at least 30 days. Its external ids become free.
  // After that it goes for good, told by an event `OrderPurged`. Its amendments and fulfilments go with it. Only drafts and cancelled orders are deleted.
  //
  // Fails with:
  // - NOT_FOUND / NOT_FOUND: no such live order in the caller's scope.
  // - ABORTED / ETAG_MISMATCH: the order changed since the given etag; the metadata holds the current one.
  // - FAILED_PRECONDITION / ORDER_STATE: it is confirmed; cancel it first.
  rpc DeleteOrder(DeleteOrderRequest) returns (Order) {
    option (google.api.http) = {delete: "/v1/orders/{id}"};
    option (crm.options.v1.permission) = "sales.orders.delete";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Brings an order back from the recycle bin.
  //
  // Fails with:
  // - NOT_FOUND / NOT_FOUND: no such order in the caller's scope, or it is purged.
  // - FAILED_PRECONDITION / NOT_DELETED: the order is not in the recycle bin.
  // - ALREADY_EXISTS / EXTERNAL_ID_TAKEN: another record took one of its external ids meanwhile.
  // - ABORTED / ETAG_MISMATCH: the order changed since the given etag; the metadata holds the current one.
  rpc UndeleteOrder(UndeleteOrderRequest) returns (Order) {
    option (google.api.http) = {
      post: "/v1/orders/{id}:undelete"
      body: "*"
    };
    option (crm.options.v1.permission) = "sales.orders.delete";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Returns up to 1000 orders in the order of the ids.
  //
  // Fails with:
  // - NOT_FOUND / NOT_FOUND: one of the orders does not exist in the caller's scope; the metadata names the first.
  rpc BatchGetOrders(BatchGetOrdersRequest) returns (BatchGetOrdersResponse) {
    option (google.api.http) = {get: "/v1/orders:batchGet"};
    option (crm.options.v1.permission) = "sales.orders.read";
    option idempotency_level = NO_SIDE_EFFECTS;
  }

  // Creates up to 1000 orders, all or none.
  //
  // Fails with: as CreateOrder; violations name the item, for example `requests[3].order.display_name`.
  rpc BatchCreateOrders(BatchCreateOrdersRequest) returns (BatchCreateOrdersResponse) {
    option (google.api.http) = {
      post: "/v1/orders:batchCreate"
      body: "*"
    };
    option (crm.options.v1.permission) = "sales.orders.create";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Updates up to 1000 orders, all or none. An id may stand only once.
  //
  // Fails with: as UpdateOrder; violations name the item.
  rpc BatchUpdateOrders(BatchUpdateOrdersRequest) returns (BatchUpdateOrdersResponse) {
    option (google.api.http) = {
      post: "/v1/orders:batchUpdate"
      body: "*"
    };
    option (crm.options.v1.permission) = "sales.orders.update";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Moves up to 1000 orders to the recycle bin, all or none.
  //
  // Fails with: as DeleteOrder; violations name the item.
  rpc BatchDeleteOrders(BatchDeleteOrdersRequest) returns (BatchDeleteOrdersResponse) {
    option (google.api.http) = {
      post: "/v1/orders:batchDelete"
      body: "*"
    };
    option (crm.options.v1.permission) = "sales.orders.delete";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Creates or updates orders by external id, as many as the caller streams, and answers each row in order. Rows are written in
  // groups of up to 500 in one transaction; a row that fails leaves the others of its group untouched. Rows with the same external
  // id take effect in the order sent.
  //
  // Fails with: nothing as a whole except for a missing permission or a broken connection; what was answered is committed. A row that breaks a
  // bound of this contract fails alone, and its status lists what is wrong with it.
  rpc BulkUpsertOrders(stream BulkUpsertOrdersRequest) returns (stream BulkUpsertOrdersResponse) {
    option (google.api.http) = {
      post: "/v1/orders:bulkUpsert"
      body: "*"
    };
    option (crm.options.v1.permission) = "sales.orders.import";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Confirms a draft: what the customer has agreed to. Its content is locked from then on, and it waits to be sent to the ERP system (`erp_state` becomes PENDING_PUSH)
  // unless `without_erp` is set.
  //
  // Fails with:
  // - NOT_FOUND / NOT_FOUND: no such live order in the caller's scope.
  // - ABORTED / ETAG_MISMATCH: the order changed since the given etag; the metadata holds the current one.
  // - FAILED_PRECONDITION / ORDER_STATE: the order stands where this cannot be done; the metadata tell where.
  // - FAILED_PRECONDITION / ORDER_EMPTY: the order has no lines.
  rpc ConfirmOrder(ConfirmOrderRequest) returns (Order) {
    option (google.api.http) = {
      post: "/v1/orders/{id}:confirm"
      body: "*"
    };
    option (crm.options.v1.permission) = "sales.orders.update";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Adds to what is fulfilled of an order's lines, and moves the order to PARTIALLY_FULFILLED or FULFILLED. A record with a `reference` that the order has already, and the
  // same quantities, changes nothing and answers with the order as it is, so that a delivery which is told twice counts once.
  //
  // Fails with:
  // - NOT_FOUND / NOT_FOUND: no such live order in the caller's scope.
  // - ABORTED / ETAG_MISMATCH: the order changed since the given etag; the metadata holds the current one.
  // - FAILED_PRECONDITION / ORDER_STATE: the order stands where this cannot be done; the metadata tell where.
  // - INVALID_ARGUMENT / FIELD_INVALID: the order has no such line, a line stands twice, or a quantity is no number above 0.
  // - FAILED_PRECONDITION / OVER_FULFILMENT: more of a line would be fulfilled than is ordered; the metadata hold the figures.
  // - ALREADY_EXISTS / FULFILMENT_REFERENCE_TAKEN: the order has a record with the reference and other quantities.
  rpc RecordOrderFulfilment(RecordOrderFulfilmentRequest) returns (Order) {
    option (google.api.http) = {
      post: "/v1/orders/{id}:recordFulfilment"
      body: "*"
    };
    option (crm.options.v1.permission) = "sales.orders.fulfil";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Changes the lines of a confirmed order, as the customer has agreed. The change gets the next number, is kept with the lines before and after it, and the order
  // waits to be sent to the ERP system again when it was to be sent before. Nothing goes below what is fulfilled; an order of which all is fulfilled then is FULFILLED, and one
  // with more to do is PARTIALLY_FULFILLED again.
  //
  // Fails with:
  // - NOT_FOUND / NOT_FOUND: no such live order in the caller's scope.
  // - ABORTED / ETAG_MISMATCH: the order changed since the given etag; the metadata holds the current one.
  // - FAILED_PRECONDITION / ORDER_STATE: the order stands where this cannot be done; the metadata tell where.
  // - INVALID_ARGUMENT / FIELD_INVALID: a line breaks a rule; all violations are listed.
  // - FAILED_PRECONDITION / BELOW_FULFILMENT: a line would have less than is fulfilled of it, or goes with something fulfilled; the metadata hold the figures.
  // - FAILED_PRECONDITION / ORDER_EMPTY: the order would have no lines.
  // - FAILED_PRECONDITION / AMENDMENT_EMPTY: nothing would change.
  rpc AmendOrder(AmendOrderRequest) returns (Order) {
    option (google.api.http) = {
      post: "/v1/orders/{id}:amend"
      body: "*"
    };
    option (crm.options.v1.permission) = "sales.orders.update";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Closes a fulfilled order: nothing more is to be done about it.
  //
  // Fails with: as ConfirmOrder.
  rpc CloseOrder(CloseOrderRequest) returns (Order) {
    option (google.api.http) = {
      post: "/v1/orders/{id}:close"
      body: "*"
    };
    option (crm.options.v1.permission) = "sales.orders.update";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Cancels an order of which nothing is fulfilled.
  //
  // Fails with: as ConfirmOrder.
  // - FAILED_PRECONDITION / ORDER_FULFILLED_IN_PART: something is fulfilled; the metadata hold the figures of the first such line.
  rpc CancelOrder(CancelOrderRequest) returns (Order) {
    option (google.api.http) = {
      post: "/v1/orders/{id}:cancel"
      body: "*"
    };
    option (crm.options.v1.permission) = "sales.orders.update";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Tells what became of an order in the ERP system. The same report again changes nothing. A report about an earlier amendment than the last one changes nothing
  // either, and neither does PUSHED that comes after the answer: messages may come twice and out of order.
  //
  // Fails with:
  // - NOT_FOUND / NOT_FOUND: no such live order in the caller's scope.
  // - ABORTED / ETAG_MISMATCH: the order changed since the given etag; the metadata holds the current one.
  // - FAILED_PRECONDITION / ORDER_STATE: the order stands where this cannot be done; the metadata tell where.
  // - FAILED_PRECONDITION / ERP_STATE: the ERP system has taken the order and cannot refuse it any more or be asked again.
  // - FAILED_PRECONDITION / ERP_ID_MISMATCH: it has taken the order under another `erp_id`.
  // - INVALID_ARGUMENT / FIELD_INVALID: the amendment does not exist, or a text is not on one line.
  rpc AcknowledgeOrder(AcknowledgeOrderRequest) returns (Order) {
    option (google.api.http) = {
      post: "/v1/orders/{id}:acknowledge"
      body: "*"
    };
    option (crm.options.v1.permission) = "sales.orders.acknowledge";
    option (crm.options.v1.audit) = AUDIT_CLASS_CHANGE;
  }

  // Returns the amendments of an order, the first one first (变更历史). At most the last 1000.
  //
  // Fails with:
  // - NOT_FOUND / NOT_FOUND: no such order in the caller's scope.
  rpc ListOrderAmendments(ListOrderAmendmentsRequest) returns (ListOrderAmendmentsResponse) {
    option (google.api.http) = {get: "/v1/orders/{order_id}/amendments"};
    option (crm.options.v1.permission) = "sales.orders.read";
    option idempotency_level = NO_SIDE_EFFECTS;
  }

  // Returns what was fulfilled of an order and when, the first record first (履行记录). At most the last 1000.
  //
  // Fails with:
  // - NOT_FOUND / NOT_FOUND: no such order in the caller's scope.
  rpc ListOrderFulfilments(ListOrderFulfilmentsRequest) returns (ListOrderFulfilmentsResponse) {
    option (google.api.http) = {get: "/v1/orders/{order_id}/fulfilments"};
    option (crm.options.v1.permission) = "sales.orders.read";
    option idempotency_level = NO_SIDE_EFFECTS;
  }
}

// Names an order.
message GetOrderRequest {
  // Id of the order.
  string id = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).string.uuid = true
  ];
}

// Asks for a page of orders.
//
// Filter fields: every scalar field of Order by its name, @TOTALS@, `tags`, and `custom.<key>` of
// fields that are filterable. What waits for the ERP system: `erp_state == 'ERP_STATE_PENDING_PUSH'`.
// Order fields: `create_time`, `update_time`, `display_name`, `number`, `account_name`, `order_date`, @TOTALORDER@; each may be followed by `desc`.
message ListOrdersRequest {
  // Most orders to return. 0 becomes 50; more than 1000 becomes 1000.
  int32 page_size = 1 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).int32.gte = 0
  ];
  // `next_page_token` of the page before. Every other field must be as it was then.
  string page_token = 2 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 2048
  ];
  // CEL expression that an order must satisfy. Empty means every order.
  string filter = 3 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 2048
  ];
  // Fields to order by, separated by commas. Empty means `create_time desc`.
  string order_by = 4 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 256
  ];
  // Part of the order's name, its number, the customer's number or the account's name in any script, or pinyin or pinyin initials of a Chinese name.
  string q = 5 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 100
  ];
  // Whether orders in the recycle bin are returned too.
  bool show_deleted = 6 [(google.api.field_behavior) = OPTIONAL];
  // Whether to count the matching orders, which costs time.
  bool include_total_size = 7 [(google.api.field_behavior) = OPTIONAL];
}

// A page of orders.
message ListOrdersResponse {
  // The orders, in order.
  repeated Order orders = 1;
  // Token of the next page. Empty on the last one.
  string next_page_token = 2;
  // Number of matching orders, when asked for: exact up to 10,000 and an estimate beyond.
  int64 total_size = 3;
  // Whether `total_size` is an estimate.
  bool total_size_estimated = 4;
}

// Carries the order to create.
message CreateOrderRequest {
  // The order. Output-only fields are ignored.
  Order order = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).required = true
  ];
}

// Carries the change of an order.
message UpdateOrderRequest {
  // The order's id, the new values, and the etag when the change must not overwrite another.
  Order order = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).required = true
  ];
  // Fields to change. Absent means every field that is set in `order`; `*` means every field, clearing those not set. One custom
  // field is named `custom.<key>`.
  google.protobuf.FieldMask update_mask = 2 [(google.api.field_behavior) = OPTIONAL];
}

// Names an order to move to the recycle bin.
message DeleteOrderRequest {
  // Id of the order.
  string id = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).string.uuid = true
  ];
  // Etag the order must still have. Empty means any.
  string etag = 2 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 64
  ];
}

// Names an order to bring back.
message UndeleteOrderRequest {
  // Id of the order.
  string id = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).string.uuid = true
  ];
  // Etag the order must still have. Empty means any.
  string etag = 2 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 64
  ];
}

// Names the orders to return.
message BatchGetOrdersRequest {
  // Ids of 1 to 1000 orders.
  repeated string ids = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).repeated = {min_items: 1, max_items: 1000},
    (buf.validate.field).repeated.items.string.uuid = true
  ];
}

// The orders asked for.
message BatchGetOrdersResponse {
  // In the order of the ids.
  repeated Order orders = 1;
}

// Carries the orders to create.
message BatchCreateOrdersRequest {
  // 1 to 1000 creations.
  repeated CreateOrderRequest requests = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).repeated = {min_items: 1, max_items: 1000}
  ];
}

// The orders created.
message BatchCreateOrdersResponse {
  // In the order of the requests.
  repeated Order orders = 1;
}

// Carries the changes of several orders.
message BatchUpdateOrdersRequest {
  // 1 to 1000 updates.
  repeated UpdateOrderRequest requests = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).repeated = {min_items: 1, max_items: 1000}
  ];
}

// The orders changed.
message BatchUpdateOrdersResponse {
  // In the order of the requests.
  repeated Order orders = 1;
}

// Names the orders to move to the recycle bin.
message BatchDeleteOrdersRequest {
  // 1 to 1000 deletions.
  repeated DeleteOrderRequest requests = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).repeated = {min_items: 1, max_items: 1000}
  ];
}

// The orders as they are in the recycle bin.
message BatchDeleteOrdersResponse {
  // In the order of the requests.
  repeated Order orders = 1;
}

// One row of a bulk upsert.
message BulkUpsertOrdersRequest {
  // The external id that decides: the order that holds it is updated; when none does, one is created with it.
  crm.record.v1.ExternalId key = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).required = true
  ];
  // The values.
  Order order = 2 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).required = true
  ];
  // Fields to change when the order exists, as in UpdateOrder.
  google.protobuf.FieldMask update_mask = 3 [(google.api.field_behavior) = OPTIONAL];
}

// Results of rows, in the order the rows were sent.
message BulkUpsertOrdersResponse {
  // One result a row; a response carries the rows of one group.
  repeated crm.record.v1.RowResult results = 1;
}

// Confirms an order.
message ConfirmOrderRequest {
  // Id of the order.
  string id = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).string.uuid = true
  ];
  // Etag the order must still have. Empty means any.
  string etag = 2 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 64
  ];
  // Whether no ERP system is to know of the order.
  bool without_erp = 3 [(google.api.field_behavior) = OPTIONAL];
}

// Tells what was delivered or done.
message RecordOrderFulfilmentRequest {
  // Id of the order.
  string id = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).string.uuid = true
  ];
  // Etag the order must still have. Empty means any.
  string etag = 2 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 64
  ];
  // Name of the delivery in the system it comes from, such as the number of the delivery note. At most 100 characters on one line. The order has each once.
  string reference = 3 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 100
  ];
  // The day it happened. Today in the tenant's zone when unset.
  google.type.Date fulfilment_date = 4 [(google.api.field_behavior) = OPTIONAL];
  // What was delivered or done; each line once.
  repeated FulfilledLine lines = 5 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).repeated = {min_items: 1, max_items: @MAXLINES@}
  ];
}

// Changes the lines of a confirmed order.
message AmendOrderRequest {
  // Id of the order.
  string id = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).string.uuid = true
  ];
  // Etag the order must still have. Empty means any.
  string etag = 2 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 64
  ];
  // Why. 1 to 200 characters on one line.
  string reason = 3 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).string = {min_len: 1, max_len: 200}
  ];
  // All lines as they shall be. A line that keeps its id is changed, one without id is new, and one that is left out goes. `fulfilled_quantity` is not read.
  repeated OrderLine lines = 4 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).repeated = {min_items: 1, max_items: @MAXLINES@}
  ];
}

// Closes an order.
message CloseOrderRequest {
  // Id of the order.
  string id = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).string.uuid = true
  ];
  // Etag the order must still have. Empty means any.
  string etag = 2 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 64
  ];
}

// Cancels an order.
message CancelOrderRequest {
  // Id of the order.
  string id = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).string.uuid = true
  ];
  // Etag the order must still have. Empty means any.
  string etag = 2 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 64
  ];
  // Why. 1 to 200 characters on one line.
  string reason = 3 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).string = {min_len: 1, max_len: 200}
  ];
}

// Tells what became of an order in the ERP system.
message AcknowledgeOrderRequest {
  // Id of the order.
  string id = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).string.uuid = true
  ];
  // Etag the order must still have. Empty means any.
  string etag = 2 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 64
  ];
  // What became of it: PUSHED, ACKNOWLEDGED or FAILED; or PENDING_PUSH to have it sent again.
  Order.ErpState erp_state = 3 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).enum = {defined_only: true, in: [2, 3, 4, 5]}
  ];
  // What the ERP system calls the order. Empty leaves what is known. At most 100 characters on one line.
  string erp_id = 4 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 100
  ];
  // What the ERP system says. At most 2,000 characters.
  string erp_message = 5 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).string.max_len = 2000
  ];
  // The order's `amendment_number` as it was sent, which tells what the report is about.
  int32 amendment_number = 6 [
    (google.api.field_behavior) = OPTIONAL,
    (buf.validate.field).int32.gte = 0
  ];
}

// Names an order.
message ListOrderAmendmentsRequest {
  // Id of the order.
  string order_id = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).string.uuid = true
  ];
}

// The amendments of an order.
message ListOrderAmendmentsResponse {
  // The first one first.
  repeated OrderAmendment amendments = 1;
}

// Names an order.
message ListOrderFulfilmentsRequest {
  // Id of the order.
  string order_id = 1 [
    (google.api.field_behavior) = REQUIRED,
    (buf.validate.field).string.uuid = true
  ];
}

// What was fulfilled of an order.
message ListOrderFulfilmentsResponse {
  // The first record first.
  repeated OrderFulfilment fulfilments = 1;
}
