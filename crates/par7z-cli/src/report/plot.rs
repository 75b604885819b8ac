//! A picture of a benchmark: compression speed (logarithmic) against ratio, one line per number of threads, one point per
//! level. Drawn as SVG by hand: it is a few lines, circles and words.

use std::fmt::Write;

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) level: u32,
    pub(crate) threads: usize,
    pub(crate) compress_mb_s: f64,
    pub(crate) extract_mb_s: f64,
    pub(crate) ratio: f64,
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 540.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 64.0;
/// Told apart by colour-blind readers too (Okabe and Ito).
const COLOURS: [&str; 7] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];

/// The axes' ranges.
struct Frame {
    speed: (f64, f64),
    ratio: (f64, f64),
}

impl Frame {
    fn new(points: &[Point]) -> Self {
        let range = |value: fn(&Point) -> f64| {
            points
                .iter()
                .map(value)
                .filter(|value| value.is_finite())
                .fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)))
        };
        let (slow, fast) = range(|point| point.compress_mb_s.max(0.001));
        let (loose, tight) = range(|point| point.ratio);
        if !slow.is_finite() || !loose.is_finite() {
            return Self { speed: (1.0, 10.0), ratio: (1.0, 2.0) };
        }
        // Room around the points: a fifth of them on the logarithmic axis, a tenth on the other.
        let spread = (tight - loose).max(tight * 0.05).max(0.01);
        Self { speed: (slow / 1.25, fast * 1.25), ratio: ((loose - spread * 0.1).max(0.0), tight + spread * 0.15) }
    }

    fn x(&self, speed: f64) -> f64 {
        let (low, high) = (self.speed.0.ln(), self.speed.1.ln());
        LEFT + (speed.max(0.001).ln() - low) / (high - low) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, ratio: f64) -> f64 {
        HEIGHT - BOTTOM - (ratio - self.ratio.0) / (self.ratio.1 - self.ratio.0) * (HEIGHT - TOP - BOTTOM)
    }
}

/// The whole picture.
pub(crate) fn svg(title: &str, points: &[Point]) -> String {
    let frame = Frame::new(points);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#222\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    text(&mut out, LEFT, 30.0, "font-size=\"17\" font-weight=\"600\"", title);
    axes(&mut out, &frame);
    let mut counts: Vec<usize> = points.iter().map(|point| point.threads).collect();
    counts.sort_unstable();
    counts.dedup();
    for (number, threads) in counts.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let series: Vec<&Point> = points.iter().filter(|point| point.threads == *threads).collect();
        line(&mut out, &frame, &series, colour);
        legend(&mut out, number, *threads, colour);
    }
    out.push_str("</svg>\n");
    out
}

fn axes(out: &mut String, frame: &Frame) {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    for speed in speed_ticks(frame.speed) {
        let x = frame.x(speed);
        let _ = writeln!(out, "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#e6e6e6\"/>");
        text(out, x, bottom + 20.0, "text-anchor=\"middle\"", &plain_number(speed));
    }
    for ratio in ratio_ticks(frame.ratio) {
        let y = frame.y(ratio);
        let _ = writeln!(out, "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#e6e6e6\"/>");
        text(out, LEFT - 8.0, y + 4.5, "text-anchor=\"end\"", &plain_number(ratio));
    }
    let _ = writeln!(out, "<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"#888\"/>");
    let (middle_x, middle_y) = ((LEFT + right) / 2.0, (TOP + bottom) / 2.0);
    text(out, middle_x, HEIGHT - 18.0, "text-anchor=\"middle\"", "compression speed, MB/s (logarithmic)");
    let turned = format!("text-anchor=\"middle\" transform=\"rotate(-90 20 {middle_y})\"");
    text(out, 20.0, middle_y, &turned, "ratio, unpacked : packed");
}

/// 1, 2 and 5 times powers of ten; powers of ten alone if those are many.
fn speed_ticks((low, high): (f64, f64)) -> Vec<f64> {
    let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
    let steps: &[f64] = if high / low > 300.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let ticks = decades.flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)));
    ticks.filter(|tick| (low..=high).contains(tick)).collect()
}

