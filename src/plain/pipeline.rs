//! What differs between the pipeline's file that is there and the one that is wanted, and what was assumed for it.

use similar::{Algorithm, DiffTag, capture_diff_slices, group_diff_ops};

use super::look::{Look, Paint};

/// Lines around a difference.
const AROUND: usize = 3;

/// What differs, as a person knows it from git: `name` in front, then the places with three lines around each.
pub fn difference(name: &str, there: &str, wanted: &str, look: &Look) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (there.lines().collect(), wanted.lines().collect());
    let mut lines =
        vec![look.paint(Paint::Strong, &format!("{name}: what is there (-) and what is wanted (+)"))];
    let groups = group_diff_ops(capture_diff_slices(Algorithm::Myers, &old, &new), AROUND);
    if groups.is_empty() {
        lines.push("only line ends differ".to_owned());
    }
    for group in groups {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let (olds, news) =
            (first.old_range().start..last.old_range().end, first.new_range().start..last.new_range().end);
        lines.push(format!("@@ -{},{} +{},{} @@", olds.start + 1, olds.len(), news.start + 1, news.len()));
        for op in &group {
            let gone = old[op.old_range()].iter();
            if op.tag() == DiffTag::Equal {
                lines.extend(gone.map(|line| format!("  {}", look.clean(line))));
                continue;
            }
            lines.extend(gone.map(|line| look.paint(Paint::Bad, &format!("- {}", look.clean(line)))));
            let come = new[op.new_range()].iter();
            lines.extend(come.map(|line| look.paint(Paint::Good, &format!("+ {}", look.clean(line)))));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_both_sides_and_what_stands_around_them() {
        let look = Look::new(false, true, 80, false);
        let there: String = (1..12).map(|n| format!("line {n}\n")).collect();
        let shown = difference("a.yml", &there, &there.replace("line 6\n", "other\nmore\n"), &look);
        assert_eq!(
            shown.lines().skip(1).collect::<Vec<_>>(),
            [
                "@@ -3,7 +3,8 @@",
                "  line 3",
                "  line 4",
                "  line 5",
                "- line 6",
                "+ other",
                "+ more",
                "  line 7",
                "  line 8",
                "  line 9"
            ]
        );
        assert!(difference("a.yml", "x\r\n", "x\n", &look).ends_with("only line ends differ"));
    }
}
