//! Two tenants never see each other, whichever id, parent, filter or page token is passed: every method of the contract is called by one tenant with the
//! values of another.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, Bytes};
use crm_testkit::status;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, ReflectMessage as _, Value,
    prost::Message as _,
};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    transport::Channel,
};

use crate::suite::{SignedIn, Suite};

/// Stands in every value the first tenant stores; the second one may never see it.
const SECRET: &str = "only-for-the-first-tenant";

/// How a record is made: its collection, the method, the field of the record in the request, and values it needs.
type Creation = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Ids of the first tenant's records, by collection.
type Ids = BTreeMap<&'static str, String>;

#[tokio::test]
async fn no_method_shows_or_changes_another_tenants_records() {
    let suite = Suite::new().await;
    let (owner, stranger) = (suite.tenant("first").await, suite.tenant("second").await);
    let ids = fill(&suite, &owner).await;
    let before = snapshot(&suite, &owner, &ids).await;
    let (mut walked, mut not_found) = (0, 0);
    let mut complaints = Vec::new();
    for method in methods() {
        for request in requests(&method, &ids) {
            walked += 1;
            let answer = call(&suite, &stranger, &method, &request).await;
            not_found += i32::from(answer.as_ref().is_err_and(|error| error.code() == Code::NotFound));
            complaints.extend(judge(&method, &request, &ids, &answer));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    assert!(walked > 60, "{walked} requests");
    // Not everything may be turned away at the bounds: most requests must get as far as looking for the record.
    assert!(not_found > 30, "{not_found} of {walked} requests looked for a record");
    assert_eq!(snapshot(&suite, &owner, &ids).await, before, "the first tenant's records changed");
}

/// What is wrong with an answer that the stranger got.
fn judge(
    method: &MethodDescriptor,
    request: &DynamicMessage,
    ids: &Ids,
    answer: &Result<Vec<Bytes>, Status>,
) -> Option<String> {
    let name = method.full_name();
    // A record that the stranger makes holds what the stranger sent, ids of records of other services among it, and nothing more.
    let makes = ["Create", "BatchCreate", "BulkUpsert"].iter().any(|verb| method.name().starts_with(verb));
    let sent = request.encode_to_vec();
    let sent = if makes { String::from_utf8_lossy(&sent) } else { "".into() };
    let is_foreign = |text: &str, secret: &str| text.contains(secret) && !sent.contains(secret);
    match answer {
        Ok(messages) => {
            let messages = messages.iter().map(|message| without_details(method, message));
            let text: String =
                messages.map(|message| String::from_utf8_lossy(&message).into_owned()).collect();
            let seen = is_foreign(&text, SECRET) || ids.values().any(|id| is_foreign(&text, id));
            seen.then(|| format!("{name} shows another tenant's values: {text}"))
        }
        Err(error) => {
            let fine = matches!(
                error.code(),
                Code::NotFound
                    | Code::InvalidArgument
                    | Code::PermissionDenied
                    | Code::FailedPrecondition
                    | Code::Unauthenticated
            );
            // The batch repeats what the single call before it made.
            let fine =
                fine || (method.name().starts_with("BatchCreate") && error.code() == Code::AlreadyExists);
            let told = is_foreign(error.message(), SECRET) || status::metadata(error, "etag").contains("W/");
            (!fine || told).then(|| format!("{name} answers {error:?}"))
        }
    }
}

/// A response without the details of errors of its rows, which name what the stranger itself sent, as those of a call do.
fn without_details(method: &MethodDescriptor, message: &Bytes) -> Vec<u8> {
    let mut message = DynamicMessage::decode(method.output(), message.clone()).unwrap();
    for (_, value) in message.fields_mut() {
        for row in value.as_list_mut().into_iter().flatten().filter_map(Value::as_message_mut) {
            if row.descriptor().full_name() == "crm.record.v1.RowResult"
                && let Some(status) = row.get_field_by_name_mut("status").and_then(Value::as_message_mut)
            {
                status.clear_field_by_name("details");
            }
        }
    }
    message.encode_to_vec()
}

fn methods() -> Vec<MethodDescriptor> {
    let ours = crm_proto::pool().services().filter(|service| service.full_name().starts_with("crm."));
    ours.flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

/// Requests of a method with the first tenant's values: one for each collection an id could be of.
fn requests(method: &MethodDescriptor, ids: &Ids) -> Vec<DynamicMessage> {
    let collection = collection_of(method);
    let one = |id: &str| {
        let mut message = DynamicMessage::new(method.input());
        let mut filler = Filler { ids, own: id, depth: 0 };
        filler.fill(&mut message);
        message
    };
    match collection.and_then(|collection| ids.get(collection.as_str())) {
        Some(id) => vec![one(id)],
        None => ids.values().map(|id| one(id)).collect(),
    }
}

/// The collection in the method's path.
fn collection_of(method: &MethodDescriptor) -> Option<String> {
    let http = crm_proto::pool().get_extension_by_name("google.api.http")?;
    let options = method.options();
    let rule = options.get_extension(&http).into_owned();
    let (_, path) = rule
        .as_message()?
        .fields()
        .find(|(_, value)| value.as_str().is_some_and(|path| path.starts_with("/v1/")))?;
    let path = path.as_str()?.trim_start_matches("/v1/").trim_start_matches("{service}/").to_owned();
    Some(path.split(['/', ':']).next()?.to_owned())
}

/// Fills a request so that it passes the bounds and names the first tenant's records wherever an id may stand.
struct Filler<'f> {
    ids: &'f Ids,
    own: &'f str,
    depth: usize,
}

impl Filler<'_> {
    fn fill(&mut self, message: &mut DynamicMessage) {
        if self.depth > 4 {
            return;
        }
        self.depth += 1;
        for field in message.descriptor().fields().filter(|field| !is_output_only(field)) {
            if let Some(value) = self.value(&field, &message.descriptor()) {
                message.set_field(&field, value);
            }
        }
        self.depth -= 1;
    }

    fn value(&mut self, field: &FieldDescriptor, within: &MessageDescriptor) -> Option<Value> {
        let text = |text: &str| Value::String(text.to_owned());
        let single = match (field.name(), field.kind()) {
            ("id" | "ids" | "record_id" | "to_user_ids", Kind::String) => text(self.own),
            ("parent_id" | "account_id" | "from_account_id", _) if within.name() != "Department" => {
                text(self.ids.get("accounts")?)
            }
            ("product_id", _) => text(self.ids.get("products")?),
            ("price_book_id", _) => text(self.ids.get("priceBooks")?),
            ("currency_code", _) => text("CNY"),
            ("opportunity_id", _) => text(self.ids.get("opportunities")?),
            // An account is related to another record, because none is related to itself.
            ("reports_to_id" | "contact_id" | "to_account_id", _) => text(self.ids.get("contacts")?),
            ("user_id" | "superior_id" | "manager_id" | "owner_id" | "from_user_id", _) => {
                text(self.ids.get("users")?)
            }
            ("role_ids", _) => text(self.ids.get("roles")?),
            ("department_ids" | "parent_id", _) => text(self.ids.get("departments")?),
            ("q", _) | ("value", Kind::String) => text(SECRET),
            ("display_name", _) => text("a stranger's"),
            ("collection", _) => text("accounts"),
            ("system", _) => text("erp"),
            ("show_deleted", _) => Value::Bool(true),
            ("credit" | "max_events", _) => Value::I32(1),
            ("start_from", _) => Value::EnumNumber(2),
            (_, Kind::Message(inner)) if inner.full_name().starts_with("crm.") && !field.is_map() => {
                let mut nested = DynamicMessage::new(inner);
                self.fill(&mut nested);
                Value::Message(nested)
            }
            _ => return None,
        };
        Some(if field.is_list() { Value::List(vec![single]) } else { single })
    }
}

fn is_output_only(field: &FieldDescriptor) -> bool {
    let Some(behaviour) = crm_proto::pool().get_extension_by_name("google.api.field_behavior") else {
        return false;
    };
    let options = field.options();
    let behaviours = options.get_extension(&behaviour);
    // An id of the record itself is output-only and still what an update names it by.
    field.name() != "id" && behaviours.as_list().unwrap_or_default().contains(&Value::EnumNumber(3))
}

/// Records of the first tenant in every collection that takes some.
async fn fill(suite: &Suite, owner: &SignedIn) -> Ids {
    let mut ids = Ids::new();
    let creations: [Creation; 12] = [
        ("accounts", "crm.customer.v1.AccountService/CreateAccount", "account", &[("region", SECRET)]),
        ("contacts", "crm.customer.v1.ContactService/CreateContact", "contact", &[("department", SECRET)]),
        (
            "customFields",
            "crm.record.v1.CustomFieldService/CreateCustomField",
            "custom_field",
            &[("collection", "accounts"), ("key", "secret")],
        ),
        (
            "importJobs",
            "crm.record.v1.ImportJobService/CreateImportJob",
            "import_job",
            &[("collection", "accounts")],
        ),
        (
            "opportunities",
            "crm.sales.v1.OpportunityService/CreateOpportunity",
            "opportunity",
            &[("region", SECRET)],
        ),
        ("products", "crm.sales.v1.ProductService/CreateProduct", "product", &[("family", SECRET)]),
        (
            "priceBooks",
            "crm.sales.v1.PriceBookService/CreatePriceBook",
            "price_book",
            &[("currency_code", "CNY")],
        ),
        ("orders", "crm.sales.v1.OrderService/CreateOrder", "order", &[("account_name", SECRET)]),
        ("contracts", "crm.sales.v1.ContractService/CreateContract", "contract", &[("account_name", SECRET)]),
        ("departments", "crm.platform.v1.DepartmentService/CreateDepartment", "department", &[]),
        ("roles", "crm.platform.v1.RoleService/CreateRole", "role", &[]),
        ("users", "crm.platform.v1.UserService/CreateUser", "user", &[("username", "somebody")]),
    ];
    for (collection, method, field, values) in creations {
        let (service, name) = method.split_once('/').unwrap();
        let Some(method) = crm_proto::pool()
            .get_service_by_name(service)
            .and_then(|service| service.methods().find(|method| method.name() == name))
        else {
            continue;
        };
        let mut request = DynamicMessage::new(method.input());
        let inner = method.input().get_field_by_name(field).unwrap();
        let mut record = DynamicMessage::new(inner.kind().as_message().unwrap().clone());
        record.set_field_by_name("display_name", Value::String(SECRET.to_owned()));
        for (name, value) in values {
            record.set_field_by_name(name, Value::String((*value).to_owned()));
        }
        // Enumerations that must be stated take their first value.
        for field in record.descriptor().fields() {
            let required = matches!(field.name(), "type" | "record_scope");
            if required && matches!(field.kind(), Kind::Enum(_)) {
                record.set_field(&field, Value::EnumNumber(1));
            }
        }
        request.set_field(&inner, Value::Message(record));
        let answer = call(suite, owner, &method, &request).await;
        let answer = match answer {
            Ok(answer) => answer,
            // A service that is not mounted has nothing to hide.
            Err(error) if error.code() == Code::Unimplemented => continue,
            Err(error) => panic!("{}: {error:?}", method.full_name()),
        };
        let record = DynamicMessage::decode(method.output(), answer[0].clone()).unwrap();
        let id = record.get_field_by_name("id").unwrap().as_str().unwrap().to_owned();
        ids.insert(collection, id);
    }
    ids.insert("pipelines", first_pipeline(suite, owner).await);
    assert!(ids.len() >= 10, "{ids:?}");
    ids
}

/// The pipeline that a tenant has from the start.
async fn first_pipeline(suite: &Suite, owner: &SignedIn) -> String {
    let service = crm_proto::pool().get_service_by_name("crm.sales.v1.PipelineService").unwrap();
    let method = service.methods().find(|method| method.name() == "ListPipelines").unwrap();
    let answer = call(suite, owner, &method, &DynamicMessage::new(method.input())).await.unwrap();
    let answer = DynamicMessage::decode(method.output(), answer[0].clone()).unwrap();
    let pipelines = answer.get_field_by_name("pipelines").unwrap().into_owned();
    let pipeline = pipelines.as_list().unwrap()[0].as_message().unwrap().clone();
    pipeline.get_field_by_name("id").unwrap().as_str().unwrap().to_owned()
}

/// The first tenant's records as they are now.
async fn snapshot(suite: &Suite, owner: &SignedIn, ids: &Ids) -> BTreeMap<String, Vec<Bytes>> {
    let mut found = BTreeMap::new();
    for method in methods() {
        let Some(id) = collection_of(&method).and_then(|collection| ids.get(collection.as_str())) else {
            continue;
        };
        // The access of a user tells until when it may be kept, which is another time each time.
        let tells_the_time = method.name() == "GetUserAccess";
        if method.name().starts_with("Get") && !tells_the_time && method.input().fields().count() == 1 {
            let mut request = DynamicMessage::new(method.input());
            request.set_field_by_name("id", Value::String(id.clone()));
            let answer = call(suite, owner, &method, &request).await;
            found.insert(method.full_name().to_owned(), answer.unwrap());
        }
    }
    assert!(found.len() >= 5);
    found
}

/// The first answers of a call, at most ten.
async fn call(
    suite: &Suite,
    caller: &SignedIn,
    method: &MethodDescriptor,
    request: &DynamicMessage,
) -> Result<Vec<Bytes>, Status> {
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
    let mut grpc: Grpc<Channel> = Grpc::new(suite.channel_of(&path).clone());
    grpc.ready().await.unwrap();
    let messages = futures::stream::iter([Bytes::from(request.encode_to_vec())]);
    let mut request = Request::new(messages);
    request.metadata_mut().insert("authorization", format!("Bearer {}", caller.token).parse().unwrap());
    request.set_timeout(std::time::Duration::from_secs(5));
    let mut answers = grpc.streaming(request, path.parse().unwrap(), Raw).await?.into_inner();
    let mut found = Vec::new();
    loop {
        // An open stream that has nothing to say to the stranger is as good as its end.
        let next = tokio::time::timeout(std::time::Duration::from_millis(700), answers.message()).await;
        match next {
            Ok(Ok(Some(answer))) if found.len() < 10 => found.push(answer),
            Ok(Err(error)) if found.is_empty() => return Err(error),
            _ => return Ok(found),
        }
    }
}

/// Messages as they are.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
