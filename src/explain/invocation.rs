//! How this keyless was called, as far as the next command must repeat it: a practice command is never copied into a live one.

/// The commands that hints name.
const COMMANDS: [&str; 14] = [
    "setup", "plan", "apply", "verify", "status", "teardown", "export", "sandbox", "login", "logout",
    "whoami", "doctor", "explain", "rotate",
];

/// Flags and names of the call at hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invocation {
    /// `--sandbox`, `--config …`: for every command.
    flags: Vec<String>,
    /// `--only aws`, names of environments: for the same command once more.
    again: Vec<String>,
}

impl Invocation {
    /// A call. `sandbox` is the world of the practice cloud, `config` the answers file that was named, `again` what
    /// only the same command repeats.
    pub fn new(sandbox: Option<&str>, config: Option<&str>, again: Vec<String>) -> Self {
        let world = sandbox.map(|world| match world {
            "fresh" => "--sandbox".to_owned(),
            other => format!("--sandbox={}", quoted(other)),
        });
        let config = config.map(|file| format!("--config {}", quoted(file)));
        Self { flags: world.into_iter().chain(config).collect(), again }
    }

    /// What stands behind `keyless` in every command: empty, or flags with a blank before each.
    pub fn flags(&self) -> String {
        self.flags.iter().map(|flag| format!(" {flag}")).collect()
    }

    /// The same command once more, with what it was given: `keyless --sandbox teardown dev`.
    pub fn again(&self, command: &str) -> String {
        let rest: String = self.again.iter().map(|word| format!(" {word}")).collect();
        format!("keyless{} {command}{rest}", self.flags())
    }

    /// A text of keyless's own with every command in it as it must be typed after this call.
    pub fn dress(&self, text: &str) -> String {
        let mut parts = text.split("keyless ");
        let mut dressed = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let word = part.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            let is_command = COMMANDS.contains(&word);
            let flags = if is_command && word != "sandbox" { self.flags() } else { String::new() };
            dressed.push_str(&format!("keyless{flags} {part}"));
        }
        dressed
    }
}

/// A word as a shell takes it for one.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+@%,\\".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_practice_command_stays_one() {
        let practice = Invocation::new(Some("half-done"), Some("my answers.toml"), vec!["dev".to_owned()]);
        let flags = " --sandbox=half-done --config 'my answers.toml'";
        assert_eq!(
            practice.dress("run `keyless setup --close dev`: keyless finds it; see keyless status"),
            format!("run `keyless{flags} setup --close dev`: keyless finds it; see keyless{flags} status")
        );
        assert_eq!(practice.again("teardown"), format!("keyless{flags} teardown dev"));
        assert_eq!(practice.dress("`keyless sandbox worlds`"), "`keyless sandbox worlds`");
        let fresh = Invocation::new(Some("fresh"), None, Vec::new());
        assert_eq!(fresh.dress("keyless plan --out FILE"), "keyless --sandbox plan --out FILE");
    }

    #[test]
    fn a_live_command_is_left_as_it_is() {
        let live = Invocation::default();
        assert_eq!(live.dress("`keyless verify` again"), "`keyless verify` again");
        assert_eq!(live.again("verify"), "keyless verify");
    }
}
