//! Worlds as a base and a patch: lines that go (`-`), lines that come (`+`), hunks parted by `@@`.

/// Lines a patch may change at most: a world is its fault, and nothing else.
pub const MOST: usize = 10;

/// How many lines a patch changes.
pub fn changed(patch: &str) -> usize {
    patch.lines().filter(|line| line.starts_with(['-', '+'])).count()
}

/// The base with the patch.
pub fn patched(base: &str, patch: &str) -> Result<String, String> {
    let changed = changed(patch);
    if changed > MOST {
        return Err(format!("the patch changes {changed} lines, at most {MOST} are a fault"));
    }
    let mut lines: Vec<String> = base.lines().map(str::to_owned).collect();
    for hunk in patch.split("@@\n").filter(|hunk| !hunk.trim().is_empty()) {
        apply(&mut lines, hunk)?;
    }
    Ok(lines.join("\n") + "\n")
}

fn apply(lines: &mut Vec<String>, hunk: &str) -> Result<(), String> {
    let side = |sign: char| -> Vec<String> {
        let mine = hunk.lines().filter(|line| line.starts_with([' ', sign]));
        mine.map(|line| line[1..].to_owned()).collect()
    };
    let (old, new) = (side('-'), side('+'));
    if old.is_empty() {
        // Without a place it comes at the end.
        lines.extend(new);
        return Ok(());
    }
    let at = lines.windows(old.len()).position(|window| window == old);
    let at = at.ok_or_else(|| format!("the world has no lines\n{}", old.join("\n")))?;
    lines.splice(at..at + old.len(), new);
    Ok(())
}

#[test]
fn a_patch_replaces_what_it_names() {
    let base = "a\nb\nc\n";
    assert_eq!(patched(base, " a\n-b\n+B\n").unwrap(), "a\nB\nc\n");
    assert_eq!(patched(base, "-a\n+x\n@@\n+end\n").unwrap(), "x\nb\nc\nend\n");
    assert!(patched(base, "-z\n").is_err());
    assert!(patched(base, &"+x\n".repeat(11)).is_err());
}
