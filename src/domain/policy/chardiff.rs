//! Which characters of two strings differ, and in what way they are alike.

use std::ops::Range;

use percent_encoding::percent_decode_str;

/// The differing characters of two strings. Ranges count characters (Unicode scalar values), not bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CharDiff {
    /// Ranges of the found string that are not in the wanted one.
    pub found: Vec<Range<usize>>,
    /// Ranges of the wanted string that are not in the found one.
    pub wanted: Vec<Range<usize>>,
    /// How far the two are alike.
    pub likeness: Likeness,
}

/// The mildest change that makes two strings equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// No difference.
    Same,
    /// Only upper and lower case differ.
    Case,
    /// Only white space differs, at the ends or within (and perhaps case).
    Space,
    /// One is percent-encoded, the other is not (and perhaps case or white space differ too).
    PercentEncoding,
    /// They differ in content.
    Different,
}

/// Beyond this many cells the middle is reported as one differing range: a screen gains nothing from more.
const CELLS: usize = 1 << 20;

impl CharDiff {
    /// Compares two strings character by character.
    #[must_use]
    pub fn between(found: &str, wanted: &str) -> Self {
        let left: Vec<char> = found.chars().collect();
        let right: Vec<char> = wanted.chars().collect();
        let start = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
        let rest = left.len().min(right.len()) - start;
        let end = left.iter().rev().zip(right.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
        let (left_middle, right_middle) = (&left[start..left.len() - end], &right[start..right.len() - end]);
        let (left_kept, right_kept) = common(left_middle, right_middle);
        Self {
            found: gaps(&left_kept, start),
            wanted: gaps(&right_kept, start),
            likeness: Likeness::between(found, wanted),
        }
    }

    /// How many characters differ in the string where more do.
    #[must_use]
    pub fn weight(&self) -> usize {
        let count = |ranges: &[Range<usize>]| ranges.iter().map(Range::len).sum::<usize>();
        count(&self.found).max(count(&self.wanted))
    }
}

impl Likeness {
    /// Finds the mildest change that makes the two equal.
    #[must_use]
    pub fn between(found: &str, wanted: &str) -> Self {
        let fold = |text: &str| text.to_lowercase();
        let squeeze = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let decode =
            |text: &str| percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), Into::into);
        if found == wanted {
            Self::Same
        } else if fold(found) == fold(wanted) {
            Self::Case
        } else if squeeze(&fold(found)) == squeeze(&fold(wanted)) {
            Self::Space
        } else if squeeze(&fold(&decode(found))) == squeeze(&fold(&decode(wanted))) {
            Self::PercentEncoding
        } else {
            Self::Different
        }
    }
}

/// Marks the characters of a longest common subsequence in both.
fn common(left: &[char], right: &[char]) -> (Vec<bool>, Vec<bool>) {
    let mut kept = (vec![false; left.len()], vec![false; right.len()]);
    let width = right.len() + 1;
    if left.is_empty() || right.is_empty() || (left.len() + 1).saturating_mul(width) > CELLS {
        return kept;
    }
    // lengths[i * width + j]: the longest common subsequence of left[i..] and right[j..].
    let mut lengths = vec![0_usize; (left.len() + 1) * width];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            lengths[i * width + j] = if left[i] == right[j] {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < left.len() && j < right.len() {
        if left[i] == right[j] {
            kept.0[i] = true;
            kept.1[j] = true;
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    kept
}

/// The runs of characters that are not kept, moved by `offset`.
fn gaps(kept: &[bool], offset: usize) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for at in kept.iter().enumerate().filter(|(_, kept)| !**kept).map(|(at, _)| at + offset) {
        match found.last_mut() {
            Some(last) if last.end == at => last.end = at + 1,
            _ => found.push(at..at + 1),
        }
    }
    found
}
