//! Compiles the contract: Rust messages and stubs, and two descriptor sets (one with comments, for the documentation).

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use prost::Message as _;

mod standard;

/// Files whose messages no Rust code needs: their options are read from the descriptors at run time.
const OPTIONS_ONLY: [&str; 4] = [
    "buf/validate/",
    "google/api/annotations.proto",
    "google/api/http.proto",
    "google/api/field_behavior.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo:rerun-if-changed={}", root.join("crm").display());
    println!("cargo:rerun-if-changed={}", root.join("third_party").display());

    let mut files = Vec::new();
    collect(&root.join("crm"), &mut files)?;
    files.sort();
    // Nothing imports the details of errors, but every service sends them and the gateway reads them.
    files.push(root.join("third_party/google/rpc/error_details.proto"));

    let includes = [root.clone(), root.join("third_party")];
    let mut compiler = protox::Compiler::new(includes)?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    fs::write(out.join("documented.binpb"), compiler.encode_file_descriptor_set())?;
    compiler.include_source_info(false);
    fs::write(out.join("descriptors.binpb"), compiler.encode_file_descriptor_set())?;

    compiler.include_source_info(true);
    let mut set = prost_build_types(&compiler)?;
    set.file.retain(|file| !OPTIONS_ONLY.iter().any(|prefix| file.name().starts_with(prefix)));
    fs::write(out.join("standard.rs"), standard::conversions(&set))?;
    let mut config = prost_build::Config::new();
    config.enable_type_names().btree_map(["."]);
    tonic_prost_build::configure().include_file("contract.rs").compile_fds_with_config(set, config)?;
    Ok(())
}

/// The descriptor set in the form the code generator takes, without the custom options it does not know.
fn prost_build_types(
    compiler: &protox::Compiler,
) -> Result<tonic_prost_build::FileDescriptorSet, prost::DecodeError> {
    tonic_prost_build::FileDescriptorSet::decode(compiler.encode_file_descriptor_set().as_slice())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
