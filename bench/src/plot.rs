//! The plot of the report: the time of a rotation with each memory size, as an SVG for light and dark pages. The scale of
//! the times is logarithmic.

use std::fmt::Write as _;

use crate::figures::{Figures, OURS, PEER, Rotations};
use crate::share::percent;
use crate::spread::{Spread, milliseconds, thousands};

/// The sizes are in pixels.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 56.0;
/// The smallest distance of two labels at the ends of the lines.
const LABELS: f64 = 16.0;
/// The times, in milliseconds, that have a line if they are in the range of the plot.
const TICKS: [u64; 10] = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];
const STYLE: &str = "\
.frame{fill:#fff;stroke:#d0d7de}text{font:13px system-ui,-apple-system,\"Segoe UI\",\"DejaVu Sans\",sans-serif;fill:#1f2328}\
.title{font-weight:bold}.small{font-size:12px;fill:#57606a}.grid{stroke:#d8dee4;stroke-width:1}\
.line{fill:none;stroke-width:2.5;stroke-linejoin:round}.first{stroke-dasharray:6 4}.range{stroke-width:1.5;opacity:.55}\
.ours{stroke:#0d32b2}.peer{stroke:#bf8700}.ours.dot,.ours.label{fill:#0d32b2}.peer.dot,.peer.label{fill:#9a6700}\
.label{stroke:none}.dot{stroke:none}\
@media(prefers-color-scheme:dark){.frame{fill:#0d1117;stroke:#3d4757}text{fill:#e6edf3}.small{fill:#8b949e}.grid{stroke:#2b323b}\
.ours{stroke:#8fb0ff}.peer{stroke:#d29922}.ours.dot,.ours.label{fill:#8fb0ff}.peer.dot,.peer.label{fill:#d29922}}";

/// A kind of rotation: a line of the plot.
#[derive(Debug, Clone, Copy)]
struct Line {
    program: &'static str,
    class: &'static str,
    what: &'static str,
    times: fn(&Rotations) -> &Spread,
}

const LINES: [Line; 4] = [
    Line { program: PEER, class: "peer first", what: "first", times: |series| &series.first },
    Line { program: PEER, class: "peer", what: "warm", times: |series| &series.warm },
    Line { program: OURS, class: "ours first", what: "first", times: |series| &series.first },
    Line { program: OURS, class: "ours", what: "warm", times: |series| &series.warm },
];

/// The positions of sizes and times.
#[derive(Debug)]
struct Scale {
    sizes: Vec<u32>,
    /// The logarithms of the shortest and the longest time.
    from: f64,
    to: f64,
}

impl Scale {
    fn of(figures: &Figures) -> Self {
        let mut sizes: Vec<u32> = figures.rotations.iter().map(|series| series.memory_mb).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let spreads = || figures.rotations.iter().flat_map(|series| [&series.warm, &series.first]);
        let fastest = spreads().map(|spread| spread.fastest_us).min().unwrap_or(1).max(1);
        let slowest = spreads().map(|spread| spread.p90_us).max().unwrap_or(1).max(fastest + 1);
        // A margin of a tenth, so that no line touches the frame.
        Self { sizes, from: (fastest as f64 * 0.9).ln(), to: (slowest as f64 * 1.1).ln() }
    }

    fn x(&self, memory_mb: u32) -> f64 {
        let place = self.sizes.iter().position(|size| *size == memory_mb).unwrap_or_default();
        let steps = self.sizes.len().saturating_sub(1).max(1);
        LEFT + 30.0 + (WIDTH - LEFT - RIGHT - 60.0) * place as f64 / steps as f64
    }

    fn y(&self, us: u64) -> f64 {
        let part = ((us.max(1) as f64).ln() - self.from) / (self.to - self.from);
        HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * part
    }
}

/// Draws the rotations.
#[must_use]
pub fn draw(figures: &Figures) -> String {
    let scale = Scale::of(figures);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\">\n\
         <title>Time of a rotation by memory size</title><style>{STYLE}</style>\n\
         <rect class=\"frame\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\"/>\n\
         <text class=\"title\" x=\"20\" y=\"26\">Time of a rotation by memory size</text>\n\
         <text class=\"small\" x=\"20\" y=\"44\">Medians. The bars go from the fastest time to the 90th percentile.</text>\n",
        WIDTH - 1.0,
        HEIGHT - 1.0
    );
    svg += &axes(&scale);
    let mut ends = Vec::new();
    for line in LINES {
        let series: Vec<_> =
            figures.rotations.iter().filter(|series| series.program == line.program).collect();
        svg += &one_line(&scale, line, &series);
        if let Some(last) = series.last() {
            ends.push((scale.y((line.times)(last).median_us), line));
        }
    }
    svg += &labels(ends);
    svg + "</svg>\n"
}

