//! The program as a process on a practice cloud of this process: addresses replaced, AWS profiles in its own home.

use std::process::Command;

use secrecy::ExposeSecret;

use super::binary::{Machine, Said};
use super::lab::Lab;

/// A machine whose Azure DevOps and AWS are a practice cloud of this process.
pub struct Live {
    /// The machine.
    pub machine: Machine,
    variables: Vec<(&'static str, String)>,
}

impl Live {
    /// For one practice cloud; its world's answers lie in the working directory.
    pub fn on(lab: &Lab) -> Self {
        let machine = Machine::new();
        let aws = machine.root().join("home/.aws");
        std::fs::create_dir(&aws).unwrap();
        let credentials = lab.practice.credentials();
        let profiles: String = credentials
            .accounts
            .iter()
            .map(|account| {
                format!(
                    "[{}]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
                    account.profile,
                    account.access_key_id,
                    account.secret_access_key.expose_secret()
                )
            })
            .collect();
        std::fs::write(aws.join("credentials"), profiles).unwrap();
        std::fs::write(machine.work().join("keyless.toml"), &lab.practice.ground().world.answers).unwrap();
        let addresses = lab.practice.addresses();
        let variables = vec![
            ("KEYLESS_AZURE_DEVOPS_URL", addresses.azure_devops.clone()),
            ("KEYLESS_ISSUER_URL", addresses.issuer.clone()),
            ("KEYLESS_ENTRA_URL", addresses.entra.clone()),
            ("AWS_ENDPOINT_URL", addresses.aws.clone()),
            ("AZURE_DEVOPS_EXT_PAT", credentials.azure_devops.expose_secret().to_owned()),
        ];
        Self { machine, variables }
    }

    /// Another value for a variable of its environment.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
        self
    }

    /// The program, ready to be started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.machine.command(arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program without holding up the practice cloud.
    pub async fn run(&self, arguments: &[&str]) -> Said {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap().into()
    }
}
