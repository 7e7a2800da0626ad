//! The machine's own Debian mirror, read from its apt sources: deb822 files and one-line lists (sources.list(5)).

use std::path::Path;

use anyhow::{Context as _, Result};

/// The suites of the main archive. Other suites (`-security`, `-updates`, other vendors') do not contain every package.
const SUITES: [&str; 9] =
    ["bullseye", "bookworm", "trixie", "forky", "sid", "oldstable", "stable", "testing", "unstable"];

/// The URL of a mirror of Debian's main archive.
///
/// # Errors
/// When no enabled source below `apt_folder` (`/etc/apt`) is such a mirror.
pub fn debian_mirror(apt_folder: &Path) -> Result<String> {
    let mut files = vec![apt_folder.join("sources.list")];
    if let Ok(entries) = std::fs::read_dir(apt_folder.join("sources.list.d")) {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    files.iter().find_map(|file| mirror_in(file)).with_context(|| {
        format!("no source below {} is a mirror of Debian's main archive", apt_folder.display())
    })
}

fn mirror_in(file: &Path) -> Option<String> {
    let parse = match file.extension()?.to_str()? {
        "sources" => deb822,
        "list" => one_line,
        _ => return None,
    };
    parse(&std::fs::read_to_string(file).ok()?)
}

/// The first URI of the first matching stanza. A field continues in lines that begin with a space. `#` begins a comment
/// line.
fn deb822(text: &str) -> Option<String> {
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    text.split(|line| line.trim().is_empty()).find_map(|stanza| {
        let words = |field: &str| -> Vec<String> {
            let mut words = Vec::new();
            let mut inside = false;
            for line in stanza {
                let mut value = *line;
                if !line.starts_with([' ', '\t']) {
                    let (name, rest) = line.split_once(':').unwrap_or((line, ""));
                    inside = name.eq_ignore_ascii_case(field);
                    value = rest;
                }
                if inside {
                    words.extend(value.split_whitespace().map(str::to_owned));
                }
            }
            words
        };
        let enabled = !words("Enabled").iter().any(|word| word.eq_ignore_ascii_case("no"));
        let binary = words("Types").iter().any(|word| word == "deb");
        let suites = words("Suites");
        let components = words("Components");
        (enabled && binary).then(|| choose(&words("URIs"), &suites, &components)).flatten()
    })
}

/// The first matching `deb [options] uri suite component...` line.
fn one_line(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.split('#').next()?.trim();
        let mut rest = line.strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
        if rest.starts_with('[') {
            rest = rest.split_once(']')?.1;
        }
        let words: Vec<String> = rest.split_whitespace().map(str::to_owned).collect();
        choose(words.get(..1)?, words.get(1..2)?, words.get(2..)?)
    })
}

fn choose(uris: &[String], suites: &[String], components: &[String]) -> Option<String> {
    let archive = suites.iter().any(|suite| SUITES.contains(&suite.as_str()));
    let main = components.iter().any(|component| component == "main");
    let uri = uris.iter().find(|uri| !uri.starts_with("cdrom:"))?;
    (archive && main).then(|| uri.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deb822_file_gives_its_first_enabled_main_archive() {
        let text = "# other vendor\nTypes: deb\nURIs: https://vendor.example/apt\nSuites: nodistro\nComponents: main\n\n\
             Enabled: no\nTypes: deb\nURIs: http://off.example/debian\nSuites: trixie\nComponents: main\n\n\
             Types: deb\nURIs: http://safe.example/debian-security\nSuites: trixie-security\nComponents: main\n\n\
             types: deb deb-src\n# moved\nURIs:\n http://first.example/debian/\n http://second.example/debian\n\
             Suites: trixie trixie-updates\nComponents: main contrib\nSigned-By:\n -----BEGIN\n .\n";
        assert_eq!(deb822(text).as_deref(), Some("http://first.example/debian"));
    }

    #[test]
    fn a_list_gives_its_first_main_archive() {
        let text = "#deb http://off.example/debian trixie main\ndeb-src http://source.example/debian trixie main\n\
             deb cdrom:[Debian]/ trixie main\ndeb https://vendor.example/apt cloud-bookworm main\n\
             deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] http://one.example/debian bookworm main # mirror\n";
        assert_eq!(one_line(text).as_deref(), Some("http://one.example/debian"));
    }

    #[test]
    fn nothing_fitting_gives_nothing() {
        assert_eq!(deb822("Types: deb\nURIs: http://a.example\nSuites: noble\nComponents: main\n"), None);
        assert_eq!(one_line("deb http://a.example/ubuntu noble main\ndeb\n[\ndeb [x\n"), None);
    }
}
