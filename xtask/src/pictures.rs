//! Draws the pictures of `docs/` from the sources in `docs/pictures`. D2, a Go program that is built once, draws the
//! diagrams (`*.d2`). [`terminal`] draws the terminal recording (`demo.txt`), which `docs/pictures/record` makes.
//!
//! Each picture ends with a digest of its sources, so lint finds an old picture and does not draw it again.

mod terminal;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::go::Go;
use crate::{step, workspace};

const SOURCES: &str = "docs/pictures";
const PICTURES: &str = "docs/src/pictures";
const D2: &str = "oss.terrastruct.com/d2";
/// The file that the diagrams import. It is not a picture.
const COMMON: &str = "common";
const STYLE: &str = "docs/pictures/style.css";
/// The other files that each diagram depends on.
const OF_DIAGRAMS: [&str; 3] = ["docs/pictures/common.d2", STYLE, "docs/pictures/d2/go.mod"];
const OF_RECORDINGS: [&str; 1] = ["xtask/src/pictures/terminal.rs"];

/// Draws every picture whose sources have changed.
///
/// # Errors
/// When a tool cannot be installed, or cannot read its source.
pub fn draw() -> Result<()> {
    fs::create_dir_all(workspace::root().join(PICTURES))?;
    for picture in pictures()?.iter().filter(|picture| picture.is_old()) {
        let svg = if picture.is_diagram { diagram(picture)? } else { recording(picture)? };
        fs::write(workspace::root().join(picture.file()), format!("{svg}\n{}\n", picture.stamp()))?;
    }
    Ok(())
}

/// Pictures that are missing or older than their sources.
///
/// # Errors
/// When the sources cannot be read.
pub fn violations() -> Result<Vec<String>> {
    let (all, told) = (pictures()?, "is older than its source: run `cargo xtask docs --pictures`");
    Ok(all.iter().filter(|each| each.is_old()).map(|each| format!("{} {told}", each.file())).collect())
}

/// A picture and its source.
struct Picture {
    name: String,
    source: PathBuf,
    is_diagram: bool,
    digest: u64,
}

impl Picture {
    fn file(&self) -> String {
        format!("{PICTURES}/{}.svg", self.name)
    }

    fn stamp(&self) -> String {
        format!("<!-- drawn from {:016x} -->", self.digest)
    }

    fn is_old(&self) -> bool {
        !workspace::read(&self.file()).is_ok_and(|svg| svg.trim_end().ends_with(&self.stamp()))
    }
}

fn pictures() -> Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    let folder = workspace::root().join(SOURCES);
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {SOURCES}"))? {
        let source = entry?.path();
        let name = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_of = |kind: &str| source.extension().is_some_and(|extension| extension == kind);
        let (is_diagram, is_recording) = (is_of("d2"), is_of("txt"));
        if !source.is_file() || name == COMMON || !(is_diagram || is_recording) {
            continue;
        }
        let mut texts = workspace::read(&source.to_string_lossy())?;
        for other in if is_diagram { OF_DIAGRAMS.as_slice() } else { &OF_RECORDINGS } {
            texts.push_str(&workspace::read(other)?);
        }
        pictures.push(Picture { name, source, is_diagram, digest: fnv_1a(texts.as_bytes()) });
    }
    pictures.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(pictures)
}

/// A hash that is the same on every machine and with every version of Rust. `std::hash` does not guarantee this.
/// <http://www.isthe.com/chongo/tech/comp/fnv/>
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn recording(picture: &Picture) -> Result<String> {
    terminal::draw(&workspace::read(&picture.source.to_string_lossy())?)
}

fn diagram(picture: &Picture) -> Result<String> {
    let drawn = workspace::target().join("picture.svg");
    let mut d2 = workspace::program(d2()?);
    d2.arg(&picture.source).arg(&drawn);
    let next = format!("fix {}", picture.source.display());
    step::quiet(&format!("draw {}", picture.name), &mut d2, &next)?;
    let svg = fs::read_to_string(&drawn).context("D2 has written no file")?;
    let body = svg.trim_end().strip_suffix("</svg>").context("D2 has written no SVG")?;
    Ok(format!("{body}<style>\n{}</style></svg>", workspace::read(STYLE)?))
}

/// The path of D2. Builds it if the pinned version is missing.
fn d2() -> Result<PathBuf> {
    let module = workspace::root().join(SOURCES).join("d2");
    let folder = workspace::tools().join("d2");
    let (program, stamp, caches) = (folder.join("d2"), folder.join("go.mod"), folder.join("caches"));
    let pinned = fs::read_to_string(module.join("go.mod")).context("cannot read D2's go.mod")?;
    if program.is_file() && fs::read_to_string(&stamp).is_ok_and(|built_from| built_from == pinned) {
        return Ok(program);
    }
    fs::create_dir_all(&folder)?;
    let mut build = Go::find()?.command(&module);
    // Use separate caches. The build of Kubernetes may end meanwhile and remove its own.
    build
        .env("GOPATH", &caches)
        .env("GOMODCACHE", caches.join("modules"))
        .env("GOCACHE", caches.join("build"));
    build.args(["build", "-ldflags", "-s -w", "-o"]).arg(&program).arg(D2);
    step::long("build D2", Duration::from_mins(2), &mut build, "check that go reaches its module proxy")?;
    fs::write(&stamp, pinned)?;
    fs::remove_dir_all(&caches).context("cannot remove the caches of the build")?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_the_published_one() {
        for (text, expected) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(fnv_1a(text.as_bytes()), expected, "{text}");
        }
    }
}
