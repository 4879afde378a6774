//! Generates the gRPC code from `proto/` with a compiler written in Rust, so that nobody needs `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    #[cfg(feature = "serve")]
    generate()?;
    Ok(())
}

#[cfg(feature = "serve")]
fn generate() -> Result<(), Box<dyn std::error::Error>> {
    let mut files: Vec<_> =
        std::fs::read_dir("proto/foldin/v1")?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|e| e == "proto"));
    files.sort();
    let mut compiler = protox::Compiler::new(["proto"])?;
    // Comments become documentation, imports make the set complete for reflection.
    compiler.include_source_info(true).include_imports(true).open_files(&files)?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("foldin_descriptor.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
