//! Bars as SVG.

use std::fmt::Write;

/// One bar.
pub(super) struct Bar {
    /// Bars of a group stand together, under its name.
    pub(super) group: String,
    pub(super) name: &'static str,
    pub(super) ratio: f64,
}

const ROW: usize = 20;
const LABEL: usize = 220;
const WIDTH: usize = 720;

/// The bars from top to bottom, on one scale, which ends at the longest.
pub(super) fn picture(title: &str, bars: &[Bar]) -> String {
    let longest = bars.iter().map(|bar| bar.ratio).fold(1.0, f64::max);
    let scale = (WIDTH - LABEL - 60) as f64 / longest;
    let mut rows = String::new();
    let mut y = 2 * ROW;
    let mut group = "";
    for bar in bars {
        if bar.group != group {
            group = &bar.group;
            y += ROW;
            let _ = writeln!(rows, r#"<text x="4" y="{y}" font-weight="bold">{group}</text>"#);
            y += ROW;
        }
        let (top, length) = (y - ROW + 6, bar.ratio * scale);
        let color = if bar.name.contains("openssl") || bar.name.starts_with("cp") {
            "#999"
        } else if bar.name.contains("verify") {
            "#1f6feb"
        } else {
            "#c9a227"
        };
        let _ = writeln!(
            rows,
            r#"<text x="4" y="{y}">{}</text><rect x="{LABEL}" y="{top}" width="{length:.1}" height="{}" fill="{color}"/><text x="{:.1}" y="{y}">{:.2}</text>"#,
            bar.name,
            ROW - 6,
            LABEL as f64 + length + 6.0,
            bar.ratio,
        );
        y += ROW;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"4\" y=\"{ROW}\" font-size=\"15\">{title}</text>\n{rows}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_bar_ends_within_the_picture_and_groups_are_named_once() {
        let bar = |name, ratio| Bar { group: "1 MiB".into(), name, ratio };
        let svg = picture("time", &[bar("openssl", 1.0), bar("cloacina verify", 4.0)]);
        assert_eq!(svg.matches("1 MiB").count(), 1);
        assert!(svg.contains(r#"width="440.0""#) && svg.contains(r#"width="110.0""#), "{svg}");
        assert!(svg.ends_with("</svg>\n"));
    }
}
