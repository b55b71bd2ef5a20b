//! Operations: each HTTP binding of each RPC.

use std::collections::BTreeMap;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Map, Value, json};

use super::{
    read::{Comments, REQUIRED, behaviors, extension},
    schema::Schemas,
};
use crate::{
    error::http_status,
    route::{
        rule::{Binding, bindings},
        template,
    },
};

/// Levels of nested messages whose fields become query parameters.
const QUERY_DEPTH: usize = 3;

/// Adds every binding of the method.
pub fn add(
    operations: &mut Map<String, Value>,
    schemas: &mut Schemas<'_>,
    comments: &Comments,
    method: &MethodDescriptor,
) {
    for (index, binding) in bindings(method).iter().enumerate() {
        let Ok(template) = template::parse(&binding.template) else { continue };
        let variables: Vec<String> =
            template.variables.iter().map(|variable| variable.field.clone()).collect();
        let mut operation = operation(schemas, comments, method, binding, &variables);
        if index > 0 {
            let id = format!("{}_{}", operation["operationId"].as_str().unwrap_or_default(), index + 1);
            operation["operationId"] = json!(id);
        }
        let path = operations.entry(plain_path(&binding.template)).or_insert_with(|| json!({}));
        path[binding.verb.as_str().to_ascii_lowercase()] = operation;
    }
}

/// OpenAPI knows `{name}` only, without the pattern.
fn plain_path(template: &str) -> String {
    let mut path = String::new();
    for (index, part) in template.split('{').enumerate() {
        match part.split_once('}') {
            Some((variable, rest)) if index > 0 => {
                let name = variable.split('=').next().unwrap_or_default();
                path.extend(["{", name, "}", rest]);
            }
            _ => path.push_str(part),
        }
    }
    path
}

fn operation(
    schemas: &mut Schemas<'_>,
    comments: &Comments,
    method: &MethodDescriptor,
    binding: &Binding,
    variables: &[String],
) -> Value {
    let service = method.parent_service();
    let comment = comments.of(&method.parent_file(), method.path());
    let permission = extension(&method.options(), "crm.options.v1.permission")
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default();
    let mut operation = json!({
        "operationId": format!("{}_{}", service.name(), method.name()),
        "tags": [service.name()],
        "summary": comment.split_inclusive(". ").next().unwrap_or_default().split('\n').next().unwrap_or_default().trim(),
        "description": comment,
        "parameters": parameters(schemas, method, binding, variables),
        "responses": responses(schemas, comment, method),
        "security": if permission == "public" { json!([]) } else { json!([{"bearer": []}]) },
        "x-permission": permission,
        "x-grpc-method": format!("/{}/{}", service.full_name(), method.name()),
    });
    if let Some(body) = request_body(schemas, method, binding) {
        operation["requestBody"] = body;
    }
    operation
}

fn parameters(
    schemas: &mut Schemas<'_>,
    method: &MethodDescriptor,
    binding: &Binding,
    variables: &[String],
) -> Vec<Value> {
    let input = method.input();
    let mut found: Vec<Value> = variables
        .iter()
        .filter_map(|name| {
            let schema = schemas.field(&resolve(&input, name)?);
            Some(json!({"name": name, "in": "path", "required": true, "schema": schema}))
        })
        .collect();
    if binding.body != "*" {
        let mut query = Query { schemas, variables, body: &binding.body, found: Vec::new() };
        query.collect(&input, "", 0);
        found.append(&mut query.found);
    }
    let named = |name: &str| json!({"$ref": format!("#/components/parameters/{name}")});
    let reads = method.method_descriptor_proto().options.as_ref();
    let reads = reads.is_some_and(|options| options.idempotency_level() as i32 == 1);
    if !reads && binding.verb != http::Method::GET {
        found.extend([named("IdempotencyKey"), named("Override")]);
    }
    if input.get_field_by_name("cursor").is_some() && input.get_field_by_name("start_from").is_some() {
        found.push(named("LastEventId"));
    }
    found.extend([named("RequestId"), named("Timeout")]);
    found
}

