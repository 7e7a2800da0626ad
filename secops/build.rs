//! Lists the playbooks, which the program contains.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

#[expect(clippy::disallowed_methods, reason = "cargo sets the variables of a build script")]
fn main() -> io::Result<()> {
    let variable = |name| env::var(name).map_err(io::Error::other);
    let folder = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../infra/playbooks");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            names.push(name);
        }
    }
    names.sort();
    let mut list = String::from("&[\n");
    for name in names {
        let text = "include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../infra/playbooks/";
        let _ = writeln!(list, "    (\"{name}\", {text}{name}\"))),");
    }
    list.push_str("]\n");
    fs::write(PathBuf::from(variable("OUT_DIR")?).join("playbooks.rs"), list)
}
