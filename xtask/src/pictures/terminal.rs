//! Draws a terminal recording as an SVG. The lines appear one after the other, and stay.
//!
//! The first line of a recording is the command. Each other line has the milliseconds since the start, a tab, and the
//! printed text.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

/// The size of one character and of one line, in pixels.
const CHARACTER: usize = 8;
const LINE: usize = 18;
const MARGIN: usize = 16;
const BAR: usize = 34;
/// The limits of the milliseconds between two lines, so that no wait is too long and every line can be read.
const SHORTEST: u64 = 60;
const LONGEST: u64 = 1_000;
const STYLE: &str = "\
.frame{fill:#fff;stroke:#d0d7de}.bar{fill:#f6f8fa}text{font:13px ui-monospace,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;\
fill:#1f2328;white-space:pre}.title{fill:#57606a}.section{font-weight:bold}.ok{fill:#116329}.failed{fill:#cf222e}\
@media(prefers-color-scheme:dark){.frame{fill:#0d1117;stroke:#3d4757}.bar{fill:#161b22}text{fill:#e6edf3}.title{fill:#8b949e}\
.ok{fill:#3fb950}.failed{fill:#ff7b72}}\
@keyframes appear{from{opacity:0}}.line{animation:appear .01s both}\
@media(prefers-reduced-motion:reduce){.line{animation:none}}";

/// Draws a recording.
///
/// # Errors
/// When it is empty or a line has no time.
pub fn draw(recording: &str) -> Result<String> {
    let (command, output) = recording.split_once('\n').context("the recording is empty")?;
    let mut lines = Vec::new();
    for line in output.lines() {
        let (time, text) = line.split_once('\t').with_context(|| format!("no time before `{line}`"))?;
        lines.push((time.parse::<u64>().with_context(|| format!("no time: `{time}`"))?, text));
    }
    let columns = lines.iter().map(|(_, text)| text.chars().count()).max().unwrap_or_default();
    let (width, height) = (columns * CHARACTER + 2 * MARGIN, lines.len() * LINE + BAR + 2 * MARGIN);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {width} {height}\" xmlns=\"http://www.w3.org/2000/svg\"><style>{STYLE}</style>\
         <rect class=\"frame\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\
         <rect class=\"bar\" x=\"1\" y=\"1\" width=\"{}\" height=\"{BAR}\" rx=\"8\"/>\
         <text class=\"title\" x=\"{MARGIN}\" y=\"22\">{}</text>\n",
        width - 1,
        height - 1,
        width - 2,
        escaped(command)
    );
    let (mut before, mut shown_at) = (0, 0);
    for (number, (time, text)) in lines.iter().enumerate().filter(|(_, (_, text))| !text.is_empty()) {
        shown_at += time.saturating_sub(before).clamp(SHORTEST, LONGEST);
        before = *time;
        let y = BAR + MARGIN + number * LINE + LINE / 2;
        writeln!(
            svg,
            "<text class=\"line {}\" x=\"{MARGIN}\" y=\"{y}\" textLength=\"{}\" xml:space=\"preserve\" \
             style=\"animation-delay:{shown_at}ms\">{}</text>",
            class(text),
            text.chars().count() * CHARACTER,
            escaped(text)
        )?;
    }
    Ok(svg + "</svg>")
}

/// The style of a line. The titles of sections have no indent.
fn class(text: &str) -> &'static str {
    match text.trim_start().split(' ').next() {
        Some("ok") => "ok",
        Some("FAILED") => "failed",
        _ if !text.starts_with(' ') => "section",
        _ => "",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_appears_after_the_one_before_and_is_text() -> Result<()> {
        let svg = draw("$ demo\n0\tFirst\n500\t  ok      a <b> & c\n9000\t\n9500\tLast\n")?;
        assert!(svg.contains(">$ demo</text>"), "{svg}");
        assert!(svg.contains("animation-delay:560ms\">  ok      a &lt;b&gt; &amp; c</text>"), "{svg}");
        assert!(svg.contains("animation-delay:1560ms\">Last</text>"), "{svg}");
        assert_eq!(svg.matches("<text").count(), 4, "an empty line is no text: {svg}");
        Ok(())
    }

    #[test]
    fn a_recording_without_times_is_refused() {
        for bad in ["", "$ demo\nFirst\n", "$ demo\nsoon\tFirst\n"] {
            assert!(draw(bad).is_err(), "{bad}");
        }
    }
}
