//! Writes `crates/proto/src/gen/` from `proto/`. With `--check` it writes nothing and fails when the committed
//! code is not what the proto files say. No `protoc` is needed: protox is a compiler in Rust.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

fn main() -> Result<()> {
    let check = std::env::args().any(|a| a == "--check");
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the workspace root")?.to_owned();
    let out = root.join("crates/proto/src/gen");
    let fresh = root.join("target/protogen");
    std::fs::create_dir_all(&fresh)?;
    generate(&root, &fresh)?;
    if check { compare(&fresh, &out) } else { install(&fresh, &out) }
}

fn generate(root: &Path, out: &Path) -> Result<()> {
    let include = root.join("proto");
    let files = proto_files(&include)?;
    let descriptors = protox::compile(&files, [&include])?;
    tonic_prost_build::configure()
        .out_dir(out)
        .file_descriptor_set_path(out.join("descriptors.bin"))
        .bytes(".simpang.log.v1")
        .compile_fds(descriptors.clone())
        .context("generating Rust from the descriptors")?;
    std::fs::write(out.join("descriptors.bin"), prost_encode(&descriptors))?;
    Ok(())
}

fn prost_encode(set: &impl protox::prost::Message) -> Vec<u8> {
    set.encode_to_vec()
}

fn proto_files(include: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut dirs = vec![include.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).with_context(|| dir.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|e| e == "proto") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn outputs(dir: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().context("a file name")?.to_string_lossy().into_owned();
        if name.starts_with("simpang.") || name == "descriptors.bin" {
            all.push((name, std::fs::read(&path)?));
        }
    }
    all.sort();
    Ok(all)
}

fn install(fresh: &Path, out: &Path) -> Result<()> {
    std::fs::create_dir_all(out)?;
    for (name, bytes) in outputs(fresh)? {
        let to = out.join(&name);
        if std::fs::read(&to).ok().as_deref() != Some(&bytes) {
            std::fs::write(&to, bytes)?;
        }
    }
    Ok(())
}

fn compare(fresh: &Path, out: &Path) -> Result<()> {
    if outputs(fresh)? != outputs(out)? {
        bail!("crates/proto/src/gen is not what proto/ says: run `make proto` and commit the result");
    }
    Ok(())
}
