//! A filter as people type it: letters in order, words in any order, the best first.

/// The items whose text has all words of the pattern, each with its letters in order. Without a pattern all, as they are.
pub fn filter<'a, T>(pattern: &str, items: &'a [T], text: impl Fn(&T) -> &str) -> Vec<&'a T> {
    let words: Vec<Vec<char>> =
        pattern.split_whitespace().map(|word| word.to_lowercase().chars().collect()).collect();
    let mut found: Vec<(usize, &T)> = items
        .iter()
        .filter_map(|item| {
            let text: Vec<char> = text(item).to_lowercase().chars().collect();
            let costs = words.iter().map(|word| cost(word, &text));
            costs.sum::<Option<usize>>().map(|cost| (cost, item))
        })
        .collect();
    // Stable: what fits equally well stays in its order.
    found.sort_by_key(|(cost, _)| *cost);
    found.into_iter().map(|(_, item)| item).collect()
}

/// Whether the letters of a word stand in a text in this order.
pub fn has(word: &str, text: &str) -> bool {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    cost(&word, &text).is_some()
}

/// How badly a word fits: letters skipped between its own, and whether it begins a word. None: not at all.
fn cost(word: &[char], text: &[char]) -> Option<usize> {
    let starts = text.iter().enumerate().filter(|(_, c)| Some(*c) == word.first()).map(|(at, _)| at);
    starts.filter_map(|start| from(word, text, start)).min()
}

fn from(word: &[char], text: &[char], start: usize) -> Option<usize> {
    let mut at = start;
    for c in word {
        at += text.get(at..)?.iter().position(|other| other == c)? + 1;
    }
    let begins = start == 0 || text.get(start - 1).is_some_and(|c| !c.is_alphanumeric());
    Some(2 * (at - start - word.len()) + usize::from(!begins))
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn letters_in_order_are_found_and_the_nearest_come_first() {
        let items = ["prod-eu", "dev", "payroll-development", "staging"];
        let of =
            |pattern: &str| filter(pattern, &items, |item| item).into_iter().copied().collect::<Vec<_>>();
        assert_eq!(of(""), items);
        assert_eq!(of("dev"), ["dev", "payroll-development"]);
        assert_eq!(of("pd"), ["prod-eu", "payroll-development"]);
        assert_eq!(of("eu prod"), ["prod-eu"]);
        assert_eq!(of("STG"), ["staging"]);
        assert!(of("xyz").is_empty());
    }
}
