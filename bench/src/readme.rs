//! README's lines about speed, between two markers.

use anyhow::{Result, bail};

use crate::figures::{Figures, OURS, PEER, Rotations};
use crate::price;
use crate::share::{WHOLE_CORE_MB, percent};
use crate::spread::{megabytes, milliseconds};
use crate::text::wrapped;

/// The file, relative to the repository's root.
pub const FILE: &str = "README.md";
const BEGIN: &str = "<!-- speed -->\n";
const END: &str = "<!-- /speed -->\n";

/// The lines that the figures give.
///
/// # Errors
/// When one of the two programs was not measured.
pub fn lines(figures: &Figures) -> Result<String> {
    let memory_mb = figures.smallest_mb();
    let of = |program: &str| figures.rotations_of(program, memory_mb);
    let (Some(ours), Some(peer)) = (of(OURS), of(PEER)) else {
        bail!("{OURS} or {PEER} was not measured with {memory_mb} MB");
    };
    let place = if memory_mb == WHOLE_CORE_MB {
        "on a whole core".to_owned()
    } else {
        format!("with {memory_mb} MB, which get {:.1} % of a core", percent(memory_mb))
    };
    let price = |series: &Rotations| price::of_a_million_rotations(series.first_billed_ms, series.memory_mb);
    let text = format!(
        "**How fast it is** {place}: a rotation takes {}, and the first one of a new process {}. A Python function in the manner of \
         AWS's templates takes {} and {}, and {} of memory instead of {}. A million first rotations cost US$ {:.2} instead of {:.2}. \
         [Performance](docs/src/performance.md) has the method, and one command repeats it.",
        milliseconds(ours.warm.median_us),
        milliseconds(ours.first.median_us),
        milliseconds(peer.warm.median_us),
        milliseconds(peer.first.median_us),
        megabytes(peer.peak_kb),
        megabytes(ours.peak_kb),
        price(ours),
        price(peer),
    );
    Ok(wrapped(&text) + "\n")
}

/// The text of README with these lines.
///
/// # Errors
/// When a marker is missing.
pub fn with_lines(readme: &str, lines: &str) -> Result<String> {
    let begin = readme.find(BEGIN).map(|at| at + BEGIN.len());
    let end = readme.find(END);
    let (Some(begin), Some(end)) = (begin, end) else {
        bail!("{FILE} has no lines between `{}` and `{}`", BEGIN.trim_end(), END.trim_end());
    };
    let (before, after) = (readme.get(..begin).unwrap_or_default(), readme.get(end..).unwrap_or_default());
    Ok(format!("{before}{lines}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::example;

    #[test]
    fn the_lines_name_the_smallest_size_that_was_measured() {
        let mut figures = example();
        let text = lines(&figures).unwrap();
        assert!(text.contains("with 128 MB, which get 7.2 % of a core: a rotation takes 156 ms"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 130), "{text}");
        figures.rotations.retain(|series| series.memory_mb == WHOLE_CORE_MB);
        let text = lines(&figures).unwrap();
        assert!(text.contains("on a whole core: a rotation takes 30.0 ms"), "{text}");
        figures.rotations.retain(|series| series.program == OURS);
        assert!(lines(&figures).is_err());
    }

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let readme = format!("# A\n\n{BEGIN}old\nold\n{END}\n## B\n");
        let replaced = with_lines(&readme, "new\n").unwrap();
        assert_eq!(replaced, format!("# A\n\n{BEGIN}new\n{END}\n## B\n"));
        assert_eq!(with_lines(&replaced, "new\n").unwrap(), replaced);
        assert!(with_lines("# A\n", "new\n").is_err());
    }
}
