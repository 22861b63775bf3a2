//! Reads Rust text just far enough to know which paths it names: no comments, no literals, no test-only items.

/// One token: a word, or a mark such as `::`.
pub type Token = String;

/// The tokens of a source text. Comments and the contents of literals are left out; a literal becomes `""`.
pub fn tokens(source: &str) -> Vec<Token> {
    let text: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if starts(rest, "//") {
            at += rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
        } else if starts(rest, "/*") {
            at += block_comment(rest);
        } else if let Some(length) = raw_string(rest) {
            tokens.push("\"\"".to_owned());
            at += length;
        } else if rest[0] == '"' || starts(rest, "b\"") || starts(rest, "c\"") {
            at += quoted(rest, usize::from(rest[0] != '"'));
            tokens.push("\"\"".to_owned());
        } else if let Some(length) = char_literal(rest) {
            tokens.push("\"\"".to_owned());
            at += length;
        } else if rest[0].is_alphanumeric() || rest[0] == '_' {
            let length = rest.iter().position(|c| !(c.is_alphanumeric() || *c == '_')).unwrap_or(rest.len());
            let word: String = rest[..length].iter().collect();
            at += length;
            // `r#fs` is `fs`.
            if word == "r" && text.get(at) == Some(&'#') {
                at += 1;
            } else {
                tokens.push(word);
            }
        } else if starts(rest, "::") {
            tokens.push("::".to_owned());
            at += 2;
        } else {
            if !rest[0].is_whitespace() {
                tokens.push(rest[0].to_string());
            }
            at += 1;
        }
    }
    tokens
}

fn starts(text: &[char], prefix: &str) -> bool {
    prefix.chars().enumerate().all(|(index, c)| text.get(index) == Some(&c))
}

fn block_comment(text: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < text.len() {
        if starts(&text[at..], "/*") {
            depth += 1;
            at += 2;
        } else if starts(&text[at..], "*/") {
            depth -= 1;
            at += 2;
        } else {
            at += 1;
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a quoted literal whose quote stands at `from`.
fn quoted(text: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < text.len() && text[at] != '"' {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

fn raw_string(text: &[char]) -> Option<usize> {
    let prefix = ["r", "br", "cr"]
        .into_iter()
        .find(|prefix| starts(text, prefix) && matches!(text.get(prefix.len()), Some('"' | '#')))?;
    let hashes = text[prefix.len()..].iter().take_while(|c| **c == '#').count();
    let open = prefix.len() + hashes;
    if text.get(open) != Some(&'"') {
        return None;
    }
    let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = (open + 1..text.len()).find(|at| starts(&text[*at..], &end)).unwrap_or(text.len());
    Some((body + end.len()).min(text.len()))
}

/// A character literal, as opposed to a lifetime.
fn char_literal(text: &[char]) -> Option<usize> {
    let open = usize::from(text[0] == 'b');
    if text.get(open) != Some(&'\'') {
        return None;
    }
    if text.get(open + 1) == Some(&'\\') {
        return text[open + 3..].iter().position(|c| *c == '\'').map(|length| open + 3 + length + 1);
    }
    (text.get(open + 2) == Some(&'\'')).then_some(open + 3)
}

/// The tokens without the items that stand only in tests: what `#[cfg(test)]` is put before.
pub fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].iter().take(TEST.len()).eq(TEST.iter()) {
            at = end_of_item(tokens, at + TEST.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Where the item that begins at `at` ends: after its `;`, or after the `}` of its first block.
fn end_of_item(tokens: &[Token], mut at: usize) -> usize {
    while tokens.get(at).is_some_and(|token| token == "#") {
        at = closing(tokens, at + 1) + 1;
    }
    while at < tokens.len() {
        match tokens[at].as_str() {
            ";" => return at + 1,
            // `use a::{b};` goes on after its braces.
            "{" => {
                at = closing(tokens, at);
                if tokens.get(at + 1).is_none_or(|token| token != ";") {
                    return at + 1;
                }
            }
            "(" | "[" => at = closing(tokens, at),
            _ => {}
        }
        at += 1;
    }
    at
}

/// Where the bracket that opens at `at` closes.
pub fn closing(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index;
        }
    }
    tokens.len()
}

/// A path as it is named: its segments, whether `!` follows, and whether it stands inside an inline `mod`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// `crate`, `domain`, `names`; a renaming adds `as`, a glob `*`.
    pub segments: Vec<String>,
    /// `env!` is a macro, `env` is not.
    pub bang: bool,
    /// Inside `mod x { … }` of the same file.
    pub inline: bool,
}

/// Every path that is named, those of `use` groups one by one.
pub fn paths(tokens: &[Token]) -> Vec<Named> {
    let mut found = Vec::new();
    // Ends of the inline modules that surround the current token.
    let mut modules: Vec<usize> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        modules.retain(|end| at < *end);
        if tokens[at] == "mod" && tokens.get(at + 2).is_some_and(|token| token == "{") {
            modules.push(closing(tokens, at + 2));
        }
        if is_word(&tokens[at]) {
            let mut all = Vec::new();
            at = path(tokens, at, &[], &mut all);
            let inline = !modules.is_empty();
            found.extend(all.into_iter().map(|(segments, bang)| Named { segments, bang, inline }));
        } else {
            at += 1;
        }
    }
    found
}

/// A name, as opposed to a keyword that may stand right before a path (`use ::std::fs`).
fn is_word(token: &str) -> bool {
    const BEFORE_PATHS: [&str; 8] = ["as", "dyn", "for", "impl", "in", "mut", "return", "use"];
    token.starts_with(|c: char| c.is_alphabetic() || c == '_') && !BEFORE_PATHS.contains(&token)
}

/// Reads the path at `at` behind what stands before it. Returns where it ends.
fn path(tokens: &[Token], mut at: usize, before: &[String], all: &mut Vec<(Vec<String>, bool)>) -> usize {
    let mut segments = before.to_vec();
    let is = |at: usize, mark: &str| tokens.get(at).is_some_and(|token| token == mark);
    loop {
        if is(at, "{") {
            let end = closing(tokens, at);
            at += 1;
            while at < end {
                at = if is(at, ",") { at + 1 } else { path(tokens, at, &segments, all).max(at + 1) };
            }
            return end + 1;
        }
        if is(at, "*") {
            segments.push("*".to_owned());
            at += 1;
            break;
        }
        match tokens.get(at) {
            Some(word) if is_word(word) => segments.push(word.clone()),
            _ => break,
        }
        at += 1;
        if !is(at, "::") {
            break;
        }
        at += 1;
    }
    if is(at, "as") {
        segments.push("as".to_owned());
        at += 1;
    }
    all.push((segments, is(at, "!")));
    at
}
