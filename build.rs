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
    let descriptors = protox::compile(&files, ["proto"])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    tonic_prost_build::configure()
        .file_descriptor_set_path(out.join("foldin_descriptor.bin"))
        .compile_fds(descriptors)?;
    Ok(())
}