fn axes(scale: &Scale) -> String {
    let mut svg = String::new();
    let right = WIDTH - RIGHT;
    for ms in TICKS {
        let y = scale.y(ms * 1_000);
        if (TOP..=HEIGHT - BOTTOM).contains(&y) {
            // Writing to a text cannot fail.
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/><text class=\"small\" x=\"{}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{} ms</text>",
                LEFT - 8.0,
                y + 4.0,
                thousands(ms)
            );
        }
    }
    for size in &scale.sizes {
        let (x, y) = (scale.x(*size), HEIGHT - BOTTOM);
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{} MB</text><text class=\"small\" x=\"{x:.1}\" y=\"{:.1}\" \
             text-anchor=\"middle\">{:.0} % of a core</text>",
            y + 22.0,
            thousands(u64::from(*size)),
            y + 40.0,
            percent(*size)
        );
    }
    svg
}

/// The medians, each with a bar from the fastest to the 90th percentile.
fn one_line(scale: &Scale, line: Line, series: &[&Rotations]) -> String {
    let (mut path, mut marks) = (String::new(), String::new());
    for (index, one) in series.iter().enumerate() {
        let (spread, x) = ((line.times)(one), scale.x(one.memory_mb));
        let y = scale.y(spread.median_us);
        let _ = write!(path, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
        let (low, high) = (scale.y(spread.fastest_us), scale.y(spread.p90_us));
        let colour = line.class.split(' ').next().unwrap_or_default();
        let _ = writeln!(
            marks,
            "<path class=\"range {colour}\" d=\"M{x:.1} {low:.1}V{high:.1}\"/><circle class=\"dot {colour}\" cx=\"{x:.1}\" \
             cy=\"{y:.1}\" r=\"4\"><title>{}, {}, {} MB: {}</title></circle>",
            line.program,
            line.what,
            one.memory_mb,
            milliseconds(spread.median_us)
        );
    }
    format!("<path class=\"line {}\" d=\"{path}\"/>\n{marks}", line.class)
}

/// The names at the right ends of the lines, apart from each other.
fn labels(mut ends: Vec<(f64, Line)>) -> String {
    ends.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut svg = String::new();
    let mut above = f64::NEG_INFINITY;
    for (y, line) in ends {
        let y = y.max(above + LABELS);
        above = y;
        let colour = line.class.split(' ').next().unwrap_or_default();
        let _ = writeln!(
            svg,
            "<text class=\"label {colour}\" x=\"{}\" y=\"{:.1}\">{}, {}</text>",
            WIDTH - RIGHT - 14.0,
            y + 4.0,
            line.program,
            line.what
        );
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::example;

    #[test]
    fn every_median_has_a_dot_and_every_line_a_name() {
        let svg = draw(&example());
        assert_eq!(svg.matches("<circle").count(), 20);
        assert_eq!(svg.matches("<path class=\"line").count(), 4);
        assert!(svg.contains(">rotation-mq, warm</text>") && svg.contains(">7 % of a core</text>"), "{svg}");
        assert!(svg.contains("prefers-color-scheme:dark"));
    }

    #[test]
    fn a_longer_time_is_higher_and_all_is_inside_the_frame() {
        let figures = example();
        let scale = Scale::of(&figures);
        assert!(scale.y(1_000_000) < scale.y(100_000));
        for series in &figures.rotations {
            for us in [series.warm.fastest_us, series.first.p90_us] {
                assert!((TOP..=HEIGHT - BOTTOM).contains(&scale.y(us)), "{us}");
            }
        }
    }

    #[test]
    fn labels_do_not_cover_each_other() {
        let [first, second, ..] = LINES;
        let svg = labels(vec![(100.0, first), (101.0, second)]);
        assert!(svg.contains("y=\"104.0\"") && svg.contains("y=\"120.0\""), "{svg}");
    }

    #[test]
    fn one_size_is_enough_for_a_plot() {
        let mut figures = example();
        figures.rotations.retain(|series| series.memory_mb == 1_769);
        let svg = draw(&figures);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
