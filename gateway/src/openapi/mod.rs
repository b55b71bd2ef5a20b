//! The contract as an OpenAPI 3.1 document, made once at start.
//!
//! [`paths`] writes the operations, [`schema`] the messages and enums they reach, [`bounds`] what `buf.validate` says of a field, [`read`]
//! looks options and comments up.

mod bounds;
mod paths;
mod read;
mod schema;

use prost_reflect::DescriptorPool;
use serde_json::{Map, Value, json};

use read::Comments;
use schema::Schemas;

/// The document of every service in the mounted packages.
pub fn document(pool: &DescriptorPool, mounted: &[&str]) -> Value {
    let comments = Comments::read(pool);
    let mut schemas = Schemas::new(&comments);
    let mut operations = Map::new();
    let mut tags = Vec::new();
    for service in pool.services().filter(|service| mounted.contains(&service.package_name())) {
        tags.push(json!({"name": service.name(), "description": comments.of(&service.parent_file(), service.path())}));
        for method in service.methods() {
            paths::add(&mut operations, &mut schemas, &comments, &method);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "CRM suite",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": operations,
        "components": {
            "schemas": schemas.finish(error_schema()),
            "responses": {
                "Error": {
                    "description": "The call failed; `status` says how and the `ErrorInfo` among the details why.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
                },
            },
            "parameters": parameters(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An access token or an API key."},
            },
        },
    })
}

const INTRODUCTION: &str = "Every call is also a gRPC method at the same address. Fields are written in snake_case and read in \
    either snake_case or lowerCamelCase; 64-bit integers and decimals are text, instants are RFC 3339 in UTC. Unknown fields and \
    query parameters are refused. A stream comes as NDJSON, or as server-sent events when `Accept` says `text/event-stream`.";

fn error_schema() -> Value {
    json!({
        "type": "object",
        "description": "The body of every answer that is not a success, and the last line of a stream that failed.",
        "required": ["error"],
        "properties": {"error": {
            "type": "object",
            "required": ["code", "status", "message", "details"],
            "properties": {
                "code": {"type": "integer", "description": "The HTTP status."},
                "status": {"type": "string", "description": "The gRPC code, for example `NOT_FOUND`."},
                "message": {"type": "string", "description": "What is wrong, for developers."},
                "details": {
                    "type": "array",
                    "description": "Typed details: `google.rpc.ErrorInfo` always, `BadRequest` and `RetryInfo` where they help.",
                    "items": {
                        "type": "object",
                        "required": ["@type"],
                        "properties": {"@type": {"type": "string"}},
                        "additionalProperties": true,
                    },
                },
            },
        }},
    })
}

fn parameters() -> Value {
    let header = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "header", "required": false, "description": description, "schema": schema});
    json!({
        "IdempotencyKey": header(
            "idempotency-key",
            "Makes a repeated call take effect once: the same key with the same request returns the first answer for 72 hours.",
            json!({"type": "string", "minLength": 1, "maxLength": 128}),
        ),
        "Override": header(
            "crm-override",
            "Rules to set aside for this request, by the permissions that allow it, separated by commas, for example \
             `customer.duplicates.override`. The caller must hold each; the audit log tells of them.",
            json!({"type": "string", "maxLength": 505}),
        ),
        "RequestId": header(
            "x-request-id",
            "Names the request in logs and events. Made by the server when absent, and returned.",
            json!({"type": "string", "maxLength": 128}),
        ),
        "Timeout": header(
            "x-timeout",
            "Time the caller gives, for example `2s` or `500ms`. Default 30 s; streams have none.",
            json!({"type": "string"}),
        ),
        "LastEventId": header(
            "last-event-id",
            "Cursor of the last event handled; the stream goes on after it. Browsers send it when they reconnect.",
            json!({"type": "string", "maxLength": 512}),
        ),
    })
}