struct Query<'s, 'a> {
    schemas: &'s mut Schemas<'a>,
    variables: &'s [String],
    body: &'s str,
    found: Vec<Value>,
}

impl Query<'_, '_> {
    fn collect(&mut self, message: &MessageDescriptor, prefix: &str, depth: usize) {
        for field in message.fields() {
            let name = format!("{prefix}{}", field.name());
            if self.variables.contains(&name) || (depth == 0 && field.name() == self.body) || field.is_map() {
                continue;
            }
            match field.kind() {
                Kind::Message(inner) if !has_text_form(&inner) => {
                    if !field.is_list() && depth + 1 < QUERY_DEPTH {
                        self.collect(&inner, &format!("{name}."), depth + 1);
                    }
                }
                _ => {
                    let required = depth == 0 && behaviors(&field.options()).contains(&REQUIRED);
                    let schema = self.schemas.field(&field);
                    self.found
                        .push(json!({"name": name, "in": "query", "required": required, "schema": schema}));
                }
            }
        }
    }
}

fn has_text_form(message: &MessageDescriptor) -> bool {
    let name = message.full_name();
    name.starts_with("google.protobuf.")
        && !["Struct", "Value", "ListValue", "Any", "Empty"]
            .iter()
            .any(|open| name.ends_with(&format!(".{open}")))
}

fn resolve(message: &MessageDescriptor, dotted: &str) -> Option<FieldDescriptor> {
    let mut at = message.clone();
    let mut found = None;
    for part in dotted.split('.') {
        let field = at.get_field_by_name(part)?;
        if let Kind::Message(next) = field.kind() {
            at = next;
        }
        found = Some(field);
    }
    found
}

fn request_body(schemas: &mut Schemas<'_>, method: &MethodDescriptor, binding: &Binding) -> Option<Value> {
    let input = method.input();
    let (schema, media) = match binding.body.as_str() {
        "" => return None,
        "*" => {
            let media =
                if method.is_client_streaming() { "application/x-ndjson" } else { "application/json" };
            (schemas.message(&input), media)
        }
        named => {
            let field = input.get_field_by_name(named)?;
            let raw =
                matches!(field.kind(), Kind::Message(body) if body.full_name() == "google.api.HttpBody");
            let media = if raw { "application/octet-stream" } else { "application/json" };
            (schemas.field(&field), media)
        }
    };
    Some(json!({"required": true, "content": {media: {"schema": schema}}}))
}

fn responses(schemas: &mut Schemas<'_>, comment: &str, method: &MethodDescriptor) -> Value {
    let output = method.output();
    let schema = schemas.message(&output);
    let content = if output.full_name() == "google.api.HttpBody" {
        json!({"application/octet-stream": {"schema": schema}})
    } else if method.is_server_streaming() {
        json!({"application/x-ndjson": {"schema": schema.clone()}, "text/event-stream": {"schema": schema}})
    } else {
        json!({"application/json": {"schema": schema}})
    };
    let mut responses = Map::new();
    responses.insert("200".to_owned(), json!({"description": "The call succeeded.", "content": content}));
    for (status, reasons) in failures(comment) {
        let content = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}});
        responses.insert(status, json!({"description": reasons.join("\n"), "content": content}));
    }
    responses.insert("default".to_owned(), json!({"$ref": "#/components/responses/Error"}));
    Value::Object(responses)
}

/// Reads the lines `- CODE / REASON: when` of an RPC's comment, by HTTP status.
fn failures(comment: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in comment.lines().filter_map(|line| line.strip_prefix("- ")) {
        let code = line.split([' ', '/', ':']).next().unwrap_or_default();
        let known = (1..=16).map(tonic::Code::from_i32).find(|known| crate::error::code_name(*known) == code);
        if let Some(known) = known {
            found.entry(http_status(known).as_str().to_owned()).or_default().push(format!("- {line}"));
        }
    }
    found
}