/// Four to ten round numbers.
fn ratio_ticks((low, high): (f64, f64)) -> Vec<f64> {
    let rough = (high - low) / 6.0;
    let decade = 10_f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * decade).find(|step| *step >= rough).unwrap_or(decade);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|tick| tick as f64 * step).collect()
}

/// Without needless digits.
fn plain_number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn line(out: &mut String, frame: &Frame, series: &[&Point], colour: &str) {
    let at: Vec<(f64, f64)> = series.iter().map(|point| (frame.x(point.compress_mb_s), frame.y(point.ratio))).collect();
    let path: Vec<String> = at.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-opacity=\"0.55\"/>",
        path.join(" ")
    );
    for (point, (x, y)) in series.iter().zip(&at) {
        let hint = format!(
            "level {}, {} threads: {:.2} MB/s, unpacks {:.2} MB/s, ratio {:.3}",
            point.level, point.threads, point.compress_mb_s, point.extract_mb_s, point.ratio
        );
        let _ = writeln!(
            out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{colour}\" stroke=\"#fff\" stroke-width=\"1.5\">\
             <title>{hint}</title></circle>"
        );
        let bold = format!("font-weight=\"600\" text-anchor=\"middle\" fill=\"{colour}\"");
        text(out, *x, y - 10.0, &bold, &point.level.to_string());
    }
}

fn legend(out: &mut String, number: usize, threads: usize, colour: &str) {
    let (x, y) = (WIDTH - RIGHT + 20.0, TOP + 26.0 + number as f64 * 22.0);
    if number == 0 {
        text(out, x, TOP + 4.0, "fill=\"#666\"", "points: levels");
    }
    let _ = writeln!(
        out,
        "<line x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\" stroke-opacity=\"0.55\"/>\
         <circle cx=\"{}\" cy=\"{y}\" r=\"4.5\" fill=\"{colour}\"/>",
        x + 24.0,
        x + 12.0
    );
    let plural = if threads == 1 { "thread" } else { "threads" };
    text(out, x + 32.0, y + 4.5, "", &format!("{threads} {plural}"));
}

fn text(out: &mut String, x: f64, y: f64, attributes: &str, content: &str) {
    let escaped = content.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{escaped}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(level: u32, threads: usize, compress_mb_s: f64, ratio: f64) -> Point {
        Point { level, threads, compress_mb_s, extract_mb_s: 100.0, ratio }
    }

    #[test]
    fn every_point_is_inside_and_labelled() {
        let points = [point(1, 1, 40.0, 2.9), point(9, 1, 2.5, 3.6), point(1, 8, 300.0, 2.9), point(9, 8, 18.0, 3.6)];
        let frame = Frame::new(&points);
        for point in &points {
            let (x, y) = (frame.x(point.compress_mb_s), frame.y(point.ratio));
            assert!(x > LEFT && x < WIDTH - RIGHT && y > TOP && y < HEIGHT - BOTTOM, "{point:?} at {x},{y}");
        }
        let drawn = svg("a < b", &points);
        assert_eq!(drawn.matches("<title>").count(), 4);
        assert!(drawn.contains("a &lt; b") && drawn.contains("8 threads") && drawn.contains("1 thread<"));
    }

    #[test]
    fn odd_inputs_draw() {
        for points in [vec![], vec![point(5, 1, 0.0, 1.0)], vec![point(0, 1, f64::INFINITY, 1.0)]] {
            let drawn = svg("t", &points);
            assert!(drawn.ends_with("</svg>\n") && !drawn.contains("NaN"), "{drawn}");
        }
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(speed_ticks((2.0, 30.0)), [2.0, 5.0, 10.0, 20.0]);
        assert_eq!(speed_ticks((0.9, 1000.0)), [1.0, 10.0, 100.0, 1000.0]);
        let ticks = ratio_ticks((2.85, 3.7));
        assert!(ticks.len() >= 4 && ticks.len() <= 10, "{ticks:?}");
    }
}
