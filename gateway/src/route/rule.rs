//! Reads `google.api.http` options and compiles them into routes. The only reader of that option besides the documentation.

use std::{collections::HashMap, sync::Arc};

use http::uri::PathAndQuery;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, ServiceDescriptor, Value};

use super::{Body, Capture, Method, Resume, Route, Routes, Target, template};
use crate::json::{Field, Kind, Shapes, shape::Label, text::Path};

/// Packages that several services mount; a call names the one it means.
pub const SHARED_PACKAGES: [&str; 2] = ["crm.event.v1", "crm.record.v1"];

/// The contract cannot be served as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{method}: {problem}")]
pub struct Unroutable {
    pub method: String,
    pub problem: String,
}

/// One HTTP binding as the option states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub verb: http::Method,
    pub template: String,
    pub body: String,
    pub response_body: String,
}

/// Compiles every method of the packages that have a target.
pub fn compile(
    pool: &DescriptorPool,
    shapes: &Shapes,
    target: impl Fn(&str) -> Option<Target>,
) -> Result<Routes, Unroutable> {
    let mut routes = Routes::default();
    for service in pool.services() {
        let Some(target) = target(service.package_name()) else { continue };
        let mut methods = HashMap::new();
        for described in service.methods() {
            let failed = |problem| Unroutable { method: described.full_name().to_owned(), problem };
            let method = Arc::new(method(&service, &described, shapes, target).map_err(failed)?);
            for binding in bindings(&described) {
                bind(&mut routes, shapes, &method, &binding).map_err(failed)?;
            }
            methods.insert(described.name().to_owned(), method);
        }
        routes.services.insert(service.full_name().to_owned(), methods);
    }
    Ok(routes)
}

/// The method's bindings, the first one and its `additional_bindings`.
pub fn bindings(method: &MethodDescriptor) -> Vec<Binding> {
    let Some(extension) = method.parent_pool().get_extension_by_name("google.api.http") else {
        return Vec::new();
    };
    let options = method.options();
    if !options.has_extension(&extension) {
        return Vec::new();
    }
    let rule = options.get_extension(&extension);
    let Some(rule) = rule.as_message() else { return Vec::new() };
    let mut found: Vec<Binding> = binding(rule).into_iter().collect();
    if let Some(more) = rule.get_field_by_name("additional_bindings") {
        let more = more.as_list().unwrap_or_default().iter();
        found.extend(more.filter_map(Value::as_message).filter_map(binding));
    }
    found
}

fn binding(rule: &DynamicMessage) -> Option<Binding> {
    let text = |name: &str| {
        let value = rule.has_field_by_name(name).then(|| rule.get_field_by_name(name)).flatten();
        value.and_then(|value| value.as_str().map(str::to_owned))
    };
    let body = text("body").unwrap_or_default();
    let response_body = text("response_body").unwrap_or_default();
    let verbs = [
        ("get", http::Method::GET),
        ("put", http::Method::PUT),
        ("post", http::Method::POST),
        ("delete", http::Method::DELETE),
        ("patch", http::Method::PATCH),
    ];
    verbs.into_iter().find_map(|(name, verb)| {
        text(name).map(|template| Binding {
            verb,
            template,
            body: body.clone(),
            response_body: response_body.clone(),
        })
    })
}

fn method(
    service: &ServiceDescriptor,
    described: &MethodDescriptor,
    shapes: &Shapes,
    target: Target,
) -> Result<Method, String> {
    let shape = |name: &str| shapes.find(name).ok_or_else(|| format!("no message `{name}`"));
    let path = format!("/{}/{}", service.full_name(), described.name());
    let (input, output) = (shape(described.input().full_name())?, shape(described.output().full_name())?);
    let cursor = shapes.get(output).field("cursor").filter(|field| is_text(field));
    Ok(Method {
        path: PathAndQuery::try_from(path).map_err(|error| error.to_string())?,
        input,
        output,
        client_streaming: described.is_client_streaming(),
        server_streaming: described.is_server_streaming(),
        target,
        raw_output: shapes.get(output).name == "google.api.HttpBody",
        cursor: cursor.map(|field| field.number),
        resume: resume(shapes, input),
    })
}

fn is_text(field: &Field) -> bool {
    field.kind == Kind::String && field.label == Label::Single
}

fn resume(shapes: &Shapes, input: usize) -> Option<Resume> {
    let shape = shapes.get(input);
    let cursor = shape.field("cursor").filter(|field| is_text(field))?;
    let start_from = shape.field("start_from")?;
    let Kind::Enum(values) = start_from.kind else { return None };
    let after = shapes.enumeration(values).number("START_FROM_AFTER")?;
    Some(Resume { start_from: start_from.number, after: u64::try_from(after).ok()?, cursor: cursor.number })
}

fn bind(routes: &mut Routes, shapes: &Shapes, method: &Arc<Method>, binding: &Binding) -> Result<(), String> {
    if !binding.response_body.is_empty() {
        return Err("`response_body` is not served; return the message that is wanted".to_owned());
    }
    let template = template::parse(&binding.template)?;
    let mut captures = Vec::new();
    for variable in &template.variables {
        let path = Path::resolve(shapes, method.input, &variable.field)
            .filter(|path| path.field.label == Label::Single)
            .ok_or_else(|| format!("no field `{}` for the path", variable.field))?;
        captures.push(Capture { path, start: variable.start, end: variable.end });
    }
    let service = captures.iter().position(|capture| capture.path.name == "service");
    if method.target == Target::Named && service.is_none() {
        return Err("a method of every service needs the path variable `service`".to_owned());
    }
    let route = Route {
        method: Arc::clone(method),
        verb: binding.verb.clone(),
        template: binding.template.as_str().into(),
        captures,
        body: body(shapes, method, &binding.body)?,
        service,
    };
    routes.table.insert(&template, Arc::new(route))
}

fn body(shapes: &Shapes, method: &Method, named: &str) -> Result<Body, String> {
    if named.is_empty() || named == "*" {
        return Ok(if named.is_empty() { Body::None } else { Body::Whole });
    }
    let field =
        shapes.get(method.input).field(named).ok_or_else(|| format!("no field `{named}` for the body"))?;
    let raw = matches!(field.kind, Kind::Message(id) if shapes.get(id).name == "google.api.HttpBody");
    Ok(if raw { Body::Raw(field.clone()) } else { Body::Field(field.clone()) })
}
