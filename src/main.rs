//! The program: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use keyless::app;
use keyless::cli::Cli;
use keyless::host::process::Process;

fn main() -> ExitCode {
    let cli = Cli::parse();
    ExitCode::from(app::main(cli, Process::real()))
}
