//! How this keyless was called, as far as the next command must repeat it: a practice command is never copied into a live one.

use crate::domain::federation::defaults;

/// The commands that hints name.
const COMMANDS: [&str; 18] = [
    "setup",
    "plan",
    "apply",
    "verify",
    "status",
    "teardown",
    "export",
    "sandbox",
    "login",
    "logout",
    "whoami",
    "doctor",
    "explain",
    "rotate",
    "pipeline",
    "permissions",
    "audit",
    "history",
];

/// Flags and names of the call at hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invocation {
    /// `--sandbox`, `--config …`: for every command.
    flags: Vec<String>,
    /// Names of environments: for every command that takes some.
    environments: Vec<String>,
    /// `aws` or `azure-devops`: for every command that can do one half.
    only: Option<String>,
    /// `--fix`, `--close dev`: for the same command once more.
    again: Vec<String>,
}

impl Invocation {
    /// A call. `sandbox` is the world of the practice cloud, `config` the answers file that was named, `again` what
    /// only the same command repeats.
    pub fn new(sandbox: Option<&str>, config: Option<&str>, again: Vec<String>) -> Self {
        let world = sandbox.map(|world| match world {
            defaults::WORLD => "--sandbox".to_owned(),
            other => format!("--sandbox={}", quoted(other)),
        });
        let config = config.map(|file| format!("--config {}", quoted(file)));
        let flags = world.into_iter().chain(config).collect();
        Self { flags, environments: Vec::new(), only: None, again }
    }

    /// The same call, meant for these environments (none: all) and for one half (none: both).
    #[must_use]
    pub fn meant_for(self, environments: Vec<String>, only: Option<String>) -> Self {
        Self { environments, only, ..self }
    }

    /// What stands behind `keyless` in every command: empty, or flags with a blank before each.
    pub fn flags(&self) -> String {
        self.flags.iter().map(|flag| format!(" {flag}")).collect()
    }

    /// The same command once more, with what it was given: `keyless --sandbox teardown dev`.
    pub fn again(&self, command: &str) -> String {
        let rest: String = self.again.iter().map(|word| format!(" {word}")).collect();
        format!("keyless{} {command}{}{}{rest}", self.flags(), self.names(), self.half())
    }

    fn names(&self) -> String {
        self.environments.iter().map(|name| format!(" {name}")).collect()
    }

    fn half(&self) -> String {
        self.only.iter().map(|half| format!(" --only {half}")).collect()
    }

    /// A text of keyless's own with every command in it as it must be typed after this call: one in backticks is also
    /// meant for the same environments and the same half, unless it names its own.
    pub fn dress(&self, text: &str) -> String {
        let mut parts = text.split("keyless ");
        let mut dressed = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let word = part.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            let is_command = COMMANDS.contains(&word);
            let flags = if is_command && word != "sandbox" { self.flags() } else { String::new() };
            let quoted = part.split_once('`').filter(|_| is_command && dressed.ends_with('`'));
            let meant = quoted.map(|(command, _)| self.meant(word, &command[word.len()..]));
            let (command, rest) = part.split_at(if is_command { word.len() } else { 0 });
            dressed.push_str(&format!("keyless{flags} {command}{}{rest}", meant.unwrap_or_default()));
        }
        dressed
    }

    /// What a command of a hint takes over of this call, where the hint says nothing else.
    fn meant(&self, command: &str, arguments: &str) -> String {
        let has = |flag: &str| arguments.split_whitespace().any(|word| word == flag);
        let names_some = arguments.split_whitespace().next().is_some_and(|word| !word.starts_with('-'));
        // A log, a run and a denial proof are whole as they are; a proof without Azure DevOps there is none.
        let (names, half) = match command {
            "doctor" if has("--log") || has("--run") => (false, false),
            "doctor" => (true, !has("--matrix")),
            "status" => (true, true),
            "verify" => (true, !has("--denial") && self.only.as_deref() != Some("aws")),
            "setup" | "plan" => (false, true),
            _ => (false, false),
        };
        let names = if names && !names_some { self.names() } else { String::new() };
        let half = if half && !has("--only") { self.half() } else { String::new() };
        names + &half
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
        let practice = Invocation::new(Some("half-done"), Some("my answers.toml"), Vec::new())
            .meant_for(vec!["dev".to_owned()], None);
        let flags = " --sandbox=half-done --config 'my answers.toml'";
        assert_eq!(
            practice.dress("run `keyless setup --close dev`: keyless finds it; see keyless status"),
            format!("run `keyless{flags} setup --close dev`: keyless finds it; see keyless{flags} status")
        );
        assert_eq!(practice.again("teardown"), format!("keyless{flags} teardown dev"));
        assert_eq!(practice.dress("`keyless sandbox worlds`"), "`keyless sandbox worlds`");
        let usual = Invocation::new(Some(defaults::WORLD), None, Vec::new());
        assert_eq!(usual.dress("keyless plan --out FILE"), "keyless --sandbox plan --out FILE");
    }

    #[test]
    fn a_live_command_is_left_as_it_is() {
        let live = Invocation::default();
        assert_eq!(live.dress("`keyless verify` again"), "`keyless verify` again");
        assert_eq!(live.again("verify"), "keyless verify");
    }

    #[test]
    fn a_hint_is_meant_for_what_the_call_was() {
        let call = Invocation::new(Some("half-done"), None, vec!["--fix".to_owned()])
            .meant_for(vec!["dev".to_owned(), "prod".to_owned()], Some("azure-devops".to_owned()));
        let begin = "keyless --sandbox=half-done";
        let meant = "dev prod --only azure-devops";
        for (hint, told) in [
            ("run `keyless doctor --fix`: so", format!("run `{begin} doctor {meant} --fix`: so")),
            ("`keyless verify`", format!("`{begin} verify {meant}`")),
            ("`keyless verify --denial`", format!("`{begin} verify dev prod --denial`")),
            ("`keyless verify prod`", format!("`{begin} verify --only azure-devops prod`")),
            ("`keyless doctor --matrix`", format!("`{begin} doctor dev prod --matrix`")),
            ("`keyless doctor --run URL`", format!("`{begin} doctor --run URL`")),
            ("`keyless setup --close dev`", format!("`{begin} setup --only azure-devops --close dev`")),
            ("`keyless setup --only aws`", format!("`{begin} setup --only aws`")),
            ("`keyless teardown` or keyless itself", format!("`{begin} teardown` or keyless itself")),
            ("keyless status, when that is done", format!("{begin} status, when that is done")),
        ] {
            assert_eq!(call.dress(hint), told);
        }
        assert_eq!(call.again("doctor"), format!("{begin} doctor {meant} --fix"));
        let aws = Invocation::default().meant_for(Vec::new(), Some("aws".to_owned()));
        assert_eq!(
            aws.dress("`keyless verify`, `keyless status`"),
            "`keyless verify`, `keyless status --only aws`"
        );
    }
}
