//! Conversions between the messages of standard methods and what they say whatever the resource (`src/standard.rs`). Which messages those are is
//! read from their names and fields, so a new resource has its conversions by keeping to the shapes.

use tonic_prost_build::FileDescriptorSet;

/// The fields of a list request.
const LIST: [&str; 7] =
    ["page_size", "page_token", "filter", "order_by", "q", "show_deleted", "include_total_size"];
/// `FieldDescriptorProto.Label.LABEL_REPEATED`.
const REPEATED: i32 = 3;

/// A message of the contract as Rust knows it.
struct Shape<'s> {
    name: &'s str,
    path: String,
    fields: Vec<Field<'s>>,
}

/// A field: its name, and its message when it is one that stands at the top of a file.
struct Field<'s> {
    name: &'s str,
    message: Option<String>,
    repeated: bool,
}

/// Source of the conversions of all messages of the set.
pub fn conversions(set: &FileDescriptorSet) -> String {
    let mut source = String::new();
    for file in set.file.iter().filter(|file| file.package().starts_with("crm.")) {
        for message in &file.message_type {
            let fields = message.field.iter().map(|field| Field {
                name: field.name(),
                message: field.type_name.as_deref().and_then(path),
                repeated: field.label == Some(REPEATED),
            });
            let path = path(&format!(".{}.{}", file.package(), message.name())).unwrap_or_default();
            let shape = Shape { name: message.name(), path, fields: fields.collect() };
            source += &request(&shape).or_else(|| response(&shape)).unwrap_or_default();
        }
    }
    source
}

/// The path of a type at the top of a file; `None` for one within another.
fn path(type_name: &str) -> Option<String> {
    let (package, name) = type_name.strip_prefix('.')?.rsplit_once('.')?;
    let nested = package.contains(char::is_uppercase);
    (package.starts_with("crm.") && !nested).then(|| format!("crate::{}::{name}", package.replace('.', "::")))
}

fn request(shape: &Shape<'_>) -> Option<String> {
    let Shape { name, path, fields } = shape;
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let of = |verb: &str| name.starts_with(verb) && name.ends_with("Request");
    let first = fields.first()?;
    let one = first.message.as_ref().filter(|_| !first.repeated);
    let into = |target: &str, value: &str| {
        Some(format!("impl From<{path}> for {target} {{ fn from(request: {path}) -> Self {{ {value} }} }}\n"))
    };
    let record = |field: &str| format!("request.{field}.unwrap_or_default()");
    match names.as_slice() {
        names if names.len() == LIST.len() && LIST.iter().all(|field| names.contains(field)) => {
            let fields = LIST.map(|field| match field {
                "page_size" | "show_deleted" | "include_total_size" => format!("{field}: request.{field}"),
                text => format!("{text}: &request.{text}"),
            });
            Some(format!(
                "impl<'r> From<&'r {path}> for Wanted<'r> {{ fn from(request: &'r {path}) -> Self {{ Wanted {{ {} }} }} }}\n",
                fields.join(", ")
            ))
        }
        ["id"] if of("Get") => into("Get", "Get { ids: vec![request.id] }"),
        ["ids"] if of("BatchGet") => into("Get", "Get { ids: request.ids }"),
        [field] if of("Create") => into(one?, &record(field)),
        [field, "update_mask"] if of("Update") => into(
            &format!("Update<{}>", one?),
            &format!("Update {{ wire: {}, mask: request.update_mask }}", record(field)),
        ),
        ["id", "etag"] if of("Delete") || of("Undelete") => {
            into("Delete", "Delete { id: request.id, etag: request.etag }")
        }
        ["requests"] if of("Batch") => Some(format!(
            "impl Batch for {path} {{ type Request = {}; fn requests(self) -> Vec<Self::Request> {{ self.requests }} }}\n",
            first.message.as_ref()?
        )),
        ["key", field, "update_mask"] if of("BulkUpsert") => into(
            &format!("Row<{}>", fields[1].message.as_ref()?),
            &format!("Row {{ key: request.key, wire: {}, mask: request.update_mask }}", record(field)),
        ),
        _ => None,
    }
}

fn response(shape: &Shape<'_>) -> Option<String> {
    let Shape { name, path, fields } = shape;
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let of = |verb: &str| name.starts_with(verb) && name.ends_with("Response");
    let record = fields.first().filter(|field| field.repeated)?.message.as_ref()?;
    match names.as_slice() {
        [field, "next_page_token", "total_size", "total_size_estimated"] if of("List") => Some(format!(
            "impl From<Listed<{record}>> for {path} {{ fn from(page: Listed<{record}>) -> Self {{ Self {{ {field}: page.wires, \
             next_page_token: page.next_page_token, total_size: page.total_size, total_size_estimated: page.total_size_estimated }} }} }}\n"
        )),
        [field] if of("Batch") || of("BulkUpsert") => Some(format!(
            "impl From<Vec<{record}>> for {path} {{ fn from({field}: Vec<{record}>) -> Self {{ Self {{ {field} }} }} }}\n\
             impl Records<{record}> for {path} {{ fn records(&mut self) -> &mut [{record}] {{ &mut self.{field} }} }}\n"
        )),
        _ => None,
    }
}
