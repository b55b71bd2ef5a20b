//! Options and comments of descriptors.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, DynamicMessage, FileDescriptor, ReflectMessage as _, Value};

/// Comments by file and path.
pub struct Comments(HashMap<(String, Vec<i32>), String>);

impl Comments {
    pub fn read(pool: &DescriptorPool) -> Self {
        let mut comments = HashMap::new();
        for file in pool.files() {
            let locations =
                file.file_descriptor_proto().source_code_info.iter().flat_map(|info| &info.location);
            for location in locations {
                if let Some(text) = &location.leading_comments {
                    comments.insert((file.name().to_owned(), location.path.clone()), tidy(text));
                }
            }
        }
        Self(comments)
    }

    /// The comment above the element; empty when there is none.
    pub fn of(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.0.get(&(file.name().to_owned(), path.to_vec())).map_or("", String::as_str)
    }
}

/// Lines that the proto file breaks join; empty lines and lists stay.
fn tidy(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            out.push_str("\n\n");
        } else {
            if line.starts_with("- ") && !out.ends_with('\n') {
                out.push('\n');
            } else if !out.is_empty() && !out.ends_with('\n') {
                out.push(' ');
            }
            out.push_str(line);
        }
    }
    out.trim().to_owned()
}

/// The value of an extension that is set.
pub fn extension(options: &DynamicMessage, name: &str) -> Option<Value> {
    let descriptor = options.descriptor();
    let extension = descriptor.parent_pool().get_extension_by_name(name)?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

/// The value of a field that is set.
pub fn set(message: &DynamicMessage, name: &str) -> Option<Value> {
    let field = message.descriptor().get_field_by_name(name)?;
    message.has_field(&field).then(|| message.get_field(&field).into_owned())
}

/// The name of an enum extension's value.
pub fn enum_name(options: &DynamicMessage, extension_name: &str) -> Option<String> {
    let number = extension(options, extension_name)?.as_enum_number()?;
    let descriptor = options.descriptor();
    let described = descriptor.parent_pool().get_extension_by_name(extension_name)?;
    let kind = described.kind();
    Some(kind.as_enum()?.get_value(number)?.name().to_owned())
}

/// What a field's `google.api.field_behavior` says.
pub fn behaviors(options: &DynamicMessage) -> Vec<i32> {
    let value = extension(options, "google.api.field_behavior");
    let list = value.as_ref().and_then(Value::as_list).unwrap_or_default();
    list.iter().filter_map(Value::as_enum_number).collect()
}

pub const REQUIRED: i32 = 2;
pub const OUTPUT_ONLY: i32 = 3;
pub const INPUT_ONLY: i32 = 4;
